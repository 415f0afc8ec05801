"""How a tensor behaves towards Python and NumPy: numbers, sequences, arrays, copies, pickles, text."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import types
from .autograd.node import is_tensor
from .storage import copied


class TensorProtocols:
    """What `Tensor` inherits to work with the rest of Python."""

    array: Any
    __array_priority__ = 1000  # ndarray * tensor is ours

    # -------------------------------------------------------------------------------- numbers
    def item(self) -> Any:
        """The only element as a Python number.

        Raises:
            RuntimeError: there is not exactly one.
        """
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._host().item()

    def tolist(self) -> Any:
        """The elements as nested lists, or as a number."""
        return self._host().tolist()

    def _only(self) -> Any:
        if self.numel() != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars: this one has shape {list(self.shape)}"
            )
        return self.item()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            what = "no values" if self.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous: use .any() or .all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def __complex__(self) -> complex:
        return complex(self._only())

    def __index__(self) -> int:
        if self.dtype.numpy.kind not in "iub" or self.numel() != 1:
            raise TypeError(
                "only integer tensors of a single element can be converted to an index: this one is "
                f"{self.dtype} of shape {list(self.shape)}"
            )
        return int(self.item())

    # -------------------------------------------------------------------------------- sequences
    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self) -> Any:
        return self.flip(0) if self.ndim else self

    def __contains__(self, value: Any) -> bool:
        if not is_tensor(value) and not isinstance(value, (numbers.Number, np.generic)):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}."
            )
        return bool((self == value).any())

    # -------------------------------------------------------------------------------- arrays
    def _host(self) -> np.ndarray:
        from .ops.backend import to_host

        return self.array if self.device.type == "cpu" else to_host(self.array)

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array over the same memory.

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
        if self.dtype is types.bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16: NumPy has no such numbers; use x.float().numpy()")
        return self.array[...]  # a new array object: setting its shape must not change the tensor's

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return np.array(array) if copy else array

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Any:
        """What NumPy's functions of a tensor return."""
        from .ops.creation import from_numpy

        return from_numpy(np.asarray(array))

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        if self.device.type != "cpu":
            raise BufferError(f"DLPack is supported on the CPU only, and this tensor is on {self.device}")
        return self.array.__dlpack_device__()

    # -------------------------------------------------------------------------------- text
    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 else object.__format__(self, spec)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from .printing import describe

        return describe(self)

    # -------------------------------------------------------------------------------- copies
    def _attributes(self) -> dict:
        """What a user has set: `x.label = "red"`."""
        return {
            k: v for k, v in self.__dict__.items() if not k.startswith("_") and k not in ("array", "dtype", "device")
        }

    def __copy__(self) -> Any:
        """Another tensor over the same memory, a leaf."""
        made = self.detach()
        made.__class__ = self.__class__
        made._requires_grad = self.requires_grad
        made.__dict__.update(self._attributes())
        return made

    def __deepcopy__(self, memo: dict) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment: detach() it first"
            )
        made = self._copied(memo)
        made.__class__ = self.__class__
        memo[id(self)] = made
        made._requires_grad = self.requires_grad
        made._grad = copy.deepcopy(self._grad, memo)
        made.__dict__.update(copy.deepcopy(self._attributes(), memo))
        return made

    def _copied(self, memo: dict) -> Any:
        """A copy whose memory is shared with the copies of those tensors that this one shares memory with."""
        if self.device.type != "cpu":
            return self.detach().clone()
        array, shared = copied(self.array, memo)
        made = self._make(array, self.device, self.dtype)
        made._counter = shared.setdefault("counter", made._counter)
        return made

    def __reduce_ex__(self, protocol: Any) -> tuple:
        """Pickled without history: the bytes, and what is needed to make a tensor of them."""
        array = self._host()
        like = (
            self.dtype.name if self.dtype is types.bfloat16 else array.dtype.str,
            array.shape,
            str(self.device),
            self.requires_grad,
        )
        return rebuild, (type(self), array.tobytes(), *like), self._attributes() or None

    def __setstate__(self, attributes: dict) -> None:
        """Only what a user could have set: the tensor's own parts come from `rebuild`."""
        own = ("array", "dtype", "device")
        self.__dict__.update({k: v for k, v in attributes.items() if not k.startswith("_") and k not in own})


def rebuild(cls: type, data: bytes, dtype: str, shape: tuple, device: str, requires_grad: bool) -> Any:
    """A tensor from a pickle."""
    from .ops.creation import from_numpy

    made = from_numpy(np.frombuffer(bytearray(data), dtype).reshape(shape)).to(device)
    made.__class__ = cls
    made._requires_grad = requires_grad
    return made
