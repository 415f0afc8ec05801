"""GaussianNLLLoss against torch: shapes of the variance, its smallest value, the constant."""

import math

import pytest

import oracle
from loss_cases import dtypes, edges, reductions, refused, usual_cases
from oracle import ErrorCase, FunctionCase, ModuleCase, array, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "gaussian_nll_loss"
nan, inf = math.nan, math.inf


def draw(*shape):
    return [normal(*shape), normal(*shape), uniform(0.2, 3, *shape)]


CASES = [
    *usual_cases(NAME, "GaussianNLLLoss", draw),
    *reductions(NAME, draw(3, 5), "full", full=True),
    FunctionCase(NAME, draw(3, 5), kwargs=dict(eps=1.0), id="eps", gradcheck=False),
    FunctionCase(NAME, [(3, 5), (3, 5), uniform(0.2, 3, 3)], id="variance without the last dimension"),
    FunctionCase(NAME, [(3, 5), (3, 5), uniform(0.2, 3, 3, 1)], id="variance, a column"),
    FunctionCase(NAME, [(3, 5), (3, 5), uniform(0.2, 3, 1, 5)], id="variance, a row"),
    FunctionCase(NAME, [(3, 5), (5,), uniform(0.2, 3, 3, 5)], id="target, a row"),
    FunctionCase(NAME, [(5,), (5,), uniform(0.2, 3)], id="variance, a number of no dimensions"),
    FunctionCase(NAME, [(3, 5), (3, 5)], args=(0.5,), id="variance, a float"),
    edges(NAME, [0.0, 1.0, nan, inf, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0, nan, 1.0], [0.0, 0.0, 1.0, 1.0, 1.0, inf]),
    dtypes(NAME, "float32", "float64", "float32"),
    dtypes(NAME, "float32", "int64", "float32"),
    dtypes(NAME, "int64", "float32", "float32"),
    FunctionCase(NAME, [array([1, 2, 5]), array([3, 2, 1])], args=(0.5,), id="integers, variance a float"),
    ModuleCase(
        "GaussianNLLLoss", draw(3, 5), kwargs=dict(full=True, eps=0.5, reduction="sum"), id="options", gradcheck=False
    ),
]
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (3,), (3,), (3,), reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], (3,), (3,)),
    refused(NAME, ["target", "NoneType"], "target None", (3,), None, (3,)),
    refused(NAME, ["var", "int"], "variance an int", (3,), (3,), 1),
    refused(NAME, ["negative"], "negative float", (3,), (3,), -1.0),
    refused(NAME, ["int64", "var.float()"], "variance of integers", (3,), (3,), ((3,), "int64")),
    refused(NAME, ["target", "bool"], "bool", (3,), ((3,), "bool"), (3,)),
    refused(NAME, ["incorrect size", "[2]", "[3, 2]"], "variance, a row without its dimension", (3, 2), (3, 2), (2,)),
    ErrorCase(
        lambda torch: torch.nn.functional.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.tensor([1.0, -2.0])),
        ["negative", "-2.0", "softplus"],
        id="negative variance",
    ),
    ErrorCase(lambda torch: torch.nn.GaussianNLLLoss(True), ["positional"], id="positional"),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
