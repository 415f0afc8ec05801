"""The slopes of RReLU in one pass are those that NumPy puts in their places, to the last bit."""

import numpy as np
import pytest

from reftorch import fast


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", [[-1, 0.0, 2, -0.0, np.nan, -np.inf, np.inf, -3], [1, 2], [-1, -2, -3], []], ids=str)
def test_slopes(x, dtype):
    x = np.array(x, dtype)
    below = x <= 0
    drawn = np.random.default_rng(0).random(np.count_nonzero(below))
    low, high = float(x.dtype.type(1 / 8)), float(x.dtype.type(1 / 3))
    wanted = np.ones(x.shape, dtype)
    wanted[below] = drawn * (high - low) + low
    found = fast.slopes_of(x, drawn, low, high - low)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == x.dtype


def test_slopes_of_a_turned_matrix_come_in_the_order_of_its_elements():
    x, drawn = np.array([[-1.0, -2, 3], [-4, 5, -6]], np.float32).T, np.array([0.1, 0.2, 0.3, 0.4])
    wanted = np.array([[0.1, 0.2], [0.3, 1], [1, 0.4]], np.float32)
    np.testing.assert_array_equal(fast.slopes_of(x, drawn, 0.0, 1.0), wanted)
