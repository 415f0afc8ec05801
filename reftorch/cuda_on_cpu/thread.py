"""The functions that a compiled kernel calls in place of Numba's `cuda`, and of those functions of `math` whose types differ.

`where` holds twelve numbers of a thread: its index in the block (x, y, z), the block's index in the grid, the sizes of block and grid.
"""

# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from ..kernel_cache import njit

OPTIONS = {"cache": True, "error_model": "numpy", "boundscheck": True, "no_cfunc_wrapper": True}
AXES = {"x": 0, "y": 1, "z": 2}
STARTS = {"threadIdx": 0, "blockIdx": 3, "blockDim": 6, "gridDim": 9}


# The indices of threads are never negative. With `& NOT_NEGATIVE`, LLVM knows this. Then it can prove that most indices are inside
# their arrays, and remove the checks that cannot fail.
NOT_NEGATIVE = 0x7FFFFFFF


@njit(**OPTIONS)
def product(where, a, b):
    return np.int64(where[a] & NOT_NEGATIVE) * np.int64(where[b] & NOT_NEGATIVE)


@njit(**OPTIONS)
def grid_1(where):
    return product(where, 3, 6) + np.int64(where[0] & NOT_NEGATIVE)


@njit(**OPTIONS)
def grid_2(where):
    return grid_1(where), product(where, 4, 7) + np.int64(where[1] & NOT_NEGATIVE)


@njit(**OPTIONS)
def grid_3(where):
    x, y = grid_2(where)
    return x, y, product(where, 5, 8) + np.int64(where[2] & NOT_NEGATIVE)


@njit(**OPTIONS)
def gridsize_1(where):
    return product(where, 9, 6)


@njit(**OPTIONS)
def gridsize_2(where):
    return gridsize_1(where), product(where, 10, 7)


@njit(**OPTIONS)
def gridsize_3(where):
    x, y = gridsize_2(where)
    return x, y, product(where, 11, 8)


@njit(**OPTIONS, forceinline=True)
def numbers_of_thread(b, t, grid, block):
    """`where` of thread number t of block number b."""
    x, y, z = t, 0, 0
    if block[1] * block[2] != 1:
        x, rest = t % block[0], t // block[0]
        y, z = rest % block[1], rest // block[1]
    block_x, rest = b % grid[0], b // grid[0]
    block_y, block_z = rest % grid[1], rest // grid[1]
    return (
        np.int32(x),
        np.int32(y),
        np.int32(z),
        np.int32(block_x),
        np.int32(block_y),
        np.int32(block_z),
        np.int32(block[0]),
        np.int32(block[1]),
        np.int32(block[2]),
        np.int32(grid[0]),
        np.int32(grid[1]),
        np.int32(grid[2]),
    )


# ------------------------------------------------------------------------------------------------------------- arguments
@intrinsic
def borrowed(typing, arguments):
    """The same arguments, without reference counting of their arrays, which takes longer than a small thread."""
    return arguments(arguments), lambda context, builder, signature, given: _borrowed(
        context, builder, arguments, given[0]
    )


def _borrowed(context, builder, kind, value):
    if isinstance(kind, types.Array):
        made = make_array(kind)(context, builder, value)
        made.meminfo = cgutils.get_null_value(made.meminfo.type)
        return made._getvalue()
    if isinstance(kind, types.BaseTuple):
        parts = zip(kind.types, cgutils.unpack_tuple(builder, value))
        return context.make_tuple(builder, kind, [_borrowed(context, builder, each, part) for each, part in parts])
    return value


@intrinsic
def sized(typing, array, shape):
    """The same C-contiguous memory, with a shape and strides that are constants for the compiler."""

    def code(context, builder, signature, arguments):
        kind = signature.args[0]
        given, made = make_array(kind)(context, builder, arguments[0]), make_array(kind)(context, builder)
        extents = cgutils.unpack_tuple(builder, arguments[1])
        strides, step = [], context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        for extent in reversed(extents):
            strides.insert(0, step)
            step = builder.mul(step, extent)
        populate_array(made, given.data, extents, strides, given.itemsize, None)
        return made._getvalue()

    return array(array, shape), code


# ---------------------------------------------------------------------------------------- threads that wait at a barrier
# A thread is a generator of Numba's: a structure of numbers, which can lie in memory like others.
@intrinsic
def bytes_of(typing, thread):
    """How much memory a thread takes."""

    def code(context, builder, signature, arguments):
        size = context.get_abi_sizeof(context.get_data_type(signature.args[0]))
        return context.get_constant(types.intp, size)

    return types.intp(thread), code


@intrinsic
def keep(typing, memory, number, thread):
    """Put a thread into memory that has room for several."""

    def code(context, builder, signature, arguments):
        builder.store(builder.load(arguments[2]), _room(context, builder, signature, arguments))
        return context.get_dummy_value()

    return types.none(memory, number, thread), code


@intrinsic
def kept(typing, memory, number, pattern):
    """The thread with this number: the one in memory, which goes on when it is resumed. `pattern` tells its type."""
    return pattern(memory, number, pattern), _room


def _room(context, builder, signature, arguments):
    memory = make_array(signature.args[0])(context, builder, arguments[0])
    number = context.cast(builder, arguments[1], signature.args[1], types.intp)
    return builder.gep(builder.bitcast(memory.data, arguments[2].type), [number])


# ---------------------------------------------------------------------------------------- atomics: threads take turns
@njit(**OPTIONS)
def atomic_add(array, index, value):
    old = array[index]
    array[index] = old + value
    return old


@njit(**OPTIONS)
def atomic_sub(array, index, value):
    old = array[index]
    array[index] = old - value
    return old


@njit(**OPTIONS)
def atomic_max(array, index, value):
    old = array[index]
    if value > old:
        array[index] = value
    return old


@njit(**OPTIONS)
def atomic_min(array, index, value):
    old = array[index]
    if value < old:
        array[index] = value
    return old


@njit(**OPTIONS)
def atomic_exch(array, index, value):
    old = array[index]
    array[index] = value
    return old


@njit(**OPTIONS)
def atomic_cas(array, index, wanted, value):
    old = array[index]
    if old == wanted:
        array[index] = value
    return old


# ---------------------------------------------------------------------------------------- arithmetic
@njit(**OPTIONS)
def fma(a, b, c):
    return a * b + c


@njit(**OPTIONS)
def selp(condition, a, b):
    return a if condition else b


# On the CPU, the first three functions of Numba return integers, which cannot be NaN or infinity, and there is no fmod. On a GPU the type
# does not change.
@njit(**OPTIONS)
def math_floor(x):
    return np.floor(x)


@njit(**OPTIONS)
def math_ceil(x):
    return np.ceil(x)


@njit(**OPTIONS)
def math_trunc(x):
    return np.trunc(x)


@njit(**OPTIONS)
def math_fmod(a, b):
    return np.fmod(a, b)
