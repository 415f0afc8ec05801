"""Hardsigmoid against torch, out of place and in place. PyTorch's slope is 1/6 rounded to float32, also in float64."""

from dataclasses import replace

import oracle
from activation_cases import FINITE, activation_cases, activation_errors, in_place_option, module_in_place
from oracle import FunctionCase, array, as_spec, distinct

USUAL = [*activation_cases("Hardsigmoid", "hardsigmoid"), *in_place_option("hardsigmoid")]


def composed(torch, x):
    return torch.nn.functional.relu6(x + 3) / 6


CASES = [
    *[
        replace(case, inputs=[replace(as_spec(given), dtype="float32") for given in case.inputs], gradcheck=False)
        for case in USUAL
    ],
    *[
        FunctionCase("hardsigmoid", [given], id="float64 too", reference=composed)
        for given in (distinct(3, 4), array([-9.0, -3.1, 3.1, 9]))
    ],
    FunctionCase("hardsigmoid", [FINITE], id="at the corners", reference=composed, gradcheck=False),
    module_in_place("Hardsigmoid"),
]
ERRORS = [
    *activation_errors("hardsigmoid", inplace=True),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
