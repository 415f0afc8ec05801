"""Fast max pooling, forwards and backwards, against the reference kernels: equal to the last bit, NaN and infinity included."""

import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.fast import workers
from reftorch.fast.registers import LANES
from reftorch.kernel import interpreted

SPECIAL = np.array([math.nan, math.inf, -math.inf])


def agree(shape, kernel_size, stride, padding, dilation=None, ceil_mode=False, dtype="float32", share=1, odd=0.0):
    """Both passes; `odd` is the share of elements that are NaN or infinite."""
    name = f"max_pool{len(shape) - 2}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    reference = [interpreted(getattr(component, f"{name}_{end}_cpu")) for end in ("forward", "backward_x")]
    rng, dilation = np.random.default_rng(0), dilation or (1,) * len(kernel_size)
    x = rng.integers(-3, 4, shape).astype(dtype)  # many elements are equal
    x = np.where(rng.random(shape) < odd, rng.choice(SPECIAL, shape), x).astype(dtype)
    size_out = getattr(component, f"{name}_output_size")(shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    options = (*kernel_size, *stride, *padding, *dilation)
    rows = [n for each in (kernel_size, stride, padding, dilation) for n in each[:-1]]
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "SHARE", share)
        for forward, backward in (
            reference,
            (
                lambda *given: fast.max_pool_forward(reference[0], *given),
                lambda *given: fast.max_pool_backward_x(reference[1], *given),
            ),
        ):
            y, index = np.full((*shape[:2], *size_out), 7, dtype), np.full((*shape[:2], *size_out), 8)
            grad_x, grad_y = np.full(shape, 9, dtype), np.arange(y.size, dtype=dtype).reshape(y.shape)
            forward(x, y, index, *options, -math.inf)
            backward(grad_y, index, grad_x, *rows)
            results.append((y, index, grad_x))
    for wanted, found in zip(*results):
        assert np.array_equal(wanted, found, equal_nan=True), (shape, options, ceil_mode, dtype)


@pytest.mark.parametrize("share", [workers.SHARE, 1], ids=["one thread", "shared"])
@pytest.mark.parametrize(
    "shape, options",
    [
        ((2, 3, 9), [(2,), (2,), (0,)]),
        ((1, 2, 3 * LANES + 7), [(3,), (1,), (1,), (2,), True]),
        ((2, 3, 6, 5), [(2, 2), (2, 2), (0, 0)]),
        ((1, 1, 5, 7), [(3, 2), (1, 1), (0, 0)]),  # windows overlap
        ((2, 2, 6, 5), [(3, 3), (2, 2), (1, 1), (1, 1), True]),
        ((3, 1, 2, 9), [(2, 2), (1, 2), (1, 1), (1, 2)]),
        ((1, 2, 1, 3), [(2, 2), (2, 2), (1, 1), (2, 2)]),  # some windows see no pixel
        ((0, 2, 4, 4), [(2, 2), (2, 2), (0, 0)]),
        ((1, 1, 2, LANES), [(1, 1), (1, 1), (0, 0)]),  # whole registers, to the last pixel
        ((2, 1, 4, 2 * LANES + 2), [(2, 2), (2, 2), (0, 0)]),
        ((1, 2, 3, 3 * LANES + 7), [(2, 2), (3, 3), (0, 1)]),
        ((2, 2, 4, 3, 2 * LANES + 2), [(2, 2, 2), (2, 1, 2), (0, 0, 0)]),
        ((1, 2, 5, 4, 2 * LANES + 3), [(3, 2, 3), (2, 2, 1), (1, 1, 1), (1, 2, 1), True]),
    ],
)
def test_shapes(shape, options, share):
    agree(shape, *options, share=share)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_numbers(dtype):
    agree((1, 2, 9, 2 * LANES + 3), (3, 3), (1, 2), (1, 1), dtype=dtype, odd=0.3)


def test_integers_are_left_to_the_reference():
    left, x = [], np.zeros((1, 1, 2, 2), np.int64)
    fast.max_pool_forward(lambda *given: left.append(given), x, x, x, 1, 1, 1, 1, 0, 0, 1, 1, -5)
    assert len(left) == 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_shape_and_option(data):
    size, options = [], {"kernel_size": [], "stride": [], "padding": [], "dilation": []}
    n = data.draw(st.integers(1, 3))
    for dimension in range(n):
        k, d = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
        p = data.draw(st.integers(0, k // 2))
        smallest = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(data.draw(st.integers(smallest, smallest + (2 * LANES if dimension == n - 1 else 3))))
        for name, value in zip(options, (k, data.draw(st.integers(1, 4)), p, d)):
            options[name].append(value)
    share = data.draw(st.sampled_from([1, workers.SHARE]))
    odd = data.draw(st.sampled_from([0.0, 0.2]))
    agree((1, 2, *size), **options, ceil_mode=data.draw(st.booleans()), share=share, odd=odd)
