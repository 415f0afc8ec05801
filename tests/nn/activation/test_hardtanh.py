"""Hardtanh against torch: floating-point numbers and integers, in place."""

import pytest

import oracle
import reftorch
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct, integers


def of(*args, dtype="float32"):
    return lambda torch: torch.nn.functional.hardtanh(torch.ones(2, dtype=getattr(torch, dtype)), *args)


CASES = [
    *activation_cases("Hardtanh", "hardtanh", nan_slope=False),
    *in_place_option("hardtanh", -0.5, 1.5),
    module_in_place("Hardtanh", -1.0, 0.5),
    ModuleCase("Hardtanh", [distinct(3, 4)], args=(-1, 0.5), id="an int"),
    FunctionCase("hardtanh", [array([-2.0, -0.5, 0.5, 1])], args=(-0.5, 0.5), id="at the limits", gradcheck=False),
    FunctionCase("hardtanh", [distinct(3, 4)], args=(0.3, 0.3), id="equal limits"),
    FunctionCase("hardtanh", [integers(-5, 5, 7)], args=(-2.5, 2.5), id="int64"),
    FunctionCase("hardtanh", [integers(0, 9, 5, dtype="uint8")], args=(1, 5), id="uint8"),
    FunctionCase("hardtanh", [integers(-5, 5, 7, dtype="int32")], args=(-0.5, 0.5), id="int32"),
    ScriptCase(
        "hardtanh_",
        run=lambda torch, x: torch.nn.functional.hardtanh_(x * 1) * 2,
        inputs=[distinct(2, 3)],
        id="hardtanh_",
    ),
]
ERRORS = [
    *activation_errors("hardtanh", dtypes=("complex64",), inplace=True),
    ErrorCase(of(dtype="bool"), ["bool", "float()"], id="bool"),
    ErrorCase(of(2, 1), ["min_val", "max_val", "2", "1"], id="exchanged"),
    ErrorCase(of(-1, 1, dtype="uint8"), ["min_val", "uint8"], id="negative limit of uint8"),
    ErrorCase(of(0, 300, dtype="uint8"), ["max_val", "300", "uint8"], id="limit too large"),
    ErrorCase(lambda torch: torch.nn.Hardtanh(1, 1), ["max_val", "min_val"], id="module, equal limits"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_old_names_of_the_limits():
    with pytest.warns(FutureWarning, match="min_value.*min_val") as found:
        assert repr(reftorch.nn.Hardtanh(min_value=-2, max_value=2)) == "Hardtanh(min_val=-2, max_val=2)"
    assert len(found) == 2 and found[0].filename == __file__
