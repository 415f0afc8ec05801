"""BCEWithLogitsLoss against torch: weights, pos_weight, large logits, dtypes."""

import math

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases
from oracle import ErrorCase, FunctionCase, ModuleCase, array, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "binary_cross_entropy_with_logits"
nan, inf = math.nan, math.inf
W35, W5 = uniform(0.5, 2, 3, 5), uniform(0.5, 2, 5)


def draw(*shape):
    return [normal(*shape), uniform(0.0, 1, *shape)]


def option(id, **kwargs):
    return FunctionCase(NAME, draw(3, 5), kwargs=kwargs, id=id)


def dtype_of_a_weight(torch, x, target):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        x,
        target,
        torch.ones(5, dtype=torch.float64, device=x.device),
        pos_weight=torch.full((5,), 2.0, device=x.device),
    )
    return loss, str(loss.dtype)


CASES = [
    *usual_cases(NAME, "BCEWithLogitsLoss", draw),
    *deprecated(NAME, draw(3, 5)),
    *reductions(NAME, draw(3, 5), "weight", weight=W35),
    *reductions(NAME, draw(3, 5), "pos_weight", pos_weight=W5),
    option("weight, a row", weight=W5),
    option("weight and pos_weight", weight=W35, pos_weight=W5),
    option("pos_weight, a column", pos_weight=uniform(0.5, 2, 3, 1)),
    option("pos_weight, all", pos_weight=W35),
    option("pos_weight, a number", pos_weight=array(3.0)),
    option("pos_weight, one", pos_weight=array([3.0])),
    option("pos_weight of integers", pos_weight=array([1, 2, 0, 1, 3])),
    edges(NAME, [0.0, 200.0, 200.0, -200.0, -200.0, nan, inf, -inf], [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    edges(NAME, [inf, -inf, 1.0, -1.0], [1.0, 1.0, nan, 2.0], id="edges, pos_weight", pos_weight=array([2.0])),
    dtypes(NAME, "float32", "float64"),
    dtypes(NAME, "float64", "float32"),
    oracle.ScriptCase(NAME, run=dtype_of_a_weight, inputs=draw(3, 5), id="dtypes of the weights", gradcheck=False),
    ModuleCase("BCEWithLogitsLoss", draw(3, 5), kwargs=dict(weight=W5, pos_weight=W5), id="module, weights"),
    ModuleCase("BCEWithLogitsLoss", draw(3, 5), args=(None, None, None, "sum", W5), id="module, positional"),
]


def with_gradient(**which):
    def call(torch):
        given = {name: torch.ones(2, requires_grad=True) for name in which}
        torch.nn.functional.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2), **given).backward()

    return ErrorCase(call, [*which, "detach"], id=f"{[*which]} with a gradient")


ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (3,), (3,), reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], (3,)),
    refused(NAME, ["target", "float"], "target a number", (3,), 1.0),
    refused(NAME, ["[2, 3]", "[3]"], "shapes", (2, 3), (3,)),
    refused(NAME, ["int64", "float()"], "integers as target", (3,), ((3,), "int64")),
    refused(NAME, ["int64"], "integers", ((3,), "int64"), ((3,), "int64")),
    refused(NAME, ["int64", "input.float()"], "integers as logits", ((3,), "int64"), (3,)),
    refused(NAME, ["weight", "[2, 3]"], "weight that is too large", (3,), (3,), weight=(2, 3)),
    refused(NAME, ["pos_weight", "[2, 3]"], "pos_weight that is too large", (3,), (3,), pos_weight=(2, 3)),
    refused(NAME, ["(2)", "(3)"], "pos_weight that does not fit", (3,), (3,), pos_weight=(2,)),
    with_gradient(weight=True),
    with_gradient(pos_weight=True),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
