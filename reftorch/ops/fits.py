"""Whether numbers can be elements of a dtype: an integer tensor holds no NaN, and none beyond its limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import types


def check_fits(value: Any, dtype: types.dtype) -> None:
    """Raise unless a Python number can be an element of `dtype`; a fraction may be cut off, and uint8 takes -1 as 255.

    Raises:
        RuntimeError: it is beyond the dtype's limits, or NaN or infinite for an integer one, or complex for a real one.
        OverflowError: an int beyond 64 bits.
    """
    if type(value) is int and not -(2**63) <= value < 2**64:
        raise OverflowError(f"int too big to convert: {value} needs more than 64 bits")
    kind = "f" if dtype.is_floating_point else dtype.numpy.kind
    if isinstance(value, complex) and not dtype.is_complex and value.imag:
        raise _beyond(value, dtype)
    if isinstance(value, complex) or kind not in "iuf" or isinstance(value, bool):
        return
    if kind == "f":
        if abs(value) > types.finfo(dtype).max and not math.isinf(value):
            raise _beyond(value, dtype)
        return
    limits = types.iinfo(dtype)
    low = -limits.max if kind == "u" and isinstance(value, int) else limits.min
    if not low <= value <= limits.max:  # NaN is neither
        raise _beyond(value, dtype)


def number_like(x: Any, value: Any) -> Any:
    """A number as a tensor without dimensions, of x's dtype and device.

    Raises:
        RuntimeError: x's dtype cannot hold the number.
        OverflowError: an int beyond 64 bits.
    """
    if isinstance(value, (int, float, complex)):
        check_fits(value, x.dtype)
        value = value.real if isinstance(value, complex) and not x.dtype.is_complex else value
    return x.new_tensor(value)


def check_all_fit(numbers: np.ndarray, dtype: types.dtype) -> None:
    """`check_fits` for an array of integers or floats that becomes integers."""
    if dtype.numpy.kind not in "iu" or not numbers.size or numbers.dtype.kind not in "iuf":
        return
    for extreme in (numbers.min(), numbers.max()):  # of which NaN is one
        try:
            check_fits(extreme.item(), dtype)
        except OverflowError:
            raise _beyond(extreme.item(), dtype) from None


def _beyond(value: Any, dtype: types.dtype) -> RuntimeError:
    fit = "only a complex dtype holds it" if isinstance(value, complex) else f"{dtype} has {_limits(dtype)}"
    return RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: found {value!r}, but {fit}")


def _limits(dtype: types.dtype) -> str:
    if dtype.is_floating_point:
        return f"finite numbers up to {types.finfo(dtype).max:g}"
    limits = types.iinfo(dtype)
    return f"the integers from {limits.min} to {limits.max}, and neither NaN nor infinity"
