r"""Matrices as panels, for a kernel that multiplies many small matrices: $Y = f A B$.

The functions are parts of the product in `matmul.py`: a kernel packs matrices that it uses several times, keeps the panels, and multiplies
panel by panel. A panel of A has ROWS rows; a panel of B or Y has COLS columns. In a panel of A the numbers of a column are neighbours in
memory, in a panel of B or Y those of a row. So Y can be used as B in the next product.

All are float32.
"""

from __future__ import annotations

from reftorch.fast.exponential import exp32
from reftorch.fast.lanes import turn
from reftorch.fast.matmul import pack_columns, pack_rows
from reftorch.fast.registers import (
    COLS,
    INLINE,
    INNER,
    LANES,
    ROWS,
    add_scaled,
    by_itself,
    copy_row,
    local_array,
    scale_row,
    window,
)
from reftorch.fast.tile import multiply_tile
from reftorch.kernel import njit


# ## Room
@njit(**INLINE)
def whole(size, unit):
    """The next multiple of `unit`."""
    return (size + unit - 1) // unit * unit


@njit(**INLINE)
def take(room, at, size):
    """A window of the room, and the start of the next one."""
    return window(room, at, size), at + whole(size, 16)


@njit(**INLINE)
def block(line, start, rows, cols):
    """The matrix that begins at index `start` of the line."""
    return window(line, start, rows * cols).reshape(rows, cols)


# ## Products
#
# The factor times a b. `a` is in panels of ROWS rows, `pitch` columns each; b is one panel of COLS columns, and so is the result.
@njit(**INNER)
def multiply_panels(a, pitch, rows, b, start, factor, y, add):
    by_itself()
    part, factors = local_array(ROWS, COLS, y.dtype), local_array(1, COLS, y.dtype)
    for s in range(COLS):
        factors[0, s] = factor
    for i in range(0, rows, ROWS):
        multiply_tile(window(a, i * pitch, start.size * ROWS), b, start, 0, part)
        if add:
            for r in range(ROWS):
                add_scaled(window(y, (i + r) * COLS, COLS), factor, part[r])
        else:
            for r in range(ROWS):
                scale_row(part[r], factors[0])
                copy_row(window(y, (i + r) * COLS, COLS), part[r])


@njit(**INNER)
def pack_all_rows(a, turned, panels):
    by_itself()
    rows, depth = (a.shape[1], a.shape[0]) if turned else a.shape
    for i in range(0, rows, ROWS):
        pack_rows(a, turned, 0, depth, i, min(ROWS, rows - i), window(panels, i * depth, depth * ROWS))


@njit(**INNER)
def pack_all_columns(b, panels):
    """The rows of b become the columns of panels."""
    by_itself()
    columns, depth = b.shape
    for j in range(0, columns, COLS):
        pack_columns(b, True, 0, depth, j, min(COLS, columns - j), window(panels, j * depth, depth * COLS))


@njit(**INNER)
def unpack_columns(panel, size, width, line, start):
    """The columns of a panel of `size` rows become rows of the line, one after the other."""
    by_itself()
    columns, across, down = block(panel, 0, size, COLS), width - width % LANES, size - size % LANES
    for d in range(0, down, LANES):
        for s in range(0, across, LANES):
            turn(LANES, columns, d, s, window(line, start + s * size + d, LANES * size), size)
    for s in range(width):
        row = window(line, start + s * size, size)
        for d in range(down if s < across else 0, size):
            row[d] = columns[d, s]


@njit(**INNER)
def scale_line(line, source, factor):
    by_itself()
    for i in range(line.size):
        line[i] = source[i] * factor


@njit(**INNER)
def multiply_line(line, other):
    by_itself()
    for i in range(line.size):
        line[i] *= other[i]


@njit(**INNER)
def add_line(line, other):
    by_itself()
    for i in range(line.size):
        line[i] += other[i]


@njit(**INNER)
def exp_line(line):
    by_itself()
    for i in range(line.size):
        line[i] = exp32(line[i])
