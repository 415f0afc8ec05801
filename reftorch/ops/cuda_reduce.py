"""Sums, extremes, running sums and matrix products of device arrays, under NumPy's names."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..kernel import configured
from . import cuda_tables as table
from .cuda_arrays import (
    DeviceArray,
    astype,
    collapse,
    empty,
    flat,
    full,
    launch,
    reshape,
    run,
    strides_of,
    view,
    zeros,
)
from .cuda_kernels import BLOCK, best_cuda, cumsum_cuda, matmul_cuda, reduce_cuda
from .cuda_map import check_type, divide, not_equal

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "cumsum", "matmul",
    "mean", "prod", "sum",
]  # fmt: skip

ENOUGH_BLOCKS = 256  # about two for each multiprocessor of a large GPU


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (a number, several, or None for all) as a tuple of numbers from 0.

    Raises:
        numpy.exceptions.AxisError: there is no such axis (an IndexError and a ValueError).
        ValueError: an axis occurs twice.
    """
    listed = range(ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    for d in listed:
        if not -ndim <= d < ndim:
            raise np.exceptions.AxisError(d, ndim)
    axes = tuple(d % ndim for d in listed)
    if len(set(axes)) < len(axes):
        raise ValueError(f"wanted each axis once, found {tuple(listed)} for an array of {ndim} axes")
    return axes


def _threads(terms: int) -> int:
    """How many threads make one output element: a power of two, so that each has 16 terms or more; at most a block."""
    return min(BLOCK, 1 << (max(terms // 16, 1).bit_length() - 1))


def _parts(terms: int, outputs: int) -> int:
    """How many rows of threads share an output element: more than one where the outputs are too few to fill a GPU."""
    parts = 1
    while outputs * parts < ENOUGH_BLOCKS and terms >= 32 * BLOCK * parts:
        parts *= 2
    return parts


def _walk(x: DeviceArray, axes: tuple[int, ...]) -> tuple:
    """The geometry of the axes that stay, then that of `axes`: what the reduction kernels take."""
    shape, strides = tuple(x.shape), strides_of(x)
    kept = [d for d in range(x.ndim) if d not in axes]
    order = sorted(axes)
    return (
        *collapse([shape[d] for d in kept], [strides[d] for d in kept]),
        *collapse([shape[d] for d in order], [strides[d] for d in order]),
    )


def _reduced(x: DeviceArray, axes: tuple[int, ...], keepdims: bool) -> tuple[tuple[int, ...], int]:
    """The shape of the result, and how many terms each of its elements has."""
    sizes = [1 if d in axes else n for d, n in enumerate(tuple(x.shape))]
    shape = [n for d, n in enumerate(sizes) if keepdims or d not in axes]
    return tuple(shape), math.prod(tuple(x.shape)[d] for d in axes)


def _fold(code: int, x: DeviceArray, axes: tuple[int, ...], terms: int, y: DeviceArray) -> None:
    width, parts = _threads(terms), _parts(terms, y.size)
    target = y if parts == 1 else empty((y.size, parts), y.dtype)
    rows = min(BLOCK // width, target.size)
    kernel = configured(reduce_cuda, -(-target.size // rows), (width, rows))
    run(kernel, code, flat(x), *_walk(x, axes), terms, parts, flat(target))
    if parts > 1:
        _fold(code, target, (1,), parts, y)


def _reduce(code: int, x: DeviceArray, axis: Any, keepdims: bool, dtype: Any, nothing: Any) -> DeviceArray:
    """Combine the elements over `axis` in `dtype`; `nothing` is the result of no elements, None if there is none."""
    axes = axes_of(axis, x.ndim)
    shape, terms = _reduced(x, axes, keepdims)
    y = empty(shape, dtype)
    if not y.size:
        return y
    if not terms:
        if nothing is None:
            raise ValueError(
                f"the largest or smallest of no elements: axis {axis} of an array of shape {tuple(x.shape)} is empty"
            )
        return full(shape, nothing, dtype)
    _fold(code, x, axes, terms, y)
    return y


def _sum_type(x: DeviceArray, dtype: Any) -> np.dtype:
    """Integers and bools are summed in int64, if `dtype` does not say otherwise."""
    chosen = np.dtype(dtype or (x.dtype if x.dtype.kind == "f" else np.int64))
    check_type("sum", chosen)
    return chosen


def sum(x: DeviceArray, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> DeviceArray:
    """The sum over `axis`; the dtype that it is computed in is x's, int64 for integers and bools, or `dtype`."""
    return _reduce(table.SUM, x, axis, keepdims, _sum_type(x, dtype), 0)


def prod(x: DeviceArray, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> DeviceArray:
    """The product over `axis`."""
    return _reduce(table.PROD, x, axis, keepdims, _sum_type(x, dtype), 1)


def amax(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """The largest element over `axis`; NaN if there is one.

    Raises:
        ValueError: there is no element.
    """
    return _reduce(table.MAX, x, axis, keepdims, x.dtype, None)


def amin(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """The smallest element over `axis`; NaN if there is one.

    Raises:
        ValueError: there is no element.
    """
    return _reduce(table.MIN, x, axis, keepdims, x.dtype, None)


def all(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Whether every element over `axis` is not zero: the smallest of them as bools."""
    return _reduce(table.MIN, x, axis, keepdims, bool, True)


def any(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Whether some element over `axis` is not zero: the largest of them as bools."""
    return _reduce(table.MAX, x, axis, keepdims, bool, False)


def count_nonzero(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """How many elements over `axis` are not zero."""
    return sum(not_equal(x, x.dtype.type(0)), axis, keepdims=keepdims)


def mean(x: DeviceArray, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> DeviceArray:
    """The sum over `axis` divided by the number of terms; NaN of nothing, float64 of integers."""
    terms = _reduced(x, axes_of(axis, x.ndim), keepdims)[1]
    return divide(sum(x, axis, dtype, keepdims), terms)


def _best(code: int, x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """The index of the extreme element along one axis (None: in the flattened array); the first of equal ones, NaN before all.

    Raises:
        ValueError: there is no element, or more than one axis is named.
    """
    if isinstance(axis, (tuple, list)):
        raise ValueError(f"wanted one axis or None, found {axis}")
    axes = axes_of(axis, x.ndim)
    shape, terms = _reduced(x, axes, keepdims)
    y = empty(shape, np.int64)
    if y.size and not terms:
        raise ValueError(f"the extreme of no elements: axis {axis} of shape {tuple(x.shape)} is empty")
    if y.size:
        width = _threads(terms)
        rows = min(BLOCK // width, y.size)
        kernel = configured(best_cuda, -(-y.size // rows), (width, rows))
        run(kernel, code, flat(x), *_walk(x, axes), terms, flat(y))
    return y


argmax = partial(_best, table.MAX)
argmin = partial(_best, table.MIN)


def cumsum(x: DeviceArray, axis: Any = None, dtype: Any = None) -> DeviceArray:
    """Running sums along `axis` (None: of the flattened array). One thread per line: slow for few long lines."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    (d,) = axes_of(axis, x.ndim)
    y = empty(tuple(x.shape), _sum_type(x, dtype))
    if y.size:
        shape, x_strides, y_strides = list(x.shape), list(strides_of(x)), list(strides_of(y))
        terms, x_step, y_step = shape.pop(d), x_strides.pop(d), y_strides.pop(d)
        axes, from_, to = collapse(shape, x_strides, y_strides)
        lines = y.size // terms
        launch(cumsum_cuda, lines, flat(x), from_, x_step, flat(y), to, y_step, axes, lines, terms)
    return y


# ---------------------------------------------------------------------------------------- matrix product
def matmul(a: DeviceArray, b: DeviceArray) -> DeviceArray:
    """The matrix product over the last two axes; the ones before broadcast, and a vector is a row of a or a column of b.

    Shapes: a (..., M, K), b (..., K, N), result (..., M, N).

    Raises:
        ValueError: an operand has no axes, or the shapes do not fit.
        TypeError: there is no kernel for the common dtype.
    """
    if not a.ndim or not b.ndim or a.shape[a.ndim - 1] != b.shape[max(b.ndim - 2, 0)]:
        raise ValueError(
            f"matmul of shapes {tuple(a.shape)} and {tuple(b.shape)}: the last axis of the first operand must be as long as "
            "the second to last (or only) axis of the second"
        )
    if a.ndim == 1:
        y = matmul(view(a, lambda v: v[None, :]), b)
        return view(y, lambda v: v[..., 0] if b.ndim == 1 else v[..., 0, :])
    if b.ndim == 1:
        return view(matmul(a, view(b, lambda v: v[:, None])), lambda v: v[..., 0])
    dtype = np.result_type(a.dtype, b.dtype)
    check_type("matmul", dtype)
    if dtype.kind == "b":
        raise TypeError("matmul of bool arrays has no CUDA kernel: convert the operands first")
    a, b = astype(a, dtype, copy=False), astype(b, dtype, copy=False)
    (*a_batch, M, K), (*b_batch, _, N) = tuple(a.shape), tuple(b.shape)
    shape = (*np.broadcast_shapes(tuple(a_batch), tuple(b_batch)), M, N)
    if not K or 0 in shape:
        return zeros(shape, dtype)
    y = empty(shape, dtype)
    # Both operands as arrays of shape (..., M, N, K): a is repeated along N and b along M, by strides of 0.
    a = view(a, lambda v: np.broadcast_to(v[..., :, None, :], (*shape, K)))
    b = view(b, lambda v: np.broadcast_to(v.swapaxes(-1, -2)[..., None, :, :], (*shape, K)))
    (*a_strides, a_step), (*b_strides, b_step) = strides_of(a), strides_of(b)
    axes, rows, columns = collapse(shape, a_strides, b_strides)
    launch(matmul_cuda, y.size, flat(a), rows, a_step, flat(b), columns, b_step, axes, K, flat(y))
    return y
