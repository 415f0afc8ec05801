"""Adam against torch: twenty steps under its options, saved states, the tape, and what is refused."""

import optimizer_cases
import oracle
from oracle import ErrorCase

# torch records the powers of the betas in float32: a single step with such betas is exact
CASES = optimizer_cases.cases(
    "Adam",
    dict(lr=0.1, betas=(0.5, 0.75)),
    dict(amsgrad=True, lr=0.05),
    dict(weight_decay=0.1, decoupled_weight_decay=True),
    dict(foreach=True),
    dict(fused=True, eps=0.1),
    steps=1,
    lr=0.25,
    betas=(0.5, 0.75),
    weight_decay=0.1,
    amsgrad=True,
)
CASES.append(optimizer_cases.far("Adam", dict(amsgrad=True)))


def with_betas(torch, *betas, **options):
    return torch.optim.Adam([torch.zeros(2, requires_grad=True)], betas=betas, **options)


ERRORS = [
    *optimizer_cases.refused("Adam", betas=(1.0, 0.9)),
    ErrorCase(lambda torch: with_betas(torch, torch.tensor(0.5), 0.9), ["both"], id="one beta a tensor"),
    ErrorCase(
        lambda torch: with_betas(torch, torch.tensor(0.5), torch.tensor(0.9), foreach=True),
        ["betas[0]", "foreach"],
        id="betas tensors, with foreach",
    ),
]

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)
