r"""A matrix product made of tiles: $y[m, n] = b[n] + \sum_k A[m, k] \, B[k, n]$.

The reference loop computes one element of y after the other, and reads a row of A and a column of B for each. The steps:

1. *Tiles* (`tile.py`): the sums of ROWS rows and COLS columns of y are computed in registers.
2. *Panels*: COLS columns of B and ROWS rows of A are copied into panels, in the order in which a tile reads them, so that they have no
   gaps and stay in the cache. All tiles of the same columns use the same panel of B; all tiles of the same rows use the same panel of A.
3. *Slices*: k is divided into slices of DEPTH, so that the panels are small. The first slice is written to y, the others are added.
4. *Transposed matrices*: the three products of a linear layer are x Wᵀ, g W and gᵀ x. A transposed matrix is transposed back when it is
   copied, block by block in registers (`turn` in `lanes.py`).
5. *Threads*: each computes a share of the rows of y, or of its columns if there are more columns. A small product uses one thread,
   because waking another one takes longer.

Measured for 512 x 512 matrices on one core whose peak is 76 billion multiply-adds per second: 4 billion for the reference loop, 25 billion
for step 1 without panels of B, and 52 billion for all steps.

In the product of a matrix and one or a few vectors, each element of the matrix is used only once or a few times, so copying does not pay.
See `dots.py`.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.dots import add_rows, dot_rows
from reftorch.fast.lanes import copy_few, copy_line, put_sum, turn
from reftorch.fast.registers import (
    COLS,
    INLINE,
    INNER,
    LANES,
    ROWS,
    aligned,
    by_itself,
    copy_row,
    kind_of_cpu,
    local_array,
    rooms,
    window,
)
from reftorch.fast.tile import multiply_tile
from reftorch.fast.workers import share_of, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

# y is read and written once per slice, so slices should be deep. But a panel of A must fit into the nearest cache, and one of B into the next,
# beside panels of A. With AVX2, a panel of B has 96 KB and one of A 16 KB; with AVX-512, 72 KB and 12 KB.
DEPTH = 1024 if kind_of_cpu() == "avx2" else 384
BLOCK = 512  # rows of A that are packed together
LINE = 16  # rows of Aᵀ that are packed at once, because their numbers are in the same lines of the cache
PANEL = np.arange(DEPTH) * COLS  # where the rows of a panel of B start


def matmul(a, b, y, bias=None):
    """y = a @ b + bias, for matrices of one floating dtype. `a` and `b` may have any strides, `y` is C-contiguous."""
    M, N = y.shape
    if y.size == 0:
        return
    if N <= 2 < M:  # one or two vectors: they become rows
        turned = np.empty((N, M), y.dtype)
        matmul(b.T, a.T, turned)
        np.copyto(y, turned.T if bias is None else turned.T + bias)
        return
    (a, a_turned), (b, b_turned) = _lie(a), _lie(b)
    if bias is None:
        bias = np.zeros(N, y.dtype)
    if b_turned and not a_turned and (M <= 4 or N <= 16 and b.size > 4096):
        return dot_rows(a, b, bias, y)
    if not b_turned and (M <= 2 or len(b) <= 2):
        return add_rows(np.ascontiguousarray(a.T) if a_turned else a, b, bias, y)
    workers = threads_for(a.size * N)
    depth, tiles = min(DEPTH, a.size // M), -(-min(M, BLOCK) // ROWS)
    of_a = -(-tiles * depth * ROWS // 16) * 16  # numbers, in whole lines of the cache
    panels = rooms(workers, of_a + depth * COLS, y.dtype)
    if workers == 1:
        multiply_share(a, a_turned, b, b_turned, bias, y, 0, M, 0, N, PANEL, panels[0], of_a)
    else:
        multiply_shared(workers, a, a_turned, b, b_turned, bias, y, PANEL, panels, of_a)


def _lie(a):
    """The matrix or its transpose, whichever is stored row by row; and whether it is the transpose."""
    if not a.flags.c_contiguous and a.T.flags.c_contiguous:
        return a.T, True
    return np.ascontiguousarray(a), False


# ## Rung 2: panels
#
# $$\text{panel}[k \cdot \text{COLS} + s] = B[k_0 + k, j + s] \qquad \text{panel}[k, r] = A[i + r, k_0 + k]$$
@njit(**INNER)
def pack_columns(b, turned, k0, depth, j, width, panel):
    by_itself()
    for i in range(depth * COLS if width < COLS else 0):
        panel[i] = 0
    if turned:
        blocks, whole = width - width % LANES, depth - depth % LANES
        for s in range(0, blocks, LANES):
            for k in range(0, whole, LANES):
                turn(LANES, b, j + s, k0 + k, window(panel, k * COLS + s, LANES * COLS - s), COLS)
        for s in range(width):
            line = window(b[j + s], k0, depth)
            for k in range(whole if s < blocks else 0, depth):
                window(panel, k * COLS, COLS)[s] = line[k]
    else:
        for k in range(depth if width == COLS else 0):
            copy_row(window(panel, k * COLS, COLS), window(b[k0 + k], j, COLS))
        for k in range(depth if width < COLS else 0):
            copy_line(window(panel, k * COLS, width), window(b[k0 + k], j, width))


@njit(**INNER)
def pack_rows(a, turned, k0, depth, i, height, panel):
    by_itself()
    for k in range(depth * ROWS if height < ROWS else 0):
        panel[k] = 0
    if turned:
        for k in range(depth):
            line, row = window(a[k0 + k], i, height), window(panel, k * ROWS, height)
            for r in range(height):
                row[r] = line[r]
    else:
        whole = depth - depth % LANES if height == ROWS else 0
        for k in range(0, whole, LANES):
            turn(ROWS, a, i, k0 + k, window(panel, k * ROWS, ROWS * LANES), ROWS)
        for r in range(height):
            line = window(a[i + r], k0, depth)
            for k in range(whole, depth):
                window(panel, k * ROWS, ROWS)[r] = line[k]


@njit(**INNER)
def pack_block(a, turned, k0, depth, top, end, panels):
    """The panels of the rows from `top` to `end`."""
    by_itself()
    whole = (end - top) // ROWS * ROWS if turned else 0
    for first in range(0, whole, LINE):
        for k in range(depth):
            line = a[k0 + k]
            for i in range(first, min(first + LINE, whole), ROWS):
                copy_few(ROWS, window(panels, i * depth + k * ROWS, ROWS), window(line, top + i, ROWS))
    for i in range(whole, end - top, ROWS):
        height = min(ROWS, end - top - i)
        pack_rows(a, turned, k0, depth, top + i, height, window(panels, i * depth, depth * ROWS))


# ## Rungs 3 and 4
@njit(**SERIAL)
def multiply_share(a, a_turned, b, b_turned, bias, y, i0, i1, j0, j1, start, panels, of_a):
    by_itself()
    room = aligned(panels)
    K = a.shape[0] if a_turned else a.shape[1]
    a_panels, b_panel = window(room, 0, of_a), window(room, of_a, room.size - of_a)
    part = local_array(ROWS, COLS, y.dtype)
    for k0 in range(0, max(K, 1), DEPTH):
        depth = min(DEPTH, K - k0)
        size = depth * ROWS  # of a panel of A
        for top in range(i0, i1, BLOCK):
            end = min(top + BLOCK, i1)
            pack_block(a, a_turned, k0, depth, top, end, a_panels)
            for j in range(j0, j1, COLS):
                width = min(COLS, j1 - j)
                pack_columns(b, b_turned, k0, depth, j, width, b_panel)
                for i in range(top, end, ROWS):
                    multiply_tile(window(a_panels, (i - top) * depth, size), b_panel, start[:depth], 0, part)
                    put_tile(part, y, i, min(ROWS, end - i), j, width, bias, k0 == 0)


@njit(**INLINE)
def put_tile(part, y, i, height, j, width, bias, first):
    for r in range(height):
        row, line = window(y[i + r], j, width), part[r]
        before = window(bias, j, width) if first else row
        put_sum(row, window(line, 0, width), before)


# ## Rung 5
@njit(**PARALLEL)
def multiply_shared(workers, a, a_turned, b, b_turned, bias, y, start, panels, of_a):
    for worker in prange(workers):
        w = np.int64(worker)
        i0, i1, j0, j1 = share_of(w, workers, y, ROWS, COLS)
        multiply_share(a, a_turned, b, b_turned, bias, y, i0, i1, j0, j1, start, panels[w], of_a)
