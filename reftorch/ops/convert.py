"""Copies and conversions: clone, to another dtype, to another device; and comparison of whole tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .backend import check_cuda, library, to_device
from .elementwise import compute, operands
from .promotion import category
from .reduce import Sum
from .shape import as_shape


class Clone(Function):
    """y = x, in new memory"""

    @staticmethod
    def forward(ctx, x):
        if x.device.type == "cpu":
            return Tensor._make(x.array.copy(order="C"), x.device, x.dtype)
        return Tensor._make(library(x.device).copy(x.array), x.device, x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y


class Cast(Function):
    """y = x in another dtype;  dx = dy in x's"""

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.dtype = x.dtype
        with np.errstate(all="ignore"):
            if x.device.type == "cpu":
                return Tensor._make(x.array.astype(dtype.numpy), x.device, dtype)
            return Tensor._make(library(x.device).astype(x.array, dtype.numpy), x.device, dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.to(ctx.dtype), None


class Move(Function):
    """y = x on another device"""

    @staticmethod
    def forward(ctx, x, device):
        ctx.device = x.device
        if device.type == "cpu":
            return Tensor._make(x._host(), device, x.dtype)
        return Tensor._make(to_device(x.array, device), device, x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.to(ctx.device), None


def clone(x: Tensor) -> Tensor:
    """A copy in new, contiguous memory."""
    return Clone.apply(x)


def to(x: Tensor, *target: Any, dtype: Any = None, device: Any = None, copy: bool = False, **options: Any) -> Tensor:
    """x in another dtype, on another device, or in those of another tensor; x itself where nothing changes.

    Raises:
        RuntimeError: there is no such device.
        TypeError: an argument is none of a dtype, a device and a tensor.
    """
    for item in target:
        if isinstance(item, types.dtype):
            dtype = item
        elif isinstance(item, Tensor):
            dtype, device = item.dtype, item.device
        elif isinstance(item, (types.device, str, int)) and not isinstance(item, bool):
            device = item
        elif item is not None and not isinstance(item, bool):
            raise TypeError(f"to() takes a torch.dtype, a device or a tensor; found {type(item).__name__}: {item!r}")
    if dtype is not None and not isinstance(dtype, types.dtype):
        raise TypeError(f"to(): dtype must be a torch.dtype, found {type(dtype).__name__}: {dtype!r}")
    unknown = set(options) - {"non_blocking", "memory_format"}
    if unknown:
        raise TypeError(f"to() got an unexpected keyword argument '{unknown.pop()}'")
    y = x
    if dtype is not None and dtype is not x.dtype:
        y = Cast.apply(y, dtype)
    if device is not None:
        place = types.device(device)
        if place.type == "cuda":
            check_cuda(place)
        if place != y.device:
            y = Move.apply(y, place)
    return clone(x) if copy and y is x else y


_OLD_NAMES = {
    "FloatTensor": types.float32, "DoubleTensor": types.float64, "HalfTensor": types.float16,
    "LongTensor": types.int64, "IntTensor": types.int32, "ShortTensor": types.int16,
    "CharTensor": types.int8, "ByteTensor": types.uint8, "BoolTensor": types.bool,
    "ComplexFloatTensor": types.complex64, "ComplexDoubleTensor": types.complex128,
}  # fmt: skip


def type_of(x: Tensor) -> str:
    """The old name of a tensor's type, such as `torch.FloatTensor`."""
    name = next(old for old, dtype in _OLD_NAMES.items() if dtype is x.dtype)
    return f"torch.{'cuda.' if x.device.type == 'cuda' else ''}{name}"


def parse_type(name: Any) -> types.dtype:
    """The dtype of an old name; a dtype as it is."""
    if isinstance(name, types.dtype):
        return name
    found = _OLD_NAMES.get(str(name).rsplit(".", 1)[-1])
    if found is None:
        raise ValueError(f"invalid type: {name!r}")
    return found


def sum_to_size(x: Tensor, *size: Any) -> Tensor:
    """x summed over the dimensions that broadcasting added to or stretched from `size`."""
    shape = as_shape(size)
    if x.array.shape == shape:
        return x
    lead = x.ndim - len(shape)
    if lead < 0 or any(n != m and n != 1 for n, m in zip(shape, x.shape[lead:])):
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(x.shape)}}}.")
    dims = tuple(range(lead)) + tuple(lead + d for d, n in enumerate(shape) if n == 1 and x.shape[lead + d] != 1)
    return Sum.apply(x, dims, False).reshape(shape)


# ------------------------------------------------------------------------------------------------ comparison


def equals(a: Any, b: Any) -> Any:
    """a == b, element by element; NotImplemented for what is not a number, so that Python answers False."""
    return _compared("equal", a, b)


def differs(a: Any, b: Any) -> Any:
    """a != b, element by element."""
    return _compared("not_equal", a, b)


def _compared(name: str, a: Any, b: Any) -> Any:
    if not isinstance(b, (Tensor, int, float, complex, np.generic, np.ndarray)):
        return NotImplemented
    return compute(name, *operands(a, b))


def equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    return a.shape == b.shape and bool((a == b).all())


def isclose(a: Tensor, b: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where |a - b| <= atol + rtol |b|, or both are the same infinity."""
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{a.dtype} did not match {b.dtype}")
    same = a == b
    if category(a.dtype) < 2:
        return same | ((a - b).abs() <= atol + rtol * b.abs())
    near = ((a - b).abs() <= atol + rtol * b.abs()) & b.isfinite()
    return same | near | (a.isnan() & b.isnan()) if equal_nan else same | near


def allclose(a: Tensor, b: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close."""
    return bool(isclose(a, b, rtol, atol, equal_nan).all())
