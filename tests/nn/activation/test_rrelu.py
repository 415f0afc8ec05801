"""RReLU against torch: the same random slopes, the same state of the generator afterwards."""

from dataclasses import replace
from math import inf, nan

import oracle
from activation_cases import FINITE, NAN, activation_cases, activation_errors, in_place_option, number_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, distinct


def with_state(torch, x):
    y = torch.nn.functional.rrelu(x, training=True)
    return y, torch.rand(3, device="cpu").to(x.device)


CASES = [
    *[replace(case, gradcheck=False) for case in activation_cases("RReLU", "rrelu", 0.1, 0.7)],
    *[replace(case, gradcheck=False) for case in in_place_option("rrelu", 0.1, 0.7, training=True)],
    *in_place_option("rrelu", 0.1, 0.7)[:1],
    ModuleCase("RReLU", [distinct(3, 4)], id="training", gradcheck=False),
    ModuleCase("RReLU", [distinct(3, 4)], train=False, id="evaluation"),
    FunctionCase("rrelu", [FINITE], kwargs=dict(training=True), id="training, edges", gradcheck=False),
    FunctionCase("rrelu", [NAN], kwargs=dict(training=True), id="training, NaN"),
    FunctionCase("rrelu", [distinct(3, 4)], args=(0.3, 0.3, True), id="equal bounds"),
    FunctionCase("rrelu", [distinct(3, 4)], args=(-1, 2, True), id="ints", gradcheck=False),
    ScriptCase("rrelu", run=with_state, inputs=[distinct(3, 4)], id="generator", gradcheck=False),
    ScriptCase(
        "rrelu_", run=lambda torch, x: torch.nn.functional.rrelu_(x * 1) * 2, inputs=[distinct(2, 3)], id="rrelu_"
    ),
]
ERRORS = [
    *activation_errors("rrelu", inplace=True),
    *number_errors("rrelu", name="lower")[:2],
    *[
        ErrorCase(
            lambda torch, bounds=bounds, training=training: torch.nn.functional.rrelu(torch.ones(2), *bounds, training),
            [f"{name} bound must be finite", value],
            id=f"{name} {value}, training {training}",
        )
        for name, value, bounds in (
            ("lower", "nan", (nan, 1.0)),
            ("upper", "nan", (0.1, nan)),
            ("lower", "-inf", (-inf, nan)),
            ("upper", "inf", (0.1, inf)),
        )
        for training in (True, False)
    ],
    ErrorCase(lambda torch: torch.nn.RReLU(1, 0.5)(torch.ones(2)), ["Lower", "1", "0.5"], id="exchanged"),
    ErrorCase(lambda torch: torch.nn.RReLU(1, 0.5).eval()(torch.ones(2)), ["Lower"], id="exchanged, evaluation"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
