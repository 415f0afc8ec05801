"""The logarithm of a sum of exponentials; softmax and its logarithm, which are components, with the signature of `torch.softmax`."""

from __future__ import annotations

from typing import Any

import reftorch

from ..tensor import Tensor
from .arguments import tensor_first, wrap_dim
from .elementwise import where
from .extremes import amax
from .promotion import category, default_dtype
from .reduce import Sum, reduced_dims


@tensor_first
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """`nn.functional.softmax`, where `dim` must be given."""
    return reftorch.nn.functional.softmax(input, wrap_dim(dim, input.ndim), dtype=dtype)


@tensor_first
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """`nn.functional.log_softmax`, where `dim` must be given."""
    return reftorch.nn.functional.log_softmax(input, wrap_dim(dim, input.ndim), dtype=dtype)


@tensor_first
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`: m + log(sum(exp(x - m))), m the maximum."""
    x = input if category(input.dtype) >= 2 else input.to(default_dtype())
    dims = reduced_dims(x, dim)
    m = amax(x.detach(), dims, keepdim=True) if x.numel() else x.new_zeros([1] * x.ndim)
    m = where(m.isinf(), 0.0, m)  # inf - inf is NaN
    y = Sum.apply((x - m).exp(), dims, True).log() + m
    return y if keepdim else y.reshape([n for d, n in enumerate(x.shape) if d not in dims])
