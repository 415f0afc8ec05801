r"""The random slopes of RReLU, one pass for all elements.

A slope is drawn only for an element that is not above zero, so the number of slopes used so far depends on all elements before. With a
branch, the processor predicts whether each element is above zero, and half of the predictions are wrong. So there is a table: a 1, and then
all slopes in order. Each element reads one entry. The index is 0 for an element above zero; otherwise it is the count of elements so far
that are not above zero.
"""

from __future__ import annotations

import numpy as np

from reftorch.kernel import SERIAL, njit


def slopes_of(x, drawn, low, span):
    """For each element of x that is not above zero: low + span * the next random number; else 1. `drawn` is in float64."""
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
