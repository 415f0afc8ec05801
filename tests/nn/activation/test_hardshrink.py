"""Hardshrink against torch."""

import oracle
from activation_cases import activation_cases, activation_errors, number_errors
from oracle import FunctionCase, ModuleCase, ScriptCase, array, distinct

CASES = [
    *activation_cases("Hardshrink", "hardshrink", nan_slope=False),
    ModuleCase("Hardshrink", [distinct(3, 4)], args=(1,), id="an int"),
    FunctionCase("hardshrink", [array([-1.0, -0.5, 0.5, 1])], args=(0.5,), id="borders", gradcheck=False),
    FunctionCase("hardshrink", [distinct(3, 4)], args=(0,), id="lambda 0", gradcheck=False),
    FunctionCase("hardshrink", [distinct(3, 4)], args=(-1,), id="negative lambda"),
    ScriptCase(
        "hardshrink",
        run=lambda torch, x: x.hardshrink() + torch.hardshrink(x, 0.2),
        inputs=[distinct(2, 3)],
        id="method",
    ),
]
ERRORS = [
    *activation_errors("hardshrink"),
    *number_errors("hardshrink", name="lambd"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
