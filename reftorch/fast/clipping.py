r"""Gradient clipping on flat arrays: the norm of a gradient, and limits for its elements.

A model has many gradients, and most are small: calling an operation on tensors takes longer than its arithmetic. Each operation is also a
pass over memory, whose result the next one reads: squares, then their sum; the maximum, then the minimum. Here each function is one loop
over the memory.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.kernel import SERIAL, njit


@njit(**SERIAL)
def euclidean(row):
    """The root of the sum of the squares. The square of a single number can overflow or underflow, so its absolute value is taken."""
    if row.size == 1:
        return abs(row[0])
    total = np.float64(0)
    for i in range(row.size):
        total += row[i] * row[i]
    return math.sqrt(row.dtype.type(total))


@njit(**SERIAL)
def limit(row, low, high):
    """Each element becomes at least `low`, then at most `high`. NaN stays NaN."""
    least, most = row.dtype.type(low), row.dtype.type(high)
    for i in range(row.size):
        x = least if row[i] < least else row[i]
        row[i] = most if x > most else x
