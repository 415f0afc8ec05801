"""Power-average pooling by rows gives what the reference loops give, with one thread and with several."""

import importlib
import itertools

import numpy as np
import pytest

from reftorch.fast import lp_pool as fast

WINDOWS = [  # size of the input, sizes and strides of the windows
    ((9,), (2,), (2,)),
    ((8,), (3,), (1,)),
    ((5, 7), (2, 3), (2, 2)),
    ((6, 5), (3, 2), (1, 3)),  # windows overlap, and lie apart
    ((4, 3, 5), (2, 2, 2), (2, 1, 2)),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 2.5, -1.0])
@pytest.mark.parametrize("size_in, sizes, strides", WINDOWS)
def test_the_same_as_the_reference(size_in, sizes, strides, p, workers, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(workers, pieces))
    name = f"lp_pool{len(size_in)}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    forward, backward = (getattr(component, f"{name}_{end}_cpu") for end in ("forward", "backward_x"))
    rng = np.random.default_rng(0)
    for ceil_mode, dtype in itertools.product([False, True], ["float64", "float32"]):
        size_out = getattr(component, f"{name}_output_size")(size_in, sizes, strides, ceil_mode)
        x, grad_y = rng.random((2, 3, *size_in)) + 0.1, rng.standard_normal((2, 3, *size_out))
        x[1, 0] = 0 if p > 0 else 1  # windows whose sum is 0
        x, grad_y = x.astype(dtype), grad_y.astype(dtype)
        options = *sizes, *strides, p
        close = dict(rtol=1e-12, atol=1e-13) if dtype == "float64" else dict(rtol=1e-6, atol=1e-6)
        wanted, found = np.empty((2, *grad_y.shape), dtype), np.empty((2, *grad_y.shape), dtype)
        with np.errstate(all="ignore"):
            forward.py_func(x, *wanted, *options)
        fast.lp_pool_forward(None, x, *found, *options)
        np.testing.assert_allclose(found, wanted, **close)
        total, wanted, found = wanted[0], np.empty_like(x), np.empty_like(x)
        with np.errstate(all="ignore"):
            backward.py_func(x, total, grad_y, wanted, *options)
        fast.lp_pool_backward_x(None, x, total, grad_y, found, *options)
        np.testing.assert_allclose(found, wanted, **close)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 2.5])
def test_numbers_below_zero_and_those_that_are_none(p):
    """Sums below 0 have no root, squares are infinite, and each spoils its own window only."""
    component = importlib.import_module("reftorch.nn.pooling.lp_pool1d")
    x = np.array([[[-3, 1, np.nan, 1, np.inf, 2, 1e30, 1e30, 0, 0, 2, 3]]], np.float32)
    grad_y, options = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 6), (2, 2, p)
    results = []
    for forward, backward in (
        (component.lp_pool1d_forward_cpu, component.lp_pool1d_backward_x_cpu),
        (lambda *given: fast.lp_pool_forward(None, *given), lambda *given: fast.lp_pool_backward_x(None, *given)),
    ):
        total, y, grad_x = np.empty_like(grad_y), np.empty_like(grad_y), np.empty_like(x)
        forward(x, total, y, *options)
        backward(x, total, grad_y, grad_x, *options)
        results.append((total, y, grad_x))
    for wanted, found in zip(*results):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_empty_batches_are_left_to_the_reference():
    left, x = [], np.zeros((0, 1, 2, 2))
    fast.lp_pool_forward(lambda *given: left.append(given), x, x, x, 1, 1, 1, 1, 2.0)
    fast.lp_pool_backward_x(lambda *given: left.append(given), x, x, x, x, 1, 1, 1, 1, 2.0)
    assert len(left) == 2
