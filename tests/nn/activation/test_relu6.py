"""ReLU6 against torch."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place
from oracle import FunctionCase, array, integers

CASES = [
    *activation_cases("ReLU6", "relu6", nan_slope=False),
    *in_place_option("relu6"),
    module_in_place("ReLU6"),
    FunctionCase("relu6", [array([-1.0, 0, 5.9, 6, 6.1, 9])], id="at the limits", gradcheck=False),
    FunctionCase("relu6", [integers(-3, 9, 7)], id="int64"),
]
ERRORS = [
    *activation_errors("relu6", dtypes=("complex64",), inplace=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
