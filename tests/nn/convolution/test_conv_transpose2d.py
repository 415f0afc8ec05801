"""ConvTranspose2d against torch; it is the gradient of Conv2d's input."""

import pytest
from hypothesis import given, settings

import conv_cases
import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ScriptCase, array
from reftorch import nn

SIZE, WEIGHT = (1, 2, 2, 3), (2, 3, 1, 3)


BIASES = "float32", "float16"


def functional(*inputs, id, gradcheck=True, **kwargs):
    return FunctionCase("conv_transpose2d", inputs=[SIZE, WEIGHT, *inputs], kwargs=kwargs, id=id, gradcheck=gradcheck)


def sized(output_size, id, size=SIZE, **options):
    """A layer that is called with `output_size`; with the layer's own output_padding, which then plays no part."""

    def run(torch, x):
        torch.manual_seed(0)
        layer = torch.nn.ConvTranspose2d(2, 3, 3, stride=3, padding=1, **options).to(x.dtype)
        return layer.to(x.device)(x, output_size=output_size)

    return ScriptCase("ConvTranspose2d", run=run, inputs=[size], id=id)


SMALL = [4, 7]
CASES = [
    *conv_cases.layers(2, transposed=True),
    *conv_cases.scripts(2, transposed=True),
    functional((3,), id="output padding", stride=2, output_padding=1),
    functional((3,), id="output padding below the dilation", stride=2, dilation=3, output_padding=2),
    functional((3,), id="gaps hold the bias alone", stride=4, output_padding=(0, 3)),
    functional((3,), id="padding", padding=(0, 1), stride=2),
    *[functional(array([0.5, -1, 2], dtype=dtype), id=f"bias of {dtype}", gradcheck=False) for dtype in BIASES],
    functional(array([0.5, -1, 2], grad=False, dtype="float64"), id="bias of float64", gradcheck=False),
    functional(array([1, -1, 2]), id="bias of integers"),
    sized(SMALL, id="smallest size"),
    sized([1, 3, *SMALL[:-1], 9], id="largest size, with batch and channels"),
    sized(SMALL, id="size of unbatched input", size=SIZE[1:], output_padding=1),
]


def resized(output_size, size=SIZE):
    return lambda torch: torch.nn.ConvTranspose2d(2, 3, 3, stride=3, padding=1)(
        torch.ones(size), output_size=output_size
    )


def call(**options):
    return lambda torch: torch.nn.functional.conv_transpose2d(torch.ones(SIZE), torch.ones(WEIGHT), **options)


ERRORS = [
    *conv_cases.refused(2, transposed=True),
    ErrorCase(call(output_padding=1), ["output_padding", "stride"], id="output padding too large"),
    ErrorCase(call(output_padding=-1, stride=2), ["output_padding", "-1"], id="output padding negative"),
    ErrorCase(call(output_padding=1.0), ["output_padding", "1.0"], id="output padding a float"),
    ErrorCase(call(padding="same"), ["padding", "same"], id="padding a word"),
    ErrorCase(call(padding=5), ["5", "removes"], id="padding larger than the output"),
    ErrorCase(resized([15] * 2), ["15", "[4, 7]"], id="output size too large"),
    ErrorCase(resized([1] * 5), ["2", "4", "5"], id="output size too long"),
    ErrorCase(resized([1] * 3), ["3"], id="output size with one more, batched"),
    ErrorCase(
        lambda torch: torch.nn.ConvTranspose2d(2, 3, 3, padding_mode="reflect"), ["zeros", "reflect"], id="padding mode"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


@settings(max_examples=30, deadline=None)
@given(conv_cases.any_convolution(2, transposed=True))
def test_any_shape_and_option_matches_torch(case):
    oracle.check(case, conv_cases.RUN)


def test_it_is_the_gradient_of_a_convolution():
    x = reftorch.randn(2, 4, *(5, 8), requires_grad=True)
    weight = reftorch.randn(6, 2, *(2, 3))
    options = dict(stride=2, padding=1, groups=2)
    y = F.conv2d(x, weight, **options)
    grad_y = reftorch.randn_like(y)
    y.backward(grad_y)
    more = [size % 2 for size in (5, 8 - 1)]
    assert reftorch.equal(F.conv_transpose2d(grad_y, weight, output_padding=more, **options), x.grad)


@pytest.mark.parametrize("interpreted", [False, True])
def test_a_padding_that_leaves_nothing_gives_an_empty_result(interpreted):
    """PyTorch gives it too, where it uses oneDNN, and refuses otherwise."""
    x = reftorch.ones(1, 2, 1, 2, requires_grad=True)
    weight, bias = reftorch.ones(2, 3, *[2] * 2, requires_grad=True), reftorch.ones(3, requires_grad=True)
    with reftorch.debug(interpreted):
        y = F.conv_transpose2d(x, weight, bias, padding=1)
        y.sum().backward()
    assert 0 in y.shape and not any(leaf.grad.any() for leaf in (x, weight, bias))


def test_the_layer_prints_its_options():
    assert repr(nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False, 3)) == (
        "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(3, 3), output_padding=(1, 1), "
        "groups=2, bias=False)"
    )
