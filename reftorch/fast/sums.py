r"""Sums for the gradients of biases.

The reference loops compute one sum after the other. For the columns of a matrix, this reads a line of the cache for every element,
although the neighbouring sums need its other elements. So `column_sums` goes along the rows and has a row of sums, in float64, because
the sums may be long.

For images, the reference loop is slow only because its rows are short: here an image is one long row.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def conv2d_backward_bias(reference, grad_y, grad_bias):
    """The sum of each channel."""
    if grad_bias.dtype.kind != "f":
        return reference(grad_y, grad_bias)
    N, C_out, H_out, W_out = grad_y.shape
    images, workers = grad_y.reshape(N, C_out, H_out * W_out), threads_for(grad_y.size * MEMORY, C_out)
    if workers == 1:
        channel_sums_share(images, grad_bias, 0, C_out)
    else:
        channel_sums_shared(workers, images, grad_bias)


def column_sums(x, sums):
    """sums[j] = the sum over i of x[i, j]"""
    D = x.shape[1]
    workers, totals = threads_for(x.size * MEMORY, D // 16), np.zeros(D)
    if workers == 1:
        column_sums_share(x, sums, 0, D, totals)
    else:
        column_sums_shared(workers, x, sums, totals)


@njit(**SERIAL)
def channel_sums_share(x, sums, c0, c1):
    by_itself()
    for c in range(c0, c1):
        total = np.float64(0)
        for n in range(x.shape[0]):
            image = window(x[n, c], 0, x.shape[2])
            for t in range(image.size):
                total += image[t]
        sums[c] = total


@njit(**PARALLEL)
def channel_sums_shared(workers, x, sums):
    C = x.shape[1]
    for worker in prange(workers):
        one = np.int64(worker)
        channel_sums_share(x, sums, one * C // workers, (one + 1) * C // workers)


@njit(**SERIAL)
def column_sums_share(x, sums, j0, j1, totals):
    by_itself()
    width = j1 - j0
    total = window(totals, j0, width)
    for i in range(x.shape[0]):
        row = window(x[i], j0, width)
        for j in range(width):
            total[j] += row[j]
    for j in range(width):
        sums[j0 + j] = total[j]


@njit(**PARALLEL)
def column_sums_shared(workers, x, sums, totals):
    D = x.shape[1]
    for worker in prange(workers):
        one = np.int64(worker)
        column_sums_share(x, sums, one * D // workers, (one + 1) * D // workers, totals)
