"""Views: the same memory under another shape. A view remembers how it was made, see `Tensor._parent`.

`arrange` says what NumPy does to the array. On CUDA only its geometry (shape, strides, offset) is taken over. The gradient of
a view is the opposite rearrangement.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..autograd import Function
from ..tensor import Tensor
from ..types import Size


class View(Function):
    """y = the elements of x under another shape, in the same memory."""

    @classmethod
    def apply(cls, x: Tensor, *args: Any) -> Tensor:
        y = super().apply(x, *args)
        y._is_view_of(x, cls, args)
        return y

    @staticmethod
    def forward(ctx, x, *args):
        ctx.shape, ctx.args = x.shape, args
        arrange = ctx.function.arrange
        if x.device.type == "cpu":
            return Tensor._make(arrange(x.array, *args), x.device, x.dtype)
        from . import on_cuda

        return Tensor._make(on_cuda.view(x.array, lambda a: arrange(a, *args)), x.device, x.dtype)

    @staticmethod
    def arrange(array: np.ndarray, *args: Any) -> np.ndarray:
        raise NotImplementedError


class Reshape(View):
    """The same elements in the same order under another shape."""

    @staticmethod
    def arrange(array, shape):
        return np.reshape(array, shape, copy=False)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.reshape(ctx.shape), None


class Transpose(View):
    """Two dimensions change places."""

    @staticmethod
    def arrange(array, dim0, dim1):
        return array.swapaxes(dim0, dim1)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.transpose(*ctx.args), None, None


class Permute(View):
    """Dimension k of y is dimension dims[k] of x."""

    @staticmethod
    def arrange(array, dims):
        return array.transpose(dims)

    @staticmethod
    def backward(ctx, grad_y):
        (dims,) = ctx.args
        return grad_y.permute(sorted(range(len(dims)), key=dims.__getitem__)), None


class Expand(View):
    """Extents of 1 are repeated without copying; the gradient is the sum over the repetitions."""

    @staticmethod
    def arrange(array, shape):
        return np.lib.stride_tricks.as_strided(
            array,
            shape,
            (0,) * (len(shape) - array.ndim)
            + tuple(
                0 if old == 1 and new != 1 else stride
                for old, new, stride in zip(array.shape, shape[len(shape) - array.ndim :], array.strides)
            ),
        )

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.sum_to_size(ctx.shape), None


class Slice(View):
    """y = x[key] for a key of integers, slices, None and Ellipsis; the gradient is zero elsewhere."""

    @staticmethod
    def arrange(array, key):
        return array[key if Ellipsis in key else (*key, ...)]  # with ... a single element is a view too

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        Slice.apply(grad_x, *ctx.args).copy_(grad_y)
        return grad_x, None


class Diagonal(View):
    """The elements x[..., i, i + offset] of two dimensions, as the last dimension."""

    @staticmethod
    def arrange(array, offset, dim1, dim2):
        view = array.diagonal(offset, dim1, dim2)
        return np.lib.stride_tricks.as_strided(view, writeable=True) if isinstance(array, np.ndarray) else view

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        Diagonal.apply(grad_x, *ctx.args).copy_(grad_y)
        return grad_x, None, None, None


class Alias(View):
    """The same tensor once more."""

    @staticmethod
    def arrange(array):
        return array[...]

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y


# ------------------------------------------------------------------------------------------------ arguments


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension number from 0, given one that may count from the end.

    Raises:
        IndexError: out of range.
    """
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")
    return dim % limit


def as_shape(shape: tuple) -> tuple:
    """`(2, 3)` from both `f(2, 3)` and `f((2, 3))`."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    return tuple(operator.index(extent) for extent in shape)


def infer_shape(shape: tuple, numel: int) -> tuple:
    """`shape` with its -1 worked out.

    Raises:
        RuntimeError: the elements do not fit the shape.
    """
    known = math.prod(extent for extent in shape if extent != -1)
    unknown = shape.count(-1)
    if unknown > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(extent < -1 for extent in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if unknown == 1 and known == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if (known != numel) if unknown == 0 else (known == 0 or numel % known):
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(numel // known if extent == -1 else extent for extent in shape)


# ------------------------------------------------------------------------------------------------ views


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """x under another shape: a view where the memory allows it, else a copy."""
    new = infer_shape(as_shape(shape), x.numel())
    try:
        return view(x, new)
    except RuntimeError:
        return Reshape.apply(x.contiguous(), new)


def view(x: Tensor, *shape: Any) -> Tensor:
    """x under another shape, in the same memory.

    Raises:
        RuntimeError: the elements do not fit, or are not in this order in memory.
    """
    new = infer_shape(as_shape(shape), x.numel())
    try:
        return Reshape.apply(x, new)
    except ValueError:
        raise RuntimeError(
            f"view size is not compatible with input tensor's size and stride (shape {list(x.shape)}, stride "
            f"{x.stride()}, wanted {list(new)}). Use .reshape(...) instead, which copies where it must."
        ) from None


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """x with two dimensions swapped; a view."""
    return Transpose.apply(x, wrap_dim(dim0, x.ndim), wrap_dim(dim1, x.ndim)) if x.ndim else view_as(x, x)


def t(x: Tensor) -> Tensor:
    """The transpose of a matrix; a view.

    Raises:
        RuntimeError: more than two dimensions.
    """
    if x.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.ndim}D")
    return transpose(x, 0, 1) if x.ndim == 2 else view_as(x, x)


def permute(x: Tensor, *dims: Any) -> Tensor:
    """x with its dimensions in the order `dims`; a view."""
    order = tuple(wrap_dim(d, x.ndim) for d in as_shape(dims))
    if sorted(order) != list(range(x.ndim)):
        raise RuntimeError(
            f"permute(dims): wanted each of the {x.ndim} dimensions of the input once, found {as_shape(dims)}"
        )
    return Permute.apply(x, order)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """x with a new dimension of extent 1 at `dim`; a view."""
    dim = wrap_dim(dim, x.ndim + 1)
    return Reshape.apply(x, (*x.shape[:dim], 1, *x.shape[dim:]))


def squeeze(x: Tensor, dim: Any = None) -> Tensor:
    """x without its dimensions of extent 1 (all, or only `dim`); a view."""
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    drop = {wrap_dim(d, x.ndim) for d in dims}
    return Reshape.apply(x, tuple(n for d, n in enumerate(x.shape) if n != 1 or d not in drop))


def expand(x: Tensor, *shape: Any) -> Tensor:
    """x repeated along extents of 1, and along new leading ones, without copying; -1 keeps an extent.

    Raises:
        RuntimeError: an extent that is not 1 would change.
    """
    sizes = as_shape(shape)
    old = (1,) * (len(sizes) - x.ndim) + tuple(x.shape)
    if len(sizes) < x.ndim:
        raise RuntimeError(
            f"expand({list(x.shape)}, size={list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({x.ndim})"
        )
    new = tuple(o if n == -1 else n for o, n in zip(old, sizes))
    for dim, (have, want) in enumerate(zip(old, new)):
        if have not in (1, want):
            raise RuntimeError(
                f"The expanded size of the tensor ({want}) must match the existing size ({have}) at non-singleton "
                f"dimension {dim}. Target sizes: {list(sizes)}. Tensor sizes: {list(x.shape)}"
            )
    return Expand.apply(x, new)


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """`x.view(other.shape)`."""
    return Alias.apply(x) if x.shape == other.shape else view(x, other.shape)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` as one."""
    first, last = wrap_dim(start_dim, x.ndim), wrap_dim(end_dim, x.ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if x.ndim == 0:
        return reshape(x, 1)
    if first == last:
        return x
    merged = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], merged, *x.shape[last + 1 :]))


def unflatten(x: Tensor, dim: int, sizes: Any) -> Tensor:
    """Dimension `dim` as several, of extents `sizes`."""
    dim = wrap_dim(dim, x.ndim)
    return view(x, (*x.shape[:dim], *infer_shape(as_shape(tuple(sizes)), x.shape[dim]), *x.shape[dim + 1 :]))


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` entries of dimension `dim`, from `start`; a view."""
    dim = wrap_dim(dim, x.ndim)
    start = start + x.shape[dim] if start < 0 else start
    if not 0 <= start <= start + length <= x.shape[dim]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({x.shape[dim]}).")
    return Slice.apply(x, (slice(None),) * dim + (slice(start, start + length),))


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """The entry `index` of dimension `dim`; a view."""
    return x[(slice(None),) * wrap_dim(dim, x.ndim) + (index,)]


def split(x: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `split_size` entries each along `dim` (the last may be shorter), or of the listed sizes."""
    extent = x.shape[wrap_dim(dim, x.ndim)]
    if isinstance(split_size, int):
        if split_size <= 0:
            raise RuntimeError(f"split expects split_size be positive, but got split_size={split_size}")
        sizes = [min(split_size, extent - at) for at in range(0, extent, split_size)] or [0]
    else:
        sizes = list(split_size)
        if sum(sizes) != extent:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={sizes}"
            )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(x, dim, start, size) for start, size in zip(starts, sizes))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim`."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return split(x, max(1, -(-x.shape[wrap_dim(dim, x.ndim)] // chunks)), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The entries along `dim`, as views."""
    return tuple(select(x, dim, i) for i in range(x.shape[wrap_dim(dim, x.ndim)]))


def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements x[i, i + offset]; a view."""
    return Diagonal.apply(x, offset, wrap_dim(dim1, x.ndim), wrap_dim(dim2, x.ndim))


def movedim(x: Tensor, source: int, destination: int) -> Tensor:
    """x with one dimension moved to another place; a view."""
    order = [d for d in range(x.ndim) if d != wrap_dim(source, x.ndim)]
    order.insert(wrap_dim(destination, x.ndim), wrap_dim(source, x.ndim))
    return permute(x, order)


def broadcast_to(x: Tensor, shape: Any) -> Tensor:
    """`x.expand(shape)`."""
    return expand(x, Size(shape))
