"""Interpolation with antialiasing against torch: sizes, factors, borders, and any size there is."""

from hypothesis import given, settings

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import Run
from upsample_cases import any_size, upsample_cases

CASES = [
    *upsample_cases("bilinear", 2, "Upsample", antialias=True),
    *upsample_cases("bicubic", 2, "Upsample", antialias=True),
    *upsample_cases("lanczos", 2, "Upsample", antialias=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_size("lanczos", 2, "Upsample", fewest=2, antialias=[True]))
def test_any_size_with_the_third_curve(case):
    oracle.check(case, Run("compiled", "float64"))


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_size("bilinear", 2, "Upsample", fewest=2, antialias=[True], align_corners=[False]))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float64"))


def test_a_result_of_one_column_is_that_of_the_mean_of_the_columns():
    """PyTorch 2.13 takes the weights of the first row for all rows of such a result."""
    x = reftorch.arange(15.0).reshape(1, 1, 5, 3)
    y = F.interpolate(x, size=(2, 1), mode="bilinear", antialias=True)
    rows = F.interpolate(x, size=(2, 3), mode="bilinear", antialias=True)
    weights = F.interpolate(reftorch.eye(3).reshape(3, 1, 1, 3), size=(1, 1), mode="bilinear", antialias=True)
    assert reftorch.allclose(y.flatten(), (rows.reshape(2, 3) * weights.flatten()).sum(1))
