"""AdaptiveMaxPool3d against torch: sizes of every kind, places, ties, NaN, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings

import oracle
from oracle import FunctionCase, ModuleCase, Run, array, distinct
from pooling_cases import SIZE, adaptive_cases, adaptive_errors, last, shares

nan, inf = math.nan, math.inf


def values(id, elements):
    """Six given numbers, both outputs."""
    given = array(np.reshape(np.array(elements, float), (1, 1, 1, 2, 3)))
    return FunctionCase("adaptive_max_pool3d", [given], (last(3, 1, 1, 2), True), id=id, exact=True, gradcheck=False)


CASES = [
    *adaptive_cases("AdaptiveMaxPool3d", 3, exact=True),
    ModuleCase("AdaptiveMaxPool3d", [distinct(*SIZE[3])], (2, True), id="places", exact=True),
    FunctionCase("adaptive_max_pool3d_with_indices", [distinct(*SIZE[3])], (2,), exact=True),
    values("ties", [1, 1, 1, 1, 1, 1]),
    values("NaN", [nan, 1, 2, 3, nan, inf]),
    values("minus infinity", [-inf] * 6),
]
ERRORS = adaptive_errors("adaptive_max_pool3d", 3)

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(shares("adaptive_max_pool3d", 3))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float64"))
