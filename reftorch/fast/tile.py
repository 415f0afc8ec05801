r"""A tile of sums that stays in the processor's registers.

The sum behind a matrix product, a convolution and both their gradients is $c_{rs} = \sum_k a_{rk} b_{ks}$. The way up, with the
billions of multiply-adds a second that each rung reached on one core of an AVX-512 processor which can do 76:

1. *As the formula says* (r, s, then k): 0.7. Each product waits for the sum before it, and b is read down a column.
2. *k outside s*: 8. A row of b times one number is added to a row of c: the processor does 16 columns at once. But c is
   read and written for each product.
3. *A tile*: 50 to 60. A few rows and columns of c are summed up at once, in registers: c is written once, a number of a serves
   all columns and a row of b all rows of the tile.

The tile is as large as the registers allow (`registers.py`).
"""

from __future__ import annotations

from reftorch.fast.registers import COLS, INLINE, ROWS, add_scaled, copy_row, local_array, window
from reftorch.kernel import njit


# ## The tile
#
# $$\text{part}[r, s] = \sum_k a[k \cdot \text{ROWS} + r] \; \text{lines}[\text{start}[k] + at + s]$$
#
# `a` is a panel: ROWS numbers for each k, side by side. The rows of b may start anywhere in `lines`: the table `start` tells
# where. In a matrix product they stand one after the other; in a convolution row k is a piece of the image, moved by where
# weight k stands in the filter. Where there is less than a tile of work, `multiply_row` does one of its rows.
@njit(**INLINE)
def multiply_tile(a, lines, start, at, part):
    acc = local_array(ROWS, COLS, part.dtype)
    for r in range(ROWS):
        for s in range(COLS):
            acc[r, s] = 0
    for k in range(start.size):
        numbers, line = window(a, k * ROWS, ROWS), window(lines, start[k] + at, COLS)
        for r in range(ROWS):
            add_scaled(acc[r], numbers[r], line)
    for r in range(ROWS):
        copy_row(part[r], acc[r])


@njit(**INLINE)
def multiply_row(a, r, lines, start, at, row):
    acc = local_array(1, COLS, row.dtype)
    for s in range(COLS):
        acc[0, s] = 0
    for k in range(start.size):
        add_scaled(acc[0], window(a, k * ROWS, ROWS)[r], window(lines, start[k] + at, COLS))
    copy_row(row, acc[0])
