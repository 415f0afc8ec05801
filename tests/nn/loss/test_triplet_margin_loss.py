"""TripletMarginLoss and TripletMarginWithDistanceLoss against torch: swap, powers, the kink, any distance, shapes."""

import math

import pytest

import oracle
from loss_cases import deprecated, reductions, refused
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, integers, normal

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME, ANY = "triplet_margin_loss", "triplet_margin_with_distance_loss"
THREE = [(4, 3), (4, 3), (4, 3)]


def case(id, *inputs, name=NAME, gradcheck=True, **kwargs):
    return FunctionCase(name, inputs or THREE, kwargs=kwargs, id=id, gradcheck=gradcheck)


def own_distance(reduction, swap):
    def run(torch, anchor, positive, negative):
        def distance(x, y):
            return (x - y).abs().sum(-1)

        loss = torch.nn.TripletMarginWithDistanceLoss(distance_function=distance, swap=swap, reduction=reduction)
        return loss(anchor, positive, negative)

    return ScriptCase(ANY, run=run, inputs=THREE, id=f"own distance, {reduction}, swap {swap}")


CASES = [
    *reductions(NAME, THREE),
    *reductions(NAME, THREE, "swap", swap=True),
    case("margin", margin=0.1),
    case("p 1", p=1),
    case("p 3", p=3, eps=0.01),
    case("p inf", p=math.inf),
    case("one triplet", (3,), (3,), (3,)),
    case("three dimensions", (2, 2, 3), (2, 2, 3), (2, 2, 3), reduction="none"),
    case("repeated", (2, 3), (1, 3), (2, 1), reduction="none"),
    case("empty batch", (0, 3), (0, 3), (0, 3)),
    case("no gradient", *[normal(2, 3, grad=False)] * 3),
    case("tie of swap", array([[0.0, 0]]), array([[2.0, 0]]), array([[1.0, 0]]), swap=True, eps=0, gradcheck=False),
    case("kink", array([[0.0]]), array([[2.0]]), array([[3.0]]), eps=0, gradcheck=False),
    case(
        "NaN",
        array([[0.0], [1.0]]),
        array([[math.nan], [1.0]]),
        array([[3.0], [math.nan]]),
        reduction="none",
        gradcheck=False,
    ),
    case("integers", integers(-3, 4, 2, 3), integers(-3, 4, 2, 3), (2, 3)),
    case("large", (300, 20), (300, 20), (300, 20)),
    *deprecated(NAME, THREE),
    *reductions(ANY, THREE, "usual distance"),
    case("swap, usual distance", name=ANY, swap=True, margin=0.5),
    *[own_distance(reduction, swap) for reduction, swap in (("mean", False), ("none", True))],
    ModuleCase("TripletMarginLoss", THREE, id="module"),
    ModuleCase("TripletMarginLoss", THREE, args=(0.5, 1, 0.01, True, None, None, "sum"), id="module, positional"),
    ModuleCase("TripletMarginWithDistanceLoss", THREE, id="module with any distance"),
    ModuleCase(
        "TripletMarginWithDistanceLoss", THREE, kwargs=dict(margin=2.0, swap=True, reduction="none"), id="options"
    ),
]
ROWS = [(2, 3)] * 3
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", *ROWS, reduction="average"),
    refused(NAME, ["anchor", "list"], "anchor a list", [1.0], (2, 3), (2, 3)),
    refused(NAME, ["negative", "NoneType"], "negative None", (2, 3), (2, 3), None),
    refused(NAME, ["greater than 0", "0"], "margin 0", *ROWS, margin=0),
    refused(NAME, ["2D", "1D"], "dimensions", (2, 3), (3,), (2, 3)),
    refused(NAME, ["[2, 3]"], "shapes", (2, 3), (2, 4), (2, 3)),
    refused(NAME, ["bool"], "bool", ((2, 3), "bool"), ((2, 3), "bool"), (2, 3)),
    refused(ANY, ["average", "'none', 'mean' or 'sum'"], "any, reduction", *ROWS, reduction="average"),
    refused(ANY, ["greater than 0", "-1"], "any, margin", *ROWS, margin=-1),
    refused(ANY, ["2D", "1D"], "any, dimensions", (2, 3), (3,), (2, 3)),
    ErrorCase(lambda torch: torch.nn.TripletMarginLoss(margin=0), ["greater than 0"], id="module, margin"),
    ErrorCase(
        lambda torch: torch.nn.TripletMarginWithDistanceLoss(margin=0), ["greater than 0"], id="any, module, margin"
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
