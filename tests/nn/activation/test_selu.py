"""SELU against torch, out of place and in place."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place
from oracle import ScriptCase, distinct

CASES = [
    *activation_cases("SELU", "selu", nan_slope=False),
    *in_place_option("selu"),
    module_in_place("SELU"),
    ScriptCase("selu_", run=lambda torch, x: torch.nn.functional.selu_(x * 1) * 2, inputs=[distinct(2, 3)], id="selu_"),
]
ERRORS = [
    *activation_errors("selu", inplace=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
