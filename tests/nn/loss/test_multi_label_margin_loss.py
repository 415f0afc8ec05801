"""MultiLabelMarginLoss against torch: lists of labels, repeated and missing ones, ties, what is refused."""

import pytest

import oracle
import reftorch
from loss_cases import deprecated, reductions, refused
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct, integers, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "multilabel_margin_loss"
LISTS = array([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3], [2, 2, -1, 0]])
PAIR = [distinct(4, 4), LISTS]


def case(id, inputs=PAIR, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id)


CASES = [
    *reductions(NAME, PAIR),
    case("one sample", [(4,), array([3, 0, -1, 1])]),
    case("one sample, none", [(4,), array([3, 0, -1, 1])], reduction="none"),
    case("a number", [distinct(), array(0)]),
    case("empty batch, none", [(0, 3), integers(0, 3, 0, 3)], reduction="none"),
    case("no gradient", [normal(4, 4, grad=False), LISTS]),
    case("large", [(500, 20), integers(-1, 20, 500, 20)]),
    FunctionCase(NAME, [array([[2.0, 4, 0, 5]]), array([[3, 0, -1, 1]])], id="a distance of 1", gradcheck=False),
    FunctionCase(NAME, [array([[2.0, float("nan"), 0, 5]]), array([[3, 0, -1, 1]])], id="NaN", gradcheck=False),
    *deprecated(NAME, PAIR),
    ModuleCase("MultiLabelMarginLoss", PAIR, id="module"),
    ModuleCase("MultiLabelMarginLoss", PAIR, kwargs=dict(reduction="none"), id="module, none"),
]
PLACES = ((1, 3), "int64")


def numbers(id, words, *labels):
    return ErrorCase(
        lambda torch: torch.nn.functional.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([labels])), words, id=id
    )


ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (1, 3), PLACES, reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], PLACES),
    refused(NAME, ["target", "NoneType"], "target None", (1, 3), None),
    refused(NAME, ["[3, 2, 2]"], "three dimensions", (3, 2, 2), ((3, 2, 2), "int64")),
    refused(NAME, ["[1, 3]", "[1, 2]"], "shapes", (1, 2), PLACES),
    refused(NAME, ["Long", "float32"], "target of floats", (1, 3), (1, 3)),
    refused(NAME, ["Long", "int32"], "target of int32", (1, 3), ((1, 3), "int32")),
    refused(NAME, ["int64"], "integers", ((1, 3), "int64"), PLACES),
    refused(NAME, ["int64"], "integers and a target of float32", ((1, 3), "int64"), (1, 3)),
    numbers("no such class", ["out of range", "3", "0 to 2"], 0, 3, -1),
    numbers("no such class behind the end", ["out of range", "7"], 0, -1, 7),
    numbers("below -1", ["out of range", "-2"], 0, -2, 1),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_empty_batch():
    """PyTorch returns whatever is in memory."""
    x, target = reftorch.zeros(0, 3), reftorch.zeros(0, 3, dtype=reftorch.int64)
    assert reftorch.nn.functional.multilabel_margin_loss(x, target, reduction="sum").item() == 0
    assert reftorch.nn.functional.multilabel_margin_loss(x, target).isnan().item()
