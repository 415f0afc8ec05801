"""LSTMCell and its function against torch: one step, with and without batch, state and bias."""

import oracle
from oracle import ErrorCase
from recurrent_cases import cell_cases, cell_errors

CASES = [
    *cell_cases("LSTMCell", "lstm_cell", 2),
]


def of(states):
    def call(torch):
        weights = [torch.zeros(24, 4), torch.zeros(24, 6)]
        torch.lstm_cell(torch.zeros(3, 4), states(torch), *weights)

    return call


ERRORS = [
    *cell_errors("LSTMCell", "lstm_cell", 2),
    ErrorCase(of(lambda torch: torch.zeros(3, 6)), ["tuple", "Tensor", "(h, c)"], id="one state"),
    ErrorCase(of(lambda torch: (torch.zeros(3, 6),)), ["two", "1"], id="a pair of one"),
    ErrorCase(of(lambda torch: (torch.zeros(3, 6), torch.zeros(2, 6))), ["hidden1", "2"], id="memory's batch"),
    ErrorCase(of(lambda torch: (torch.zeros(3, 6), torch.zeros(3, 5))), ["hidden1", "got 5"], id="memory's size"),
]
MUTANT_CASES = [case for case in CASES if case.id in ("a batch", "one unit")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
