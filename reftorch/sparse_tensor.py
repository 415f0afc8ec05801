"""`SparseTensor`: the class of sparse tensors, see `coo.py`."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from .autograd import Function, is_grad_enabled
from .kernel import SERIAL, njit
from .ops import creation, from_numpy
from .ops.arguments import wrap_dim
from .ops.inplace import take_over
from .ops.promotion import promote_types
from .tensor import Tensor, _Counter
from .types import Size, sparse_coo

__all__ = ["SparseTensor"]


@njit(**SERIAL)
def merge_order(left, right, order):
    """Which entries each entry of a sum is made of, given their numbered positions; returns the number of entries of the sum.

    The row i of `order` gets an entry of `left` and one of `right`, or -1. Entries at one position share a row if they are reached
    together.
    """
    l, r, n = 0, 0, 0  # noqa: E741
    while l < left.size or r < right.size:
        takes_left = r == right.size or (l < left.size and left[l] <= right[r])
        takes_right = l == left.size or (r < right.size and right[r] <= left[l])
        order[n, 0] = l if takes_left else -1
        order[n, 1] = r if takes_right else -1
        l += takes_left  # noqa: E741
        r += takes_right
        n += 1
    return n


class SparseTensor(Tensor):
    """A tensor of which only some entries are stored. Made by `sparse_coo_tensor` and `to_sparse`."""

    is_sparse = True
    layout = sparse_coo
    _at: Tensor  # positions, (sparse dimensions, entries), int64
    _entries: Tensor  # (entries, *dense dimensions)
    _size: Size
    _coalesced: Any

    @staticmethod
    def of(indices: Tensor, values: Tensor, size: Any, coalesced: Any = None) -> SparseTensor:
        """A sparse tensor over these parts, which are known to fit; with less than two entries it is coalesced."""
        made: SparseTensor = object.__new__(SparseTensor)
        made._counter = _Counter()
        made._size = Size(size)
        return made._set(indices.detach(), values.detach(), len(values) < 2 if coalesced is None else coalesced)

    def _set(self, indices: Tensor, values: Tensor, coalesced: Any) -> SparseTensor:
        self._at, self._entries, self._coalesced = indices, values, coalesced
        self.dtype, self.device = values.dtype, values.device
        return self

    def _changed(self, indices: Tensor, values: Tensor, coalesced: Any) -> SparseTensor:
        """This tensor with other entries, in place."""
        self._counter.bump()
        return self._set(indices, values.to(self.dtype), coalesced)

    def _with(self, values: Tensor) -> SparseTensor:
        """Other entries at the same positions."""
        return SparseTensor.of(self._at, values, self._size, self._coalesced)

    @property
    def array(self) -> Any:
        raise NotImplementedError(
            f"this operation is not available for sparse tensors, and this one, of size {list(self._size)}, is sparse: use "
            "x.to_dense(), or work on the entries, x.coalesce().values()"
        )

    # -------------------------------------------------------------------------------- parts and geometry
    shape = property(lambda self: self._size)
    ndim = property(lambda self: len(self._size))

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the extent of dimension `dim`."""
        return self._size if dim is None else self._size[wrap_dim(dim, len(self._size))]

    def numel(self) -> int:
        """The number of elements, including those that are not stored."""
        return math.prod(self._size)

    def __len__(self) -> int:
        if not self._size:
            raise TypeError("len() of a 0-d tensor")
        return self._size[0]

    def is_contiguous(self, memory_format: Any = None) -> Any:
        """False: the elements do not lie one after the other."""
        return False

    def sparse_dim(self) -> int:
        """The number of sparse dimensions. They are the first ones, which the positions refer to."""
        return self._at.shape[0]

    def dense_dim(self) -> int:
        """The number of dense dimensions. They are the last ones, which each entry has."""
        return self._entries.ndim - 1

    def _nnz(self) -> int:
        return self._entries.shape[0]

    def is_coalesced(self) -> Any:
        """Whether the entries are known to be sorted and each position occurs once."""
        return self._coalesced

    def _indices(self) -> Tensor:
        return self._at.detach()

    def _values(self) -> Tensor:
        return self._entries.detach()

    def indices(self) -> Tensor:
        """The positions, one column for each entry.

        Raises:
            RuntimeError: not coalesced.
        """
        self._check_coalesced("indices")
        return self._at.detach()

    def values(self) -> Tensor:
        """The entries; the same memory.

        Raises:
            RuntimeError: not coalesced.
        """
        self._check_coalesced("values")
        return self._entries.detach()

    def _check_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first: a position can occur twice"
            )

    def row_numbers(self) -> np.ndarray:
        """The position of each entry as one number, in the memory of the CPU: its row if the tensor is read as a table."""
        number = np.zeros(self._nnz(), np.int64)
        for extent, position in zip(self._size, self._at.cpu().numpy()):
            number = number * extent + position
        return number

    # -------------------------------------------------------------------------------- other forms
    def coalesce(self) -> SparseTensor:
        """The same tensor with sorted positions, each once; itself if it is coalesced already."""
        if self._coalesced:
            return self
        _, first, place = np.unique(self.row_numbers(), return_index=True, return_inverse=True)
        total = self._entries.new_zeros((len(first), *self._entries.shape[1:]))
        _add_at(total, (positions_on(place, self.device),), self._entries)
        return SparseTensor.of(self._at[:, positions_on(first, self.device)], total, self._size, True)

    def to_dense(self, dtype: Any = None, *, masked_grad: Any = None) -> Tensor:
        """A tensor with all elements.

        Raises:
            RuntimeError: `dtype` is given; use to_dense().to(dtype).
        """
        if dtype is not None:
            raise RuntimeError("dtype argument is not supported by sparse_to_dense: use x.to_dense().to(dtype)")
        dense = creation.zeros(self._size, dtype=self.dtype, device=self.device)
        _add_at(dense, tuple(self._at), self._entries)
        return dense

    def to_sparse(self, sparse_dim: int | None = None, **layout: Any) -> SparseTensor:
        """This tensor."""
        if layout or sparse_dim not in (None, self.sparse_dim()):
            raise NotImplementedError("to_sparse: this tensor is sparse already; call to_dense() first")
        return self

    def detach(self) -> SparseTensor:
        """Another tensor over the same entries."""
        return self._with(self._entries)

    data = property(detach)  # type: ignore[assignment]

    def clone(self, *, memory_format: Any = None) -> SparseTensor:
        """A copy."""
        return SparseTensor.of(self._at.clone(), self._entries.clone(), self._size, self._coalesced)

    def to(self, *args: Any, **options: Any) -> SparseTensor:
        """This tensor with another dtype, or on another device."""
        values = self._entries.to(*args, **options)
        if values is self._entries:
            return self
        return SparseTensor.of(self._at.to(values.device), values, self._size, self._coalesced)

    # fmt: off
    def cpu(self): return self.to("cpu")
    def cuda(self, device=None, non_blocking=False): return self.to("cuda" if device is None else device)
    def float(self): return self._with(self._entries.float())
    def double(self): return self._with(self._entries.double())
    def long(self): return self._with(self._entries.long())

    # fmt: on

    # -------------------------------------------------------------------------------- arithmetic
    def add(self, other: Any, *, alpha: Any = 1) -> SparseTensor:
        """`self + alpha * other`, of two sparse tensors.

        Raises:
            RuntimeError: `other` is not sparse, or has another size or other sparse dimensions.
        """
        if not (isinstance(other, Tensor) and other.is_sparse):
            raise RuntimeError(
                "add(sparse, dense) is not supported. Use add(dense, sparse) instead: the sum of all elements is dense"
            )
        if self.shape != other.shape or self.sparse_dim() != other.sparse_dim():
            raise RuntimeError(
                f"add: expected sizes of 'self' and 'other' to match, but {list(self.shape)} != {list(other.shape)} "
                f"(sparse dimensions: {self.sparse_dim()} and {other.sparse_dim()})"
            )
        dtype = promote_types(self.dtype, other.dtype)
        left, right = self._entries.to(dtype), other._values().to(dtype)
        order = np.empty((len(left) + len(right), 2), np.int64)
        order = order[: merge_order(self.row_numbers(), other.row_numbers(), order)]
        values = left.new_zeros((len(order), *left.shape[1:]))
        at = self._at.new_empty((self.sparse_dim(), len(order)))
        for part, positions, source in ((right * alpha, other._indices(), order[:, 1]), (left, self._at, order[:, 0])):
            place, chosen = (
                positions_on(found, self.device) for found in (np.flatnonzero(source >= 0), source[source >= 0])
            )
            _add_at(values, (place,), part[chosen])
            at[:, place] = positions[:, chosen]
        return SparseTensor.of(at, values, self._size, self._coalesced and other.is_coalesced())

    def added_to(self, dense: Any, alpha: Any = 1) -> Tensor:
        """`dense + alpha * self`.

        Raises:
            RuntimeError: `dense` is a number, or has another shape.
        """
        if not isinstance(dense, Tensor) or dense.is_sparse:
            return dense.add(self, alpha=alpha) if isinstance(dense, Tensor) else self.add(dense)
        dtype = promote_types(dense.dtype, self.dtype)
        return AddSparse.apply(dense.to(dtype), self.mul(alpha) if alpha != 1 else self)

    def add_into(self, dense: Tensor, alpha: Any = 1) -> Tensor:
        """Add `alpha * self` to the elements of `dense`, in place; only elements that are stored here change.

        Raises:
            RuntimeError: `dense` has another shape, or is a leaf that requires grad and recording is on.
        """
        recording = is_grad_enabled() and dense.requires_grad
        dense._check_inplace(recording)
        if recording:
            return take_over(dense, self.added_to(dense._snapshot(), alpha))
        self._check_shape(dense)
        scaled = self._entries if alpha == 1 else self._entries * alpha
        _add_at(dense, tuple(self._at), scaled.to(dense.dtype))
        return dense

    def _check_shape(self, dense: Tensor) -> None:
        if dense.shape != self.shape:
            raise RuntimeError(
                f"add: expected the sizes of 'self' and 'other' to match: the dense tensor has {list(dense.shape)}, the "
                f"sparse one {list(self.shape)}"
            )

    def _becomes(self, other: SparseTensor) -> SparseTensor:
        return self._changed(other._at, other._entries, other._coalesced)

    # fmt: off
    def neg(self): return self._with(-self._entries)
    def mul(self, other): return self._with(self._entries * _factor("mul", other))
    def div(self, other, *, rounding_mode=None): return self._with(self._entries.div(_factor("div", other), rounding_mode=rounding_mode))
    def sub(self, other, *, alpha=1): return self.add(other, alpha=-alpha)
    def add_(self, other, *, alpha=1): return self._becomes(self.add(other, alpha=alpha))
    def sub_(self, other, *, alpha=1): return self._becomes(self.add(other, alpha=-alpha))
    def mul_(self, other): return self._changed(self._at, self._entries.mul_(_factor("mul", other)), self._coalesced)
    def div_(self, other, *, rounding_mode=None): return self._becomes(self.div(other, rounding_mode=rounding_mode))
    def neg_(self): return self._changed(self._at, self._entries.neg_(), self._coalesced)
    def zero_(self): return self._changed(self._at[:, :0], self._entries[:0], True)
    __add__, __sub__, __mul__, __rmul__, __truediv__, __neg__ = add, sub, mul, mul, div, neg
    __iadd__, __isub__, __imul__, __itruediv__ = add_, sub_, mul_, div_
    def __radd__(self, other): return self.added_to(other)
    def __rsub__(self, other): return self.added_to(other, -1)
    # fmt: on

    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **names: Any) -> Tensor:
        """The sum of all elements.

        Raises:
            NotImplementedError: of some dimensions only.
        """
        _of_all("sum", dim)
        return self._entries.sum(dtype=dtype, **names)

    def norm(self, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
        """The p-norm of all elements.

        Raises:
            NotImplementedError: along some dimensions only.
        """
        _of_all("norm", dim)
        return self.coalesce()._entries.norm(p, dtype=dtype)

    def copy_(self, src: Any, non_blocking: bool = False) -> SparseTensor:
        """The entries of another sparse tensor."""
        if not (isinstance(src, Tensor) and src.is_sparse):
            raise RuntimeError("copy_() between dense and sparse Tensors is not implemented! Use to_sparse() first")
        if src.shape != self.shape:
            raise RuntimeError(f"copy_: the sizes differ: {list(self.shape)} and {list(src.shape)}")
        return self._becomes(src.clone().to(self.device))

    # -------------------------------------------------------------------------------- Python and NumPy
    def requires_grad_(self, requires_grad: Any = True) -> SparseTensor:
        """Does nothing for False.

        Raises:
            NotImplementedError: for True.
        """
        if requires_grad:
            raise NotImplementedError("sparse tensors have no gradients here: compute with the dense tensor instead")
        return self

    def numpy(self, *, force: Any = False) -> np.ndarray:
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def tolist(self) -> Any:
        raise RuntimeError("a sparse tensor has no list of its elements: use to_dense().tolist()")

    def __copy__(self) -> SparseTensor:
        return self.detach()

    def __deepcopy__(self, memo: dict) -> SparseTensor:
        if id(self) not in memo:
            parts = copy.deepcopy((self._at, self._entries), memo)
            memo[id(self)] = SparseTensor.of(*parts, self._size, self._coalesced)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        from .coo import rebuild

        return rebuild, (self._at, self._entries, tuple(self._size), self._coalesced)


class AddSparse(Function):
    """y = dense + sparse;  d dense = dy"""

    torch_name = "AddBackward0"

    @staticmethod
    def forward(ctx, dense, sparse):
        sparse._check_shape(dense)
        y = dense.clone()
        _add_at(y, tuple(sparse._indices()), sparse._values().to(y.dtype))
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, None


def positions_on(numbers: np.ndarray, device: Any) -> Tensor:
    """Integers as a tensor on `device`."""
    return from_numpy(np.ascontiguousarray(numbers, np.int64)).to(device)


def _add_at(target: Tensor, positions: tuple, values: Tensor) -> None:
    """target[positions] += values, where a position that occurs twice gets both values."""
    if not positions:  # each entry is a whole tensor
        target.detach().add_(values.sum(0))
    elif values.numel():
        target.detach().index_put_(positions, values, accumulate=True)


def _factor(function: str, other: Any) -> Any:
    """The factor of all entries: a number, or a tensor with one element."""
    if isinstance(other, Tensor) and (other.is_sparse or other.ndim):
        raise NotImplementedError(f"{function}: a sparse tensor takes a number here; use to_dense() for other tensors")
    return other


def _of_all(function: str, dim: Any) -> None:
    if dim is not None:
        raise NotImplementedError(
            f"{function}: of all elements of a sparse tensor only, not along dim={dim}; use to_dense()"
        )
