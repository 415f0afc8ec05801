"""Bicubic interpolation against torch: sizes, factors, borders, and any size there is."""

from hypothesis import given, settings

import oracle
from oracle import Run
from upsample_cases import any_size, upsample_cases

CASES = [
    *upsample_cases("bicubic", 2, "Upsample", align_corners=False),
    *upsample_cases("bicubic", 2, "Upsample", align_corners=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_size("bicubic", 2, "Upsample", align_corners=[False, True]))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float64"))
