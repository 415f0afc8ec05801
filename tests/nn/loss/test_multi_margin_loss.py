"""MultiMarginLoss against torch: powers, margins, weights, ties, what is refused."""

import pytest

import oracle
import reftorch
from loss_cases import deprecated, reductions, refused
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct, integers, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "multi_margin_loss"
W5 = uniform(0.5, 2, 5)
PAIR = [distinct(3, 5), integers(0, 5, 3)]


def case(id, inputs=PAIR, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id)


CASES = [
    *reductions(NAME, PAIR),
    *reductions(NAME, PAIR, "p 2", p=2),
    *reductions(NAME, PAIR, "weight", weight=W5, p=2, margin=0.7),
    case("p 2.0", p=2.0),
    case("margin 0", margin=0),
    case("one sample", [distinct(5), array(3)]),
    case("one sample, none", [distinct(5), array(3)], reduction="none"),
    case("one sample, target of shape 1", [distinct(5), array([3])], reduction="none"),
    case("a number", [distinct(), array(0)]),
    case("empty batch, none", [(0, 3), integers(0, 3, 0)], reduction="none"),
    case("no gradient", [normal(3, 5, grad=False), integers(0, 5, 3)]),
    case("large", [(1500, 13), integers(0, 13, 1500)]),
    FunctionCase(NAME, [array([[1.0, 2.0, 0.0, float("nan")]]), array([1])], id="tie and NaN", gradcheck=False),
    *deprecated(NAME, PAIR),
    ModuleCase("MultiMarginLoss", PAIR, id="module"),
    ModuleCase("MultiMarginLoss", PAIR, args=(2, 0.5, W5, None, None, "sum"), id="module, positional"),
]
THREE = ((3,), "int64")
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (3, 2), THREE, reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], THREE),
    refused(NAME, ["target", "NoneType"], "target None", (3, 2), None),
    refused(NAME, ["p == 1", "3"], "p 3", (3, 2), THREE, p=3),
    refused(NAME, ["[3, 2, 2]"], "three dimensions", (3, 2, 2), THREE),
    refused(NAME, ["[3, 0]"], "no classes", (3, 0), THREE),
    refused(NAME, ["[3]", "[2]"], "batch sizes", (3, 2), ((2,), "int64")),
    refused(NAME, ["Long", "float32"], "target of floats", (3, 2), (3,)),
    refused(NAME, ["Long", "int32"], "target of int32", (3, 2), ((3,), "int32")),
    refused(NAME, ["out of range", "0"], "no such class", (3, 1), THREE),
    refused(NAME, ["int64"], "integers", ((3, 2), "int64"), THREE),
    refused(NAME, ["int64"], "integers and a target of float32", ((3, 2), "int64"), (3,)),
    refused(NAME, ["[3]", "2"], "weights", (3, 2), THREE, weight=(3,)),
    refused(NAME, ["one-dimensional"], "weights with two dimensions", (3, 2), THREE, weight=(3, 1)),
    refused(NAME, ["float64"], "weights of another dtype", (3, 2), THREE, weight=((2,), "float64")),
    ErrorCase(lambda torch: torch.nn.MultiMarginLoss(p=3), ["p == 1"], id="module, p"),
    ErrorCase(lambda torch: torch.nn.MultiMarginLoss(weight=torch.ones(2, 2)), ["2D"], id="module, weight"),
    ErrorCase(
        lambda torch: torch.nn.functional.multi_margin_loss(
            torch.ones(1, 2), torch.tensor([0]), weight=torch.ones(2, requires_grad=True)
        ),
        ["weight", "detach"],
        id="weight with a gradient",
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_empty_batch():
    """PyTorch returns whatever is in memory."""
    x, target = reftorch.zeros(0, 3), reftorch.zeros(0, dtype=reftorch.int64)
    assert reftorch.nn.functional.multi_margin_loss(x, target, reduction="sum").item() == 0
    assert reftorch.nn.functional.multi_margin_loss(x, target).isnan().item()
