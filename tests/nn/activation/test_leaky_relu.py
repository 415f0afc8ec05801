"""LeakyReLU against torch: any slope, out of place and in place, on leaves, views and strided tensors."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import EDGES, ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct
from reftorch import nn

nan, inf = math.nan, math.inf
HALF, BELOW = array(np.ones(3) - 2, grad=False), array(np.arange(-2.0, 3), grad=False)


def change_the_output(torch, x):
    y = torch.nn.functional.leaky_relu(x)
    y.mul_(2)  # backward needs x only
    return y


def edge(slope):
    return FunctionCase("leaky_relu", [EDGES], args=(slope,), id=f"edges, {slope}", gradcheck=False)


def in_place(steps, id):
    run = lambda torch, x: steps(torch, x * 1) * 3  # noqa: E731
    return ScriptCase("leaky_relu_", run=run, inputs=[distinct(2, 3)], id=id)


CASES = [
    *oracle.elementwise_cases("LeakyReLU", "leaky_relu", 0.1),
    *oracle.in_place_cases("leaky_relu_", 0.3),
    ModuleCase("LeakyReLU", inputs=[distinct(2, 3, 4)]),
    ModuleCase("LeakyReLU", inputs=[distinct(3, 2)], args=(0.2, False), id="positional"),
    ModuleCase("LeakyReLU", inputs=[distinct(3, 2)], kwargs=dict(negative_slope=2), id="steeper, an int"),
    *[edge(slope) for slope in (0.01, 0, 1, -0.5, -0.0, 2.5, inf, nan, True)],
    FunctionCase("leaky_relu", [distinct(2, 3)], kwargs=dict(negative_slope=np.float64(0.5)), id="NumPy's number"),
    FunctionCase("leaky_relu", [distinct(2, 3)], kwargs=dict(negative_slope=array(0.5)), id="a tensor"),
    ScriptCase("leaky_relu", run=change_the_output, inputs=[distinct(2, 3)], id="output changed", gradcheck=False),
    ModuleCase("LeakyReLU", [HALF], args=(0.5, True), id="in place", changes_inputs=True),
    FunctionCase("leaky_relu_", [BELOW], args=(-0.5,), id="in place, no gradient", changes_inputs=True),
    in_place(lambda torch, x: torch.nn.LeakyReLU(0.0, inplace=True)(x), id="slope 0"),
    in_place(lambda torch, x: torch.nn.LeakyReLU(0.2, True)(x), id="module"),
]


# ------------------------------------------------------------------------------------------------ what is refused
def backward_of_in_place(slope):
    def call(torch):
        x = torch.ones(2, requires_grad=True) * 1
        torch.nn.functional.leaky_relu(x, slope, inplace=True).sum().backward()

    return call


def twice(torch):
    x = torch.ones(2, requires_grad=True) * 2
    for _ in range(2):
        torch.nn.functional.leaky_relu_(x)
    x.sum().backward()


def change_the_input(torch):
    x = torch.ones(2, requires_grad=True) * 2
    y = torch.nn.functional.leaky_relu(x)
    x.mul_(2)
    y.sum().backward()


def of(value, *args, **kwargs):
    return lambda torch: torch.nn.functional.leaky_relu(value, *args, **kwargs)


def ones(dtype="float32", slope=0.1, inplace=False, **options):
    def call(torch):
        factor = slope(torch) if callable(slope) else slope
        torch.nn.functional.leaky_relu(torch.ones(2, dtype=getattr(torch, dtype), **options), factor, inplace)

    return call


ERRORS = [
    ErrorCase(ones(requires_grad=True, inplace=True), ["leaf"], id="leaf"),
    ErrorCase(lambda torch: torch.nn.functional.leaky_relu_(torch.ones(1).expand(3)), ["clone()"], id="expanded"),
    ErrorCase(backward_of_in_place(-0.5), ["in place", "-0.5", "inplace=False"], id="in place, slope below 0"),
    ErrorCase(backward_of_in_place(nan), ["in place", "nan"], id="in place, slope NaN"),
    ErrorCase(twice, ["version 2", "version 1"], id="in place, twice"),
    ErrorCase(change_the_input, ["version 1", "version 0"], id="input changed"),
    ErrorCase(of([1.0]), ["list", "Tensor"], id="list"),
    ErrorCase(of(None), ["NoneType", "Tensor"], id="None"),
    ErrorCase(of(np.ones(2)), ["ndarray", "from_numpy"], id="array"),
    ErrorCase(ones(slope="0.1"), ["negative_slope", "Number", "str"], id="slope a word"),
    ErrorCase(ones(slope=None), ["negative_slope", "NoneType"], id="slope None"),
    ErrorCase(ones(slope=1j), ["real number", "1j"], id="slope complex"),
    ErrorCase(ones(slope=10**400), ["too large"], id="slope too large"),
    ErrorCase(ones(slope=lambda torch: torch.ones(1)), ["Number", "Tensor"], id="slope with a dimension"),
    ErrorCase(ones(slope=lambda torch: torch.tensor(0.1, requires_grad=True)), ["prelu"], id="slope to be learnt"),
    *[ErrorCase(ones(dtype), [dtype, "float()"], id=dtype) for dtype in ("int64", "uint8", "bool", "complex64")],
    ErrorCase(ones("float16"), ["float16", "float()"], raises=NotImplementedError, id="float16"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


# ------------------------------------------------------------------------------------------------ in place, closely
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_place_writes_into_the_same_memory(device):
    x = reftorch.tensor([[-1.0, 2], [3, -4]], device=device)
    first_column = x[:, 0]
    assert F.leaky_relu(x, 0.5, inplace=True) is x and x._version == 1
    assert x.tolist() == [[-0.5, 2], [3, -2]] and first_column.tolist() == [-0.5, 3]
    y = F.leaky_relu(x)
    assert y is not x and x._version == 1


def test_a_slope_of_one_changes_nothing_and_of_zero_is_relu():
    x = reftorch.randn(5, 4)
    assert (F.leaky_relu(x, 1) == x).all() and (F.leaky_relu(x, 0) == F.relu(x)).all()


def test_repr_and_state():
    assert repr(nn.LeakyReLU()) == "LeakyReLU(negative_slope=0.01)"
    assert repr(nn.LeakyReLU(2, True)) == "LeakyReLU(negative_slope=2, inplace=True)"
    assert nn.LeakyReLU().negative_slope == 0.01 and not list(nn.LeakyReLU().state_dict())
