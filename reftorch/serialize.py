"""Weights on disk: safetensors files, which are written completely or not at all.

A safetensors file is a JSON header (names, dtypes, shapes, and a table of strings) followed by the raw arrays. It holds
no code, so a file from a stranger can be opened; and `safetensors.torch.load_file` reads what is written here.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .types import bfloat16


class FileError(ValueError):
    """A file is not what it should be. The message names the file, what was expected and what was found."""

    def __init__(self, path: Any, expected: str, found: str, hint: str = ""):
        super().__init__(f"{path}: expected {expected}, found {found}" + (f" ({hint})" if hint else ""))


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in the place of `path` in one step.

    A reader of `path` gets the old file or the new one, never a part of one, even if the power fails in between.

    Raises:
        FileError: the folder cannot be written to, or the disk is full.
    """
    path = Path(os.path.realpath(path))  # so that a link stays a link
    draft = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        draft = Path(name)
        os.close(handle)
        write(draft)
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        draft.chmod(_permissions(path))
        os.replace(draft, path)
    except OSError as error:
        raise FileError(path, "to write a file there", _reason(error)) from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Find out now whether `write_whole(path, ...)` would fail later. Makes missing folders, leaves no file.

    Raises:
        FileError: `path` is a folder or read-only, or its folder cannot be made or written to.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise FileError(path, "the name of a file to write", "a folder")
        if target.exists() and not target.is_file():
            raise FileError(path, "the name of a file to write", "a device or a pipe")
        if target.exists() and not os.access(target, os.W_OK):
            raise FileError(path, "a file to write over", "a read-only one")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=f".{target.name}.", dir=target.parent):
            pass
    except OSError as error:
        raise FileError(path, "to write a file there", _reason(error)) from None


def save_weights(state: Mapping[str, Any], path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a `state_dict` of tensors, on any device, and `metadata` (strings) to `path` as safetensors.

    Raises:
        FileError: `path` cannot be written.
    """
    from safetensors.numpy import save

    # not ascontiguousarray, which makes a number into an array of one
    contents = {name: np.asarray(tensor.detach().cpu().array, order="C") for name, tensor in state.items()}
    data = _sorted_header(save(contents, metadata=dict(metadata)))
    write_whole(Path(path), lambda draft: _write_bytes(draft, data))


def read_weights(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the metadata of a safetensors file.

    Raises:
        FileError: there is no such file, or it is no safetensors file, or it is cut short, or of a dtype NumPy lacks.
    """
    from safetensors import SafetensorError, safe_open

    expected = "a safetensors file of weights"
    check_regular(path, expected)
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: _array(file, name, path) for name in file.keys()}
            return arrays, file.metadata() or {}
    except OSError as error:
        raise FileError(path, expected, _reason(error)) from None
    except (SafetensorError, TypeError, AttributeError, KeyError) as error:
        with open(path, "rb") as file:
            start = file.read(8)
        raise FileError(path, expected, _what_it_is(start, error)) from None


def _array(file: Any, name: str, path: str | Path) -> np.ndarray:
    """One array of an open file; of bfloat16, which the library refuses to NumPy, from the bytes."""
    part = file.get_slice(name)
    if part.get_dtype() != "BF16":
        return file.get_tensor(name)
    with open(path, "rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        start, end = json.loads(opened.read(size))[name]["data_offsets"]
        opened.seek(8 + size + start)
        return np.frombuffer(bytearray(opened.read(end - start)), bfloat16.numpy).reshape(part.get_shape())


def check_weights(path: Any, found: Mapping[str, np.ndarray], wanted: Mapping[str, Any]) -> None:
    """Check that the arrays `found` in a file fit a `state_dict` of the `wanted` tensors: names, shapes, dtypes, finite numbers.

    Raises:
        FileError: they do not; the message lists every difference.
    """
    wrong = [f"no {name}" for name in wanted if name not in found]
    wrong += [f"an unknown {name}" for name in found if name not in wanted]
    for name in found.keys() & wanted.keys():
        want, have = np.empty(0, wanted[name].dtype.numpy).dtype, found[name].dtype
        shape = tuple(wanted[name].shape)
        if found[name].shape != shape:
            wrong.append(f"{name} of shape {found[name].shape} instead of {shape}")
        elif have != want:
            wrong.append(f"{name} of dtype {have} instead of {want}")
        elif not np.isfinite(found[name]).all():
            wrong.append(f"NaN or infinity in {name}")
    if wrong:
        raise FileError(path, "weights of this network", "; ".join(sorted(wrong)), "another network's file?")


def check_regular(path: str | Path, expected: str) -> os.stat_result:
    """The `stat` of a file that exists, is not a folder, device or pipe, and is not empty.

    Raises:
        FileError: it is not so.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise FileError(path, expected, _reason(error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise FileError(path, expected, "a folder")
    if not stat.S_ISREG(status.st_mode):
        raise FileError(path, expected, "a device or a pipe")
    if status.st_size == 0:
        raise FileError(path, expected, "an empty file")
    return status


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _sorted_header(data: bytes) -> bytes:
    """The same file with its header in alphabetical order: the library writes it in another order each time."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)  # the arrays begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + data[end:]


def _permissions(path: Path) -> int:
    """Those of the file that is replaced, else those that an ordinary `open` would have given."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "nothing"
    return f"{error.strerror or error}".lower()


def _what_it_is(start: bytes, error: Exception) -> str:
    known = {
        b"PK\x03\x04": "a zip archive, as torch.save writes",
        b"\x80": "a pickle",
        b"\x1f\x8b": "gzip",
    }
    for first, name in known.items():
        if start.startswith(first):
            return name
    return f"something else: {error}"
