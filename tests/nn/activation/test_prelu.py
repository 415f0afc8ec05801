"""PReLU against torch: one slope or one for each channel, inputs of any shape."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, ScriptCase, array, distinct, normal, uniform
from reftorch import nn

nan, inf = math.nan, math.inf
EDGES = array([[nan, -inf, -1.0, -0.0, 0.0, 1.0, inf, 1e-40, -1e-40]])
SLOPES3 = dict(weight=uniform(-1, 1.5, 3))


def edge(slope):
    return FunctionCase("prelu", [EDGES, array(slope)], id=f"edges, {slope}", gradcheck=False)


CASES = [
    ModuleCase("PReLU", inputs=[distinct(2, 3, 4)]),
    ModuleCase("PReLU", inputs=[distinct(2, 3, 4)], args=(3,), state=SLOPES3, id="slope for each channel"),
    ModuleCase("PReLU", inputs=[distinct(2, 3, 4)], args=(3, 0.1), id="positional"),
    ModuleCase("PReLU", inputs=[distinct(2, 3, 2, 2, 2)], kwargs=dict(num_parameters=3, init=-0.5), state=SLOPES3),
    *[
        ModuleCase("PReLU", inputs=[distinct(*shape)], id=str(shape))
        for shape in [(), (1,), (7,), (0,), (2, 0), (2, 0, 3), (1, 2, 1, 3, 2)]
    ],
    *[
        ModuleCase("PReLU", inputs=[distinct(*shape)], args=(3,), state=SLOPES3, id=f"3 slopes, {shape}")
        for shape in [(1, 3), (4, 3), (0, 3), (2, 3, 0), (1, 3, 1, 2)]
    ],
    ModuleCase("PReLU", inputs=[distinct(2, 0)], args=(0,), id="no channels, no slopes"),
    ModuleCase("PReLU", inputs=[distinct(2, 1, 3)], id="one channel"),
    ModuleCase("PReLU", inputs=[(40, 13, 50)], id="large"),
    ModuleCase(
        "PReLU", inputs=[(40, 13, 50)], args=(13,), state=dict(weight=uniform(-1, 1.5, 13)), id="large, 13 slopes"
    ),
    FunctionCase("prelu", inputs=[distinct(2, 3), ()], id="slope without a dimension"),
    FunctionCase("prelu", inputs=[distinct(2, 3), normal(3, grad=False)], id="only the input's gradient"),
    FunctionCase("prelu", inputs=[distinct(2, 3, grad=False), (3,)], id="only the slopes' gradient"),
    *[edge([slope]) for slope in (0.5, 0.0, -2.0, inf, nan)],
    edge([0.25] * 9),
    ScriptCase("prelu", run=lambda torch, x, w: torch.prelu(x, w) * 3, inputs=[distinct(2, 3), (3,)], id="torch.prelu"),
]
MUTANT_CASES = [case for case in CASES if case.is_tiny and case.id not in ("large", "large, 13 slopes")]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(
    __file__, CASES, mutant_cases=MUTANT_CASES
)


@st.composite
def any_case(draw):
    """Any shape, one slope or one for each channel."""
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=5)))
    slopes = [(), (1,)] + ([(shape[1],)] if len(shape) > 1 else [])
    return FunctionCase("prelu", inputs=[shape, draw(st.sampled_from(slopes))], seed=draw(st.integers(0, 1000)))


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(any_case(), st.booleans())
def test_any_shape(case, strided):
    oracle.check(case, Run("compiled", "float64", strided))


# ------------------------------------------------------------------------------------------------ what is refused
def bad(id, words, x=(2, 3), weight=(3,), dtype="float32", weight_dtype=None, raises=None):
    """An ErrorCase: ones of these shapes and dtypes."""

    def call(torch):
        slopes = torch.ones(weight, dtype=getattr(torch, weight_dtype or dtype))
        torch.nn.functional.prelu(torch.ones(x, dtype=getattr(torch, dtype)), slopes)

    return ErrorCase(call, words, raises, id=id)


def change_the_slope(torch):
    m = torch.nn.PReLU()
    y = m(torch.ones(3))
    with torch.no_grad():
        m.weight.fill_(1)
    y.sum().backward()


def layer(*args, **kwargs):
    return lambda torch: torch.nn.PReLU(*args, **kwargs)


ERRORS = [
    bad("too few slopes", ["= 2", "= 3", "[2, 3]"], weight=(2,)),
    bad("channels last", ["= 3", "= 5", "second dimension"], x=(2, 5, 3)),
    bad("slopes of a vector", ["= 3", "= 1"], x=(3,)),
    bad("slopes of a number", ["= 2"], x=(), weight=(2,)),
    bad("no slopes", ["= 0", "= 3"], weight=(0,)),
    bad("no slopes for a vector", ["= 0", "= 1"], x=(0,), weight=(0,)),
    bad("a row", ["ndim = 2", "[1, 3]"], weight=(1, 3)),
    bad("one in a matrix", ["ndim = 2"], weight=(1, 1)),
    bad("a matrix", ["= 6"], weight=(2, 3)),
    bad("float64 slopes", ["float32", "float64"], weight_dtype="float64"),
    bad("float64 input", ["float64", "float32", "double()"], dtype="float64", weight_dtype="float32"),
    bad("int64 input", ["int64"], dtype="int64", weight_dtype="float32"),
    *[bad(dtype, [dtype, "float()"], dtype=dtype) for dtype in ("int64", "uint8", "bool", "complex64")],
    bad("float16", ["float16"], dtype="float16", raises=NotImplementedError),
    ErrorCase(lambda torch: torch.nn.functional.prelu([1.0], torch.ones(1)), ["input", "list"], id="input a list"),
    ErrorCase(lambda torch: torch.nn.functional.prelu(torch.ones(1), 0.5), ["float", "leaky_relu"], id="slope a float"),
    ErrorCase(lambda torch: torch.prelu(torch.ones(1), None), ["weight", "NoneType"], id="slope None"),
    ErrorCase(change_the_slope, ["version", "PreluKernelBackward0"], id="slope changed before backward"),
    ErrorCase(layer(-1), ["-1"], id="negative number of slopes"),
    ErrorCase(layer(1.5), ["float"], id="half a slope"),
    ErrorCase(layer(None), ["NoneType"], id="None slopes"),
    ErrorCase(lambda torch: torch.nn.PReLU(1, dtype=torch.int64), ["floating point"], id="int64 slopes"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_tensors_on_two_devices(cuda_device):
    with pytest.raises(RuntimeError, match="same device"):
        F.prelu(reftorch.ones(2, 3), reftorch.ones(3, device=cuda_device))


# ------------------------------------------------------------------------------------------------------- the layer
def test_a_slope_of_zero_is_relu_and_one_slope_is_leaky_relu():
    x = reftorch.randn(5, 4)
    assert (F.prelu(x, reftorch.zeros(4)) == F.relu(x)).all()
    assert (F.prelu(x, reftorch.full((1,), 0.3)) == F.leaky_relu(x, 0.3)).all()


def test_slopes_of_a_long_sum_keep_their_digits():
    """In float32 the sum over a million numbers would lose the last three digits."""
    x = np.random.default_rng(0).uniform(-1, 0, 2**20).astype(np.float32)
    weight = reftorch.full((1,), 0.25, requires_grad=True)
    F.prelu(reftorch.from_numpy(x), weight).sum().backward()
    assert weight.grad.item() == np.float32(x.sum(dtype=np.float64))


def test_reset_repr_and_attributes():
    m = nn.PReLU(3, init=0.5, dtype=reftorch.float64)
    assert repr(m) == "PReLU(num_parameters=3)" and m.weight.dtype is reftorch.float64
    with reftorch.no_grad():
        m.weight.fill_(7)
    m.reset_parameters()
    assert m.weight.tolist() == [0.5] * 3 and m.init == 0.5 and m.num_parameters == 3
