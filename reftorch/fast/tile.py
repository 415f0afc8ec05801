r"""A tile of sums that stays in the processor's registers.

Matrix products, convolutions and their gradients compute the sum $c_{rs} = \sum_k a_{rk} b_{ks}$. The number of each step is the speed on
one core of an AVX-512 processor, in billions of multiply-adds per second; its peak is 76:

1. *As in the formula* (r, s, then k): 0.7. Each addition waits for the one before, and b is read down a column.
2. *k outside s*: 8. A row of b times one number is added to a row of c, so the processor computes 16 columns at once. But c is
   read and written for each product.
3. *A tile*: 50 to 60. The sums of a few rows and columns of c are computed at once, in registers. So c is written once, an element of a is
   used for all columns, and a row of b for all rows of the tile.

The tile is as large as the registers allow (`registers.py`).
"""

from __future__ import annotations

from reftorch.fast.registers import COLS, INLINE, ROWS, add_scaled, copy_row, local_array, window
from reftorch.kernel import njit


# ## The tile
#
# $$\text{part}[r, s] = \sum_k a[k \cdot \text{ROWS} + r] \; \text{lines}[\text{start}[k] + at + s]$$
#
# `a` is a panel: ROWS numbers for each k, which are neighbours in memory. The rows of b may start anywhere in `lines`: the table `start`
# holds their starts. In a matrix product they follow each other. In a convolution row k is a piece of the image, shifted by the position
# of weight k in the filter. If there is less work than a tile, `multiply_row` computes one row of it.
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
