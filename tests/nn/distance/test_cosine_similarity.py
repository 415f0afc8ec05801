"""CosineSimilarity against torch: dimensions, short vectors, broadcasting, dtypes."""

import math

import oracle
from loss_cases import dtypes, refused
from oracle import ErrorCase, FunctionCase, ModuleCase, array, integers, normal

NAME = "cosine_similarity"


def case(id, *inputs, gradcheck=True, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id, gradcheck=gradcheck)


CASES = [
    case("rows", (3, 5), (3, 5)),
    case("columns", (3, 5), (3, 5), dim=0),
    case("last dimension", (2, 3, 4), (2, 3, 4), dim=-1),
    case("in the middle", (2, 3, 4), (2, 3, 4)),
    case("one pair", (5,), (5,), dim=0),
    case("numbers", (), (), dim=0),
    case("broadcast", (3, 1), (4,), dim=-1),
    case("a row for all", (3, 4), (1, 4)),
    case("empty batch", (0, 3), (0, 3)),
    case("empty vectors", (3, 0), (3, 0)),
    case("one gradient", (3, 5), normal(3, 5, grad=False)),
    case("other gradient", normal(3, 5, grad=False), (3, 5)),
    case("large eps", (3, 5), (3, 5), eps=10.0, gradcheck=False),
    case("one is short", array([[0.03, 0.04]]), array([[3.0, 4.0]]), eps=1.0, gradcheck=False),
    case("zeros", array([[0.0, 0, 0], [1, 2, 3]]), array([[1.0, 1, 1], [0, 0, 0]]), eps=0.01, gradcheck=False),
    case(
        "NaN and infinity", array([[1.0, math.nan], [math.inf, 1.0]]), array([[1.0, 1.0], [1.0, 1.0]]), gradcheck=False
    ),
    case("squares overflow in float32", array([[1e30, 1e30]]), array([[1.0, 1.0]]), gradcheck=False),
    case("large", (300, 40), (300, 40)),
    case("integers beside floats", integers(-3, 4, 3, 5), (3, 5)),
    dtypes(NAME, "float32", "float64"),
    dtypes(NAME, "float64", "float32"),
    ModuleCase("CosineSimilarity", [(3, 5), (3, 5)], id="module"),
    ModuleCase("CosineSimilarity", [(3, 5), (3, 5)], args=(0, 0.5), id="module, positional", gradcheck=False),
]
ERRORS = [
    refused(NAME, ["x1", "list"], "input a list", [1.0], (3,)),
    refused(NAME, ["x2", "NoneType"], "second None", (3,), None),
    refused(NAME, ["range", "single vectors is 0"], "no dimension 1", (3,), (3,)),
    refused(NAME, ["dim", "NoneType"], "dim None", (3,), (3,), dim=None),
    refused(NAME, ["eps"], "eps None", (2, 3), (2, 3), eps=None),
    refused(NAME, ["non-negative", "-1"], "eps negative", (2, 3), (2, 3), eps=-1),
    refused(NAME, ["non-negative", "nan"], "eps NaN", (2, 3), (2, 3), eps=float("nan")),
    refused(NAME, ["[2, 3]"], "shapes", (2, 3), (2, 4)),
    refused(NAME, ["int64", "float()"], "integers", ((2, 3), "int64"), ((2, 3), "int64")),
    ErrorCase(
        lambda torch: torch.nn.CosineSimilarity()(torch.ones(3), torch.ones(3)), ["range"], id="module, no dimension 1"
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
