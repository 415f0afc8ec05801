"""Bicubic sampling against torch: paddings, corners, places far outside, and any grid."""

import math

from hypothesis import given, settings

import oracle
from grid_cases import IMAGE, any_grid, grid_cases
from oracle import FunctionCase, Run, array, distinct

FAR = array([[[[5.3, 0.1], [-7.7, 0.2], [0.1, 100.3], [math.nan, 0.0], [math.inf, 0.3]]]], grad=False)
CASES = [
    *grid_cases("bicubic", IMAGE, (2, 2, 4, 2)),
    *[
        FunctionCase(
            "grid_sample",
            [distinct(1, 1, 2, 3, grad=False), FAR],
            ("bicubic",),
            dict(padding_mode=padding, align_corners=aligned),
            id=f"far {padding} {aligned}",
            gradcheck=False,
        )
        for padding in ("zeros", "border", "reflection")
        for aligned in (False, True)
    ],
]

test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_grid(["bicubic"], 2))
def test_any_grid(case):
    oracle.check(case, Run("compiled", "float64"))
