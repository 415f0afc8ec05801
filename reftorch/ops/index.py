"""Reading and writing by index: x[key], gather, scatter, sort."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import types
from ..autograd import Function, is_grad_enabled
from ..tensor import Tensor
from .backend import library
from .elementwise import where
from .reduce import _Pair
from .shape import Slice, wrap_dim


class Index(Function):
    """y = x[key] where the key holds index tensors;  dx[key] += dy, since an index may occur twice"""

    @staticmethod
    def forward(ctx, x, key):
        ctx.shape, ctx.key = x.shape, key
        return Tensor._make(_get(x, key), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        _add_at(grad_x, ctx.key, grad_y)
        return grad_x, None


class IndexPut(Function):
    """y = x with y[key] = values;  dx = dy with dx[key] = 0,  dvalues = dy[key]"""

    @staticmethod
    def forward(ctx, x, key, values):
        ctx.key, ctx.values_shape = key, values.shape
        y = x.clone()
        _put(y, key, values)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.clone()
        _put(grad_x, ctx.key, grad_y.new_zeros(()))
        grad_values = Tensor._make(_get(grad_y, ctx.key), grad_y.device).sum_to_size(ctx.values_shape)
        return grad_x, None, grad_values


def _get(x: Tensor, key: tuple) -> Any:
    return x.array[key] if x.device.type == "cpu" else library(x.device).getitem(x.array, key)


def _put(x: Tensor, key: tuple, values: Tensor) -> None:
    if x.device.type == "cpu":
        x.array[key] = values.array
    else:
        library(x.device).setitem(x.array, key, values.array)


def _add_at(x: Tensor, key: tuple, values: Tensor) -> None:
    if x.device.type == "cpu":
        np.add.at(x.array, key, values.array)
    else:
        library(x.device).add_at(x.array, key, values.array)


def _parse(x: Tensor, key: Any) -> tuple[tuple, bool]:
    """The key as a tuple of what NumPy takes, and whether it holds index arrays.

    Raises:
        IndexError: too many indices, one out of range, or of a wrong type.
        ValueError: a slice that runs backwards.
    """
    parts: list = []
    advanced = False
    dim = 0
    items = list(key) if isinstance(key, tuple) else [key]
    taken = sum(_takes(item) for item in items)
    if taken > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}: found {taken}")
    for item in items:
        if isinstance(item, (list, range)):
            item = Tensor._make(np.asarray(item) if len(item) else np.zeros(0, np.int64))
        if isinstance(item, np.ndarray):
            item = Tensor._make(item)
        if isinstance(item, Tensor) and item.ndim == 0 and item.dtype.numpy.kind in "iu":
            item = int(item)
        if item is Ellipsis:
            dim += x.ndim - taken
        elif isinstance(item, slice):
            item = slice(*[None if v is None else int(v) for v in (item.start, item.stop, item.step)])
            if item.step is not None and item.step <= 0:
                raise ValueError(f"step must be greater than zero, found {item.step}: use flip(dim) to reverse")
            dim += 1
        elif isinstance(item, (bool, np.bool_)):
            item, advanced = np.asarray(item), True
        elif isinstance(item, Tensor):
            item, advanced = _index_array(x, dim, item), True
            dim += item.ndim if item.dtype == np.bool_ else 1
        elif item is not None:
            item = _integer(x, dim, item)
            dim += 1
        parts.append(item)
    return tuple(parts), advanced


def _takes(item: Any) -> int:
    """How many dimensions of x this part of a key uses up."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    if isinstance(item, (Tensor, np.ndarray)) and str(item.dtype).endswith("bool"):
        return item.ndim
    return 1


def _integer(x: Tensor, dim: int, item: Any) -> int:
    try:
        index = item.__index__()
    except AttributeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(item).__name__})"
        ) from None
    if not -x.shape[dim] <= index < x.shape[dim]:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {x.shape[dim]}")
    return index


def _index_array(x: Tensor, dim: int, item: Tensor) -> np.ndarray:
    """An index tensor as a NumPy array, checked: a kernel would read outside the array."""
    array = item.detach().cpu().numpy()
    if array.dtype.kind not in "iub":
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, found {item.dtype}")
    if array.dtype == np.bool_:
        if array.shape != tuple(x.shape[dim : dim + array.ndim]):
            raise IndexError(
                f"The shape of the mask {list(array.shape)} at index {dim} does not match the shape of the indexed "
                f"tensor {list(x.shape)} at index {dim}"
            )
        return array
    extent = x.shape[dim]
    if array.size and (array.min() < -extent or array.max() >= extent):
        wrong = array[(array < -extent) | (array >= extent)].flat[0]
        raise IndexError(f"index {wrong} is out of bounds for dimension {dim} with size {extent}")
    return array


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: a view for integers, slices, None and Ellipsis; a copy where an index tensor, a mask or a list is used."""
    parts, advanced = _parse(x, key)
    return Index.apply(x, parts) if advanced else Slice.apply(x, parts)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, with broadcasting; recorded on the tape."""
    parts, advanced = _parse(x, key)
    if not isinstance(value, Tensor):
        value = x.new_tensor(value)
    value = value.to(device=x.device, dtype=x.dtype)
    if not advanced:
        from .inplace import set_slice

        set_slice(x, parts, value)
        return
    x._check_inplace(is_grad_enabled() and (x.requires_grad or value.requires_grad))
    target = np.empty(x.shape, np.bool_)[parts].shape
    while value.ndim > len(target) and value.shape[0] == 1:
        value = value.squeeze(0)
    try:
        np.broadcast_to(np.empty(value.shape, np.bool_), target)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        ) from None
    if is_grad_enabled() and (x.requires_grad or value.requires_grad):
        x._become(IndexPut.apply(x._snapshot(), parts, value))
    else:
        _put(x, parts, value)
        x._counter.bump()


# ------------------------------------------------------------------------------------------------ along one dimension


def _check_along(name: str, x: Tensor, dim: int, index: Tensor) -> int:
    dim = wrap_dim(dim, x.ndim)
    if index.dtype is not types.int64:
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, found {index.dtype}")
    if index.ndim != x.ndim:
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: found {index.ndim} and {x.ndim}"
        )
    for d in range(x.ndim):
        if d != dim and index.shape[d] > x.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger than self "
                f"{list(x.shape)} apart from dimension {dim}"
            )
    host = index.detach().cpu().numpy()
    if host.size and (host.min() < 0 or host.max() >= x.shape[dim]):
        wrong = host[(host < 0) | (host >= x.shape[dim])].flat[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {x.shape[dim]}")
    return dim


def _along(index: Tensor, dim: int) -> tuple:
    """The key that picks x[i, ..., index[i, j, ...], ...]."""
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim] = index.detach().cpu().numpy()
    return tuple(grid)


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i][j] = x[index[i][j]][j] for dim = 0, and so on; y has the shape of `index`.

    Raises:
        RuntimeError: an index of another dtype or number of dimensions, too large, or out of range.
    """
    dim = _check_along("gather", x, dim, index)
    return Index.apply(x, _along(index, dim))


def scatter(x: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """x with y[index[i][j]][j] = src[i][j] for dim = 0, and so on; `src` may be a number."""
    dim = _check_along("scatter", x, dim, index)
    if isinstance(src, Tensor):
        src = src[tuple(slice(n) for n in index.shape)]
    else:
        src = x.new_tensor(src)
    return IndexPut.apply(x, _along(index, dim), src)


class ScatterAdd(Function):
    """y = x with y[key] += src;  dx = dy,  dsrc = dy[key]"""

    @staticmethod
    def forward(ctx, x, key, src):
        ctx.key = key
        y = x.clone()
        _add_at(y, key, src)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, None, Tensor._make(_get(grad_y, ctx.key), grad_y.device)


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x with src[i][j] added to y[index[i][j]][j] for dim = 0, and so on."""
    dim = _check_along("scatter_add", x, dim, index)
    return ScatterAdd.apply(x, _along(index, dim), src[tuple(slice(n) for n in index.shape)])


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries `index` (one dimension, int64) of dimension `dim`."""
    if index.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, found shape {list(index.shape)}")
    return getitem(x, (slice(None),) * wrap_dim(dim, x.ndim) + (index.reshape(-1),))


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with `value` where the mask is True."""
    if mask.dtype is not types.bool:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    return where(mask, value if isinstance(value, Tensor) else x.new_tensor(value), x)


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is True, in one dimension."""
    return getitem(x, mask.expand(x.shape))


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row each, or a tuple with one tensor a dimension."""
    host = x.detach().cpu().numpy()
    found = np.atleast_1d(host).nonzero() if host.ndim or as_tuple else ()
    if as_tuple:
        return tuple(Tensor._make(f.astype(np.int64)).to(x.device) for f in found)
    rows = np.argwhere(host).astype(np.int64)
    return Tensor._make(rows).to(x.device)


class Flip(Function):
    """y = x with dimensions reversed"""

    @staticmethod
    def forward(ctx, x, dims):
        ctx.dims = dims
        return Tensor._make(library(x.device).flip(x.array, dims), x.device).contiguous()

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.flip(ctx.dims), None


def flip(x: Tensor, *dims: Any) -> Tensor:
    """A copy of x with the dimensions `dims` reversed."""
    listed = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    return Flip.apply(x, tuple(wrap_dim(d, x.ndim) for d in listed))


def sort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """(values, indices) along `dim`; always stable, NaN last (first when descending)."""
    if x.ndim == 0:
        return _Pair["sort"](x.clone(), x.new_zeros((), dtype=types.int64))
    dim = wrap_dim(dim, x.ndim)
    host = x.detach().cpu().numpy()
    order = np.argsort(np.flip(host, dim) if descending else host, axis=dim, kind="stable")
    if descending:
        order = host.shape[dim] - 1 - np.flip(order, dim)
    indices = Tensor._make(np.ascontiguousarray(order)).to(x.device)
    return _Pair["sort"](gather(x, dim, indices), indices)


def argsort(x: Tensor, dim: int = -1, descending: bool = False) -> Tensor:
    """The indices that sort x along `dim`."""
    return sort(x, dim, descending).indices


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim`, in order, and their indices."""
    extent = x.shape[wrap_dim(dim, x.ndim)] if x.ndim else 1
    if not 0 <= k <= extent:
        raise RuntimeError(f"selected index k out of range: k is {k}, dimension {dim} has {extent} entries")
    values, indices = sort(x, dim, descending=largest)
    if x.ndim == 0:
        return _Pair["topk"](values, indices)
    return _Pair["topk"](values.narrow(dim, 0, k), indices.narrow(dim, 0, k))


def repeat(x: Tensor, *sizes: Any) -> Tensor:
    """x copied `sizes` times along each dimension; new leading dimensions where there are more sizes."""
    times = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    if len(times) < x.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(times)} and {x.ndim}"
        )
    shape = (1,) * (len(times) - x.ndim) + tuple(x.shape)
    apart = [n for extent in shape for n in (1, extent)]
    repeated = [n for count, extent in zip(times, shape) for n in (count, extent)]
    return x.reshape(apart).expand(repeated).reshape([c * n for c, n in zip(times, shape)])


def roll(x: Tensor, shifts: int, dims: int | None = None) -> Tensor:
    """x shifted by `shifts` along `dims`; what leaves at the end comes in at the start."""
    if dims is None:
        return roll(x.reshape(-1), shifts, 0).reshape(x.shape)
    extent = x.shape[wrap_dim(dims, x.ndim)]
    order = (np.arange(extent, dtype=np.int64) - shifts) % max(extent, 1)
    return index_select(x, dims, Tensor._make(order))
