"""ELU against torch, out of place and in place."""

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
    torch.nn.functional.elu(x, -0.5, inplace=True).sum().backward()


CASES = [
    *activation_cases("ELU", "elu", nan_slope=False),
    *in_place_option("elu"),
    module_in_place("ELU"),
    ScriptCase("elu_", run=lambda torch, x: torch.nn.functional.elu_(x * 1) * 2, inputs=[distinct(2, 3)], id="elu_"),
    ModuleCase("ELU", [distinct(3, 2)], args=(2,), id="an int"),
    ModuleCase("ELU", [distinct(3, 2)], args=(0.5, False), id="positional"),
    FunctionCase("elu", [distinct(2, 3)], args=(-0.5,), id="negative alpha"),
    FunctionCase("elu", [FINITE], args=(2.0,), id="finite edges, 2", gradcheck=False),
    FunctionCase("elu", [distinct(2, 3)], args=(array(0.5),), id="alpha a tensor"),
    *in_place_option("elu", 2.0)[:1],
    FunctionCase("elu", [distinct(2, 3)], args=(0,), id="alpha 0"),
    FunctionCase("elu", [array([-1e-6, -1e-4, -1e-2])], id="near zero"),
]
ERRORS = [
    *activation_errors("elu", inplace=True),
    *number_errors("elu"),
    ErrorCase(backward_in_place, ["in place", "-0.5", "inplace=False"], id="in place, negative alpha"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
