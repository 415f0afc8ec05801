r"""A matrix product out of tiles: $y[m, n] = b[n] + \sum_k A[m, k] \, B[k, n]$.

The plain loop takes each y by itself and reads a row of A and a column of B for it. The way up:

1. *Tiles* (`tile.py`). ROWS rows and COLS columns of y are summed up in registers.
2. *Panels*. COLS columns of B are copied one row below the other, so that a tile reads B without gaps, and all tiles of these
   columns use the copy while it is near. A is read where it stands: one number serves COLS products.
3. *Slices*. k is cut into pieces of DEPTH, so that a panel fits into the cache. The first piece is written to y, the others added.
4. *Turned matrices*. The three products of a linear layer are x Wᵀ, g W and gᵀ x. A turned matrix is a matter of which index
   comes first when a panel is copied or A is read.
5. *Threads*. The panels, each cut into strips of rows, are dealt out. A small product stays with one thread: waking another
   takes longer.

A matrix times one or a few vectors is another matter: each number of the matrix is used once or a few times, so copying it does
not pay. There `dot_rows` goes along rows, as the plain loop does, for four of them at once.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads

from reftorch.fast.tile import COLS, ROWS, by_itself, multiply_tile, window
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

DEPTH = 384  # a panel of float32 is then 72 KB, a tile's rows of A 12 KB
BLOCK = 64 * ROWS  # rows of A that are packed together: 768 KB at most
SHARE = 500_000  # multiply-adds for which a thread is worth waking


# ## Rung 2: panels
#
# $$\text{panel}[k, s] = B[k_0 + k, j + s]$$
@njit(**SERIAL)
def pack_columns(b, turned, k0, depth, j, width, panel):
    by_itself()
    for i in range(depth * COLS if width < COLS else 0):
        panel[i] = 0
    if turned:
        for s in range(width):
            line = window(b[j + s], k0, depth)
            for k in range(depth):
                panel[k * COLS + s] = line[k]
    else:
        for k in range(depth):
            line, row = window(b[k0 + k], j, width), window(panel, k * COLS, width)
            for s in range(width):
                row[s] = line[s]


@njit(**SERIAL)
def pack_rows(a, turned, k0, depth, i, height, panel):
    by_itself()
    for k in range(depth if height < ROWS else 0):
        for r in range(ROWS):
            panel[k, r] = 0
    if turned:
        for k in range(depth):
            line = window(a[k0 + k], i, height)
            for r in range(height):
                panel[k, r] = line[r]
    else:
        for r in range(height):
            line = window(a[i + r], k0, depth)
            for k in range(depth):
                panel[k, r] = line[k]


@njit(**SERIAL)
def aligned(count, dtype):
    """Room for `count` numbers from the start of a cache line on."""
    room = np.empty(count + 16, dtype)
    skip = (-room.ctypes.data // room.itemsize) % 16
    return room[skip : skip + count]


# ## Rungs 3 to 5
@njit(**SERIAL)
def multiply_share(a, a_turned, b, b_turned, bias, y, i0, i1, j0, j1, start):
    by_itself()
    K = a.shape[0] if a_turned else a.shape[1]
    depths = min(K, DEPTH)
    a_panels = np.empty(((min(BLOCK, i1 - i0) + ROWS - 1) // ROWS, depths, ROWS), y.dtype)
    b_panel = aligned(depths * COLS, y.dtype)
    part = np.empty((ROWS, COLS), y.dtype)
    for k0 in range(0, max(K, 1), DEPTH):
        depth = min(DEPTH, K - k0)
        for top in range(i0, i1, BLOCK):
            end = min(top + BLOCK, i1)
            for i in range(top, end, ROWS):
                pack_rows(a, a_turned, k0, depth, i, min(ROWS, end - i), a_panels[(i - top) // ROWS])
            for j in range(j0, j1, COLS):
                width = min(COLS, j1 - j)
                pack_columns(b, b_turned, k0, depth, j, width, b_panel)
                for i in range(top, end, ROWS):
                    multiply_tile(a_panels[(i - top) // ROWS].T, b_panel, start[:depth], 0, part)
                    put_tile(part, y, i, min(ROWS, end - i), j, width, bias, k0 == 0)


@njit(**SERIAL, forceinline=True)
def put_tile(part, y, i, height, j, width, bias, first):
    for r in range(height):
        row, line = window(y[i + r], j, width), part[r]
        start = window(bias, j, width) if first else row
        for s in range(width):
            row[s] = line[s] + start[s]


@njit(**PARALLEL)
def multiply(workers, a, a_turned, b, b_turned, bias, y, start):
    M, N = y.shape
    for worker in prange(workers):
        w = np.int64(worker)
        if M > N:
            i0, i1 = M * w // workers, M * (w + 1) // workers
            multiply_share(a, a_turned, b, b_turned, bias, y, i0, i1, 0, N, start)
        else:
            j0, j1 = N * w // workers, N * (w + 1) // workers
            multiply_share(a, a_turned, b, b_turned, bias, y, 0, M, j0, j1, start)
