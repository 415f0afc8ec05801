"""LogSigmoid against torch."""

import oracle
from activation_cases import activation_cases, activation_errors
from oracle import FunctionCase, array

CASES = [
    *activation_cases("LogSigmoid", "logsigmoid"),
    FunctionCase("logsigmoid", [array([-200.0, -50, 50, 200])], id="far"),
]
ERRORS = [
    *activation_errors("logsigmoid"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
