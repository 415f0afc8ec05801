"""Arguments of softmax, log_softmax and softmin: the dimension that they work along, and the dtype that they compute in."""

from __future__ import annotations

import math
import warnings
from typing import Any

from reftorch.nn.arguments import check_tensors
from reftorch.ops.arguments import wrap_dim
from reftorch.tensor import Tensor
from reftorch.types import as_dtype, float16, float32, float64


def chosen_dim(function: str, dim: int | None, input: Tensor, stacklevel: int) -> int:
    """`dim`; if it is None, a guess that depends on the number of dimensions, with a warning."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {function} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


def prepared(function: str, input: Tensor, dim: int, dtype: Any = None) -> tuple[Tensor, int]:
    """The input in the dtype of the computation (float32 for float16), and the dimension as a number that is not negative.

    Raises:
        TypeError: `input` is not a tensor, or `dim` not an int.
        NotImplementedError: there is no kernel for the dtype.
        IndexError: there is no such dimension.
    """
    if dtype is not None and isinstance(input, Tensor):
        input = input.to(as_dtype(dtype))
    check_tensors(function, (float16, float32, float64), input=input)
    return input.float() if input.dtype is float16 else input, wrap_dim(dim, input.ndim)


def around(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """(N, C, D): the product of the sizes before dimension `dim`, its size, and the product of those after it. A scalar is one class.

    If C is 0, N is 0 too: then no kernel reads a class that does not exist.
    """
    N, C, D = math.prod(shape[:dim]), shape[dim] if shape else 1, math.prod(shape[dim + 1 :])
    return (N, C, D) if C else (0, 0, D)
