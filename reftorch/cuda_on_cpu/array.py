"""Arrays that only kernels can use: the memory of the simulated device."""

from __future__ import annotations

from typing import Any

import numpy as np


class Array:
    """A device array. It is not a NumPy array, so that code that forgets `.to("cuda")` or `.cpu()` fails as on a GPU."""

    __cuda_ndarray__ = True

    def __init__(self, array: np.ndarray):
        self._ary = array

    shape = property(lambda self: self._ary.shape)
    strides = property(lambda self: self._ary.strides)
    dtype = property(lambda self: self._ary.dtype)
    size = property(lambda self: self._ary.size)
    ndim = property(lambda self: self._ary.ndim)
    nbytes = property(lambda self: self._ary.nbytes)
    flags = property(lambda self: self._ary.flags)
    __array_interface__ = property(lambda self: _refuse())

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        return _refuse()

    def __len__(self) -> int:
        return len(self._ary)

    def __repr__(self) -> str:
        return f"<device array, CUDA compiled on the CPU, shape {self.shape}, {self.dtype}>"

    def reshape(self, *shape: Any) -> Array:
        """The same memory with another shape."""
        view = self._ary.view()
        view.shape = shape[0] if len(shape) == 1 else shape  # which raises where `reshape` would copy
        return Array(view)

    def ravel(self) -> Array:
        """The same memory as one line of elements."""
        return self.reshape(-1)

    def copy_to_host(self) -> np.ndarray:
        """A copy of the elements in a NumPy array."""
        return self._ary.copy()


def _refuse() -> Any:
    raise TypeError(
        "can't convert a device array to NumPy. Use Tensor.cpu() to copy the tensor to host memory first, or "
        "array.copy_to_host()"
    )
