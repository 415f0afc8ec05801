"""PyTorch's file format: a zip archive of one pickle, which describes the object, and a file of bytes for each storage.

    archive/data.pkl     the object, in which a tensor is: number of a storage, offset, size, stride
    archive/data/0       the bytes of storage 0, which several tensors may view
    archive/version      "3"
    archive/byteorder    "little"

The pickle names functions of PyTorch that rebuild a tensor. Here they are only names, and PyTorch need not be installed.
"""

from __future__ import annotations

import collections
import io
import pickle
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from . import types
from .storage import memory_of, over
from .tensor import Tensor

HEADER = 30  # the bytes before the name of an entry of a zip archive
ALIGNMENT = 64  # the bytes of each storage begin at a multiple of it, so that a reader can map the file into memory
NAMES: dict[str, types.dtype] = {
    "FloatStorage": types.float32, "DoubleStorage": types.float64, "HalfStorage": types.float16,
    "LongStorage": types.int64, "IntStorage": types.int32, "ShortStorage": types.int16,
    "CharStorage": types.int8, "ByteStorage": types.uint8, "BoolStorage": types.bool,
    "BFloat16Storage": types.bfloat16,
    "ComplexFloatStorage": types.complex64, "ComplexDoubleStorage": types.complex128,
}  # fmt: skip
_NAME_OF = {dtype: name for name, dtype in NAMES.items()}  # the other dtypes are written as untyped bytes


# ------------------------------------------------------------------------------------------------ writing
class Named:
    """Something that a pickle refers to by its name."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> Any:
        raise TypeError(f"{self.module}.{self.name} is only a name here")


TENSOR, TENSOR_3 = Named("torch._utils", "_rebuild_tensor_v2"), Named("torch._utils", "_rebuild_tensor_v3")
PARAMETER = Named("torch._utils", "_rebuild_parameter")
PARAMETER_WITH_STATE = Named("torch._utils", "_rebuild_parameter_with_state")
FROM_TYPE, TENSOR_CLASS = Named("torch._tensor", "_rebuild_from_type_v2"), Named("torch", "Tensor")
DEVICE, SIZE = Named("torch", "device"), Named("torch", "Size")
SPARSE, LAYOUT = Named("torch._utils", "_rebuild_sparse_tensor"), Named("torch.serialization", "_get_layout")
_STORAGE = {name: Named("torch", name) for name in NAMES} | {"": Named("torch.storage", "UntypedStorage")}
_DTYPE = {dtype: Named("torch", dtype.name) for dtype in types.ALL}


class _Written:
    """A storage as the pickle names it: by a number."""

    def __init__(self, number: int, dtype: types.dtype, device: str, nbytes: int):
        name = _NAME_OF.get(dtype, "")
        count = nbytes // dtype.itemsize if name else nbytes
        self.id = ("storage", _STORAGE[name], str(number), device, count)


_InPython: Any = pickle._Pickler  # type: ignore[attr-defined]  # Python's pickler in Python, which can be taught names


class _Writer(_InPython):
    """Writes tensors as PyTorch does, with the names of PyTorch's functions, which need not be installed."""

    dispatch = _InPython.dispatch.copy()

    def __init__(self, file: Any, protocol: int):
        super().__init__(file, protocol)
        self.storages: list[np.ndarray] = []
        self.known: dict[int, Any] = {}

    def persistent_id(self, obj: Any) -> Any:
        return obj.id if isinstance(obj, _Written) else None

    def save_name(self, obj: Named) -> None:
        if self.proto >= 4:
            self.save(obj.module)
            self.save(obj.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    dispatch[Named] = save_name
    dispatch[types.dtype] = lambda self, obj: self.save(_DTYPE[obj])

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Tensor) and obj.is_sparse:
            return SPARSE, (obj.layout, (obj._indices(), obj._values(), obj.shape, obj.is_coalesced()))  # type: ignore[attr-defined]
        if isinstance(obj, types.layout):
            return LAYOUT, (repr(obj),)
        if isinstance(obj, Tensor):
            return self.reduce_tensor(obj)
        if isinstance(obj, types.device):
            return DEVICE, (obj.type,) if obj.index is None else (obj.type, obj.index)
        if isinstance(obj, types.Size):
            return SIZE, (tuple(obj),)
        return NotImplemented

    def reduce_tensor(self, x: Tensor) -> tuple:
        from .nn.parameter import Buffer, Parameter

        rebuild, args = self.tensor(x)
        attributes = x._attributes()
        if isinstance(x, Buffer):
            attributes["_is_buffer"] = True
        if type(x) is Parameter:
            like: tuple = (x.detach(), x.requires_grad, collections.OrderedDict())
            return (PARAMETER_WITH_STATE, (*like, attributes)) if attributes else (PARAMETER, like)
        if type(x) is Tensor and not attributes:
            return rebuild, args
        return FROM_TYPE, (rebuild, TENSOR_CLASS if type(x) in (Tensor, Buffer) else type(x), args, attributes)

    def tensor(self, x: Tensor) -> tuple:
        """The function that rebuilds a tensor, and its arguments."""
        array = x._host()
        owner, data, start = memory_of(array)
        if x.device.type != "cpu" or data is None or start % x.dtype.itemsize:  # by itself
            owner = array = array.copy("C")
            data, start = array.reshape(-1).view(np.uint8), 0
        if id(owner) not in self.known:
            self.known[id(owner)] = owner, len(self.storages)
            self.storages.append(data)
        place = "cpu" if x.device.type == "cpu" else f"cuda:{x.device.index or 0}"
        storage = _Written(self.known[id(owner)][1], x.dtype, place, data.nbytes)
        strides = tuple([s // x.dtype.itemsize for s in array.strides])
        args: tuple = (
            storage,
            start // x.dtype.itemsize,
            tuple(x.shape),
            strides,
            x.requires_grad,
            collections.OrderedDict(),
        )
        return (TENSOR, args) if x.dtype in _NAME_OF else (TENSOR_3, (*args, x.dtype))


def write(obj: Any, file: Any, protocol: int) -> None:
    """Write an object to a file that is open for writing, or to a path."""
    pickled = io.BytesIO()
    writer = _Writer(pickled, protocol)
    writer.dump(obj)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "data.pkl", pickled.getvalue())
        _add(archive, ".format_version", b"1")
        _add(archive, ".storage_alignment", str(ALIGNMENT).encode())
        _add(archive, "byteorder", sys.byteorder.encode())
        for number, data in enumerate(writer.storages):
            _add(archive, f"data/{number}", data)
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    info = zipfile.ZipInfo(f"archive/{name}")  # its date is always in 1980, so that equal objects make equal files
    info.file_size = len(data)
    start = archive.start_dir + HEADER + len(info.filename) + 4
    padding = -start % ALIGNMENT
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    with archive.open(info, "w") as entry:
        entry.write(data)


# ------------------------------------------------------------------------------------------------ reading
class StorageType:
    """Represents a class of storages by its dtype, None for untyped bytes."""

    def __init__(self, dtype: types.dtype | None):
        self.dtype = dtype


class Storage:
    """The bytes that tensors of a file view, and the device that they go to."""

    def __init__(self, data: np.ndarray, dtype: types.dtype | None, device: Any):
        self.data, self.dtype, self.device = data, dtype, types.device(device)
        self.shared: dict = {}  # the version counter that all tensors over these bytes share
        self.moved: dict[types.dtype, Tensor] = {}

    def cpu(self) -> Storage:
        return Storage(self.data, self.dtype, "cpu")

    def cuda(self, device: Any = None) -> Storage:
        return Storage(self.data, self.dtype, types.device("cuda" if device is None else device))

    def nbytes(self) -> int:
        return self.data.nbytes

    def on_device(self, dtype: types.dtype) -> Tensor:
        """All elements, in one dimension, on the device."""
        if dtype not in self.moved:
            self.moved[dtype] = Tensor._make(self.data.view(dtype.numpy)).to(self.device)
        return self.moved[dtype]


def placed(map_location: Any, storage: Storage, location: str) -> Storage:
    """The storage on the device that `map_location` (a device, a dict or a function) gives; otherwise on its own device."""
    if callable(map_location):
        found = map_location(storage, location)
        if found is not None:
            return found
    elif isinstance(map_location, dict):
        location = str(map_location.get(location, location))
    elif map_location is not None:
        location = str(types.device(map_location))
    try:
        device = types.device(location)
    except RuntimeError:
        raise RuntimeError(
            f"don't know how to restore data location of a storage (tagged with {location!r}): reftorch has 'cpu' and "
            "'cuda'; load(..., map_location='cpu') puts all tensors on the CPU"
        ) from None
    from .cuda import is_available

    if device.type == "cuda" and not is_available():
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running "
            "on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to "
            "the CPU."
        )
    return Storage(storage.data, storage.dtype, device)


def rebuild_tensor(
    storage: Storage, offset: int, size: tuple, stride: tuple, requires_grad: bool = False, hooks: Any = None,
    dtype: types.dtype | None = None, metadata: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor over a part of a storage.

    Raises:
        pickle.UnpicklingError: the part is not within the storage.
    """
    kind = dtype if isinstance(dtype, types.dtype) else storage.dtype
    if kind is None:
        raise pickle.UnpicklingError("a tensor over untyped bytes has no dtype")
    strides = tuple([s * kind.itemsize for s in stride])
    try:
        array = over(storage.data, offset * kind.itemsize, tuple(size), strides, kind.numpy)
    except (ValueError, TypeError) as error:
        raise pickle.UnpicklingError(
            f"a tensor of shape {size}, stride {stride} and offset {offset} is not within its storage of "
            f"{storage.data.nbytes} bytes: {error}"
        ) from None
    if storage.device.type == "cpu":
        made = Tensor._make(array, types.CPU, kind)
        made._counter = storage.shared.setdefault("counter", made._counter)
    elif array.flags.c_contiguous:
        made = storage.on_device(kind)[offset : offset + array.size].view(array.shape)
    else:
        made = Tensor._make(array, types.CPU, kind).to(storage.device)
    return made.requires_grad_(bool(requires_grad))


def rebuild_typed(storage: Storage, offset: int, size: tuple, stride: tuple, requires_grad: bool, hooks: Any,
                  dtype: types.dtype, metadata: Any = None) -> Tensor:  # fmt: skip
    """As `rebuild_tensor`, for a dtype that has no storage class."""
    return rebuild_tensor(storage, offset, size, stride, requires_grad, hooks, dtype)


def rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any = None, state: Any = None) -> Tensor:
    """A `Parameter`, with the attributes that a user has set."""
    from .nn.parameter import Parameter

    return with_attributes(Parameter(data, bool(requires_grad)), state)


def rebuild_from_type(rebuild: Callable, cls: type, args: tuple, state: Any) -> Tensor:
    """A tensor of a subclass, or with attributes."""
    from .nn.parameter import Buffer

    made = rebuild(*args)
    is_buffer = isinstance(state, dict) and state.pop("_is_buffer", False)
    made.__class__ = Buffer if is_buffer else cls
    return with_attributes(made, state)


def with_attributes(x: Tensor, state: Any) -> Tensor:
    if isinstance(x, Tensor) and isinstance(state, dict):
        x.__setstate__(state)
    return x


class Archive:
    """A file of PyTorch that is open for reading.

    Raises:
        RuntimeError: it is damaged, or a zip archive of something else.
    """

    def __init__(self, file: Any):
        try:
            self.zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise RuntimeError(
                f"PytorchStreamReader failed reading zip archive: {str(error).lower()}; the file is damaged or cut short"
            ) from None
        found = [name for name in self.zip.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise RuntimeError(
                "PytorchStreamReader failed locating file data.pkl: a zip archive, but not of torch.save"
            )
        self.folder = found[0].removesuffix("data.pkl")
        if self.folder + "constants.pkl" in self.zip.namelist():
            raise RuntimeError("the file is a TorchScript archive: a program; save a state_dict with torch.save")
        self.swapped = self.folder + "byteorder" in self.zip.namelist() and (
            self.bytes("byteorder").tobytes().decode() != sys.byteorder
        )

    def bytes(self, name: str) -> np.ndarray:
        """The content of an entry.

        Raises:
            RuntimeError: there is no such entry, it is compressed, or it is damaged.
        """
        try:
            info = self.zip.getinfo(self.folder + name)
        except KeyError:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found") from None
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise RuntimeError(f"{name} is compressed, which torch.save never does: was the archive packed again?")
        data = np.empty(0, np.uint8)
        try:
            with self.zip.open(info) as entry:
                data = np.frombuffer(bytearray(entry.read()), np.uint8)
        except (zipfile.BadZipFile, EOFError) as error:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {error}") from None
        return data

    def storage(self, key: str, dtype: types.dtype | None, count: int) -> Storage:
        """Storage `key`, still on the CPU."""
        data = self.bytes(f"data/{key}")
        itemsize = 1 if dtype is None else dtype.itemsize
        if data.nbytes != count * itemsize:
            raise RuntimeError(f"storage {key} has {data.nbytes} bytes instead of {count} elements of {itemsize}")
        if self.swapped and dtype is not None:
            part = dtype.itemsize // (2 if dtype.is_complex else 1)
            data = data.reshape(-1, part)[:, ::-1].copy().reshape(-1)
        return Storage(data, dtype, "cpu")
