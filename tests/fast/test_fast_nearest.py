"""Nearest interpolation row by row gives what the reference loops give, with one thread and with several."""

import numpy as np
import pytest

from reftorch.fast import nearest
from reftorch.nn.vision import upsample_nearest as component

SIZES = [
    ((5,), (10,)),
    ((4,), (3,)),
    ((3,), (9,)),
    ((4, 5), (8, 10)),
    ((4, 5), (7, 3)),
    ((1, 1), (3, 2)),
    ((2, 3, 4), (4, 6, 8)),
    ((2, 3, 4), (3, 2, 9)),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("size_in, size_out", SIZES)
def test_the_same_as_the_reference(size_in, size_out, exact, workers, monkeypatch):
    monkeypatch.setattr(nearest, "threads_for", lambda work, pieces: min(workers, pieces))
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, 3, *size_in)), rng.standard_normal((2, 3, *size_out))
    kernels = [getattr(component, f"upsample_nearest{len(size_in)}d_{each}_cpu") for each in ("forward", "backward_x")]
    exactly = [n / m for n, m in zip(size_in, size_out)]
    for scales in (exactly, [scale * 0.8 for scale in exactly]):
        options = *scales, exact
        wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
        kernels[0].py_func(x, wanted, *options)
        nearest.upsample_nearest_forward(None, x, found, *options)
        np.testing.assert_array_equal(found, wanted)
        wanted, found = np.empty_like(x), np.empty_like(x)
        kernels[1].py_func(grad_y, wanted, *options)
        nearest.upsample_nearest_backward_x(None, grad_y, found, *options)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_empty_batches_are_left_to_the_reference():
    left, x = [], np.zeros((0, 1, 2))
    nearest.upsample_nearest_forward(lambda *given: left.append(given), x, x, 1.0, False)
    nearest.upsample_nearest_backward_x(lambda *given: left.append(given), x, x, 1.0, False)
    assert len(left) == 2
