"""Fast max pooling, forwards and backwards, against the reference kernels: equal to the last bit, NaN and infinity included."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.fast import workers
from reftorch.fast.registers import LANES
from reftorch.nn.pooling.max_pool2d import (
    max_pool2d_backward_x_cpu,
    max_pool2d_forward_cpu,
    max_pool2d_output_size,
)

SPECIAL = np.array([math.nan, math.inf, -math.inf])


def agree(shape, kernel_size, stride, padding, dilation=(1, 1), ceil_mode=False, dtype="float32", share=1, odd=0.0):
    """Both passes; `odd` is the share of pixels that are NaN or infinite."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, shape).astype(dtype)  # many pixels are equal
    x = np.where(rng.random(shape) < odd, rng.choice(SPECIAL, shape), x).astype(dtype)
    size_out = max_pool2d_output_size(shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    options = (*kernel_size, *stride, *padding, *dilation)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "SHARE", share)
        for forward, backward in (
            (max_pool2d_forward_cpu, max_pool2d_backward_x_cpu),
            (
                lambda *given: fast.max_pool2d_forward(max_pool2d_forward_cpu, *given),
                lambda *given: fast.max_pool2d_backward_x(max_pool2d_backward_x_cpu, *given),
            ),
        ):
            y, index = np.full((*shape[:2], *size_out), 7, dtype), np.full((*shape[:2], *size_out), 8)
            grad_x, grad_y = np.full(shape, 9, dtype), np.arange(y.size, dtype=dtype).reshape(y.shape)
            forward(x, y, index, *options, -math.inf)
            backward(grad_y, index, grad_x, *options[::2])
            results.append((y, index, grad_x))
    for reference, found in zip(*results):
        assert np.array_equal(reference, found, equal_nan=True), (shape, options, ceil_mode, dtype)


@pytest.mark.parametrize("share", [workers.SHARE, 1], ids=["one thread", "shared"])
@pytest.mark.parametrize(
    "shape, options",
    [
        ((2, 3, 6, 5), [(2, 2), (2, 2), (0, 0)]),
        ((1, 1, 5, 7), [(3, 2), (1, 1), (0, 0)]),  # windows overlap
        ((2, 2, 6, 5), [(3, 3), (2, 2), (1, 1), (1, 1), True]),
        ((3, 1, 2, 9), [(2, 2), (1, 2), (1, 1), (1, 2)]),
        ((1, 2, 1, 3), [(2, 2), (2, 2), (1, 1), (2, 2)]),  # some windows see no pixel
        ((0, 2, 4, 4), [(2, 2), (2, 2), (0, 0)]),
        ((1, 1, 2, LANES), [(1, 1), (1, 1), (0, 0)]),  # whole registers, to the last pixel
        ((2, 1, 4, 2 * LANES + 2), [(2, 2), (2, 2), (0, 0)]),
        ((1, 2, 3, 3 * LANES + 7), [(2, 2), (3, 3), (0, 1)]),
    ],
)
def test_shapes(shape, options, share):
    agree(shape, *options, share=share)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_numbers(dtype):
    agree((2, 2, 9, 2 * LANES + 3), (3, 3), (1, 2), (1, 1), dtype=dtype, odd=0.3)


def test_integers_are_left_to_the_reference():
    left, x = [], np.zeros((1, 1, 2, 2), np.int64)
    fast.max_pool2d_forward(lambda *given: left.append(given), x, x, x, 1, 1, 1, 1, 0, 0, 1, 1, -5)
    assert len(left) == 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_shape_and_option(data):
    size, options = [], {"kernel_size": [], "stride": [], "padding": [], "dilation": []}
    for _ in "hw":
        k, d = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
        p = data.draw(st.integers(0, k // 2))
        smallest = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(data.draw(st.integers(smallest, smallest + 2 * LANES)))
        for name, value in zip(options, (k, data.draw(st.integers(1, 4)), p, d)):
            options[name].append(value)
    share = data.draw(st.sampled_from([1, workers.SHARE]))
    odd = data.draw(st.sampled_from([0.0, 0.2]))
    agree((2, 2, *size), **options, ceil_mode=data.draw(st.booleans()), share=share, odd=odd)
