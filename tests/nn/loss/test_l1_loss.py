"""L1Loss against torch: reductions, shapes, weights, dtypes, NaN and ties."""

import math

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import FunctionCase, ScriptCase, distinct, integers, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
nan, inf = math.nan, math.inf
W35 = uniform(0.5, 2, 3, 5)


def draw(*shape):
    return [distinct(*shape), normal(*shape)]


def weighted(reduction):
    def run(torch, x, target, weight):
        return torch.nn.functional.l1_loss(x, target, weight=weight, reduction=reduction)

    return ScriptCase("l1_loss", run=run, inputs=[*draw(3, 5), W35], id=f"weight with a gradient, {reduction}")


CASES = [
    *usual_cases("l1_loss", "L1Loss", draw),
    *deprecated("l1_loss", draw(3, 5)),
    edges("l1_loss", [1.0, 1.0, nan, inf, inf, -inf, 0.0], [1.0, 2.0, 1.0, inf, -inf, 0.0, nan]),
    FunctionCase("l1_loss", [(3, 1), (3,)], id="broadcast"),
    FunctionCase("l1_loss", [(2, 3), ()], kwargs=dict(reduction="none"), id="one target"),
    dtypes("l1_loss", "float32", "float64"),
    dtypes("l1_loss", "float64", "float32"),
    dtypes("l1_loss", "int64", "float32"),
    dtypes("l1_loss", "int64", "int64", reduction="sum"),
    dtypes("l1_loss", "int64", "int64", reduction="none"),
    dtypes("l1_loss", "complex64", "complex64"),
    *reductions("l1_loss", draw(3, 5), "weight", weight=W35),
    *[weighted(reduction) for reduction in ("none", "mean", "sum")],
    FunctionCase("l1_loss", [integers(-3, 4, 3), integers(-3, 4, 3)], kwargs=dict(reduction="sum"), id="integers"),
]
ERRORS = [
    *usual_errors("l1_loss"),
    refused("l1_loss", ["same size", "[1]"], "weight of another shape", (3,), (3,), weight=(1,)),
    refused("l1_loss", [], "mean of integers", ((3,), "int64"), ((3,), "int64")),
    refused("l1_loss", ["bool"], "bool", ((3,), "bool"), ((3,), "bool")),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
