r"""The distances of all pairs of rows and their gradient, a row at a time.

The reference loop of the gradient computes one element after the other. For each it goes down a column of x, computes the index of each
pair again, and tests which power the norm has. But all elements of a row belong to the same pairs:

1. *Rows*: for each other row, the index of the pair and the quotient of its gradient and its distance, $g[k] / y[k]$, are computed once.
2. *Elements innermost*: the differences of two rows are neighbours in memory, so a register of them is added to a row of sums.
3. *Four other rows at once*: so the row itself and the row of sums are read once for four other rows.
4. *Two kinds of sums*: the terms of BLOCK rows are added in the data's type, and these sums in float64.

If a quotient is not finite, each difference is divided by the distance separately, so that a difference of 0 has the derivative 0.

*Forward*, the reference loop adds squares in float64, of which a register holds half as many. Here BLOCK elements at a time
are added in the data's type, for four pairs at once.

Only for the Euclidean distance, where $\frac{\partial L}{\partial x}[r, j] = \sum_s g[k] \, d[j] / y[k]$. The reference kernel computes
other norms.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.registers import INLINE, by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

BLOCK = 64  # terms that are added in the data's type, a multiple of 4


def pdist_forward(reference, x, y, norm):
    """y, the distances of all pairs."""
    if norm != 2:
        return reference(x, y, norm)
    workers = threads_for(x.size * len(x) // 2, len(x))
    if workers == 1:
        measure_rows(x, y, 0, 1)
    else:
        measure_rows_shared(workers, x, y)


def pdist_backward_x(reference, grad_y, x, y, grad_x, norm):
    """grad_x from the gradients of the distances."""
    if norm != 2 or len(x) < 2:
        return reference(grad_y, x, y, grad_x, norm)
    N, D = x.shape
    workers = threads_for(x.size * N, N)
    totals, parts = np.empty((workers, D)), np.empty((workers, D), x.dtype)
    if workers == 1:
        pull_rows(grad_y, x, y, grad_x, 0, N, totals[0], parts[0])
    else:
        pull_rows_shared(workers, grad_y, x, y, grad_x, totals, parts)


# ------------------------------------------------------------------------------------------------------------ distances
# Later rows have fewer pairs, so the workers take rows in turn.
@njit(**SERIAL)
def measure_rows(x, y, first, step):
    by_itself()
    N, D = x.shape
    last = N - 1
    for r in range(first, last, step):
        row, before = window(x[r], 0, D), r * N - r * (r + 1) // 2 - r - 1
        for s in range(r + 1, N, 4):
            a, b = window(x[s], 0, D), window(x[min(s + 1, last)], 0, D)
            c, d = window(x[min(s + 2, last)], 0, D), window(x[min(s + 3, last)], 0, D)
            totals = np.float64(0), np.float64(0), np.float64(0), np.float64(0)
            for block in range(0, D, BLOCK):
                totals = four_sums(row, a, b, c, d, block, min(block + BLOCK, D), totals)
            for i in range(min(4, N - s)):
                y[before + s + i] = math.sqrt(totals[i])


@njit(**INLINE)
def four_sums(row, a, b, c, d, start, end, totals):
    """Add the squares of the differences of `row` and each of the others, for the elements from start to end."""
    s0 = s1 = s2 = s3 = row.dtype.type(0)
    for j in range(start, end):
        s0 += (row[j] - a[j]) * (row[j] - a[j])
        s1 += (row[j] - b[j]) * (row[j] - b[j])
        s2 += (row[j] - c[j]) * (row[j] - c[j])
        s3 += (row[j] - d[j]) * (row[j] - d[j])
    return totals[0] + s0, totals[1] + s1, totals[2] + s2, totals[3] + s3


@njit(**PARALLEL)
def measure_rows_shared(workers, x, y):
    for worker in prange(workers):
        measure_rows(x, y, np.int64(worker), workers)


# ------------------------------------------------------------------------------------------------------------- gradient
@njit(**SERIAL)
def pull_rows(grad_y, x, y, grad_x, first, last, total, part):
    by_itself()
    N, D = x.shape
    for r in range(first, last):
        row = window(x[r], 0, D)
        for j in range(D):
            total[j] = 0
        for block in range(0, N, BLOCK):
            for j in range(D):
                part[j] = 0
            for s in range(block, min(block + BLOCK, N), 4):
                p, q = quotient(grad_y, y, r, s, N), quotient(grad_y, y, r, s + 1, N)
                t, u = quotient(grad_y, y, r, s + 2, N), quotient(grad_y, y, r, s + 3, N)
                if math.isfinite(p) and math.isfinite(q) and math.isfinite(t) and math.isfinite(u):
                    a, b = window(x[s], 0, D), window(x[min(s + 1, N - 1)], 0, D)
                    c, d = window(x[min(s + 2, N - 1)], 0, D), window(x[min(s + 3, N - 1)], 0, D)
                    for j in range(D):
                        near = p * (row[j] - a[j]) + q * (row[j] - b[j])
                        part[j] += near + (t * (row[j] - c[j]) + u * (row[j] - d[j]))
                else:
                    for i in range(s, min(s + 4, N)):
                        if i != r:
                            k = pair_of(r, i, N)
                            pull_apart(row, window(x[i], 0, D), grad_y[k], y[k], part)
            for j in range(D):
                total[j] += part[j]
        for j in range(D):
            grad_x[r, j] = total[j]


@njit(**INLINE)
def pair_of(r, s, N):
    a, b = min(r, s), max(r, s)
    return a * N - a * (a + 1) // 2 + b - a - 1


# An infinite element times 0 is NaN. But if row r has an infinite element, its gradient is NaN anyway.
@njit(**INLINE)
def quotient(grad_y, y, r, s, N):
    """g / y for the pair of rows r and s; 0 if there is no such pair, or no distance."""
    zero = y.dtype.type(0)
    if s == r or s >= N:
        return zero
    k = pair_of(r, s, N)
    return zero if y[k] == zero else grad_y[k] / y[k]


@njit(**INLINE)
def pull_apart(row, other, given, distance, part):
    """Each difference divided by the distance."""
    zero = row.dtype.type(0)
    for j in range(row.size):
        d = row[j] - other[j]
        part[j] += given * (zero if distance == 0 else d / distance)


@njit(**PARALLEL)
def pull_rows_shared(workers, grad_y, x, y, grad_x, totals, parts):
    N = x.shape[0]
    for worker in prange(workers):
        w = np.int64(worker)
        pull_rows(grad_y, x, y, grad_x, w * N // workers, (w + 1) * N // workers, totals[w], parts[w])
