"""GRU against torch: outputs, last states and all gradients; layers, directions, states, packed and padded input."""

import oracle
from oracle import ErrorCase
from recurrent_cases import layer_cases, layer_errors

CASES = [
    *layer_cases("GRU"),
]
ERRORS = [
    *layer_errors("GRU"),
    ErrorCase(
        lambda torch: torch.nn.GRU(4, 6)(torch.zeros(3, 2, 4), (torch.zeros(1, 2, 6),)),
        ["Tensor", "tuple"],
        id="a tuple",
    ),
]
MUTANT_CASES = [case for case in CASES if case.id in ("packed", "packed, unsorted, both", "projection")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
