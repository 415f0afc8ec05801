"""Sparse tensors: of a tensor that is mostly zeros, only the other entries are stored, each with its position.

This is the COO form, "coordinates": `indices` has a column of positions for each entry, and `values` the entry, a number or a whole
row. An entry that occurs twice counts twice: the tensor is the sum. `coalesce()` adds such entries up and sorts them.

    >>> import reftorch as torch
    >>> x = torch.sparse_coo_tensor([[2, 0, 2]], [[1., 2], [3, 4], [5, 6]], (4, 2))
    >>> x.coalesce()
    tensor(indices=tensor([[0, 2]]),
           values=tensor([[3., 4.],
                          [6., 8.]]),
           size=(4, 2), nnz=2, layout=torch.sparse_coo)

The gradient of an `Embedding` with `sparse=True` is such a tensor: it has the rows that were looked up. Only the operations
that gradients and optimizers need are available; for all others, call `to_dense()` first. Sparse tensors have no gradients themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .autograd import is_grad_enabled
from .ops import creation
from .sparse_tensor import SparseTensor, positions_on
from .tensor import Tensor
from .types import int64, sparse_coo

__all__ = ["rebuild", "refuse_dense", "sparse_coo_tensor", "sparse_mask", "to_sparse"]


def sparse_coo_tensor(
    indices: Any = None,
    values: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: Any = False,
    check_invariants: Any = None,
    is_coalesced: Any = None,
) -> SparseTensor:
    """A sparse tensor with the entries `values` at the positions `indices`; with a size alone, one without entries.

    Shapes: `indices` (sparse dimensions, entries); `values` (entries, *dense dimensions). Without `size` the tensor is just large
    enough. The positions are always checked.

    Raises:
        RuntimeError: the shapes do not fit, or a position is outside of the size.
        NotImplementedError: `requires_grad`.
    """
    if values is None:
        size = indices if size is None else size
        indices = np.zeros((len(size), 0))
        values = creation.zeros(0, dtype=dtype, device=device)
    values = creation.as_tensor(values, dtype=dtype, device=device).detach()
    indices = creation.as_tensor(indices).detach().to(values.device, int64)
    if indices.ndim != 2:
        raise RuntimeError(
            f"indices must be sparse_dim x nnz, one column of positions for each entry, but got: {list(indices.shape)}"
        )
    values = values if values.ndim else values.reshape(1)
    if indices.shape[1] != len(values):
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {indices.shape[1]}, nnz from values: "
            f"{len(values)}"
        )
    given, dense = indices.cpu().numpy(), values.shape[1:]
    if size is None:
        if given.shape[1] == 0:
            raise RuntimeError("a sparse tensor without entries needs a size: sparse_coo_tensor(indices, values, size)")
        size = (*(given.max(1) + 1).tolist(), *dense)
    _check_fit(given, dense, tuple(size))
    made = SparseTensor.of(indices, values, size, is_coalesced)
    return made.requires_grad_(requires_grad)


def _check_fit(indices: np.ndarray, dense: tuple, size: tuple) -> None:
    """Raise RuntimeError unless positions and entries fit the size."""
    if len(size) != len(indices) + len(dense):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = "
            f"{len(indices)}, dense_dim = {len(dense)}"
        )
    if size[len(indices) :] != tuple(dense):
        raise RuntimeError(
            f"values has incorrect size, expected {[indices.shape[1], *size[len(indices) :]]}, got {[indices.shape[1], *dense]}"
        )
    for d, positions in enumerate(indices):
        wrong = positions[(positions < 0) | (positions >= size[d])]
        if len(wrong):
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found index {wrong[0]}"
            )


def to_sparse(input: Tensor, sparse_dim: int | None = None, **layout: Any) -> SparseTensor:
    """The elements that are not zero; with fewer sparse dimensions, the rows that are not all zeros.

    Raises:
        RuntimeError: there are not so many dimensions.
        NotImplementedError: a gradient would be recorded, or another layout is wanted.
    """
    if any(value not in (None, sparse_coo) for value in layout.values()):
        raise NotImplementedError("to_sparse: the layout is always torch.sparse_coo here")
    if input.requires_grad and is_grad_enabled():
        raise NotImplementedError("to_sparse: sparse tensors have no gradients here: use x.detach().to_sparse()")
    dims = input.ndim if sparse_dim is None else sparse_dim
    if not 0 <= dims <= input.ndim or (dims == 0 and input.ndim):
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [1,{input.ndim}] range, but {dims} is given"
        )
    if not input.ndim:
        return SparseTensor.of(positions_on(np.zeros((0, 1)), input.device), input.reshape(1).clone(), (), True)
    filled = (input != 0).reshape(*input.shape[:dims], -1).any(-1)
    at = filled.nonzero().T.contiguous()
    return SparseTensor.of(at, input.detach()[tuple(at)], input.shape, True)


def sparse_mask(input: Tensor, mask: SparseTensor) -> SparseTensor:
    """The elements of a dense tensor at the positions of a sparse one."""
    if input.shape != mask.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes: {list(input.shape)}, {list(mask.shape)}")
    at = mask._indices()
    return SparseTensor.of(at, input.detach()[tuple(at)], input.shape, mask.is_coalesced())


def refuse_dense(what: str) -> None:
    """Raise RuntimeError: a method of sparse tensors, called on a dense one."""
    raise RuntimeError(f"{what} expected sparse coordinate tensor layout but got Strided: call x.to_sparse() first")


def rebuild(indices: Tensor, values: Tensor, size: Any, coalesced: Any) -> SparseTensor:
    """A sparse tensor from a pickle."""
    return sparse_coo_tensor(indices, values, size, is_coalesced=coalesced)
