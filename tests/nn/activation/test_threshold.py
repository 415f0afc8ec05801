"""Threshold against torch: floating-point numbers and integers, in place."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place, number_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct, integers

CASES = [
    *activation_cases("Threshold", "threshold", 0.5, -3.0),
    *in_place_option("threshold", 0.1, 7.0),
    module_in_place("Threshold", 0.1, 20),
    ModuleCase("Threshold", [distinct(3, 4)], args=(0.3, 20), id="an int"),
    FunctionCase("threshold", [array([0.25, 0.5, 1])], args=(0.5, 4.0), id="at the threshold", gradcheck=False),
    FunctionCase("threshold", [distinct(3, 4)], args=(0.0, float("inf")), id="value infinite", gradcheck=False),
    FunctionCase("threshold", [integers(-5, 5, 7)], args=(-0.5, 7.5), id="int64"),
    FunctionCase("threshold", [integers(0, 9, 5, dtype="uint8")], args=(3, 200), id="uint8"),
    ScriptCase(
        "threshold_",
        run=lambda torch, x: torch.nn.functional.threshold_(x * 1, 0.1, 4.0) * 2,
        inputs=[distinct(2, 3)],
        id="threshold_",
    ),
    ScriptCase(
        "threshold", run=lambda torch, x: torch.threshold(x, 0.1, 4.0), inputs=[distinct(2, 3)], id="torch.threshold"
    ),
]
ERRORS = [
    *activation_errors("threshold", 0.1, 1.0, dtypes=("bool", "complex64"), inplace=True),
    *number_errors("threshold", name="threshold")[:0],
    *number_errors("threshold", before=(1,), name="value"),
    ErrorCase(lambda torch: torch.nn.Threshold(1), ["value"], id="no value"),
    ErrorCase(
        lambda torch: torch.nn.functional.threshold(torch.ones(2, dtype=torch.uint8), 3, 300),
        ["value", "300", "uint8"],
        id="value too large",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
