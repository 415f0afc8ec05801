"""ConstantPad1d, 2d and 3d and `F.pad(mode="constant")` against torch."""

import math

from hypothesis import given, settings

import oracle
import padding_cases
from oracle import ErrorCase, FunctionCase, ModuleCase, array, integers
from padding_cases import call, layer, padded

CASES = [
    *padding_cases.cases("constant", "ConstantPad", 1.5),
    *[ModuleCase(f"ZeroPad{n}d", [(1, 2, *(2, 3, 2)[:n])], (tuple(range(2 * n)),)) for n in (1, 2, 3)],
    ModuleCase("ZeroPad2d", [(2, 3)], (1,), id="a matrix"),
    ModuleCase("ConstantPad2d", [(1, 2, 3)], ((1, 2), 7), id="two widths for 2d"),
    padded((1, 0, 0, 1, 2, 1, 1, 0), size=(1, 2, 1, 3), id="every dimension"),
    padded((-2, -2), id="nothing left", size=(2, 4)),
    padded((-3, 2), size=(2, 4), id="cut and padded"),
    padded((1, 1), size=(3,), id="a vector"),
    padded((2, 1), size=(2, 0), id="nothing but the border"),
    FunctionCase("pad", [(3,)], ((1, 1),), dict(value=math.inf), id="infinity", gradcheck=False),
    FunctionCase("pad", [integers(-9, 9, 3)], ((1, 1),), dict(value=2.5), id="value cut to an integer"),
    FunctionCase("pad", [array([True, False])], ((1, 1),), dict(value=2.5), id="bool"),
    FunctionCase("pad", [array([True, False])], ((1, 1),), id="bool, zeros"),
    FunctionCase("pad", [(2,)], ((1, 1),), dict(value=True), id="value True"),
]
ERRORS = [
    ErrorCase(call((1, 1), value="a"), ["value", "str"], id="value a word"),
    ErrorCase(call((1, 1), value=1j), ["value", "complex"], id="value complex"),
    ErrorCase(call((1, 1), value=math.nan, dtype="int64"), ["int64", "nan"], id="NaN among integers"),
    ErrorCase(call((1, 1), value=300, dtype="int8"), ["int8", "300"], id="too large for int8"),
    ErrorCase(call((1, 1), value=-1, dtype="uint8"), ["uint8", "-1"], id="below zero in uint8"),
    ErrorCase(call((1, 1), value=1e39), ["float32", "e+39"], id="too large for float32"),
    ErrorCase(layer("ConstantPad2d", 1, 0.5, size=(3,)), ["4", "dimension 1"], id="2d of a vector"),
    ErrorCase(layer("ConstantPad1d", 1.5, 0, size=(3,)), ["1.5"], id="layer with a float"),
    ErrorCase(call((1, 1), dtype="float16"), ["float16"], raises=NotImplementedError, id="half"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(padding_cases.any_padding("constant"))
def test_any_shape_and_width_matches_torch(case):
    oracle.check(case, oracle.RUNS[0])
