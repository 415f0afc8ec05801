"""KLDivLoss against torch: the four reductions, log_target, zeros, dtypes, warnings."""

import math
import warnings

import pytest

import oracle
import reftorch
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import FunctionCase, ModuleCase, normal, probabilities, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
nan, inf = math.nan, math.inf


def draw(*shape):
    return [normal(*shape), uniform(0.1, 1, *shape)]


CASES = [
    *usual_cases("kl_div", "KLDivLoss", draw),
    *reductions("kl_div", [(3, 5), (3, 5)], "log_target", log_target=True),
    *deprecated("kl_div", draw(3, 5)),
    FunctionCase("kl_div", [(3, 5), probabilities(3, 5)], kwargs=dict(reduction="batchmean"), id="batchmean"),
    FunctionCase("kl_div", draw(), kwargs=dict(reduction="batchmean"), id="batchmean of a number"),
    FunctionCase("kl_div", [(3, 1), uniform(0.1, 1, 4)], kwargs=dict(reduction="batchmean"), id="batchmean, broadcast"),
    FunctionCase("kl_div", draw(3, 5), args=(False, None, "batchmean"), id="batchmean and size_average"),
    edges("kl_div", [0.0, -inf, 1.0, -1.0, nan, -inf, 2.0], [0.0, 0.0, -1.0, 1.0, 0.5, 0.5, nan]),
    edges("kl_div", [0.0, -inf, nan, 1.0], [-inf, -1.0, 1.0, inf], id="edges, log_target", log_target=True),
    FunctionCase("kl_div", [(3, 1), uniform(0.1, 1, 3)], id="broadcast"),
    dtypes("kl_div", "float32", "float64"),
    dtypes("kl_div", "float64", "float32"),
    ModuleCase("KLDivLoss", [(3, 5), (3, 5)], args=(None, None, "batchmean", True), id="module, positional"),
]
ERRORS = [
    *usual_errors("kl_div"),
    refused("kl_div", ["Integral", "target"], "integers", (3,), ((3,), "int64")),
    refused("kl_div", ["Complex"], "complex", ((3,), "complex64"), ((3,), "complex64")),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests

CALLS = {
    "mean": lambda torch: torch.nn.functional.kl_div(torch.zeros(2), torch.zeros(2)),
    "sum": lambda torch: torch.nn.functional.kl_div(torch.zeros(2), torch.zeros(2), reduction="sum"),
    "module": lambda torch: torch.nn.KLDivLoss()(torch.zeros(2), torch.zeros(2)),
    "deprecated": lambda torch: torch.nn.functional.kl_div(torch.zeros(2), torch.zeros(2), size_average=True),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("default")
def test_warns_as_torch_does(name):
    found = []
    for library in (reftorch, pytest.importorskip("torch")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            CALLS[name](library)
        found.append([(each.category, str(each.message)) for each in caught])
        assert library is not reftorch or all(each.filename == __file__ for each in caught)
    assert found[0] == found[1]
