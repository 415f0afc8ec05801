"""The gradient of pdist by rows gives what the reference loop gives, with one thread and with several."""

import math

import numpy as np
import pytest

from reftorch.fast import pdist as fast
from reftorch.nn.distance import pdist


def distances(x, run):
    y = np.full(len(x) * (len(x) - 1) // 2, 7, x.dtype)
    with np.errstate(all="ignore"):
        run(x, y, 2.0)
    return y


def gradients(x, grad_y, run):
    y, grad_x = distances(x, pdist.pdist_forward_cpu.py_func), np.full_like(x, 7)
    with np.errstate(all="ignore"):
        run(grad_y, x, y, grad_x, 2.0)
    return grad_x


def both_ways(x, grad_y):
    """Distances and gradients, those of the fast form and those of the reference."""
    left = lambda *given: pdist.pdist_backward_x_cpu.py_func(*given)  # noqa: E731
    yield distances(x, lambda *given: fast.pdist_forward(None, *given)), distances(x, pdist.pdist_forward_cpu.py_func)
    yield (
        gradients(x, grad_y, lambda *given: fast.pdist_backward_x(left, *given)),
        gradients(x, grad_y, pdist.pdist_backward_x_cpu.py_func),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("N, D", [(7, 5), (2, 33), (5, 1), (3, 0), (1, 4), (0, 4), (fast.BLOCK + 3, 2)])
def test_the_same_as_the_reference(N, D, workers, dtype, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: workers)
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((N, D)).astype(dtype), rng.standard_normal(N * (N - 1) // 2).astype(dtype)
    x[N // 2 :, : D // 2] = x[:1, : D // 2]  # differences of 0
    x[-1:] = x[:1]  # and equal rows
    close = dict(rtol=1e-6, atol=5e-6) if dtype == "float32" else dict(rtol=1e-13, atol=1e-13)
    for found, wanted in both_ways(x, grad_y):
        np.testing.assert_allclose(found, wanted, **close)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-30, 1e-44])
def test_numbers_that_are_none_or_very_small(value):
    x = np.array([[value, 1, 2], [0, 1, 2], [3, 1, 5], [value, 1, 2]], np.float32)
    for special in (1.0, math.nan, math.inf):
        grad_y = np.array([1, 2, 3, 4, 5, special], np.float32)
        for found, wanted in both_ways(x, grad_y):
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_squares_that_are_too_large_or_too_small_for_float32():
    """Then the distance is infinite or 0, and the gradient 0."""
    for size in (1e-25, 1e-15, 1e17, 1e25):
        x = (size * np.random.default_rng(0).standard_normal((6, 70))).astype(np.float32)
        for found, wanted in both_ways(x, np.ones(15, np.float32)):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * min(size, 1))


def test_other_norms_are_left_to_the_reference():
    left, x = [], np.zeros((2, 2), np.float32)
    for p in (0.0, 1.0, 3.0, math.inf):
        fast.pdist_forward(lambda *given: left.append(given), x, x, p)
        fast.pdist_backward_x(lambda *given: left.append(given), x, x, x, x, p)
    assert len(left) == 8
