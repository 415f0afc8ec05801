"""AdamW against torch: twenty steps under its options, saved states, the tape, and what is refused."""

import optimizer_cases
import oracle

# torch records the powers of the betas in float32: a single step with such betas is exact
CASES = optimizer_cases.cases(
    "AdamW",
    dict(lr=0.1, betas=(0.5, 0.75)),
    dict(amsgrad=True, lr=0.05),
    dict(weight_decay=0.3),
    steps=1,
    lr=0.25,
    betas=(0.5, 0.75),
    weight_decay=0.1,
)
ERRORS = optimizer_cases.refused("AdamW", betas=(-0.1, 0.9))

test_matches_torch, test_all_modes_agree, _, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
