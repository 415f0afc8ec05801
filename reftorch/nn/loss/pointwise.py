"""What losses of one element at a time share: the input and the target get one shape and one dtype."""

from __future__ import annotations

import warnings

import numpy as np

from reftorch.nn.loss.reduction import _callers_level
from reftorch.ops.elementwise import check_broadcast
from reftorch.ops.promotion import promote_types
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


def check_are_tensors(function: str, **tensors: object) -> None:
    """Raise TypeError unless all of them are tensors."""
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}: convert it with torch.tensor(...)"
            )


def broadcast(input: Tensor, target: Tensor, warn: bool = True) -> tuple[Tensor, Tensor]:
    """Both expanded to one shape. Where their shapes differ this is nearly always a mistake: `warn` says so, as torch does.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    if target.shape == input.shape:
        return input, target
    if warn:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=_callers_level(),
        )
    check_broadcast(input.shape, target.shape)
    shape = np.broadcast_shapes(input.shape, target.shape)
    return input.expand(shape), target.expand(shape)


def promoted(function: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the wider of their dtypes.

    Raises:
        NotImplementedError: that is neither float32 nor float64.
    """
    dtype = promote_types(input.dtype, target.dtype)
    if dtype not in (float32, float64):
        raise NotImplementedError(
            f"{function} is not implemented for {dtype}: convert the input, for example with x.float()"
        )
    return input.to(dtype), target.to(dtype)
