"""ReflectionPad1d, 2d and 3d and `F.pad(mode="reflect")` against torch."""

from hypothesis import given, settings

import oracle
import padding_cases
from oracle import ErrorCase
from padding_cases import call, layer, padded

CASES = [
    *padding_cases.cases("reflect", "ReflectionPad"),
    padded((-3, 2), "reflect", size=(1, 1, 4), id="shows what was cut off"),
    padded((3, 3), "reflect", size=(1, 4), id="as wide as it may be"),
]
ERRORS = [
    *padding_cases.refused("reflect", "ReflectionPad"),
    ErrorCase(call((5, 1, 0, 0), mode="reflect"), ["(5, 1)", "dimension 3", "mirror"], id="too wide"),
    ErrorCase(call((1, 1), mode="reflect", size=(2, 0, 4)), ["[2, 0, 4]", "non-zero"], id="no channels"),
    ErrorCase(call((1, 1), mode="reflect", size=(2, 3, 4), dtype="bool"), ["bool"], id="bool"),
    ErrorCase(layer("ReflectionPad2d", (1, 2), size=(2, 3, 4, 4)), ["2", "4D"], id="two widths for 2d"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(padding_cases.any_padding("reflect"))
def test_any_shape_and_width_matches_torch(case):
    oracle.check(case, oracle.RUNS[0])
