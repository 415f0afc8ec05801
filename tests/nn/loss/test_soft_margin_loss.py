"""SoftMarginLoss against torch: reductions, dtypes, overflow."""

import math

import pytest

import oracle
from loss_cases import deprecated, refused, usual_cases, usual_errors, without_grad
from oracle import ErrorCase, FunctionCase, ModuleCase, distinct, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "soft_margin_loss"
nan, inf = math.nan, math.inf


def draw(*shape):
    return [distinct(*shape), without_grad(normal(*shape))]


def flat_edges(torch, x):
    """The target wants no gradient, as all targets of this loss."""
    target = torch.tensor([1.0, 1.0, -1.0, 1.0, -1.0, 0.0, 1.0], dtype=x.dtype, device=x.device)
    return torch.nn.functional.soft_margin_loss(x, target, reduction="none")


CASES = [
    *usual_cases(NAME, "SoftMarginLoss", draw),
    *deprecated(NAME, draw(3, 5)),
    oracle.ScriptCase(
        NAME, run=flat_edges, inputs=[oracle.array([0.0, -800, -800, nan, inf, 3.0, -inf])], id="edges", gradcheck=False
    ),
    FunctionCase(NAME, [(3, 4), without_grad(normal(4))], id="broadcast"),
    ModuleCase("SoftMarginLoss", draw(3, 5), args=(None, None, "none"), id="module, positional"),
]
ERRORS = [
    refused(NAME, ["[3, 1]", "[3, 4]"], "input that is too small", (3, 1), (4,)),
    *usual_errors(NAME),
    refused(NAME, ["int64", "float()"], "integers", ((3,), "int64"), (3,)),
    ErrorCase(
        lambda torch: torch.nn.functional.soft_margin_loss(torch.ones(2), torch.ones(2, requires_grad=True)),
        ["target", "detach"],
        id="target with a gradient",
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
