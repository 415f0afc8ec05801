"""LSTM against torch: outputs, last states and all gradients; layers, directions, states, packed and padded input."""

import oracle
from oracle import ErrorCase, ModuleCase
from recurrent_cases import layer_cases, layer_errors, packed, trained

CASES = [
    *layer_cases("LSTM"),
    trained("LSTM", [(3, 2, 3), (1, 2, 2), (1, 2, 3)], 3, 3, id="projection", proj_size=2),
    trained("LSTM", [(2, 2, 2), (4, 2, 1), (4, 2, 3)], 2, 3, 2, id="projection, both", proj_size=1, bidirectional=True),
    trained("LSTM", [(3, 2, 2)], 2, 3, id="projection, packed", proj_size=2, bias=False, call=packed([3, 1])),
    ModuleCase("LSTM", [(2, 1, 2)], (2, 3), dict(proj_size=2), id="layer, projection"),
]
ERRORS = [
    *layer_errors("LSTM"),
    ErrorCase(
        lambda torch: torch.nn.LSTM(4, 6)(torch.zeros(3, 2, 4), torch.zeros(1, 2, 6)),
        ["pair", "Tensor"],
        id="one state",
    ),
    ErrorCase(
        lambda torch: torch.nn.LSTM(4, 6)(torch.zeros(3, 2, 4), (torch.zeros(1, 2, 6),)), ["pair"], id="a pair of one"
    ),
    ErrorCase(lambda torch: torch.nn.LSTM(4, 6, proj_size=-1), ["proj_size", "-1"], id="negative projection"),
]
MUTANT_CASES = [case for case in CASES if case.id in ("packed", "packed, unsorted, both", "projection")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
