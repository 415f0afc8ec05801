"""Bilinear interpolation row by row gives what the reference loop gives, with one thread and with several."""

import numpy as np
import pytest

from reftorch.fast import bilinear
from reftorch.nn.vision import upsample_bilinear2d as component

SIZES = [((2, 3, 4, 5), (7, 3)), ((1, 2, 1, 1), (3, 2)), ((1, 1, 5, 2), (1, 1)), ((3, 2, 3, 3), (3, 3))]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape, size", SIZES)
def test_the_same_as_the_reference(shape, size, align_corners, workers, monkeypatch):
    monkeypatch.setattr(bilinear, "threads_for", lambda work, pieces: min(workers, pieces))
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal(shape), rng.standard_normal(shape[:2] + size)
    options = (0.7, 0.0 if size[1] == 1 else 0.4, align_corners)
    wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
    component.upsample_bilinear2d_forward_cpu.py_func(x, wanted, *options)
    bilinear.upsample_bilinear2d_forward(None, x, found, *options)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    wanted, found = np.empty_like(x), np.empty_like(x)
    component.upsample_bilinear2d_backward_x_cpu.py_func(grad_y, wanted, *options)
    bilinear.upsample_bilinear2d_backward_x(None, grad_y, found, *options)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
