"""AvgPool2d against torch: window, padding that counts or does not, the divisor, and what it refuses."""

from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, distinct, integers
from pooling_cases import SIZE, last, window_cases, window_errors, windows

KERNEL, ONE = last(2, 2, 3, 2), last(2, 1, 1, 1)
CASES = [
    *window_cases("AvgPool2d", "avg_pool2d", 2),
    ModuleCase(
        "AvgPool2d", [distinct(*SIZE[2])], (KERNEL, 1, ONE), dict(count_include_pad=False), id="padding is not counted"
    ),
    ModuleCase("AvgPool2d", [distinct(*SIZE[2])], (2, 3, 1, True, False), id="ceil, padding is not counted"),
    ModuleCase("AvgPool2d", [distinct(*SIZE[2])], (2,), dict(divisor_override=3), id="divisor"),
    ModuleCase("AvgPool2d", [distinct(*SIZE[2])], (2,), dict(divisor_override=-2), id="negative divisor"),
    FunctionCase("avg_pool2d", [integers(-9, 9, *SIZE[2])], (2,), id="int64 is rounded towards zero"),
]
ERRORS = [
    *window_errors("avg_pool2d", 2),
    ErrorCase(
        lambda torch: torch.nn.functional.avg_pool2d(torch.zeros(SIZE[2]), 2, divisor_override=0),
        ["divisor_override", "zero"],
        id="divisor 0",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(windows("avg_pool2d", 2, count_include_pad=[True, False], divisor_override=[None, 3]))
def test_any_window(case):
    oracle.check(case, Run("compiled", "float64"))
