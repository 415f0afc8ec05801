"""Arithmetic element by element on device arrays, under NumPy's names.

A function decides the dtype (by asking NumPy), broadcasts by strides, and launches a map kernel with the number of its operation.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from . import cuda_tables as table
from .cuda_arrays import (
    DeviceArray,
    astype,
    collapse,
    copy,
    copyto,
    empty,
    flat,
    is_array,
    launch,
    strides_of,
    to_device,
)
from .cuda_kernels import (
    float_binary_cuda,
    integer_binary_cuda,
    relation_cuda,
    unary_cuda,
    where_cuda,
)

__all__ = [
    "absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "clip", "cos", "cosh", "divide",
    "equal", "erf", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal",
    "invert", "isfinite", "isinf", "isnan", "less", "less_equal", "log", "log10", "log1p",
    "log2", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum",
    "mod", "multiply", "negative", "not_equal", "power", "reciprocal", "remainder", "rint",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh",
    "true_divide", "trunc", "where",
]  # fmt: skip

KERNEL_TYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")


# ---------------------------------------------------------------------------------------- two operands
def _type(value: Any) -> Any:
    """A dtype; for a Python number its class, which to NumPy means "whatever fits the other operand"."""
    if hasattr(value, "dtype"):
        return value.dtype
    return np.dtype(bool) if isinstance(value, bool) else type(value)


def check_type(name: str, dtype: np.dtype) -> None:
    if dtype.name not in KERNEL_TYPES:
        raise TypeError(
            f"{name} would compute in {dtype}, which has no CUDA kernel: wanted one of {', '.join(KERNEL_TYPES)}; "
            "convert the operands first"
        )


def operand(value: Any, dtype: np.dtype) -> DeviceArray:
    return astype(value, dtype, copy=False) if is_array(value) else to_device(np.asarray(value, dtype))


def _shape(*arrays: DeviceArray) -> tuple[int, ...]:
    return np.broadcast_shapes(*[tuple(a.shape) for a in arrays])


def _into(out: DeviceArray | None, y: DeviceArray) -> DeviceArray:
    if out is None:
        return y
    copyto(out, y)
    return out


def _map_two(kernel: Any, code: int, a: DeviceArray, b: DeviceArray, dtype: Any) -> DeviceArray:
    shape = _shape(a, b)
    y = empty(shape, dtype)
    if y.size:
        axes, a_strides, b_strides = collapse(shape, strides_of(a, shape), strides_of(b, shape))
        launch(kernel, y.size, code, flat(a), a_strides, flat(b), b_strides, axes, flat(y))
    return y


# Of two bools each arithmetic operation is a logical one: 1 + 1 is True.
BOOL_CODE = {
    table.ADD: table.LOGICAL_OR,
    table.MULTIPLY: table.LOGICAL_AND,
    table.MAXIMUM: table.LOGICAL_OR,
    table.MINIMUM: table.LOGICAL_AND,
    table.BITWISE_AND: table.LOGICAL_AND,
    table.BITWISE_OR: table.LOGICAL_OR,
    table.BITWISE_XOR: table.LOGICAL_XOR,
}


def _arithmetic(ufunc: np.ufunc, code: int, a: Any, b: Any, out: Any = None) -> DeviceArray:
    """`ufunc(a, b)`, computed in the dtype that NumPy would give the result.

    Integers wrap around on overflow, give 0 when divided by zero, and the integer part of the fraction for a negative power.

    Raises:
        TypeError: NumPy has no such operation for these dtypes, or there is no kernel for the result's.
        ValueError: the shapes do not broadcast.
    """
    dtype = ufunc.resolve_dtypes((_type(a), _type(b), None))[-1]
    check_type(ufunc.__name__, dtype)
    a, b = operand(a, dtype), operand(b, dtype)
    if dtype.kind == "b":
        y = _map_two(relation_cuda, BOOL_CODE[code], a, b, bool)
    elif dtype == np.uint8:  # a compiled expression would mix uint64 and int64, which makes float64
        wide = astype(a, np.int64), astype(b, np.int64)
        y = astype(_map_two(integer_binary_cuda, code, *wide, np.int64), dtype)
    else:
        kernel = float_binary_cuda if dtype.kind == "f" else integer_binary_cuda
        y = _map_two(kernel, code, a, b, dtype)
    return _into(out, y)


def _relation(ufunc: np.ufunc, code: int, a: Any, b: Any, out: Any = None) -> DeviceArray:
    """`ufunc(a, b)`, a bool array: a comparison or logical operation, computed in the operands' common dtype."""
    dtype = ufunc.resolve_dtypes((_type(a), _type(b), None))[0]
    check_type(ufunc.__name__, dtype)
    return _into(out, _map_two(relation_cuda, code, operand(a, dtype), operand(b, dtype), bool))


add = partial(_arithmetic, np.add, table.ADD)
subtract = partial(_arithmetic, np.subtract, table.SUBTRACT)
multiply = partial(_arithmetic, np.multiply, table.MULTIPLY)
divide = true_divide = partial(_arithmetic, np.divide, table.DIVIDE)
floor_divide = partial(_arithmetic, np.floor_divide, table.FLOOR_DIVIDE)
remainder = mod = partial(_arithmetic, np.remainder, table.REMAINDER)
power = partial(_arithmetic, np.power, table.POWER)
maximum = partial(_arithmetic, np.maximum, table.MAXIMUM)
minimum = partial(_arithmetic, np.minimum, table.MINIMUM)
arctan2 = partial(_arithmetic, np.arctan2, table.ARCTAN2)
bitwise_and = partial(_arithmetic, np.bitwise_and, table.BITWISE_AND)
bitwise_or = partial(_arithmetic, np.bitwise_or, table.BITWISE_OR)
bitwise_xor = partial(_arithmetic, np.bitwise_xor, table.BITWISE_XOR)

equal = partial(_relation, np.equal, table.EQUAL)
not_equal = partial(_relation, np.not_equal, table.NOT_EQUAL)
less = partial(_relation, np.less, table.LESS)
less_equal = partial(_relation, np.less_equal, table.LESS_EQUAL)
greater = partial(_relation, np.greater, table.GREATER)
greater_equal = partial(_relation, np.greater_equal, table.GREATER_EQUAL)
logical_and = partial(_relation, np.logical_and, table.LOGICAL_AND)
logical_or = partial(_relation, np.logical_or, table.LOGICAL_OR)
logical_xor = partial(_relation, np.logical_xor, table.LOGICAL_XOR)


# ---------------------------------------------------------------------------------------- one operand
def _map_one(ufunc: np.ufunc, code: int, x: DeviceArray, out: Any = None) -> DeviceArray:
    """`ufunc(x)`, computed in the floating-point dtype that NumPy would give the result."""
    dtype = ufunc.resolve_dtypes((x.dtype, None))[-1]
    check_type(ufunc.__name__, dtype)
    if dtype.kind != "f":  # floor, ceil and trunc do not change integers
        return _into(out, astype(x, dtype))
    y = empty(tuple(x.shape), dtype)
    if y.size:
        x = astype(x, dtype, copy=False)
        axes, x_strides = collapse(tuple(x.shape), strides_of(x))
        launch(unary_cuda, y.size, code, flat(x), x_strides, axes, flat(y))
    return _into(out, y)


exp = partial(_map_one, np.exp, table.EXP)
expm1 = partial(_map_one, np.expm1, table.EXPM1)
log = partial(_map_one, np.log, table.LOG)
log1p = partial(_map_one, np.log1p, table.LOG1P)
log2 = partial(_map_one, np.log2, table.LOG2)
log10 = partial(_map_one, np.log10, table.LOG10)
sqrt = partial(_map_one, np.sqrt, table.SQRT)
sigmoid = partial(_map_one, np.exp, table.SIGMOID)  # not in NumPy; has the dtypes of exp
erf = partial(_map_one, np.exp, table.ERF)
sinh = partial(_map_one, np.sinh, table.SINH)
cosh = partial(_map_one, np.cosh, table.COSH)
tanh = partial(_map_one, np.tanh, table.TANH)
sin = partial(_map_one, np.sin, table.SIN)
cos = partial(_map_one, np.cos, table.COS)
tan = partial(_map_one, np.tan, table.TAN)
arcsin = partial(_map_one, np.arcsin, table.ARCSIN)
arccos = partial(_map_one, np.arccos, table.ARCCOS)
arctan = partial(_map_one, np.arctan, table.ARCTAN)
arcsinh = partial(_map_one, np.arcsinh, table.ARCSINH)
arccosh = partial(_map_one, np.arccosh, table.ARCCOSH)
arctanh = partial(_map_one, np.arctanh, table.ARCTANH)
floor = partial(_map_one, np.floor, table.FLOOR)
ceil = partial(_map_one, np.ceil, table.CEIL)
trunc = partial(_map_one, np.trunc, table.TRUNC)
rint = partial(_map_one, np.rint, table.RINT)


# The other functions use the operations above.
def negative(x: DeviceArray, out: Any = None) -> DeviceArray:
    """-x, also of zero: -1 times 0.0 is -0.0, where 0 - 0.0 is 0.0."""
    return multiply(x, np.negative(np.ones((), x.dtype)), out=out)


def absolute(x: DeviceArray, out: Any = None) -> DeviceArray:
    """|x|."""
    if x.dtype.kind == "f":
        return _map_one(np.absolute, table.ABSOLUTE, x, out)
    return _into(out, copy(x) if x.dtype.kind in "ub" else maximum(x, negative(x)))


def sign(x: DeviceArray, out: Any = None) -> DeviceArray:
    """-1, 0 or 1; NaN stays NaN."""
    if x.dtype.kind == "f":
        return _map_one(np.sign, table.SIGN, x, out)
    return _into(out, clip(x, -1 if x.dtype.kind == "i" else 0, 1))


def square(x: DeviceArray, out: Any = None) -> DeviceArray:
    """x²."""
    return multiply(x, x, out=out)


def reciprocal(x: DeviceArray, out: Any = None) -> DeviceArray:
    """1 / x."""
    return divide(x.dtype.type(1), x, out=out)


def logical_not(x: DeviceArray, out: Any = None) -> DeviceArray:
    """Whether x is zero."""
    return equal(x, x.dtype.type(0), out=out)


def invert(x: DeviceArray, out: Any = None) -> DeviceArray:
    """Every bit inverted: of an integer -x - 1, of a bool `not x`."""
    return bitwise_xor(x, np.invert(np.zeros((), x.dtype)), out=out)


def isnan(x: DeviceArray) -> DeviceArray:
    """Whether x is not a number: the only thing unequal to itself."""
    return not_equal(x, x)


def isinf(x: DeviceArray) -> DeviceArray:
    """Whether x is plus or minus infinity."""
    return equal(absolute(x), math.inf)


def isfinite(x: DeviceArray) -> DeviceArray:
    """Whether x is neither NaN nor infinite."""
    return less(absolute(x), math.inf)


# ---------------------------------------------------------------------------------------- three operands
def where(condition: Any, a: Any, b: Any) -> DeviceArray:
    """a where the condition holds, else b."""
    dtype = np.add.resolve_dtypes((_type(a), _type(b), None))[-1]
    check_type("where", dtype)
    condition, a, b = operand(condition, np.dtype(bool)), operand(a, dtype), operand(b, dtype)
    shape = _shape(condition, a, b)
    y = empty(shape, dtype)
    if y.size:
        axes, *strides = collapse(shape, *[strides_of(x, shape) for x in (condition, a, b)])
        operands = [part for x, s in zip((condition, a, b), strides) for part in (flat(x), s)]
        launch(where_cuda, y.size, *operands, axes, flat(y))
    return y


def clip(x: DeviceArray, low: Any = None, high: Any = None, out: Any = None) -> DeviceArray:
    """x limited to [low, high]; None means no limit, NaN stays NaN."""
    y = x if low is None else maximum(x, low)
    y = y if high is None else minimum(y, high)
    return _into(out, copy(y) if y is x else y)
