"""Tensor: an array, a dtype, a device, and a place on the tape.

The numbers are in `.array`, a NumPy array or a CUDA device array. A view (`x[:, 0]`, `x.t()`, `x.view(...)`) is another Tensor over
the same memory. Tensors that share memory share a version counter, which every in-place operation increments: so `backward`
detects that a tensor that it needs was overwritten.

This file holds the geometry, and `new_empty`, which allocates the results of all kernels. The place on the tape is in
`autograd/on_tape.py`, the operations in `ops/`, the methods that call them in `methods.py`, and how a tensor behaves towards
Python and NumPy in `protocols.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import types
from .autograd.on_tape import OnTape
from .methods import TensorMethods
from .protocols import TensorProtocols
from .room import check_room, no_room
from .types import CPU, Size, from_numpy_dtype

CUDA = types.device("cuda:0")
_new, _empty, _ndarray = object.__new__, np.empty, np.ndarray
INT = frozenset([int])  # and so not bool


class _Counter:
    """How often the memory that some tensors share was written to."""

    value = 0

    def bump(self) -> None:
        self.value += 1


class Tensor(TensorMethods, TensorProtocols, OnTape):
    """An n-dimensional array that can be differentiated. Made by `reftorch.tensor`, `zeros`, `randn` and the like."""

    array: Any
    dtype: types.dtype
    device = CPU
    _counter: _Counter

    def __new__(cls, *data: Any, device: Any = None) -> Any:
        """The old constructor: `Tensor(2, 3)` is not initialized, `Tensor([1, 2])` holds floats; prefer `empty` and `tensor`."""
        from .ops import creation

        if len(data) == 1 and isinstance(data[0], float):
            raise TypeError("new(): data must be a sequence (got float): write torch.tensor(...) for a number")
        if len(data) == 1 and not isinstance(data[0], (int, Size)):
            made = creation.tensor(data[0], dtype=types.float32, device=device)
        else:
            made = creation.empty(*(data or (0,)), dtype=types.float32, device=device)
        made.__class__ = cls
        return made

    def __init__(self, *data: Any, **options: Any):
        pass

    @staticmethod
    def _make(
        array: Any,
        device: types.device = CPU,
        dtype: types.dtype | None = None,
        counter: _Counter | None = None,
    ) -> Tensor:
        """A tensor over this array, without history; `counter` is that of another tensor over the same memory."""
        self: Tensor = _new(Tensor)
        if device is not CPU or type(array) is not _ndarray:
            self.device = CUDA if device.type == "cuda" else CPU
            array = array if self.device is CUDA else np.asarray(array)  # a NumPy number is a result without dimensions
        self.array, self.dtype, self._counter = array, dtype or from_numpy_dtype(array.dtype), counter or _Counter()
        return self

    def new_empty(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any
    ) -> Tensor:
        """A tensor of this one's dtype and device whose elements are not set."""
        kind, shape = dtype or self.dtype, size[0] if len(size) == 1 and isinstance(size[0], tuple) else size
        simple = self.device is CPU and type(kind) is types.dtype and not (device or requires_grad or more)
        if simple and (type(shape) is Size or INT.issuperset(map(type, shape))) and not (shape and min(shape) < 0):
            try:
                made = _new(Tensor)  # as `_make` does: the results of all kernels come from here
                made.array, made.dtype, made._counter = _empty(shape, kind.numpy), kind, _Counter()
                return made
            except MemoryError as error:
                raise no_room(error) from None
            except ValueError:
                check_room(shape)
                raise
        from .ops import creation

        place = device or self.device
        return creation.empty(*size, dtype=dtype or self.dtype, device=place, requires_grad=requires_grad, **more)

    @property
    def data(self) -> Tensor:
        """The same memory without history, and with its own version counter."""
        return Tensor._make(self.array, self.device, self.dtype)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self.requires_grad and not (value.dtype.is_floating_point or value.dtype.is_complex):
            raise RuntimeError(
                f"data set to a tensor that requires gradients must be floating point or complex dtype, but got {value.dtype}"
            )
        self.array, self.dtype, self.device = value.array, value.dtype, value.device
        self._accumulator = None

    # -------------------------------------------------------------------------------- geometry
    @property
    def shape(self) -> Size:
        """The extents of the dimensions."""
        return tuple.__new__(Size, self.array.shape)  # known to be integers

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the extent of dimension `dim`."""
        return self.shape if dim is None else self.array.shape[self._existing(dim)]

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def stride(self, dim: int | None = None) -> Any:
        """The distance in memory, in elements, between neighbours along each dimension (or along `dim`)."""
        strides = tuple([s // self.array.dtype.itemsize for s in self.array.strides])
        return strides if dim is None else strides[self._existing(dim)]

    def _existing(self, dim: int) -> int:
        from .ops.arguments import wrap_dim

        if self.ndim == 0:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        return wrap_dim(dim, self.ndim)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory one after the other, the last dimension (or the channels) fastest."""
        array = self.array
        if type(array) is _ndarray and memory_format is not types.channels_last:
            return array.flags.c_contiguous
        if memory_format is types.channels_last:
            return array.ndim == 4 and self._is_dense((0, 2, 3, 1))
        held = getattr(array, "_ary", array)  # the NumPy array in a device array, where there is no GPU
        return held.flags.c_contiguous if type(held) is np.ndarray else self._is_dense(range(array.ndim))

    def _is_dense(self, order: Sequence[int]) -> bool:
        """Whether the elements lie one after the other if the dimensions are taken in this order, the last one fastest."""
        expected = self.dtype.itemsize
        for d in reversed(order):
            extent, stride = self.array.shape[d], self.array.strides[d]
            if extent != 1 and stride != expected and self.array.size:
                return False
            expected *= extent
        return True

    def data_ptr(self) -> int:
        """The address of the first element."""
        if self.device.type == "cpu":
            return self.array.ctypes.data
        if hasattr(self.array, "_ary"):  # the simulator's: a NumPy array inside
            return self.array._ary.ctypes.data
        return int(self.array.__cuda_array_interface__["data"][0])

    def storage_offset(self) -> int:
        """How many elements after the first one of the tensor that this is a view of."""
        return 0 if self._base is None else (self.data_ptr() - self._base.data_ptr()) // self.dtype.itemsize

    # -------------------------------------------------------------------------------- changing in place
    def _check_memory(self, *sources: Tensor) -> None:
        """Raise if elements of this tensor share memory with each other, or partly with `sources`."""
        shape, strides = self.array.shape, self.array.strides
        if 0 in strides and 0 not in shape and any(n > 1 and s == 0 for n, s in zip(shape, strides)):
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a single memory "
                "location. Please clone() the tensor before performing the operation."
            )
        for source in sources:
            if source is not self and source._counter is self._counter and _overlap_partly(self, source):
                raise RuntimeError(
                    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                    "single memory location. Please clone() the tensor before performing the operation."
                )


def _overlap_partly(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors, each without gaps in memory, have some addresses in common but not all."""
    spans = []
    for tensor in (x, y):
        if not tensor._is_dense(sorted(range(tensor.ndim), key=lambda d: -tensor.array.strides[d])):
            return False
        start = tensor.data_ptr()
        spans.append((start, start + tensor.nbytes))
    (a, a_end), (b, b_end) = spans
    return spans[0] != spans[1] and max(a, b) < min(a_end, b_end)
