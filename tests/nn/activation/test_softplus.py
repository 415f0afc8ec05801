"""Softplus against torch: any beta and threshold."""

import oracle
import reftorch
from activation_cases import activation_cases, activation_errors, number_errors
from oracle import FunctionCase, ModuleCase, array, distinct

CASES = [
    *activation_cases("Softplus", "softplus"),
    ModuleCase("Softplus", [distinct(3, 2)], args=(2, 3), id="ints"),
    ModuleCase("Softplus", [distinct(3, 2)], kwargs=dict(beta=0.5, threshold=0.4), id="low threshold"),
    FunctionCase("softplus", [distinct(3, 2)], kwargs=dict(beta=-1.5), id="negative beta"),
    FunctionCase("softplus", [distinct(3)], args=(0,), id="beta 0", gradcheck=False),
    FunctionCase("softplus", [array([19.9, 20.0, 20.1])], id="at the threshold", gradcheck=False),
    FunctionCase(
        "softplus", [array([-1.0, 1.0, 3.0])], args=(2.0, 2.0), id="at the threshold, beta 2", gradcheck=False
    ),
]
ERRORS = [
    *activation_errors("softplus"),
    *number_errors("softplus", name="beta"),
    *number_errors("softplus", before=(1,), name="threshold"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_a_high_threshold_does_not_overflow():
    x = reftorch.tensor([100.0, 1000.0], requires_grad=True)
    y = reftorch.nn.functional.softplus(x, threshold=1e6)
    y.sum().backward()
    assert y.tolist() == [100, 1000] and x.grad.tolist() == [1, 1]
