"""`torch.save` and `torch.load`: PyTorch's own file format, read by a reader that does not call arbitrary functions that a file names.

The file is a zip archive of a pickle and the bytes of the tensors (`archive.py`). A pickle is a program: it says which functions
to call with which arguments. So `load` looks up only what is needed to rebuild tensors and the containers around them. It also
reads the files that PyTorch wrote before version 1.6, and the plain pickles that reftorch wrote.
"""

from __future__ import annotations

import builtins
import collections
import io
import os
import pickle
from typing import Any

import numpy as np

from . import archive, protocols, types
from .tensor import Tensor

MAGIC = 0x1950A86A20F9469CFC6C  # the first number of a file from before PyTorch 1.6
_MAGIC_BYTES = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")


def _latin1(text: str, encoding: str) -> bytes:
    """How bytes are written in pickles of protocol 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _sparse(indices: Any, values: Any, size: Any, coalesced: Any) -> Tensor:
    """A sparse tensor; its module has a kernel and is imported only when it is needed."""
    from . import coo

    return coo.rebuild(indices, values, size, coalesced)


_SAFE: dict[tuple[str, str], Any] = {
    ("builtins", name): getattr(builtins, name) for name in ("set", "frozenset", "complex", "slice", "bytearray")
}
_SAFE |= {("__builtin__", name): value for (_, name), value in _SAFE.items()}
_SAFE |= {("collections", name): getattr(collections, name) for name in ("OrderedDict", "Counter")}
_SAFE["_codecs", "encode"] = _latin1
_SAFE["reftorch.protocols", "rebuild"] = protocols.rebuild
_SAFE["reftorch.coo", "rebuild"] = _sparse
_SAFE["torch._utils", "_rebuild_sparse_tensor"] = lambda layout, parts: _sparse(*parts)
_SAFE["torch.serialization", "_get_layout"] = {
    "torch.sparse_coo": types.sparse_coo,
    "torch.strided": types.strided,
}.__getitem__
_SAFE |= {("reftorch.types", d.name): d for d in types.ALL}
_SAFE |= {("reftorch.types", name): getattr(types, name) for name in ("device", "Size")}
_SAFE |= {("torch", d.name): d for d in types.ALL}
_SAFE |= {("torch", name): getattr(types, name) for name in ("device", "Size")}
_SAFE["torch", "Tensor"] = Tensor
_SAFE |= {("torch", name): archive.StorageType(dtype) for name, dtype in archive.NAMES.items()}
_SAFE |= {(module, "UntypedStorage"): archive.StorageType(None) for module in ("torch", "torch.storage")}
_SAFE |= {
    ("torch._utils", "_rebuild_tensor_v2"): archive.rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v3"): archive.rebuild_typed,
    ("torch._utils", "_rebuild_parameter"): archive.rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): archive.rebuild_parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): archive.rebuild_from_type,
}


class _Reader(pickle.Unpickler):
    """Reads a pickle whose tensors are over `storages`, which a function finds by key, dtype and number of elements."""

    def __init__(self, file: Any, find: Any = None, map_location: Any = None, weights_only: bool = True):
        super().__init__(file)
        self.find, self.map_location, self.weights_only = find, map_location, weights_only
        self.storages: dict[str, archive.Storage] = {}

    def persistent_load(self, pid: Any) -> archive.Storage:
        if self.find is None or not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise pickle.UnpicklingError(f"the file refers to {pid!r}, which is not one of its storages")
        _, kind, key, location, count, *view = pid
        if view and view[0] is not None:
            raise pickle.UnpicklingError("storages that view other storages were written before PyTorch 0.4 only")
        if key not in self.storages:
            self.storages[key] = archive.placed(self.map_location, self.find(key, kind.dtype, count), location)
        return self.storages[key]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SAFE:
            return _SAFE[module, name]
        if module == "torch.nn.parameter" and name in ("Parameter", "Buffer"):
            module = "reftorch.nn.parameter"
        if module.split(".")[0] == "torch":
            raise pickle.UnpicklingError(
                f"Weights only load failed: the file names {module}.{name}, which reftorch does not rebuild. Save tensors "
                "and containers of tensors, as torch.save(model.state_dict(), ...) does"
            )
        if not self.weights_only:
            return super().find_class(module, name)
        if module.split(".")[0] == "reftorch":
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, Tensor):
                return found  # Parameter, Buffer
        raise pickle.UnpicklingError(
            f"Weights only load failed: the file names {module}.{name}, which is neither a tensor nor a container. If "
            "you trust its source, load(..., weights_only=False) calls whatever it names"
        )


def save(obj: Any, f: str | os.PathLike | io.IOBase, pickle_protocol: int = 2) -> None:
    """Write an object, such as a `state_dict`, to a file (a path, or a file that is open for writing bytes).

    The file is one of PyTorch's: `torch.load` reads it.

    Raises:
        RuntimeError: there is no such folder.
    """
    if not hasattr(f, "write"):
        folder = os.path.dirname(os.fspath(f))  # type: ignore[arg-type]
        if folder and not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
    archive.write(obj, f, pickle_protocol)


def load(f: Any, map_location: Any = None, *, weights_only: bool | None = None, mmap: bool | None = None) -> Any:
    """Read what `save` wrote, here or in PyTorch.

    Args:
        f: a path, or a file that is open for reading bytes.
        map_location: the device to put all tensors on; or a dict of devices, or a function of storage and device, that give
            the device of each. None keeps the saved device.
        weights_only: refuse everything except tensors, numbers, text and containers of them, unless it is False.
        mmap: accepted as in PyTorch; the whole file is read anyway.

    Raises:
        pickle.UnpicklingError: the file is no pickle, or names something that is refused.
        RuntimeError: a damaged file, or tensors of a device that does not exist.
    """
    if not hasattr(f, "read"):
        with open(f, "rb") as file:
            return load(file, map_location, weights_only=weights_only)
    safe = weights_only is not False
    start = f.read(len(_MAGIC_BYTES))
    f.seek(-len(start), io.SEEK_CUR)
    if start.startswith(b"PK"):
        found = archive.Archive(f)
        return _Reader(io.BytesIO(found.bytes("data.pkl").tobytes()), found.storage, map_location, safe).load()
    if start == _MAGIC_BYTES:
        return _before_1_6(f, map_location, safe)
    loaded = _Reader(f, weights_only=safe).load()
    return loaded if map_location is None else _moved(loaded, types.device(map_location))


def _before_1_6(file: Any, map_location: Any, safe: bool) -> Any:
    """Five pickles (a number, the version, the machine, the object, the keys of its storages), then the bytes of each storage."""
    for _ in range(3):
        _Reader(file).load()
    data: dict[str, np.ndarray] = {}

    def empty(key: str, dtype: types.dtype, count: int) -> archive.Storage:
        data[key] = np.zeros(count * dtype.itemsize, np.uint8)
        return archive.Storage(data[key], dtype, "cpu")

    reader = _Reader(file, empty, map_location, safe)
    loaded = reader.load()
    if any(storage.device.type != "cpu" for storage in reader.storages.values()):
        raise RuntimeError("a file from before PyTorch 1.6 with CUDA tensors: use map_location='cpu', then .to('cuda')")
    for key in _Reader(file).load():
        count = int.from_bytes(file.read(8), "little")
        found = file.read(data[key].nbytes)
        if len(found) != data[key].nbytes or count * reader.storages[key].dtype.itemsize != len(found):  # type: ignore[union-attr]
            raise RuntimeError(f"storage {key} is cut short: {data[key].nbytes} bytes expected, {len(found)} found")
        data[key][:] = np.frombuffer(found, np.uint8)
    return loaded


def _moved(value: Any, device: types.device) -> Any:
    """The value with all tensors in it on `device`."""
    if isinstance(value, Tensor):
        moved = value.detach().to(device)
        moved.__class__ = value.__class__
        return moved.requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return type(value)((key, _moved(part, device)) for key, part in value.items())
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_moved(part, device) for part in value)
    return value
