"""Joining tensors and reordering their entries: cat, stack, repeat, flip, roll, triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function
from ..autograd.node import named
from ..tensor import Tensor
from .arguments import as_shape, one_device, tensor_first, wrap_dim, wrap_dims
from .backend import library
from .index import Index
from .out import write_out
from .promotion import category, promote_types
from .shape import broadcast_tensors


class Concatenate(Function):
    """y = the tensors one after the other; each gets its part of dy"""

    torch_name = "CatBackward0"

    @staticmethod
    def forward(ctx, dim, *tensors):
        ctx.dim, ctx.sizes = dim, [x.shape[dim] for x in tensors]
        device = tensors[0].device
        return Tensor._make(library(device).concatenate([x.array for x in tensors], axis=dim), device)

    @staticmethod
    def backward(ctx, grad_y):
        return None, *grad_y.split(ctx.sizes, ctx.dim)


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return list(tensors)


def _into(name: str, out: Any, tensors: list[Tensor], result: Tensor) -> Tensor:
    """The result, or `out` with the result in it.

    Raises:
        TypeError: `out` cannot hold the dtype, or is no tensor.
        RuntimeError: `out` shares memory with one of the tensors, or a gradient is wanted.
    """
    if out is None:
        return result
    if isinstance(out, Tensor):
        if category(result.dtype) > category(out.dtype):
            raise TypeError(f"torch.{name}(): input types can't be cast to the desired output type {out.dtype}")
        if out.device is types.CPU and any(np.may_share_memory(out.array, x.array) for x in tensors):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
                "location. Please clone() the tensor before performing the operation."
            )
    return write_out(name, out, result, *tensors)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Any = None) -> Tensor:
    """The tensors one after the other along `dim`; their other extents are equal.

    Raises:
        ValueError: nothing to join.
        RuntimeError: extents that differ, tensors without dimensions, or on different devices.
    """
    listed = _tensors("cat", tensors)
    if not listed:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    dtype = listed[0].dtype
    for i, x in enumerate(listed):
        dtype = promote_types(dtype, x.dtype)
        if x.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated: use stack")
    one_device(*listed)
    flat = all(x.ndim == 1 for x in listed)
    parts = [x.to(dtype) for x in listed if flat or x.shape != (0,)]  # (0,) fits to tensors of every shape
    shape = parts[0].shape
    dim = wrap_dim(dim, len(shape))
    for i, x in enumerate(parts):
        if x.ndim != len(shape):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(shape)} and {x.ndim}")
        for d, (n, m) in enumerate(zip(shape, x.shape)):
            if d != dim and n != m:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for "
                    f"tensor number {i} in the list: the shapes are {[list(x.shape) for x in parts]}"
                )
    return _into("cat", out, listed, Concatenate.apply(dim, *parts))


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Any = None) -> Tensor:
    """Tensors of one shape along a new dimension.

    Raises:
        RuntimeError: nothing to stack, or shapes that differ.
    """
    listed = _tensors("stack", tensors)
    if not listed:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, x in enumerate(listed):
        if x.shape != listed[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(listed[0].shape)} at entry 0 and "
                f"{list(x.shape)} at entry {i}"
            )
    dim = wrap_dim(dim, listed[0].ndim + 1)
    return _into("stack", out, listed, named(cat([x.unsqueeze(dim) for x in listed], dim), "StackBackward0"))


def _some_tensors(function: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    listed = _tensors(function, tensors)
    if not listed:
        raise RuntimeError(f"{function} expects a non-empty TensorList")
    return listed


def hstack(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """Side by side: `cat` along dimension 1, vectors along 0."""
    listed = [x.reshape(1) if x.ndim == 0 else x for x in _some_tensors("hstack", tensors)]
    return cat(listed, 0 if listed[0].ndim == 1 else 1, out=out)


def vstack(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """One below the other: `cat` along dimension 0, each vector as a row."""
    return cat([x.reshape(1, -1) if x.ndim < 2 else x for x in _some_tensors("vstack", tensors)], 0, out=out)


# ------------------------------------------------------------------------------------------------ repetition


@tensor_first
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Copies of the input, one number of copies for each dimension; more numbers add leading dimensions."""
    times = as_shape(repeats, "repeats")
    if len(times) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(times)} and {input.ndim}"
        )
    if times and min(times) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat({list(times)})")
    shape = (1,) * (len(times) - input.ndim) + input.shape
    apart = [n for extent in shape for n in (1, extent)]
    repeated = [n for count, extent in zip(times, shape) for n in (count, extent)]
    return input.reshape(apart).expand(repeated).clone(memory_format=types.contiguous_format).reshape(
        [count * n for count, n in zip(times, shape)]
    )  # fmt: skip


@tensor_first
def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, where missing leading numbers count as 1."""
    times = as_shape(dims, "dims")
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@tensor_first
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each entry of `dim` repeated (one number for all, or one for each); without `dim`, each element of the flat tensor."""
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = wrap_dim(dim, input.ndim)
    counts = repeats.detach().cpu().array if isinstance(repeats, Tensor) else repeats
    return _pick(input, dim, np.repeat(np.arange(input.shape[dim]), counts))


# ------------------------------------------------------------------------------------------------ order


def _pick(x: Tensor, dim: int, order: np.ndarray) -> Tensor:
    return Index.apply(x, (slice(None),) * dim + (order,))


class Flip(Function):
    """y = x with dimensions reversed"""

    @staticmethod
    def forward(ctx, x, dims):
        ctx.dims = dims
        if x.device.type == "cpu":
            return Tensor._make(np.flip(x.array, dims).copy("C"))
        return Tensor._make(library(x.device).flip(x.array, dims), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        return Flip.apply(grad_y, ctx.dims), None


@tensor_first
def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy with the dimensions `dims` reversed."""
    if not dims:
        raise TypeError('flip() missing 1 required positional arguments: "dims"')
    wrapped = wrap_dims(as_shape(dims, "dims"), input.ndim)
    return Flip.apply(input, wrapped if input.ndim else ())


@tensor_first
def fliplr(input: Tensor) -> Tensor:
    """Left and right exchanged: dimension 1 reversed."""
    if input.ndim < 2:
        raise RuntimeError(f"Input must be >= 2-d., found {input.ndim}")
    return flip(input, 1)


@tensor_first
def flipud(input: Tensor) -> Tensor:
    """Up and down exchanged: dimension 0 reversed."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d., found 0")
    return flip(input, 0)


def _as_tuple(numbers: Any) -> tuple:
    return tuple(numbers) if isinstance(numbers, (tuple, list)) else (numbers,)


@tensor_first
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The entries shifted along `dims` (the flat tensor without it); entries that leave at the end enter at the start."""
    if dims is None:
        return roll(input.reshape(-1), shifts, 0).reshape(input.shape)
    shifts, dims = _as_tuple(shifts), _as_tuple(dims)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    for shift, dim in zip(shifts, dims):
        if not input.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        dim = wrap_dim(dim, input.ndim)
        extent = input.shape[dim]
        input = _pick(input, dim, (np.arange(extent) - shift) % max(extent, 1))
    return input


# ------------------------------------------------------------------------------------------------ triangles and grids


class Triangle(Function):
    """The elements on one side of a diagonal; the others are 0"""

    @staticmethod
    def forward(ctx, x, name, diagonal):
        ctx.args, ctx.torch_name = (name, diagonal), f"{name.title()}Backward0"
        return Tensor._make(getattr(library(x.device), name)(x.array, diagonal), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        return Triangle.apply(grad_y, *ctx.args), None, None


def _triangle(name: str, input: Tensor, diagonal: int) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, found shape {list(input.shape)}")
    return Triangle.apply(input, name, diagonal)


@tensor_first
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix on and below a diagonal, 0 above it."""
    return _triangle("tril", input, diagonal)


@tensor_first
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix on and above a diagonal, 0 below it."""
    return _triangle("triu", input, diagonal)


@tensor_first
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal."""
    if input.ndim == 2:
        return input.diagonal(diagonal).clone()
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    n = input.numel() + abs(diagonal)
    matrix = input.new_zeros(n, n)
    matrix.diagonal(diagonal).copy_(input)
    return matrix


@tensor_first
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return input.diagonal().sum()


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: each of the vectors repeated along the dimensions of the others."""
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing}")
    if indexing == "xy" and len(listed) > 1:  # the first runs along dimension 1
        return tuple(x.transpose(0, 1) for x in meshgrid(*listed))
    shapes = [[-1 if i == j else 1 for j in range(len(listed))] for i in range(len(listed))]
    return broadcast_tensors(*[x.reshape(shape) for x, shape in zip(listed, shapes)])
