"""Average pooling by rows gives what the reference loops give, with one thread and with several."""

import importlib
import itertools

import numpy as np
import pytest

from reftorch.fast import avg_pool as fast

WINDOWS = [  # size of the input, sizes, strides and paddings of the windows
    ((8,), (2,), (2,), (0,)),
    ((7,), (3,), (1,), (1,)),
    ((11,), (2,), (4,), (1,)),
    ((6, 8), (2, 2), (2, 2), (0, 0)),
    ((5, 7), (3, 2), (1, 1), (0, 0)),  # windows overlap
    ((7, 6), (3, 3), (2, 2), (1, 1)),
    ((9, 11), (2, 4), (4, 5), (1, 2)),  # windows lie apart
    ((5, 9), (1, 3), (1, 3), (0, 1)),
    ((1, 1), (1, 1), (1, 1), (0, 0)),
    ((3, 2), (3, 2), (3, 2), (1, 1)),
    ((4, 3, 5), (2, 1, 2), (2, 1, 2), (0, 0, 0)),
    ((4, 5, 3), (3, 2, 3), (1, 2, 1), (1, 1, 1)),
    ((5, 2, 4), (2, 2, 1), (3, 2, 2), (1, 0, 0)),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size_in, sizes, strides, pads", WINDOWS)
def test_the_same_as_the_reference(size_in, sizes, strides, pads, workers, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: min(workers, pieces))
    name = f"avg_pool{len(size_in)}d"
    component = importlib.import_module(f"reftorch.nn.pooling.{name}")
    rng = np.random.default_rng(0)
    divisors = [()] if len(size_in) == 1 else [(0,), (5,), (-2,)]  # average pooling of sequences has none
    for ceil_mode, count_include_pad, divisor in itertools.product([False, True], [False, True], divisors):
        size_out = getattr(component, f"{name}_output_size")(size_in, sizes, strides, pads, ceil_mode)
        x, grad_y = rng.standard_normal((2, 3, *size_in)), rng.standard_normal((2, 3, *size_out))
        options = *sizes, *strides, *pads, count_include_pad, *divisor
        wanted, found = np.empty_like(grad_y), np.empty_like(grad_y)
        getattr(component, f"{name}_forward_cpu").py_func(x, wanted, *options)
        fast.avg_pool_forward(None, x, found, *options)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        wanted, found = np.empty_like(x), np.empty_like(x)
        getattr(component, f"{name}_backward_x_cpu").py_func(grad_y, wanted, *options)
        fast.avg_pool_backward_x(None, grad_y, found, *options)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_a_pixel_that_is_not_a_number_spoils_its_windows_only():
    x, y = np.ones((1, 1, 2, 6), np.float32), np.empty((1, 1, 1, 3), np.float32)
    x[0, 0, 1, 3] = np.nan
    fast.avg_pool_forward(None, x, y, 2, 2, 2, 2, 0, 0, True, 0)
    np.testing.assert_array_equal(y.ravel(), [1, np.nan, 1])


def test_integers_and_empty_batches_are_left_to_the_reference():
    left = []
    for x in (np.zeros((1, 1, 2, 2), np.int64), np.zeros((0, 1, 2, 2))):
        fast.avg_pool_forward(lambda *given: left.append(given), x, x, 1, 1, 1, 1, 0, 0, True, 0)
        fast.avg_pool_backward_x(lambda *given: left.append(given), x, x, 1, 1, 1, 1, 0, 0, True, 0)
    assert len(left) == 4
