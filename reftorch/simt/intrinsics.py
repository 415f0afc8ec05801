"""The `cuda` of kernels, for the thread that is running."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import types
from numba.np import numpy_support

from .array import Array, extent, store
from .faults import SharedArrayFault
from .memory import SHARED_LIMIT, Space, poison, publish
from .place import Site
from .thread import WARP, Dim3

if TYPE_CHECKING:
    from .launch import Launch

DYNAMIC_START = 1 << 20  # where the dynamic shared memory of a block lies


def numpy_type(dtype: Any) -> np.dtype:
    """np.float32, numba.float32, x.dtype or "float32" as a NumPy dtype."""
    return numpy_support.as_dtype(dtype) if isinstance(dtype, types.Type) else np.dtype(dtype)


class Cuda:
    """`cuda` inside a kernel."""

    MEETINGS = {"syncthreads", "syncthreads_count", "syncthreads_and", "syncthreads_or", "syncwarp"}
    MEETINGS |= {"shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync", "match_any_sync", "match_all_sync"}
    MEETINGS |= {"all_sync", "any_sync", "eq_sync", "ballot_sync"}

    warpsize = WARP

    def __init__(self, launch: Launch):
        self._launch = launch
        self.blockDim, self.gridDim = Dim3(*launch.block), Dim3(*launch.grid)
        self.shared, self.local, self.atomic, self.const = Shared(launch), Local(launch), Atomic(), Const()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"cuda.{name} cannot be used in a kernel that runs without a GPU: the runner does not know it"
        )

    # ------------------------------------------------------------------------------------------------ indices and sizes
    @property
    def threadIdx(self) -> Dim3:
        return self._launch.current.threadIdx

    @property
    def blockIdx(self) -> Dim3:
        return self._launch.current.blockIdx

    @property
    def laneid(self) -> int:
        return self._launch.current.lane

    def grid(self, ndim: int) -> Any:
        """The thread's index in the grid, along each of `ndim` axes."""
        thread = self._launch.current
        position = tuple(b * n + t for b, n, t in zip(thread.blockIdx, self.blockDim, thread.threadIdx))
        return position[0] if ndim == 1 else position[:ndim]

    def gridsize(self, ndim: int) -> Any:
        """The number of threads of the grid, along each of `ndim` axes."""
        threads = tuple(g * b for g, b in zip(self.gridDim, self.blockDim))
        return threads[0] if ndim == 1 else threads[:ndim]

    # ------------------------------------------------------------------------------------------- barriers of the block
    def _stand(self, operation: str, mask: int, value: Any) -> Any:
        thread = self._launch.current
        thread.count("barriers" if operation.startswith("syncthreads") else "warp operations")
        return thread.stand(operation, int(mask) & 0xFFFFFFFF, value, sys._getframe(2))

    def syncthreads(self) -> None:
        self._stand("syncthreads", 0, None)

    def syncthreads_count(self, predicate: Any) -> int:
        return self._stand("syncthreads_count", 0, predicate)

    def syncthreads_and(self, predicate: Any) -> int:
        return self._stand("syncthreads_and", 0, predicate)

    def syncthreads_or(self, predicate: Any) -> int:
        return self._stand("syncthreads_or", 0, predicate)

    # ------------------------------------------------------------------------------------------ operations of the warp
    def syncwarp(self, mask: int = 0xFFFFFFFF) -> None:
        self._stand("syncwarp", mask, None)

    def shfl_sync(self, mask: int, value: Any, src_lane: int) -> Any:
        return self._stand("shfl_sync", mask, (value, src_lane))

    def shfl_up_sync(self, mask: int, value: Any, delta: int) -> Any:
        return self._stand("shfl_up_sync", mask, (value, delta))

    def shfl_down_sync(self, mask: int, value: Any, delta: int) -> Any:
        return self._stand("shfl_down_sync", mask, (value, delta))

    def shfl_xor_sync(self, mask: int, value: Any, lane_mask: int) -> Any:
        return self._stand("shfl_xor_sync", mask, (value, lane_mask))

    def all_sync(self, mask: int, predicate: Any) -> bool:
        return self._stand("all_sync", mask, predicate)

    def any_sync(self, mask: int, predicate: Any) -> bool:
        return self._stand("any_sync", mask, predicate)

    def eq_sync(self, mask: int, predicate: Any) -> bool:
        return self._stand("eq_sync", mask, predicate)

    def ballot_sync(self, mask: int, predicate: Any) -> int:
        return self._stand("ballot_sync", mask, predicate)

    def match_any_sync(self, mask: int, value: Any) -> int:
        return self._stand("match_any_sync", mask, value)

    def match_all_sync(self, mask: int, value: Any) -> tuple[int, bool]:
        return self._stand("match_all_sync", mask, value)

    def lanemask_lt(self) -> int:
        return (1 << self._launch.current.lane) - 1

    # ----------------------------------------------------------------------------------------------------------- fences
    def threadfence(self) -> None:
        publish(self._launch.current)

    threadfence_system = threadfence

    def threadfence_block(self) -> None:
        """Has no effect on races: other threads see the order only after a barrier, which is a fence itself."""

    def nanosleep(self, ns: int) -> None:
        """Does nothing, because the runner does not model time."""

    # ------------------------------------------------------------------------------------------------------- arithmetic
    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once (of float64, twice)."""
        kind = np.result_type(a, b, c).type
        return kind(np.float64(a) * np.float64(b) + np.float64(c))

    def cbrt(self, x: Any) -> Any:
        return np.cbrt(x)

    def selp(self, condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b

    def popc(self, x: Any) -> int:
        """The number of bits that are set."""
        return bits(x).count("1")

    def brev(self, x: Any) -> int:
        """The bits in reverse."""
        return int(bits(x)[::-1], 2)

    def clz(self, x: Any) -> int:
        """The number of zeros before the first set bit."""
        return len(bits(x)) - len(bits(x).lstrip("0"))

    def ffs(self, x: Any) -> int:
        """The number of the lowest set bit, counted from 1; 0 if there is none."""
        return len(bits(x)) - len(bits(x).rstrip("0")) + 1 if x else 0


def bits(x: Any) -> str:
    """The 32 bits of an integer (64 if NumPy's type has so many, or the number needs them), highest first."""
    wide = getattr(x, "itemsize", 4) > 4 or not -(2**31) <= x < 2**32
    width = 64 if wide else 32
    return format(int(x) % 2**width, f"0{width}b")


# --------------------------------------------------------------------------------------------------------------- arrays
class Shared:
    """`cuda.shared`: arrays that all threads of a block share. An array is identified by the line that makes it."""

    def __init__(self, launch: Launch):
        self._launch = launch

    def array(self, shape: Any, dtype: Any) -> Any:
        launch, frame = self._launch, sys._getframe(1)
        size, kind = extent(shape), numpy_type(dtype)
        if size == (0,):
            size = (launch.dynamic_shared // kind.itemsize,)
            data = self._dynamic()[: size[0] * kind.itemsize].view(kind)
            return Array(launch, launch.shared, data, DYNAMIC_START, "") if launch.check else data
        site = launch.sites.at(frame)
        made = launch.shared_arrays.get(site)
        if made is None:
            return self._make(site, size, kind, frame)
        if made.shape != size or made.dtype != kind:
            places, _ = launch.places(frame)
            text = f"{launch.current.name} has shape {size} of {kind}, an earlier thread {made.shape} of {made.dtype}"
            launch.fault(
                SharedArrayFault, f"{text}: it must be the same number for all", places, (launch.current.name,)
            )
        return made

    def _make(self, site: Site, shape: tuple[int, ...], dtype: np.dtype, frame: FrameType) -> Any:
        launch, space = self._launch, self._launch.shared
        if any(made.place == site.place for made in launch.shared_arrays):
            text = "two shared arrays on one line: Numba's simulator gives both the same memory. Write one per line"
            launch.fault(SharedArrayFault, text, [site.place], (launch.current.name,))
        data = np.full(shape, poison(dtype), dtype)
        start = space.reserve(data.nbytes, max(dtype.itemsize, 16))
        if space.top + launch.dynamic_shared > SHARED_LIMIT:
            text = (
                f"the block's shared arrays take {space.top + launch.dynamic_shared:,} bytes: it has {SHARED_LIMIT:,}"
            )
            launch.fault(SharedArrayFault, text, launch.places(frame)[0], (launch.current.name,))
        space.empty |= set(range(start, start + data.nbytes, dtype.itemsize))
        launch.shared_arrays[site] = Array(launch, space, data, start, "") if launch.check else data
        return launch.shared_arrays[site]

    def _dynamic(self) -> np.ndarray:
        """The block's dynamic shared memory, as bytes."""
        launch = self._launch
        if launch.dynamic_bytes is None:
            launch.dynamic_bytes = np.full(launch.dynamic_shared, 0xFF, np.uint8)
            launch.shared.empty |= set(range(DYNAMIC_START, DYNAMIC_START + launch.dynamic_shared))
        return launch.dynamic_bytes


class Local:
    """`cuda.local`: arrays of one thread."""

    def __init__(self, launch: Launch):
        self._launch = launch

    def array(self, shape: Any, dtype: Any) -> Any:
        data = np.full(extent(shape), poison(numpy_type(dtype)), numpy_type(dtype))
        if not self._launch.check:
            return data
        space = Space("local")
        space.empty = set(range(0, data.nbytes, data.itemsize))
        return Array(self._launch, space, data, 0, "")


class Const:
    """`cuda.const`: arrays that are part of the program."""

    def array_like(self, array: Any) -> Any:
        return array


class Atomic:
    """`cuda.atomic`: changes of one cell that no other thread can interrupt. Each returns the old value."""

    def add(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: old + value)

    def sub(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: old - value)

    def max(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value if value > old else old)

    def min(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value if value < old else old)

    def nanmax(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value if value > old or old != old else old)

    def nanmin(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value if value < old or old != old else old)

    def and_(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: old & value)

    def or_(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: old | value)

    def xor(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: old ^ value)

    def inc(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: 0 if old >= value else old + 1)

    def dec(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value if old == 0 or old > value else old - 1)

    def exch(self, array: Any, index: Any, value: Any) -> Any:
        return change(array, index, lambda old: value)

    def cas(self, array: Any, index: Any, old: Any, value: Any) -> Any:
        return change(array, index, lambda found: value if found == old else found)

    def compare_and_swap(self, array: Any, old: Any, value: Any) -> Any:
        return change(array, (0,) * array.ndim, lambda found: value if found == old else found)


def change(array: Any, index: Any, new: Callable[[Any], Any]) -> Any:
    """array[index] = new(array[index]) for the kernel two frames up; returns the old value."""
    if isinstance(array, Array):
        return array._change(index, new, sys._getframe(2))
    old = array[index]
    store(array, index, new(old))
    return old
