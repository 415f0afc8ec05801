"""Tanh against torch: floating-point numbers and integers, in place, edges."""

import oracle
from oracle import ErrorCase, FunctionCase, ScriptCase, array, distinct, integers

HALVES = array([-3.0, 0.5, 60], grad=False, dtype="float16")


def in_place(steps, given, id, **options):
    run = lambda torch, x: steps(torch, x * 1) * 3  # noqa: E731
    return ScriptCase("tanh", run=run, inputs=[given], id=id, **options)


def change_the_input(torch, x):
    x = x * 1
    y = torch.tanh(x)
    x.mul_(2)  # backward needs y only
    return y


CASES = [
    *oracle.elementwise_cases("Tanh", "tanh"),
    FunctionCase("tanh", [array([-200.0, -80, -20, -1e-3, 1e-3, 20, 80, 200])], id="far"),
    FunctionCase("tanh", [integers(-3, 3, 2, 3)], id="int64"),
    FunctionCase("tanh", [integers(0, 9, 5, dtype="uint8")], id="uint8"),
    FunctionCase("tanh", [array([True, False])], id="bool"),
    FunctionCase("tanh", [HALVES], id="float16"),
    in_place(lambda torch, x: torch.tanh_(x), distinct(2, 3), id="in place"),
    in_place(lambda torch, x: x.tanh_(), distinct(2, 3), id="in place, a method"),
    in_place(lambda torch, x: x[:, 0].tanh_(), distinct(2, 3), id="in place, a column"),
    ScriptCase("tanh", run=change_the_input, inputs=[distinct(2, 3)], id="input changed", gradcheck=False),
    ScriptCase("tanh", run=lambda torch, x: x.tanh(), inputs=[distinct(2, 3)], id="method"),
]


def twice(torch):
    x = torch.ones(2, requires_grad=True) * 2
    x.tanh_()
    x.tanh_()
    x.sum().backward()


ERRORS = [
    ErrorCase(lambda torch: torch.tanh([1.0]), ["list", "Tensor"], id="list"),
    ErrorCase(lambda torch: torch.tanh(2.0), ["float", "Tensor"], id="number"),
    ErrorCase(lambda torch: torch.ones(2, dtype=torch.int64).tanh_(), ["int64", "x.float()"], id="int64 in place"),
    ErrorCase(lambda torch: torch.ones(2, requires_grad=True).tanh_(), ["leaf"], id="leaf in place"),
    ErrorCase(twice, ["version 2", "version 1"], id="in place, twice"),
    ErrorCase(lambda torch: torch.nn.Tanh(1), ["argument"], id="no options"),
    ErrorCase(
        lambda torch: torch.tanh(torch.ones(1, dtype=torch.complex64)),
        ["complex64"],
        raises=NotImplementedError,
        id="complex",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
