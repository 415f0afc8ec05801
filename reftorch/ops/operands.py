"""Operands of one operation, converted to one dtype and one device; Python's numbers stay numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..tensor import Tensor
from .arguments import check_broadcast
from .promotion import category, default_dtype, result_type


def operands(a: Any, b: Any, to_float: bool = False) -> Any:
    """Two operands, of which one is a tensor, in one dtype and on one device; numbers become Python's.

    Raises:
        RuntimeError: tensors on different devices, shapes that do not broadcast.
        TypeError: neither a tensor nor a number.
    """
    if isinstance(a, Tensor):  # the common cases first: nothing to convert
        kind = "f" if a.dtype.is_floating_point else a.dtype.numpy.kind
        if isinstance(b, Tensor):
            if a.dtype is b.dtype and a.device is b.device and (kind == "f" or not to_float):
                check_broadcast(a.array.shape, b.array.shape)
                return a, b
        elif type(b) is float and kind == "f":
            return a, b
        elif type(b) is int and -(2**63) <= b < 2**63 and (kind == "f" or (a.dtype is types.int64 and not to_float)):
            return a, b
    return converted((a, b), to_float)


def converted(values: tuple, to_float: bool = False) -> list:
    """Any number of operands, as `operands` returns two."""
    values = tuple([Tensor._make(v) if isinstance(v, np.ndarray) else v for v in values])
    tensors = [v for v in values if isinstance(v, Tensor)]
    dtype = result_type(*values)
    if not tensors:
        raise TypeError(f"wanted a tensor, found only numbers: {', '.join(map(repr, values))}")
    if to_float and category(dtype) < 2:
        dtype = default_dtype()
    device = next((t.device for t in tensors if t.ndim), tensors[0].device)
    check_broadcast(*[t.array.shape for t in tensors])
    return [_one(value, dtype, device) for value in values]


def _one(value: Any, dtype: types.dtype, device: types.device) -> Any:
    if not isinstance(value, Tensor):
        value = value.item() if isinstance(value, np.generic) else value
        if type(value) is int:
            _check_bits(value)
        return np.asarray(value).astype(dtype.numpy).item() if category(dtype) < 2 else value
    if value.device != device:
        if value.ndim or value.device.type != "cpu":
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{value.device}: move one of them with .to('{device}')"
            )
        value = value.to(device)  # a number in a CPU tensor beside CUDA tensors
    return value.to(dtype)


def number_beside_half(a: Any, b: Any) -> Any:
    """b as a Python number where it is a tensor without dimensions beside float16, which may not hold it."""
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.ndim and not b.ndim and a.dtype.itemsize == 2:
        if a.dtype.is_floating_point and b.dtype.is_floating_point and not b.requires_grad:
            return b.item()
    return b


def _check_bits(value: int) -> None:
    if not -(2**63) <= value < 2**64:
        raise OverflowError(f"int too big to convert: {value} needs more than 64 bits")


def first_tensor(*values: Any) -> Tensor:
    """The first among tensors and numbers that is a tensor."""
    return next(v for v in values if isinstance(v, Tensor))
