"""MaxPool3d against torch: window, stride, padding, dilation, places, ties, NaN, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, array, distinct, integers
from pooling_cases import SIZE, last, window_cases, window_errors, windows

nan, inf = math.nan, math.inf


def values(id, elements, *args):
    """Six given numbers, both outputs."""
    given = array(np.reshape(np.array(elements, float), (1, 1, 1, 2, 3)))
    options = (*args, *(1, 0, 1, False)[len(args) - 1 :], True)
    return FunctionCase("max_pool3d", [given], options, id=id, exact=True, gradcheck=False)


KERNEL = last(3, 1, 2, 2)
CASES = [
    *window_cases("MaxPool3d", "max_pool3d", 3, exact=True),
    ModuleCase("MaxPool3d", [distinct(*SIZE[3])], (2, 1, 0, last(3, 1, 2, 2)), id="dilation", exact=True),
    ModuleCase("MaxPool3d", [distinct(*SIZE[3])], (2, 1, 1, 1, True), id="places", exact=True),
    FunctionCase("max_pool3d_with_indices", [distinct(*SIZE[3])], (2, 1), exact=True),
    values("ties", [1, 1, 1, 1, 1, 1], KERNEL),
    values("NaN", [nan, 1, 2, 3, nan, inf], KERNEL),
    values("minus infinity and padding", [-inf] * 6, KERNEL, 1, last(3, 0, 1, 1)),
    values("padding is no zero", [-1, -2, -3, -4, -5, -6], KERNEL, 1, last(3, 0, 1, 1)),
    FunctionCase("max_pool3d", [integers(-9, 9, 1, 3, 4, 3)], (2,), id="int64"),
]
ERRORS = [
    *window_errors("max_pool3d", 3),
    ErrorCase(
        lambda torch: torch.nn.functional.max_pool3d(torch.zeros(SIZE[3]), 2, dilation=0), ["dilation"], id="dilation 0"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(windows("max_pool3d", 3, dilated=True))
def test_any_window(case):
    oracle.check(case, Run("compiled", "float64"))
