r"""The random slopes of RReLU, one pass for all elements.

A slope is drawn only for an element that is not above zero: which one is next depends on all elements before. As a branch, the
processor predicts which way each element goes, and half of the predictions are wrong. So there is a table, a 1 and then all slopes in
turn, and each element reads one number of it: its place is the count of elements so far that are not above zero, or 0.
"""

from __future__ import annotations

import numpy as np

from reftorch.kernel import SERIAL, njit


def slopes_of(x, drawn, low, span):
    """For each element of x that is not above zero low + span * the next number that was drawn, else 1. `drawn` is in float64."""
    table = np.ones(drawn.size + 1, x.dtype)
    table[1:] = drawn * span + low
    slope = np.empty(x.shape, x.dtype)
    _place_slopes(x.reshape(-1), table, slope.reshape(-1))
    return slope


@njit(**SERIAL)
def _place_slopes(x, table, slope):
    zero, k = x.dtype.type(0), np.uint64(0)
    for i in range(x.size):
        below = np.uint64(x[i] <= zero)
        k += below
        slope[i] = table[k * below]
