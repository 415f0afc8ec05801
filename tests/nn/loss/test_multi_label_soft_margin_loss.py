"""MultiLabelSoftMarginLoss against torch: reductions, weights, shapes, large logits."""

from math import inf, nan

import pytest

import oracle
from loss_cases import deprecated, dtypes, edges, reductions, refused, usual_errors
from oracle import FunctionCase, ModuleCase, ScriptCase, array, normal, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME = "multilabel_soft_margin_loss"
W5 = uniform(0.5, 2, 5)


def draw(*shape):
    return [normal(*shape), uniform(0.0, 1, *shape)]


def weighted(*shape, edges=False):
    x = array([[-inf, 1, -inf, 2, -inf], [1, inf, 3, inf, 5]])
    target = array([[1.0, 0, 0.5, 1, 0], [0, 0, 1, 1, 1]])

    def run(torch, x, target, weight):
        return torch.nn.functional.multilabel_soft_margin_loss(x, target, weight, reduction="none")

    inputs = [x, target] if edges else draw(3, 5)
    id = f"gradient of a weight {shape}" + ", infinite logits" * edges
    return ScriptCase(NAME, run=run, inputs=[*inputs, uniform(0.5, 2, *shape)], id=id, gradcheck=not edges)


CASES = [
    *reductions(NAME, draw(3, 5)),
    *reductions(NAME, draw(3, 5), "weight", weight=W5),
    weighted(5),
    weighted(3, 1),
    weighted(),
    FunctionCase(NAME, draw(4), id="one sample"),
    FunctionCase(NAME, draw(2, 1, 3), kwargs=dict(reduction="none"), id="three dimensions"),
    FunctionCase(NAME, draw(0, 3), kwargs=dict(reduction="none"), id="empty batch"),
    FunctionCase(NAME, draw(0, 3), id="mean of an empty batch"),
    FunctionCase(NAME, [(2, 3), uniform(0.0, 1, 3)], kwargs=dict(reduction="none"), id="broadcast"),
    FunctionCase(NAME, [(1, 3), uniform(0.0, 1, 2, 3)], kwargs=dict(reduction="none"), id="broadcast input"),
    FunctionCase(NAME, [(3, 4), array([[0.0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]], grad=False)], id="labels"),
    FunctionCase(NAME, draw(300, 20), id="large"),
    edges(NAME, [[0.0, 200.0, 200.0, -200.0, -200.0]], [[0.0, 0.0, 1.0, 0.0, 1.0]]),
    edges(NAME, [[-inf], [-inf], [-inf], [inf], [inf], [inf]], [[1.0], [0.5], [0.0]] * 2, id="infinite logits"),
    edges(NAME, [[nan], [nan]], [[1.0], [0.0]], id="NaN"),
    weighted(5, edges=True),
    dtypes(NAME, "float32", "float64"),
    dtypes(NAME, "float64", "float32"),
    dtypes(NAME, "float32", "int64"),
    dtypes(NAME, "float32", "float32", "float64"),
    *deprecated(NAME, draw(3, 5)),
    ModuleCase("MultiLabelSoftMarginLoss", draw(3, 5), id="module"),
    ModuleCase("MultiLabelSoftMarginLoss", draw(3, 5), kwargs=dict(weight=W5, reduction="sum"), id="module, weight"),
]
ERRORS = [
    *usual_errors(NAME),
    refused(NAME, ["int64"], "integers", ((2, 3), "int64"), (2, 3)),
    refused(NAME, ["dimension"], "a number", (), ()),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
