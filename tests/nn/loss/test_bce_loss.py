"""BCELoss against torch: weights, probabilities of 0 and 1, what is refused."""

import pytest

import oracle
from loss_cases import deprecated, edges, reductions, refused, usual_cases
from oracle import ErrorCase, FunctionCase, ModuleCase, array, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "binary_cross_entropy"
W35 = uniform(0.5, 2, 3, 5)


def draw(*shape):
    return [uniform(0.05, 0.95, *shape), uniform(0.0, 1, *shape)]


CASES = [
    *usual_cases(NAME, "BCELoss", draw),
    *deprecated(NAME, draw(3, 5)),
    *reductions(NAME, draw(3, 5), "weight", weight=W35),
    FunctionCase(NAME, draw(3, 5), kwargs=dict(weight=uniform(0.5, 2, 5)), id="weight, a row"),
    FunctionCase(NAME, draw(3, 5), kwargs=dict(weight=uniform(0.5, 2, 3, 1)), id="weight, a column"),
    FunctionCase(NAME, draw(3, 5), kwargs=dict(weight=array([1, 2, 0, 1, 3])), id="weight of integers"),
    edges(NAME, [0.0, 0.0, 1.0, 1.0, 0.5, 1e-30, 0.25], [0.0, 1.0, 0.0, 1.0, 0.5, 1.0, 0.0]),
    ModuleCase("BCELoss", draw(3, 5), kwargs=dict(weight=uniform(0.5, 2, 5)), id="module, weight"),
    ModuleCase("BCELoss", draw(3, 5), args=(None, None, None, "sum"), id="module, positional"),
]
ERRORS = [
    refused(NAME, ["average", "'none', 'mean' or 'sum'"], "reduction", (3,), (3,), reduction="average"),
    refused(NAME, ["list"], "input a list", [1.0], (3,)),
    refused(NAME, ["target", "float"], "target a number", (3,), 1.0),
    refused(NAME, ["weight", "list"], "weight a list", (3,), (3,), weight=[1.0, 2.0, 3.0]),
    refused(NAME, ["[2, 3]", "[3]"], "shapes", (2, 3), (3,)),
    refused(NAME, ["dtype", "float64"], "dtypes", (3,), ((3,), "float64")),
    refused(NAME, ["int64"], "integers", ((3,), "int64"), ((3,), "int64")),
    refused(NAME, ["weight", "[2, 3]"], "weight that is too large", (3,), (3,), weight=(2, 3)),
    *[
        ErrorCase(
            lambda torch, x=x, t=t: torch.nn.functional.binary_cross_entropy(torch.tensor([x]), torch.tensor([t])),
            [word],
            id=id,
        )
        for id, word, x, t in [
            ("input above 1", "between 0 and 1", 1.5, 1.0),
            ("input below 0", "sigmoid", -0.5, 1.0),
            ("input NaN", "between 0 and 1", float("nan"), 1.0),
            ("target above 1", "target", 0.5, 2.0),
            ("target NaN", "target", 0.5, float("nan")),
        ]
    ],
    ErrorCase(
        lambda torch: torch.nn.functional.binary_cross_entropy(
            torch.full((2,), 0.5), torch.ones(2), torch.ones(2, requires_grad=True)
        ).backward(),
        ["weight", "detach"],
        id="weight with a gradient",
    ),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
