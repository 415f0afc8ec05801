r"""Products in which each number is used only a few times: a matrix times one or a few vectors; the gradient of a few filters.

Here the memory limits the speed. Memory has to be read in order, and the processor has to compute several sums at the same time: an
addition waits for the previous addition to its sum, but four sums do not wait for each other.

`dot_lines` is $\sum_t \text{line}[t] \, \text{lines}[\text{start}[j] + at + t]$, for four j at once. `add_rows_share` is for a
matrix whose rows are added. To go down its columns would read a line of the cache for each number. So four of its rows, each
multiplied by a number, are added to the row of results.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import INNER, by_itself, window
from reftorch.fast.workers import MEMORY, share_of, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def dot_rows(a, b, bias, y):
    """y[i, j] = a[i] · b[j] + bias[j], where a or b has few rows."""
    (M, N), workers = y.shape, threads_for(b.size * len(a) * MEMORY)
    start = np.arange(N) * b.shape[1]
    sums = np.empty((workers, N))
    if workers == 1:
        dot_rows_share(a, b.reshape(-1), start, bias, y, 0, M, 0, N, sums[0])
    else:
        dot_rows_shared(workers, a, b.reshape(-1), start, bias, y, sums)


def add_rows(a, b, bias, y):
    """y[i] = bias + the sum over k of a[i, k] * b[k], where a has few rows."""
    (M, N), workers = y.shape, threads_for(b.size * len(a) * MEMORY)
    if workers == 1:
        add_rows_share(a, b, bias, y, 0, M, 0, N)
    else:
        add_rows_shared(workers, a, b, bias, y)


@njit(**INNER)
def dot_lines(line, lines, start, at, sums):
    by_itself()
    size, last = line.size, start.size - 1
    for j in range(0, start.size, 4):
        w0, w1 = window(lines, start[j] + at, size), window(lines, start[min(j + 1, last)] + at, size)
        w2, w3 = window(lines, start[min(j + 2, last)] + at, size), window(lines, start[min(j + 3, last)] + at, size)
        s0 = s1 = s2 = s3 = line.dtype.type(0)
        for t in range(size):
            s0 += line[t] * w0[t]
            s1 += line[t] * w1[t]
            s2 += line[t] * w2[t]
            s3 += line[t] * w3[t]
        sums[j] += s0
        if j + 1 <= last:
            sums[j + 1] += s1
        if j + 2 <= last:
            sums[j + 2] += s2
        if j + 3 <= last:
            sums[j + 3] += s3


@njit(**SERIAL)
def dot_rows_share(a, lines, start, bias, y, i0, i1, j0, j1, sums):
    by_itself()
    for i in range(i0, i1):
        for j in range(j0, j1):
            sums[j - j0] = bias[j]
        dot_lines(window(a[i], 0, a.shape[1]), lines, start[j0:j1], 0, sums)
        for j in range(j0, j1):
            y[i, j] = sums[j - j0]


@njit(**PARALLEL)
def dot_rows_shared(workers, a, lines, start, bias, y, sums):
    for worker in prange(workers):
        w = np.int64(worker)
        i0, i1, j0, j1 = share_of(w, workers, y)
        dot_rows_share(a, lines, start, bias, y, i0, i1, j0, j1, sums[w])


@njit(**SERIAL)
def add_rows_share(a, b, bias, y, i0, i1, j0, j1):
    by_itself()
    K, width = b.shape[0], j1 - j0
    for i in range(i0, i1):
        row, before, single = window(y[i], j0, width), window(bias, j0, width), K % 4
        for k in range(single):
            line, number = window(b[k], j0, width), a[i, k]
            for j in range(width):
                row[j] = before[j] + number * line[j]
            before = row
        if single == 0:
            for j in range(width):
                row[j] = before[j]
        for k in range(single, K, 4):
            w0, w1 = window(b[k], j0, width), window(b[k + 1], j0, width)
            w2, w3 = window(b[k + 2], j0, width), window(b[k + 3], j0, width)
            a0, a1, a2, a3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            for j in range(width):
                row[j] += a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]


@njit(**PARALLEL)
def add_rows_shared(workers, a, b, bias, y):
    for worker in prange(workers):
        i0, i1, j0, j1 = share_of(np.int64(worker), workers, y)
        add_rows_share(a, b, bias, y, i0, i1, j0, j1)
