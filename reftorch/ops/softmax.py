"""Softmax, its logarithm, and the logarithm of a sum of exponentials: each with the maximum taken out, so that exp cannot overflow."""

from __future__ import annotations

from typing import Any

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .arguments import tensor_first, wrap_dim
from .elementwise import where
from .extremes import amax
from .promotion import category, default_dtype
from .reduce import Sum, reduced_dims


class Softmax(Function):
    """y_i = exp(x_i) / sum_j exp(x_j);  dx_i = y_i (dy_i - sum_j dy_j y_j)"""

    @staticmethod
    def forward(ctx, x, dim):
        e = _shifted(x, dim).exp()
        y = e / e.sum(dim, keepdim=True)
        ctx.save_for_backward(y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return y * (grad_y - (grad_y * y).sum(ctx.dim, keepdim=True)), None


class LogSoftmax(Function):
    """y_i = x_i - log(sum_j exp(x_j));  dx_i = dy_i - exp(y_i) sum_j dy_j"""

    @staticmethod
    def forward(ctx, x, dim):
        shifted = _shifted(x, dim)
        y = shifted - shifted.exp().sum(dim, keepdim=True).log()
        ctx.save_for_backward(y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return grad_y - y.exp() * grad_y.sum(ctx.dim, keepdim=True), None


def _shifted(x: Tensor, dim: int) -> Tensor:
    return x - amax(x, dim, keepdim=True) if x.numel() else x


def _checked(name: str, x: Tensor, dim: Any, dtype: Any) -> tuple[Tensor, int]:
    x = x if dtype is None else x.to(types.as_dtype(dtype))
    if category(x.dtype) != 2:
        raise NotImplementedError(f"{name} is not implemented for {x.dtype}: convert the input with .float()")
    return x, wrap_dim(dim, x.ndim)


@tensor_first
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`, with the maximum subtracted."""
    return Softmax.apply(*_checked("softmax", input, dim, dtype))


@tensor_first
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`: x_i - m - log(sum_j exp(x_j - m)), m the maximum."""
    return LogSoftmax.apply(*_checked("log_softmax", input, dim, dtype))


@tensor_first
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`: m + log(sum(exp(x - m))), m the maximum."""
    x = input if category(input.dtype) >= 2 else input.to(default_dtype())
    dims = reduced_dims(x, dim)
    m = amax(x.detach(), dims, keepdim=True) if x.numel() else x.new_zeros([1] * x.ndim)
    m = where(m.isinf(), 0.0, m)  # inf - inf is NaN
    y = Sum.apply((x - m).exp(), dims, True).log() + m
    return y if keepdim else y.reshape([n for d, n in enumerate(x.shape) if d not in dims])
