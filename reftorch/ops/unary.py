"""Functions of one tensor, element by element: each class holds a function and its derivative."""

from __future__ import annotations

import math
from typing import Any

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .arguments import no_bools, tensor_first
from .elementwise import compute
from .promotion import category, default_dtype


class Unary(Function):
    """y = f(x) with dx = f'(x) dy. `slope` is f' as a function of x, or of y if `in_y` is True."""

    name = ""
    in_y = False

    @staticmethod
    def forward(ctx, x):
        y = ctx._function.of_array(x)
        ctx.save_for_backward(y if ctx._function.in_y else x)
        return y

    @classmethod
    def of_array(cls, x: Tensor) -> Tensor:
        return compute(cls.name, x)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y * ctx._function.slope(*ctx.saved_tensors)

    slope: Any = None  # f' of x, or of y

    @classmethod
    def of(cls, input: Tensor) -> Tensor:
        """f(input), in the default floating-point type where input is integer or bool."""
        return cls.apply(input if category(input.dtype) >= 2 else input.to(default_dtype()))


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
    slope = staticmethod(lambda x: x.reciprocal())


class Log1p(Unary):
    name = "log1p"
    slope = staticmethod(lambda x: (x + 1).reciprocal())


class Log2(Unary):
    name = "log2"
    slope = staticmethod(lambda x: (x * math.log(2)).reciprocal())


class Log10(Unary):
    name = "log10"
    slope = staticmethod(lambda x: (x * math.log(10)).reciprocal())


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


class Asin(Unary):
    name = "arcsin"
    slope = staticmethod(lambda x: (1 - x * x).rsqrt())


class Acos(Unary):
    name = "arccos"
    slope = staticmethod(lambda x: -(1 - x * x).rsqrt())


class Atan(Unary):
    name = "arctan"
    slope = staticmethod(lambda x: (x * x + 1).reciprocal())


class Sinh(Unary):
    name = "sinh"
    slope = staticmethod(lambda x: x.cosh())


class Cosh(Unary):
    name = "cosh"
    slope = staticmethod(lambda x: x.sinh())


class Asinh(Unary):
    name = "arcsinh"
    slope = staticmethod(lambda x: (x * x + 1).rsqrt())


class Acosh(Unary):
    name = "arccosh"
    slope = staticmethod(lambda x: (x * x - 1).rsqrt())


class Atanh(Unary):
    name = "arctanh"
    slope = staticmethod(lambda x: (1 - x * x).reciprocal())


@tensor_first
def neg(input: Tensor) -> Tensor:
    """-input."""
    if input.dtype is types.bool:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. Use the `~` or `logical_not()` operator."
        )
    return Neg.apply(input)


@tensor_first
def abs(input: Tensor) -> Tensor:
    """|input|."""
    no_bools("abs", input)
    return Abs.apply(input)


@tensor_first
def exp(input: Tensor) -> Tensor:
    """e to the power input."""
    return Exp.of(input)


@tensor_first
def expm1(input: Tensor) -> Tensor:
    """exp(input) - 1, exact near 0."""
    return Expm1.of(input)


@tensor_first
def log(input: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.of(input)


@tensor_first
def log1p(input: Tensor) -> Tensor:
    """log(1 + input), exact near 0."""
    return Log1p.of(input)


@tensor_first
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""
    return Log2.of(input)


@tensor_first
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""
    return Log10.of(input)


@tensor_first
def sqrt(input: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.of(input)


@tensor_first
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(input)."""
    return Sqrt.of(input).reciprocal()


@tensor_first
def square(input: Tensor) -> Tensor:
    """input²."""
    return input**2


@tensor_first
def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""
    return Reciprocal.of(input)


@tensor_first
def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians."""
    return Sin.of(input)


@tensor_first
def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians."""
    return Cos.of(input)


@tensor_first
def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians."""
    return Tan.of(input)


@tensor_first
def asin(input: Tensor) -> Tensor:
    """The angle in radians whose sine is input."""
    return Asin.of(input)


@tensor_first
def acos(input: Tensor) -> Tensor:
    """The angle in radians whose cosine is input."""
    return Acos.of(input)


@tensor_first
def atan(input: Tensor) -> Tensor:
    """The angle in radians whose tangent is input."""
    return Atan.of(input)


@tensor_first
def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine."""
    return Sinh.of(input)


@tensor_first
def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine."""
    return Cosh.of(input)


@tensor_first
def asinh(input: Tensor) -> Tensor:
    """The inverse of sinh."""
    return Asinh.of(input)


@tensor_first
def acosh(input: Tensor) -> Tensor:
    """The inverse of cosh."""
    return Acosh.of(input)


@tensor_first
def atanh(input: Tensor) -> Tensor:
    """The inverse of tanh."""
    return Atanh.of(input)
