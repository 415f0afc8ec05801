"""Operations that remove dimensions: sums, means, products, norms, and whether all or any hold."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..autograd.node import named
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
        if name == "sum":  # what the array's own method calls
            return Tensor._make(quietly(np.add.reduce, x.array, dims, keepdims=keepdim, **more))
        return Tensor._make(quietly(getattr(x.array, name), axis=dims, keepdims=keepdim, **more))
    name = {"max": "amax", "min": "amin"}.get(name, name)
    return Tensor._make(getattr(library(x.device), name)(x.array, axis=dims, keepdims=keepdim, **more), x.device)


def _total(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if x.dtype is types.bfloat16:
        return reduce("sum", x.to(types.float32), dims, keepdim).to(x.dtype)
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
        if not ctx.n:
            return x.new_full(x.sum(dims, keepdim).shape if dims else (), math.nan)
        wide = x.to(types.float32) if x.dtype.itemsize == 2 else x  # a sum of float16 may be too large for it
        return compute("divide", _total(wide, dims, keepdim), np.asarray(ctx.n, wide.dtype.numpy).item()).to(x.dtype)

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


class Var(Function):
    """y = the sum of (x - mean)² over dims, divided by free;  dx = 2 (x - mean) dy / free"""

    @staticmethod
    def forward(ctx, x, dims, keepdim, free, whole):
        ctx.save_for_backward(x)
        ctx.dims, ctx.free, ctx.whole = dims, free, whole
        return _variance(x, dims, keepdim, free).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        return _variance_gradient(x, grad_y, ctx.dims, ctx.free, ctx.whole), None, None, None, None


class Std(Function):
    """y = the square root of the variance;  dx = (x - mean) dy / (free y), and 0 where y = 0"""

    @staticmethod
    def forward(ctx, x, dims, keepdim, free, whole):
        y = _variance(x, dims, keepdim, free).sqrt().to(x.dtype)
        ctx.save_for_backward(x, y)
        ctx.dims, ctx.free, ctx.whole = dims, free, whole
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        grad_variance = where(y == 0, 0.0, grad_y / (y * 2))
        return _variance_gradient(x, grad_variance, ctx.dims, ctx.free, ctx.whole), None, None, None, None


def _variance(x: Tensor, dims: tuple[int, ...], keepdim: bool, free: float) -> Tensor:
    """In float64, where the squares of large and small float32 and float16 numbers do not overflow or become 0."""
    wide = x.to(types.float64) if x.dtype.is_floating_point else x
    deviation = wide - Mean.apply(wide, dims, True)
    return compute("divide", reduce("sum", deviation * deviation, dims, keepdim), max(free, 0))


def _variance_gradient(x: Tensor, grad_y: Tensor, dims: tuple[int, ...], free: float, whole: bool) -> Tensor:
    grad_y = grad_y.reshape(kept_shape(x.shape, dims))
    deviation = x - Mean.apply(x, dims, True)
    if whole and free <= 0:  # PyTorch has infinity of one sign here
        return grad_y * where(deviation == 0, math.nan, x.new_full((), math.inf))
    return (2 / free if free else math.inf) * grad_y * deviation


class Norm(Function):
    """y = (sum |x|^p)^(1/p) over dims;  dx = sign(x) |x|^(p-1) y^(1-p) dy, and 0 where y = 0

    For p = inf or -inf, the extreme of |x|, those that have it share dy; for p = 0, the number of nonzeros, dx = 0."""

    torch_name = "LinalgVectorNormBackward0"

    @staticmethod
    def forward(ctx, x, p, dims, keepdim):
        size = (x.to(types.float32) if x.dtype.itemsize == 2 else x).abs()
        if p == 0:
            y = _total((x != 0).to(size.dtype), dims, keepdim)
        elif math.isinf(p):
            y = reduce("max" if p > 0 else "min", size, dims, keepdim)
        elif math.prod(x.shape[d] for d in dims) == 1:
            y = reduce("sum", size, dims, keepdim)  # of one number: its square may be too large or too small
        elif p == 2:
            y = _total(size * size, dims, keepdim).sqrt()
        else:
            y = _total(size**p, dims, keepdim) ** (1 / p)
        y = y.to(x.dtype)
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
            chosen = (x.abs() == y) | x.isnan()
            grad_x = x.sign() * where(chosen, grad_y / chosen.sum(ctx.dims, keepdim=True), 0.0)
        elif p == 1:
            grad_x = x.sign() * grad_y
        elif p == 2:
            grad_x = grad_y * where(y == 0, 0.0, x / y)
        elif p < 1:
            grad_x = x.sign() * where(x == 0, 0.0, x.abs() ** (p - 1)) * grad_y * y ** (1 - p)
        elif p < 2:
            grad_x = x.sign() * x.abs() ** (p - 1) * where(y == 0, 0.0, grad_y / y ** (p - 1))
        else:
            grad_x = x * x.abs() ** (p - 2) * where(y == 0, 0.0, grad_y / y ** (p - 1))
        return grad_x, None, None, None


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
    y = Sum.apply(x, reduced_dims(x, dim), keepdim)
    return y if dim is None else named(y, "SumBackward1")


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
    y = Mean.apply(x, reduced_dims(x, dim), keepdim)
    return y if dim is None else named(y, "MeanBackward1")


@tensor_first
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over `dim`, or over all."""
    x = _widened(input, dtype)
    y = Prod.apply(x, reduced_dims(x, dim), keepdim)
    return y if dim is None else named(y, "ProdBackward1")


@tensor_first
def var(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The variance over `dim`: squared deviations from the mean, summed and divided by n - correction (1 if unbiased)."""
    return Var.apply(*_spread("var", input, dim, unbiased, keepdim, correction))


@tensor_first
def std(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The square root of the variance."""
    return Std.apply(*_spread("std", input, dim, unbiased, keepdim, correction))


def _spread(name: str, input: Tensor, dim: Any, unbiased: bool, keepdim: bool, correction: Any) -> tuple:
    """The arguments of `Var` and `Std`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim  # var(unbiased)
    if category(input.dtype) < 2:
        raise RuntimeError(f"std and var only support floating point and complex dtypes, found {input.dtype}")
    dims = reduced_dims(input, dim)
    n = math.prod(input.shape[d] for d in dims)
    free = n - (int(unbiased) if correction is None else correction)
    if free <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input "
            f"numel divided by output numel): {n} numbers, correction {n - free}",
            stacklevel=4,
        )
    return input, dims, keepdim, free, dim is None or not input.ndim


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
    p, dims = 2 if p in ("fro", None) else p, reduced_dims(x, dim)
    if (p < 0 or p == math.inf) and 0 in [x.shape[d] for d in dims]:
        raise RuntimeError(
            f"norm: the {p} norm of no numbers does not exist: the shape is {list(x.shape)}, dim is {dim}"
        )
    return Norm.apply(x, p, dims, keepdim)


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
