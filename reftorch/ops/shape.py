"""Reshaping, transposing, cutting: functions that return views where the memory allows it (`views.py` has the views)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from ..types import Size
from .arguments import as_shape, check_broadcast, infer_shape, tensor_first, wrap_dim, wrap_dims
from .views import (
    Alias,
    Diagonal,
    Expand,
    Permute,
    Reshape,
    Select,
    Slice,
    Split,
    Squeeze,
    SqueezeSome,
    T,
    Transpose,
    Unbind,
    Unfold,
    Unsqueeze,
)  # fmt: skip


@tensor_first
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements under another shape: a view where the memory allows it, else a copy."""
    new = infer_shape(as_shape(_given("reshape", shape), "shape"), input.numel())
    try:
        return Reshape.apply(input, new)
    except ValueError:
        return Reshape.apply(input.contiguous(), new)


@tensor_first
def view(input: Tensor, *shape: Any) -> Tensor:
    """The elements under another shape, in the same memory.

    Raises:
        RuntimeError: they do not fit, or are not in this order in memory.
    """
    new = infer_shape(as_shape(_given("view", shape), "size"), input.numel())
    try:
        return Reshape.apply(input, new)
    except ValueError:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces): shape {list(input.shape)}, stride {input.stride()}, wanted {list(new)}. Use "
            ".reshape(...) instead, which copies where it must."
        ) from None


def _given(name: str, shape: tuple) -> tuple:
    if not shape:
        raise TypeError(f"{name}() missing the shape: write {name}(2, 3), {name}(-1), or {name}(()) for no dimensions")
    if len(shape) == 1 and shape[0] is None or hasattr(shape[0], "is_floating_point"):
        raise TypeError(f"{name}() expects a shape, found {shape[0]!r}; to reinterpret the bytes use numpy().view(...)")
    return shape


@tensor_first
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """The tensor with two dimensions swapped; a view."""
    dims = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return Transpose.apply(input, *dims) if input.ndim else Alias.apply(input)


@tensor_first
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a view.

    Raises:
        RuntimeError: more than two dimensions.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D: use transpose(dim0, dim1)"
        )
    return T.apply(input, 0, 1) if input.ndim == 2 else Alias.apply(input)


def matrix_transpose(input: Tensor) -> Tensor:
    """The transpose of a matrix, or of each matrix in a stack; a view."""
    if input.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


@tensor_first
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The tensor with its dimensions in the order `dims`; a view."""
    wanted = as_shape(dims, "dims")
    if len(wanted) != input.ndim:
        raise RuntimeError(
            "permute(): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions: {input.ndim} and {len(wanted)}, {list(wanted)}"
        )
    return Permute.apply(input, wrap_dims(wanted, input.ndim))


@tensor_first
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """The tensor with a new dimension of extent 1 at `dim`; a view."""
    dim, shape = wrap_dim(dim, input.ndim + 1), input.shape
    return Unsqueeze.apply(input, (*shape[:dim], 1, *shape[dim:]))


@tensor_first
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """The tensor without its dimensions of extent 1 (all, or only `dim`); a view."""
    drop = set(range(input.ndim)) if dim is None else set(wrap_dims(dim, input.ndim))
    function = Squeeze if dim is None else SqueezeSome
    return function.apply(input, tuple([n for d, n in enumerate(input.shape) if n != 1 or d not in drop]))


@tensor_first
def expand(input: Tensor, *shape: Any, implicit: bool = False) -> Tensor:
    """The tensor repeated along extents of 1, and along new leading ones, without copying; -1 keeps an extent.

    Raises:
        RuntimeError: an extent that is not 1 would change.
    """
    sizes, old = as_shape(shape), input.shape
    lead = len(sizes) - len(old)
    if lead < 0:
        raise RuntimeError(
            f"expand({list(old)}, size={list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    if any([n < 0 for n in sizes[:lead]]) or any([n < -1 for n in sizes]):
        raise RuntimeError(
            f"The expanded size of the tensor {list(sizes)} isn't allowed: only -1 may be negative, and not in a "
            f"leading, non-existing dimension (there are {lead})"
        )
    new = (*sizes[:lead], *[o if n == -1 else n for o, n in zip(old, sizes[lead:])])
    for dim, (have, want) in enumerate(zip(old, new[lead:]), start=lead):
        if have not in (1, want):
            raise RuntimeError(
                f"The expanded size of the tensor ({want}) must match the existing size ({have}) at non-singleton "
                f"dimension {dim}. Target sizes: {list(sizes)}. Tensor sizes: {list(old)}"
            )
    return Expand.apply(input, new)


@tensor_first
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`input.view(other.shape)`."""
    return view(input, other.shape)


@tensor_first
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` as one."""
    first, last = wrap_dim(start_dim, input.ndim), wrap_dim(end_dim, input.ndim)
    if first > last:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim cannot come after end_dim, found {start_dim} and {end_dim}"
        )
    if input.ndim == 0:
        return reshape(input, 1)
    if first == last:
        return input
    shape = input.array.shape
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@tensor_first
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Dimension `dim` as several, of extents `sizes`."""
    dim, shape = wrap_dim(dim, input.ndim), input.shape
    if not input.ndim:
        raise RuntimeError(f"unflatten: dimension specified as {dim} but tensor has no dimensions")
    if not isinstance(sizes, (tuple, list)):
        raise TypeError(f"unflatten(): argument 'sizes' must be tuple of ints, not {type(sizes).__name__}")
    wanted = as_shape(tuple(sizes))
    if not wanted:
        raise RuntimeError(f"unflatten: sizes must be non-empty; for one dimension write ({shape[dim]},)")
    known = math.prod(size for size in wanted if size != -1)
    if -1 not in wanted and known != shape[dim] or wanted.count(-1) == 1 and known and shape[dim] % known:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(wanted)} don't multiply up to the size of dim {dim} ({shape[dim]}) in the "
            "input tensor"
        )
    return view(input, (*shape[:dim], *infer_shape(wanted, shape[dim]), *shape[dim + 1 :]))


@tensor_first
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` entries of dimension `dim`, from `start`; a view.

    Raises:
        RuntimeError: there are not so many, or the length is negative.
        IndexError: `start` is out of range.
    """
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, input.ndim)
    extent, start = input.shape[dim], int(start)
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, found {length}")
    if not -extent <= start <= extent:
        raise IndexError(f"start out of range (expected to be in range of [{-extent}, {extent}], but got {start})")
    start = start + extent if start < 0 else start
    if start + length > extent:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({extent}).")
    return Slice.apply(input, _part(dim, start, length))


def _part(dim: int, start: int, length: int) -> tuple:
    return (slice(None),) * dim + (slice(start, start + length),)


@tensor_first
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The entry `index` of dimension `dim`; a view."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, input.ndim)
    if not -input.shape[dim] <= index < input.shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return Select.apply(input, (slice(None),) * dim + (index,))


@tensor_first
def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `split_size` entries each along `dim` (the last may be shorter), or of the listed sizes.

    Raises:
        RuntimeError: a negative size, or sizes that do not add up to the extent of `dim`.
    """
    size = split_size_or_sections
    if input.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, input.ndim)
    extent = input.shape[dim]
    if isinstance(size, int):
        if size < 0 or size == 0 < extent:
            raise RuntimeError(f"split expects split_size be positive, but got split_size={size}")
        sizes = [min(size, extent - at) for at in range(0, extent, size or 1)] or [0]
    else:
        sizes = list(as_shape((size,)))
        if min(sizes, default=0) < 0 or sum(sizes) != extent:
            raise RuntimeError(
                "split_with_sizes expects split_sizes to have only non-negative entries that sum exactly to "
                f"{extent} (input tensor's size at dimension {dim}), but got split_sizes={sizes}"
            )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = [Split.apply(input, _part(dim, start, size)) for start, size in zip(starts, sizes)]
    return _one_of_several(parts)


def _one_of_several(views: list[Tensor]) -> tuple[Tensor, ...]:
    """Views that one call made: on the tape, none of them can be changed in place."""
    for view in views:
        view._restriction = view._restriction or "several"
    return tuple(views)


@tensor_first
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim`."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return split(input, max(1, -(-input.shape[wrap_dim(dim, input.ndim)] // chunks)), dim)


@tensor_first
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The entries along `dim`, as views."""
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    lead = (slice(None),) * dim
    return _one_of_several([Unbind.apply(input, (*lead, i)) for i in range(input.shape[dim])])


@tensor_first
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements x[i, i + offset]; a view."""
    first, second = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return Diagonal.apply(input, offset, first, second)


@tensor_first
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` entries of a dimension, one every `step` entries, as the last dimension; a view.

    Raises:
        RuntimeError: a window larger than the dimension, or a step that is not positive.
    """
    dim = wrap_dim(dimension, input.ndim)
    extent = input.shape[dim] if input.ndim else 1
    if size > extent:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {extent} but size is {size}")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return Unfold.apply(input, dim, size, step)


@tensor_first
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The tensor with some dimensions (one, or several) moved to other places; a view."""
    here, there = wrap_dims(source, input.ndim), wrap_dims(destination, input.ndim)
    if len(here) != len(there):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(here)}) should contain the same number of "
            f"dims as destination ({list(there)})"
        )
    if not input.ndim:
        return permute(input, ())
    order = [d for d in range(input.ndim) if d not in here]
    for place, dim in sorted(zip(there, here)):
        order.insert(place, dim)
    return permute(input, order)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, Size(size))


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to."""
    given = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    check_broadcast(*given)
    return Size(np.broadcast_shapes(*given))


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of the tensors, all of the shape that they broadcast to."""
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = broadcast_shapes(*[x.shape for x in listed])
    return tuple(x if x.shape == shape else expand(x, shape) for x in listed)
