"""The largest and the smallest, and where they are."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from .. import types
from ..autograd import Function
from ..autograd.node import named
from ..tensor import Tensor
from .arguments import tensor_first, wrap_dim
from .backend import library
from .elementwise import maximum, minimum
from .reduce import kept_shape, reduce, reduced_dims


def _pair(name: str) -> type:
    """A tuple (values, indices) that prints as PyTorch's `torch.return_types.<name>` does."""
    pair: Any = namedtuple(name, ["values", "indices"])  # type: ignore[misc]
    pair.__repr__ = lambda self: (  # type: ignore[method-assign]
        f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"  # type: ignore[attr-defined]
    )
    pair.__module__ = __name__
    return pair


Max, Min, Sort, Topk, Median = map(_pair, ("max", "min", "sort", "topk", "median"))


class Extreme(Function):
    """y = the largest (or smallest) elements over dims; equal ones share the gradient"""

    @staticmethod
    def forward(ctx, x, name, dims, keepdim, share_nan):
        y = reduce(name, x, dims, keepdim)
        ctx.save_for_backward(x, y)
        ctx.dims, ctx.share_nan = dims, share_nan
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        kept = kept_shape(x.shape, ctx.dims)
        y, grad_y = y.reshape(kept), grad_y.reshape(kept)
        chosen = x == y
        if ctx.share_nan:
            chosen = chosen | (x.isnan() & y.isnan())
        share = chosen.to(x.dtype)
        return grad_y * share / share.sum(ctx.dims, keepdim=True), None, None, None, None


def _check_not_empty(name: str, x: Tensor, dims: tuple[int, ...] | None, error: type[Exception]) -> None:
    if x.numel():
        return
    if dims is None:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            f"the 'dim' argument: the shape is {list(x.shape)}"
        )
    for d in dims:
        if x.ndim and x.shape[d] == 0:
            raise IndexError(
                f"{name}(): Expected reduction dim {d} to have non-zero size: the shape is {list(x.shape)}"
            )


def _extreme(name: str, pair: type, x: Tensor, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        _check_not_empty(name, x, None, RuntimeError)
        return named(Extreme.apply(x, name, tuple(range(x.ndim)), False, True), f"{name.title()}Backward1")
    indices = _index_of("arg" + name, x, dim, True)
    if not x.ndim:
        return pair(x.clone(), indices)
    dim = wrap_dim(dim, x.ndim)
    values = x.gather(dim, indices)
    if not keepdim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return pair(named(values, f"{name.title()}Backward0"), indices)


@tensor_first
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; with `dim` a pair (values, indices); with a tensor the element-wise maximum."""
    other = dim if isinstance(dim, Tensor) else other
    return maximum(input, other) if other is not None else _extreme("max", Max, input, dim, keepdim)


@tensor_first
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; with `dim` a pair (values, indices); with a tensor the element-wise minimum."""
    other = dim if isinstance(dim, Tensor) else other
    return minimum(input, other) if other is not None else _extreme("min", Min, input, dim, keepdim)


@tensor_first
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest elements over `dim`; equal ones share the gradient."""
    dims = reduced_dims(input, dim)
    _check_not_empty("amax", input, dims if dim is not None and dim != () else None, RuntimeError)
    return named(Extreme.apply(input, "max", dims, keepdim, False), "AmaxBackward0")


@tensor_first
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest elements over `dim`; equal ones share the gradient."""
    dims = reduced_dims(input, dim)
    _check_not_empty("amin", input, dims if dim is not None and dim != () else None, RuntimeError)
    return named(Extreme.apply(input, "min", dims, keepdim, False), "AminBackward0")


def _index_of(name: str, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    find = getattr(library(x.device), name)
    if dim is None:
        _check_not_empty(name, x, None, IndexError)
        found = Tensor._make(find(x.detach().reshape(-1).array, axis=0), x.device)
        return found.reshape((1,) * x.ndim) if keepdim else found
    axis = wrap_dim(dim, x.ndim)
    if x.ndim == 0:
        return x.new_zeros((), dtype=types.int64)
    _check_not_empty(name, x, (axis,), IndexError)
    return Tensor._make(find(x.array, axis=axis, keepdims=keepdim), x.device)


@tensor_first
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element is (the first of equals): in the flat tensor, or along `dim`."""
    if input.dtype is types.bool:
        raise RuntimeError("argmax(): does not support bool input: convert it with .long()")
    return _index_of("argmax", input, dim, keepdim)


@tensor_first
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest element is (the first of equals): in the flat tensor, or along `dim`."""
    if input.dtype is types.bool:
        raise RuntimeError("argmin(): does not support bool input: convert it with .long()")
    return _index_of("argmin", input, dim, keepdim)
