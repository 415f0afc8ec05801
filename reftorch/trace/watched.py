"""Arrays that report which of their cells are read and written.

A watched array has the same memory as the array that it was made from. It holds a second array of the same shape with the number of
each cell. Slicing, transposing or indexing is applied to both, so a view has the numbers of its cells, too.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from .checked import check

FACTS = {"shape", "dtype", "size", "ndim", "strides", "itemsize", "nbytes", "flags", "ctypes", "__array_interface__"}
VIEWS = {"T", "reshape", "transpose", "swapaxes", "squeeze", "ravel"}


class Watcher(Protocol):
    def read(self, cells: Any) -> None:
        """These cells (a number, or an array of numbers) were read."""

    def wrote(self, cells: Any, values: Any) -> None:
        """These cells were given these values."""


class Watched(np.lib.mixins.NDArrayOperatorsMixin):
    """An array in a kernel that is being recorded. One element is returned as a NumPy scalar, a part as a watched view."""

    __slots__ = ("_cells", "_data", "_watcher", "label")

    def __init__(self, data: np.ndarray, cells: np.ndarray, watcher: Watcher, label: str):
        self._data, self._cells, self._watcher, self.label = data, cells, watcher, label

    def __getitem__(self, index: Any) -> Any:
        check(self, index, sys._getframe(1))
        cells = self._cells[index]
        if not isinstance(cells, np.ndarray) or _copies(index):
            self._watcher.read(cells)
            return self._data[index]
        return self._view(self._data[index], cells)

    def __setitem__(self, index: Any, value: Any) -> None:
        check(self, index, sys._getframe(1))
        cells, place = self._cells[index], self._data[index]
        if isinstance(value, Watched) and value.__array_interface__ == getattr(place, "__array_interface__", None):
            return  # the second half of `row[:] += 1`: the addition has written
        self._data[index] = _values(value)
        self._watcher.wrote(cells, self._data[index])

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._data, name)
        if name in FACTS:
            return found
        if name == "T":
            return self._view(found, self._cells.T)
        if name in VIEWS:
            return lambda *args: self._view(found(*args), getattr(self._cells, name)(*args))
        if name == "fill":
            return lambda value: self.__setitem__(..., value)
        self._watcher.read(self._cells)  # sum, copy, ...: all of it
        return found

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return np.asarray(_values(self), *args, **kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        if out:
            options["out"] = tuple([part._data if isinstance(part, Watched) else part for part in out])
        result = getattr(ufunc, method)(*map(_values, inputs), **options)
        for part in out:
            if isinstance(part, Watched):
                part._watcher.wrote(part._cells, part._data)
        return result if not out else out[0] if len(out) == 1 else out

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        out = kwargs.get("out")
        if isinstance(out, Watched):
            kwargs = {**kwargs, "out": out._data}
        result = function(*_values(args), **_values(kwargs))
        if isinstance(out, Watched):
            out._watcher.wrote(out._cells, out._data)
            return out
        return result

    __float__ = lambda self: float(_values(self))  # noqa: E731  a view without dimensions is a number
    __int__ = lambda self: int(_values(self))  # noqa: E731
    __bool__ = lambda self: bool(_values(self))  # noqa: E731
    __index__ = lambda self: operator.index(_values(self)[()])  # noqa: E731

    def __repr__(self) -> str:
        return repr(self._data)

    def _view(self, data: np.ndarray, cells: np.ndarray) -> Watched:
        label = self.label if self.label.startswith("part of ") else f"part of {self.label}"
        return Watched(data, cells, self._watcher, label)


def _copies(index: Any) -> bool:
    """Whether indexing makes a copy: it does with lists, arrays and truth values."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, (list, np.ndarray, Watched, bool, np.bool_)) for part in parts)


def _values(value: Any) -> Any:
    """The numbers of a watched array, which counts as reading them; for tuples, lists and dicts, those of their parts."""
    if isinstance(value, Watched):
        value._watcher.read(value._cells)
        return value._data
    if isinstance(value, dict):
        return {key: _values(part) for key, part in value.items()}
    return type(value)(map(_values, value)) if type(value) in (tuple, list) else value
