"""MarginRankingLoss against torch: margins, the kink, three tensors that broadcast."""

import math

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases
from oracle import FunctionCase, ModuleCase, array, distinct, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "margin_ranking_loss"
nan, inf = math.nan, math.inf


def draw(*shape):
    return [distinct(*shape), normal(*shape), normal(*shape)]


SIGNS = array([[1.0, -1, 1, -1, 1], [-1, -1, 1, 1, 1], [1, 1, -1, -1, -1]], grad=False)
WHOLE = [array([[-2, 0, 1], [2, 3, 5]]), array([[1, 1, 1], [-1, 4, 0]]), array([[-1, 1, -1], [-1, 1, 1]])]
CASES = [
    *usual_cases(NAME, "MarginRankingLoss", draw),
    *reductions(NAME, [(3, 5), (3, 5), SIGNS], "margin", margin=0.5),
    *deprecated(NAME, draw(3, 5)),
    edges(NAME, [1.0, 1.0, 2.0, nan, inf, 3.0], [1.0, 2.0, 1.0, 0.0, inf, 1.0], [1.0, -1.0, 1.0, 1.0, 1.0, 0.0]),
    edges(NAME, [2.0, 5.0, -inf], [1.0, 1.0, 0.0], [1.0, 1.0, -1.0], id="edges, margin", margin=1),
    FunctionCase(NAME, [(3, 1), (1, 2), (3, 2)], id="broadcast"),
    dtypes(NAME, "float32", "float64", "float32"),
    dtypes(NAME, "int64", "float32", "float32"),
    dtypes(NAME, "float32", "float32", "int64"),
    *[
        FunctionCase(NAME, WHOLE, kwargs=dict(margin=1.5, reduction=r), id=f"integers, {r}")
        for r in ("none", "mean", "sum")
    ],
    ModuleCase("MarginRankingLoss", [(3, 5), (3, 5), SIGNS], args=(0.25, None, None, "none"), id="module, positional"),
]
ERRORS = [
    refused(NAME, ["target", "bool"], "bool as target", (3,), (3,), ((3,), "bool")),
    refused(NAME, ["input1", "bool"], "bool", ((3,), "bool"), (3,), (3,)),
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (3,), (3,), (3,), reduction="average"),
    refused(NAME, ["input1", "list"], "input a list", [1.0], (3,), (3,)),
    refused(NAME, ["target", "NoneType"], "target None", (3,), (3,), None),
    refused(NAME, ["same dimension", "[3, 2]"], "dimensions", (3,), (3, 2), (2,)),
    refused(NAME, ["[2, 3]"], "shapes", (2, 3), (2, 4), (2, 3)),
    refused(NAME, ["margin"], "margin None", (3,), (3,), (3,), margin=None),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
