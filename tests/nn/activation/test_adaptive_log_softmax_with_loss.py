"""AdaptiveLogSoftmaxWithLoss against torch."""

import numpy as np

import oracle
from oracle import ErrorCase, ModuleCase, ScriptCase, array, integers, normal

NAME = "AdaptiveLogSoftmaxWithLoss"
TARGETS = array([0, 7, 3, 11, 2, 3])
ALL = (8, 12, [3, 6, 9])


def case(id, inputs=((6, 8), TARGETS), args=ALL, **options):
    return ModuleCase(NAME, list(inputs), args, options, id=id)


def method(name, shift=0.0):
    """All log-probabilities, or the most probable classes; `shift` of the shortlist's bias decides who is chosen."""

    def run(torch, x):
        torch.manual_seed(3)
        layer = torch.nn.AdaptiveLogSoftmaxWithLoss(*ALL, head_bias=True).to(x)
        with torch.no_grad():
            layer.head.bias[:3] += shift
        return getattr(layer, name)(x)

    return ScriptCase(NAME, [normal(6, 8)], run=run, id=f"{name}, shift {shift}")


CASES = [
    case("three clusters"),
    case("head with bias", head_bias=True),
    case("one cluster", args=(8, 12, (4,)), div_value=2.0),
    case("no hidden features", args=(8, 12, [3, 6, 9]), div_value=16.0),
    case("shortlist only", ((2, 8), array([0, 2]))),
    case("one sample", ((1, 8), array([5]))),
    case("not a batch", ((8,), array(7))),
    case("int32", ((2, 8), array(np.array([0, 10], np.int32)))),
    ModuleCase(NAME, [(0, 8), array(np.zeros(0, np.int64))], ALL, id="no samples", gradcheck=False),
    case("large", ((40, 64), integers(0, 500, 40)), args=(64, 500, [20, 100])),
    method("log_prob"),
    *[method("predict", shift) for shift in (0.0, 9.0, -9.0)],
]


def make(cutoffs, n_classes=12):
    return lambda torch: torch.nn.AdaptiveLogSoftmaxWithLoss(8, n_classes, cutoffs)


def call(x, target):
    return lambda torch: torch.nn.AdaptiveLogSoftmaxWithLoss(*ALL)(torch.zeros(*x), torch.tensor(target))


ERRORS = [
    ErrorCase(make([]), ["length larger than 0"], id="no cutoffs"),
    *[ErrorCase(make(bad), ["increasing"], id=str(bad)) for bad in ([3, 3], [6, 3], [0, 3], [3, 12], [2.5])],
    ErrorCase(call((2, 8), [0, 12]), ["[0, 11]", "12"], id="class too large"),
    ErrorCase(call((2, 8), [0, -1]), ["[0, 11]", "-1"], id="negative class"),
    ErrorCase(call((2, 8), [0]), ["batch dimension", "[2, 8]"], id="batch sizes"),
    ErrorCase(call((2, 8), [[0], [1]]), ["multi-target"], id="2-D target"),
    ErrorCase(call((2, 8), 0), ["0D target", "1D input"], id="batch, one target"),
    ErrorCase(call((2, 3, 8), [0, 1]), ["1D target", "2D input"], id="3-D input"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
