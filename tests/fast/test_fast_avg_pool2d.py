"""Average pooling by rows gives what the reference loops give, with one thread and with several."""

import itertools

import numpy as np
import pytest

from reftorch.fast import avg_pool2d as fast
from reftorch.nn.pooling import avg_pool2d as component

WINDOWS = [  # size of the input, K_h, K_w, stride_h, stride_w, pad_h, pad_w
    ((6, 8), 2, 2, 2, 2, 0, 0),
    ((5, 7), 3, 2, 1, 1, 0, 0),  # windows overlap
    ((7, 6), 3, 3, 2, 2, 1, 1),
    ((9, 11), 2, 4, 4, 5, 1, 2),  # windows lie apart
    ((5, 9), 1, 3, 1, 3, 0, 1),
    ((1, 1), 1, 1, 1, 1, 0, 0),
    ((3, 2), 3, 2, 3, 2, 1, 1),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size_in, K_h, K_w, stride_h, stride_w, pad_h, pad_w", WINDOWS)
def test_the_same_as_the_reference(size_in, K_h, K_w, stride_h, stride_w, pad_h, pad_w, workers, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(workers, pieces))
    rng = np.random.default_rng(0)
    window = K_h, K_w, stride_h, stride_w, pad_h, pad_w
    for ceil_mode, count_include_pad, divisor in itertools.product([False, True], [False, True], [0, 5, -2]):
        size_out = component.avg_pool2d_output_size(size_in, window[:2], window[2:4], window[4:], ceil_mode)
        x, grad_y = rng.standard_normal((2, 3, *size_in)), rng.standard_normal((2, 3, *size_out))
        options = *window, count_include_pad, divisor
        wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
        component.avg_pool2d_forward_cpu.py_func(x, wanted, *options)
        fast.avg_pool2d_forward(None, x, found, *options)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        wanted, found = np.empty_like(x), np.empty_like(x)
        component.avg_pool2d_backward_x_cpu.py_func(grad_y, wanted, *options)
        fast.avg_pool2d_backward_x(None, grad_y, found, *options)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_a_pixel_that_is_not_a_number_spoils_its_windows_only():
    x, y = np.ones((1, 1, 2, 6), np.float32), np.empty((1, 1, 1, 3), np.float32)
    x[0, 0, 1, 3] = np.nan
    fast.avg_pool2d_forward(None, x, y, 2, 2, 2, 2, 0, 0, True, 0)
    np.testing.assert_array_equal(y.ravel(), [1, np.nan, 1])


def test_integers_and_empty_batches_are_left_to_the_reference():
    left = []
    for x in (np.zeros((1, 1, 2, 2), np.int64), np.zeros((0, 1, 2, 2))):
        fast.avg_pool2d_forward(lambda *given: left.append(given), x, x, 1, 1, 1, 1, 0, 0, True, 0)
        fast.avg_pool2d_backward_x(lambda *given: left.append(given), x, x, 1, 1, 1, 1, 0, 0, True, 0)
    assert len(left) == 4
