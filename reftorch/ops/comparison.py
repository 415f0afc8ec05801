"""Comparison, logic and bits; they have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..tensor import Tensor
from .arguments import tensor_first
from .elementwise import compute
from .operands import first_tensor, operands
from .promotion import category


def _compare(name: str, a: Any, b: Any) -> Tensor:
    if not isinstance(a, Tensor):
        raise TypeError(
            f"{name}: the first argument must be a tensor, found {type(a).__name__}: a number comes second, or is compared by the "
            "operators of Python, as in 2 < x"
        )
    if b is None or isinstance(b, (str, list, tuple)):
        raise TypeError(f"{name}: wanted a tensor or a number, found {type(b).__name__}: {b!r}")
    return compute(name, *operands(a, b))


def eq(input: Any, other: Any) -> Tensor:
    """Where input == other."""
    return _compare("equal", input, other)


def ne(input: Any, other: Any) -> Tensor:
    """Where input != other."""
    return _compare("not_equal", input, other)


def lt(input: Any, other: Any) -> Tensor:
    """Where input < other."""
    return _compare("less", input, other)


def le(input: Any, other: Any) -> Tensor:
    """Where input <= other."""
    return _compare("less_equal", input, other)


def gt(input: Any, other: Any) -> Tensor:
    """Where input > other."""
    return _compare("greater", input, other)


def ge(input: Any, other: Any) -> Tensor:
    """Where input >= other."""
    return _compare("greater_equal", input, other)


def equals(a: Tensor, b: Any) -> Any:
    """a == b, element by element; NotImplemented for what is not a number, so that Python answers False."""
    return eq(a, b) if isinstance(b, (Tensor, int, float, complex, np.generic, np.ndarray)) else NotImplemented


def differs(a: Tensor, b: Any) -> Any:
    """a != b, element by element."""
    return ne(a, b) if isinstance(b, (Tensor, int, float, complex, np.generic, np.ndarray)) else NotImplemented


# ------------------------------------------------------------------------------------------------ logic


@tensor_first
def logical_not(input: Tensor) -> Tensor:
    """Where input is zero or False."""
    return compute("logical_not", input)


def _logical(name: str, input: Any, other: Any) -> Tensor:
    for value in (input, other):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): the arguments must be Tensors, not {type(value).__name__}")
    return compute(name, *operands(input, other))


def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Where both are not zero."""
    return _logical("logical_and", input, other)


def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Where one or both are not zero."""
    return _logical("logical_or", input, other)


def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Where exactly one is not zero."""
    return _logical("logical_xor", input, other)


def _bitwise(name: str, input: Any, other: Any) -> Tensor:
    a, b = operands(input, other)
    dtype = first_tensor(a, b).dtype
    if category(dtype) >= 2:
        raise NotImplementedError(
            f"bitwise_{name} is not implemented for {dtype}: only for integers and bools. For masks compare first, as "
            "in (x > 0) & (y > 0), with parentheses"
        )
    return compute(("logical_" if dtype is types.bool else "bitwise_") + name, a, b)


def bitwise_and(input: Any, other: Any) -> Tensor:
    """`input & other` of integers or bools."""
    return _bitwise("and", input, other)


def bitwise_or(input: Any, other: Any) -> Tensor:
    """`input | other` of integers or bools."""
    return _bitwise("or", input, other)


def bitwise_xor(input: Any, other: Any) -> Tensor:
    """`input ^ other` of integers or bools."""
    return _bitwise("xor", input, other)


@tensor_first
def bitwise_not(input: Tensor) -> Tensor:
    """~input of integers and bools."""
    if category(input.dtype) >= 2:
        raise TypeError(
            f"~ (operator.invert) is only implemented on integer and Boolean-type tensors, found {input.dtype}"
        )
    return compute("logical_not" if input.dtype is types.bool else "invert", input)


# ------------------------------------------------------------------------------------------------ NaN and infinity


@tensor_first
def isnan(input: Tensor) -> Tensor:
    """Where input is NaN."""
    return compute("isnan", input)


@tensor_first
def isinf(input: Tensor) -> Tensor:
    """Where input is plus or minus infinity."""
    return compute("isinf", input)


@tensor_first
def isfinite(input: Tensor) -> Tensor:
    """Where input is neither NaN nor infinite."""
    return compute("isfinite", input)


# ------------------------------------------------------------------------------------------------ whole tensors


@tensor_first
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    return input.shape == other.shape and bool((input == other).all())


@tensor_first
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol |other|, or both are the same infinity.

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative.
    """
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}: convert one with .to(other.dtype)")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance}")
    a, b = input.detach(), other.detach()
    same = a == b
    if category(a.dtype) < 2:
        if a.dtype is types.bool:
            return same
        return same | ((a - b).abs() <= atol + rtol * b.abs())
    near = ((a - b).abs() <= atol + rtol * b.abs()) & b.isfinite()
    return same | near | (a.isnan() & b.isnan()) if equal_nan else same | near


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())
