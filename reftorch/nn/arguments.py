"""Checks of arguments that all components share: is it a tensor, of which dtype, is it a number, how many sizes are there?

Each raises the type of exception that PyTorch raises, and says what was found and what was wanted. `function` is the name of the
function that was called.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from reftorch.tensor import Tensor
from reftorch.types import CPU, complex64, complex128, dtype, float32, float64, int8, int16, int32, int64, uint8
from reftorch.types import bool as boolean

if TYPE_CHECKING:
    from reftorch.nn.module import Module

FLOATS = (float32, float64)  # the dtypes that most kernels are compiled for
COPIED = (
    *FLOATS,
    int64,
    int32,
    int16,
    int8,
    uint8,
    boolean,
    complex64,
    complex128,
)  # the dtypes of kernels that only copy elements


def check_tensors(function: str, allowed: tuple[dtype, ...] = FLOATS, **tensors: Any) -> None:
    """Check that the arguments are tensors of one dtype, and that it is `allowed`. All but the first may be None.

    Raises:
        TypeError: an argument is not a tensor.
        RuntimeError: the tensors have two dtypes.
        NotImplementedError: there is no kernel for this dtype.
    """
    found = {x.dtype if isinstance(x, Tensor) else type(x) for x in tensors.values() if x is not None}
    if len(found) != 1 or not found.issubset(allowed) or next(iter(tensors.values())) is None:
        _refuse_tensors(function, allowed, tensors)


def _refuse_tensors(function: str, allowed: tuple[dtype, ...], tensors: dict[str, Any]) -> None:
    first: Any = None
    for name, value in tensors.items():
        if value is None and first is not None:
            continue
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}: convert it with "
                "torch.tensor(...) or torch.from_numpy(...)"
            )
        if first is None:
            first = value
        elif value.dtype is not first.dtype:
            raise RuntimeError(
                f"{function}: expected {name} of {first.dtype}, the dtype of {next(iter(tensors))}, but found "
                f"{value.dtype}: convert one of them, as in model.double() or input.float()"
            )
    if first.dtype not in allowed:
        raise NotImplementedError(
            f"{function} is not implemented for {first.dtype}: convert the input, for example with x.float()"
        )


def filled(like: Tensor, extent: int, value: int) -> Tensor:
    """`extent` numbers of this value, in place of a weight or a bias that is not there; of the dtype and device of `like`.

    They are only read: a few numbers on the CPU are the same tensor in every call.
    """
    if like.device is CPU and extent <= 4096:
        return _constant(extent, value, like.dtype)
    return like.new_empty(extent).fill_(value)


# What `filled` has returned, by extent, value and dtype. A read-only array would be another type for Numba, and each kernel would
# be compiled twice; so the tests look here after each case whether a kernel has written into one of them.
CONSTANTS: dict[tuple[int, int, dtype], Tensor] = {}


def _constant(extent: int, value: int, dtype: dtype) -> Tensor:
    found = CONSTANTS.get((extent, value, dtype))
    if found is None:
        if len(CONSTANTS) >= 64:
            CONSTANTS.clear()
        found = CONSTANTS[extent, value, dtype] = Tensor._make(np.full(extent, value, dtype.numpy))
    return found


def are_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether all tensors are float32, or all float64, on the CPU, and each lies in memory without gaps."""
    kind: Any = tensors[0].dtype if tensors else float32
    if kind not in FLOATS:
        return False
    for each in tensors:
        if each.is_sparse or each.dtype is not kind or type(each.array) is not np.ndarray:
            return False
        if not each.array.flags.c_contiguous:
            return False
    return True


def integer(function: str, name: str, value: Any) -> int:
    """The argument as an int.

    Raises:
        TypeError: it is not an integer.
    """
    if type(value) is int:
        return value
    if not hasattr(value, "__index__"):
        raise TypeError(f"{function}(): argument '{name}' must be int, not {type(value).__name__}")
    return operator.index(value)


def number(function: str, name: str, value: Any, hint: str = "") -> float:
    """The argument as a float. A tensor without dimensions counts as a number, unless it requires a gradient.

    Raises:
        TypeError: it is not a number.
        RuntimeError: it is a complex number.
    """
    if type(value) is float:
        return value
    if isinstance(value, complex):
        raise RuntimeError(f"{function}: {name} must be a real number, found {value}")
    is_number = isinstance(value, Real)
    if isinstance(value, Tensor):
        is_number = value.dim() == 0 and not value.requires_grad
    if not is_number:
        raise TypeError(f"{function}(): argument '{name}' must be Number, not {type(value).__name__}{hint}")
    return float(value)


_NAMES = {1: "one int", 2: "two ints", 3: "three ints"}
_ORDER = {1: "length", 2: "rows, columns", 3: "depth, rows, columns"}


def sizes(n: int, value: Any, name: str, function: str) -> tuple[int, ...]:
    """`n` ints, one for each dimension, from an int or a sequence of one or `n` ints.

    Args:
        n: how many dimensions there are.
        value: what the caller gave.
        name, function: the names of the argument and of the function, for the error texts.

    Raises:
        TypeError: the value holds something other than ints.
        RuntimeError: a sequence of another length.
    """
    if type(value) is tuple and [*map(type, value)] == [int] * n:
        return value
    if type(value) is int:
        return (value,) * n
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for each in found:
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise TypeError(
                f"{function}(): argument '{name}' must be an int or a tuple of {_NAMES[n]}, found {value!r} with a "
                f"{type(each).__name__} in it; a size that was divided needs // instead of /"
            )
    if len(found) not in (1, n):
        raise RuntimeError(
            f"{function}: expected {name} to be a single integer value or a list of {n} values ({_ORDER[n]}), but got "
            f"{name}={list(found)}"
        )
    return tuple(operator.index(each) for each in (found * n if len(found) == 1 else found))


def pair(value: Any, name: str, function: str) -> tuple[int, int]:
    """(rows, columns) from an int or a sequence of one or two ints: `sizes` for two dimensions."""
    return sizes(2, value, name, function)  # type: ignore[return-value]


def options_text(module: Module, *always: str, **usual: Any) -> str:
    """For `extra_repr`: "name=value" for each attribute. The `usual` ones are shown only if they differ from the value given here."""
    shown = [*always, *(name for name, value in usual.items() if getattr(module, name) != value)]
    return ", ".join(f"{name}={getattr(module, name)}" for name in shown)
