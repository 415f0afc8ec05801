r"""What clipping does with a gradient, as one row of numbers: its norm, and its numbers within limits.

A model has many gradients, most of them small: to prepare an operation of tensors takes longer than the operation. And each
operation is a pass over memory, with a result that the next one reads: squares, then their sum; the larger, then the smaller. Here
each is one loop over the memory itself.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.kernel import SERIAL, njit


@njit(**SERIAL)
def euclidean(row):
    """The root of the sum of the squares. The square of a single number may be too large or too small, its size is not."""
    if row.size == 1:
        return abs(row[0])
    total = np.float64(0)
    for i in range(row.size):
        total += row[i] * row[i]
    return math.sqrt(row.dtype.type(total))


@njit(**SERIAL)
def limit(row, low, high):
    """Each number becomes at least `low`, then at most `high`. NaN stays."""
    least, most = row.dtype.type(low), row.dtype.type(high)
    for i in range(row.size):
        x = least if row[i] < least else row[i]
        row[i] = most if x > most else x
