"""New tensors: from numbers, from arrays, from the random generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random, types
from ..tensor import Tensor
from .backend import check_cuda, library, to_device
from .promotion import default_dtype, promote_types, scalar_dtype
from .shape import as_shape


def _finish(array: Any, device: Any, requires_grad: bool) -> Tensor:
    """A NumPy array as a tensor on `device`."""
    place = types.device(device if device is not None else "cpu")
    made = Tensor._make(to_device(array, place), place)
    return made.requires_grad_() if requires_grad else made


def _place(device: Any) -> types.device:
    place = types.device(device if device is not None else "cpu")
    if place.type == "cuda":
        check_cuda(place)
    return place


def _extents(size: tuple) -> tuple:
    shape = as_shape(size)
    for extent in shape:
        if extent < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {extent}: {list(shape)}")
    return shape


def _check_dtype(dtype: Any) -> None:
    if dtype is not None and not isinstance(dtype, types.dtype):
        raise TypeError(f"dtype must be a torch.dtype such as torch.float32, found {type(dtype).__name__}: {dtype!r}")


# ------------------------------------------------------------------------------------------------ from data


def _array_of(data: Any, dtype: Any) -> np.ndarray:
    """Nested sequences of numbers, or whatever has an array in it, as a new NumPy array of torch's dtype."""
    if isinstance(data, Tensor):
        array = np.array(data.detach().cpu().array)
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.array(data)
    else:
        array = _from_nested(data, dtype)
    types.from_numpy_dtype(array.dtype)
    return array if dtype is None else array.astype(dtype.numpy, copy=False)


def _from_nested(data: Any, dtype: Any) -> np.ndarray:
    if isinstance(data, str) or not (isinstance(data, (list, tuple, range)) or np.isscalar(data)):
        try:
            return np.array(data.__array__())
        except AttributeError:
            raise TypeError(
                f"tensor() takes numbers, nested lists of numbers, arrays and tensors; found {type(data).__name__}"
            ) from None
    leaves: list = []
    _check_nesting(data, leaves)
    if dtype is not None:
        inferred = dtype
    elif leaves:
        inferred = leaves[0]
        for leaf in leaves[1:]:
            inferred = promote_types(inferred, leaf)
    else:
        inferred = default_dtype()
    plain = _plain(data)
    try:
        return np.array(plain, dtype=inferred.numpy)
    except OverflowError:
        raise RuntimeError(f"value cannot be converted to type {inferred} without overflow") from None


def _check_nesting(data: Any, leaves: list, at: str = "") -> tuple:
    """The shape of nested sequences; collects the dtypes of the numbers in them.

    Raises:
        ValueError: sequences of different lengths side by side.
        TypeError: something that is not a number.
    """
    if isinstance(data, (Tensor, np.ndarray)):
        leaves.append(data.dtype if isinstance(data, Tensor) else types.from_numpy_dtype(data.dtype))
        return tuple(data.shape)
    if not isinstance(data, (list, tuple, range)):
        if isinstance(data, (str, bytes)) or data is None:
            raise TypeError(f"tensor() wanted a number{at}, found {type(data).__name__}: {data!r}")
        found = types.from_numpy_dtype(data.dtype) if isinstance(data, np.generic) else scalar_dtype(data)
        if not leaves or leaves[-1] is not found:
            leaves.append(found)
        return ()
    shapes = [_check_nesting(item, leaves, f"{at}[{i}]") for i, item in enumerate(data)]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                f"expected sequence of length {shapes[0][0] if shapes[0] else 0} at dim {len(shapes) and 1} (got "
                f"{shape[0] if shape else 0}): the nested lists have different shapes, {list(shapes[0])} and "
                f"{list(shape)} at {at}[{i}]"
            )
    return (len(data), *(shapes[0] if shapes else ()))


def _plain(data: Any) -> Any:
    """Tensors inside lists as NumPy arrays."""
    if isinstance(data, Tensor):
        return data.detach().cpu().array
    return [_plain(item) for item in data] if isinstance(data, (list, tuple)) else data


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested lists, a NumPy array or a tensor.

    Floats become the default dtype (float32), integers int64, bools bool; NumPy arrays keep theirs.

    Raises:
        ValueError: nested lists of different lengths.
        TypeError: something that is not a number.
    """
    _check_dtype(dtype)
    if device is None and isinstance(data, Tensor):
        device = data.device
    return _finish(_array_of(data, dtype), device, requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor over the memory of a NumPy array: writing to one changes the other.

    Raises:
        TypeError: not an array, or one of strings, objects or the like.
        ValueError: a negative stride, or memory that cannot be written to.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    types.from_numpy_dtype(array.dtype)
    if any(stride < 0 for stride in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().) "
        )
    return Tensor._make(array)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, in the same memory where dtype and device allow it."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    if isinstance(data, Tensor):
        return data.to(dtype=dtype or data.dtype, device=types.device(device) if device is not None else data.device)
    return tensor(data, dtype=dtype, device=device)


def from_dlpack(source: Any) -> Tensor:
    """A tensor over the memory of any CPU array that speaks DLPack."""
    return Tensor._make(np.from_dlpack(source))


# ------------------------------------------------------------------------------------------------ constant


def empty(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """A tensor whose elements are not set."""
    _check_dtype(dtype)
    place, numpy = _place(device), (dtype or default_dtype()).numpy
    made = Tensor._make(library(place).empty(_extents(size), numpy), place)
    return made.requires_grad_() if requires_grad else made


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with `fill_value` everywhere; its dtype follows the value."""
    _check_dtype(dtype)
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    numpy = (dtype or scalar_dtype(value)).numpy
    place, shape = _place(device), _extents(tuple(size) if isinstance(size, (tuple, list)) else (size,))
    made = Tensor._make(library(place).full(shape, value, dtype=numpy), place)
    return made.requires_grad_() if requires_grad else made


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros."""
    _check_dtype(dtype)
    place, numpy = _place(device), (dtype or default_dtype()).numpy
    made = Tensor._make(library(place).zeros(_extents(size), numpy), place)
    return made.requires_grad_() if requires_grad else made


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return full(_extents(size), 1, dtype=dtype or default_dtype(), device=device, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an n by m matrix."""
    return _finish(np.eye(n, m, dtype=(dtype or default_dtype()).numpy), device, requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but without `end`; `arange(end)` starts at 0.

    Raises:
        RuntimeError: step is 0, or leads away from `end`.
    """
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: start {start}, end {end}, step {step}"
        )
    if dtype is None:
        floats = any(isinstance(v, (float, np.floating)) for v in (start, end, step))
        dtype = default_dtype() if floats else types.int64
    count = int(np.ceil((end - start) / step))
    return _finish((start + step * np.arange(count)).astype(dtype.numpy), device, requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, found {steps}")
    return _finish(np.linspace(start, end, steps, dtype=(dtype or default_dtype()).numpy), device, requires_grad)


# ------------------------------------------------------------------------------------------------ random


def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the uniform distribution on [0, 1)."""
    _check_dtype(dtype)
    numpy = (dtype or default_dtype()).numpy
    return _finish(random.uniform(_extents(size), 0.0, 1.0, dtype=numpy, generator=generator), device, requires_grad)


def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the normal distribution with mean 0 and standard deviation 1."""
    _check_dtype(dtype)
    numpy = (dtype or default_dtype()).numpy
    return _finish(random.normal(_extents(size), 0.0, 1.0, dtype=numpy, generator=generator), device, requires_grad)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None) -> Tensor:
    """Normal numbers of the given mean and standard deviation, each a number or a tensor."""
    if size is None:
        like = mean if isinstance(mean, Tensor) else std
        return randn(like.shape, generator=generator, dtype=like.dtype) * std + mean
    return _finish(random.normal(_extents((size,)), mean, std, dtype=default_dtype().numpy, generator=generator),
                   None, False)  # fmt: skip


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from low (0 if left out) up to but without high: `randint(high, size)` or `randint(low, high, size)`."""
    if size is None and isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise TypeError("randint() missing its size: randint(low, high, size)")
    numbers = random.randint(low, high, _extents((size,)), (dtype or types.int64).numpy, generator)
    return _finish(numbers, device, requires_grad)


def randperm(n: int, *, generator: Any = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    numbers = random.randperm(n, generator=generator)
    return _finish(np.asarray(numbers).astype((dtype or types.int64).numpy, copy=False), device, False)


def bernoulli(x: Tensor, *, generator: Any = None) -> Tensor:
    """Ones with the probabilities in x, else zeros."""
    drawn = random.bernoulli(x.detach().cpu().array, None, x.dtype.numpy, generator)
    return _finish(drawn, x.device, False)


# ------------------------------------------------------------------------------------------------ like another


def _as(x: Tensor, dtype: Any, device: Any) -> dict:
    return {"dtype": dtype or x.dtype, "device": device if device is not None else x.device}


def empty_like(x: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:  # fmt: skip
    """`empty` of x's shape, dtype and device."""
    return empty(x.shape, **_as(x, dtype, device), requires_grad=requires_grad)


def zeros_like(x: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:  # fmt: skip
    """`zeros` of x's shape, dtype and device."""
    return zeros(x.shape, **_as(x, dtype, device), requires_grad=requires_grad)


def ones_like(x: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`ones` of x's shape, dtype and device."""
    return ones(x.shape, **_as(x, dtype, device), requires_grad=requires_grad)


def full_like(x: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """`full` of x's shape, dtype and device."""
    return full(x.shape, fill_value, **_as(x, dtype, device))


def rand_like(x: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`rand` of x's shape, dtype and device."""
    return rand(x.shape, **_as(x, dtype, device), requires_grad=requires_grad)


def randn_like(x: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randn` of x's shape, dtype and device."""
    return randn(x.shape, **_as(x, dtype, device), requires_grad=requires_grad)


def randint_like(x: Tensor, low: int, high: int | None = None, *, dtype: Any = None) -> Tensor:
    """`randint` of x's shape, dtype and device."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, x.shape, **_as(x, dtype, None))
