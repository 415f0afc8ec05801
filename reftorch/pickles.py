"""`torch.save` and `torch.load`: Python's pickle, read back by a reader that refuses to call what a file from a stranger names.

A pickle is a program: it says which functions to call with which arguments. So `load` looks up only what is needed to rebuild
tensors and the containers around them. A file that PyTorch wrote is another format (a zip archive) and cannot be read; for
weights that both can read, write safetensors.
"""

from __future__ import annotations

import builtins
import collections
import io
import os
import pickle
from typing import Any

from . import protocols, types
from .tensor import Tensor

_SAFE = {("builtins", name): getattr(builtins, name) for name in ("set", "frozenset", "complex", "slice", "bytearray")}
_SAFE[("collections", "OrderedDict")] = collections.OrderedDict
_SAFE[("reftorch.protocols", "rebuild")] = protocols.rebuild
_SAFE |= {("reftorch.types", d.name): d for d in types.ALL}
_SAFE |= {("reftorch.types", name): getattr(types, name) for name in ("device", "Size")}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SAFE:
            return _SAFE[module, name]
        if module.split(".")[0] == "reftorch":
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, Tensor):
                return found  # Parameter, Buffer
        raise pickle.UnpicklingError(
            f"Weights only load failed: the file names {module}.{name}, which is neither a tensor nor a container. If "
            "you trust its source, load(..., weights_only=False) calls whatever it names"
        )


def save(obj: Any, f: str | os.PathLike | io.IOBase, pickle_protocol: int = 4) -> None:
    """Write an object, such as a `state_dict`, to a file (a path, or a file that is open for writing bytes)."""
    if hasattr(f, "write"):
        pickle.dump(obj, f, pickle_protocol)  # type: ignore[arg-type]
        return
    with open(f, "wb") as file:  # type: ignore[arg-type]
        pickle.dump(obj, file, pickle_protocol)


def load(f: Any, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote.

    Args:
        f: a path, or a file that is open for reading bytes.
        map_location: the device to put all tensors on; None leaves each where it was.
        weights_only: refuse whatever is not a tensor, a number, text, or a container of such.

    Raises:
        pickle.UnpicklingError: the file is no pickle, or names something that is refused.
    """
    if not hasattr(f, "read"):
        with open(f, "rb") as file:
            return load(file, map_location, weights_only=weights_only)
    start = f.read(2)
    f.seek(-len(start), io.SEEK_CUR)
    if start == b"PK":
        raise pickle.UnpicklingError(
            "this is a zip archive, as PyTorch's torch.save writes; reftorch reads its own pickles, and safetensors"
        )
    loaded = (_Reader if weights_only else pickle.Unpickler)(f).load()
    return loaded if map_location is None else _moved(loaded, types.device(map_location))


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
