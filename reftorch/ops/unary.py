"""Functions of one tensor, element by element: each class holds a function and its derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .elementwise import compute, maximum, minimum, where
from .promotion import category, default_dtype


class Unary(Function):
    """y = f(x) with dx = f'(x) dy. `slope` is f', written in x, or in y where `in_y` says so."""

    name = ""
    in_y = False

    @staticmethod
    def forward(ctx, x):
        with np.errstate(all="ignore"):
            y = compute(ctx.function.name, x)
        ctx.save_for_backward(y if ctx.function.in_y else x)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (saved,) = ctx.saved_tensors
        return grad_y * ctx.function.slope(saved)

    @staticmethod
    def slope(x: Tensor) -> Any:
        raise NotImplementedError

    @classmethod
    def of(cls, x: Tensor) -> Tensor:
        """f(x), in the default floating-point type where x is integer or bool."""
        return cls.apply(x if category(x.dtype) >= 2 else x.to(default_dtype()))


class Neg(Function):
    @staticmethod
    def forward(ctx, x):
        return compute("negative", x)

    @staticmethod
    def backward(ctx, grad_y):
        return compute("negative", grad_y)


class Abs(Unary):
    name = "absolute"
    slope = staticmethod(lambda x: x.sign())


class Exp(Unary):
    name, in_y = "exp", True
    slope = staticmethod(lambda y: y)


class Expm1(Unary):
    name, in_y = "expm1", True
    slope = staticmethod(lambda y: y + 1)


class Log(Unary):
    name = "log"
    slope = staticmethod(lambda x: 1 / x)


class Log1p(Unary):
    name = "log1p"
    slope = staticmethod(lambda x: 1 / (x + 1))


class Log2(Unary):
    name = "log2"
    slope = staticmethod(lambda x: 1 / (x * math.log(2)))


class Log10(Unary):
    name = "log10"
    slope = staticmethod(lambda x: 1 / (x * math.log(10)))


class Sqrt(Unary):
    name, in_y = "sqrt", True
    slope = staticmethod(lambda y: 0.5 / y)


class Reciprocal(Unary):
    name, in_y = "reciprocal", True
    slope = staticmethod(lambda y: -y * y)


class Sin(Unary):
    name = "sin"
    slope = staticmethod(lambda x: x.cos())


class Cos(Unary):
    name = "cos"
    slope = staticmethod(lambda x: -x.sin())


class Tan(Unary):
    name, in_y = "tan", True
    slope = staticmethod(lambda y: y * y + 1)


class Atan(Unary):
    name = "arctan"
    slope = staticmethod(lambda x: 1 / (x * x + 1))


class Sinh(Unary):
    name = "sinh"
    slope = staticmethod(lambda x: x.cosh())


class Cosh(Unary):
    name = "cosh"
    slope = staticmethod(lambda x: x.sinh())


class Tanh(Unary):
    name, in_y = "tanh", True
    slope = staticmethod(lambda y: 1 - y * y)


class Sigmoid(Unary):
    in_y = True
    slope = staticmethod(lambda y: y * (1 - y))

    @staticmethod
    def forward(ctx, x):
        with np.errstate(over="ignore"):
            y = 1 / (1 + compute("exp", -x))
        ctx.save_for_backward(y)
        return y


class Round(Unary):
    """A step function: its slope is 0 wherever it has one."""

    name = "rint"
    slope = staticmethod(lambda x: x * 0)


class Floor(Round):
    name = "floor"


class Ceil(Round):
    name = "ceil"


class Trunc(Round):
    name = "trunc"


class Sign(Round):
    name = "sign"


def neg(x: Tensor) -> Tensor:
    """-x."""
    if x.dtype is types.bool:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. Use the `~` or `logical_not()` operator."
        )
    return Neg.apply(x)


def abs(x: Tensor) -> Tensor:
    """|x|."""
    return Abs.apply(x)


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1; NaN stays."""
    return Sign.apply(x)


def exp(x: Tensor) -> Tensor:
    """e to the power x."""
    return Exp.of(x)


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact near 0."""
    return Expm1.of(x)


def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.of(x)


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact near 0."""
    return Log1p.of(x)


def log2(x: Tensor) -> Tensor:
    """The logarithm to base 2."""
    return Log2.of(x)


def log10(x: Tensor) -> Tensor:
    """The logarithm to base 10."""
    return Log10.of(x)


def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.of(x)


def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return Reciprocal.of(x)


def sin(x: Tensor) -> Tensor:
    """The sine of x in radians."""
    return Sin.of(x)


def cos(x: Tensor) -> Tensor:
    """The cosine of x in radians."""
    return Cos.of(x)


def tan(x: Tensor) -> Tensor:
    """The tangent of x in radians."""
    return Tan.of(x)


def atan(x: Tensor) -> Tensor:
    """The angle in radians whose tangent is x."""
    return Atan.of(x)


def sinh(x: Tensor) -> Tensor:
    """The hyperbolic sine."""
    return Sinh.of(x)


def cosh(x: Tensor) -> Tensor:
    """The hyperbolic cosine."""
    return Cosh.of(x)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return Tanh.of(x)


def _keeps_integers(function: type[Unary], x: Tensor) -> Tensor:
    return function.apply(x) if category(x.dtype) >= 2 else x.clone()


def round(x: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest integer, halves to the even one; `decimals` digits after the point."""
    if decimals:
        return _keeps_integers(Round, x * 10.0**decimals) / 10.0**decimals
    return _keeps_integers(Round, x)


def floor(x: Tensor) -> Tensor:
    """The largest integer <= x."""
    return _keeps_integers(Floor, x)


def ceil(x: Tensor) -> Tensor:
    """The smallest integer >= x."""
    return _keeps_integers(Ceil, x)


def trunc(x: Tensor) -> Tensor:
    """x without its fraction."""
    return _keeps_integers(Trunc, x)


def square(x: Tensor) -> Tensor:
    """x²."""
    return x**2


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return Sqrt.of(x).reciprocal()


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)); where exp(-x) is infinite that is 0."""
    return Sigmoid.of(x)


def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max]; the gradient passes where x lies within, borders included.

    Raises:
        RuntimeError: neither bound is given.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        x = x if min is None else maximum(x, min if isinstance(min, Tensor) else x.new_tensor(min))
        return x if max is None else minimum(x, max if isinstance(max, Tensor) else x.new_tensor(max))
    if min is not None:
        x = where(x < min, min, x)
    return x if max is None else where(x > max, max, x)


# ------------------------------------------------------------------------------------------------ no gradient


def isnan(x: Tensor) -> Tensor:
    """Where x is NaN."""
    return compute("isnan", x)


def isinf(x: Tensor) -> Tensor:
    """Where x is plus or minus infinity."""
    return compute("isinf", x)


def isfinite(x: Tensor) -> Tensor:
    """Where x is neither NaN nor infinite."""
    return compute("isfinite", x)


def logical_not(x: Tensor) -> Tensor:
    """Where x is zero or False."""
    return compute("logical_not", x)


def bitwise_not(x: Tensor) -> Tensor:
    """~x of integers and bools."""
    if category(x.dtype) >= 2:
        raise RuntimeError(f"bitwise_not is only for integer and bool tensors, found {x.dtype}")
    return compute("logical_not" if x.dtype is types.bool else "invert", x)
