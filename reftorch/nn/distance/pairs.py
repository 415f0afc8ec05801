"""Shared by the distances of two tensors: the tensors are brought to one shape and one dtype, and `dim` is checked."""

from __future__ import annotations

import operator

from reftorch.nn.loss.pointwise import broadcast, check_are_tensors
from reftorch.ops.promotion import promote_types
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


def broadcast_pair(function: str, x1: Tensor, x2: Tensor) -> tuple[Tensor, ...]:
    """Both tensors, broadcast to one shape and converted to the wider of their dtypes.

    Raises:
        TypeError: one is not a tensor.
        RuntimeError: the shapes do not broadcast, or the dtype is neither float32 nor float64.
    """
    check_are_tensors(function, x1=x1, x2=x2)
    dtype = promote_types(x1.dtype, x2.dtype)
    if dtype not in (float32, float64):
        raise RuntimeError(
            f"{function}: expected common dtype to be floating point, yet common dtype is {dtype}: convert one of them with .float()"
        )
    return broadcast(x1.to(dtype), x2.to(dtype), warn=False)


def position_of(function: str, dim: int, x: Tensor) -> int:
    """`dim` as a number that is not negative.

    Raises:
        TypeError: `dim` is not an int.
        IndexError: the tensor has no such dimension.
    """
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        raise TypeError(f"{function}(): argument 'dim' must be int, not {type(dim).__name__}")
    dim, dims = operator.index(dim), max(x.dim(), 1)
    if not -dims <= dim < dims:
        raise IndexError(
            f"{function}: Dimension out of range (expected to be in range of [{-dims}, {dims - 1}], but got {dim}); the input has "
            f"shape {list(x.shape)}: the dimension of single vectors is 0"
        )
    return dim % dims
