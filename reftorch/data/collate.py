"""What becomes of samples: many in one batch (`default_collate`), or one as it is, its arrays as tensors (`default_convert`)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import reftorch
from reftorch.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch out of samples: tensors and arrays are stacked, numbers become a tensor, containers are gone through.

    Text stays a list. A tuple of columns becomes a list; a list, a dict or a named tuple keeps its type.

    Raises:
        RuntimeError: tensors of different sizes, or lists of different lengths.
        TypeError: samples of another kind.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return reftorch.stack(list(batch))
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "SUO":
            raise TypeError(_unknown(first.dtype))
        return reftorch.stack([reftorch.as_tensor(array) for array in batch])
    if isinstance(first, (np.bool_, np.number)):
        return reftorch.as_tensor(list(batch))
    if isinstance(first, float):
        return reftorch.tensor(batch, dtype=reftorch.float64)
    if isinstance(first, int):
        return reftorch.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _mapping(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch)))
    if isinstance(first, Sequence):
        lengths = sorted({len(sample) for sample in batch})
        if len(lengths) > 1:
            raise RuntimeError(
                f"each element in list of batch should be of equal size: found the lengths {lengths}. Samples of "
                "different lengths need a collate_fn that pads them"
            )
        return _sequence(first, (default_collate(column) for column in list(zip(*batch))))
    raise TypeError(_unknown(type(first)))


def _unknown(found: Any) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {found}"


def default_convert(data: Any) -> Any:
    """One sample, in which arrays and numbers of NumPy become tensors, and all else stays."""
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in "SUO" else reftorch.as_tensor(data)
    if isinstance(data, (np.bool_, np.number)):
        return reftorch.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence(data, map(default_convert, data))
    return data


def _mapping(like: Mapping, parts: dict) -> Any:
    """`parts` as a mapping of the same type; a dict where that cannot be made."""
    try:
        if isinstance(like, MutableMapping):
            made = copy.copy(like)
            made.update(parts)
            return made
        return type(like)(parts)  # type: ignore[call-arg]
    except TypeError:
        return parts


def _sequence(like: Sequence, parts: Iterable[Any]) -> Any:
    """`parts` as a sequence of the same type, but a list instead of a tuple, and where the type cannot be made."""
    made = list(parts)
    if isinstance(like, (tuple, list)) and type(like) in (tuple, list):
        return made
    try:
        if isinstance(like, MutableSequence):
            other = copy.copy(like)
            for i, part in enumerate(made):
                other[i] = part
            return other
        build: Callable = type(like)
        return made if isinstance(like, tuple) else build(made)
    except TypeError:
        return made
