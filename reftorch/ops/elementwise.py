"""Arithmetic element by element, with broadcasting: each `Function` holds an operation and its derivative.

A `backward` may return a gradient of the broadcast shape: the tape sums it over what broadcasting repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .arguments import check_broadcast, tensor_first
from .backend import library, quietly
from .fits import check_fits
from .operands import first_tensor, number_beside_half, operands
from .promotion import category, result_type


def compute(name: str, *values: Any) -> Tensor:
    """NumPy's function `name`, or its CUDA namesake, of tensors and numbers; not recorded on the tape."""
    device, arrays = types.CPU, []
    for value in values:
        if isinstance(value, Tensor):
            device, value = value.device, value.array
        arrays.append(value)
    if device is types.CPU:
        return Tensor._make(quietly(getattr(np, name), *arrays))
    return Tensor._make(getattr(library(device), name)(*arrays), device)


def product(name: str, a: Any, b: Any) -> Tensor:
    """`compute` for * and /. A number beside float16 is not rounded to float16 first: it may be beyond its range."""
    a_tensor, b_tensor = isinstance(a, Tensor), isinstance(b, Tensor)
    if not (a_tensor and b_tensor):
        dtype = (a if a_tensor else b).dtype
        if dtype.is_floating_point and dtype.itemsize == 2:
            a, b = a.to(types.float32) if a_tensor else a, b.to(types.float32) if b_tensor else b
            return compute(name, a, b).to(dtype)
    return compute(name, a, b)


def save(ctx: Any, a: Any, b: Any) -> None:
    """Keep operands, which may be numbers, for `saved`; None for one that is not needed."""
    a_tensor, b_tensor = isinstance(a, Tensor), isinstance(b, Tensor)
    ctx.numbers = None if a_tensor else a, None if b_tensor else b
    ctx.save_for_backward(a if a_tensor else None, b if b_tensor else None)


def saved(ctx: Any) -> list:
    return [n if t is None else t for t, n in zip(ctx.saved_tensors, ctx.numbers)]


# ------------------------------------------------------------------------------------------------ two operands


class Add(Function):
    """y = a + b"""

    @staticmethod
    def forward(ctx, a, b):
        return compute("add", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, grad_y


class Sub(Function):
    """y = a - b"""

    @staticmethod
    def forward(ctx, a, b):
        ctx.torch_name = None if isinstance(a, Tensor) else "RsubBackward1"
        return compute("subtract", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, -grad_y if ctx.needs_input_grad[1] else None


class Mul(Function):
    """y = a b;  da = b dy,  db = a dy"""

    @staticmethod
    def forward(ctx, a, b):
        needs_a, needs_b = ctx.needs_input_grad
        save(ctx, a if needs_b else None, b if needs_a else None)
        return product("multiply", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = saved(ctx)
        needs_a, needs_b = ctx.needs_input_grad
        return grad_y * b if needs_a else None, grad_y * a if needs_b else None


class Div(Function):
    """y = a / b;  da = dy / b,  db = -a dy / b²"""

    @staticmethod
    def forward(ctx, a, b):
        save(ctx, a if ctx.needs_input_grad[1] else None, b)
        return product("divide", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = saved(ctx)
        needs_a, needs_b = ctx.needs_input_grad
        return grad_y / b if needs_a else None, -grad_y * (a / b) / b if needs_b else None


class Pow(Function):
    """y = a^b;  da = b a^(b-1) dy,  db = a^b ln(a) dy"""

    @staticmethod
    def forward(ctx, a, b):
        ctx.torch_name = f"PowBackward{(1 if isinstance(a, Tensor) else 2) if isinstance(b, Tensor) else 0}"
        save(ctx, a, b)
        return compute("power", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = saved(ctx)
        grad_a = grad_b = None
        if ctx.needs_input_grad[0]:  # a^0 is constant, also at a = 0 where the formula reads 0 · inf
            if isinstance(b, Tensor):
                grad_a = where(b == 0, 0.0, grad_y * b * a ** (b - 1))
            else:
                grad_a = grad_y * (b * a ** (b - 1)) if b else grad_y.new_zeros(grad_y.shape)
        if ctx.needs_input_grad[1]:  # 0^b stays 0 for b > 0: the limit of a^b ln(a)
            base = a if isinstance(a, Tensor) else b.new_tensor(a)
            grad_b = grad_y * where((base == 0) & (b >= 0), 0.0, base**b * base.log())
        return grad_a, grad_b


class Extremum(Function):
    """y = the larger or smaller of a and b, which gets dy; a tie shares it equally"""

    @staticmethod
    def forward(ctx, a, b, name):
        ctx.save_for_backward(a, b)
        ctx.which, ctx.torch_name = name, f"{name.title()}Backward0"
        return compute(name, a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = ctx.saved_tensors
        below, above = (a < b, b < a) if ctx.which == "maximum" else (b < a, a < b)
        share = where(a == b, grad_y / 2, grad_y)
        return where(below, 0.0, share), where(above, 0.0, share), None


class Where(Function):
    """y = a where the condition holds, b elsewhere"""

    @staticmethod
    def forward(ctx, condition, a, b):
        ctx.save_for_backward(condition)
        return compute("where", condition, a, b)

    @staticmethod
    def backward(ctx, grad_y):
        (condition,) = ctx.saved_tensors
        _, needs_a, needs_b = ctx.needs_input_grad
        zero = grad_y.new_zeros(())
        return (
            None,
            compute("where", condition, grad_y, zero) if needs_a else None,
            compute("where", condition, zero, grad_y) if needs_b else None,
        )


class RoundedDiv(Function):
    """y = a / b rounded: a step function, whose slope is 0 wherever it has one"""

    @staticmethod
    def forward(ctx, a, b, mode):
        like = first_tensor(a, b)
        if category(like.dtype) >= 2:
            return compute("floor_divide", a, b) if mode == "floor" else compute("divide", a, b).trunc()
        quotient = compute("floor_divide", a, b)
        if mode == "floor":
            return quotient
        return quotient + (compute("remainder", a, b) != 0).logical_and(quotient < 0)  # towards zero

    @staticmethod
    def backward(ctx, grad_y):
        zero = grad_y.new_zeros(grad_y.shape)
        return zero, zero, None


class FloorDivide(RoundedDiv):
    """As `div(rounding_mode="floor")`, but without a derivative, as in PyTorch."""

    @staticmethod
    def backward(ctx, grad_y):
        raise RuntimeError(
            "derivative for floor_divide is not implemented: a // b is a step function. For a gradient of 0 write "
            "torch.div(a, b, rounding_mode='floor')"
        )


class Remainder(Function):
    """y = a - b floor(a / b);  da = dy,  db = -floor(a / b) dy"""

    @staticmethod
    def forward(ctx, a, b):
        save(ctx, a if ctx.needs_input_grad[1] else None, b)
        return compute("remainder", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = saved(ctx)
        return grad_y, -grad_y * compute("floor_divide", a, b) if ctx.needs_input_grad[1] else None


# ------------------------------------------------------------------------------------------------ functions


def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """`input + alpha * other`, element by element."""
    if isinstance(other, Tensor) and other.is_sparse:
        return other.added_to(input, alpha)  # type: ignore[attr-defined]
    y = Add.apply(*operands(input, _scaled(other, alpha)))
    return y if out is None else _written("add", out, y)


def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """`input - alpha * other`, element by element; bools raise RuntimeError as in torch."""
    for operand in (input, other):
        if isinstance(operand, bool) or isinstance(operand, Tensor) and operand.dtype is types.bool:
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
                "mask, use the `~` or `logical_not()` operator instead; to compare two, `^` or `logical_xor()`."
            )
    if isinstance(other, Tensor) and other.is_sparse:
        return other.added_to(input, -alpha)  # type: ignore[attr-defined]
    y = Sub.apply(*operands(input, _scaled(other, alpha)))
    return y if out is None else _written("sub", out, y)


def _written(name: str, out: Any, result: Tensor) -> Tensor:
    from .out import write_out

    return write_out(name, out, result)


def _scaled(other: Any, alpha: Any) -> Any:
    if alpha == 1:
        return other
    if isinstance(alpha, float) and isinstance(other, Tensor) and category(other.dtype) < 2:
        raise RuntimeError(f"For integral input tensors, argument alpha must not be a floating point number: {alpha}")
    if isinstance(other, Tensor) and isinstance(alpha, (int, float)):
        check_fits(alpha, other.dtype)
    return other * alpha


def mul(input: Any, other: Any, *, out: Any = None) -> Tensor:
    """`input * other`, element by element."""
    y = Mul.apply(*operands(input, number_beside_half(input, other)))
    return y if out is None else _written("mul", out, y)


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Tensor:
    """`input / other` in floating point; `rounding_mode` "floor" or "trunc" rounds it and keeps integers integer.

    Raises:
        RuntimeError: an integer divided by 0 with rounding; another mode.
        NotImplementedError: bools with rounding.
    """
    if out is not None:
        return _written("div", out, div(input, other, rounding_mode=rounding_mode))
    if rounding_mode is None:
        return Div.apply(*operands(input, number_beside_half(input, other), to_float=True))
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return RoundedDiv.apply(*_quotient_operands(f"div_{rounding_mode}", input, other), rounding_mode)


def _quotient_operands(name: str, input: Any, other: Any) -> Any:
    a, b = operands(input, other)
    dtype = first_tensor(a, b).dtype
    if dtype is types.bool:
        raise NotImplementedError(f"{name} is not implemented for bools: convert one with .long()")
    if category(dtype) < 2 and bool(b == 0 if not isinstance(b, Tensor) else (b == 0).any()):
        raise RuntimeError(f"ZeroDivisionError: {name} of integers, and there is a 0 in the divisor")
    return a, b


def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded down; it has no derivative."""
    return FloorDivide.apply(*_quotient_operands("floor_divide", input, other), "floor")


def remainder(input: Any, other: Any) -> Tensor:
    """`input - other * floor(input / other)`: has the sign of `other`."""
    return Remainder.apply(*_quotient_operands("remainder", input, other))


def pow(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    """`input` to the power `exponent`.

    Raises:
        RuntimeError: integers to the power of a negative number.
        NotImplementedError: both are bools.
    """
    if out is not None:
        return _written("pow", out, pow(input, exponent))
    a, b = operands(input, exponent)
    dtype = first_tensor(a, b).dtype
    if isinstance(exponent, (int, float)):
        check_fits(exponent, dtype)
    if category(dtype) >= 2:
        return Pow.apply(a, b)
    if not isinstance(b, Tensor) and b in (0, 1):
        return a.clone() if b else a.new_ones(a.shape)
    if dtype is types.bool:
        raise NotImplementedError("pow is not implemented for bools: convert one with .long()")
    if isinstance(b, Tensor):  # a^-b = 1 / a^b is no integer but for a = 1 and a = -1: it becomes 0
        a = a if isinstance(a, Tensor) else b.new_tensor(a)
        return where((b >= 0) | (a.abs() == 1), compute("power", a, b.abs()), 0)
    if b < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed: convert the base with .float()")
    return compute("power", a, b)


def _two_tensors(name: str, input: Any, other: Any) -> Any:
    for at, operand in ((1, input), (2, other)):
        if not isinstance(operand, Tensor):
            argument = "input" if at == 1 else "other"
            raise TypeError(
                f"{name}(): argument '{argument}' (position {at}) must be Tensor, not {type(operand).__name__}"
            )
    return operands(input, other)


def maximum(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """The larger of two tensors, element by element; NaN wins."""
    y = Extremum.apply(*_two_tensors("maximum", input, other), "maximum")
    return y if out is None else _written("maximum", out, y)


def minimum(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """The smaller of two tensors, element by element; NaN wins."""
    y = Extremum.apply(*_two_tensors("minimum", input, other), "minimum")
    return y if out is None else _written("minimum", out, y)


@tensor_first
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, `other` elsewhere; with one argument the indices where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is not types.bool:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}: compare "
            "it with something, as in condition != 0"
        )
    dtype = result_type(input, other)
    a, b = [v if isinstance(v, Tensor) else condition.new_tensor(v, dtype=dtype) for v in (input, other)]
    a, b = operands(a.to(condition.device) if not a.ndim else a, b.to(condition.device) if not b.ndim else b)
    if a.device != condition.device:
        raise RuntimeError(f"where: the condition is on {condition.device}, but the values are on {a.device}")
    check_broadcast(condition.array.shape, a.array.shape, b.array.shape)
    return Where.apply(condition, a, b)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 * tensor2`."""
    return _not_in_half(lambda x, a, b: add(x, mul(a, b), alpha=value), input, tensor1, tensor2)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 / tensor2`."""
    return _not_in_half(lambda x, a, b: add(x, div(a, b), alpha=value), input, tensor1, tensor2)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """`input + weight * (end - input)`."""
    if not input.dtype.is_floating_point and not input.dtype.is_complex:
        raise NotImplementedError(f"lerp is not implemented for {input.dtype}: convert the tensors with .float()")
    return _not_in_half(lambda a, b: a + weight * (b - a), input, end)


def _not_in_half(function: Any, *tensors: Tensor) -> Tensor:
    """`function(*tensors)`, of float16 tensors computed in float32, and rounded once."""
    if {t.dtype for t in tensors} == {types.float16}:
        return function(*[t.to(types.float32) for t in tensors]).to(types.float16)
    return function(*tensors)
