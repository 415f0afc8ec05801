"""Softsign against torch."""

import oracle
from activation_cases import activation_cases, activation_errors
from oracle import ErrorCase, FunctionCase, integers

CASES = [
    *activation_cases("Softsign", "softsign"),
    FunctionCase("softsign", [integers(-4, 4, 5)], id="int64"),
    FunctionCase("softsign", [integers(0, 4, 5, dtype="uint8")], id="uint8"),
]
ERRORS = [
    *activation_errors("softsign", dtypes=("bool",))[:-1],
    ErrorCase(
        lambda torch: torch.nn.functional.softsign(torch.ones(1, dtype=torch.complex64)),
        ["complex64"],
        raises=NotImplementedError,
        id="complex",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
