"""RMSprop against torch: twenty steps under its options, saved states, the tape, and what is refused."""

import optimizer_cases
import oracle

CASES = optimizer_cases.cases(
    "RMSprop",
    dict(lr=0.1, alpha=0.5),
    dict(momentum=0.9),
    dict(centered=True, eps=0.1),
    dict(centered=True, momentum=0.5, eps=0.1),
    dict(foreach=True),
    momentum=0.5,
    weight_decay=0.1,
)
CASES.append(optimizer_cases.far("RMSprop", dict(centered=True)))
ERRORS = optimizer_cases.refused("RMSprop", alpha=-0.5, momentum=-1.0)

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)
