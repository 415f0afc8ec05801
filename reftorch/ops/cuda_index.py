"""Index arrays, joining and sorting of device arrays, under NumPy's names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .cuda_arrays import (
    DeviceArray,
    apart,
    collapse,
    copyto,
    empty,
    fit,
    flat,
    is_array,
    launch,
    reshape,
    row_major,
    strides_of,
    to_device,
    to_host,
    view,
)
from .cuda_kernels import gather_cuda, scatter_add_cuda, scatter_cuda
from .cuda_map import add, operand, where
from .cuda_reduce import axes_of

__all__ = [
    "add_along_axis", "add_at", "argsort", "concatenate", "flip", "getitem", "nonzero",
    "on_host", "put_along_axis", "repeat", "roll", "setitem", "sort", "stack", "take",
    "take_along_axis", "topk", "tril", "triu",
]  # fmt: skip

COMPLETE = slice(None)


# ---------------------------------------------------------------------------------------- keys
class Places(NamedTuple):
    """Which elements of an array a key with index arrays means: element i of the result, of shape `shape`, lies at
    `position(i, shape, strides) + offsets[position(i, shape, offset_strides)]` of `array`'s memory."""

    array: DeviceArray
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offsets: np.ndarray
    offset_strides: tuple[int, ...]


def _consumed(item: Any) -> int:
    """How many axes of the array a part of a key takes up."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if not isinstance(item, slice) and item.dtype == bool else 1


def _normalize(key: Any, ndim: int) -> list:
    """The parts of a key: None, slices, and NumPy arrays of integers or bools; together they take up every axis.

    An Ellipsis becomes the slices that it stands for. One that stands for no axis remains: it still separates index arrays.

    Raises:
        IndexError: a part is of another type, or there are too many.
    """
    parts: list = []
    for item in key if isinstance(key, tuple) else (key,):
        if not (item is None or item is Ellipsis or isinstance(item, slice)):
            item = to_host(item) if is_array(item) else np.asarray(item)
            if not item.size and item.dtype.kind == "f":
                item = item.astype(np.int64)  # an empty list
            if item.dtype.kind not in "iub":
                raise IndexError(
                    f"an index must be an integer, slice, None, Ellipsis or an array of integers or bools, found {item.dtype}"
                )
        parts.append(item)
    spare = ndim - sum(map(_consumed, parts))
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if spare < 0 or len(dots) > 1:
        raise IndexError(
            f"too many indices: an array of {ndim} axes was given {ndim - spare}"
            if spare < 0
            else "an index can have only one Ellipsis ('...')"
        )
    at = dots[0] if dots else len(parts)
    return [*parts[:at], *([COMPLETE] * spare or parts[at : at + 1]), *parts[at + 1 :]]


def is_basic(key: Any) -> bool:
    """Whether a key has no index arrays, so that indexing by it gives a view."""
    for item in key if isinstance(key, tuple) else (key,):
        number = isinstance(item, (int, np.integer)) and not isinstance(item, bool)
        if not (item is None or item is Ellipsis or isinstance(item, slice) or number):
            return False
    return True


def basic(array: DeviceArray, key: Any) -> DeviceArray:
    """The view `array[key]`, also of a single element."""
    parts = key if isinstance(key, tuple) else (key,)
    if not any(p is Ellipsis for p in parts):
        parts = (*parts, Ellipsis)  # without it NumPy gives a single element as a number, not a view
    return view(array, lambda a: a[parts])


def _indices(part: np.ndarray, shape: Sequence[int], d: int) -> list[np.ndarray]:
    """The integer index arrays, one per axis, that a part of a key stands for at axis `d`: counted from 0, and checked.

    Raises:
        IndexError: an index is out of bounds, or a mask has another shape than what it masks.
    """
    if part.dtype == bool:
        masked = tuple(shape[d : d + part.ndim])
        if part.shape != masked:
            raise IndexError(f"a mask of shape {part.shape} at axis {d} does not fit the axes of shape {masked} there")
        return [i.astype(np.int64) for i in part.nonzero()]
    n = shape[d]
    wrong = part[(part < -n) | (part >= n)]
    if wrong.size:
        raise IndexError(
            f"index {wrong.flat[0]} is out of bounds for dimension {d} with size {n}: wanted {-n} to {n - 1}"
        )
    return [np.where(part < 0, part.astype(np.int64) + n, part.astype(np.int64))]


def _cut(parts: list, shape: tuple[int, ...]) -> tuple[list, list]:
    """The key of the view that leaves the indexed axes whole; and of each of those its place in that key, its number in the
    view, and its indices."""
    cut: list = []
    indexed: list[tuple[int, int, np.ndarray]] = []
    d = axis = 0  # axis of the array, axis of the view
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice):
            cut.append(part)
            axis += part is not Ellipsis
        elif part.dtype == bool and not part.ndim:  # True or False: a new axis of extent 1 or 0
            indexed.append((len(cut), axis, np.zeros(int(part), np.int64)))
            cut.append(None)
            axis += 1
        else:
            for found in _indices(part, shape, d):
                indexed.append((len(cut), axis, found))
                cut.append(COMPLETE)
                axis += 1
        d += _consumed(part)
    return cut, indexed


def locate(array: DeviceArray, key: Any) -> Places:
    """The elements that `array[key]` means, by NumPy's rules for keys with index arrays.

    Slices and None make a view. Index arrays, and integers beside them, broadcast together; their axes stand in the result
    where the indexed axes stood, or in front if those were not neighbours in the key.
    """
    cut, indexed = _cut(_normalize(key, array.ndim), tuple(array.shape))
    whole = view(array, lambda a: a[tuple(cut)])
    places, axes, indices = zip(*indexed)
    try:
        grids = np.broadcast_arrays(*indices)
    except ValueError:
        shapes = " and ".join(str(i.shape) for i in indices)
        raise IndexError(f"index arrays of shapes {shapes} do not broadcast together") from None
    extents, strides = tuple(whole.shape), strides_of(whole)
    offsets = np.zeros(grids[0].shape, np.int64)
    for axis, grid in zip(axes, grids):
        offsets += grid * strides[axis]
    neighbours = places[-1] - places[0] == len(places) - 1
    rest = [axis for axis in range(whole.ndim) if axis not in axes]
    at = axes[0] if neighbours else 0
    before, after = rest[:at], rest[at:]
    return Places(
        whole,
        (*(extents[d] for d in before), *offsets.shape, *(extents[d] for d in after)),
        (*(strides[d] for d in before), *[0] * offsets.ndim, *(strides[d] for d in after)),
        offsets,
        (*[0] * len(before), *row_major(offsets.shape), *[0] * len(after)),
    )


# ---------------------------------------------------------------------------------------- read and write by key
def getitem(array: DeviceArray, key: Any) -> DeviceArray:
    """`array[key]`: a view for a key of numbers, slices, None and Ellipsis; a new array for one with index arrays.

    Index arrays may be on the host or on the device; the latter are brought to the host, to be checked.

    Raises:
        IndexError: an index is out of bounds, or the key does not fit the array.
    """
    if is_basic(key):
        return basic(array, key)
    found = locate(array, key)
    y = empty(found.shape, array.dtype)
    if y.size:
        axes, from_, steps = collapse(found.shape, found.strides, found.offset_strides)
        launch(
            gather_cuda, y.size,
            flat(found.array), from_, flat(to_device(found.offsets)), steps, axes, flat(y),
        )  # fmt: skip
    return y


def _scatter(kernel: Any, array: DeviceArray, key: Any, values: Any) -> None:
    found = locate(array, key)
    values = apart(fit(operand(values, array.dtype), found.shape), array)
    count = int(np.prod(found.shape))
    if count:
        axes, to, steps, from_ = collapse(
            found.shape, found.strides, found.offset_strides, strides_of(values, found.shape)
        )
        launch(
            kernel, count,
            flat(found.array), to, flat(to_device(found.offsets)), steps, flat(values), from_, axes, count,
        )  # fmt: skip


def setitem(array: DeviceArray, key: Any, values: Any) -> None:
    """`array[key] = values`. Of several values for one element any may be kept."""
    if is_basic(key):
        copyto(basic(array, key), values)
    else:
        _scatter(scatter_cuda, array, key, values)


def add_at(array: DeviceArray, key: Any, values: Any) -> None:
    """`numpy.add.at(array, key, values)`: add every value, also where an index occurs more than once.

    Raises:
        TypeError: the dtype has no atomic addition (uint8 and bool).
    """
    if is_basic(key):
        target = basic(array, key)
        return copyto(target, add(target, operand(values, array.dtype)))
    if array.dtype.itemsize < 4:
        raise TypeError(f"add_at into {array.dtype}: CUDA adds atomically to int32, int64, float32 and float64")
    _scatter(scatter_add_cuda, array, key, values)


# ---------------------------------------------------------------------------------------- along one axis
def take(array: DeviceArray, indices: Any, axis: Any = None) -> DeviceArray:
    """The entries `indices` of one axis (None: of the flattened array)."""
    if axis is None:
        array, axis = reshape(array, -1), 0
    (d,) = axes_of(axis, array.ndim)
    return getitem(array, (*[COMPLETE] * d, np.asarray(to_host(indices) if is_array(indices) else indices)))


def _along(array: DeviceArray, indices: Any, axis: int) -> tuple:
    """The key in which every axis but one is indexed by its own numbers."""
    (d,) = axes_of(axis, array.ndim)
    indices = to_host(indices) if is_array(indices) else np.asarray(indices)
    if indices.ndim != array.ndim:
        raise ValueError(f"wanted indices with {array.ndim} axes, as the array, found {indices.ndim}")
    key = list(np.ogrid[tuple(slice(n) for n in tuple(array.shape))])
    key[d] = indices
    return tuple(key)


def take_along_axis(array: DeviceArray, indices: Any, axis: int) -> DeviceArray:
    """y[i, j, k] = array[i, indices[i, j, k], k] for axis 1; the other axes broadcast."""
    return getitem(array, _along(array, indices, axis))


def put_along_axis(array: DeviceArray, indices: Any, values: Any, axis: int) -> None:
    """array[i, indices[i, j, k], k] = values[i, j, k] for axis 1. Of several values for one element any may be kept."""
    setitem(array, _along(array, indices, axis), values)


def add_along_axis(array: DeviceArray, indices: Any, values: Any, axis: int) -> None:
    """array[i, indices[i, j, k], k] += values[i, j, k] for axis 1, every value added."""
    add_at(array, _along(array, indices, axis), values)


def flip(array: DeviceArray, axis: Any = None) -> DeviceArray:
    """The entries of the axes in reverse order, in a new array."""
    for d in axes_of(axis, array.ndim):
        array = take(array, np.arange(array.shape[d])[::-1], d)
    return array


def roll(array: DeviceArray, shift: Any, axis: Any = None) -> DeviceArray:
    """The entries of the axes shifted by `shift`; entries that leave at the end enter at the beginning."""
    if axis is None:
        return reshape(roll(reshape(array, -1), shift, 0), tuple(array.shape))
    shifts = np.broadcast_to(shift, len(axes_of(axis, array.ndim)))
    for d, by in zip(axes_of(axis, array.ndim), shifts):
        array = take(array, np.roll(np.arange(array.shape[d]), by), d)
    return array


def repeat(array: DeviceArray, repeats: Any, axis: Any = None) -> DeviceArray:
    """Each entry of an axis `repeats` times (one number, or one for each entry)."""
    if axis is None:
        array, axis = reshape(array, -1), 0
    (d,) = axes_of(axis, array.ndim)
    return take(array, np.repeat(np.arange(array.shape[d]), repeats), d)


def _triangle(array: DeviceArray, k: int, lower: bool) -> DeviceArray:
    rows, columns = tuple(array.shape)[-2:]
    inside = np.tri(rows, columns, k if lower else k - 1, dtype=bool)
    return where(to_device(inside == lower), array, array.dtype.type(0))


def tril(array: DeviceArray, k: int = 0) -> DeviceArray:
    """The last two axes on and below diagonal k, zero above it."""
    return _triangle(array, k, lower=True)


def triu(array: DeviceArray, k: int = 0) -> DeviceArray:
    """The last two axes on and above diagonal k, zero below it."""
    return _triangle(array, k, lower=False)


# ---------------------------------------------------------------------------------------- joining
def concatenate(arrays: Sequence[DeviceArray], axis: int = 0) -> DeviceArray:
    """The arrays one after the other along an axis.

    Raises:
        ValueError: no arrays, or their other axes differ.
    """
    if not arrays:
        raise ValueError("need at least one array to concatenate")
    (d,) = axes_of(axis, arrays[0].ndim)
    shapes = [list(a.shape) for a in arrays]
    for shape in shapes:
        if len(shape) != len(shapes[0]) or shape[:d] + shape[d + 1 :] != shapes[0][:d] + shapes[0][d + 1 :]:
            raise ValueError(
                f"concatenate along axis {axis}: all other axes must agree, found shapes {shapes[0]} and {shape}"
            )
    ends = np.cumsum([shape[d] for shape in shapes]).tolist()
    y = empty((*shapes[0][:d], ends[-1], *shapes[0][d + 1 :]), np.result_type(*[a.dtype for a in arrays]))
    for array, end in zip(arrays, ends):
        copyto(basic(y, (*[COMPLETE] * d, slice(end - array.shape[d], end))), array)
    return y


def stack(arrays: Sequence[DeviceArray], axis: int = 0) -> DeviceArray:
    """The arrays, all of one shape, as the entries of a new axis.

    Raises:
        ValueError: no arrays, or their shapes differ.
    """
    if len({tuple(a.shape) for a in arrays}) != 1:
        raise ValueError(f"stack expects arrays of one shape, found {[tuple(a.shape) for a in arrays]}")
    (d,) = axes_of(axis, arrays[0].ndim + 1)
    return concatenate([view(a, lambda v: np.expand_dims(v, d)) for a in arrays], d)


# ---------------------------------------------------------------------------------------- through the host
def on_host(f: Callable, *arguments: Any, **options: Any) -> Any:
    """`f` of NumPy, computed on the host: device arrays among the arguments are copied there, and the results back.

    For what a GPU needs long programs to do well (sorting) and what has no size known beforehand (nonzero).
    """
    result = f(*[to_host(a) if is_array(a) else a for a in arguments], **options)
    return tuple(map(to_device, result)) if isinstance(result, tuple) else to_device(result)


def nonzero(array: DeviceArray) -> tuple[DeviceArray, ...]:
    """The indices of the elements that are not zero, one array per axis. Computed on the host."""
    return on_host(np.nonzero, array)


def sort(array: DeviceArray, axis: int = -1) -> DeviceArray:
    """The elements along an axis in ascending order, NaN last. Computed on the host."""
    return on_host(np.sort, array, axis=axis)


def argsort(array: DeviceArray, axis: int = -1) -> DeviceArray:
    """The indices that sort an axis; equal elements keep their order, NaN is last. Computed on the host."""
    return on_host(np.argsort, array, axis=axis, kind="stable")


def topk(array: DeviceArray, k: int, axis: int = -1, largest: bool = True) -> tuple:
    """The k largest (or smallest) elements along an axis, best first, and their indices; NaN is largest. Computed on the host."""

    def best(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if largest:  # sort the reversed axis and read it from its end: of equal elements the first comes first
            last = a.shape[axis] - 1
            order = last - np.flip(np.argsort(np.flip(a, axis), axis, kind="stable"), axis)
        else:
            order = np.argsort(a, axis, kind="stable")
        order = np.take(order, range(operator.index(k)), axis)
        return np.take_along_axis(a, order, axis), order

    return on_host(best, array)
