"""The memory below CPU tensors: a tensor and its views show parts of the same bytes. Copies and files keep this sharing."""

from __future__ import annotations

from typing import Any

import numpy as np


def memory_of(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, int]:
    """The array that owns the memory which `array` shows; its bytes; and at which of them `array` begins.

    The bytes are None where the owner leaves gaps between its elements, as memory that another library lends may do.
    """
    owner = array
    while (base := _below(owner)) is not None:
        owner = base
    if not owner.flags.forc:
        return owner, None, 0
    return owner, owner.reshape(-1, order="A").view(np.uint8), _address(array) - _address(owner)


def _below(array: np.ndarray) -> np.ndarray | None:
    base: Any = array.base
    if base is not None and not isinstance(base, np.ndarray):
        base = getattr(base, "base", None)  # of NumPy's as_strided, which puts another object in between
    return base if isinstance(base, np.ndarray) else None


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def over(data: np.ndarray, start: int, shape: tuple, strides: tuple, dtype: Any) -> np.ndarray:
    """An array over bytes `data`, from byte `start` on, with strides in bytes.

    Raises:
        ValueError: it would reach beyond the bytes.
    """
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, data, start, strides)


def copied(array: np.ndarray, memo: dict) -> tuple[np.ndarray, Any]:
    """The array over a copy of its memory, and the number of the copy's writes, where there is one yet.

    The copy is kept in `memo`, the table of `copy.deepcopy`: arrays that shared memory share the copy.
    """
    owner, data, start = memory_of(array)
    if data is None:
        return array.copy("K"), {}
    if ("memory", id(owner)) not in memo:
        memo["memory", id(owner)] = owner, owner.copy("K"), {}
    _, copy, shared = memo["memory", id(owner)]
    if array.shape == owner.shape and array.strides == owner.strides and array.dtype == owner.dtype:
        return copy, shared
    data = copy.reshape(-1, order="A").view(np.uint8)
    return over(data, start, array.shape, array.strides, array.dtype), shared
