"""Functions that are constant on intervals or have a kink: rounding, the sign, limits."""

from __future__ import annotations

import builtins
import math
from typing import Any

from .. import types
from ..autograd import Function
from ..autograd.node import named
from ..tensor import Tensor
from .arguments import no_bools, tensor_first
from .elementwise import compute, where
from .fits import check_fits
from .operands import converted
from .promotion import category


class Step(Function):
    """A step function: its slope is 0 wherever it has one."""

    @staticmethod
    def forward(ctx, x, name):
        ctx.torch_name = f"{'Round' if name == 'rint' else name.title()}Backward0"
        if name == "sign":  # of NaN: 0
            return compute("greater", x, 0).to(x.dtype) - compute("less", x, 0).to(x.dtype)
        return compute(name, x)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.new_zeros(grad_y.shape), None


class Clamp(Function):
    """y = x limited to [low, high]; dx = dy where x lies within, borders included; a bound that x passes gets its dy"""

    torch_name = "ClampBackward1"

    @staticmethod
    def forward(ctx, x, low, high):
        ctx.bounds = [None if isinstance(bound, Tensor) else bound for bound in (low, high)]
        ctx.save_for_backward(x, *[bound if isinstance(bound, Tensor) else None for bound in (low, high)])
        y = x if low is None else _limited(x, low, "less", "maximum")
        return y if high is None else _limited(y, high, "greater", "minimum")

    @staticmethod
    def backward(ctx, grad_y):
        x, *tensors = ctx.saved_tensors
        low, high = [bound if tensor is None else tensor for bound, tensor in zip(ctx.bounds, tensors)]
        low, high = -math.inf if low is None else low, math.inf if high is None else high
        _, needs_low, needs_high = ctx.needs_input_grad
        return (
            where((x >= low) & (x <= high), grad_y, 0.0),
            where((x < low) & (low < high), grad_y, 0.0) if needs_low else None,
            where((x > high) | (low > high), grad_y, 0.0) if needs_high else None,
        )


def _limited(x: Tensor, bound: Any, beyond: str, extreme: str) -> Tensor:
    """The bound in place of what is beyond it. -0.0 is not beyond 0: of equal numbers, that of x stays."""
    if isinstance(bound, Tensor) or math.isnan(bound) or not x.dtype.is_floating_point:
        return compute(extreme, x, bound)  # where either is NaN, so is the result
    return compute("where", compute(beyond, x, bound), x.dtype.numpy.type(bound), x)


@tensor_first
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; 0 of NaN."""
    return input.clone() if input.dtype is types.bool else Step.apply(input, "sign")


def _to_integer(name: str, input: Tensor) -> Tensor:
    no_bools(name, input)
    return Step.apply(input, name) if category(input.dtype) >= 2 else input.clone()


@tensor_first
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest integer, halves to the even one; `decimals` digits after the point, or before it if negative."""
    if not decimals:
        return _to_integer("rint", input)
    scale = 10.0 ** builtins.abs(decimals)  # 0.01 has no exact value, 100 has
    if decimals < 0:
        return _to_integer("rint", input / scale) * scale
    return _to_integer("rint", input * scale) / scale


@tensor_first
def floor(input: Tensor) -> Tensor:
    """The largest integer <= input."""
    return _to_integer("floor", input)


@tensor_first
def ceil(input: Tensor) -> Tensor:
    """The smallest integer >= input."""
    return _to_integer("ceil", input)


@tensor_first
def trunc(input: Tensor) -> Tensor:
    """The input without its fraction."""
    return _to_integer("trunc", input)


@tensor_first
def frac(input: Tensor) -> Tensor:
    """The fraction of input, with its sign."""
    return input - input.trunc()


@tensor_first
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """The input limited to [min, max], numbers or tensors; the gradient passes where it lies within, borders included.

    Raises:
        RuntimeError: neither bound is given, or a complex one.
        NotImplementedError: complex numbers, of which none is larger than another.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if any(getattr(each, "dtype", None) in (types.complex64, types.complex128) for each in (input, min, max)):
        raise NotImplementedError(
            "clamp is not supported for complex types: none of them is larger than another; limit .abs() or .real"
        )
    if isinstance(min, complex) or isinstance(max, complex):
        raise RuntimeError("clamp: a bound must be a real number: none of complex numbers is larger than another")
    x, *bounds = converted((input, *[bound for bound in (min, max) if bound is not None]))
    for bound in (min, max):
        if isinstance(bound, (int, float)):
            check_fits(bound, x.dtype)
    low = None if min is None else bounds.pop(0)
    return Clamp.apply(x, low, bounds[0] if bounds else None)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`clamp(input, min)`."""
    return named(clamp(input, min), "ClampMinBackward0")


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`clamp(input, max=max)`."""
    return named(clamp(input, max=max), "ClampMaxBackward0")


@tensor_first
def nan_to_num(input: Tensor, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """NaN and the infinities replaced: by 0 and the largest and smallest finite number, if nothing else is given."""
    if category(input.dtype) < 2:
        return input.clone()
    limits = types.finfo(input.dtype)
    y = where(input.isnan(), nan, input)
    y = where(input == math.inf, limits.max if posinf is None else posinf, y)
    return where(input == -math.inf, limits.min if neginf is None else neginf, y)
