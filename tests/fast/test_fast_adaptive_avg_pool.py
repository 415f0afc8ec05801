"""Adaptive average pooling with tables gives what the reference loops give, with one thread and with several."""

import importlib

import numpy as np
import pytest

from reftorch.fast import adaptive_avg_pool as fast

SIZES = [
    ((7,), (3,)),
    ((5,), (1,)),
    ((2,), (5,)),
    ((4, 6), (1, 1)),
    ((4, 6), (2, 1)),
    ((4, 7), (1, 3)),
    ((5, 7), (3, 4)),
    ((3, 2), (4, 5)),
    ((2, 3, 4), (1, 1, 1)),
    ((3, 4, 5), (2, 1, 1)),
    ((4, 3, 5), (2, 2, 1)),
    ((3, 4, 5), (2, 3, 2)),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size_in, size_out", SIZES)
def test_the_same_as_the_reference(size_in, size_out, workers, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(workers, pieces))
    name = f"adaptive_avg_pool{len(size_in)}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, 3, *size_in)), rng.standard_normal((2, 3, *size_out))
    wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
    getattr(component, f"{name}_forward_cpu").py_func(x, wanted)
    fast.adaptive_avg_pool_forward(None, x, found)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    wanted, found = np.empty_like(x), np.empty_like(x)
    getattr(component, f"{name}_backward_x_cpu").py_func(grad_y, wanted)
    fast.adaptive_avg_pool_backward_x(None, grad_y, found)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_what_is_empty_is_left_to_the_reference():
    left, x = [], np.zeros((0, 1, 2))
    fast.adaptive_avg_pool_forward(lambda *given: left.append(given), x, x)
    fast.adaptive_avg_pool_backward_x(lambda *given: left.append(given), x, x)
    assert len(left) == 2
