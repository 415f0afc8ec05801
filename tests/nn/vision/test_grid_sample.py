"""grid_sample of images against torch: modes, paddings, corners, borders, NaN and infinity, and what is refused."""

import math

import pytest
from hypothesis import given, settings

import oracle
import reftorch
import reftorch.nn.functional as F
from grid_cases import IMAGE, PADDINGS, any_grid, grid_cases
from oracle import ErrorCase, FunctionCase, Run, array, distinct

NAN, INF = math.nan, math.inf
EDGES = array([[[[NAN, 0.0], [INF, 0.0], [0.0, -INF], [1e8, 0.0], [NAN, 9.0]]]], grad=False)
# pixels' centres, corners and edges: with 4 columns and aligned corners -1, -1/3, 1/3 and 1 are columns
BORDER = array([[[[-1.0, -1.0], [1.0, 1.0], [-0.75, 1.0], [0.25, -0.5], [1.0, 0.0]]]])


def edges(mode, padding):
    options = dict(padding_mode=padding, align_corners=False)
    return FunctionCase(
        "grid_sample",
        [distinct(1, 1, 2, 3, grad=False), EDGES],
        (mode,),
        options,
        id=f"edges {mode} {padding}",
        gradcheck=False,
    )


def at_the_border(padding, aligned):
    options = dict(padding_mode=padding, align_corners=aligned)
    return FunctionCase(
        "grid_sample",
        [distinct(1, 2, 4, 4), BORDER],
        ("bilinear",),
        options,
        id=f"border {padding} {aligned}",
        gradcheck=False,
    )


CASES = [
    *grid_cases("bilinear", IMAGE, (2, 2, 5, 2)),
    *grid_cases("nearest", IMAGE, (2, 2, 5, 2)),
    *[edges(mode, padding) for mode in ("bilinear", "nearest") for padding in ("zeros", "border")],
    *[at_the_border(padding, aligned) for padding in PADDINGS for aligned in (False, True)],
]


def refused(words, x=(1, 2, 3, 4), grid=(1, 2, 2, 2), id="", types=("float32", "float32"), **options):
    def call(torch):
        tensors = [torch.zeros(shape, dtype=getattr(torch, name)) for shape, name in zip((x, grid), types)]
        torch.nn.functional.grid_sample(*tensors, **{"align_corners": False, **options})

    return ErrorCase(call, words, id=id or str(options))


ERRORS = [
    refused(["mode", "'linear'"], mode="linear"),
    refused(["padding_mode", "'same'"], padding_mode="same"),
    refused(["4D or 5D", "[2, 3, 4]"], (2, 3, 4), id="no batch"),
    refused(["4D or 5D", "[]"], (), id="no dimensions"),
    refused(["same number of dimensions"], grid=(1, 2, 2, 2, 3), id="a grid for volumes"),
    refused(["batch size", "expand"], grid=(2, 2, 2, 2), id="another batch"),
    refused(["size 2 in last dimension", "[1, 2, 2, 3]"], grid=(1, 2, 2, 3), id="three coordinates"),
    refused(["non-empty"], (1, 2, 0, 4), id="no pixels"),
    refused(["bicubic", "4D"], (1, 2, 2, 3, 4), (1, 2, 2, 2, 3), mode="bicubic", id="bicubic of a volume"),
    refused(["float64", "float32"], types=("float32", "float64"), id="two dtypes"),
    ErrorCase(
        lambda torch: torch.nn.functional.grid_sample([1.0], torch.zeros(1)), ["input"], raises=TypeError, id="a list"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(any_grid(["bilinear", "nearest"], 2))
def test_any_grid(case):
    oracle.check(case, Run("compiled", "float64"))


def test_it_warns_as_torch_does():
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.grid_sample(reftorch.zeros(1, 1, 2, 2), reftorch.zeros(1, 1, 1, 2))


@pytest.mark.parametrize("aligned", [False, True])
def test_the_grid_of_the_identity_gives_the_image(aligned):
    reftorch.manual_seed(0)
    x = reftorch.randn(1, 2, 3, 5)
    grid = F.affine_grid(reftorch.eye(2, 3).unsqueeze(0), x.shape, align_corners=aligned)
    assert reftorch.allclose(F.grid_sample(x, grid, align_corners=aligned), x, atol=1e-5)
