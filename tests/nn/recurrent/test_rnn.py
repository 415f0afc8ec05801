"""RNN against torch: outputs, last states and all gradients; layers, directions, states, packed and padded input."""

import oracle
from oracle import ErrorCase, ModuleCase
from recurrent_cases import layer_cases, layer_errors, trained

CASES = [
    *layer_cases("RNN"),
    trained("RNN", [(3, 2, 3), (1, 2, 2)], 3, 2, 1, "relu", id="ReLU"),
    ModuleCase("RNN", [(3, 2, 2)], (2, 2), dict(nonlinearity="relu"), id="layer, ReLU"),
]
ERRORS = [
    *layer_errors("RNN"),
    ErrorCase(lambda torch: torch.nn.RNN(4, 6, nonlinearity="gelu"), ["gelu", "tanh", "relu"], id="nonlinearity"),
    ErrorCase(
        lambda torch: torch.nn.RNN(4, 6)(torch.zeros(3, 2, 4), (torch.zeros(1, 2, 6),)),
        ["Tensor", "tuple"],
        id="a tuple",
    ),
]
MUTANT_CASES = [case for case in CASES if case.id in ("packed", "packed, unsorted, both", "projection")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
