"""AvgPool3d against torch: window, padding that counts or does not, the divisor, and what it refuses."""

from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, distinct, integers
from pooling_cases import SIZE, last, window_cases, window_errors, windows

KERNEL, ONE = last(3, 2, 3, 2), last(3, 1, 1, 1)
CASES = [
    *window_cases("AvgPool3d", "avg_pool3d", 3),
    ModuleCase(
        "AvgPool3d", [distinct(*SIZE[3])], (KERNEL, 1, ONE), dict(count_include_pad=False), id="padding is not counted"
    ),
    ModuleCase("AvgPool3d", [distinct(*SIZE[3])], (2, 3, 1, True, False), id="ceil, padding is not counted"),
    ModuleCase("AvgPool3d", [distinct(*SIZE[3])], (2,), dict(divisor_override=3), id="divisor"),
    ModuleCase("AvgPool3d", [distinct(*SIZE[3])], (2,), dict(divisor_override=-2), id="negative divisor"),
    FunctionCase("avg_pool3d", [integers(-9, 9, *SIZE[3])], (2,), id="int64 is rounded towards zero"),
]
ERRORS = [
    *window_errors("avg_pool3d", 3),
    ErrorCase(
        lambda torch: torch.nn.functional.avg_pool3d(torch.zeros(SIZE[3]), 2, divisor_override=0),
        ["divisor_override", "zero"],
        id="divisor 0",
    ),
    ErrorCase(
        lambda torch: torch.nn.functional.avg_pool3d(torch.zeros(1, 3, 3, 1), 2, padding=1),
        ["smaller than the window"],
        id="smaller than the window",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(windows("avg_pool3d", 3, count_include_pad=[True, False], divisor_override=[None, 3]))
def test_any_window(case):
    oracle.check(case, Run("compiled", "float64"))
