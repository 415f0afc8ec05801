"""AvgPool1d against torch: window, padding that counts or does not, the divisor, and what it refuses."""

from hypothesis import given, settings

import oracle
from oracle import FunctionCase, ModuleCase, Run, distinct, integers
from pooling_cases import SIZE, last, window_cases, window_errors, windows

KERNEL, ONE = last(1, 2, 3, 2), last(1, 1, 1, 1)
CASES = [
    *window_cases("AvgPool1d", "avg_pool1d", 1),
    ModuleCase(
        "AvgPool1d", [distinct(*SIZE[1])], (KERNEL, 1, ONE), dict(count_include_pad=False), id="padding is not counted"
    ),
    ModuleCase("AvgPool1d", [distinct(*SIZE[1])], (2, 3, 1, True, False), id="ceil, padding is not counted"),
    FunctionCase("avg_pool1d", [integers(-9, 9, *SIZE[1])], (2,), id="int64 is rounded towards zero"),
]
ERRORS = [
    *window_errors("avg_pool1d", 1),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(windows("avg_pool1d", 1, count_include_pad=[True, False]))
def test_any_window(case):
    oracle.check(case, Run("compiled", "float64"))
