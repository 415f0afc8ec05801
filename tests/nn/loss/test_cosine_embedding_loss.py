"""CosineEmbeddingLoss against torch: both kinds of pairs, margins, zeros, shapes."""

import math

import pytest

import oracle
import reftorch
from loss_cases import deprecated, reductions, refused
from oracle import FunctionCase, ModuleCase, array, integers, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "cosine_embedding_loss"
SIGNS = array([1.0, -1, 1, -1, 0], grad=False)
PAIR = [(5, 3), (5, 3), SIGNS]


def case(id, *inputs, gradcheck=True, tiny=None, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id, gradcheck=gradcheck, tiny=tiny)


CASES = [
    *reductions(NAME, PAIR),
    *reductions(NAME, PAIR, "margin", margin=0.3),
    case("negative margin", *PAIR, margin=-0.5),
    case("integers as target", (3, 4), (3, 4), array([1, -1, 1])),
    case("one pair", (4,), (4,), array(-1)),
    case("one pair, none", (4,), (4,), array(1), reduction="none"),
    case("one target for all", (3, 4), (3, 4), array([-1])),
    case("one vector for all", (3, 4), (1, 4), array([1, -1, 1]), reduction="none"),
    case("empty batch", (0, 3), (0, 3), integers(0, 2, 0)),
    case("empty vectors", (2, 0), (2, 0), array([1, -1]), reduction="none"),
    case(
        "zeros", array([[0.0, 0], [0, 0]]), array([[0.0, 0], [1, 1]]), array([1, -1]), reduction="none", gradcheck=False
    ),
    case("NaN", array([[1.0, math.nan], [1, math.nan]]), (2, 2), array([1, -1]), reduction="none", gradcheck=False),
    case("the target has no gradient", (3, 4), (3, 4), array([1.0, -1, 1])),
    case("one gradient", normal(3, 4, grad=False), (3, 4), array([1, -1, 1])),
    case("large", (300, 20), (300, 20), integers(0, 2, 300)),
    case("integers", integers(-3, 4, 2, 3), (2, 3), array([1, -1]), tiny=False),
    case("all integers", integers(-3, 4, 2, 3), integers(-3, 4, 2, 3), array([1, -1])),
    *deprecated(NAME, PAIR),
    ModuleCase("CosineEmbeddingLoss", PAIR, id="module"),
    ModuleCase("CosineEmbeddingLoss", PAIR, args=(0.25, None, None, "none"), id="module, positional"),
]
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (2, 3), (2, 3), (2,), reduction="average"),
    refused(NAME, ["input1", "list"], "input a list", [1.0], (2, 3), (2,)),
    refused(NAME, ["target", "NoneType"], "target None", (2, 3), (2, 3), None),
    refused(NAME, ["2D", "[3]"], "a single vector", (2, 3), (3,), (2,)),
    refused(NAME, ["2D", "[2, 3, 4]"], "three dimensions", (2, 3, 4), (2, 3, 4), (2,)),
    refused(NAME, ["1D", "[2, 3]"], "target of a single pair", (2, 3), (2, 3), ()),
    refused(NAME, ["0D or 1D"], "target of two dimensions", (2, 3), (2, 3), (2, 1)),
    refused(NAME, ["(2)", "(3)"], "batch sizes", (2, 3), (2, 3), (3,)),
    refused(NAME, ["[2, 3]"], "shapes", (2, 3), (2, 4), (2,)),
    refused(NAME, ["margin"], "margin None", (2, 3), (2, 3), (2,), margin=None),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_mixed_dtypes():
    x, y, target = reftorch.ones(2, 3), reftorch.ones(2, 3, dtype=reftorch.float64), reftorch.ones(2)
    assert reftorch.nn.functional.cosine_embedding_loss(x, y, target).dtype is reftorch.float64
