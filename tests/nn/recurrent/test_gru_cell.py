"""GRUCell and its function against torch: one step, with and without batch, state and bias."""

import oracle
from recurrent_cases import cell_cases, cell_errors

CASES = [
    *cell_cases("GRUCell", "gru_cell", 1),
]


ERRORS = [
    *cell_errors("GRUCell", "gru_cell", 1),
]
MUTANT_CASES = [case for case in CASES if case.id in ("a batch", "one unit")]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)
