"""grid_sample of volumes against torch: modes, paddings, corners, and that an image is a volume of one plane."""

import pytest
from hypothesis import given, settings

import oracle
import reftorch
import reftorch.nn.functional as F
from grid_cases import PADDINGS, VOLUME, any_grid, grid_cases
from oracle import Run

CASES = [*grid_cases("bilinear", VOLUME, (1, 2, 2, 3, 3)), *grid_cases("nearest", VOLUME, (1, 2, 2, 3, 3))]

test_matches_torch, test_all_modes_agree, test_gradcheck, _, test_mutants = oracle.tests_of(__file__, CASES)


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(any_grid(["bilinear", "nearest"], 3, most=4))
def test_any_grid(case):
    oracle.check(case, Run("compiled", "float64"))


@pytest.mark.parametrize("padding", PADDINGS)
def test_an_image_is_a_volume_of_one_plane(padding):
    reftorch.manual_seed(0)
    x, grid = reftorch.randn(1, 2, 3, 4), 3 * reftorch.rand(1, 5, 2, 2) - 1.5
    image = F.grid_sample(x, grid, padding_mode=padding, align_corners=False)
    deep = reftorch.cat([grid, reftorch.zeros(1, 5, 2, 1)], dim=-1).unsqueeze(1)
    volume = F.grid_sample(x.unsqueeze(2), deep, padding_mode=padding, align_corners=False)
    assert reftorch.allclose(image, volume.squeeze(2), atol=1e-5)
