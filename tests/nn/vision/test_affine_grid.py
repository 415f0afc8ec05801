"""affine_grid against torch: two and three dimensions, both kinds of corners, a single pixel, and what is refused."""

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, distinct

TWO, THREE = [distinct(2, 2, 3)], [distinct(2, 3, 4)]
CASES = [
    FunctionCase("affine_grid", inputs, (size,), dict(align_corners=aligned), id=f"{size} {aligned}")
    for inputs, size in (
        (TWO, (2, 1, 3, 4)),
        (TWO, (2, 5, 1, 1)),
        (THREE, (2, 1, 2, 3, 4)),
        (THREE, (2, 1, 3, 1, 2)),
    )
    for aligned in (False, True)
]
CASES += [
    FunctionCase("affine_grid", TWO, ([2, 1, 3, 2],), id="a list, corners as usual"),
    FunctionCase("affine_grid", TWO, ((2, 1, 60, 50),), dict(align_corners=False), id="large", tiny=False),
]


def refused(words, shape=(2, 2, 3), size=(2, 1, 3, 4), id="", **options):
    return ErrorCase(
        lambda torch: torch.nn.functional.affine_grid(torch.zeros(shape, **options), size, align_corners=False),
        words,
        id=id,
    )


ERRORS = [
    refused(["Nx2x3", "[2, 3, 4]"], (2, 3, 4), id="a matrix for volumes"),
    refused(["Nx3x4", "[2, 2, 3]"], size=(2, 1, 3, 4, 5), id="a matrix for images"),
    refused(["Nx2x3", "unsqueeze"], (2, 3), id="one matrix"),
    refused(["4D and 5D"], size=(3, 4), id="size without batch"),
    refused(["positive", "(2, 1, 0, 4)"], size=(2, 1, 0, 4), id="no rows"),
    refused(["3 images", "2 matrices"], size=(3, 1, 3, 4), id="another batch"),
]
ERRORS += [
    ErrorCase(
        lambda torch: torch.nn.functional.affine_grid(torch.zeros(1, 2, 3, dtype=torch.int64), (1, 1, 2, 2)),
        ["floating point", "theta.float()"],
        id="int64",
    )
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_it_warns_as_torch_does():
    theta = reftorch.zeros(1, 2, 3)
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.affine_grid(theta, (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="unit-size grids"):
        F.affine_grid(theta, (1, 1, 1, 2), align_corners=True)
