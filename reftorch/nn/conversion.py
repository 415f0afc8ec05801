"""Changing the dtype, the device or the storage of a module's tensors.

Everything is based on one method, `_apply(fn)`: every parameter, its gradient and every buffer of the module and its submodules
is replaced by `fn` of it. Parameters stay the same objects and only get other data, so an optimizer that holds them still works.
"""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np

from reftorch.autograd import no_grad
from reftorch.nn.tree import ModuleTree
from reftorch.ops.creation import empty_like, from_numpy
from reftorch.tensor import Tensor
from reftorch.types import bfloat16, float16, float32, float64
from reftorch.types import device as Device
from reftorch.types import dtype as Dtype

M = TypeVar("M", bound="Conversion")
NoneType = type(None)


class Conversion(ModuleTree):
    """The part of `Module` that converts; every method works in place and returns the module itself."""

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Replace parameters, their gradients and buffers by `fn` of them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            grad = parameter.grad
            with no_grad():
                parameter.data = fn(parameter)
                if grad is not None:
                    grad.data = fn(grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Move parameters and buffers to a device, and cast those of a floating or complex type.

        Called as `to(device=None, dtype=None, non_blocking=False)`, `to(dtype, non_blocking=False)`,
        `to(tensor, non_blocking=False)`, which takes device and dtype from a tensor, or `to(memory_format=...)`. Integers and
        booleans are moved but keep their type. `non_blocking` and `memory_format` change nothing: copies are finished when
        they return, and kernels read contiguous arrays.

        Raises:
            TypeError: the dtype is neither floating nor complex, or the arguments fit none of these forms.
            RuntimeError: there is no such device.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}: "
                "layers do not compute with integers; cast single tensors with Tensor.to"
            )
        if dtype is not None and dtype.is_complex:
            warnings.warn("Complex modules are experimental: most kernels here know real numbers only", stacklevel=2)

        return self._apply(lambda t: t.to(device, dtype if t.is_floating_point() or t.is_complex() else None))

    def type(self: M, dst_type: Dtype | str) -> M:
        """Cast all parameters and buffers to `dst_type`, whatever their type: a dtype or a name like "torch.DoubleTensor"."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: M) -> M:
        """Cast floating parameters and buffers to float32."""
        return self._cast(float32)

    def double(self: M) -> M:
        """Cast floating parameters and buffers to float64."""
        return self._cast(float64)

    def half(self: M) -> M:
        """Cast floating parameters and buffers to float16."""
        return self._cast(float16)

    def bfloat16(self: M) -> M:
        """Cast floating parameters and buffers to bfloat16, to print or save them: no kernel computes in it."""
        return self._cast(bfloat16)

    def _cast(self: M, dtype: Dtype) -> M:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def cpu(self: M) -> M:
        """Move parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self: M, device: int | Device | None = None) -> M:
        """Move parameters and buffers to the GPU; `device` is its number."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self: M, *, device: Device | str | int | None, recurse: bool = True) -> M:
        """Move parameters and buffers to `device` without their values; the new values are arbitrary.

        Args:
            device: the new device; None keeps the device.
            recurse: whether the modules below move too.
        """
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self: M) -> M:
        """Move parameters and buffers on the CPU to memory that they share with processes forked afterwards."""
        return self._apply(_shared)

    # -------------------------------------------------------------------------------------------- devices that reftorch lacks
    def ipu(self, device: Any = None) -> NoReturn:
        """Not available.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(_no_device("ipu"))

    def xpu(self, device: Any = None) -> NoReturn:
        """Not available.

        Raises:
            AssertionError: always.
        """
        raise AssertionError(_no_device("xpu"))

    def mtia(self, device: Any = None) -> NoReturn:
        """Not available.

        Raises:
            AssertionError: always.
        """
        raise AssertionError(_no_device("mtia"))


def _no_device(name: str) -> str:
    return f"Module.{name}(): reftorch has no {name.upper()} kernels, only cpu and cuda; use .to('cpu') or .to('cuda')"


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Device | None, Dtype | None]:
    """The device and the dtype in the arguments of `Module.to`; None for those that are not given."""
    names = ["device", "dtype", "non_blocking", "copy"]
    if args and isinstance(args[0], Tensor):
        names = ["tensor", "non_blocking", "copy"]
    elif args and isinstance(args[0], Dtype):
        names = ["dtype", "non_blocking", "copy"]
    given = {**dict(zip(names, args)), **kwargs}
    if "copy" in given:
        raise RuntimeError(".to() does not accept copy argument: a module is changed in place; use copy.deepcopy first")
    tensor = given.pop("tensor", None)
    if tensor is not None:
        given = {**given, "device": tensor.device, "dtype": tensor.dtype}
    wanted: dict[str, Any] = {
        "device": (Device, str, int, NoneType),
        "dtype": (Dtype, NoneType),
        "non_blocking": bool,
        "memory_format": object,
    }
    fits = all(name in wanted and isinstance(value, wanted[name]) for name, value in given.items())
    if not fits or len(args) > len(names) or set(names[: len(args)]) & set(kwargs):
        got = [type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in kwargs.items()]
        raise TypeError(
            f"to() received an invalid combination of arguments - got ({', '.join(got)}); wanted (device, dtype, "
            "non_blocking), (dtype, non_blocking) or (tensor, non_blocking)"
        )
    device = given.get("device")
    return None if device is None else Device(device), given.get("dtype")


def _shared(t: Tensor) -> Tensor:
    """Move `t` to anonymous memory, which forked processes share instead of getting a copy."""
    if t.device.type == "cpu" and t.numel() > 0:
        array = np.frombuffer(mmap.mmap(-1, t.array.nbytes), dtype=t.array.dtype).reshape(t.array.shape)
        array[...] = t.array
        t.data = from_numpy(array)
    return t
