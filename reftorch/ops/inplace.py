"""Operations that write into the tensor they are called on.

`x.add_(y)` computes `x + y` as ever and lets x *become* the result: the numbers are copied into x's memory, the version goes up,
and x takes over the result's place on the tape (`Tensor._become`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from ..autograd import Function, is_grad_enabled
from ..tensor import Tensor
from .backend import library
from .shape import Slice


def become(x: Tensor, function: Callable, *args: Any, **options: Any) -> Tensor:
    """Let x become `function(x, ...)`."""
    recording = is_grad_enabled() and (
        x.requires_grad or any(isinstance(a, Tensor) and a.requires_grad for a in args)
    )
    x._check_inplace(recording)
    return x._become(function(x._snapshot() if recording else x, *args, **options))


class Fill(Function):
    """y = value everywhere;  dx = 0"""

    @staticmethod
    def forward(ctx, x, value):
        return x.new_full(x.shape, value)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y * 0, None


class Copy(Function):
    """y = source, broadcast to x's shape;  dx = 0,  dsource = dy, summed over what was repeated"""

    @staticmethod
    def forward(ctx, x, source):
        ctx.shape = source.shape
        y = x.new_empty(x.shape)
        _write(y, source)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.new_zeros(grad_y.shape), grad_y.sum_to_size(ctx.shape)


def _write(x: Tensor, source: Tensor) -> None:
    """x's memory from `source`, with broadcasting and conversion."""
    source = source.to(x.device)
    library(x.device).copyto(x.array, source.array, **({"casting": "unsafe"} if x.device.type == "cpu" else {}))


def copy_(x: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """The elements of `source`, which may broadcast and have another dtype or device.

    Raises:
        RuntimeError: `source` does not broadcast to x's shape.
    """
    if not isinstance(source, Tensor):
        source = x.new_tensor(source)
    recording = is_grad_enabled() and (x.requires_grad or source.requires_grad)
    x._check_inplace(recording)
    if tuple(source.shape) != tuple(x.shape):
        source.expand(x.shape)  # raises where it does not fit
    if recording:
        return x._become(Copy.apply(x._snapshot(), source))
    _write(x, source)
    x._counter.bump()
    return x


def set_slice(x: Tensor, key: tuple, value: Tensor) -> None:
    """x[key] = value for a key of integers and slices."""
    x._check_inplace(is_grad_enabled() and (x.requires_grad or value.requires_grad))
    part = Slice.apply(x, key)
    while value.ndim > part.ndim and value.shape[0] == 1:
        value = value.squeeze(0)
    copy_(part, value)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value.ndim} dimensions."
            )
        return copy_(x, value)
    recording = is_grad_enabled() and x.requires_grad
    x._check_inplace(recording)
    if recording:
        return x._become(Fill.apply(x._snapshot(), value))
    if x.device.type == "cpu":
        x.array.fill(value)
    else:
        library(x.device).copyto(x.array, value)
    x._counter.bump()
    return x


def zero_(x: Tensor) -> Tensor:
    """Every element becomes 0."""
    return fill_(x, 0)


def _fill_from(x: Tensor, numbers: np.ndarray) -> Tensor:
    """Random numbers into x; they have no gradient."""
    x._check_inplace(is_grad_enabled() and x.requires_grad)
    _write(x, Tensor._make(np.asarray(numbers)))
    x._counter.bump()
    return x


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from [a, b)."""
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    return _fill_from(x, random.uniform(x.shape, a, b, dtype=x.dtype.numpy, generator=generator))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from the normal distribution."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _fill_from(x, random.normal(x.shape, mean, std, dtype=x.dtype.numpy, generator=generator))


def bernoulli_(x: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    """Independent ones with probability p, else zeros."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _fill_from(x, random.bernoulli(p, x.shape, generator=generator))


def random_(x: Tensor, low: int = 0, high: int | None = None, *, generator: Any = None) -> Tensor:
    """Integers from [low, high); `random_(high)` starts at 0; without bounds, all that x's dtype holds exactly."""
    if high is None:
        bits = {"f": np.finfo(x.dtype.numpy).nmant + 1} if x.dtype.is_floating_point else {}
        largest = 2 ** bits["f"] if bits else (2 if x.dtype.numpy.kind == "b" else int(np.iinfo(x.dtype.numpy).max))
        low, high = 0, low or largest
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return _fill_from(x, random.randint(low, high, x.shape, generator=generator))
