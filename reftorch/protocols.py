"""How a tensor behaves towards Python and NumPy: numbers, sequences, arrays, copies, pickles, text."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor


class TensorProtocols:
    """What `Tensor` inherits to work with the rest of Python."""

    __array_priority__ = 1000  # ndarray * tensor is ours

    # -------------------------------------------------------------------------------- conversion
    def item(self) -> Any:
        """The only element as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._host().item()

    def tolist(self) -> Any:
        """The elements as nested lists, or as a number."""
        return self._host().tolist()

    def _host(self) -> np.ndarray:
        from .ops.backend import to_host

        return self.array if self.device.type == "cpu" else to_host(self.array)

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The NumPy array over the same memory.

        Raises:
            RuntimeError: the tensor requires grad: `detach()` it first.
            TypeError: the tensor is on a CUDA device: move it with `cpu()` first.
        """
        if force:
            return self.detach().cpu().numpy()
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.device.type != "cpu":
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                "host memory first."
            )
        return self.array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return np.array(array) if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        if self.device.type != "cpu":
            raise BufferError(f"DLPack is supported on the CPU only, and this tensor is on {self.device}")
        return self.array.__dlpack_device__()

    # -------------------------------------------------------------------------------- Python's protocols
    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __bool__(self) -> bool:
        if self.numel() != 1:
            what = "no values" if self.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous: use .any() or .all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.numpy.kind not in "iub" or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        from .tensor import Tensor

        return format(self.item(), spec) if self.ndim == 0 and type(self) is Tensor else object.__format__(self, spec)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from .printing import describe

        return describe(self)

    def __deepcopy__(self, memo: dict) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment: detach() it first"
            )
        made = self.detach().clone()
        made.__class__ = self.__class__
        memo[id(self)] = made
        made._requires_grad = self._requires_grad
        if self._grad is not None:
            made._grad = copy.deepcopy(self._grad, memo)
        extra = {k: v for k, v in self.__dict__.items() if not k.startswith("_") and k not in made.__dict__}
        made.__dict__.update(copy.deepcopy(extra, memo))
        return made

    def __reduce_ex__(self, protocol: Any) -> tuple:
        if not self.is_leaf:
            raise RuntimeError("cannot pickle a tensor with history: detach() it first")
        array = np.ascontiguousarray(self._host()).reshape(self.array.shape)
        extra = {
            k: v for k, v in self.__dict__.items() if not k.startswith("_") and k not in ("array", "dtype", "device")
        }
        return _rebuild, (type(self), array, str(self.device), self._requires_grad), extra or None


def _rebuild(cls: type, array: np.ndarray, device: str, requires_grad: bool) -> Tensor:
    """A tensor out of a pickle."""
    from .tensor import Tensor

    made = Tensor._make(array).to(device)
    made.__class__ = cls
    made._requires_grad = requires_grad
    return made
