"""ReLU against torch: out of place and in place, on leaves, views and strided tensors."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct, integers
from reftorch import nn

nan, inf = math.nan, math.inf
EDGES = array([nan, -inf, -1.0, -0.0, 0.0, 1.0, inf, 1e-40, -1e-40])


def in_place(steps, given, id, **options):
    """`steps(torch, x * 1)`: something that changes a tensor on the tape."""
    run = lambda torch, x: steps(torch, x * 1)  # noqa: E731
    return ScriptCase("relu_", run=run, inputs=[given], id=id, **options)


def version_of(torch, x):
    return torch.tensor(x._version, device=x.device)


def once(torch, x):
    return torch.nn.functional.relu_(x) * 3, version_of(torch, x)


def of_a_column(torch, x):
    returned = torch.nn.functional.relu_(x[:, 0])
    return x * x, returned, version_of(torch, x)


def seen_through_a_view(torch, x):
    view = x.transpose(0, 1)
    torch.nn.functional.relu_(x)
    return view * 2, version_of(torch, view)


def of_a_transpose(torch, x):
    torch.nn.functional.relu_(x.transpose(0, 1))
    return x


def under_no_grad(torch, x):
    leaf = x.detach().requires_grad_()
    with torch.no_grad():
        torch.relu_(leaf)
    return leaf.detach(), version_of(torch, leaf)


CASES = [
    ModuleCase("ReLU", inputs=[distinct(2, 3, 4)], exact=True),
    ModuleCase("ReLU", inputs=[distinct(3, 2)], kwargs=dict(inplace=False), exact=True),
    *[
        ModuleCase("ReLU", inputs=[distinct(*shape)], id=str(shape), exact=True)
        for shape in [(), (1,), (7,), (0,), (2, 0, 3), (1, 2, 1, 3, 2)]
    ],
    ModuleCase("ReLU", inputs=[(40, 50, 13)], id="large", exact=True),
    FunctionCase("relu", inputs=[EDGES], id="edges", exact=True, gradcheck=False),
    FunctionCase("relu", inputs=[distinct(2, 3)], kwargs=dict(inplace=False), exact=True),
    ScriptCase("relu", run=lambda torch, x: torch.relu(x), inputs=[distinct(2, 3)], id="torch.relu"),
    ScriptCase("relu", run=lambda torch, x: x.relu(), inputs=[distinct(2, 3)], id="method"),
    ScriptCase("relu", run=lambda torch, x: torch.relu(x * 3) * torch.relu(x), inputs=[distinct(2, 3)]),
    *[
        FunctionCase("relu", inputs=[integers(-5, 5, 2, 3, dtype=dtype)], id=dtype)
        for dtype in ("int64", "int32", "int16", "int8")
    ],
    FunctionCase("relu", inputs=[integers(0, 255, 2, 3, dtype="uint8")], id="uint8"),
    FunctionCase("relu_", inputs=[integers(-5, 5, 2, 3)], id="int64 in place", changes_inputs=True),
    ModuleCase("ReLU", args=(True,), inputs=[array(np.ones(3) - 2, grad=False)], id="in place", changes_inputs=True),
    in_place(once, distinct(2, 3), id="in place, on the tape"),
    in_place(once, distinct(), id="in place, a number"),
    in_place(once, distinct(0, 3), id="in place, empty"),
    in_place(once, EDGES, id="in place, edges", gradcheck=False),
    in_place(of_a_column, distinct(2, 3), id="in place, a column"),
    in_place(seen_through_a_view, distinct(2, 3), id="in place, seen through a view"),
    in_place(of_a_transpose, distinct(2, 3), id="in place, a transpose"),
    in_place(under_no_grad, distinct(2, 3), id="in place, under no_grad", gradcheck=False),
    in_place(lambda torch, x: torch.nn.ReLU(inplace=True)(x) * 3, distinct(2, 3), id="module in place"),
]


test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


# ------------------------------------------------------------------------------------------------ what is refused
def on_leaf(torch):
    torch.nn.functional.relu_(torch.ones(2, requires_grad=True))


def on_view_of_leaf(torch):
    torch.nn.functional.relu_(torch.ones(2, 2, requires_grad=True)[0])


def on_expanded(torch):
    torch.nn.functional.relu_(torch.ones(1).expand(3))


def change_the_input_of_exp(torch):
    x = torch.ones(2, requires_grad=True).exp()
    torch.nn.functional.relu_(x)
    x.sum().backward()


def relu_twice(torch):
    x = torch.ones(2, requires_grad=True) * 2
    torch.relu_(torch.relu_(x)).sum().backward()


def change_the_output_of_relu(torch):
    y = torch.nn.functional.relu(torch.ones(2, requires_grad=True))
    y.mul_(2)
    y.sum().backward()


def of(value):
    return lambda torch: torch.nn.functional.relu(value)


ERRORS = [
    ErrorCase(on_leaf, ["leaf"], id="leaf"),
    ErrorCase(on_view_of_leaf, ["leaf", "view"], id="view of a leaf"),
    ErrorCase(on_expanded, ["clone()"], id="expanded"),
    ErrorCase(change_the_input_of_exp, ["version 1", "version 0"], id="needed by exp"),
    ErrorCase(relu_twice, ["version 2", "version 1"], id="in place, twice"),
    ErrorCase(change_the_output_of_relu, ["version 1", "version 0"], id="needed by relu"),
    ErrorCase(of([1.0]), ["list", "Tensor"], id="list"),
    ErrorCase(of(1.0), ["float", "Tensor"], id="float"),
    ErrorCase(of(None), ["NoneType", "Tensor"], id="None"),
    ErrorCase(of(np.ones(2)), ["ndarray", "from_numpy"], id="array"),
    ErrorCase(lambda torch: torch.relu_([1.0]), ["list", "Tensor"], id="in place, list"),
    ErrorCase(lambda torch: torch.relu(torch.ones(2, dtype=torch.bool)), ["bool"], id="bool"),
    ErrorCase(lambda torch: torch.relu(torch.ones(2, dtype=torch.complex64)), ["complex64"], id="complex"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_half_precision_names_the_way_out():
    with pytest.raises(NotImplementedError, match=r"float16.*float\(\)"):
        F.relu(reftorch.ones(2, dtype=reftorch.float16))


# ------------------------------------------------------------------------------------------------ in place, closely
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_place_writes_into_the_same_memory(device):
    x = reftorch.tensor([[-1.0, 2], [3, -4]], device=device)
    first_column = x[:, 0]
    assert F.relu(x, inplace=True) is x and x._version == 1
    assert x.tolist() == [[0, 2], [3, 0]] and first_column.tolist() == [0, 3]
    y = F.relu(x)
    assert y is not x and x._version == 1


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_place_on_a_strided_view_changes_only_the_view(device):
    x = reftorch.full((3, 4), -1.0, device=device)
    column = x[:, 1]
    assert F.relu_(column) is column and x._version == 1
    assert x.tolist() == [[-1, 0, -1, -1]] * 3


def test_in_place_takes_no_second_array():
    x = reftorch.tensor([-1.0, 2])
    where = x.data_ptr()
    nn.ReLU(inplace=True)(x)
    assert x.data_ptr() == where and x.tolist() == [0, 2]


def test_repr_and_state():
    assert repr(nn.ReLU()) == "ReLU()" and repr(nn.ReLU(True)) == "ReLU(inplace=True)"
    assert nn.ReLU().inplace is False and not list(nn.ReLU().state_dict())
