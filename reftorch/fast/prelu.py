r"""PReLU, a plane of one slope at a time.

The reference loop reads the slope again for each element, and only where it is needed. This is a branch, which the processor cannot
predict. Here the slope of a plane is read once, both results are computed, and one is chosen. So the processor computes a register of
elements at once. If each channel of a sample has one element, the slopes are neighbours in memory like the elements, and a row is a sample.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def prelu_forward(reference, x, weight, y):
    """y = x, times the slope where x is not above 0."""
    _bend(x, x, weight, y)


def prelu_backward_x(reference, grad_y, x, weight, grad_x):
    """grad_x = grad_y, times the slope where x is not above 0."""
    _bend(x, grad_y, weight, grad_x)


def _bend(x, given, weight, result):
    N, C, D = x.shape
    if D == 1:
        x, given, result = (array.reshape(N, C) for array in (x, given, result))
    else:
        x, given, result = (array.reshape(N * C, D) for array in (x, given, result))
    workers = threads_for(x.size * MEMORY, len(x))
    if workers == 1:
        bend_rows(x, given, weight, result, D == 1, 0, len(x))
    else:
        bend_rows_shared(workers, x, given, weight, result, D == 1)


@njit(**SERIAL)
def bend_rows(x, given, weight, result, each, first, last):
    by_itself()
    size = x.shape[1]
    for i in range(first, last):
        signs, row, line = window(x[i], 0, size), window(given[i], 0, size), window(result[i], 0, size)
        if each:
            for d in range(size):
                below = weight[d] * row[d]
                line[d] = row[d] if signs[d] > 0 else below
        else:
            slope = weight[i % weight.size]
            for d in range(size):
                below = slope * row[d]
                line[d] = row[d] if signs[d] > 0 else below


@njit(**PARALLEL)
def bend_rows_shared(workers, x, given, weight, result, each):
    rows = x.shape[0]
    for worker in prange(workers):
        w = np.int64(worker)
        bend_rows(x, given, weight, result, each, w * rows // workers, (w + 1) * rows // workers)
