"""CircularPad1d, 2d and 3d and `F.pad(mode="circular")` against torch."""

from hypothesis import given, settings

import oracle
import padding_cases
from oracle import ErrorCase, FunctionCase, array
from padding_cases import call, layer, padded

CASES = [
    *padding_cases.cases("circular", "CircularPad"),
    padded((4, 4), "circular", size=(2, 4), id="once round"),
    padded((1, 1), "circular", size=(2, 0, 3), id="no channels"),
    padded((0, 0), "circular", size=(2, 3, 0), id="nothing there, nothing added"),
    padded((-2, -2), "circular", size=(2, 3, 4), id="nothing left"),
    FunctionCase("pad", [array([[True, False, False]])], ((1, 1), "circular"), id="bool"),
]
ERRORS = [
    *padding_cases.refused("circular", "CircularPad"),
    ErrorCase(call((6, 1, 0, 0), mode="circular"), ["(6, 1)", "once"], id="too wide"),
    ErrorCase(
        call((-1, 3), size=(1, 3), mode="circular"), ["(-1, 3)", "once", "leave 2"], id="too wide for what is left"
    ),
    ErrorCase(layer("CircularPad1d", 1, size=(4,)), ["2D", "3D", "1D"], raises=ValueError, id="1d of a vector"),
    ErrorCase(layer("CircularPad2d", (1, 2), size=(2, 3, 4, 4)), ["2", "4D"], id="two widths for 2d"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(padding_cases.any_padding("circular"))
def test_any_shape_and_width_matches_torch(case):
    oracle.check(case, oracle.RUNS[0])
