"""Operations that remove dimensions: sums, means, products, norms, and whether all or any hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .arguments import tensor_first, wrap_dim, wrap_dims
from .backend import library, quietly
from .elementwise import compute, where
from .promotion import category

LONG = 1024  # elements from which float32 is summed in float64


def reduced_dims(x: Tensor, dim: Any) -> tuple[int, ...]:
    """The dimensions to remove, from 0: all of them for None and for an empty list."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(x.ndim))
    dims = wrap_dims(dim, x.ndim)
    return dims if x.ndim else ()


def reduce(name: str, x: Tensor, dims: tuple[int, ...], keepdim: bool, **more: Any) -> Tensor:
    """NumPy's reduction `name` (`sum`, `prod`, `max`, `min`, `all`, `any`), or its CUDA namesake, over `dims`."""
    if x.device.type == "cpu":
        return Tensor._make(quietly(getattr(x.array, name), axis=dims, keepdims=keepdim, **more))
    name = {"max": "amax", "min": "amin"}.get(name, name)
    return Tensor._make(getattr(library(x.device), name)(x.array, axis=dims, keepdims=keepdim, **more), x.device)


def _total(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if x.device.type == "cuda" or x.dtype.itemsize > 4 or x.numel() < LONG:
        return reduce("sum", x, dims, keepdim, dtype=x.dtype.numpy)
    return reduce("sum", x, dims, keepdim, dtype=np.result_type(x.dtype.numpy, np.float64)).to(x.dtype)


def kept_shape(shape: tuple, dims: tuple[int, ...]) -> tuple:
    """The shape of the result if the removed dimensions had stayed, with extent 1."""
    return tuple([1 if d in dims else n for d, n in enumerate(shape)])


class Sum(Function):
    """y = the sum of x over dims;  dx = dy, repeated"""

    @staticmethod
    def forward(ctx, x, dims, keepdim):
        ctx.shape, ctx.kept = x.array.shape, kept_shape(x.array.shape, dims)
        return _total(x, dims, keepdim)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.reshape(ctx.kept).expand(ctx.shape), None, None


class Mean(Function):
    """y = the sum of x over dims, divided by the number n of terms;  dx = dy / n, repeated"""

    @staticmethod
    def forward(ctx, x, dims, keepdim):
        ctx.shape, ctx.kept = x.array.shape, kept_shape(x.array.shape, dims)
        ctx.n = math.prod(ctx.shape[d] for d in dims)
        return compute("divide", _total(x, dims, keepdim), np.asarray(ctx.n, x.dtype.numpy).item()) if ctx.n else \
            x.new_full(x.sum(dims, keepdim).shape if dims else (), math.nan)  # fmt: skip

    @staticmethod
    def backward(ctx, grad_y):
        return (grad_y / max(ctx.n, 1)).reshape(ctx.kept).expand(ctx.shape), None, None


class Prod(Function):
    """y = the product of x over dims;  dx_i = dy times the product of the others"""

    @staticmethod
    def forward(ctx, x, dims, keepdim):
        ctx.save_for_backward(x)
        ctx.dims = dims
        return reduce("prod", x, dims, keepdim)

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_y = grad_y.reshape(kept_shape(x.shape, ctx.dims))
        is_zero = x == 0
        zeros = is_zero.sum(ctx.dims, keepdim=True)
        rest = Prod.apply(where(is_zero, 1.0, x), ctx.dims, True)  # the product of those that are not zero
        others = where(is_zero, where(zeros == 1, rest, 0.0), where(zeros == 0, rest / x, 0.0))
        return grad_y * others, None, None


class Norm(Function):
    """y = (sum |x|^p)^(1/p) over dims;  dx = sign(x) |x|^(p-1) y^(1-p) dy, and 0 where y = 0

    For p = inf or -inf, the extreme of |x|, those that have it share dy; for p = 0, the number of nonzeros, dx = 0."""

    @staticmethod
    def forward(ctx, x, p, dims, keepdim):
        size = x.abs()
        if math.isinf(p):
            y = reduce("max" if p > 0 else "min", size, dims, keepdim)
        elif p == 0:
            y = _total((x != 0).to(x.dtype), dims, keepdim)
        elif p == 2:
            y = _total(x * x, dims, keepdim).sqrt()
        else:
            y = _total(size**p, dims, keepdim) ** (1 / p)
        ctx.save_for_backward(x, y)
        ctx.p, ctx.dims = p, dims
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x, y), p = ctx.saved_tensors, ctx.p
        if p == 0:
            return None, None, None, None
        y, grad_y = (t.reshape(kept_shape(x.shape, ctx.dims)) for t in (y, grad_y))
        if math.isinf(p):
            chosen = (x.abs() == y).to(x.dtype)
            slope = x.sign() * chosen / chosen.sum(ctx.dims, keepdim=True)
        elif p == 2:
            slope = x / y
        else:
            slope = x.sign() * x.abs() ** (p - 1) * y ** (1 - p)
        return where(y == 0, 0.0, grad_y * slope), None, None, None


class Cumsum(Function):
    """y_i = x_0 + ... + x_i along dim;  dx_i = dy_i + ... + dy_last"""

    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim = dim
        wide = np.float64 if x.dtype.is_floating_point and x.device.type == "cpu" else x.dtype.numpy
        return Tensor._make(library(x.device).cumsum(x.array, axis=dim, dtype=wide), x.device).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.flip(ctx.dim).cumsum(ctx.dim).flip(ctx.dim), None


# ------------------------------------------------------------------------------------------------ functions


def _widened(x: Tensor, dtype: Any) -> Tensor:
    """Sums of bools and integers are int64."""
    if dtype is not None:
        return x.to(types.as_dtype(dtype))
    return x.to(types.int64) if category(x.dtype) < 2 else x


@tensor_first
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` (one, several, or all)."""
    x = _widened(input, dtype)
    return Sum.apply(x, reduced_dims(x, dim), keepdim)


@tensor_first
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim`; NaN of nothing.

    Raises:
        RuntimeError: the input is not floating point.
    """
    x = input if dtype is None else input.to(types.as_dtype(dtype))
    if category(x.dtype) < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {x.dtype}; convert it first, as in x.float().mean()"
        )
    return Mean.apply(x, reduced_dims(x, dim), keepdim)


@tensor_first
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over `dim`, or over all."""
    x = _widened(input, dtype)
    return Prod.apply(x, reduced_dims(x, dim), keepdim)


@tensor_first
def var(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The variance over `dim`: squared deviations from the mean, summed and divided by n - correction (1 if unbiased)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim  # var(unbiased)
    if category(input.dtype) < 2:
        raise RuntimeError(f"std and var only support floating point and complex dtypes, found {input.dtype}")
    dims = reduced_dims(input, dim)
    n = math.prod(input.shape[d] for d in dims)
    deviation = input - Mean.apply(input, dims, True)
    free = n - (int(unbiased) if correction is None else correction)
    return Sum.apply(deviation * deviation, dims, keepdim) / max(free, 0)


@tensor_first
def std(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The square root of the variance."""
    return var(input, dim, unbiased, keepdim, correction=correction).sqrt()


def var_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None):
    """The variance and the mean."""
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


def std_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None):
    """The standard deviation and the mean."""
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


@tensor_first
def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(the sum of |x|^p)^(1/p) over `dim`; p may be infinite, "fro" is 2.

    Raises:
        RuntimeError: the input is not floating point.
    """
    x = input if dtype is None else input.to(types.as_dtype(dtype))
    if category(x.dtype) < 2:
        raise RuntimeError(f"norm: Expected a floating point or complex tensor as input. Got {x.dtype}")
    return Norm.apply(x, 2 if p in ("fro", None) else p, reduced_dims(x, dim), keepdim)


@tensor_first
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over `dim` are not zero."""
    return reduce("all", input, reduced_dims(input, dim), keepdim)


@tensor_first
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether one or more elements over `dim` are not zero."""
    return reduce("any", input, reduced_dims(input, dim), keepdim)


@tensor_first
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements over `dim` are not zero."""
    return sum(input != 0, dim)


@tensor_first
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    x, dim = _widened(input, dtype), wrap_dim(dim, input.ndim)
    return Cumsum.apply(x, dim) if x.ndim else x.clone()
