"""AdaptiveAvgPool3d against torch: sizes of every kind, and what it refuses."""

from hypothesis import given, settings

import oracle
from oracle import ErrorCase, FunctionCase, Run
from pooling_cases import adaptive_cases, adaptive_errors, shares

CASES = adaptive_cases("AdaptiveAvgPool3d", 3)
CASES += [  # means of whole images: any number of dimensions before them
    FunctionCase("adaptive_avg_pool3d", [shape], (1,), id=f"one, {len(shape)} dimensions")
    for shape in [(3, 4, 2), (2, 2, 1, 3, 4, 2), (2, 0, 1, 3, 4, 2)]
]
ERRORS = adaptive_errors("adaptive_avg_pool3d", 3)
ERRORS += [
    ErrorCase(lambda torch: torch.nn.functional.adaptive_avg_pool3d(torch.ones(4, 2), 1), ["dimensions"], id="no image")
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(shares("adaptive_avg_pool3d", 3))
def test_any_size(case):
    oracle.check(case, Run("compiled", "float64"))
