"""Nearest-neighbour interpolation against torch: sizes, factors, borders, and any size there is."""

from hypothesis import given, settings

import oracle
from oracle import FunctionCase, Run, distinct
from upsample_cases import any_size, upsample_cases

CASES = [
    FunctionCase(
        "interpolate", [distinct(1, 2, 2, 3)], (), dict(scale_factor=(1.4, 2.3)), id="as large, twice as large"
    ),
    *upsample_cases("nearest", 1, "Upsample"),
    *upsample_cases("nearest", 2, "Upsample"),
    *upsample_cases("nearest", 3, "Upsample"),
    *upsample_cases("nearest-exact", 1, "Upsample"),
    *upsample_cases("nearest-exact", 2, "Upsample"),
    *upsample_cases("nearest-exact", 3, "Upsample"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_size("nearest", 2, "Upsample"))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float32"))


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_size("nearest-exact", 1, "Upsample", 40))
def test_any_size_exact(case):
    oracle.check(case, Run("compiled", "float32"))
