"""Reading and writing by a key: x[key] and x[key] = value.

The integers, slices and None in a key make a view of x. Index tensors, masks and lists then pick elements of that view; what they
pick is a copy.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import types
from ..autograd import Function, is_grad_enabled
from ..autograd.node import expands_to
from ..tensor import Tensor
from .arguments import tensor_first
from .backend import library
from .fits import number_like
from .inplace import copy_, take_over
from .views import Alias, NewAxis, Select, Slice

ALL = slice(None)


class Index(Function):
    """y = x[key] for a key of index arrays;  dx[key] += dy, since an index may occur twice"""

    @staticmethod
    def forward(ctx, x, key):
        ctx.shape = x.shape
        save_key(ctx, key)
        key = arrays_of(key)
        if x.device.type == "cpu":
            return Tensor._make(np.asarray(x.array[key], order="C"))
        return Tensor._make(library(x.device).getitem(x.array, key), x.device)

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_zeros(ctx.shape)
        write_at(grad_x, saved_key(ctx), grad_y, accumulate=True)
        return grad_x, None


class IndexPut(Function):
    """y = x with y[key] = values;  dx = dy with dx[key] = 0,  dvalues = dy[key]"""

    @staticmethod
    def forward(ctx, x, key, values):
        save_key(ctx, key)
        y = x.clone()
        write_at(y, key, values)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.clone()
        key = saved_key(ctx)
        write_at(grad_x, key, grad_y.new_zeros(()))
        return grad_x, None, Index.apply(grad_y, key)


class IndexAdd(Function):
    """y = x with y[key] += values, as often as an element occurs;  dx = dy,  dvalues = dy[key]"""

    @staticmethod
    def forward(ctx, x, key, values):
        save_key(ctx, key)
        y = x.clone()
        write_at(y, key, values, accumulate=True)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return grad_y, None, Index.apply(grad_y, saved_key(ctx))


def save_key(ctx: Any, key: tuple) -> None:
    """Keep a key for the backward pass; its indices are freed with the other saved tensors, and must not be changed before."""
    ctx.slices = tuple([part if isinstance(part, slice) else None for part in key])
    parts = [Tensor._make(part) if isinstance(part, np.ndarray) else part for part in key]
    ctx.save_for_backward(*[None if isinstance(part, slice) else part for part in parts])


def saved_key(ctx: Any) -> tuple:
    return tuple([part if index is None else index for part, index in zip(ctx.slices, ctx.saved_tensors)])


def arrays_of(key: tuple) -> tuple:
    """A key for NumPy: the numbers of its index tensors."""
    return tuple([part.array if isinstance(part, Tensor) else part for part in key])


def write_at(x: Tensor, key: tuple, values: Tensor, accumulate: bool = False) -> None:
    """x[key] = values, or += values; not recorded."""
    key = arrays_of(key)
    if x.device.type == "cuda":
        xp = library(x.device)
        (xp.add_at if accumulate else xp.setitem)(x.array, key, values.array)
    elif accumulate:
        np.add.at(x.array, key, values.array)
    else:
        x.array[key] = values.array


# ------------------------------------------------------------------------------------------------ keys


class _Parser:
    """Splits a key: `basic` is the key of a view of x, `arrays` says which index array applies to which of its dimensions.

    Raises:
        IndexError: too many indices, one out of range, or of a wrong type; a mask of another shape.
        ValueError: a slice that runs backwards.
        TypeError: text.
    """

    def __init__(self, x: Tensor, key: Any):
        self.shape = x.shape
        self.dim = 0  # of x
        self.basic: list = []
        self.arrays: dict[int, np.ndarray | Tensor] = {}
        parts = key if _is_tuple(key) else (key,)
        items = [_as_item(part) for part in parts]
        self.taken = sum([_consumed(item) for item in items])
        if self.taken > len(self.shape):
            raise IndexError(
                f"too many indices for tensor of dimension {len(self.shape)}: the key has {self.taken}, the shape is "
                f"{list(self.shape)}"
            )
        for part, item in zip(parts, items):
            self.take(item, part)

    @property
    def place(self) -> int:
        """The next dimension of the view."""
        return sum([not isinstance(part, int) for part in self.basic])

    def take(self, item: Any, given: Any) -> None:
        if item is None:
            self.basic.append(None)
        elif item is Ellipsis:
            self._skip(len(self.shape) - self.taken)
            self.taken = len(self.shape)
        elif isinstance(item, slice):
            self.basic.append(_as_slice(item))
            self.dim += 1
        elif isinstance(item, int) and not isinstance(item, bool):
            self._check_range(np.asarray(item))
            self.basic.append(item)
            self.dim += 1
        elif isinstance(item, bool):  # a new dimension of extent 1 or 0
            self.arrays[self.place] = np.zeros(int(item), np.int64)
            self.basic.append(None)
        elif item.dtype == np.bool_:
            self._mask(item)
        else:
            self._check_range(item)
            known = isinstance(given, Tensor) and given.array is item  # so that the tape detects a change of it
            self.arrays[self.place] = given.detach() if known else item
            self._skip(1)

    def _skip(self, count: int) -> None:
        self.basic += [ALL] * count
        self.dim += count

    def _mask(self, mask: np.ndarray) -> None:
        for d, (found, wanted) in enumerate(zip(mask.shape, self.shape[self.dim :])):
            if found != wanted:
                raise IndexError(
                    f"The shape of the mask {list(mask.shape)} at index {d} does not match the shape of the indexed "
                    f"tensor {list(self.shape)} at index {self.dim + d}"
                )
        for found in mask.nonzero():
            self.arrays[self.place] = found
            self._skip(1)

    def _check_range(self, index: np.ndarray) -> None:
        extent = self.shape[self.dim]
        wrong = index[(index < -extent) | (index >= extent)]
        if wrong.size:
            raise IndexError(
                f"index {wrong.flat[0]} is out of bounds for dimension {self.dim} with size {extent}: wanted {-extent} "
                f"to {extent - 1}"
            )


def _is_tuple(key: Any) -> bool:
    """Whether a key is several indices. As in old NumPy, a list is if it holds more than numbers."""
    if isinstance(key, tuple):
        return True
    several = (Tensor, np.ndarray, list, tuple, slice, type(None), type(Ellipsis))
    return isinstance(key, list) and len(key) < 32 and any([isinstance(item, several) for item in key])


def _as_item(item: Any) -> Any:
    """None, Ellipsis, a slice, a Python int or bool, or a NumPy array of integers or bools."""
    if item is None or item is Ellipsis or isinstance(item, (slice, int)):
        return item
    if isinstance(item, str):
        raise TypeError(f"a tensor cannot be indexed by a str: found {item!r}")
    if isinstance(item, (Tensor, np.ndarray)):
        return _as_array(item.detach().cpu().array if isinstance(item, Tensor) else item)
    if isinstance(item, (list, tuple, range)):
        return _as_array(np.asarray(item) if len(item) else np.zeros(0, np.int64))
    if isinstance(item, np.bool_):
        return bool(item)
    try:
        return item.__index__()
    except AttributeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(item).__name__})"
        ) from None


def _as_array(index: np.ndarray) -> Any:
    if index.dtype == np.uint8:
        warnings.warn("indexing with torch.uint8 means a mask and is deprecated: use torch.bool", stacklevel=7)
        index = index.astype(np.bool_)
    if index.ndim == 0 and index.dtype.kind in "iub":
        return index.item()
    if index.dtype not in (np.int64, np.int32, np.bool_):
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, found {index.dtype}: convert it with "
            ".long()"
        )
    return index


def _consumed(item: Any) -> int:
    """How many dimensions of x this part of a key uses up."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == np.bool_ else 1


def _as_slice(item: slice) -> slice:
    ends = [None if end is None else _as_end(end) for end in (item.start, item.stop, item.step)]
    if ends[2] is not None and ends[2] <= 0:
        raise ValueError(f"step must be greater than zero, found {ends[2]}: use flip(dim) to reverse")
    return slice(*ends)


def _as_end(end: Any) -> int:
    try:
        return end.__index__()
    except AttributeError:
        raise TypeError(
            f"slice indices must be integers or None or have an __index__ method, found {type(end).__name__}"
        ) from None


def _take_apart(x: Tensor, key: Any) -> tuple[tuple | None, tuple]:
    """The key of a view of x (None for x itself), and the key of index arrays for that view (empty for none)."""
    if type(key) is int and x.array.ndim and -x.array.shape[0] <= key < x.array.shape[0]:
        return (key,), ()  # the most common key
    parsed = _Parser(x, key)
    arrays = tuple([parsed.arrays.get(d, ALL) for d in range(max(parsed.arrays, default=-1) + 1)])
    plain = arrays and all([isinstance(part, slice) and part == ALL for part in parsed.basic])
    return None if plain else tuple(parsed.basic), arrays


# ------------------------------------------------------------------------------------------------ reading and writing


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: a view for integers, slices, None and Ellipsis; a copy where an index tensor, a mask or a list is used."""
    basic, arrays = _take_apart(x, key)
    part = x if basic is None else _view(x, basic)
    return Index.apply(part, arrays) if arrays else part


def _view(x: Tensor, key: tuple) -> Tensor:
    """x[key] for a key of integers, slices, None and Ellipsis; on the tape it has the name of PyTorch's last step to it."""
    last = next((part for part in reversed(key) if part != ALL), ALL if key == (ALL,) else ...)
    if last is ...:
        return Alias.apply(x)
    return (Slice if isinstance(last, slice) else NewAxis if last is None else Select).apply(x, key)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value, with broadcasting; recorded on the tape."""
    basic, arrays = _take_apart(x, key)
    if not isinstance(value, Tensor):
        if not isinstance(value, (int, float, complex, np.generic)):
            raise TypeError(
                f"can't assign a {type(value).__name__} to a {x.type()}: assign a number or torch.tensor(...) of it"
            )
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise ValueError(f"Overflow when unpacking long long: {value} needs more than 64 bits")
        value = x.new_tensor(value) if x.dtype is types.float16 else number_like(x, value)  # 1e6 is infinite there
    part = x if basic is None else _view(x, basic)
    if arrays:
        _put(part, arrays, value.to(device=x.device, dtype=x.dtype))
    else:
        copy_(part, _without_leading_ones(value, part.ndim))


def _without_leading_ones(value: Tensor, ndim: int) -> Tensor:
    while value.ndim > ndim and value.shape[0] == 1:
        value = value.squeeze(0)
    return value


def _put(x: Tensor, key: tuple, value: Tensor, accumulate: bool = False) -> Tensor:
    """x[key] = value, or += value, for a key of index arrays, in place."""
    recording = is_grad_enabled() and (x.requires_grad or value.requires_grad)
    x._check_inplace(recording, value)
    target = np.broadcast_to(np.empty((), np.bool_), x.shape)[arrays_of(key)].shape
    value = _without_leading_ones(value, len(target))
    if not expands_to(value.shape, target):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        )
    if recording:
        return take_over(x, (IndexAdd if accumulate else IndexPut).apply(x._snapshot(), key, value))
    write_at(x, key, value, accumulate)
    x._counter.bump()
    return x


@tensor_first
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of the input with `values` written to (or added to) input[indices]; `indices` is a tuple of tensors."""
    return index_put_(input.clone(), indices, values, accumulate)


def index_put_(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """input[indices] = values, or += values, where `accumulate` adds every value also where an index occurs twice."""
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} for the destination and "
            f"{values.dtype} for the source."
        )
    basic, arrays = _take_apart(input, tuple([ALL if index is None else index for index in indices]))
    _put(input if basic is None else _view(input, basic), arrays, values, accumulate)
    return input
