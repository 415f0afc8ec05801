"""New tensors: from numbers and arrays, and constant ones. Random ones are in `draws.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random, types
from ..room import check_room
from ..tensor import Tensor
from .arguments import as_shape, tensor_first
from .backend import check_cuda, library, quietly, to_device
from .fits import check_all_fit, check_fits
from .into import takes_out
from .promotion import category, default_dtype, promote_types, scalar_dtype


def finish(array: Any, device: Any, requires_grad: bool) -> Tensor:
    """A NumPy array as a tensor on `device`."""
    place = types.CPU if device is None else types.device(device)
    made = Tensor._make(to_device(array, place), place)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


def _place(device: Any) -> types.device:
    if device is None or device is types.CPU:
        return types.CPU
    place = types.device(device)
    check_cuda(place)
    return place


def sizes(name: str, given: tuple, options: dict | None = None) -> tuple[int, ...]:
    """The extents of `zeros(2, 3)`, `zeros((2, 3))` and `zeros(size=(2, 3))`; takes `size` out of `options`.

    Raises:
        TypeError: no size, or one that does not consist of integers; an unknown option.
        RuntimeError: a negative extent, or more elements than any memory has room for.
    """
    if options:
        given = (options.pop("size"),) if "size" in options and not given else given
        for option in options.keys() - {"memory_format", "layout", "pin_memory", "names"}:
            raise TypeError(f"{name}() got an unexpected keyword argument '{option}'")
    if not given:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    shape = as_shape(given)
    check_room(shape)
    return shape


# ------------------------------------------------------------------------------------------------ from data


def _array_of(data: Any, dtype: types.dtype | None) -> np.ndarray:
    """Nested sequences of numbers, a tensor, or an object with `__array__`, as a new NumPy array of torch's dtype."""
    if isinstance(data, Tensor):
        array = np.array(data.detach().cpu().array, order="C")
    elif hasattr(data, "__array__"):
        array = np.asarray(data)
        types.from_numpy_dtype(array.dtype)
        _refuse_negative_strides(array)
        array = np.array(array)
    elif isinstance(data, (list, tuple, range, int, float, complex)):
        return _array_of_numbers(data, dtype)
    elif isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}': {data!r}")
    else:
        raise _no_number(data, dtype, "tensor() takes numbers, nested lists of numbers, arrays and tensors")
    return array if dtype is None else array.astype(dtype.numpy, copy=False)


def _no_number(data: Any, dtype: types.dtype | None, why: str) -> Exception:
    kind = type(data).__name__
    if dtype is None:
        return RuntimeError(f"Could not infer dtype of {kind}: {why}")
    return TypeError(f"must be real number, not {kind}: {why}")


def _array_of_numbers(data: Any, dtype: types.dtype | None) -> np.ndarray:
    leaves: list[types.dtype] = []
    shape = _check_nesting(data, leaves, dtype)
    inferred = leaves[0] if leaves else default_dtype()
    for leaf in leaves[1:]:
        inferred = promote_types(inferred, leaf)
    wanted = dtype or inferred
    if wanted is types.bool:
        return np.array(_plain(data), dtype=object).astype(np.bool_).reshape(shape)  # everything that is not 0 is True
    if category(inferred) == 3 and category(wanted) < 3:
        raise TypeError(f"must be real number, not complex: a tensor of {wanted} has no imaginary part")
    if category(wanted) == 2 or wanted is types.uint64 and category(inferred) < 2:
        read_as = wanted.numpy if wanted is types.uint64 else np.dtype(np.float64)
    else:
        read_as = np.dtype(np.float64) if category(inferred) == 2 else inferred.numpy
    try:
        array = np.array(_plain(data), dtype=read_as).reshape(shape)
    except OverflowError as error:
        if wanted is types.uint64:
            raise OverflowError(f"{error}: there is a number that {wanted} cannot hold") from None
        raise ValueError(f"Overflow when unpacking long long: there is a number beyond {inferred}") from None
    check_all_fit(array, wanted)
    return quietly(array.astype, wanted.numpy, copy=False)


def _check_nesting(data: Any, leaves: list, dtype: types.dtype | None, at: str = "") -> tuple:
    """The shape of nested sequences; collects the dtypes of the numbers in them.

    Raises:
        ValueError: sequences of different lengths side by side, or text.
        TypeError: a sequence beside a number; where `dtype` is given, something that is not a number.
        RuntimeError: where it is not given, something that is not a number.
    """
    if isinstance(data, (Tensor, np.ndarray)):
        if isinstance(data, Tensor) and data.numel() != 1:
            raise (ValueError if data.dtype.is_floating_point else TypeError)(
                f"only one element tensors can be converted to Python scalars: found one of shape {list(data.shape)} "
                f"at {at}. Join tensors with torch.stack"
            )
        leaves.append(data.dtype if isinstance(data, Tensor) else types.from_numpy_dtype(data.dtype))
        _refuse_fraction(data, leaves[-1], dtype, at)
        return () if isinstance(data, Tensor) else data.shape
    if not isinstance(data, (list, tuple, range)):
        if isinstance(data, (str, bytes)):
            kind = type(data).__name__
            if leaves:
                raise TypeError(f"new(): invalid data type '{kind}': found {data!r} at {at}, beside numbers")
            raise ValueError(f"too many dimensions '{kind}': found {data!r} at {at}")
        try:
            found = types.from_numpy_dtype(data.dtype) if isinstance(data, np.generic) else scalar_dtype(data)
        except TypeError:
            raise _no_number(data, dtype, f"found {data!r} at {at}") from None
        if isinstance(data, np.generic) and not isinstance(data, float):
            _refuse_fraction(data, found, dtype, at)
        if not leaves or leaves[-1] is not found:
            leaves.append(found)
        return ()
    shapes = [_check_nesting(item, leaves, dtype, f"{at}[{i}]") for i, item in enumerate(data)]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            where = f"the nested lists have different shapes, {list(shapes[0])} and {list(shape)} at {at}[{i}]"
            if not shape or not shapes[0]:
                raise TypeError(f"a number stands beside a sequence: {where}")
            raise ValueError(
                f"expected sequence of length {shapes[0][0]} at dim {at.count('[') + 1} (got {shape[0]}): {where}"
            )
    return (len(data), *(shapes[0] if shapes else ()))


def _refuse_fraction(data: Any, found: types.dtype, dtype: types.dtype | None, at: str) -> None:
    """Raise if a floating-point tensor or NumPy number in a list would become an integer: only Python's own floats do."""
    if dtype is not None and dtype.numpy.kind in "iu" and found.is_floating_point:
        raise TypeError(
            f"only integer tensors of a single element can be converted to an index: found a {type(data).__name__} of "
            f"{found} at {at}, and {dtype} is wanted; convert it with int(...)"
        )


def _plain(data: Any) -> Any:
    """Tensors inside lists as numbers."""
    if isinstance(data, Tensor):
        return data.item()
    return [_plain(item) for item in data] if isinstance(data, (list, tuple)) else data


def _refuse_negative_strides(array: np.ndarray) -> None:
    if any(stride < 0 for stride, n in zip(array.strides, array.shape) if n > 1):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested lists, a NumPy array or a tensor.

    Floats become the default dtype (float32), integers int64, bools bool; NumPy arrays keep theirs.

    Raises:
        ValueError: nested lists of different lengths, text, an integer beyond int64.
        TypeError: a list beside a number.
        RuntimeError: something that is not a number.
    """
    if device is None and isinstance(data, Tensor):
        device = data.device
    return finish(_array_of(data, types.as_dtype(dtype)), device, requires_grad)


def scalar_tensor(value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without dimensions, of the default dtype."""
    check_fits(value, types.as_dtype(dtype) or default_dtype())
    return tensor(value, dtype=dtype or default_dtype(), device=device, requires_grad=requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor over the memory of a NumPy array: writing to one changes the other.

    Raises:
        TypeError: not an array, or one of strings, objects or the like.
        ValueError: a negative stride, or bytes in another order than this machine's.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    types.from_numpy_dtype(array.dtype)
    _refuse_negative_strides(array)
    if array.base is None or not array.size or array.dtype == types.bfloat16.numpy:
        return Tensor._make(
            np.asarray(array)[...]
        )  # a new array object: if the user sets the shape of his array, this one keeps its shape
    lent: Any = array
    return Tensor._make(np.asarray(memoryview(lent)))  # only this part of the user's memory is copied or written


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, in the same memory where dtype and device allow it."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    if isinstance(data, Tensor):
        return data.to(dtype=types.as_dtype(dtype), device=device)
    return tensor(data, dtype=dtype, device=device)


asarray = as_tensor


def from_dlpack(source: Any) -> Tensor:
    """A tensor over the memory of any CPU array that supports DLPack."""
    return Tensor._make(np.from_dlpack(source))


# ------------------------------------------------------------------------------------------------ constant


@takes_out
def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any) -> Tensor:
    """A tensor whose elements are not set."""
    place, kind = _place(device), types.as_dtype(dtype) or default_dtype()
    made = Tensor._make(library(place).empty(sizes("empty", size, more), kind.numpy), place, kind)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


@takes_out
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any
) -> Tensor:
    """A tensor of `fill_value`, by default of its dtype."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    place, shape = _place(device), sizes("full", (size,), more)
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.generic)) else fill_value
    try:
        kind = types.as_dtype(dtype) or scalar_dtype(value)
        scalar_dtype(value)  # which refuses what is not a number
        check_fits(value, kind)
        number = np.asarray(value.real if isinstance(value, complex) and not kind.is_complex else value)
        number = quietly(number.astype, kind.numpy)
    except (TypeError, ValueError):
        raise TypeError(
            f"full(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}"
        ) from None
    made = Tensor._make(library(place).full(shape, number, kind.numpy), place, kind)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


@takes_out
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any) -> Tensor:
    """Zeros."""
    place, kind = _place(device), types.as_dtype(dtype) or default_dtype()
    made = Tensor._make(library(place).zeros(sizes("zeros", size, more), kind.numpy), place, kind)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


@takes_out
def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **more: Any) -> Tensor:
    """Ones."""
    place, kind = _place(device), types.as_dtype(dtype) or default_dtype()
    made = Tensor._make(library(place).full(sizes("ones", size, more), 1, kind.numpy), place, kind)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


@takes_out
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an n by m matrix."""
    for name, extent in (("n", n), ("m", n if m is None else m)):
        if extent < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {extent}")
    return finish(np.eye(n, m, dtype=(types.as_dtype(dtype) or default_dtype()).numpy), device, requires_grad)


def _refuse_bool(name: str, kind: types.dtype) -> None:
    if kind is types.bool:
        raise NotImplementedError(f'"{name}" not implemented for torch.bool: compare its result with something')


@takes_out
def arange(
    *bounds: Any,
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... up to, but not including, `end`: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`.

    Raises:
        RuntimeError: step is 0, or leads away from `end`; a bound is not finite.
        TypeError: not numbers.
    """
    if len(bounds) == 1:
        start, end = (start, bounds[0]) if end is None else (bounds[0], end)
    elif bounds:
        start, end, step = (*bounds, step)[:3]
    start, end, step = [v.item() if isinstance(v, (Tensor, np.generic)) else v for v in (start, end, step)]
    if len(bounds) > 3 or not all(isinstance(v, (int, float)) for v in (start, end, step)):
        raise TypeError(f"arange() expects numbers: start, end and step are {start!r}, {end!r} and {step!r}")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: start {start}, end {end}, step {step}"
        )
    floats = any(isinstance(v, float) for v in (start, end, step))
    kind = types.as_dtype(dtype) or (default_dtype() if floats else types.int64)
    _refuse_bool("arange", kind)
    if category(kind) < 2:  # the bounds and the step are cut to integers first
        for value in (start, end, step):
            check_fits(value, types.int64)
        start, end, step, floats = int(start), int(end), int(step), False
        if step == 0:
            raise ValueError(f"step must be nonzero: it becomes 0 in {kind}")
    count = math.ceil((end - start) / step) if floats else -((start - end) // step)
    return finish((start + step * np.arange(count)).astype(kind.numpy), device, requires_grad)


@takes_out
def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances from `start` to `end`, both included."""
    if isinstance(steps, (bool, float)) or (isinstance(steps, Tensor) and steps.is_floating_point()):
        raise TypeError(
            f"linspace(): argument 'steps' must be int, found {steps!r}; if it was divided, // gives an int"
        )
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, found {steps}")
    kind = (types.as_dtype(dtype) or default_dtype()).numpy
    _refuse_bool("linspace", types.from_numpy_dtype(kind))
    if kind == types.bfloat16.numpy:
        rounded = linspace(start, end, steps, dtype=types.float32, device=device).to(types.bfloat16)
        return rounded.requires_grad_(requires_grad)
    if kind.kind not in "f":
        for value in (start, end):
            check_fits(value, types.from_numpy_dtype(kind))
        return finish(np.linspace(start, end, steps).astype(kind), device, requires_grad)
    wide = np.result_type(np.float64, np.longdouble if kind == np.float64 else kind).type
    step = wide(kind.type((end - start) / max(steps - 1, 1)))  # rounded once, but the products below are not
    i = np.arange(steps)
    up = start + step * i
    numbers = np.where(i < steps // 2, up, end - step * (steps - 1 - i)) if steps > 1 else up
    return finish(numbers.astype(kind), device, requires_grad)


# ------------------------------------------------------------------------------------------------ like another


def like(input: Tensor, dtype: Any, device: Any) -> dict:
    """The dtype and device of a tensor, unless others are given."""
    return {"dtype": dtype or input.dtype, "device": input.device if device is None else device}


@tensor_first
def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:  # fmt: skip
    """`empty` of the input's shape, dtype and device, and in its order in memory."""
    made = empty(input.shape, **like(input, dtype, device))
    if made.device.type == "cpu" and input.device.type == "cpu" and memory_format is None and not input.is_contiguous():
        made = Tensor._make(random.empty_in_order(input.shape, input.stride(), made.dtype.numpy))
    return made.requires_grad_(requires_grad) if requires_grad is not False else made


@tensor_first
def zeros_like(input: Tensor, *, requires_grad: bool = False, **options: Any) -> Tensor:
    """`zeros` of the input's shape, dtype and device."""
    return full_like(input, 0, requires_grad=requires_grad, **options)


@tensor_first
def ones_like(input: Tensor, *, requires_grad: bool = False, **options: Any) -> Tensor:
    """`ones` of the input's shape, dtype and device."""
    return full_like(input, 1, requires_grad=requires_grad, **options)


@tensor_first
def full_like(input: Tensor, fill_value: Any, *, requires_grad: bool = False, **options: Any) -> Tensor:
    """`full` of the input's shape, dtype and device."""
    made = empty_like(input, **options).fill_(fill_value)
    return made.requires_grad_(requires_grad) if requires_grad is not False else made
