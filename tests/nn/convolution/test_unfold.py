"""Unfold against torch."""

from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, array


def layer(*args, size=(1, 2, 5, 4), id="", **kwargs):
    return ModuleCase("Unfold", args=args, kwargs=kwargs, inputs=[size], id=id)


CASES = [
    layer(2, id="one number for all"),
    layer((3, 2), id="oblong"),
    layer((2, 3), stride=(2, 1), padding=(1, 2), size=(2, 1, 4, 3), id="stride and padding"),
    layer((3, 2), dilation=(1, 2), padding=(2, 1), stride=(3, 2), id="all unequal"),
    layer([2, 3], [1, 1], [0, 1], [2, 1], id="lists"),
    layer(1, size=(1, 3, 2, 2), id="one by one"),
    layer((5, 4), id="the whole image"),
    layer(2, size=(2, 3, 4), id="unbatched"),
    layer(2, size=(0, 2, 3, 4), id="empty batch"),
    layer((3, 5), padding=2, stride=2, size=(3, 4, 17, 23), id="large"),
    FunctionCase("unfold", [(1, 1, 3, 4)], ((2, 1), 2, 1, (1, 2)), id="functional"),
    FunctionCase("unfold", [array([[[[True, False], [False, True]]]])], (2,), dict(padding=1), id="bool"),
]


def call(*args, size=(2, 3, 5, 6), dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.unfold(torch.ones(size, dtype=getattr(torch, dtype)), *args, **kwargs)


ERRORS = [
    ErrorCase(call(2, size=(5, 6)), ["[5, 6]", "unsqueeze"], id="two dimensions"),
    ErrorCase(call(2, size=(5,)), ["[5]", "(N, C, H, W)"], id="one dimension"),
    ErrorCase(call(2, size=()), ["[]", "(N, C, H, W)"], id="no dimensions"),
    ErrorCase(call(2, size=(1, 1, 1, 5, 6)), ["3D or 4D", "[1, 1, 1, 5, 6]"], id="five dimensions"),
    ErrorCase(call(2, size=(2, 0, 5, 6)), ["[2, 0, 5, 6]"], id="no channels"),
    ErrorCase(call(2, padding=2, size=(2, 3, 0, 6)), ["[2, 3, 0, 6]"], id="no rows"),
    ErrorCase(call(2, dtype="int64"), ["int64"], id="integers"),
    ErrorCase(call(2, dtype="float16"), ["float16"], raises=NotImplementedError, id="half"),
    ErrorCase(call((2, 3, 1)), ["kernel_size", "2", "3"], id="three sizes"),
    ErrorCase(call((2,)), ["kernel_size", "size 1"], id="one size in a tuple"),
    ErrorCase(call(2, stride=(2,)), ["stride", "size 1"], id="one stride in a tuple"),
    ErrorCase(call(2.0), ["kernel_size", "2.0"], id="size 2.0"),
    ErrorCase(call(0), ["kernel size", "greater than zero", "0"], id="size 0"),
    ErrorCase(call(2, stride=0), ["stride", "0"], id="stride 0"),
    ErrorCase(call(2, dilation=0), ["dilation", "0"], id="dilation 0"),
    ErrorCase(call(2, padding=-1), ["padding", "-1"], id="negative padding"),
    ErrorCase(call(7), ["(5, 6)", "(7, 7)", "(-1, 0)"], id="block larger than the image"),
    ErrorCase(lambda torch: torch.nn.functional.unfold(None, 2), ["input", "NoneType"], id="None"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@st.composite
def blocks(draw):
    """Sizes and options that torch accepts: size of the image, and the options as it takes them."""
    options = {
        name: tuple(draw(st.integers(low, 3)) for _ in "hw")
        for name, low in (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))
    }
    smallest = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p, _ in zip(*options.values())]
    return [draw(st.integers(low, low + 4)) for low in smallest], options


@settings(max_examples=40, deadline=None)
@given(blocks(), st.sampled_from([(2,), (0, 1), (3, 2)]))
def test_any_block_matches_torch_and_fold_leads_back(found, front):
    size, options = found
    oracle.check(FunctionCase("unfold", [(*front, *size)], kwargs=options), oracle.RUNS[0])
    columns = F.unfold(reftorch.ones(*front, *size), **options)
    kwargs = dict(output_size=tuple(size), **options)
    oracle.check(FunctionCase("fold", [tuple(columns.shape)], kwargs=kwargs), oracle.RUNS[0])


def test_a_convolution_is_a_product_with_the_blocks():
    x, weight = reftorch.randn(2, 3, 6, 5), reftorch.randn(4, 3, 2, 3)
    columns = F.unfold(x, (2, 3), padding=1, stride=2)
    product = (weight.reshape(4, 18) @ columns).reshape(2, 4, 4, 3)
    assert reftorch.allclose(product, F.conv2d(x, weight, padding=1, stride=2), atol=1e-5)
