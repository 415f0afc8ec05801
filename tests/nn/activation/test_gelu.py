"""GELU against torch, exact and approximated."""

import oracle
from activation_cases import activation_cases, activation_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct

CASES = [
    *activation_cases("GELU", "gelu"),
    *activation_cases("GELU", "gelu", approximate="tanh"),
    ModuleCase("GELU", [distinct(3, 2)], args=("tanh",), id="positional"),
    FunctionCase("gelu", [array([-20.0, -8, -4, 4, 8, 20])], id="far", gradcheck=False),
    FunctionCase(
        "gelu", [array([-1e30, -20.0, 20, 1e30])], kwargs=dict(approximate="tanh"), id="far, tanh", gradcheck=False
    ),
]
ERRORS = [
    *activation_errors("gelu"),
    ErrorCase(
        lambda torch: torch.nn.GELU("sigmoid")(torch.ones(2)),
        ["approximate", "none", "tanh", "sigmoid"],
        id="another word",
    ),
    ErrorCase(lambda torch: torch.nn.functional.gelu(torch.ones(2), "tanh"), ["positional"], id="positional"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
