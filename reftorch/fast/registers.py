"""Functions with which a kernel controls the compiler: they keep an array in registers, and work on whole registers.

LLVM does both by itself in many loops, but this is not reliable: after changing one constant, a loop was thirty times slower. So these
functions give LLVM's instructions directly. Each is a function in plain Python, which shows what it computes and runs where nothing is
compiled; below it is its translation to machine code. (`lanes.py` has more of them, for pieces smaller than a tile.)

    local_array    an array on the stack, the twin of `cuda.local.array`
    window         a part of a line
    add_scaled     row += value * line, for a row of a tile
    copy_row       row[:] = line, for a row of a tile
    scale_row      row *= line, for a row of a tile
    raise_row      row[:] = the larger of row and line, for a row of a tile
    lost_in        the rounding error of a product
    by_itself      this function is compiled once, not inside each of its callers

A row of a tile is three registers wide. A tile has as many rows as possible, so that a row of the other factor still fits into the
registers. There are 32 registers of 16 numbers (AVX-512) or of 4 (ARM), and 16 registers on other processors: of 8 numbers (AVX2), or 4.
"""

from __future__ import annotations

import os
import platform

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.core.ir_utils import _add_alias, alias_func_extensions
from numba.extending import lower_builtin, type_callable
from numba.np.arrayobj import make_array, populate_array

from reftorch.kernel import SERIAL, njit

TILES = {  # rows of a tile, numbers in a register
    "avx512": (8, 16),
    "avx2": (4, 8),
    "neon": (8, 4),
    "other": (4, 4),
}


def kind_of_cpu() -> str:
    """The name of the entry of `TILES` to use: from the environment variable REFTORCH_TILE, or the one for this processor.

    Raises:
        ValueError: the variable names no entry.
    """
    chosen = os.environ.get("REFTORCH_TILE")
    if chosen:
        if chosen not in TILES:
            raise ValueError(f"REFTORCH_TILE is {chosen!r}: expected one of {', '.join(TILES)}")
        return chosen
    if platform.machine().lower() in ("aarch64", "arm64"):
        return "neon"
    features = (config.CPU_FEATURES or binding.get_host_cpu_features().flatten()).split(",")
    return "avx512" if "+avx512f" in features else "avx2" if {"+avx2", "+fma"} <= set(features) else "other"


ROWS, LANES = TILES[kind_of_cpu()]
COLS = 3 * LANES
FUSED = kind_of_cpu() != "other"  # whether a * b + c is one instruction, with one rounding

# Functions that only kernels call: no wrapper for calls from Python is compiled. INLINE functions become part of their caller.
INNER = {**SERIAL, "no_cpython_wrapper": True}
INLINE = {**INNER, "forceinline": True}


def rooms(workers, size, dtype, fill=np.empty):
    """Memory for intermediate results of each worker: `size` numbers, which its kernel gets from `aligned`."""
    return fill((workers, size + 16), dtype)


@njit(**INLINE)
def aligned(room):
    """The numbers of a room from the start of a cache line on, so that no register is filled from two lines."""
    return window(room, (-room.ctypes.data // room.itemsize) % 16, room.size - 16)


# ---------------------------------------------------------------------------------------------------- an array on the stack
def local_array(rows, cols, dtype):
    """An array whose size is known at compile time, kept in registers if all its uses allow it."""
    return np.empty((rows, cols), dtype)


@type_callable(local_array)
def _type_local_array(context):
    def typer(rows, cols, dtype):
        if isinstance(rows, types.IntegerLiteral) and isinstance(cols, types.IntegerLiteral):
            return types.Array(dtype.dtype, 2, "C")

    return typer


@lower_builtin(local_array, types.IntegerLiteral, types.IntegerLiteral, types.DType)
def _lower_local_array(context, builder, signature, arguments):
    shape = [literal.literal_value for literal in signature.args[:2]]
    number = context.get_data_type(signature.return_type.dtype)
    tile = cgutils.alloca_once(builder, ir.ArrayType(number, shape[0] * shape[1]))
    return _array(context, builder, signature.return_type, builder.bitcast(tile, number.as_pointer()), shape)


def _array(context, builder, kind, data, shape):
    """A C-contiguous array over memory that belongs to another object."""
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [context.get_constant(types.intp, n) if isinstance(n, int) else n for n in shape]
    strides = [context.get_constant(types.intp, size)]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    array = make_array(kind)(context, builder)
    populate_array(array, data, shape, strides, size, None)
    return array._getvalue()


# -------------------------------------------------------------------------------------------------------- a piece of a line
def window(line, at, size):
    """`line[at : at + size]`, without the tests of a slice (for negative indices, and for the end)."""
    return line[at : at + size]


@type_callable(window)
def _type_window(context):
    return lambda line, at, size: types.Array(line.dtype, 1, "C")


@lower_builtin(window, types.Array, types.Integer, types.Integer)
def _lower_window(context, builder, signature, arguments):
    data = make_array(signature.args[0])(context, builder, arguments[0]).data
    at, size = (context.cast(builder, arguments[i], signature.args[i], types.intp) for i in (1, 2))
    return _array(context, builder, signature.return_type, builder.gep(data, [at]), [size])


# Numba removes stores into an array that is never read; it must know that a window is a part of another array.
alias_func_extensions[window.__name__, window.__module__] = lambda window, arguments, *known: _add_alias(
    window, arguments[0].name, *known
)


# ------------------------------------------------------------------------------------------------------------ whole registers
def add_scaled(row, value, line):
    """`row += value * line` for the COLS numbers of a row of a tile."""
    row += value * line


def copy_row(row, line):
    """`row[:] = line` for the COLS numbers of a row of a tile."""
    row[:] = line


def scale_row(row, line):
    """`row *= line` for the COLS numbers of a row of a tile."""
    row *= line


def raise_row(row, line):
    """Each of the COLS numbers of a row of a tile is replaced by that of `line` if the latter is larger. NaN is never larger."""
    row[:] = np.where(line > row, line, row)


@type_callable(add_scaled)
def _type_add_scaled(context):
    return lambda row, value, line: types.none


@type_callable(copy_row)
@type_callable(scale_row)
@type_callable(raise_row)
def _type_copy_row(context):
    return lambda row, line: types.none


def registers_of(context, builder, kind, array):
    """The addresses of the registers that a row fills."""
    register = ir.VectorType(context.get_data_type(kind.dtype), LANES).as_pointer()
    data = make_array(kind)(context, builder, array).data
    places = [builder.gep(data, [context.get_constant(types.intp, s)]) for s in range(0, COLS, LANES)]
    return [builder.bitcast(place, register) for place in places]


@lower_builtin(add_scaled, types.Array, types.Number, types.Array)
def _lower_add_scaled(context, builder, signature, arguments):
    kind, value_kind, _ = signature.args
    rows, lines = (registers_of(context, builder, signature.args[i], arguments[i]) for i in (0, 2))
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    nothing = ir.Constant(rows[0].type.pointee, ir.Undefined)
    value = context.cast(builder, arguments[1], value_kind, kind.dtype)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    values = builder.shuffle_vector(first, nothing, everywhere)
    for row, line in zip(rows, lines):
        product = builder.fmul(values, builder.load(line, align=size), flags=("contract",))
        total = builder.fadd(builder.load(row, align=size), product, flags=("contract",))
        builder.store(total, row, align=size)
    return context.get_dummy_value()


@lower_builtin(copy_row, types.Array, types.Array)
def _lower_copy_row(context, builder, signature, arguments):
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    rows, lines = (registers_of(context, builder, *pair) for pair in zip(signature.args, arguments))
    for row, line in zip(rows, lines):
        builder.store(builder.load(line, align=size), row, align=size)
    return context.get_dummy_value()


@lower_builtin(scale_row, types.Array, types.Array)
def _lower_scale_row(context, builder, signature, arguments):
    return _combine_rows(context, builder, signature, arguments, builder.fmul)


@lower_builtin(raise_row, types.Array, types.Array)
def _lower_raise_row(context, builder, signature, arguments):
    def larger(old, new):
        return builder.select(builder.fcmp_ordered(">", new, old), new, old)

    return _combine_rows(context, builder, signature, arguments, larger)


def _combine_rows(context, builder, signature, arguments, combine):
    """Each register of the first row is replaced by `combine` of it and the register of the other row."""
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    rows, lines = (registers_of(context, builder, *pair) for pair in zip(signature.args, arguments))
    for row, line in zip(rows, lines):
        builder.store(combine(builder.load(row, align=size), builder.load(line, align=size)), row, align=size)
    return context.get_dummy_value()


# ------------------------------------------------------------------------------------------------- a product and its rounding
def lost_in(product, a, b):
    """a * b - product, exactly, where `product` is a * b rounded to float32. Most processors have an instruction for it."""
    return np.float32(np.float64(a) * np.float64(b) - np.float64(product))


@type_callable(lost_in)
def _type_lost_in(context):
    return lambda product, a, b: types.float32


@lower_builtin(lost_in, types.float32, types.float32, types.float32)
def _lower_lost_in(context, builder, signature, arguments):
    product, a, b = arguments
    if FUSED:
        return builder.fma(a, b, builder.fneg(product))
    product, a, b = (builder.fpext(number, ir.DoubleType()) for number in arguments)
    return builder.fptrunc(builder.fsub(builder.fmul(a, b), product), ir.FloatType())


# --------------------------------------------------------------------------------------------------------- a function apart
def by_itself():
    """Compile the function that calls this once, and not again inside each of its callers: it spends its time in its loops."""


@type_callable(by_itself)
def _type_by_itself(context):
    return lambda: types.none


@lower_builtin(by_itself)
def _lower_by_itself(context, builder, signature, arguments):
    set.add(builder.function.attributes, "noinline")  # the attributes' own `add` knows only some words
    return context.get_dummy_value()
