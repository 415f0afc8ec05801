"""CELU against torch, out of place and in place."""

import oracle
from activation_cases import (
    FINITE,
    activation_cases,
    activation_errors,
    in_place_option,
    module_in_place,
    number_errors,
)
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct


def backward_in_place(torch):
    x = torch.ones(2, requires_grad=True) * 1
    torch.nn.functional.celu(x, -0.5, inplace=True).sum().backward()


CASES = [
    *activation_cases("CELU", "celu", nan_slope=False),
    *in_place_option("celu"),
    module_in_place("CELU"),
    ScriptCase("celu_", run=lambda torch, x: torch.nn.functional.celu_(x * 1) * 2, inputs=[distinct(2, 3)], id="celu_"),
    ModuleCase("CELU", [distinct(3, 2)], args=(2,), id="an int"),
    ModuleCase("CELU", [distinct(3, 2)], args=(0.5, False), id="positional"),
    FunctionCase("celu", [distinct(2, 3)], args=(-0.5,), id="negative alpha"),
    FunctionCase("celu", [FINITE], args=(2.0,), id="finite edges, 2", gradcheck=False),
    FunctionCase("celu", [distinct(2, 3)], args=(array(0.5),), id="alpha a tensor"),
    *in_place_option("celu", 2.0)[:1],
]
ERRORS = [
    *activation_errors("celu", inplace=True),
    *number_errors("celu"),
    ErrorCase(backward_in_place, ["in place", "-0.5", "inplace=False"], id="in place, negative alpha"),
    ErrorCase(lambda torch: torch.nn.functional.celu(torch.ones(2), 0), ["alpha", "0"], id="alpha 0"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
