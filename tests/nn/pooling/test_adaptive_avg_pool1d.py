"""AdaptiveAvgPool1d against torch: sizes of every kind, and what it refuses."""

from hypothesis import given, settings

import oracle
from oracle import FunctionCase, Run, normal
from pooling_cases import adaptive_cases, adaptive_errors, shares

CASES = adaptive_cases("AdaptiveAvgPool1d", 1)
CASES += [FunctionCase("adaptive_avg_pool1d", [normal(2, 0, 3, grad=False)], (2,), id="no channels")]
ERRORS = adaptive_errors("adaptive_avg_pool1d", 1)

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(shares("adaptive_avg_pool1d", 1))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float64"))
