"""Adaptive and fractional max pooling by rows and columns: equal to the reference to the last bit, NaN and infinity included."""

import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.fast import irregular_max_pool, max_pool
from reftorch.kernel import interpreted


def numbers(shape, odd, dtype):
    """Many are equal; a share of `odd` is NaN or infinite."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, shape).astype(dtype)
    return np.where(rng.random(shape) < odd, rng.choice([math.nan, math.inf, -math.inf], shape), x).astype(dtype)


@np.errstate(all="ignore")
def agree(kind, x, size_out, before=(), behind=()):
    """Both passes; `before` and `behind` are further arguments of the forward kernel."""
    name = f"{kind}_max_pool{x.ndim - 2}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    quick = getattr(fast, f"{kind}_max_pool_forward")
    results = []
    for forward, backward in (
        [interpreted(getattr(component, f"{name}_{end}_cpu")) for end in ("forward", "backward_x")],
        (lambda *given: quick(None, *given), lambda *given: fast.max_pool_backward_x(None, *given)),
    ):
        y, index = np.full((*x.shape[:2], *size_out), 7, x.dtype), np.full((*x.shape[:2], *size_out), 8)
        grad_x, grad_y = np.full(x.shape, 9, x.dtype), np.arange(y.size, dtype=x.dtype).reshape(y.shape)
        forward(x, *before, y, index, *behind)
        backward(grad_y, index, grad_x)
        results.append((y, index, grad_x))
    for wanted, found in zip(*results):
        assert np.array_equal(wanted, found, equal_nan=True), (x, size_out, before, behind)


@pytest.fixture(params=[1, 2])
def workers(request, monkeypatch):
    for module in (irregular_max_pool, max_pool):
        monkeypatch.setattr(module, "threads_for", lambda work, pieces: min(request.param, pieces))


ADAPTIVE = [
    ((7,), (3,)),
    ((2,), (5,)),
    ((4, 6), (1, 1)),
    ((5, 37), (3, 4)),
    ((3, 2), (4, 5)),
    ((4, 3, 5), (2, 2, 1)),
    ((3, 4, 35), (2, 3, 2)),
]


@pytest.mark.parametrize("odd", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size_in, size_out", ADAPTIVE)
def test_adaptive_windows(size_in, size_out, dtype, odd, workers):
    agree("adaptive", numbers((2, 3, *size_in), odd, dtype), size_out)


FRACTIONAL = [
    ((6, 9), (4, 5), (2, 3)),
    ((5, 40), (1, 23), (3, 2)),  # one row of windows
    ((3, 4), (2, 3), (2, 2)),
    ((6, 5, 9), (4, 1, 5), (2, 3, 3)),
    ((4, 5, 33), (2, 3, 20), (2, 2, 2)),
]


@pytest.mark.parametrize("odd", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size_in, size_out, kernel_size", FRACTIONAL)
def test_fractional_windows(size_in, size_out, kernel_size, dtype, odd, workers):
    x = numbers((2, 3, *size_in), odd, dtype)
    samples = np.random.default_rng(1).random((3, 3, len(size_in))).astype(dtype)  # for one image more than there are
    agree("fractional", x, size_out, (samples,), kernel_size)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_shape(data):
    n = data.draw(st.integers(2, 3))
    size_in = [data.draw(st.integers(2, 35 if i == n - 1 else 4)) for i in range(n)]
    odd = data.draw(st.sampled_from([0.0, 0.2]))
    x = numbers((1, 2, *size_in), odd, "float32")
    agree("adaptive", x, [data.draw(st.integers(1, 5)) for _ in size_in])
    kernel_size = tuple(data.draw(st.integers(1, extent)) for extent in size_in)
    size_out = [data.draw(st.integers(1, extent - k + 1)) for extent, k in zip(size_in, kernel_size)]
    samples = np.array(data.draw(st.lists(st.floats(0, 0.9375, width=32), min_size=2 * n, max_size=2 * n)), np.float32)
    agree("fractional", x, size_out, (samples.reshape(1, 2, n),), kernel_size)


def test_what_is_empty_is_left_to_the_reference():
    left, x = [], np.zeros((0, 1, 2, 2))
    fast.adaptive_max_pool_forward(lambda *given: left.append(given), x, x, x)
    fast.fractional_max_pool_forward(lambda *given: left.append(given), x, x, x, x, 1, 1)
    assert len(left) == 2
