"""Sums, means, extremes: operations that remove dimensions."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .backend import library
from .elementwise import where
from .promotion import category
from .shape import wrap_dim


def _dims(x: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions to remove, from 0."""
    if dim is None or dim == () or dim == []:
        return tuple(range(x.ndim))
    listed = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = tuple(wrap_dim(d, x.ndim) for d in listed)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim {dims[0]} appears multiple times in the list of dims {list(listed)}")
    return dims if x.ndim else ()


def _reduce(name: str, x: Tensor, dims: tuple[int, ...], keepdim: bool, **more: Any) -> Tensor:
    array = getattr(library(x.device), name)(x.array, axis=dims, keepdims=keepdim, **more)
    return Tensor._make(array, x.device)


def _kept(x_shape: tuple, dims: tuple[int, ...]) -> tuple:
    """The shape of the result if the removed dimensions had stayed, with extent 1."""
    return tuple(1 if d in dims else n for d, n in enumerate(x_shape))


class Sum(Function):
    """y = the sum of x over dims;  dx = dy, repeated"""

    @staticmethod
    def forward(ctx, x, dims, keepdim):
        ctx.shape, ctx.kept = x.shape, _kept(x.shape, dims)
        return _reduce("sum", x, dims, keepdim)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.reshape(ctx.kept).expand(ctx.shape), None, None


class Prod(Function):
    """y = the product over dims;  dx_i = dy times the product of the others"""

    @staticmethod
    def forward(ctx, x, dims, keepdim):
        y = _reduce("prod", x, dims, keepdim)
        ctx.save_for_backward(x, y)
        ctx.dims = dims
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        kept = _kept(x.shape, ctx.dims)
        if bool((x != 0).all()):
            return grad_y.reshape(kept) * y.reshape(kept) / x, None, None
        # with zeros, dividing by x does not work: leave out each factor in turn
        order = [d for d in range(x.ndim) if d not in ctx.dims] + list(ctx.dims)
        rows = x.permute(order).reshape(-1, math.prod(x.shape[d] for d in ctx.dims))
        others = rows.new_ones(rows.shape)
        for i in range(rows.shape[1]):
            for j in range(rows.shape[1]):
                if j != i:
                    others[:, i] *= rows[:, j]
        others = others.reshape([x.shape[d] for d in order]).permute(sorted(range(x.ndim), key=order.__getitem__))
        return grad_y.reshape(kept) * others, None, None


class Extreme(Function):
    """y = the largest (or smallest) elements over dims; equal ones share the gradient"""

    @staticmethod
    def forward(ctx, x, name, dims, keepdim):
        y = _reduce(name, x, dims, keepdim)
        ctx.save_for_backward(x, y)
        ctx.dims = dims
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        kept = _kept(x.shape, ctx.dims)
        chosen = (x == y.reshape(kept)) | (x.isnan() & y.reshape(kept).isnan())
        share = chosen.to(x.dtype)
        return share * (grad_y.reshape(kept) / share.sum(ctx.dims, keepdim=True)), None, None, None


class Cumsum(Function):
    """y_i = x_0 + ... + x_i along dim;  dx_i = dy_i + ... + dy_last"""

    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim = dim
        return Tensor._make(library(x.device).cumsum(x.array, axis=dim), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.flip(ctx.dim).cumsum(ctx.dim).flip(ctx.dim), None


def _widened(x: Tensor, dtype: types.dtype | None) -> Tensor:
    """Sums of bools and integers are int64."""
    if dtype is None:
        dtype = types.int64 if category(x.dtype) < 2 else x.dtype
    return x.to(dtype)


def sum(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` (one, several, or all)."""
    x = _widened(x, dtype)
    return Sum.apply(x, _dims(x, dim), keepdim)


def mean(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim`; NaN of nothing.

    Raises:
        RuntimeError: x is not floating point.
    """
    x = x if dtype is None else x.to(dtype)
    if category(x.dtype) < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {x.dtype}; convert it first, as in x.float().mean()"
        )
    dims = _dims(x, dim)
    return Sum.apply(x, dims, keepdim) / math.prod(x.shape[d] for d in dims)


def prod(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over `dim`, or over all."""
    x = _widened(x, dtype)
    return Prod.apply(x, _dims(x, dim), keepdim)


def var(
    x: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The variance over `dim`: squared deviations from the mean, summed and divided by n - correction."""
    dims = _dims(x, dim)
    n = math.prod(x.shape[d] for d in dims)
    deviation = x - mean(x, dims or None, keepdim=True)
    free = n - (int(unbiased) if correction is None else correction)
    return Sum.apply(deviation * deviation, dims, keepdim) / (free if free > 0 else 0)


def std(
    x: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The square root of the variance."""
    return var(x, dim, unbiased, keepdim, correction=correction).sqrt()


def norm(x: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """(the sum of |x|^p)^(1/p) over `dim`; p may be infinite, "fro" is 2."""
    dims = _dims(x, dim)
    p = 2 if p in ("fro", None) else p
    size = x.abs()
    if p == math.inf:
        return Extreme.apply(size, "amax", dims, keepdim)
    if p == -math.inf:
        return Extreme.apply(size, "amin", dims, keepdim)
    if p == 0:
        return Sum.apply((x != 0).to(x.dtype), dims, keepdim)
    if p == 1:
        return Sum.apply(size, dims, keepdim)
    total = Sum.apply(x * x if p == 2 else size**p, dims, keepdim)
    root = where(total == 0, 1.0, total) ** (1 / p)  # at 0 the norm has no slope: take 0
    return where(total == 0, total * 0, root)


# ------------------------------------------------------------------------------------------------ extremes

_Pair = {name: namedtuple(name, ["values", "indices"]) for name in ("max", "min", "sort", "topk", "median")}


def _nonempty(name: str, x: Tensor) -> None:
    if x.numel() == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )


def _extreme(name: str, x: Tensor, dim: Any, keepdim: bool) -> Any:
    if isinstance(dim, Tensor):
        return getattr(x, name + "imum")(dim)
    if dim is None:
        _nonempty(name, x)
        return Extreme.apply(x, "a" + name, tuple(range(x.ndim)), False)
    indices = _index_of("arg" + name, x, dim, True)
    values = x.gather(wrap_dim(dim, x.ndim), indices) if x.ndim else x.clone()
    if not keepdim and x.ndim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return _Pair[name](values, indices)


def max(x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; with `dim` a pair (values, indices); with a tensor the element-wise maximum."""
    return _extreme("max", x, dim, keepdim)


def min(x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; with `dim` a pair (values, indices); with a tensor the element-wise minimum."""
    return _extreme("min", x, dim, keepdim)


def amax(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest elements over `dim`; equal ones share the gradient."""
    return Extreme.apply(x, "amax", _dims(x, dim), keepdim)


def amin(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest elements over `dim`; equal ones share the gradient."""
    return Extreme.apply(x, "amin", _dims(x, dim), keepdim)


def _index_of(name: str, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is None:
        _nonempty(name, x)
        flat = x.reshape(-1)
        found = Tensor._make(getattr(library(x.device), name)(flat.array, axis=0), x.device)
        return found.reshape((1,) * x.ndim) if keepdim else found
    if x.ndim == 0:
        wrap_dim(dim, 0)
        return x.new_zeros((), dtype=types.int64)
    axis = wrap_dim(dim, x.ndim)
    if x.shape[axis] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return Tensor._make(getattr(library(x.device), name)(x.array, axis=axis, keepdims=keepdim), x.device)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element is (the first of equals): in the flat tensor, or along `dim`."""
    return _index_of("argmax", x, dim, keepdim)


def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest element is (the first of equals): in the flat tensor, or along `dim`."""
    return _index_of("argmin", x, dim, keepdim)


def all(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over `dim` are not zero."""
    return _reduce("all", x, _dims(x, dim), keepdim)


def any(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether one or more elements over `dim` are not zero."""
    return _reduce("any", x, _dims(x, dim), keepdim)


def count_nonzero(x: Tensor, dim: Any = None) -> Tensor:
    """How many elements over `dim` are not zero."""
    return sum(x != 0, dim)


def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    x = _widened(x, dtype)
    return Cumsum.apply(x, wrap_dim(dim, x.ndim)) if x.ndim else x.clone()


def logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, with the maximum m taken out: m + log(sum(exp(x - m)))."""
    dims = _dims(x, dim)
    m = amax(x.detach(), dims, keepdim=True)
    m = where(m.isinf(), 0.0, m)  # inf - inf is NaN
    y = Sum.apply((x - m).exp(), dims, True).log() + m
    return y if keepdim else y.reshape([n for d, n in enumerate(x.shape) if d not in dims])


def softmax(x: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """exp(x_i) / sum_j exp(x_j) along `dim`, with the maximum subtracted."""
    x = x if dtype is None else x.to(dtype)
    return Softmax.apply(x, _softmax_dim(x, dim))


def log_softmax(x: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`: x_i - m - log(sum_j exp(x_j - m))."""
    x = x if dtype is None else x.to(dtype)
    return LogSoftmax.apply(x, _softmax_dim(x, dim))


def _softmax_dim(x: Tensor, dim: int | None) -> int:
    if category(x.dtype) != 2:
        raise RuntimeError(f"softmax is only for floating-point tensors, found {x.dtype}")
    return wrap_dim((0 if x.ndim in (0, 1, 3) else 1) if dim is None else dim, x.ndim)


def _shifted(x: Tensor, dim: int) -> Tensor:
    """x minus its maximum: exp cannot overflow."""
    return x - amax(x, dim, keepdim=True) if x.numel() else x


class Softmax(Function):
    """y_i = exp(x_i) / sum_j exp(x_j);  dx_i = y_i (dy_i - sum_j dy_j y_j)"""

    @staticmethod
    def forward(ctx, x, dim):
        with np.errstate(invalid="ignore"):
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
        with np.errstate(invalid="ignore", divide="ignore"):
            shifted = _shifted(x, dim)
            y = shifted - shifted.exp().sum(dim, keepdim=True).log()
        ctx.save_for_backward(y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return grad_y - y.exp() * grad_y.sum(ctx.dim, keepdim=True), None
