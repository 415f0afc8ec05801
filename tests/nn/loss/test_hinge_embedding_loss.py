"""HingeEmbeddingLoss against torch: both kinds of pairs, targets that are neither, the border."""

import math

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import FunctionCase, ModuleCase, Spec, array, distinct

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "hinge_embedding_loss"
nan, inf = math.nan, math.inf


def signs(*shape):
    return Spec(lambda rng: rng.choice([-1.0, 1.0], shape))


def draw(*shape):
    return [distinct(*shape), signs(*shape)]


WHOLE = [array([[-2, 0, 1], [2, 3, 5]]), array([[-1, 1, -1], [-1, 1, 1]])]
OPTIONS = [(1.0, "none"), (2.7, "none"), (-1, "none"), (2.7, "sum")]
CASES = [
    *usual_cases(NAME, "HingeEmbeddingLoss", draw),
    *reductions(NAME, draw(3, 5), "margin", margin=0.5),
    *deprecated(NAME, draw(3, 5)),
    edges(NAME, [1.0, 1.0, nan, nan, inf, -inf, 0.5, 3.0], [1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 0.0, 2.0]),
    FunctionCase(NAME, [distinct(3, 1), signs(4)], id="broadcast"),
    dtypes(NAME, "float32", "float64"),
    dtypes(NAME, "float64", "int64"),
    *[FunctionCase(NAME, WHOLE, kwargs=dict(margin=m, reduction=r), id=f"integers, {m}, {r}") for m, r in OPTIONS],
    dtypes(NAME, "float32", "bool"),
    ModuleCase("HingeEmbeddingLoss", draw(3, 5), args=(0.25, None, None, "none"), id="module, positional"),
]
ERRORS = [
    *usual_errors(NAME),
    refused(NAME, ["floating"], "mean of integers", ((3,), "int64"), (3,)),
    refused(NAME, ["margin"], "margin None", (3,), (3,), margin=None),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
