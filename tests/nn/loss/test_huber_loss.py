"""HuberLoss against torch: both pieces and their border, delta, weights, dtypes, NaN."""

import math

import pytest

import oracle
from loss_cases import dtypes, edges, reductions, refused, usual_cases, usual_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, distinct, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
nan, inf = math.nan, math.inf
W35 = uniform(0.5, 2, 3, 5)


def draw(*shape):
    return [distinct(*shape), normal(*shape)]


def weighted(torch, x, target, weight):
    return torch.nn.functional.huber_loss(x, target, weight=weight, delta=0.5)


CASES = [
    *usual_cases("huber_loss", "HuberLoss", draw),
    *reductions("huber_loss", draw(3, 5), "delta", delta=0.75),
    *reductions("huber_loss", draw(3, 5), "weight", weight=W35),
    ScriptCase("huber_loss", run=weighted, inputs=[*draw(3, 5), W35], id="weight with a gradient"),
    edges("huber_loss", [1.0, -1.0, 2.0, nan, inf, 0.0, -3.0], [0.0, 0.0, 0.0, 1.0, inf, nan, 0.0]),
    edges("huber_loss", [0.5, -0.5, 0.25, 4.0], [0.0, 0.0, 0.0, 1.0], id="edges, delta", delta=0.5),
    edges("huber_loss", [inf, -inf, 3.0, nan], [0.0, 0.0, 1.0, 0.0], id="edges, infinite delta", delta=inf),
    FunctionCase("huber_loss", draw(3, 5), args=("sum", 2), id="positional"),
    FunctionCase("huber_loss", [(3, 1), (3,)], id="broadcast"),
    dtypes("huber_loss", "float32", "int64", grad=False),
    dtypes("huber_loss", "float64", "bool", grad=False),
    ModuleCase("HuberLoss", draw(3, 5), args=("none", 0.25), id="module, positional"),
]
ERRORS = [
    *usual_errors("huber_loss"),
    refused("huber_loss", ["non-positive", "0"], "delta 0", (3,), (3,), delta=0),
    refused("huber_loss", ["non-positive", "nan"], "delta NaN", (3,), (3,), delta=nan),
    refused("huber_loss", ["delta", "NoneType"], "delta None", (3,), (3,), delta=None),
    refused("huber_loss", ["int64"], "integers", ((3,), "int64"), ((3,), "int64")),
    refused("huber_loss", ["float()"], "integers and floats", ((3,), "int64"), (3,)),
    refused("huber_loss", ["same size"], "weight of another shape", (3,), (3,), weight=(1,)),
    ErrorCase(lambda torch: torch.nn.HuberLoss(delta="1"), ["delta", "str"], id="delta a text"),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests


def test_float64_target_of_a_float32_input():
    """PyTorch gives the same numbers, in float32, but fails in backward."""
    torch = pytest.importorskip("torch")
    import reftorch

    losses = []
    for library in (torch, reftorch):
        x, target = library.tensor([1.0, 2.5]), library.tensor([0.5, 0.0], dtype=library.float64)
        losses.append(library.nn.functional.huber_loss(x, target))
    assert losses[1].dtype is reftorch.float32 and losses[0].item() == losses[1].item()
