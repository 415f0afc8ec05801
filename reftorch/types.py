"""What a tensor is made of besides its numbers: `dtype`, `device` and `Size`; and the limits of a dtype."""

from __future__ import annotations

import builtins
import math
import operator
import re
from typing import Any

import ml_dtypes
import numpy as np


class dtype:
    """The type of a tensor's elements, such as `torch.float32`. `.numpy` is NumPy's name for the same thing."""

    def __init__(self, name: str, numpy: Any):
        self.name, self.numpy = name, np.dtype(numpy)
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = (
            self.numpy.kind == "f" or name == "bfloat16"
        )  # NumPy does not count bfloat16 as floating point
        self.is_complex = self.numpy.kind == "c"
        self.is_signed = self.is_floating_point or self.numpy.kind in "ic"

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # pickled by name, so that `is` holds after loading


float32 = dtype("float32", np.float32)
float64 = dtype("float64", np.float64)
float16 = dtype("float16", np.float16)
bfloat16 = dtype(
    "bfloat16", ml_dtypes.bfloat16
)  # it can be stored, converted, printed and saved; no kernel computes in it
int64 = dtype("int64", np.int64)
int32 = dtype("int32", np.int32)
int16 = dtype("int16", np.int16)
int8 = dtype("int8", np.int8)
uint8 = dtype("uint8", np.uint8)
uint16 = dtype("uint16", np.uint16)
uint32 = dtype("uint32", np.uint32)
uint64 = dtype("uint64", np.uint64)
bool = dtype("bool", np.bool_)
complex64 = dtype("complex64", np.complex64)
complex128 = dtype("complex128", np.complex128)

FLOATING = (float32, float64, float16, bfloat16)
INTEGERS = (int64, int32, int16, int8, uint8, uint16, uint32, uint64)
ALL = (*FLOATING, *INTEGERS, bool, complex64, complex128)
_BY_NUMPY = {d.numpy: d for d in ALL}


def from_numpy_dtype(numpy: Any) -> dtype:
    """The dtype of a NumPy array's elements.

    Raises:
        TypeError: there is no tensor of such elements (strings, objects, dates, ...).
    """
    try:
        return _BY_NUMPY[numpy]
    except KeyError:
        if not np.dtype(numpy).isnative and np.dtype(numpy).newbyteorder("=") in _BY_NUMPY:
            raise ValueError(
                f"given numpy array has byte order different from the native byte order ({numpy}). Conversion between byte "
                "orders is currently not supported: array.astype(array.dtype.newbyteorder('='))"
            ) from None
        names = ", ".join(d.name for d in ALL)
        raise TypeError(f"can't convert np.ndarray of type {numpy}. The only supported types are: {names}.") from None


_BY_PYTHON = {float: float64, int: int64, builtins.bool: bool, complex: complex128}


def as_dtype(given: Any) -> dtype | None:
    """A dtype, also one given as Python's `float`, `int`, `bool` or `complex`; None stays.

    Raises:
        TypeError: it is something else.
    """
    if given is None or isinstance(given, dtype):
        return given
    try:
        return _BY_PYTHON[given]
    except (KeyError, TypeError):
        raise TypeError(
            f"dtype must be a torch.dtype such as torch.float32, found {type(given).__name__}: {given!r}"
        ) from None


class finfo:
    """The limits of a floating-point dtype: `finfo(torch.float32).eps`."""

    def __init__(self, type: dtype = float32):
        if not type.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type, found {type}: use torch.iinfo")
        limits = np.finfo(type.numpy) if type.numpy.kind == "f" else ml_dtypes.finfo(type.numpy)
        self.bits, self.dtype = limits.bits, type.name
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = 10.0**-limits.precision

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.tiny:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype: `iinfo(torch.int64).max`."""

    def __init__(self, type: dtype):
        if type.numpy.kind not in "iu":
            raise TypeError(f"torch.iinfo() requires an integer input type, found {type}: use torch.finfo")
        limits = np.iinfo(type.numpy)
        self.bits, self.dtype, self.max, self.min = limits.bits, type.name, int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


class _Constant:
    """Prints as its name."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Constant):
    """How a tensor's elements are stored: all of them, or only those that are not zero with their positions."""


class memory_format(_Constant):
    """In which order a tensor's elements are stored."""


strided, sparse_coo = layout("strided"), layout("sparse_coo")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last = memory_format("channels_last")


class device:
    """Where a tensor is stored: `device("cpu")`, `device("cuda")`, `device("cuda", 1)` or `device("cuda:1")`."""

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __new__(cls, type: Any, index: int | None = None) -> device:
        if isinstance(type, device):
            return type
        if isinstance(type, int):
            if type < 0:
                raise RuntimeError(f"Device index must not be negative, found {type}")
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(f"device() received {type!r}: wanted 'cpu', 'cuda' or 'cuda:INDEX'")
        match = re.fullmatch(r"(cpu|cuda)(?::(\d+))?", type)
        if match is None or (match[2] is not None and index is not None):
            raise RuntimeError(f"Invalid device string: {type!r}; reftorch knows 'cpu', 'cuda' and 'cuda:INDEX'")
        self = object.__new__(cls)
        self.type = match[1]
        self.index = int(match[2]) if match[2] is not None else index
        return self

    def _key(self) -> tuple[str, int]:
        return self.type, self.index or 0  # "cuda" is the current device, which is number 0 here

    def __eq__(self, other: object) -> Any:
        return self is other or (isinstance(other, device) and self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        inside = f"type='{self.type}'" + ("" if self.index is None else f", index={self.index}")
        return f"device({inside})"

    def __reduce__(self) -> tuple:
        return device, (str(self),)


CPU = device("cpu")


class Size(tuple):
    """The extents of a tensor: a tuple of ints that prints as `torch.Size([2, 3])`."""

    def __new__(cls, extents: Any = ()) -> Size:
        found = tuple(extents)
        if set(map(type, found)) - {int}:
            found = tuple([_extent(i, n) for i, n in enumerate(found)])
        return super().__new__(cls, found)

    def numel(self) -> int:
        """How many elements a tensor of this size has."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        picked = tuple.__getitem__(self, index)
        return tuple.__new__(Size, picked) if type(picked) is tuple else picked

    def __add__(self, other: Any) -> Size:
        return Size(super().__add__(tuple(other)))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, times: Any) -> Size:
        return Size(super().__mul__(times))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)


def _extent(place: int, extent: Any) -> int:
    try:
        return operator.index(extent)
    except TypeError:
        raise TypeError(
            f"torch.Size() takes an iterable of 'int' (item {place} is '{type(extent).__name__}')"
        ) from None
