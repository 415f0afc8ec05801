"""Device arrays: views of their memory, creation, transfer and copies.

A device array is Numba's: on a GPU an address with a shape and strides, in the simulator a wrapped NumPy array. Where CUDA is
compiled for the CPU, it is `cuda_on_cpu.Array`, which wraps one too. `alias` makes a new one over memory that exists.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import cuda_on_cpu
from ..kernel import configured, cuda, cuda_kind, geometry
from .cuda_kernels import copy_cuda

__all__ = [
    "arange", "ascontiguousarray", "astype", "copy", "copyto", "empty", "full", "is_array",
    "is_contiguous", "ones", "reshape", "to_device", "to_host", "view", "zeros",
]  # fmt: skip

DeviceArray = Any  # numba.cuda's DeviceNDArray, or the simulator's FakeCUDAArray
SMALL = 4096  # elements; copying fewer from the host takes less time than starting a kernel that fills them


def is_array(value: Any) -> bool:
    """Whether `value` is a device array."""
    return getattr(value, "__cuda_ndarray__", False)


# ---------------------------------------------------------------------------------------- geometry
def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides, in elements, of a contiguous array."""
    return tuple(math.prod(max(n, 1) for n in shape[d + 1 :]) for d in range(len(shape)))


def strides_of(array: DeviceArray, shape: Sequence[int] | None = None) -> tuple[int, ...]:
    """The array's strides in elements, after broadcasting it to `shape`: repeated axes have stride 0."""
    strides = tuple(s // array.dtype.itemsize for s in array.strides)
    if shape is None:
        return strides
    repeated = tuple(0 if n == 1 else s for n, s in zip(tuple(array.shape), strides))
    return (0,) * (len(shape) - array.ndim) + repeated


def extent(shape: Sequence[int], strides: Sequence[int]) -> int:
    """How many elements lie between the first and the last, both included."""
    return 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides))


def collapse(shape: Sequence[int], *strides: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """`shape` and `strides` of arrays that are traversed together, with as few axes as they allow, at least one.

    An axis is merged into the one before it where a step of that one is as far as the whole of this one in every array. A
    contiguous array of any rank becomes one axis: fewer divisions in `position`, and fewer ranks to compile for.
    """
    axes: list[tuple[int, ...]] = []
    for n, *steps in zip(shape, *strides):
        if axes and all(outer == n * step for outer, step in zip(axes[-1][1:], steps)):
            axes[-1] = (axes[-1][0] * n, *steps)
        elif n != 1:
            axes.append((n, *steps))
    return tuple(zip(*axes or [(1, *[0 for _ in strides])]))


def alias(array: DeviceArray, offset: int, shape: Sequence[int], strides: Sequence[int]) -> DeviceArray:
    """A device array over the memory of `array`; `offset` and `strides` count elements from its first one."""
    itemsize = array.dtype.itemsize
    steps = tuple(s * itemsize for s in strides)
    if not hasattr(array, "_ary"):
        memory = array.gpu_data
        if offset and 0 not in shape:  # an empty array has no memory: Numba gives it a null pointer
            memory = memory.view(offset * itemsize, (offset + extent(shape, strides)) * itemsize)
        return type(array)(tuple(shape), steps, array.dtype, gpu_data=memory)
    if 0 in shape:
        return type(array)(np.empty(shape, array.dtype))
    reach = np.lib.stride_tricks.as_strided(array._ary, (offset + extent(shape, strides),), (itemsize,))
    return type(array)(np.lib.stride_tricks.as_strided(reach[offset:], shape, steps))


def flat(array: DeviceArray) -> DeviceArray:
    """The array's memory, from its first element to its last, as one axis: the form in which kernels take arrays."""
    strides = strides_of(array)
    return array if strides == (1,) else alias(array, 0, (extent(tuple(array.shape), strides),), (1,))


def view(array: DeviceArray, f: Callable[[np.ndarray], np.ndarray]) -> DeviceArray:
    """What NumPy's view function `f` (a slice, transpose, reshape, broadcast_to, ...) makes of `array`, over the same memory.

    `f` is applied to a NumPy array of the same geometry, to see which shape, strides and first element come out. That array
    is never filled: for a large one the system reserves addresses, not memory.

    Raises:
        ValueError: `f` copies, or its result runs backwards through memory.
    """
    shape = tuple(array.shape)
    size = extent(shape, strides_of(array)) * array.dtype.itemsize
    if size:
        paper = np.ndarray(shape, array.dtype, np.empty(size, np.uint8), strides=array.strides)
    else:
        paper = np.empty(shape, array.dtype)
    drawn = f(paper)
    if not drawn.size:
        return alias(array, 0, drawn.shape, row_major(drawn.shape))
    offset = drawn.__array_interface__["data"][0] - paper.__array_interface__["data"][0]
    if not isinstance(drawn, np.ndarray) or not 0 <= offset < size:
        raise ValueError(
            f"wanted a view of the array of shape {shape}, found a copy: NumPy cannot lay out {drawn.shape} over its "
            f"memory (strides {array.strides}). Make it contiguous first; to index one element write a[i, ...]"
        )
    if any(s < 0 for n, s in zip(drawn.shape, drawn.strides) if n > 1):
        raise ValueError(f"a view with negative strides {drawn.strides} is not supported: use flip")
    strides = [s // array.dtype.itemsize for s in drawn.strides]
    # The stride of an axis with one entry is never used, but a 0 there makes Numba take the axis for a repeated one.
    for d in reversed(range(drawn.ndim)):
        if drawn.shape[d] == 1:
            strides[d] = strides[d + 1] * drawn.shape[d + 1] if d + 1 < drawn.ndim else 1
    return alias(array, offset // array.dtype.itemsize, drawn.shape, strides)


# ---------------------------------------------------------------------------------------- launch
def launch(kernel: Any, threads: int, *arguments: Any) -> None:
    """Run `kernel` with one thread for each of `threads` elements; nothing for none."""
    if threads:
        run(configured(kernel, *geometry(threads)), *arguments)


def run(configured: Any, *arguments: Any) -> None:
    """Call a kernel whose grid is set, without the warnings of overflow and NaN that NumPy gives in the simulator."""
    if cuda_kind() != "simulator":
        return configured(*arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        configured(*arguments)


# ---------------------------------------------------------------------------------------- creation and transfer
def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def empty(shape: Any, dtype: Any = np.float32) -> DeviceArray:
    """A contiguous array with whatever the memory held."""
    shape = _shape(shape)
    if cuda_kind() == "cpu":
        return cuda_on_cpu.Array(np.empty(shape, dtype))
    array = cuda.device_array(shape or (1,), np.dtype(dtype))
    return array if shape else alias(array, 0, (), ())


def full(shape: Any, value: Any, dtype: Any = None) -> DeviceArray:
    """An array filled with the number `value`."""
    dtype = np.asarray(value).dtype if dtype is None else np.dtype(dtype)
    if math.prod(_shape(shape)) <= SMALL:
        return to_device(np.full(shape, value, dtype))
    array = empty(shape, dtype)
    copyto(array, value)
    return array


def zeros(shape: Any, dtype: Any = np.float32) -> DeviceArray:
    """An array of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = np.float32) -> DeviceArray:
    """An array of ones."""
    return full(shape, 1, dtype)


def arange(*bounds: Any, dtype: Any = None) -> DeviceArray:
    """`numpy.arange(*bounds, dtype=dtype)`, made on the host."""
    return to_device(np.arange(*bounds, dtype=dtype))


def to_device(array: Any) -> DeviceArray:
    """A contiguous device array with the elements of a NumPy array or a number."""
    host = np.asarray(array)
    if not host.size:
        return empty(host.shape, host.dtype)
    if cuda_kind() == "cpu":
        return cuda_on_cpu.Array(np.array(host, order="C"))
    line = cuda.to_device(np.ascontiguousarray(host).reshape(-1))
    return alias(line, 0, host.shape, row_major(host.shape))


def to_host(array: DeviceArray) -> np.ndarray:
    """A contiguous NumPy array with the elements. The memory between the elements of a view is copied too."""
    shape = tuple(array.shape)
    if not array.size:
        return np.empty(shape, array.dtype)
    line = flat(array).copy_to_host()
    if is_contiguous(array):
        return line.reshape(shape)
    return np.array(np.lib.stride_tricks.as_strided(line, shape, array.strides))


# ---------------------------------------------------------------------------------------- copies
def span(array: DeviceArray) -> range:
    """The addresses that the array's elements lie within."""
    size = extent(tuple(array.shape), strides_of(array)) * array.dtype.itemsize
    if hasattr(array, "_ary"):
        start = array._ary.ctypes.data
    else:
        start = array.device_ctypes_pointer.value or 0
    return range(start, start + size)


def apart(source: DeviceArray, target: DeviceArray) -> DeviceArray:
    """`source`, or a copy of it if writing to `target` would change elements that other threads still read."""
    s, t = span(source), span(target)
    return copy(source) if max(s.start, t.start) < min(s.stop, t.stop) else source


def fit(source: DeviceArray, shape: tuple[int, ...]) -> DeviceArray:
    """`source` without the leading axes of extent 1 that `shape` does not have.

    Raises:
        ValueError: it does not broadcast to `shape`.
    """
    found = tuple(source.shape)
    spare = max(len(found) - len(shape), 0)
    if any(n != 1 for n in found[:spare]) or np.broadcast_shapes(found[spare:], shape) != shape:
        raise ValueError(f"values of shape {found} do not broadcast to the shape {shape} to be written")
    return view(source, lambda a: a.reshape(a.shape[spare:])) if spare else source


def copyto(target: DeviceArray, source: Any) -> None:
    """Write `source` (an array or a number), broadcast and converted, to the elements of `target`, which may be a view.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    if not is_array(source):
        source = to_device(np.asarray(source, target.dtype if np.ndim(source) == 0 else None))
    source = fit(source, tuple(target.shape))
    if target.size:
        _copy(apart(source, target), target)


def _copy(source: DeviceArray, target: DeviceArray) -> None:
    if source.dtype.kind == "c" and target.dtype.kind != "c":  # CUDA has no such conversion; NumPy has
        source = to_device(to_host(source).astype(target.dtype))
    shape = tuple(target.shape)
    axes, from_, to = collapse(shape, strides_of(source, shape), strides_of(target))
    launch(copy_cuda, target.size, flat(source), from_, flat(target), to, axes, target.size)


def copy(array: DeviceArray) -> DeviceArray:
    """A new contiguous array with the same elements."""
    return astype(array, array.dtype)


def astype(array: DeviceArray, dtype: Any, copy: bool = True) -> DeviceArray:
    """The elements converted to `dtype` in a new contiguous array; `array` itself if it has that dtype and copy=False."""
    if not copy and array.dtype == dtype:
        return array
    new = empty(tuple(array.shape), dtype)
    if array.size:
        _copy(array, new)
    return new


def is_contiguous(array: DeviceArray) -> bool:
    """Whether the elements lie side by side in row-major order; strides of axes with one element do not count."""
    shape = tuple(array.shape)
    pairs = zip(shape, strides_of(array), row_major(shape))
    return array.size == 0 or all(n == 1 or s == r for n, s, r in pairs)


def ascontiguousarray(array: DeviceArray) -> DeviceArray:
    """`array` itself if it is contiguous, else a contiguous copy."""
    return array if is_contiguous(array) else copy(array)


def reshape(array: DeviceArray, shape: Any) -> DeviceArray:
    """`array` under another shape: a view where the memory allows it, else a copy."""
    try:
        return view(array, lambda a: a.reshape(shape))
    except ValueError:
        return view(copy(array), lambda a: a.reshape(shape))
