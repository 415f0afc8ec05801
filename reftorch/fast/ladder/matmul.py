r"""A matrix product, from the formula to the speed of the processor: $y_{mn} = \sum_k a_{mk} b_{kn}$.

All rungs do the same M N K multiply-adds. What differs is how often a number travels between memory, cache and registers, how many
numbers an instruction treats, and how many cores work. Matrices are C-contiguous, of one floating dtype and of any size.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast import matmul as finished
from reftorch.fast.registers import COLS, ROWS, add_scaled, local_array, window
from reftorch.fast.tile import multiply_tile
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

SLICE = 64  # rows of b that make a block
WIDTH = 512  # columns of it: 128 KB
ROWS_OF_Y = 128  # that a block is used for


# ## The formula
#
# A sum for each element of y. It walks down a column of b, and each step touches another line of the cache, of whose 16 numbers
# it uses one. And the processor can add only one product at a time to a sum.
@njit(**SERIAL)
def formula(a, b, y):
    (M, K), N = a.shape, b.shape[1]
    for m in range(M):
        for n in range(N):
            acc = y.dtype.type(0)
            for k in range(K):
                acc += a[m, k] * b[k, n]
            y[m, n] = acc


# ## Loop order
#
# The same products, but n varies fastest: a row of b, times one number of a, is added to a row of y. Both rows are read in order,
# and an instruction treats as many columns as a register holds.
@njit(**SERIAL)
def loop_order(a, b, y):
    (M, K), N = a.shape, b.shape[1]
    for m in range(M):
        row = window(y[m], 0, N)
        row[:] = 0
        for k in range(K):
            line = window(b[k], 0, N)
            for n in range(N):
                row[n] += a[m, k] * line[n]


# ## Parallel
#
# The rows of y do not depend on each other: every core gets its share of them.
@njit(**PARALLEL)
def parallel(a, b, y):
    (M, K), N = a.shape, b.shape[1]
    for m in prange(M):
        row = window(y[m], 0, N)
        row[:] = 0
        for k in range(K):
            line = window(b[k], 0, N)
            for n in range(N):
                row[n] += a[m, k] * line[n]


# ## Four at once
#
# To add one row of b, the row of y is read and written: two journeys for a multiply-add each, beside that of b. Four rows of b, each
# times a number of a, are added in one go, and y travels a quarter as often. That alone helps little where b is too large for the
# cache: then it is b that one waits for.
@njit(**SERIAL)
def add_rows(b, k0, k1, n0, factors, row):
    """row += factors[k] * b[k, n0 : n0 + width], for k from k0 to k1"""
    width = row.size
    for k in range(k0, k1 - 3, 4):
        b0, b1 = window(b[k], n0, width), window(b[k + 1], n0, width)
        b2, b3 = window(b[k + 2], n0, width), window(b[k + 3], n0, width)
        for n in range(width):
            row[n] += factors[k] * b0[n] + factors[k + 1] * b1[n] + factors[k + 2] * b2[n] + factors[k + 3] * b3[n]
    for k in range(k1 - (k1 - k0) % 4, k1):
        line = window(b[k], n0, width)
        for n in range(width):
            row[n] += factors[k] * line[n]


@njit(**PARALLEL)
def four_at_once(a, b, y):
    (M, N), K = y.shape, a.shape[1]
    y[:] = 0
    for m in prange(M):
        add_rows(b, 0, K, 0, a[m], window(y[m], 0, N))


# ## Blocking
#
# Each row of y reads all of b. So take a block of b that fits into the cache, use it for many rows of y, and only then go on to the
# next block.
@njit(**PARALLEL)
def blocking(a, b, y):
    (M, N), K = y.shape, a.shape[1]
    y[:] = 0
    for share in prange(-(-M // ROWS_OF_Y)):
        m0 = np.int64(share) * ROWS_OF_Y
        for n0 in range(0, N, WIDTH):
            for k0 in range(0, K, SLICE):
                for m in range(m0, min(m0 + ROWS_OF_Y, M)):
                    add_rows(b, k0, min(k0 + SLICE, K), n0, a[m], window(y[m], n0, min(WIDTH, N - n0)))


# ## Register tile
#
# Still each number of b that is read from the cache is used once. A tile of ROWS by COLS sums stays in registers until they are
# done, and y is written once. A piece of b that was read serves ROWS rows of y, a number of a serves COLS columns. What is left over
# at the right and at the bottom is done as before.
@njit(**PARALLEL)
def register_tile(a, b, y):
    (M, N), K = y.shape, a.shape[1]
    tiles, columns = M // ROWS, N // COLS * COLS
    for tile in prange(tiles):
        m = np.int64(tile) * ROWS
        for n in range(0, columns, COLS):
            acc = local_array(ROWS, COLS, y.dtype)
            for r in range(ROWS):
                for s in range(COLS):
                    acc[r, s] = 0
            for k in range(K):
                line = window(b[k], n, COLS)
                for r in range(ROWS):
                    add_scaled(acc[r], a[m + r, k], line)
            for r in range(ROWS):
                for s in range(COLS):
                    y[m + r, n + s] = acc[r, s]
    loop_order(a[: tiles * ROWS], b[:, columns:], y[: tiles * ROWS, columns:])
    loop_order(a[tiles * ROWS :], b, y[tiles * ROWS :])


# ## Packing
#
# The COLS numbers that a tile reads of each row of b lie a whole row apart, those of a in ROWS different rows. Copied once into
# panels, in the order in which the tile reads them, they come without gaps, and serve all tiles of their columns or rows. A panel
# is filled up by zeros at the border, so nothing is left over.
@njit(**PARALLEL)
def packing(a, b, y):
    (M, N), K = y.shape, a.shape[1]
    across, down, start = -(-N // COLS), -(-M // ROWS), np.arange(K) * COLS
    b_panels, a_panels = np.zeros((across, K * COLS), y.dtype), np.zeros((down, K * ROWS), y.dtype)
    for panel in prange(across):
        j = np.int64(panel)
        width = min(COLS, N - j * COLS)
        for k in range(K):
            source, target = window(b[k], j * COLS, width), window(b_panels[j], k * COLS, width)
            for s in range(width):
                target[s] = source[s]
    for panel in prange(down):
        i, part = np.int64(panel), np.empty((ROWS, COLS), y.dtype)
        height = min(ROWS, M - i * ROWS)
        for r in range(height):
            for k in range(K):
                a_panels[i, k * ROWS + r] = a[i * ROWS + r, k]
        for j in range(across):
            multiply_tile(a_panels[i], b_panels[j], start, 0, part)
            for r in range(height):
                row = window(y[i * ROWS + r], j * COLS, min(COLS, N - j * COLS))
                for s in range(row.size):
                    row[s] = part[r, s]


# ## The finished form
#
# `reftorch.fast.matmul`: packing, with k cut into slices so that all panels stay in the cache; for matrices that lie in memory in
# any way; and small products on one core.
def finished_form(a, b, y):
    finished.matmul(a, b, y)


RUNGS = (
    ("the formula", formula),
    ("loop order", loop_order),
    ("parallel", parallel),
    ("four at once", four_at_once),
    ("blocking", blocking),
    ("register tile", register_tile),
    ("packing", packing),
    ("reftorch.fast", finished_form),
)
