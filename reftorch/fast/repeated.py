r"""Many products with the same matrix: $y = A B + b$ for many small $A$ and one $B$.

`matmul.py` copies $B$ into panels for every product. If $A$ has 64 rows, only a few tiles use a panel, and copying takes a large part
of the time. A recurrent layer multiplies its state by the same weight at every time step: here the panels are made once and kept.

This is one step more than `matmul.py`; tiles, panels of $A$ and slices are the same. The panels of $B$ are divided among the threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reftorch.fast.matmul import BLOCK, DEPTH, PANEL, _lie, pack_columns, pack_rows, put_tile
from reftorch.fast.registers import COLS, INLINE, ROWS, aligned, by_itself, local_array, rooms, window
from reftorch.fast.tile import multiply_tile
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


class Panels(NamedTuple):
    """The panels of a matrix, slice by slice, and its extents."""

    numbers: np.ndarray
    K: int
    N: int


def pack(b):
    """The panels of `b`, which may have any strides."""
    (lying, turned), (K, N) = _lie(b), b.shape
    panels = Panels(np.empty(K * -(-N // COLS) * COLS + 16, b.dtype), K, N)
    pack_panels(lying, turned, *panels)
    return panels


def multiply(a, panels, bias, y):
    """y = a @ b + bias, for C-contiguous `a` and `y` and the panels of b."""
    numbers, K, N = panels
    if y.size == 0:
        return
    workers = threads_for(a.size * N, -(-N // COLS))
    a_rooms = rooms(workers, -(-min(len(a), BLOCK) // ROWS) * ROWS * min(DEPTH, K), y.dtype)
    if workers == 1:
        multiply_panels_share(a, numbers, bias, y, 0, N, PANEL, a_rooms[0])
    else:
        multiply_panels_shared(workers, a, numbers, bias, y, PANEL, a_rooms)


@njit(**INLINE)
def columns_of(N):
    """The columns of all panels of N columns."""
    return (N + COLS - 1) // COLS * COLS


@njit(**SERIAL)
def pack_panels(b, turned, numbers, K, N):
    by_itself()
    panels = aligned(numbers)
    for k0 in range(0, K, DEPTH):
        depth = min(DEPTH, K - k0)
        for j in range(0, N, COLS):
            place = window(panels, k0 * columns_of(N) + j * depth, depth * COLS)
            pack_columns(b, turned, k0, depth, j, min(COLS, N - j), place)


@njit(**SERIAL)
def multiply_panels_share(a, numbers, bias, y, j0, j1, start, a_room):
    by_itself()
    panels, a_panels = aligned(numbers), aligned(a_room)
    part = local_array(ROWS, COLS, y.dtype)
    M, K, columns = a.shape[0], a.shape[1], columns_of(y.shape[1])
    for k0 in range(0, K, DEPTH):
        depth = min(DEPTH, K - k0)
        size = depth * ROWS  # of a panel of A
        for top in range(0, M, BLOCK):
            end = min(top + BLOCK, M)
            for i in range(top, end, ROWS):
                pack_rows(a, False, k0, depth, i, min(ROWS, end - i), window(a_panels, (i - top) * depth, size))
            for j in range(j0, j1, COLS):
                b_panel = window(panels, k0 * columns + j * depth, depth * COLS)
                for i in range(top, end, ROWS):
                    multiply_tile(window(a_panels, (i - top) * depth, size), b_panel, start[:depth], 0, part)
                    put_tile(part, y, i, min(ROWS, end - i), j, min(COLS, j1 - j), bias, k0 == 0)


@njit(**PARALLEL)
def multiply_panels_shared(workers, a, numbers, bias, y, start, a_rooms):
    N = y.shape[1]
    number = (N + COLS - 1) // COLS
    for worker in prange(workers):
        w = np.int64(worker)
        j0, j1 = w * number // workers * COLS, min((w + 1) * number // workers * COLS, N)
        multiply_panels_share(a, numbers, bias, y, j0, j1, start, a_rooms[w])
