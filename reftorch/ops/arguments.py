"""Arguments as PyTorch takes them: dimensions that count from the end, shapes in one piece or several, NumPy's names."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .. import types
from ..tensor import Tensor

Op = TypeVar("Op", bound=Callable)


def tensor_first(function: Op) -> Op:
    """Let `function` refuse a first argument that is no tensor, and take `axis` and `keepdims` for `dim` and `keepdim`.

    It also takes `out`, a tensor that the result is written into.
    """

    @functools.wraps(function)
    def checked(input: Any, *args: Any, **options: Any) -> Any:
        if not options and isinstance(input, Tensor):  # the most common first
            return function(input, *args)
        if not isinstance(input, Tensor):
            raise TypeError(
                f"{function.__name__}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}: "
                "make one with torch.tensor(...)"
            )
        if "axis" in options:
            options["dim"] = options.pop("axis")
        if "keepdims" in options:
            options["keepdim"] = options.pop("keepdims")
        if "out" in options:
            return _into(options.pop("out"), function, input, args, options)
        return function(input, *args, **options)

    return checked  # type: ignore[return-value]


def _into(out: Any, function: Callable, input: Tensor, args: tuple, options: dict) -> Any:
    result = function(input, *args, **options)
    if out is None:
        return result
    from .out import write_out

    return write_out(function.__name__, out, result)


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension number from 0, given one that may count from the end.

    Raises:
        IndexError: out of range.
        TypeError: not an integer.
    """
    limit = max(ndim, 1)
    try:
        if -limit <= dim < limit:
            return operator.index(dim) % limit
    except TypeError:
        raise TypeError(f"a dimension must be an int, not {type(dim).__name__}: {dim!r}") from None
    raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Several dimension numbers, or one, as a tuple of numbers from 0.

    Raises:
        RuntimeError: one occurs twice.
    """
    listed = dims if isinstance(dims, (tuple, list)) else (dims,)
    wrapped = tuple([wrap_dim(d, ndim) for d in listed])
    for i, d in enumerate(wrapped):
        if d in wrapped[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims {list(listed)}")
    return wrapped


def as_shape(shape: tuple, name: str = "size") -> tuple[int, ...]:
    """`(2, 3)` from both `f(2, 3)` and `f((2, 3))`.

    Raises:
        TypeError: something that is not an integer.
    """
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    try:
        if bool in map(type, shape):
            raise TypeError
        return tuple(map(operator.index, shape))
    except TypeError:
        wrong = next(n for n in shape if isinstance(n, bool) or not hasattr(n, "__index__") or np.ndim(n))
        raise TypeError(
            f"argument '{name}' must be tuple of ints, not {type(wrong).__name__}: found {wrong!r} in {shape}"
        ) from None


def infer_shape(shape: tuple, numel: int) -> tuple[int, ...]:
    """`shape` with its -1 replaced by the extent that fits.

    Raises:
        RuntimeError: the elements do not fit the shape.
    """
    known, unknown = 1, 0
    for extent in shape:
        if extent >= 0:
            known *= extent
        elif extent == -1:
            unknown += 1
        else:
            raise RuntimeError(f"invalid shape dimension {extent} in {list(shape)}: only -1 can stand for an extent")
    if unknown == 0 and known == numel:
        return shape
    if unknown > 1:
        raise RuntimeError(f"only one dimension can be inferred, and {list(shape)} has {unknown} of -1")
    if unknown and known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if not unknown or known == 0 or numel % known:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple([numel // known if extent == -1 else extent for extent in shape])


def check_broadcast(*shapes: tuple) -> None:
    """Raise torch's RuntimeError unless the shapes broadcast together."""
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return
    shapes = tuple(map(tuple, shapes))  # the simulator's shapes cannot be counted from the end
    ndim = max(map(len, shapes))
    for dim in range(-1, -ndim - 1, -1):
        extents = [shape[dim] for shape in shapes if len(shape) >= -dim and shape[dim] != 1]
        for extent in extents:
            if extent != extents[0]:
                raise RuntimeError(
                    f"The size of tensor a ({extents[0]}) must match the size of tensor b ({extent}) at non-singleton "
                    f"dimension {ndim + dim}; the shapes are {' and '.join(str(list(s)) for s in shapes)}"
                )


def no_bools(name: str, input: Tensor) -> None:
    """Raise torch's NotImplementedError if `input` is bool."""
    if input.dtype is types.bool:
        raise NotImplementedError(f"{name} is not implemented for bools: convert them with .long() or .float()")


def one_device(*tensors: Tensor) -> types.device:
    """The device that all the tensors are on.

    Raises:
        RuntimeError: they are on different ones.
    """
    device = tensors[0].device
    for tensor in tensors:
        if tensor.device != device:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{tensor.device}: move one of them with .to('{device}')"
            )
    return device
