"""LPPool3d against torch: orders of every kind, signs, windows that are cut, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, array, distinct, uniform
from pooling_cases import LARGE, SIZE, last, windows

inf = math.inf
KERNEL = last(3, 2, 3, 2)


def case(id, *args, of=None, **kwargs):
    return ModuleCase("LPPool3d", [of or uniform(0.5, 2, *SIZE[3])], args, kwargs, id=id)


def edge(id, order, numbers):
    shape = (1, 1, 1, 1, len(numbers))
    given = array(np.array(numbers).reshape(shape))
    return FunctionCase("lp_pool3d", [given], (order, last(3, 1, 1, 2)), id=id, gradcheck=False)


CASES = [
    case("order 2", 2, 2),
    case("order 1", 1, KERNEL),
    case("a fraction", 1.5, 2, 1),
    case("order 3, overlapping", 3, KERNEL, 1),
    case("a negative order", -2, 2),
    case("ceil", 2, 2, 2, ceil_mode=True),
    case("infinite order", inf, 2, of=distinct(*SIZE[3])),
    case("order minus infinity", -inf, 2, of=distinct(*SIZE[3])),
    case("unbatched", 2, 2, of=uniform(0.5, 2, *SIZE[3][1:])),
    case("empty batch", 2, 2, of=distinct(0, *SIZE[3][1:])),
    case("large", 2, 2, of=uniform(0.5, 2, *LARGE[3])),
    case("negative elements, even order", 2, 2, of=distinct(*SIZE[3])),
    edge("sums of zero", 2, [0.0, 0, 1, 0]),
    edge("order 1 of zero and below", 1, [1.0, -1, -1, -2]),
    edge("odd order below zero", 3, [-1.0, -2, 3, 1]),
]


def refused(id, words, *args, size=SIZE[3], raises=None, **kwargs):
    call = lambda torch: torch.nn.functional.lp_pool3d(torch.ones(size), *args, **kwargs)  # noqa: E731
    return ErrorCase(call, words, raises, id=id)


ERRORS = [
    refused("order 0", ["norm_type is 0"], 0, 2),
    refused("no order", ["norm_type", "str"], "2", 2),
    refused("window of nothing", ["kernel_size"], 2, 0),
    refused("too large", ["does not fit"], 2, 9),
    refused("too large, rounded up", ["smaller"], 2, 3, 2, True, size=(1, 1, 2, 4, 4)),
    refused("a size that was divided", ["float"], 2, 2.5),
    refused("ceil_mode in another place", ["ceil_mode"], 2, 2, ceil_mode=1),
    refused("too few dimensions", ["dimensions"], 2, 1, size=SIZE[3][2:]),
    refused("too many sizes", ["kernel_size"], 2, (2,) * 4),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(windows("avg_pool3d", 3))
def test_any_window(case):
    window = case.kwargs["kernel_size"], case.kwargs["stride"]
    options = (2, *window, case.kwargs["ceil_mode"])
    if all(
        k <= extent
        for k, extent in zip(case.kwargs["kernel_size"], case.inputs[0].draw(np.random.default_rng(0)).shape[-3:])
    ):
        oracle.check(FunctionCase("lp_pool3d", case.inputs, options, seed=case.seed), Run("compiled", "float64"))
