"""Adadelta against torch: twenty steps under its options, saved states, the tape, and what is refused."""

import optimizer_cases
import oracle

CASES = optimizer_cases.cases("Adadelta", dict(lr=0.5, rho=0.5), dict(eps=0.1), dict(foreach=True), weight_decay=0.1)
ERRORS = optimizer_cases.refused("Adadelta", rho=1.5)

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)
