"""Reading and writing by indices along one dimension: gather, scatter, index_select, index_add and similar functions; and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..autograd.node import named
from ..tensor import Tensor
from .arguments import one_device, tensor_first, wrap_dim
from .elementwise import where
from .fits import number_like
from .index import ALL, Index, IndexAdd, IndexPut, getitem


def _check_index(name: str, x: Tensor, dim: int, index: Tensor) -> None:
    """Raise unless `index` holds integers that count entries of dimension `dim`: a kernel would read outside the array."""
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}")
    if index.dtype not in (types.int64, types.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index, found {index.dtype}: use .long()")
    one_device(x, index)
    extent = x.shape[dim] if x.ndim else 1
    host = index.detach().cpu().array
    if host.size and (host.min() < 0 or host.max() >= extent):
        wrong = host[(host < 0) | (host >= extent)].flat[0]
        raise (IndexError if name in ("index_select", "index_copy", "index_fill") else RuntimeError)(
            f"{name}(): index {wrong} is out of bounds for dimension {dim} with size {extent}: wanted 0 to {extent - 1}"
        )


# ------------------------------------------------------------------------------------------------ an index for each element


def _check_along(name: str, x: Tensor, dim: int, index: Tensor, src: Tensor | None = None) -> int:
    dim = wrap_dim(dim, x.ndim)
    _check_index(name, x, dim, index)
    if index.numel() == 0:
        return dim
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as input tensor: found {index.ndim} and "
            f"{x.ndim}"
        )
    shape, limit = index.shape, x.shape
    if any([d != dim and n > limit[d] for d, n in enumerate(shape)]):
        raise RuntimeError(
            f"{name}(): Expected index {list(shape)} to be no larger than self {list(limit)} apart from dimension {dim}"
        )
    if src is not None:
        if src.dtype is not x.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype: {x.dtype} and {src.dtype}")
        if src.ndim != index.ndim or any([n > m for n, m in zip(shape, src.shape)]):
            raise RuntimeError(
                f"{name}(): Expected index {list(shape)} to be no larger size than src {list(src.shape)}"
            )
    return dim


def _along(x: Tensor, index: Tensor, dim: int) -> tuple:
    """The key that picks x[i, ..., index[i, j, ...], ...]."""
    if index.numel() == 0:
        return tuple([np.zeros(index.shape, np.int64)] * max(x.ndim, 1))
    key = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    key[dim : dim + 1] = [index.detach().cpu()]
    return tuple(key)


def _corner(src: Tensor, index: Tensor) -> Tensor:
    return src if src.shape == index.shape else src[tuple(slice(n) for n in index.shape)]


@tensor_first
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i][j] = x[index[i][j]][j] for dim = 0, and so on; y has the shape of `index`.

    Raises:
        RuntimeError: an index of another dtype or number of dimensions, too large, or out of range.
    """
    dim = _check_along("gather", input, dim, index)
    if not input.ndim:
        return Index.apply(input.reshape(1), _along(input, index.reshape(-1), 0)).reshape(index.shape)
    return named(Index.apply(input, _along(input, index, dim)), "GatherBackward0")


@tensor_first
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """x with y[index[i][j]][j] = src[i][j] for dim = 0, and so on; `src` (or `value`) may be a number."""
    src = value if src is None else src
    if not isinstance(src, Tensor):
        dim, source = _check_along("scatter", input, dim, index), number_like(input, src)
    else:
        dim, source = _check_along("scatter", input, dim, index, src), _corner(src, index)
    if not input.ndim:
        return scatter(input.reshape(1), 0, index.reshape(-1), source.reshape(-1)).reshape(())
    return named(IndexPut.apply(input, _along(input, index, dim), source), "ScatterBackward0")


@tensor_first
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x with src[i][j] added to y[index[i][j]][j] for dim = 0, and so on."""
    if not isinstance(src, Tensor):
        raise TypeError(f"scatter_add(): argument 'src' must be Tensor, not {type(src).__name__}")
    dim = _check_along("scatter_add", input, dim, index, src)
    if not input.ndim:
        return scatter_add(input.reshape(1), 0, index.reshape(-1), src.reshape(-1)).reshape(())
    return named(IndexAdd.apply(input, _along(input, index, dim), _corner(src, index)), "ScatterAddBackward0")


# ------------------------------------------------------------------------------------------------ an index for each entry


def _entries(name: str, x: Tensor, dim: int, index: Tensor) -> tuple:
    """The key for the entries `index` of dimension `dim`."""
    dim = wrap_dim(dim, x.ndim)
    _check_index(name, x, dim, index)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, found shape {list(index.shape)}")
    return (ALL,) * dim + (index.detach().cpu().reshape(-1),)


def _check_source(name: str, x: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    wanted = list(x.shape)
    if wanted:
        wanted[dim] = index.numel()
    if source.dtype is not x.dtype:
        raise RuntimeError(f"{name}(): self ({x.dtype}) and source ({source.dtype}) must have the same dtype")
    if list(source.shape) != wanted:
        raise RuntimeError(
            f"{name}(): source must have shape {wanted}, one entry for each index; found {list(source.shape)}"
        )


@tensor_first
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries `index` (a vector) of dimension `dim`."""
    key = _entries("index_select", input, dim, index)
    if not input.ndim:
        if index.numel() != 1:
            raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.numel()} value(s)")
        return input.clone()
    return named(Index.apply(input, key), "IndexSelectBackward0")


@tensor_first
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """x with `alpha * source` added to the entries `index` of dimension `dim`."""
    key = _entries("index_add", input, dim, index)
    _check_source("index_add", input, wrap_dim(dim, input.ndim), index, source)
    if not input.ndim:
        return index_add(input.reshape(1), 0, index.reshape(-1), source.reshape(-1), alpha=alpha).reshape(())
    return IndexAdd.apply(input, key, source if alpha == 1 else source * alpha)


@tensor_first
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """x with the entries `index` of dimension `dim` replaced by those of `source`."""
    key = _entries("index_copy", input, dim, index)
    _check_source("index_copy", input, wrap_dim(dim, input.ndim), index, source)
    if not input.ndim:
        return index_copy(input.reshape(1), 0, index.reshape(-1), source.reshape(-1)).reshape(())
    return named(IndexPut.apply(input, key, source), "IndexCopyBackward0")


@tensor_first
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """x with `value` in the entries `index` of dimension `dim`."""
    key = _entries("index_fill", input, dim, index)
    if not input.ndim:
        return index_fill(input.reshape(1), 0, index.reshape(-1), value).reshape(())
    values = value if isinstance(value, Tensor) else number_like(input, value)
    return named(IndexPut.apply(input, key, values), "IndexFillBackward0")


# ------------------------------------------------------------------------------------------------ masks


@tensor_first
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with `value` where the mask is True.

    Raises:
        RuntimeError: the mask is not bool, or the value is not one number.
    """
    if mask.dtype is not types.bool:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if not isinstance(value, Tensor):
        value = number_like(input, value)
    elif value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    return named(where(mask, value.to(device=input.device, dtype=input.dtype), input), "MaskedFillBackward0")


@tensor_first
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is True, in one dimension."""
    if mask.dtype is not types.bool:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, found {mask.dtype}")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return named(getitem(input.expand(shape), mask.expand(shape)), "MaskedSelectBackward0")
