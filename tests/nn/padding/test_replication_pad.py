"""ReplicationPad1d, 2d and 3d and `F.pad(mode="replicate")` against torch."""

from hypothesis import given, settings

import oracle
import padding_cases
from oracle import ErrorCase
from padding_cases import call, layer, padded

CASES = [
    *padding_cases.cases("replicate", "ReplicationPad"),
    padded((-3, 2), "replicate", size=(1, 1, 4), id="one element left"),
    padded((-5, 3), "replicate", size=(1, 1, 4), id="all cut off, the last one repeated"),
    padded((7, 5), "replicate", size=(2, 4), id="wider than the input"),
    padded((3, 2), "replicate", size=(2, 1), id="a single element"),
]
ERRORS = [
    *padding_cases.refused("replicate", "ReplicationPad"),
    ErrorCase(call((1, 1), mode="replicate", size=(2, 3, 0)), ["[2, 3, 0]", "non-zero"], id="nothing to repeat"),
    ErrorCase(call((1, 1), mode="replicate", size=(2, 3, 4), dtype="bool"), ["bool"], id="bool"),
    ErrorCase(layer("ReplicationPad2d", (1, 2), size=(2, 3, 4, 4)), ["2", "4D"], id="two widths for 2d"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(padding_cases.any_padding("replicate"))
def test_any_shape_and_width_matches_torch(case):
    oracle.check(case, oracle.RUNS[0])
