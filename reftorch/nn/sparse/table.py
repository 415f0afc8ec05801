"""What a table of rows that are looked up by number needs: checked numbers, segments of equal numbers, rows of limited length."""

from __future__ import annotations

from typing import Any

import numpy as np

from reftorch.autograd import no_grad
from reftorch.ops import from_numpy
from reftorch.sparse_tensor import SparseTensor
from reftorch.tensor import Tensor
from reftorch.types import int32, int64


def check_ids(function: str, name: str, value: Any) -> None:
    """Raise unless the argument is a tensor of row numbers, int64 or int32.

    Raises:
        TypeError: it is not a tensor.
        RuntimeError: it has another dtype.
    """
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}: convert it with torch.tensor(...)"
        )
    if value.dtype not in (int64, int32):
        raise RuntimeError(
            f"{function}: expected {name} to have one of the following scalar types: Long, Int; but got {value.dtype}: "
            "they are numbers of rows, convert them with .long()"
        )


def row_numbers(ids: Tensor) -> np.ndarray:
    """The ids as a one-dimensional int64 array in the memory of the CPU."""
    return ids.detach().cpu().numpy().astype(np.int64, copy=False).ravel()


def first_outside(ids: np.ndarray, V: int) -> int | None:
    """The position of the first id that is no row of a table of `V` rows, or None."""
    # read as an unsigned number, a negative id is very large: so one pass over the ids is enough
    if ids.size == 0 or ids.view(np.uint64).max() < V:
        return None
    return int(np.argmax(ids.view(np.uint64) >= V))


def checked_row(name: str, row: int | None, V: int) -> int | None:
    """`padding_idx` counted from the front; a negative one counts from the end.

    Raises:
        AssertionError: there is no such row.
    """
    if row is None or 0 <= row < V or (V == 0 and row == 0):
        return row
    if not -V <= row < 0:
        raise AssertionError(
            f"{name} must be within num_embeddings, but got {name}={row} for a table of {V} rows: wanted {-V} to {V - 1}"
        )
    return row + V


def check_is_table(embeddings: Tensor) -> None:
    """Raise AssertionError unless the given table is two-dimensional."""
    if embeddings.dim() != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional, but has shape {list(embeddings.shape)}"
        )


def check_given_table(weight: Tensor, num_embeddings: int, embedding_dim: int) -> None:
    """Raise AssertionError unless the given table has the sizes of the layer."""
    if tuple(weight.shape) != (num_embeddings, embedding_dim):
        raise AssertionError(
            "Shape of weight does not match num_embeddings and embedding_dim: "
            f"{list(weight.shape)}, wanted {[num_embeddings, embedding_dim]}"
        )


def segments(ids: np.ndarray, V: int, device: Any, without: int | None = None) -> tuple[Tensor, Tensor]:
    """The positions of the ids, sorted by id, and where each row's positions begin: those of v are order[start[v]:start[v + 1]].

    Positions of one id stay in their order. Those of the id `without` are left out.
    """
    # NumPy sorts numbers of 16 bits by their digits, in linear time
    order = np.argsort(ids.astype(np.uint16) if V <= 2**16 else ids, kind="stable")
    count = np.bincount(ids, minlength=V)
    if without is not None:
        order = order[ids[order] != without]
        count[without] = 0
    start = np.zeros(V + 1, np.int64)
    np.cumsum(count, out=start[1:])
    return on_device(order, device), on_device(start, device)


def rows_of_gradient(
    ids: Tensor, grad_rows: Tensor, size: tuple[int, int], padding: int | None, by_frequency: bool
) -> SparseTensor:
    """The gradient of a table as a sparse tensor: one row for each id that is not the padding.

    Raises:
        RuntimeError: `by_frequency`.
    """
    if by_frequency:
        raise RuntimeError(
            "embedding_backward: scale_grad_by_freq not supported with sparse gradients: leave out one of the two"
        )
    ids, grad_rows = ids.reshape(-1), grad_rows.reshape(-1, size[1])
    if padding is not None:
        counts = ids != padding
        ids, grad_rows = ids[counts], grad_rows[counts]
    return SparseTensor.of(ids.reshape(1, -1), grad_rows, size)


def on_device(numbers: np.ndarray, device: Any) -> Tensor:
    """A tensor of these numbers."""
    return from_numpy(np.ascontiguousarray(numbers)).to(device)


@no_grad()
def limit_norm_(weight: Tensor, ids: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Shorten, in place, each row that is looked up and whose norm is above `max_norm`, to that norm."""
    if ids.size == 0:
        return
    rows = on_device(np.unique(ids), weight.device)
    chosen = weight.detach()[rows]
    norm = chosen.norm(norm_type, 1, keepdim=True)
    shortened = chosen * (max_norm / (norm + 1e-7))
    weight.index_copy_(0, rows, shortened.where(norm > max_norm, chosen))  # a norm of NaN is not above
