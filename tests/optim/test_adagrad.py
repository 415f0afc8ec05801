"""Adagrad against torch: twenty steps under its options, saved states, the tape, and what is refused."""

import optimizer_cases
import oracle

CASES = optimizer_cases.cases(
    "Adagrad",
    dict(lr=0.1, lr_decay=0.5),
    dict(initial_accumulator_value=0.5),
    dict(eps=0.1, foreach=True),
    weight_decay=0.1,
)
ERRORS = optimizer_cases.refused("Adagrad", lr_decay=-1.0, initial_accumulator_value=-1.0)

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)
