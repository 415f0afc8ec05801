"""The error for a tensor that memory has no room for: of PyTorch's type, with the size, the shape and the dtype."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made", bound=Callable)
MOST = 2**60  # elements: no address space has room for more


def no_room(error: MemoryError) -> Exception:
    """What to raise in place of NumPy's error. An error that does not come from an array stays as it is."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)
    if shape is None or dtype is None:
        return error
    size = math.prod(shape) * dtype.itemsize
    return RuntimeError(
        f"can't allocate memory: you tried to allocate {size} bytes ({size / 2**30:.1f} GiB), which are {list(shape)} elements of "
        f"{dtype.name}: is a size wrong, or is the batch too large?"
    )


def check_room(shape: tuple[int, ...]) -> None:
    """Raise RuntimeError if an extent is negative, or if there are more elements than any memory has room for."""
    if min(shape, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    if math.prod(shape) > MOST:
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(shape)}: these are {math.prod(shape)} elements"
        )


def needs_room(function: Made) -> Made:
    """The function, with `no_room` in place of NumPy's error."""

    @functools.wraps(function)
    def made(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except MemoryError as error:
            raise no_room(error) from None

    return made  # type: ignore[return-value]
