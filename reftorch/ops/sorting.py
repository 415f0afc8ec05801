"""Order and counting: what depends on the values themselves is computed on the host, for every device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..autograd.node import named
from ..tensor import Tensor
from .along import gather
from .arguments import no_bools, tensor_first, wrap_dim
from .extremes import Median, Sort, Topk


def _from_host(array: np.ndarray, like: Tensor) -> Tensor:
    return Tensor._make(np.ascontiguousarray(array) if array.ndim else array).to(like.device)


@tensor_first
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """(values, indices) along `dim`; always stable, NaN last (first when descending)."""
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        return Sort(input.clone(), input.new_zeros((), dtype=types.int64))
    host = input.detach().cpu().array
    order = np.argsort(np.flip(host, dim) if descending else host, axis=dim, kind="stable")
    if descending:
        order = host.shape[dim] - 1 - np.flip(order, dim)
    indices = _from_host(order, input)
    return Sort(named(gather(input, dim, indices), "SortBackward0"), indices)


@tensor_first
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort along `dim`."""
    return sort(input, dim, descending).indices


@tensor_first
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim`, in order, and their indices.

    Raises:
        RuntimeError: there are not k entries.
    """
    extent = input.shape[wrap_dim(dim, input.ndim)] if input.ndim else 1
    if not 0 <= k <= extent:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has {extent} entries")
    if input.ndim == 0:
        return Topk(*sort(input, dim))
    indices = sort(input.detach(), dim, descending=largest).indices.narrow(dim, 0, k).contiguous()
    return Topk(named(gather(input, dim, indices), "TopkBackward0"), indices)


class MiddleOfAll(Function):
    """y = the element in the middle of the sorted ones;  dx = dy, shared by those that are equal to y"""

    torch_name = "MedianBackward0"

    @staticmethod
    def forward(ctx, x):
        y = Tensor._make(x._host().reshape(-1)[_middle(x._host().reshape(1, -1))[0]]).to(x.device)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        share = ((x == y) | (x.isnan() & y.isnan())).to(x.dtype)
        return grad_y * share / share.sum()


def _middle(rows: np.ndarray) -> np.ndarray:
    """In each row, where the element in the middle is (the lower of two), or the first NaN if there is one."""
    found = np.argsort(rows, axis=-1, kind="stable")[..., (rows.shape[-1] - 1) // 2]
    nan = np.isnan(rows)
    return np.where(nan.any(-1), nan.argmax(-1), found)


@tensor_first
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The element in the middle, of all; or along `dim`, with its indices. Of an even number of elements, the lower one of the two;
    NaN if there is one.

    Raises:
        IndexError: a dimension without entries.
        NotImplementedError: bools.
    """
    no_bools("median", input)
    if dim is None:
        return MiddleOfAll.apply(input) if input.numel() else input.new_full((), math.nan)
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return Median(input.clone(), input.new_zeros((), dtype=types.int64))
    if not input.shape[dim]:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    indices = _from_host(np.expand_dims(_middle(np.moveaxis(input._host(), dim, -1)), dim), input)
    values = named(gather(input, dim, indices), "MedianBackward1")
    return Median(values, indices) if keepdim else Median(values.squeeze(dim), indices.squeeze(dim))


@tensor_first
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row each, or a tuple with one tensor per dimension."""
    host = input.detach().cpu().array
    if as_tuple:
        return tuple(_from_host(found, input) for found in np.atleast_1d(host).nonzero())
    return Tensor._make(np.argwhere(host)).to(input.device)


def argwhere(input: Tensor) -> Tensor:
    """`nonzero(input)`."""
    return nonzero(input)


@tensor_first
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements in ascending order; also which of them each element is, and how often each occurs."""
    options: Any = {"return_inverse": return_inverse, "return_counts": return_counts, "axis": dim}
    found = np.unique(input.detach().cpu().array, **options)
    if isinstance(found, tuple):
        return tuple(_from_host(np.asarray(part), input) for part in found)
    return _from_host(found, input)


@tensor_first
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights.

    Raises:
        RuntimeError: not a vector of integers from 0.
    """
    host = input.detach().cpu().array
    if host.ndim != 1 or host.dtype.kind not in "iu" or (host.size and host.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, found {input.dtype} of shape {list(input.shape)}"
            + (f" with minimum {host.min()}" if host.size and host.dtype.kind in "iu" else "")
        )
    counted = np.bincount(host, None if weights is None else weights.detach().cpu().array, minlength)
    return _from_host(counted, input)
