"""Operations that write into the tensor they are called on.

`x.add_(y)` computes `x + y` as usual, and then x *becomes* the result: the elements are copied into x's memory, the version counter
is incremented, and x takes over the result's place on the tape (`take_over`).

Where nothing is recorded or converted, as in an optimizer and where gradients are added up, NumPy writes directly into x's memory.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Function, is_grad_enabled
from ..autograd.node import expands_to, named
from ..tensor import Tensor
from ..types import CPU, float32, float64, int64
from .backend import library, quietly
from .elementwise import add, div, mul, sub
from .fits import number_like
from .promotion import category


def become(x: Tensor, function: Callable, *args: Any, **options: Any) -> Tensor:
    """Let x become `function(x, ...)`."""
    operands = [a for a in args if isinstance(a, Tensor)]
    if operands and operands[0].is_sparse and function in SIGN:
        return operands[0].add_into(x, SIGN[function] * options.get("alpha", 1))  # type: ignore[attr-defined]
    recording = is_grad_enabled() and (x.requires_grad or True in [a.requires_grad for a in operands])
    x._check_inplace(recording, *operands)
    if not recording and function in UFUNCS and _written_directly(x, UFUNCS[function], *args, **options):
        x._counter.bump()
        return x
    return take_over(x, function(x._snapshot() if recording else x, *args, **options))


def take_over(x: Tensor, result: Tensor) -> Tensor:
    """Give x the elements of `result` and its place on the tape.

    Raises:
        RuntimeError: another shape, or a dtype that would lose its category.
    """
    if result.array.shape != x.array.shape:
        raise RuntimeError(f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)}")
    if result.dtype is not x.dtype and category(result.dtype) > category(x.dtype):
        raise RuntimeError(
            f"result type {result.dtype} can't be cast to the desired output type {x.dtype}: it would lose "
            "what that cannot hold. Use the operation that is not in place"
        )
    write(x, result)
    return x._take_place_of(result)


SIGN = {add: 1, sub: -1}  # of a sparse operand, which changes only the elements that it has
UFUNCS = {add: np.add, sub: np.subtract, mul: np.multiply, div: np.divide}


def _written_directly(x: Tensor, ufunc: Callable, other: Any, alpha: Any = 1, rounding_mode: Any = None) -> bool:
    """Let NumPy write the result into x's memory, without a tensor in between, and return True; False if it must be converted."""
    if x.device is not CPU or x.dtype not in (float32, float64, int64) or rounding_mode is not None:
        return False
    if x.dtype is int64:
        if not (type(other) is type(alpha) is int and alpha == 1 and ufunc is not np.divide):
            return False
        if ufunc is np.add and x.array.ndim == 0 and _is_usual(count := x.array.item() + other):
            x.array.fill(count)  # a counter, such as that of batch normalization
            return True
    if isinstance(other, Tensor):
        if other.dtype is not x.dtype or other.device is not CPU or other.array.shape not in (x.array.shape, ()):
            return False
        other = other.array
    elif not _is_usual(other):
        return False
    if alpha != 1:
        if not _is_usual(alpha):
            return False
        other = quietly(operator.mul, other, alpha)
    quietly(ufunc, x.array, other, out=x.array)
    return True


def _is_usual(number: Any) -> bool:
    """Whether it is a Python number that is not too large for float32, nor, as an integer, for int64."""
    return type(number) is float and -3e38 < number < 3e38 or type(number) is int and -(2**63) <= number < 2**63


def turn(x: Tensor, view: Callable, *args: Any) -> Tensor:
    """Let x become a view of itself, such as its transpose: no element moves."""
    x._check_inplace(is_grad_enabled() and x.requires_grad)
    before = object.__new__(Tensor)
    before.__dict__.update(x.__dict__)
    after = view(before, *args)
    x.__dict__.update(after.__dict__)
    x._counter.bump()
    return x


class Fill(Function):
    """y = value everywhere;  dx = 0"""

    torch_name = "FillBackward2"

    @staticmethod
    def forward(ctx, x, value):
        return x.new_full(x.shape, value)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.new_zeros(grad_y.shape), None


class Copy(Function):
    """y = source, broadcast to x's shape;  dx = 0,  dsource = dy, summed over what was repeated"""

    torch_name = "CopyBackwards"

    @staticmethod
    def forward(ctx, x, source):
        y = x.new_empty(x.shape)
        write(y, source)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.new_zeros(grad_y.shape), grad_y


def write(x: Tensor, source: Tensor) -> None:
    """Copy `source` into x's memory, with broadcasting and conversion; nothing is recorded."""
    if source.device is not x.device:
        source = source.detach().to(x.device)
    if x.device.type == "cpu":
        quietly(np.copyto, x.array, source.array, "unsafe")
    else:
        library(x.device).copyto(x.array, source.array)


def copy_(input: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """The elements of `src`, which may broadcast and have another dtype or device.

    Raises:
        RuntimeError: `src` does not broadcast to the shape.
    """
    if not isinstance(src, Tensor):
        src = number_like(input, src)
    recording = is_grad_enabled() and (input.requires_grad or src.requires_grad)
    input._check_inplace(recording, src)
    if not expands_to(src.shape, input.shape):
        src.expand(input.shape)  # raises
    if recording:
        return take_over(input, Copy.apply(input._snapshot(), src))
    write(input, src)
    input._counter.bump()
    return input


def fill_(input: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return copy_(input, value)
    if not isinstance(value, (numbers.Number, np.generic)):
        raise TypeError(
            f"fill_() expects a number, or a tensor that holds one, but got {type(value).__name__}: {value!r}"
        )
    recording = is_grad_enabled() and input.requires_grad
    if recording:
        input._check_inplace(recording)
        return take_over(input, Fill.apply(input._snapshot(), value))
    if _is_usual(value) and input.dtype in (float32, float64) and input.device is CPU:
        input.array.fill(value)
    else:
        write(input, number_like(input, value))
    input._counter.bump()
    return input


def zero_(input: Tensor) -> Tensor:
    """Every element becomes 0."""
    return named(fill_(input, 0), "ZeroBackward0")
