"""Conv2d against torch: every option, forward and backward, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, normal
from reftorch import nn
from reftorch.nn.convolution.conv2d import conv2d_output_size


def conv(*args, size=(2, 2, 5, 4), id="", **kwargs):
    return ModuleCase("Conv2d", args=args, kwargs=kwargs, inputs=[size], id=id)


CASES = [
    conv(2, 3, 2, id="square"),
    conv(2, 3, (3, 2), id="oblong"),
    conv(2, 3, [2, 3], bias=False, id="no bias"),
    conv(2, 3, (2, 3), stride=(2, 1), id="stride"),
    conv(2, 3, (3, 2), stride=(1, 3), padding=(2, 1), id="stride and padding"),
    conv(2, 3, (2, 3), padding=(1, 2), dilation=(2, 1), id="padding and dilation"),
    conv(2, 3, 2, stride=(2, 3), padding=(3, 2), dilation=(1, 2), id="everything, unequal"),
    conv(4, 6, (3, 2), groups=2, size=(2, 4, 4, 3), id="groups"),
    conv(4, 2, 2, groups=2, padding=1, size=(1, 4, 3, 2), id="more inputs than outputs a group"),
    conv(3, 3, 3, groups=3, padding=1, size=(2, 3, 4, 3), id="depthwise"),
    conv(2, 6, (2, 3), groups=2, stride=2, size=(2, 2, 5, 5), id="depthwise with a multiplier"),
    conv(3, 4, 1, size=(2, 3, 4, 3), id="one by one"),
    conv(3, 4, 1, stride=2, size=(2, 3, 4, 3), id="one by one with stride"),
    conv(2, 3, (5, 4), id="the whole image"),
    conv(2, 3, 2, 4, size=(1, 2, 7, 6), id="stride skips pixels"),
    conv(2, 3, 3, padding="same", id="same"),
    conv(2, 3, (4, 3), padding="same", dilation=(1, 2), id="same with an even span"),
    conv(2, 3, (2, 4), padding="same", padding_mode="replicate", id="same, even, replicate"),
    conv(2, 3, 3, padding="valid", id="valid"),
    conv(2, 3, 3, padding=(2, 1), padding_mode="reflect", id="reflect"),
    conv(2, 3, 3, padding=(3, 1), padding_mode="replicate", id="replicate"),
    conv(2, 3, 2, padding=(3, 2), padding_mode="circular", stride=2, id="circular"),
    conv(1, 1, 2, padding=(3, 2), padding_mode="circular", size=(1, 1, 3, 2), id="circular, once round"),
    conv(2, 3, 3, padding=1, padding_mode="reflect", size=(2, 5, 4), id="reflect, unbatched"),
    conv(2, 3, 2, size=(2, 5, 4), id="unbatched"),
    conv(2, 3, 2, size=(0, 2, 5, 4), id="empty batch"),
    conv(2, 3, 2, padding=1, padding_mode="circular", size=(0, 2, 5, 4), id="empty batch, circular"),
    conv(1, 1, 1, size=(1, 1, 1, 1), id="one pixel"),
    conv(3, 8, (3, 5), padding=1, size=(3, 3, 17, 13), id="larger"),
    conv(4, 6, 3, stride=2, padding=1, groups=2, size=(5, 4, 14, 11), id="larger with stride and groups"),
    FunctionCase("conv2d", inputs=[(2, 2, 5, 4), (3, 2, 2, 3), (3,)], id="functional"),
    FunctionCase("conv2d", inputs=[(2, 0, 5, 4), (4, 0, 2, 3), (4,)], id="no channels"),
    FunctionCase("conv2d", inputs=[(2, 2, 5, 4), (3, 2, 2, 3)], args=(None, (2, 1), (1, 0), 1, 1), id="positional"),
    FunctionCase("conv2d", inputs=[normal(2, 5, 4, grad=False), (3, 2, 2, 2)], id="gradient of the weight only"),
    FunctionCase("conv2d", inputs=[(2, 2, 4, 4), normal(3, 2, 2, 2, grad=False)], id="gradient of the input only"),
    FunctionCase(
        "conv2d", inputs=[normal(1, 2, 4, 4, grad=False), normal(3, 2, 2, 2, grad=False), (3,)], id="bias only"
    ),
    ScriptCase(
        "conv2d",
        run=lambda torch, x, w: torch.nn.functional.conv2d(x * 2, w**2, padding=1)[:, :, ::2].tanh(),
        inputs=[(1, 2, 4, 3), (2, 2, 3, 2)],
        id="in the middle of a tape",
    ),
    ScriptCase(
        "conv2d",
        run=lambda torch, x, w: torch.conv2d((x * 5).long(), (w * 5).long(), padding=1),
        inputs=[normal(1, 2, 4, 3, grad=False), normal(2, 2, 3, 2, grad=False)],
        id="integers",
        exact=True,
        gradcheck=False,
    ),
    ScriptCase(
        "conv2d",
        run=lambda torch, x, w: [
            torch.conv2d(x, x.new_tensor([[[[float("nan"), 1.0]]]]) * w),
            torch.conv2d(torch.where(x > 0, x * float("inf"), x), w, padding=1),
        ],
        inputs=[normal(1, 1, 3, 3, grad=False), normal(1, 1, 1, 2, grad=False)],
        id="nan and infinity",
        gradcheck=False,
    ),
]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


# ------------------------------------------------------------------------------------------------ any shape and option
@st.composite
def convolutions(draw):
    """A shape and options that torch accepts."""
    size, kernel, stride, padding, dilation = [], [], [], [], []
    for _ in "hw":
        k, d, p = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
        smallest = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(draw(st.integers(smallest, smallest + 6)))
        kernel.append(k)
        stride.append(draw(st.integers(1, 4)))
        padding.append(p)
        dilation.append(d)
    groups = draw(st.integers(1, 3))
    c_in, c_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    batch = draw(st.sampled_from([(), (0,), (1,), (3,)]))
    inputs = [(*batch, c_in, *size), (c_out, c_in // groups, *kernel)]
    inputs += [(c_out,)] if draw(st.booleans()) else []
    kwargs = dict(stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups)
    return FunctionCase("conv2d", inputs=inputs, kwargs=kwargs, seed=draw(st.integers(0, 2**32 - 1)))


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.booleans())
def test_any_shape_and_option_matches_torch(case, strided):
    oracle.check(case, oracle.RUNS[0]._replace(strided=strided))


@settings(max_examples=200, deadline=None)
@given(convolutions())
def test_output_size_counts_the_positions(case):
    size_in, kernel = case.inputs[0][-2:], case.inputs[1][2:]
    stride, padding, dilation = (case.kwargs[k] for k in ("stride", "padding", "dilation"))
    found = conv2d_output_size(size_in, kernel, stride, [2 * p for p in padding], dilation)
    for extent, k, s, p, d, out in zip(size_in, kernel, stride, padding, dilation, found):
        starts = [at for at in range(-p, extent + p, s) if at + d * (k - 1) < extent + p]
        assert len(starts) == out


# ------------------------------------------------------------------------------------------------------------- identities
def test_groups_are_convolutions_side_by_side():
    x, weight, bias = reftorch.randn(2, 4, 6, 5), reftorch.randn(6, 2, 3, 2), reftorch.randn(6)
    whole = F.conv2d(x, weight, bias, stride=2, padding=1, groups=2)
    parts = [
        F.conv2d(x[:, 2 * g : 2 * g + 2], weight[3 * g : 3 * g + 3], bias[3 * g : 3 * g + 3], stride=2, padding=1)
        for g in range(2)
    ]
    assert reftorch.equal(whole, reftorch.cat(parts, dim=1))


def test_one_by_one_is_a_matrix_product():
    x, weight = reftorch.randn(2, 3, 4, 5, dtype=reftorch.float64), reftorch.randn(6, 3, 1, 1, dtype=reftorch.float64)
    product = (weight.view(6, 3) @ x.view(2, 3, 20)).view(2, 6, 4, 5)
    assert reftorch.allclose(F.conv2d(x, weight), product)


def test_backward_x_is_the_transpose_of_forward():
    """<conv(x), y> = <x, backward_x(y)> for every x and y: convolution is linear in x."""
    x = reftorch.randn(2, 4, 7, 6, dtype=reftorch.float64, requires_grad=True)
    weight = reftorch.randn(6, 2, 3, 2, dtype=reftorch.float64)
    y = F.conv2d(x, weight, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    other = reftorch.randn_like(y)
    y.backward(other)
    assert math.isclose((y * other).sum().item(), (x * x.grad).sum().item(), rel_tol=1e-12)


def test_a_long_sum_stays_exact():
    """A million gradients of 1 on one weight: float32 would stop counting at 2**24, and drift before."""
    x = reftorch.ones(1, 1, 4100, 4100)
    weight, bias = reftorch.zeros(1, 1, 1, 1, requires_grad=True), reftorch.zeros(1, requires_grad=True)
    y = F.conv2d(x, weight, bias)
    y.backward(reftorch.ones(y.shape))
    assert weight.grad.item() == bias.grad.item() == 4100 * 4100


# ------------------------------------------------------------------------------------------------------------- errors
def call(x, w, *bias, **options):
    return lambda torch: torch.nn.functional.conv2d(torch.ones(*x), torch.ones(*w), *map(torch.ones, bias), **options)


def layer(*args, size=None, **kwargs):
    if size is None:
        return lambda torch: torch.nn.Conv2d(*args, **kwargs)
    return lambda torch: torch.nn.Conv2d(*args, **kwargs)(torch.ones(*size))


X, W = (2, 3, 5, 6), (4, 3, 3, 2)
ERRORS = [
    ErrorCase(call((2, 2, 5, 6), W), ["groups=1", "3 channels", "2 channels"], id="channels"),
    ErrorCase(call((5, 6), W), ["3D", "4D", "[5, 6]", "unsqueeze"], id="two dimensions"),
    ErrorCase(call((1, 1, 1, 5, 6), W), ["[1, 1, 1, 5, 6]"], id="five dimensions"),
    ErrorCase(call(X, (4, 3, 3)), ["[4, 3, 3]"], id="weight of three dimensions"),
    ErrorCase(call((2, 3, 2, 2), W), ["2 x 2", "3 x 2"], id="filter larger than the image"),
    ErrorCase(call((2, 3, 4, 4), W, dilation=3), ["4 x 4", "7 x 4"], id="dilated filter larger than the image"),
    ErrorCase(call(X, W, 5), ["bias", "4 elements", "[5]"], id="bias too long"),
    ErrorCase(call(X, W, (4, 1)), ["bias", "[4, 1]"], id="bias of two dimensions"),
    ErrorCase(lambda t: t.conv2d(t.ones(X).double(), t.ones(W)), ["float64", "float32"], id="dtypes"),
    ErrorCase(lambda t: t.conv2d(t.ones(X), t.ones(W), t.ones(4).double()), ["bias", "float64"], id="dtype of bias"),
    ErrorCase(call(X, W, stride=0), ["stride", "0"], id="stride 0"),
    ErrorCase(call(X, W, stride=(1, 1, 1)), ["stride", "[1, 1, 1]"], id="three strides"),
    ErrorCase(call(X, W, stride=1.5), ["stride", "1.5"], id="stride 1.5"),
    ErrorCase(call(X, W, padding=-1), ["padding", "-1"], id="negative padding"),
    ErrorCase(call(X, W, padding=1.0), ["padding", "float"], id="padding is a float"),
    ErrorCase(call(X, W, padding="full"), ["full", "same"], id="unknown padding"),
    ErrorCase(call(X, W, padding="same", stride=2), ["same", "2"], id="same with stride"),
    ErrorCase(call(X, W, dilation=0), ["dilation", "0"], id="dilation 0"),
    ErrorCase(call(X, W, groups=0), ["groups", "0"], id="groups 0"),
    ErrorCase(call(X, W, groups=2), ["6 channels", "3 channels"], id="groups do not fit the input"),
    ErrorCase(call((2, 6, 5, 6), (4, 2, 3, 3), groups=3), ["divisible by 3", "[4, 2, 3, 3]"], id="groups and filters"),
    ErrorCase(call(X, W, groups=1.0), ["groups", "float"], id="groups is a float"),
    ErrorCase(call((2, 3, 0, 6), W, padding=3), ["[2, 3, 0, 6]"], id="no rows"),
    ErrorCase(call(X, (0, 3, 3, 2)), ["[0, 3, 3, 2]"], id="no filters"),
    ErrorCase(lambda t: t.conv2d(None, t.ones(W)), ["input", "NoneType"], id="None"),
    ErrorCase(lambda t: t.conv2d(np.ones(X), t.ones(W)), ["input", "ndarray"], id="an array"),
    ErrorCase(lambda t: t.conv2d(t.ones(X).half(), t.ones(W).half()), ["float16"], NotImplementedError, id="half"),
    ErrorCase(layer(3, 4, 3, groups=2), ["in_channels", "3", "2"], id="in_channels and groups"),
    ErrorCase(layer(4, 3, 3, groups=2), ["out_channels", "3", "2"], id="out_channels and groups"),
    ErrorCase(layer(4, 4, 3, groups=0), ["groups", "0"], id="layer with groups 0"),
    ErrorCase(layer(3, 4, 3, padding="full"), ["full", "same", "valid"], id="layer with unknown padding"),
    ErrorCase(layer(3, 4, 3, padding="same", stride=(1, 2)), ["same", "stride"], id="layer same with stride"),
    ErrorCase(layer(3, 4, 3, padding_mode="mirror"), ["mirror", "reflect"], id="unknown padding mode"),
    ErrorCase(layer(3, 4, 3.5), ["kernel_size", "3.5"], id="kernel size 3.5"),
    ErrorCase(layer(3, 4, "3"), ["kernel_size", "'3'"], id="kernel size as text"),
    ErrorCase(layer(-1, 4, 3), ["-1"], id="negative channels"),
    ErrorCase(layer(3, 4, 3, padding=5, padding_mode="reflect", size=X), ["(5, 5)", "mirror"], id="reflect too wide"),
    ErrorCase(layer(3, 4, 3, padding=6, padding_mode="circular", size=X), ["(6, 6)", "once"], id="circular too wide"),
    ErrorCase(layer(3, 4, 3, size=(2, 5, 6, 6)), ["3 channels", "5 channels"], id="layer with other channels"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


# -------------------------------------------------------------------------------------------------------------- the layer
def test_layer_remembers_its_options():
    layer = nn.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=3, groups=2, padding_mode="reflect", bias=False)
    assert (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == ((3, 2), (2, 2), (1, 0), (3, 3))
    assert (layer.transposed, layer.output_padding, layer.groups, layer.bias) == (False, (0, 0), 2, None)
    assert repr(layer) == (
        "Conv2d(4, 6, kernel_size=(3, 2), stride=(2, 2), padding=(1, 0), dilation=(3, 3), groups=2, bias=False, "
        "padding_mode=reflect)"
    )


def test_initial_weights_stay_within_their_bound():
    reftorch.manual_seed(0)
    layer = nn.Conv2d(8, 40, (3, 5), groups=2)
    bound = math.sqrt(2 / (8 * 3 * 5))
    for numbers in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert np.abs(numbers).max() <= bound
        assert abs(numbers.std() - bound / math.sqrt(3)) < 0.2 * bound  # the spread of a uniform distribution


def test_dtype_and_device_of_the_layer():
    layer = nn.Conv2d(1, 2, 3, dtype=reftorch.float64, device="cpu")
    assert layer.weight.dtype is layer.bias.dtype is reftorch.float64
    assert layer.weight.requires_grad and layer.weight.is_leaf
