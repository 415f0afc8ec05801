"""PoissonNLLLoss against torch: rates and their logarithms, Stirling's term, dtypes, edges."""

import math

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import FunctionCase, ModuleCase, array, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
nan, inf = math.nan, math.inf


def draw(*shape):
    return [normal(*shape), uniform(0.1, 5, *shape)]


def rates(*shape):
    return [uniform(0.1, 3, *shape), uniform(0.1, 5, *shape)]


COUNTS = [0.0, 1.0, 2.0, nan, 3.0, 0.0, 2.0]
CASES = [
    *usual_cases("poisson_nll_loss", "PoissonNLLLoss", draw),
    *reductions("poisson_nll_loss", rates(3, 5), "rate", log_input=False),
    *reductions("poisson_nll_loss", draw(3, 5), "full", full=True),
    FunctionCase(
        "poisson_nll_loss", rates(3, 5), kwargs=dict(log_input=False, full=True, eps=0.5), id="rate, full, eps"
    ),
    *deprecated("poisson_nll_loss", draw(3, 5)),
    edges("poisson_nll_loss", [0.0, 1.0, nan, 1.0, -inf, inf, 1000.0], COUNTS),
    edges("poisson_nll_loss", [0.0, 1.0, nan, 1.0, 0.0, inf, 1e-9], COUNTS, id="edges, rate", log_input=False),
    FunctionCase(
        "poisson_nll_loss",
        [(4,), array([0.5, 1.0, 1.5, 3.0])],
        kwargs=dict(full=True, reduction="none"),
        id="full from above 1 on",
        gradcheck=False,
    ),
    FunctionCase("poisson_nll_loss", [(3, 1), (3,)], id="broadcast"),
    dtypes("poisson_nll_loss", "float32", "float64"),
    dtypes("poisson_nll_loss", "float64", "int64"),
    dtypes("poisson_nll_loss", "int64", "float32"),
    dtypes("poisson_nll_loss", "int64", "int64"),
    ModuleCase("PoissonNLLLoss", rates(3, 5), args=(False, True, None, 0.1, None, "none"), id="module, positional"),
]
ERRORS = [*usual_errors("poisson_nll_loss"), refused("poisson_nll_loss", ["eps"], "eps None", (3,), (3,), eps=None)]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_gradient_of_a_target_of_0_is_finite():
    target = reftorch.tensor([0.0], requires_grad=True)
    F.poisson_nll_loss(reftorch.ones(1), target, full=True).backward()
    assert target.grad.item() == -1
