"""LinearCrossEntropyLoss against torch: labels and probabilities, positions, bias, options of cross entropy."""

import pytest

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, integers, probabilities, uniform

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")
NAME, MODULE = "linear_cross_entropy", "LinearCrossEntropyLoss"
LABELS = integers(0, 4, 3)


def case(id, *inputs, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id)


def with_bias(torch, x, weight, bias):
    labels = torch.tensor([0, 3, 1], device=x.device)
    return torch.nn.functional.linear_cross_entropy(x, weight, labels, linear_bias=bias)


CASES = [
    *[case(each, (3, 2), (4, 2), LABELS, reduction=each) for each in ("none", "mean", "sum")],
    ScriptCase(NAME, run=with_bias, inputs=[(3, 2), (4, 2), (4,)], id="bias"),
    case("one sample", (2,), (4, 2), array(3)),
    case("positions", (3, 2), (4, 2, 3, 2), integers(0, 4, 3, 2, 3), reduction="none"),
    case("probabilities", (3, 2), (4, 2), probabilities(3, 4)),
    case("probabilities at positions", (3, 2), (4, 2, 2), probabilities(3, 4, 2)),
    case("class weights", (3, 2), (4, 2), LABELS, weight=uniform(0.5, 2, 4)),
    case("ignore_index", (3, 2), (4, 2), array([1, 0, 1]), ignore_index=1),
    case("label_smoothing", (3, 2), (4, 2), LABELS, label_smoothing=0.3),
    ModuleCase(MODULE, [(3, 2), LABELS], args=(2, 4), id="module"),
    ModuleCase(
        MODULE, [(3, 2), LABELS], args=(2, 4), kwargs=dict(bias=True, ignore_index=1, reduction="sum"), id="options"
    ),
    ModuleCase(
        MODULE, [(3, 2), integers(0, 4, 3, 2)], args=(2, 4), kwargs=dict(out_features=(2,), bias=True), id="positions"
    ),
    ModuleCase(MODULE, [(3, 2), LABELS], args=(2, 4), kwargs=dict(weight=uniform(0.5, 2, 4)), id="class weights"),
]


def bad(id, words, x=(3, 2), weight=(4, 2), labels=(3,), **kwargs):
    def call(torch):
        given = {key: torch.ones(value) if isinstance(value, tuple) else value for key, value in kwargs.items()}
        dtype = torch.float32 if len(labels) > 1 else torch.int64
        return torch.nn.functional.linear_cross_entropy(
            torch.ones(x), torch.ones(weight), torch.ones(labels, dtype=dtype), **given
        )

    return ErrorCase(call, words, id=id)


ERRORS = [
    bad("input of three dimensions", ["3", "(N, D)"], x=(3, 2, 2)),
    bad("weight of one dimension", ["linear_weight", "1"], weight=(2,)),
    bad("features", ["2", "3", "in_features"], weight=(4, 3)),
    bad("bias", ["(4,)", "(3,)"], linear_bias=(3,)),
    bad("positions of one sample", ["batched"], x=(2,), weight=(4, 2, 2)),
    bad("ignore_index with probabilities", ["ignore_index"], labels=(3, 4), ignore_index=1),
    bad("batch sizes", ["batch_size (3)", "(2)"], labels=(2,)),
    ErrorCase(lambda torch: torch.nn.LinearCrossEntropyLoss(2, 4, weight=torch.ones(3)), ["(4,)", "(3,)"], id="weight"),
    ErrorCase(lambda torch: torch.nn.LinearCrossEntropyLoss(2, 4, label_smoothing=1.5), ["1.5"], id="label_smoothing"),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)[:4]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = tests
