"""The arrays of a kernel: NumPy arrays that check and count every access."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from .faults import DataRace, NeverWritten, OutOfBounds
from .memory import ATOMIC, READ, WRITE, Access, Cell, Space, exchange, first_byte, poison

if TYPE_CHECKING:
    from .launch import Launch

DOES = {READ: "reads", WRITE: "writes", ATOMIC: "changes atomically"}
DID = {READ: "read", WRITE: "wrote", ATOMIC: "changed atomically"}


class Array:
    """An array in a kernel: `a[i, j]`, parts such as `a[i]` and `a[i, 1:]`, `shape`, `size`, `ndim`, `dtype`, `strides`.

    Elements are returned as NumPy scalars of the array's type, so float32 stays float32. Integers of fewer than 64 bits are returned as
    int64, because Numba computes with int64: 200 + 100 is 300 even if both are uint8.
    """

    def __init__(self, launch: Launch, space: Space, data: np.ndarray, start: int, name: str):
        self._launch, self._space, self._data, self._start, self.name = launch, space, data, start, name
        self.shape, self.strides, self.dtype, self.ndim = data.shape, data.strides, data.dtype, data.ndim
        self.size, self.itemsize = data.size, data.itemsize
        self._narrow = data.dtype.kind in "iu" and data.itemsize < 8

    # ------------------------------------------------------------------------------------------------- what kernels do
    def __getitem__(self, key: Any) -> Any:
        frame = sys._getframe(1)
        index = self._index(key)
        if index is None:
            return self._part(key, frame)
        if not self._touch(READ, index, frame):
            return poison(self.dtype)
        return self._value(index)

    def _value(self, index: tuple) -> Any:
        return np.int64(self._data[index]) if self._narrow else self._data[index]

    def __setitem__(self, key: Any, value: Any) -> None:
        frame = sys._getframe(1)
        index = self._index(key)
        if index is None:
            self._part(key, frame)._fill(value, frame)
        elif self._touch(WRITE, index, frame):
            store(self._data, index, value)

    def _change(self, key: Any, change: Callable[[Any], Any], frame: FrameType) -> Any:
        """An atomic operation: the element becomes `change(element)`; returns the old value."""
        index = self._index(key)
        if index is None:
            raise TypeError(
                f"an atomic operation expects the index of one element of {self.name}{list(self.shape)}, found {key}"
            )
        if not self._touch(ATOMIC, index, frame):
            return poison(self.dtype)
        old = self._value(index)
        store(self._data, index, change(old))
        return old

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        frame = sys._getframe(1)
        for i in range(self.shape[0]):
            if self.ndim > 1:
                yield self._part(i, frame)
            else:
                yield self._value((i,)) if self._touch(READ, (i,), frame) else poison(self.dtype)

    def reshape(self, *shape: Any) -> Array:
        """The same memory with another shape."""
        return self._view(np.reshape(self._data, shape[0] if isinstance(shape[0], tuple) else shape, copy=False))

    @property
    def T(self) -> Array:
        return self._view(self._data.T)

    def __repr__(self) -> str:
        return f"<{self._space.name} array {self.name}>\n{self._data}"

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.name} is a whole array: a CUDA kernel computes with single elements, {self.name}[i]")

    # -------------------------------------------------------------------------------------------------------- indexing
    def _index(self, key: Any) -> tuple | None:
        """The key as a tuple of integers, one for each axis; None if it does not name a single element."""
        index = key if type(key) is tuple else (key,)
        if len(index) != self.ndim:
            return None
        for i in index:
            if type(i) is not int and not isinstance(i, (int, np.integer)):
                return None
        return index

    def _part(self, key: Any, frame: FrameType) -> Array:
        """The part of the same memory that `key`, of integers and slices, selects."""
        parts = list(key) if isinstance(key, tuple) else [key]
        for part in parts:
            if part is not Ellipsis and not isinstance(part, (int, np.integer, slice)):
                raise IndexError(f"{self.name}[{part!r}]: a {type(part).__name__}; expected integers and slices")
        if Ellipsis in parts:
            at = parts.index(Ellipsis)
            parts[at : at + 1] = [slice(None)] * (self.ndim - len(parts) + 1)
        for part, n in zip(parts, self.shape):
            if not isinstance(part, slice) and not 0 <= part < n:
                self._outside(READ, tuple(parts), frame)
                shape = [len(range(n)[p]) for p, n in zip(parts, self.shape) if isinstance(p, slice)]
                nothing = np.full([*shape, *self.shape[len(parts) :]], poison(self.dtype))
                return Array(self._launch, Space("local"), nothing, 0, self.name)
        view = self._view(self._data[key])
        view.name = f"{self._name_in(frame)}{show(tuple(None if isinstance(p, slice) else p for p in parts))}"
        return view

    def _view(self, data: np.ndarray) -> Array:
        start = self._start + first_byte(data) - first_byte(self._data) if data.size else self._start
        return Array(self._launch, self._space, data, start, self.name)

    def _fill(self, value: Any, frame: FrameType) -> None:
        """Write a number, or the elements of another array, to each element."""
        for index in np.ndindex(self.shape):
            if isinstance(value, Array):
                element = value._data[index] if value._touch(READ, index, frame) else poison(value.dtype)
            else:
                element = np.broadcast_to(value, self.shape)[index]
            if self._touch(WRITE, index, frame):
                store(self._data, index, element)

    # -------------------------------------------------------------------------------------------------------- watching
    def _touch(self, kind: str, index: tuple, frame: FrameType) -> bool:
        """Check, count and store an access. False if the element does not exist."""
        launch, space = self._launch, self._space
        launch.step()
        address = self._start
        for i, extent, stride in zip(index, self.shape, self.strides):
            if not 0 <= i < extent:
                self._outside(kind, index, frame)
                return False
            address += i * stride
        thread = launch.current
        thread.count(space.counters[kind])
        if address in space.empty:
            if kind != WRITE:
                self._never_written(kind, index, frame)
            space.empty.discard(address)  # one report is enough
        if space.name == "local":
            return True
        cell = space.cells.get(address)
        if cell is None:
            cell = space.cells[address] = Cell()
        if kind == ATOMIC:
            exchange(cell, thread)
        site = launch.sites.at(frame)
        race = cell.enter(Access(thread, thread.clock, kind, site))
        if race is not None:
            self._race(kind, index, frame, race)
        launch.traffic.note(self, space.name, kind, thread, site, address, frame)
        return True

    def _name_in(self, frame: FrameType) -> str:
        """The name of this array on the line of the kernel that uses it."""
        if self.name and frame.f_locals.get(self.name) is self:
            return self.name
        return next((name for name, value in frame.f_locals.items() if value is self), self.name)

    def _outside(self, kind: str, index: tuple, frame: FrameType) -> None:
        launch, name = self._launch, self._name_in(frame)
        cell = tuple(None if isinstance(i, slice) else int(i) for i in index)
        axis, found = next((d, i) for d, i in enumerate(cell) if i is not None and not 0 <= i < self.shape[d])
        text = f"{launch.current.name} {DOES[kind]} {name}{show(cell)}, but {name} has shape {self.shape}: "
        if found < 0:
            text += (
                f"index {found} of axis {axis} is negative. Numba would count from the end, C++ read what lies before"
            )
        else:
            text += f"axis {axis} ends at {self.shape[axis] - 1}"
        places, callers = launch.places(frame)
        launch.fault(OutOfBounds, text + callers, places, (launch.current.name,), name, cell)

    def _never_written(self, kind: str, index: tuple, frame: FrameType) -> None:
        launch = self._launch
        if self._space.name == "global" and self._data[index].tobytes() != poison(self.dtype).tobytes():
            return  # the host wrote it
        name, cell = self._name_in(frame), tuple(map(int, index))
        places, callers = launch.places(frame)
        text = f"{launch.current.name} {DOES[kind]} {name}{show(cell)} in {self._space.name} memory, which nobody wrote{callers}"
        if self._space.name == "shared":
            text += " (or not yet: is a cuda.syncthreads() missing before this line?)"
        launch.fault(NeverWritten, text, places, (launch.current.name,), name, cell)

    def _race(self, kind: str, index: tuple, frame: FrameType, rival: Access) -> None:
        launch, thread, other = self._launch, self._launch.current, rival.thread
        name, cell = self._name_in(frame), tuple(map(int, index))
        (place,), callers = launch.places(frame)
        there = rival.site.place
        text = f"{thread.name} {DOES[kind]} {name}{show(cell)}{callers}; {other.name} {DID[rival.kind]} it at {there}"
        text += "; nothing orders the two"
        if thread.block != other.block:
            text += ". No barrier reaches across blocks: use an atomic operation for both, or two launches"
        elif self._space.name == "shared":
            text += ": is a cuda.syncthreads() missing between these lines?"
        launch.fault(DataRace, text, (place, there), (thread.name, other.name), name, cell)


def show(cell: tuple) -> str:
    """An index as it is written: "[2, 3]", or "[2, :]" where whole axes are meant."""
    return f"[{', '.join(':' if i is None else str(i) for i in cell)}]"


def store(data: np.ndarray, index: tuple, value: Any) -> None:
    """data[index] = value; an integer that is too large wraps around, as on a GPU."""
    try:
        data[index] = value
    except OverflowError:
        data[index] = np.array(int(value) % 2 ** (8 * data.itemsize), np.uint64).astype(data.dtype)


def extent(shape: Any) -> tuple[int, ...]:
    """The shape of a new array, given as a number or a tuple."""
    return tuple(map(int, shape)) if isinstance(shape, (tuple, list)) else (int(shape),)
