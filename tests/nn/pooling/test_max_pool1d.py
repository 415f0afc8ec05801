"""MaxPool1d against torch: window, stride, padding, dilation, places, ties, NaN, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, array, distinct, integers
from pooling_cases import SIZE, last, window_cases, window_errors, windows

nan, inf = math.nan, math.inf


def values(id, elements, *args):
    """Six given numbers, both outputs."""
    given = array(np.reshape(np.array(elements, float), (1, 1, 6)))
    options = (*args, *(1, 0, 1, False)[len(args) - 1 :], True)
    return FunctionCase("max_pool1d", [given], options, id=id, exact=True, gradcheck=False)


KERNEL = last(1, 1, 2, 2)
CASES = [
    *window_cases("MaxPool1d", "max_pool1d", 1, exact=True),
    ModuleCase("MaxPool1d", [distinct(*SIZE[1])], (2, 1, 0, last(1, 1, 2, 2)), id="dilation", exact=True),
    ModuleCase("MaxPool1d", [distinct(*SIZE[1])], (2, 1, 1, 1, True), id="places", exact=True),
    FunctionCase("max_pool1d_with_indices", [distinct(*SIZE[1])], (2, 1), exact=True),
    values("ties", [1, 1, 1, 1, 1, 1], KERNEL),
    values("NaN", [nan, 1, 2, 3, nan, inf], KERNEL),
    values("minus infinity and padding", [-inf] * 6, KERNEL, 1, last(1, 0, 1, 1)),
    values("padding is no zero", [-1, -2, -3, -4, -5, -6], KERNEL, 1, last(1, 0, 1, 1)),
    FunctionCase("max_pool1d", [integers(-9, 9, 2, 7)], (2, 2, 0, 1, False, True), id="int64, with places"),
]
ERRORS = [
    *window_errors("max_pool1d", 1),
    ErrorCase(
        lambda torch: torch.nn.functional.max_pool1d(torch.zeros(SIZE[1]), 2, dilation=0), ["dilation"], id="dilation 0"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(windows("max_pool1d", 1, dilated=True))
def test_any_window(case):
    oracle.check(case, Run("compiled", "float64"))
