"""LPPool1d against torch: orders of every kind, signs, windows that are cut, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, array, distinct, uniform
from pooling_cases import LARGE, SIZE, windows

inf = math.inf


def case(id, *args, of=None, **kwargs):
    return ModuleCase("LPPool1d", [of or uniform(0.5, 2, *SIZE[1])], args, kwargs, id=id)


def edge(id, order, numbers):
    shape = (1, 1, len(numbers))
    given = array(np.array(numbers).reshape(shape))
    return FunctionCase("lp_pool1d", [given], (order, 2), id=id, gradcheck=False)


CASES = [
    case("order 2", 2, 2),
    case("order 1", 1, 3),
    case("a fraction", 1.5, 2, 1),
    case("order 3, overlapping", 3, 3, 1),
    case("a negative order", -2, 2),
    case("ceil", 2, 2, 2, ceil_mode=True),
    case("infinite order", inf, 2, of=distinct(*SIZE[1])),
    case("order minus infinity", -inf, 2, of=distinct(*SIZE[1])),
    case("unbatched", 2, 2, of=uniform(0.5, 2, *SIZE[1][1:])),
    case("empty batch", 2, 2, of=distinct(0, *SIZE[1][1:])),
    case("large", 2, 2, of=uniform(0.5, 2, *LARGE[1])),
    case("negative elements, even order", 2, 2, of=distinct(*SIZE[1])),
    edge("sums of zero", 2, [0.0, 0, 1, 0]),
    edge("order 1 of zero and below", 1, [1.0, -1, -1, -2]),
    edge("odd order below zero", 3, [-1.0, -2, 3, 1]),
]


def refused(id, words, *args, size=SIZE[1], raises=None, **kwargs):
    call = lambda torch: torch.nn.functional.lp_pool1d(torch.ones(size), *args, **kwargs)  # noqa: E731
    return ErrorCase(call, words, raises, id=id)


ERRORS = [
    refused("order 0", ["norm_type is 0"], 0, 2),
    refused("no order", ["norm_type", "str"], "2", 2),
    refused("window of nothing", ["kernel_size"], 2, 0),
    refused("too large", ["does not fit"], 2, 9),
    refused("a size that was divided", ["float"], 2, 2.5),
    refused("a list", ["kernel_size", "lp_pool2d"], 2, [2]),
    refused("a tuple", ["kernel_size", "lp_pool2d"], 2, (2,), 1),
    refused("ceil_mode in another place", ["ceil_mode"], 2, 2, ceil_mode=1),
    refused("too few dimensions", ["dimensions"], 2, 1, size=SIZE[1][2:]),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(windows("avg_pool1d", 1))
def test_any_window(case):
    window = case.kwargs["kernel_size"], case.kwargs["stride"]
    window = [option[0] for option in window]
    options = (2, *window, case.kwargs["ceil_mode"])
    if all(
        k <= extent
        for k, extent in zip(case.kwargs["kernel_size"], case.inputs[0].draw(np.random.default_rng(0)).shape[-1:])
    ):
        oracle.check(FunctionCase("lp_pool1d", case.inputs, options, seed=case.seed), Run("compiled", "float64"))
