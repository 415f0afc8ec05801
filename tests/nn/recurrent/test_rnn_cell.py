"""RNNCell and its function against torch: one step, with and without batch, state and bias."""

import oracle
from oracle import ErrorCase, ModuleCase
from recurrent_cases import cell_cases, cell_errors

CASES = [
    *cell_cases("RNNCell", "rnn_tanh_cell", 1),
    *[case for case in cell_cases("RNNCell", "rnn_relu_cell", 1) if case.name == "rnn_relu_cell"],
    ModuleCase("RNNCell", [(3, 4)], (4, 2, True, "relu"), id="ReLU"),
]


ERRORS = [
    *cell_errors("RNNCell", "rnn_tanh_cell", 1),
    ErrorCase(
        lambda torch: torch.nn.RNNCell(4, 6, nonlinearity="gelu")(torch.zeros(2, 4)),
        ["gelu", "tanh"],
        id="nonlinearity",
    ),
]
MUTANT_CASES = [case for case in CASES if case.id in ("a batch", "one unit", "no bias", "ReLU")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
