"""Arithmetic element by element, with broadcasting: each `Function` holds an operation and its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .backend import library
from .promotion import category, default_dtype, result_type

# ------------------------------------------------------------------------------------------------ operands


def operands(*values: Any, to_float: bool = False) -> list:
    """Tensors of one dtype and one device; Python numbers stay what they are and take the tensors' dtype.

    Raises:
        RuntimeError: tensors on different devices, shapes that do not broadcast.
        TypeError: neither a tensor nor a number.
    """
    values = tuple(Tensor._make(np.asarray(v)) if isinstance(v, np.ndarray) else v for v in values)
    tensors = [v for v in values if isinstance(v, Tensor)]
    first = tensors[0]
    dtype = first.dtype
    if len(tensors) < len(values) or any(t.dtype is not dtype for t in tensors):
        dtype = result_type(*values)
    if to_float and category(dtype) < 2:
        dtype = default_dtype()
    with_dimensions = [t.device for t in tensors if t.ndim] or [first.device]
    device = with_dimensions[0]
    ready: list = []
    for value in values:
        if not isinstance(value, Tensor):
            ready.append(dtype.numpy.type(value).item() if category(dtype) < 2 else value)
            continue
        if value.device != device:
            if value.ndim or value.device.type != "cpu":
                raise RuntimeError(
                    f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                    f"{value.device}: move one of them with .to('{device}')"
                )
            value = value.to(device)  # a CPU number beside CUDA tensors
        ready.append(value if value.dtype is dtype else value.to(dtype))
    check_broadcast(*[t.shape for t in tensors])
    return ready


def check_broadcast(*shapes: tuple) -> None:
    """Raise torch's RuntimeError unless the shapes broadcast together."""
    if all(shape == shapes[0] for shape in shapes):
        return
    ndim = max(map(len, shapes))
    for dim in range(-1, -ndim - 1, -1):
        extents = [shape[dim] for shape in shapes if len(shape) >= -dim and shape[dim] != 1]
        for extent in extents:
            if extent != extents[0]:
                raise RuntimeError(
                    f"The size of tensor a ({extents[0]}) must match the size of tensor b ({extent}) at non-singleton "
                    f"dimension {ndim + dim}; the shapes are {' and '.join(str(list(s)) for s in shapes)}"
                )


def raw(value: Any) -> Any:
    """The array of a tensor; a number as it is."""
    return value.array if isinstance(value, Tensor) else value


def device_of(*values: Any) -> types.device:
    return next(v.device for v in values if isinstance(v, Tensor))


def shape_of(value: Any) -> tuple:
    return value.shape if isinstance(value, Tensor) else ()


def compute(name: str, *values: Any) -> Tensor:
    """NumPy's function `name`, or its CUDA namesake, of tensors and numbers; not recorded on the tape."""
    device = device_of(*values)
    return Tensor._make(getattr(library(device), name)(*[raw(v) for v in values]), device)


def _like(grad: Tensor, ctx: Any, index: int) -> Tensor | None:
    """The gradient of operand `index`: summed over what broadcasting repeated."""
    return grad.sum_to_size(ctx.shapes[index]) if ctx.needs_input_grad[index] else None


def _keep_shapes(ctx: Any, *values: Any) -> None:
    ctx.shapes = [shape_of(v) for v in values]


def _save(ctx: Any, *values: Any) -> None:
    """Save operands that may be numbers."""
    ctx.numbers = [None if isinstance(v, Tensor) else v for v in values]
    ctx.save_for_backward(*[v if isinstance(v, Tensor) else None for v in values])
    _keep_shapes(ctx, *values)


def _saved(ctx: Any) -> list:
    return [n if t is None else t for t, n in zip(ctx.saved_tensors, ctx.numbers)]


# ------------------------------------------------------------------------------------------------ two operands


class Add(Function):
    """y = a + b"""

    @staticmethod
    def forward(ctx, a, b):
        _keep_shapes(ctx, a, b)
        return compute("add", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        return _like(grad_y, ctx, 0), _like(grad_y, ctx, 1)


class Sub(Function):
    """y = a - b"""

    @staticmethod
    def forward(ctx, a, b):
        _keep_shapes(ctx, a, b)
        return compute("subtract", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        return _like(grad_y, ctx, 0), _like(-grad_y, ctx, 1) if ctx.needs_input_grad[1] else None


class Mul(Function):
    """y = a b;  da = b dy,  db = a dy"""

    @staticmethod
    def forward(ctx, a, b):
        _save(ctx, a, b)
        return compute("multiply", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = _saved(ctx)
        return (
            _like(grad_y * b, ctx, 0) if ctx.needs_input_grad[0] else None,
            _like(grad_y * a, ctx, 1) if ctx.needs_input_grad[1] else None,
        )


class Div(Function):
    """y = a / b;  da = dy / b,  db = -a dy / b²"""

    @staticmethod
    def forward(ctx, a, b):
        _save(ctx, a, b)
        if not isinstance(b, Tensor) and b == 0:
            b = Tensor._make(np.asarray(b, a.dtype.numpy)).to(a.device)  # x / 0 is inf or NaN
        with np.errstate(divide="ignore", invalid="ignore"):
            return compute("divide", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = _saved(ctx)
        return (
            _like(grad_y / b, ctx, 0) if ctx.needs_input_grad[0] else None,
            _like(-grad_y * (a / b) / b, ctx, 1) if ctx.needs_input_grad[1] else None,
        )


class Pow(Function):
    """y = a^b;  da = b a^(b-1) dy,  db = y ln(a) dy"""

    @staticmethod
    def forward(ctx, a, b):
        _save(ctx, a, b)
        with np.errstate(all="ignore"):
            return compute("power", a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = _saved(ctx)
        grad_a = grad_b = None
        if ctx.needs_input_grad[0]:
            slope = b * a ** (b - 1)
            # x^0 is constant, also at x = 0 where the formula reads 0 · inf
            grad_a = _like(grad_y * (where(b == 0, slope * 0, slope) if isinstance(b, Tensor) else
                                     (slope if b != 0 else 0.0)), ctx, 0)  # fmt: skip
        if ctx.needs_input_grad[1]:
            base = a if isinstance(a, Tensor) else b.new_tensor(a)
            # 0^b stays 0 for b > 0: the limit of y ln(a)
            slope = where((base == 0) & (b >= 0), b.new_tensor(0.0), base**b * base.log())
            grad_b = _like(grad_y * slope, ctx, 1)
        return grad_a, grad_b


class _Pick(Function):
    """The gradient of maximum and minimum goes to the chosen operand; a tie shares it equally."""

    name = ""

    @classmethod
    def _compute(cls, ctx, a, b):
        _save(ctx, a, b)
        return compute(cls.name, a, b)

    @staticmethod
    def _share(ctx, grad_y, a_wins, b_wins):
        half = grad_y / 2
        grads = where(a_wins, grad_y, where(b_wins, grad_y * 0, half))
        others = where(b_wins, grad_y, where(a_wins, grad_y * 0, half))
        return _like(grads, ctx, 0), _like(others, ctx, 1)


class Maximum(_Pick):
    name = "maximum"

    @staticmethod
    def forward(ctx, a, b):
        return Maximum._compute(ctx, a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = _saved(ctx)
        return Maximum._share(ctx, grad_y, a > b, b > a)


class Minimum(_Pick):
    name = "minimum"

    @staticmethod
    def forward(ctx, a, b):
        return Minimum._compute(ctx, a, b)

    @staticmethod
    def backward(ctx, grad_y):
        a, b = _saved(ctx)
        return Minimum._share(ctx, grad_y, a < b, b < a)


class Where(Function):
    """y = a where the condition holds, b elsewhere"""

    @staticmethod
    def forward(ctx, condition, a, b):
        ctx.save_for_backward(condition)
        _keep_shapes(ctx, condition, a, b)
        return compute("where", condition, a, b)

    @staticmethod
    def backward(ctx, grad_y):
        (condition,) = ctx.saved_tensors
        nothing = grad_y.new_zeros(())
        return (
            None,
            _like(where(condition, grad_y, nothing), ctx, 1) if ctx.needs_input_grad[1] else None,
            _like(where(condition, nothing, grad_y), ctx, 2) if ctx.needs_input_grad[2] else None,
        )


def _alpha(other: Any, alpha: Any) -> Any:
    return other if isinstance(alpha, (int, float)) and alpha == 1 else other * alpha


def add(a: Any, b: Any, *, alpha: Any = 1) -> Tensor:
    """`a + alpha * b`, element by element."""
    return Add.apply(*operands(a, _alpha(b, alpha)))


def sub(a: Any, b: Any, *, alpha: Any = 1) -> Tensor:
    """`a - alpha * b`, element by element; booleans raise RuntimeError as in torch."""
    if result_type(a, b) is types.bool:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    return Sub.apply(*operands(a, _alpha(b, alpha)))


def mul(a: Any, b: Any) -> Tensor:
    """`a * b`, element by element."""
    return Mul.apply(*operands(a, b))


def div(a: Any, b: Any, *, rounding_mode: str | None = None) -> Tensor:
    """`a / b` in floating point; `rounding_mode` "floor" or "trunc" rounds the quotient and keeps integers integer."""
    if rounding_mode is None:
        return Div.apply(*operands(a, b, to_float=True))
    if rounding_mode == "floor":
        return floor_divide(a, b)
    if rounding_mode == "trunc":
        integral = category(result_type(a, b)) < 2
        quotient = div(a.double() if integral else a, b).trunc()
        return quotient.to(result_type(a, b)) if integral else quotient
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


def _integer_division(name: str, a: Any, b: Any) -> Tensor:
    a, b = operands(a, b)
    if category(device_dtype(a, b)) < 2 and (b == 0 if not isinstance(b, Tensor) else bool((b == 0).any())):
        raise RuntimeError("ZeroDivisionError")
    with np.errstate(all="ignore"):
        return compute(name, a, b)


def device_dtype(*values: Any) -> types.dtype:
    return next(v.dtype for v in values if isinstance(v, Tensor))


def floor_divide(a: Any, b: Any) -> Tensor:
    """The quotient rounded down; no gradient."""
    return _integer_division("floor_divide", a, b)


def remainder(a: Any, b: Any) -> Tensor:
    """`a - b * floor(a / b)`: has the sign of `b`."""
    if isinstance(a, Tensor) and a.requires_grad or isinstance(b, Tensor) and b.requires_grad:
        return a - b * floor_divide(a, b).detach()
    return _integer_division("remainder", a, b)


def pow(a: Any, b: Any) -> Tensor:
    """`a` to the power `b`; an integer to a negative power raises RuntimeError."""
    a, b = operands(a, b)
    if isinstance(b, int) and b < 0 and category(device_dtype(a, b)) < 2:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return Pow.apply(a, b)


def maximum(a: Tensor, b: Tensor) -> Tensor:
    """The larger of two tensors, element by element; NaN wins."""
    return Maximum.apply(*operands(a, b))


def minimum(a: Tensor, b: Tensor) -> Tensor:
    """The smaller of two tensors, element by element; NaN wins."""
    return Minimum.apply(*operands(a, b))


def where(condition: Tensor, a: Any = None, b: Any = None) -> Any:
    """`a` where `condition` holds, `b` elsewhere; with one argument the indices where it holds."""
    if a is None and b is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is not types.bool:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    check_broadcast(condition.shape, shape_of(a), shape_of(b))
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        a = condition.new_tensor(a, dtype=result_type(a, b))
    a, b = operands(a, b)
    other = device_dtype(a, b)
    a, b = (v if isinstance(v, Tensor) else condition.new_tensor(v, dtype=other) for v in (a, b))
    return Where.apply(condition, a, b)


# ------------------------------------------------------------------------------------------------ comparison and logic


def _compare(name: str, a: Any, b: Any) -> Tensor:
    with np.errstate(invalid="ignore"):
        return compute(name, *operands(a, b))


def eq(a: Any, b: Any) -> Tensor:
    """Where a == b."""
    return _compare("equal", a, b)


def ne(a: Any, b: Any) -> Tensor:
    """Where a != b."""
    return _compare("not_equal", a, b)


def lt(a: Any, b: Any) -> Tensor:
    """Where a < b."""
    return _compare("less", a, b)


def le(a: Any, b: Any) -> Tensor:
    """Where a <= b."""
    return _compare("less_equal", a, b)


def gt(a: Any, b: Any) -> Tensor:
    """Where a > b."""
    return _compare("greater", a, b)


def ge(a: Any, b: Any) -> Tensor:
    """Where a >= b."""
    return _compare("greater_equal", a, b)


def logical_and(a: Any, b: Any) -> Tensor:
    """Where both are not zero."""
    return compute("logical_and", *operands(a, b))


def logical_or(a: Any, b: Any) -> Tensor:
    """Where one or both are not zero."""
    return compute("logical_or", *operands(a, b))


def logical_xor(a: Any, b: Any) -> Tensor:
    """Where exactly one is not zero."""
    return compute("logical_xor", *operands(a, b))


def _bitwise(name: str, a: Any, b: Any) -> Tensor:
    a, b = operands(a, b)
    dtype = device_dtype(a, b)
    if category(dtype) >= 2:
        raise RuntimeError(f"bitwise_{name} is only for integer and bool tensors, found {dtype}")
    return compute(("logical_" if dtype is types.bool else "bitwise_") + name, a, b)


def bitwise_and(a: Any, b: Any) -> Tensor:
    """`a & b` of integers or bools."""
    return _bitwise("and", a, b)


def bitwise_or(a: Any, b: Any) -> Tensor:
    """`a | b` of integers or bools."""
    return _bitwise("or", a, b)


def bitwise_xor(a: Any, b: Any) -> Tensor:
    """`a ^ b` of integers or bools."""
    return _bitwise("xor", a, b)
