"""Hardswish against torch, out of place and in place."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place

CASES = [
    *activation_cases("Hardswish", "hardswish", nan_slope=False),
    *in_place_option("hardswish"),
    module_in_place("Hardswish"),
]
ERRORS = [
    *activation_errors("hardswish", inplace=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
