"""SmoothL1Loss against torch: both pieces and their border, beta 0, dtypes, NaN."""

import math

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import FunctionCase, ModuleCase, distinct, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
nan, inf = math.nan, math.inf


def draw(*shape):
    return [distinct(*shape), normal(*shape)]


CASES = [
    *usual_cases("smooth_l1_loss", "SmoothL1Loss", draw),
    *reductions("smooth_l1_loss", draw(3, 5), "beta", beta=0.75),
    *deprecated("smooth_l1_loss", draw(3, 5)),
    edges("smooth_l1_loss", [1.0, -1.0, 2.0, nan, inf, 0.0, -3.0], [0.0, 0.0, 0.0, 1.0, inf, nan, 0.0]),
    edges("smooth_l1_loss", [0.5, -0.5, 0.25, nan], [0.0, 0.0, 0.0, 1.0], id="edges, beta", beta=0.5),
    FunctionCase("smooth_l1_loss", draw(3, 5), kwargs=dict(beta=0), id="beta 0"),
    FunctionCase("smooth_l1_loss", draw(3, 5), args=(None, None, "sum", 2), id="positional"),
    FunctionCase("smooth_l1_loss", [(3, 1), (3,)], id="broadcast"),
    dtypes("smooth_l1_loss", "float32", "float64"),
    dtypes("smooth_l1_loss", "float64", "float32"),
    dtypes("smooth_l1_loss", "float32", "bool"),
    dtypes("smooth_l1_loss", "int64", "int64", beta=0, reduction="none"),
    ModuleCase("SmoothL1Loss", draw(3, 5), args=(None, None, "none", 0.25), id="module, positional"),
]
ERRORS = [
    *usual_errors("smooth_l1_loss"),
    refused("smooth_l1_loss", ["negative", "-1"], "beta negative", (3,), (3,), beta=-1),
    refused("smooth_l1_loss", ["negative", "nan"], "beta NaN", (3,), (3,), beta=float("nan")),
    refused("smooth_l1_loss", ["beta", "NoneType"], "beta None", (3,), (3,), beta=None),
    refused("smooth_l1_loss", ["int64"], "integers", ((3,), "int64"), ((3,), "int64")),
    refused("smooth_l1_loss", ["complex64"], "complex", ((3,), "complex64"), ((3,), "complex64")),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
