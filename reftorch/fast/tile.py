r"""A tile of sums that stays in the processor's registers.

The sum behind a matrix product, a convolution and both their gradients is $c_{rs} = \sum_k a_{rk} b_{ks}$. The way up, with the
billions of multiply-adds a second that each rung reached on one core of an AVX-512 processor which can do 76:

1. *As the formula says* (r, s, then k): 0.7. Each product waits for the sum before it, and b is read down a column.
2. *k outside s*: 8. A row of b times one number is added to a row of c: the processor does 16 columns at once. But c is
   read and written for each product.
3. *A tile*: 50 to 60. A few rows and columns of c are summed up at once, in registers: c is written once, a number of a serves
   all columns and a row of b all rows of the tile.

The tile is as large as the registers allow. There are 32 of 16 numbers (AVX-512) or of 4 (ARM), else 16: a row of the tile takes
three of them, and 8 or 4 rows leave enough over for a row of b.

Rung 3 wants the compiler to do two things that it cannot be relied on to do: to keep an array in registers, and to work on whole
registers. So they are asked for: `local_array` is an array on the stack, the twin of `cuda.local.array`, and `add_scaled` and
`copy_row` spell out a row in registers. Each has a plain form too, which says what it does and which debug mode runs.
"""

from __future__ import annotations

import os
import platform

import numpy as np
from llvmlite import binding, ir
from numba import carray, config, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from reftorch.kernel import SERIAL, njit

TILES = {  # rows of a tile, numbers in a register
    "avx512": (8, 16),
    "avx2": (4, 8),
    "neon": (8, 4),
    "other": (4, 4),
}


def kind_of_cpu() -> str:
    """Which entry of `TILES` suits: what the environment variable REFTORCH_TILE names, or this processor's."""
    chosen = os.environ.get("REFTORCH_TILE")
    if chosen:
        if chosen not in TILES:
            raise ValueError(f"REFTORCH_TILE is {chosen!r}; it may be one of {', '.join(TILES)}")
        return chosen
    if platform.machine().lower() in ("aarch64", "arm64"):
        return "neon"
    features = (config.CPU_FEATURES or binding.get_host_cpu_features().flatten()).split(",")
    return "avx512" if "+avx512f" in features else "avx2" if {"+avx2", "+fma"} <= set(features) else "other"


ROWS, LANES = TILES[kind_of_cpu()]
COLS = 3 * LANES


# ## Asked of the compiler
def local_array(rows, cols, dtype):
    """An array of a size known when it is compiled: on the stack, and in registers if all its uses allow."""
    return np.empty((rows, cols), dtype)


def window(line, at, size):
    """`line[at : at + size]`, without the questions that a slice asks (is it negative? does it end?)."""
    return line[at : at + size]


def add_scaled(row, value, line):
    """`row += value * line` for the COLS numbers of a row of a tile."""
    row += value * line


def copy_row(row, line):
    """`row[:] = line` for the COLS numbers of a row of a tile."""
    row[:] = line


def by_itself():
    """Compile the function that says this by itself, not again inside each that calls it: most of its time is in its loops."""


@intrinsic
def _by_itself(typing):
    def codegen(context, builder, signature, arguments):
        set.add(builder.function.attributes, "noinline")  # `add` of the attributes themselves knows a few words only
        return context.get_dummy_value()

    return types.void(), codegen


@overload(by_itself, inline="always")
def _by_itself_compiled():
    return lambda: _by_itself()


@intrinsic(prefer_literal=True)
def _on_the_stack(typing, size, dtype):
    def codegen(context, builder, signature, arguments):
        number = context.get_data_type(dtype.dtype)
        tile = cgutils.alloca_once(builder, ir.ArrayType(number, size.literal_value))
        return builder.bitcast(tile, number.as_pointer())

    return types.CPointer(dtype.dtype)(size, dtype), codegen


@overload(local_array, prefer_literal=True, inline="always")
def _local_array(rows, cols, dtype):
    size = rows.literal_value * cols.literal_value
    return lambda rows, cols, dtype: carray(_on_the_stack(size, dtype), (rows, cols))


@intrinsic
def _address(typing, line, at):
    def codegen(context, builder, signature, arguments):
        return builder.gep(context.make_array(line)(context, builder, arguments[0]).data, [arguments[1]])

    return types.CPointer(line.dtype)(line, types.intp), codegen


@overload(window, inline="always")
def _window(line, at, size):
    return lambda line, at, size: carray(_address(line, at), (size,))


def _registers(context, builder, array, value):
    """The addresses of the three registers that a row fills."""
    numbers = ir.VectorType(context.get_data_type(array.dtype), LANES)
    data = context.make_array(array)(context, builder, value).data
    places = [builder.gep(data, [context.get_constant(types.intp, s)]) for s in range(0, COLS, LANES)]
    return [builder.bitcast(place, numbers.as_pointer()) for place in places]


@intrinsic
def _add_scaled(typing, row, value, line):
    def codegen(context, builder, signature, arguments):
        size = row.dtype.bitwidth // 8
        numbers = ir.VectorType(context.get_data_type(row.dtype), LANES)
        first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        nothing = ir.Constant(numbers, ir.Undefined)
        everywhere = builder.insert_element(nothing, arguments[1], ir.Constant(ir.IntType(32), 0))
        everywhere = builder.shuffle_vector(everywhere, nothing, first)
        sums = _registers(context, builder, row, arguments[0])
        for place, source in zip(sums, _registers(context, builder, line, arguments[2])):
            product = builder.fmul(everywhere, builder.load(source, align=size), flags=("contract",))
            total = builder.fadd(builder.load(place, align=size), product, flags=("contract",))
            builder.store(total, place, align=size)

    return types.void(row, row.dtype, line), codegen


@overload(add_scaled, inline="always")
def _add_scaled_compiled(row, value, line):
    return lambda row, value, line: _add_scaled(row, value, line)


@intrinsic
def _copy_row(typing, row, line):
    def codegen(context, builder, signature, arguments):
        size = row.dtype.bitwidth // 8
        sources = _registers(context, builder, line, arguments[1])
        for place, source in zip(_registers(context, builder, row, arguments[0]), sources):
            builder.store(builder.load(source, align=size), place, align=size)

    return types.void(row, line), codegen


@overload(copy_row, inline="always")
def _copy_row_compiled(row, line):
    return lambda row, line: _copy_row(row, line)


@njit(**SERIAL)
def aligned(count, dtype):
    """Room for `count` numbers from the start of a cache line on, so that no register is filled from two lines."""
    room = np.empty(count + 16, dtype)
    skip = (-room.ctypes.data // room.itemsize) % 16
    return room[skip : skip + count]


# ## The tile
#
# $$\text{part}[r, s] = \sum_k a[r, k] \; \text{lines}[\text{start}[k] + at + s]$$
#
# `a` has ROWS rows. The rows of b may start anywhere in `lines`: the table `start` tells where. In a matrix product they stand one
# after the other; in a convolution row k is a piece of the image, moved by where weight k stands in the filter.
# Where there is less than a tile of work, `multiply_row` does one of its rows.
@njit(**SERIAL, forceinline=True)
def multiply_tile(a, lines, start, at, part):
    acc = local_array(ROWS, COLS, part.dtype)
    for r in range(ROWS):
        for s in range(COLS):
            acc[r, s] = 0
    for k in range(start.size):
        line = window(lines, start[k] + at, COLS)
        for r in range(ROWS):
            add_scaled(acc[r], a[r, k], line)
    for r in range(ROWS):
        copy_row(part[r], acc[r])


@njit(**SERIAL, forceinline=True)
def multiply_row(a, r, lines, start, at, part):
    acc = local_array(1, COLS, part.dtype)
    for s in range(COLS):
        acc[0, s] = 0
    for k in range(start.size):
        add_scaled(acc[0], a[r, k], window(lines, start[k] + at, COLS))
    copy_row(part[r], acc[0])
