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
    recording = is_grad_enabled() and (x.requires_grad or any(isinstance(a, Tensor) and a.requires_grad for a in args))
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
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
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


def _draw_into(x: Tensor, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Tensor:
    """Random numbers into x, without a gradient, in the order that x has in memory: torch fills x.t() as it fills x."""
    x._check_inplace(is_grad_enabled() and x.requires_grad)
    if x.device.type == "cpu":
        memory = random.in_memory_order(x.array)
        memory[...] = draw(memory.shape)
    else:
        _write(x, Tensor._make(draw(x.shape)))
    x._counter.bump()
    return x


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from [a, b)."""
    return _draw_into(x, lambda shape: random.uniform(shape, a, b, x.dtype.numpy, generator))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from the normal distribution."""
    whole = x.is_contiguous()
    return _draw_into(x, lambda shape: random.normal(shape, mean, std, x.dtype.numpy, generator, whole))


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Independent numbers from the exponential distribution with rate `lambd`."""
    return _draw_into(x, lambda shape: random.exponential(shape, lambd, x.dtype.numpy, generator))


def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Independent ones with probability p (a number, or a tensor that broadcasts to x's shape), else zeros."""
    if isinstance(p, Tensor):
        chances = np.broadcast_to(p.detach().cpu().array, x.shape)
        return copy_(x, Tensor._make(random.bernoulli(chances, None, x.dtype.numpy, generator)))
    return _draw_into(x, lambda shape: random.bernoulli(p, shape, x.dtype.numpy, generator))


def random_(x: Tensor, low: int | None = None, high: int | None = None, *, generator: Any = None) -> Tensor:
    """Integers from [low, high); `random_(high)` starts at 0; without bounds, all that x's dtype holds exactly."""
    if low is None:
        return _draw_into(x, lambda shape: random.integers(shape, x.dtype.numpy, generator))
    first, end = (0, low) if high is None else (low, high)
    return _draw_into(x, lambda shape: random.randint(first, end, shape, x.dtype.numpy, generator))
