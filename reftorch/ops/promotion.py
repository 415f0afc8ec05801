"""Which dtype an operation on mixed operands has.

PyTorch sorts operands into three groups: tensors with dimensions, tensors without, and Python numbers. The dtype is that of the
first group, unless a later one is of a higher category (bool < integer < floating point < complex); so `float32_tensor * 2.5`
stays float32, and `int64_tensor * 2.5` becomes the default float32.
"""

from __future__ import annotations

import functools
import numbers
from typing import Any

import numpy as np

from .. import types
from ..types import dtype

_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2, "c": 3}  # "V" is bfloat16
_OF_TYPE = {bool: types.bool, int: types.int64, complex: types.complex64}


def category(of: dtype) -> int:
    """0 for bool, 1 for integers, 2 for floating point, 3 for complex."""
    return _CATEGORY[of.numpy.kind]


@functools.cache
def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both: beside an integer dtype a floating-point dtype is kept."""
    if type1 is type2:
        return type1
    if category(type1) != category(type2) and max(category(type1), category(type2)) >= 2:
        high, low = (type1, type2) if category(type1) > category(type2) else (type2, type1)
        if category(high) == 3 and low is types.float64:
            return types.complex128
        return high
    if {type1, type2} == {types.float16, types.bfloat16}:
        return types.float32
    return types.from_numpy_dtype(np.promote_types(type1.numpy, type2.numpy))


def scalar_dtype(value: Any) -> dtype:
    """The default dtype of a Python or NumPy number.

    Raises:
        TypeError: it is no number.
    """
    if type(value) is float:
        return _default
    if type(value) in _OF_TYPE:
        return _OF_TYPE[type(value)]
    if isinstance(value, (bool, np.bool_)):
        return types.bool
    if isinstance(value, numbers.Integral):
        return types.int64
    if isinstance(value, numbers.Real):
        return _default
    if isinstance(value, numbers.Complex):
        return types.complex64
    raise TypeError(
        f"wanted a tensor or a number, found {type(value).__name__}: {value!r}; torch.tensor(...) makes a tensor of a list"
    )


def result_type(*operands: Any) -> dtype:
    """The dtype of an operation on these tensors and numbers."""
    groups: list[dtype | None] = [None, None, None]
    for operand in operands:
        if hasattr(operand, "grad_fn"):
            group, found = (0 if operand.ndim else 1), operand.dtype
        else:
            group, found = 2, scalar_dtype(operand)
        before = groups[group]
        groups[group] = found if before is None else promote_types(before, found)
    result = None
    for of_group in groups:
        if of_group is not None and (result is None or category(of_group) > category(result)):
            result = of_group if result is None else promote_types(result, of_group)
    assert result is not None
    return result


_default = types.float32


def default_dtype() -> dtype:
    """The dtype of new floating-point tensors: float32 unless `set_default_dtype` changed it."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Make `d` the dtype of tensors created from Python floats.

    Raises:
        TypeError: it is not a floating-point dtype.
    """
    global _default
    if not getattr(d, "is_floating_point", False):
        raise TypeError(f"only floating-point types are supported as the default type, found {d}")
    _default = d
