"""Copies and conversions: clone, to another dtype, to another device, to another order in memory."""

from __future__ import annotations

from typing import Any

from .. import types
from ..autograd import Function
from ..tensor import Tensor
from .arguments import as_shape, tensor_first
from .backend import check_cuda, library, quietly, to_device
from .reduce import Sum


class Clone(Function):
    """y = x, in new memory; `order` "K" keeps the order in memory, "C" makes y contiguous"""

    @staticmethod
    def forward(ctx, x, order):
        if x.device.type == "cpu":
            return Tensor._make(x.array.copy(order))
        return Tensor._make(library(x.device).copy(x.array), x.device, x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, None


class Cast(Function):
    """y = x in another dtype;  dx = dy in x's"""

    torch_name = "ToCopyBackward0"

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.dtype = x.dtype
        if x.device.type == "cpu":
            return Tensor._make(quietly(x.array.astype, dtype.numpy), x.device, dtype)
        return Tensor._make(library(x.device).astype(x.array, dtype.numpy), x.device, dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.to(ctx.dtype), None


class Move(Function):
    """y = x on another device"""

    torch_name = "ToCopyBackward0"

    @staticmethod
    def forward(ctx, x, device):
        ctx.device = x.device
        if device.type == "cpu":
            return Tensor._make(x._host(), device, x.dtype)
        return Tensor._make(to_device(x.array, device), device, x.dtype)

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y.to(ctx.device), None


@tensor_first
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy in new memory, with the same order of elements unless `memory_format` is given."""
    if memory_format in (None, types.preserve_format):
        return Clone.apply(input, "C" if 0 in input.array.strides else "K")
    return in_format(input, memory_format, copy=True)


def in_format(x: Tensor, memory_format: Any, copy: bool = False) -> Tensor:
    """x in the order of `memory_format`: x itself if it has this order already, unless a `copy` is wanted.

    Raises:
        RuntimeError: channels_last of a tensor that does not have 4 dimensions.
    """
    if not copy and x.is_contiguous(memory_format):
        return x
    if memory_format is not types.channels_last:
        return Clone.apply(x, "C")
    if x.ndim != 4:
        raise RuntimeError(f"required rank 4 tensor to use channels_last format, found {x.ndim} dimensions")
    return Clone.apply(x.permute(0, 2, 3, 1), "C").permute(0, 3, 1, 2)


@tensor_first
def to(
    input: Tensor,
    *target: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor in another dtype, on another device, or in those of another tensor; itself if nothing changes.

    Raises:
        RuntimeError: there is no such device.
        TypeError: an argument is none of a dtype, a device and a tensor.
    """
    for item in target:
        if isinstance(item, types.dtype):  # the most common first
            dtype = item
        elif isinstance(item, Tensor):
            dtype, device = item.dtype, item.device
        elif isinstance(item, (types.device, str, int)) and not isinstance(item, bool):
            device = item
        elif item in (float, int, bool, complex):
            dtype = item
        elif item is not None and not isinstance(item, bool):
            raise TypeError(f"to() takes a torch.dtype, a device or a tensor; found {type(item).__name__}: {item!r}")
    y, dtype = input, types.as_dtype(dtype)
    if dtype is not None and dtype is not input.dtype:
        y = Cast.apply(y, dtype)
    if device is not None and device is not input.device:
        place = types.device(device)
        check_cuda(place)
        if place != y.device:
            y = Move.apply(y, place)
    if memory_format not in (None, types.preserve_format):
        y = in_format(y, memory_format)
    return clone(input) if copy and y is input else y


@tensor_first
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The tensor summed over the dimensions that broadcasting added to `size` or repeated."""
    shape, found = as_shape(size), input.shape
    if found == shape:
        return input
    lead = len(found) - len(shape)
    if lead < 0 or any(n != m and n != 1 for n, m in zip(shape, found[lead:])):
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(found)}}}.")
    dims = tuple(range(lead)) + tuple(lead + d for d, n in enumerate(shape) if n == 1 and found[lead + d] != 1)
    return Sum.apply(input, dims, False).reshape(shape)


@tensor_first
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating-point one."""
    return input.dtype.is_floating_point


@tensor_first
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is a complex one."""
    return input.dtype.is_complex


@tensor_first
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


@tensor_first
def real(input: Tensor) -> Tensor:
    """The input, if it is real."""
    if input.dtype.is_complex:
        raise NotImplementedError("real() of complex tensors is not supported")
    return input


# ------------------------------------------------------------------------------------------------ old names


class OldType(type):
    """The class of `torch.FloatTensor` and its like: calling it makes a tensor of one dtype; `isinstance` checks for this dtype."""

    dtype: types.dtype
    place: types.device

    def __call__(cls, *data: Any) -> Tensor:
        from .creation import empty, tensor

        if len(data) == 1 and not isinstance(data[0], (int, types.Size)):
            return tensor(data[0], dtype=cls.dtype, device=cls.place)
        return empty(*(data or (0,)), dtype=cls.dtype, device=cls.place)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and instance.device == cls.place


_OLD_NAMES = {
    "FloatTensor": types.float32, "DoubleTensor": types.float64, "HalfTensor": types.float16,
    "BFloat16Tensor": types.bfloat16,
    "LongTensor": types.int64, "IntTensor": types.int32, "ShortTensor": types.int16,
    "CharTensor": types.int8, "ByteTensor": types.uint8, "BoolTensor": types.bool,
}  # fmt: skip


def _old_type(name: str) -> OldType:
    made = OldType(name, (), {"__module__": "torch", "__doc__": f"Tensors of {_OLD_NAMES[name]}, by their old name."})
    made.dtype, made.place = _OLD_NAMES[name], types.CPU
    return made


FloatTensor, DoubleTensor, HalfTensor = map(_old_type, ("FloatTensor", "DoubleTensor", "HalfTensor"))
BFloat16Tensor = _old_type("BFloat16Tensor")
LongTensor, IntTensor, ShortTensor = map(_old_type, ("LongTensor", "IntTensor", "ShortTensor"))
CharTensor, ByteTensor, BoolTensor = map(_old_type, ("CharTensor", "ByteTensor", "BoolTensor"))


def type_of(x: Tensor) -> str:
    """The old name of a tensor's type, such as `torch.FloatTensor`."""
    names = [old for old, dtype in _OLD_NAMES.items() if dtype is x.dtype]
    name = names[0] if names else f"{x.dtype.name.title()}Tensor"
    return f"torch.{'cuda.' if x.device.type == 'cuda' else ''}{name}"


def parse_type(name: Any) -> types.dtype:
    """The dtype of an old name; a dtype as it is."""
    if isinstance(name, (types.dtype, OldType)):
        return name if isinstance(name, types.dtype) else name.dtype
    found = _OLD_NAMES.get(str(name).rsplit(".", 1)[-1])
    if found is None:
        raise ValueError(f"invalid type: {name!r}; wanted a dtype, or one of {', '.join(_OLD_NAMES)}")
    return found
