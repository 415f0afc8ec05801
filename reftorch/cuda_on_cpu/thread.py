"""What a compiled kernel calls in place of Numba's `cuda`, and of those functions of `math` whose types differ.

`where` holds twelve numbers of a thread: its place in the block (x, y, z), the block's in the grid, the sizes of block and grid.
"""

# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..kernel_cache import njit

OPTIONS = {"cache": True, "error_model": "numpy", "boundscheck": True}
AXES = {"x": 0, "y": 1, "z": 2}
STARTS = {"threadIdx": 0, "blockIdx": 3, "blockDim": 6, "gridDim": 9}


@njit(**OPTIONS)
def grid_1(where):
    return np.int64(where[3]) * where[6] + where[0]


@njit(**OPTIONS)
def grid_2(where):
    return grid_1(where), np.int64(where[4]) * where[7] + where[1]


@njit(**OPTIONS)
def grid_3(where):
    x, y = grid_2(where)
    return x, y, np.int64(where[5]) * where[8] + where[2]


@njit(**OPTIONS)
def gridsize_1(where):
    return np.int64(where[9]) * where[6]


@njit(**OPTIONS)
def gridsize_2(where):
    return gridsize_1(where), np.int64(where[10]) * where[7]


@njit(**OPTIONS)
def gridsize_3(where):
    x, y = gridsize_2(where)
    return x, y, np.int64(where[11]) * where[8]


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


# On the CPU Numba makes integers of the first three, which cannot hold NaN and infinity, and has no fmod. On a GPU the type stays.
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
