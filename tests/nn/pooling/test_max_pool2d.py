"""MaxPool2d against torch: every option, forward and backward, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, Spec, array, distinct, integers
from reftorch import nn
from reftorch.nn.pooling.max_pool2d import max_pool2d_output_size

nan, inf = math.nan, math.inf


def pool(*args, size=(2, 2, 5, 4), id="", **kwargs):
    return ModuleCase("MaxPool2d", args=args, kwargs=kwargs, inputs=[distinct(*size)], id=id, exact=True)


def values(rows, *args, id="", **kwargs):
    """Given numbers, one channel, both outputs."""
    image = array(np.array([[rows]], dtype=float))
    kwargs["return_indices"] = True
    return FunctionCase("max_pool2d", inputs=[image], args=args, kwargs=kwargs, id=id, exact=True, gradcheck=False)


def whole_numbers(dtype, low, high):
    return FunctionCase(
        "max_pool2d",
        inputs=[integers(low, high, 2, 5, 4, dtype=dtype)],
        kwargs=dict(kernel_size=2, padding=1, return_indices=True),
        id=dtype,
    )


# exact: a maximum is a copy, and a pixel's gradients are added in torch's order
CASES = [
    pool(2, id="square"),
    pool((3, 2), id="oblong"),
    pool((2,), id="a tuple of one"),
    pool([2, 3], id="a list"),
    pool((3, 2), stride=(2, 1), id="documented"),
    pool(2, stride=1, id="overlapping"),
    pool(2, stride=(), id="an empty stride is the kernel size"),
    pool(2, 3, id="gaps between windows"),
    pool(3, 1, 1, id="positional"),
    pool((2, 3), padding=(1, 1), id="padding"),
    pool((4, 3), stride=(3, 1), padding=(2, 1), id="padding on both axes"),
    pool((3, 2), stride=1, dilation=(1, 2), id="dilation"),
    pool(2, stride=(1, 2), padding=1, dilation=(3, 1), id="padding and dilation"),
    pool((3, 2), stride=(2, 3), ceil_mode=True, id="ceil"),
    pool((3, 2), stride=2, padding=1, ceil_mode=True, id="ceil and padding"),
    pool(2, stride=3, padding=1, ceil_mode=True, id="ceil drops a window that starts in the padding"),
    pool(1, stride=4, ceil_mode=True, id="ceil and a window of one"),
    pool((2, 3), stride=(2, 1), padding=(0, 1), return_indices=True, id="indices"),
    pool(2, return_indices=True, size=(2, 5, 4), id="unbatched"),
    pool(3, stride=2, padding=1, size=(1, 5, 4), id="unbatched, one channel"),
    pool((5, 4), id="the whole image"),
    pool(1, id="nothing to compare"),
    pool(2, return_indices=True, size=(0, 3, 4, 5), id="empty batch"),
    pool(2, size=(1, 1, 2, 2), id="one window"),
    pool((3, 2), 2, (1, 0), 1, size=(3, 4, 17, 13), id="larger"),
    values(np.ones((3, 4)), 2, 1, id="ties"),
    values([[nan, 1, 2, nan], [nan, 9, inf, 3], [4, 5, -inf, nan]], 2, 1, id="nan"),
    values([[nan, 1, 2], [3, inf, 2], [4, 5, 6]], 3, 2, 1, id="nan and inf"),
    values(np.full((3, 4), -inf), 2, id="minus infinity"),
    values(np.full((3, 4), -inf), 3, 2, 1, id="minus infinity and padding"),
    values(-1 - np.arange(12.0).reshape(3, 4), 2, 2, 1, id="padding is no zero"),
    FunctionCase("max_pool2d_with_indices", inputs=[distinct(2, 5, 4)], args=((2, 3), (1, 2)), exact=True),
    FunctionCase("max_pool2d", inputs=[distinct(2, 5, 4)], args=(2, None, 1, 1, True, True), exact=True),
    ScriptCase("max_pool2d", run=lambda torch, x: torch.max_pool2d(x, 2), inputs=[(2, 5, 4)]),
    whole_numbers("int64", -50, 50),
    ScriptCase(
        "max_pool2d",
        run=lambda torch, x: torch.nn.functional.max_pool2d(x * 2, 2, 1, return_indices=True)[0] ** 2,
        inputs=[distinct(2, 4, 3)],
        id="in the middle of a tape",
    ),
]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@pytest.mark.parametrize("dtype, low", [("int32", -50), ("int16", -50), ("int8", -50), ("uint8", 0)])
def test_other_integers_match_torch(dtype, low):
    oracle.check(whole_numbers(dtype, low, 50), oracle.Run("interpreted", "float32"))


# ------------------------------------------------------------------------------------------------ any shape and option
@st.composite
def options(draw):
    """A shape and options that torch accepts, and pixels with ties, NaN and infinities among them."""
    size, kernel, stride, padding, dilation = [], [], [], [], []
    for _ in "hw":
        k, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        p = draw(st.integers(0, k // 2))
        # room for one window; and an image that the steps inside a window cannot jump over
        smallest = max(1, d * (k - 1) + 1 - 2 * p, d)
        size.append(draw(st.integers(smallest, smallest + 8)))
        kernel.append(k)
        stride.append(draw(st.integers(1, 5)))
        padding.append(p)
        dilation.append(d)
    batch = draw(st.sampled_from([(), (0,), (1,), (3,)]))
    channels = draw(st.integers(1, 3))
    specials = draw(st.sampled_from([[], [nan], [-inf], [nan, inf, -inf]]))
    shape = (*batch, channels, *size)

    def pixels(rng):
        drawn = rng.integers(-9, 9, shape).astype(float)
        for special in specials:
            drawn[rng.random(shape) < 0.15] = special
        return drawn

    kwargs = dict(kernel_size=tuple(kernel), stride=tuple(stride), padding=tuple(padding))
    kwargs |= dict(dilation=tuple(dilation), ceil_mode=draw(st.booleans()), return_indices=True)
    seed = draw(st.integers(0, 2**32 - 1))
    return FunctionCase("max_pool2d", inputs=[Spec(pixels)], kwargs=kwargs, exact=True, seed=seed)


@settings(max_examples=100, deadline=None)
@given(options(), st.booleans())
def test_any_shape_and_option_matches_torch(case, strided):
    oracle.check(case, oracle.RUNS[0]._replace(strided=strided))


@settings(max_examples=100, deadline=None)
@given(options())
def test_output_size_is_the_size_of_the_output(case):
    pytest.importorskip("torch")
    shape = case.inputs[0].draw(np.random.default_rng(0)).shape
    found = max_pool2d_output_size(
        shape[-2:],
        *(case.kwargs[k] for k in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")),
    )
    assert found == oracle.torch_result(case, oracle.RUNS[0]).values["output[0]"].shape[-2:]


# ------------------------------------------------------------------------------------------------ what is refused
def call(*args, size=(1, 2, 5, 4), dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.max_pool2d(torch.ones(size, dtype=getattr(torch, dtype)), *args, **kwargs)


def refused(run, *words):
    return ErrorCase(run, words=words, id=" ".join(words))


ERRORS = [
    refused(call(6), "(6, 6)", "(5, 4)", "does not fit"),
    refused(call(3, dilation=(2, 3)), "kernel_size=(3, 3)", "dilation=(2, 3)"),
    refused(call(2, padding=2), "padding=(2, 2)", "at most (1, 1)"),
    refused(call(3, padding=2, dilation=2), "padding=(2, 2)", "at most (1, 1)", "dilation"),
    refused(call(3, padding=(1, -1)), "padding=(1, -1)"),
    refused(call(0), "kernel_size=(0, 0)"),
    refused(call(-1), "kernel_size=(-1, -1)"),
    refused(call(2, 0), "stride=(0, 0)"),
    refused(call(2, (1, -1)), "stride=(1, -1)"),
    refused(call(2, dilation=0), "dilation=(0, 0)"),
    refused(call((2, 2, 2)), "kernel_size=[2, 2, 2]", "2 values"),
    refused(call(()), "kernel_size=[]", "2 values"),
    refused(call(2, (1, 2, 3)), "stride=[1, 2, 3]", "2 values"),
    refused(call(2, 1, ()), "padding=[]", "2 values"),
    refused(call(2, 1, 0, (1, 1, 1)), "dilation=[1, 1, 1]", "2 values"),
    refused(call(2.0), "kernel_size", "float", "//"),
    refused(call((2, 2.0)), "kernel_size", "float"),
    refused(call("2"), "kernel_size", "str"),
    refused(call(None), "kernel_size", "NoneType"),
    refused(call(True), "kernel_size", "bool"),
    refused(call(2, 1.5), "stride", "float"),
    refused(call(2, padding=None), "padding", "NoneType"),
    refused(call(2, padding="same"), "padding", "str"),
    refused(call(2, dilation=None), "dilation", "NoneType"),
    refused(call(2, ceil_mode=1), "ceil_mode", "int"),
    refused(call(2, ceil_mode=None), "ceil_mode", "NoneType"),
    refused(call(2, size=(5, 4)), "2 dimensions", "(C, H, W)", "unsqueeze"),
    refused(call(2, size=(1, 1, 1, 5, 4)), "5 dimensions"),
    refused(call(2, size=()), "0 dimensions"),
    refused(call(2, size=(2, 0, 4, 4)), "[2, 0, 4, 4]", "batch"),
    refused(call(2, size=(2, 3, 0, 4)), "[2, 3, 0, 4]"),
    refused(call(2, size=(0, 4, 4)), "[0, 4, 4]"),
    refused(call(2, size=(0, 0, 4, 4)), "[0, 0, 4, 4]"),
    refused(call(2, dtype="bool"), "bool"),
    refused(call(2, dtype="complex64"), "complex64"),
    refused(lambda torch: torch.nn.functional.max_pool2d([[1.0]], 2), "list", "Tensor"),
    refused(lambda torch: torch.nn.functional.max_pool2d(np.ones((1, 4, 4)), 2), "ndarray"),
    refused(lambda torch: torch.nn.MaxPool2d(), "kernel_size"),
    refused(lambda torch: torch.nn.MaxPool2d(2, padding=2)(torch.ones(1, 5, 4)), "padding=(2, 2)"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_half_precision_names_the_way_out():
    with pytest.raises(NotImplementedError, match=r"float16.*float\(\)"):
        F.max_pool2d(reftorch.ones(1, 4, 4, dtype=reftorch.float16), 2)


# ------------------------------------------------------------------------------------------------ the class
def test_attributes_and_repr():
    pool = nn.MaxPool2d((3, 2), padding=1, dilation=2, ceil_mode=True)
    assert (pool.kernel_size, pool.stride) == ((3, 2), (3, 2))
    assert (pool.padding, pool.dilation, pool.return_indices, pool.ceil_mode) == (1, 2, False, True)
    assert repr(pool) == ("MaxPool2d(kernel_size=(3, 2), stride=(3, 2), padding=1, dilation=2, ceil_mode=True)")
    assert list(pool.parameters()) == [] and pool.state_dict() == {}


def test_padding_only_window():
    """A dilated window can step over the image: torch's value, no pixel's index (torch's lies outside), no gradient."""
    torch = pytest.importorskip("torch")
    options = dict(kernel_size=2, stride=1, dilation=3, padding=1, return_indices=True)
    x = reftorch.ones(1, 2, 2, requires_grad=True)
    y, index = F.max_pool2d(x, **options)
    y.sum().backward()
    theirs = torch.nn.functional.max_pool2d(torch.ones(1, 2, 2), **options)
    assert y.tolist() == theirs[0].tolist() == [[[-inf]]]
    assert index.tolist() == [[[-1]]] and theirs[1].item() not in range(4)
    assert x.grad.tolist() == [[[0, 0], [0, 0]]]
    whole, _ = F.max_pool2d(reftorch.ones(1, 2, 2, dtype=reftorch.int64), **options)
    assert whole.item() == np.iinfo(np.int64).min


def test_indices_are_outside_the_tape():
    x = reftorch.ones(1, 4, 4, requires_grad=True)
    y, index = F.max_pool2d(x, 2, return_indices=True)
    assert y.requires_grad and not index.requires_grad and index.dtype is reftorch.int64
    index.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_backward_does_not_need_the_input():
    x = reftorch.tensor([[[1.0, 2], [3, 4]]], requires_grad=True)
    before = x * 1
    y = F.max_pool2d(before, 2)
    before.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [[[0, 0], [0, 1]]]
