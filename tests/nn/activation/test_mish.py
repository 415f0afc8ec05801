"""Mish against torch, out of place and in place."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place

CASES = [
    *activation_cases("Mish", "mish"),
    *in_place_option("mish"),
    module_in_place("Mish"),
]
ERRORS = [
    *activation_errors("mish", inplace=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
