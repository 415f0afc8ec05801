"""`out=` of functions that make a tensor out of numbers: zeros, ones, full, empty, eye, arange, linspace.

Their result has the dtype of `out`, whose shape is changed without a warning.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .. import types
from ..autograd import is_grad_enabled
from ..room import no_room
from ..tensor import Tensor

Maker = TypeVar("Maker", bound=Callable)


def takes_out(function: Maker) -> Maker:
    """The function with one more option, `out`: the tensor that gets the result.

    Raises:
        TypeError: `out` is no tensor.
        RuntimeError: it requires grad, or `dtype` is another one than its.
    """
    name = function.__name__

    @functools.wraps(function)
    def made(*args: Any, out: Any = None, **options: Any) -> Tensor:
        if out is None:
            try:
                return function(*args, **options)
            except MemoryError as error:
                raise no_room(error) from None
        if not isinstance(out, Tensor):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
        if out.requires_grad and is_grad_enabled():
            raise RuntimeError(
                f"{name}(): functions with out=... arguments don't support automatic differentiation, but out requires "
                "grad: call it under torch.no_grad()"
            )
        wanted = types.as_dtype(options.pop("dtype", None)) or out.dtype
        if wanted is not out.dtype:
            raise RuntimeError(f"dtype {wanted} does not match dtype of out parameter ({out.dtype}): leave out dtype=")
        requires_grad = options.pop("requires_grad", False)
        result = function(*args, dtype=out.dtype, **{"device": out.device, **options})
        _fill(name, out, result)
        return out.requires_grad_(requires_grad) if requires_grad else out

    return made  # type: ignore[return-value]


def _fill(name: str, out: Tensor, result: Tensor) -> None:
    """Give `out` the elements and the shape of `result`. For `arange` and `linspace` only the number of elements has to be equal."""
    from .inplace import write

    if out.numel() == result.numel():
        if name not in ("arange", "linspace") and out.shape != result.shape:
            out.array = out.array.reshape(result.shape)
        result = result.reshape(out.shape)
    else:
        if name == "arange" and out.numel():
            warnings.warn(
                f"The number of elements in the out tensor of shape {list(out.shape)} is {out.numel()} which does not match "
                f"the computed number of elements {result.numel()}: arange() gives it the shape {list(result.shape)}",
                stacklevel=4,
            )
        out.array = result.new_empty(result.shape).array
    if name != "empty":
        write(out, result)
    out._counter.bump()
