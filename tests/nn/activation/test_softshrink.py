"""Softshrink against torch."""

import oracle
from activation_cases import activation_cases, activation_errors, number_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct

CASES = [
    *activation_cases("Softshrink", "softshrink", nan_slope=False),
    ModuleCase("Softshrink", [distinct(3, 4)], args=(1,), id="an int"),
    FunctionCase("softshrink", [array([-1.0, -0.5, 0.5, 1])], args=(0.5,), id="borders", gradcheck=False),
    FunctionCase("softshrink", [distinct(3, 4)], args=(0,), id="lambda 0", gradcheck=False),
]
ERRORS = [
    *activation_errors("softshrink"),
    *number_errors("softshrink", name="lambd"),
    *[
        ErrorCase(
            lambda torch, value=value: torch.nn.functional.softshrink(torch.ones(2), value),
            ["lambda", str(value)],
            id=f"lambda {value}",
        )
        for value in (-1.0, float("nan"), float("inf"), 1e39)
    ],
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
