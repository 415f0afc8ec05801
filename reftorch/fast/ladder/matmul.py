r"""A matrix product, from the formula to the speed of the processor: $y_{mn} = \sum_k a_{mk} b_{kn}$.

All rungs compute the same M N K multiply-adds. They differ in how often a number is moved between memory, cache and registers, how many
numbers an instruction processes, and how many cores work. Matrices are C-contiguous, have one floating dtype and any size.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast import matmul as finished
from reftorch.fast.registers import COLS, ROWS, add_scaled, local_array, window
from reftorch.fast.tile import multiply_tile
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

SLICE = 64  # rows of a block of b
WIDTH = 512  # columns of a block of b, which has 128 KB
ROWS_OF_Y = 128  # rows of y for which a block is used


# ## The formula
#
# A sum for each element of y. It goes down a column of b. Each step reads another line of the cache, and uses only one of its 16 numbers.
# Also, the processor can add only one product at a time to a sum.
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
# The same products, but n is the innermost loop: a row of b, times one number of a, is added to a row of y. Both rows are read in order,
# and an instruction processes as many columns as a register holds.
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
# The rows of y are independent of each other: every core gets a share of them.
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
# To add one row of b, the row of y is read and written: two accesses per multiply-add, in addition to reading b. Now four rows of b, each
# times a number of a, are added at once, so y is read and written a quarter as often. This alone helps little if b is too large for the
# cache, because then reading b takes most of the time.
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
# Each row of y needs all of b. So a block of b that fits into the cache is used for many rows of y before the next block is read.
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
# So far each number of b that is read from the cache is used once. Now a tile of ROWS by COLS sums stays in registers until the sums are
# complete, and y is written once. A piece of b is read once for ROWS rows of y, a number of a once for COLS columns. The rest at the right
# and at the bottom is computed as before.
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
# From one row of b to the next, the COLS numbers that a tile reads are a whole row apart; those of a are in ROWS different rows. So they
# are copied once into panels, in the order in which the tile reads them and without gaps. All tiles of the same columns or rows use the
# same panel. At the border a panel is filled with zeros, so there is no rest.
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
# `reftorch.fast.matmul`: packing, with k divided into slices so that all panels stay in the cache. It takes matrices with any strides, and
# computes small products on one core.
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
