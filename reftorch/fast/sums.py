r"""Sums for the gradients of biases.

The plain loops go through each sum by itself. Down the columns of a matrix that touches a line of the cache for every number,
though its neighbours are wanted too, for the sums beside it. So `column_sums` goes along the rows and has a row of sums, in
float64 as always where a sum may be long.

For images the plain loop is right, but for short rows: to it, an image may as well be one long row.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.tile import by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def conv2d_backward_bias(plain, grad_y, grad_bias):
    """The sum of each channel."""
    N, C_out, H_out, W_out = grad_y.shape
    plain(grad_y.reshape(N, C_out, 1, H_out * W_out), grad_bias)


def column_sums(x, sums):
    """sums[j] = the sum over i of x[i, j]"""
    N, D = x.shape
    workers = threads_for(x.size * 8, D // 16)
    if workers == 1:
        column_sums_share(x, sums, 0, D)
    else:
        column_sums_shared(workers, x, sums)


@njit(**SERIAL)
def column_sums_share(x, sums, j0, j1):
    by_itself()
    width = j1 - j0
    totals = np.zeros(width)
    for i in range(x.shape[0]):
        row = window(x[i], j0, width)
        for j in range(width):
            totals[j] += row[j]
    for j in range(width):
        sums[j0 + j] = totals[j]


@njit(**PARALLEL)
def column_sums_shared(workers, x, sums):
    D = x.shape[1]
    for worker in prange(workers):
        one = np.int64(worker)
        column_sums_share(x, sums, one * D // workers, (one + 1) * D // workers)
