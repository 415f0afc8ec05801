"""Compiled kernels on disk, so that each is compiled once and not in every process.

Numba has such a cache. Its key covers the file of a kernel, but not the helpers and constants that the kernel takes from other
files; it makes a temporary file for each kernel at import; and a damaged file stops the program. Here one file holds the machine
code of one kernel for one combination of types. The name of the file contains a key, a hash of everything that decides what the
machine code is:

- the text of the kernel's file, and of the files of kernels and helpers that it imports, directly or through others (`sources`),
- the options of `@njit`, flags from the environment, and the byte code,
- the types of the arguments, the processor, the versions of Python, NumPy, Numba and LLVM.

Where any of them changes, the name changes and the kernel is compiled again. Files that have not been used for a month are deleted.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

PACKAGE = Path(__file__).parent
FLAGS = ("NUMBA_BOUNDSCHECK", "NUMBA_OPT", "NUMBA_LOOP_VECTORIZE", "NUMBA_DEBUGINFO")
VERSIONS = (sys.version, np.__version__, numba.__version__, llvmlite.__version__)
MONTH = 30 * 86400  # seconds


def njit(function: Callable | None = None, *, cache: bool = False, **options: Any) -> Any:
    """Numba's `njit`, but with `cache=True` the kernels are kept in this cache."""

    def compiled(function: Callable) -> Callable:
        kernel = numba.njit(**options)(function)
        if cache and isinstance(kernel, Dispatcher):
            kernel._cache = KernelCache(function, options)  # type: ignore[attr-defined]
        return kernel

    return compiled if function is None else compiled(function)


class KernelCache:
    """The compiled forms of one kernel. Numba calls `load_overload` before it compiles, and `save_overload` after."""

    def __init__(self, function: Callable, options: dict[str, Any]):
        self.function = function
        self.declared = declaration(function, options)

    @property
    def cache_path(self) -> str:
        return str(folder() or "")

    def load_overload(self, signature: Any, target: Any) -> CompileResult | None:
        """What was saved for these types, or None: there is nothing, or it is damaged."""
        target.refresh()
        path = self._path(signature, target.codegen())
        try:
            content = path.read_bytes() if path else b""
            if hashlib.sha256(content[32:]).digest() != content[:32]:
                return None  # cut off, or not written by this cache
            found = CompileResult._rebuild(target, *pickle.loads(content[32:]))
        except Exception:  # if anything is wrong with it, the kernel is compiled again and the file replaced
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # type: ignore[arg-type]
        return found

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        """Save what was compiled, if another process can use it."""
        path = self._path(signature, result.codegen)
        if path is None or result.library.has_dynamic_globals or any(not loop.can_cache for loop in result.lifted):
            return
        content = dumps(result._reduce())
        try:
            _tidy_up(path.parent)
            _write(path, hashlib.sha256(content).digest() + content)
        except OSError as error:
            _warn(str(error))

    def flush(self) -> None:
        """Called before everything is compiled again: what is saved then takes the place of what is there."""

    def _path(self, signature: Any, codegen: Any) -> Path | None:
        where = folder()
        if where is None or self.declared is None:
            return None
        key = hashlib.sha256(repr((self.declared, signature, codegen.magic_tuple())).encode()).hexdigest()[:32]
        name = re.sub(r"[^\w.]", "", f"{self.function.__module__.rpartition('.')[2]}.{self.function.__qualname__}")
        return where / f"{name[:100]}-{key}.nbc"


def is_kept(kernel: Any, arguments: tuple) -> bool:
    """Whether the compiled form of a kernel for such arguments is on the disk."""
    signature = tuple(map(numba.typeof, arguments))
    path = (
        kernel._cache._path(signature, kernel.targetctx.codegen()) if isinstance(kernel._cache, KernelCache) else None
    )
    return path is not None and path.exists()


# -------------------------------------------------------------------------------------------------------- the key
def declaration(function: Callable, options: dict[str, Any]) -> str | None:
    """A hash of everything that decides what a kernel is compiled to, except types and processor; None if it has no file.

    It is taken when the kernel is declared: a file that is edited later belongs to other code than this process runs.
    """
    assert isinstance(function, FunctionType)
    texts = sources(function.__code__.co_filename)
    module = sys.modules.get(function.__module__)
    home = getattr(getattr(module, "__spec__", None), "origin", None)
    if (
        home and home != function.__code__.co_filename
    ):  # a function that was put into another module, and sees its names
        texts = {**texts, **sources(home)}
    if not texts:
        return None
    key = hashlib.sha256()
    for name in sorted(texts):
        key.update(f"{name} {texts[name]} ".encode())
    flags = [os.environ.get(flag) for flag in FLAGS]
    if "fast/registers.py" in texts:  # which holds the sizes of the tile
        flags.append(os.environ.get("REFTORCH_TILE"))
    chosen = sorted((name, sorted(value) if isinstance(value, set) else value) for name, value in options.items())
    key.update(repr((VERSIONS, flags, chosen, function.__qualname__, _code(function.__code__))).encode())
    if function.__closure__:
        key.update(dumps(tuple(cell.cell_contents for cell in function.__closure__)))
    return key.hexdigest()


def _code(code: CodeType) -> tuple:
    constants = [_code(constant) if isinstance(constant, CodeType) else repr(constant) for constant in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_firstlineno


KERNEL = re.compile(r"^@njit", re.MULTILINE)
IMPORT = re.compile(r"^(?:from|import)\s+(reftorch(?:\.\w+)+)", re.MULTILINE)


@functools.cache
def sources(file: str) -> dict[str, str]:
    """The file of a kernel and those of kernels and helpers that it imports, directly or through others: name and hash of each.

    Nothing if the kernel was entered at a prompt or in a notebook.
    """
    found: dict[str, str] = {}
    waiting = [Path(file)]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name
        digest, has_kernels, imported = _read(path)
        if name not in found and digest and (has_kernels or path == Path(file)):
            found[name] = digest
            waiting += imported
    return found


@functools.cache
def _read(path: Path) -> tuple[str, bool, list[Path]]:
    """Of a file: its hash, whether kernels may take something from it, and which files of the package it imports."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return "", False, []
    has_kernels = path.parent == PACKAGE / "fast" or KERNEL.search(text) is not None
    imported = [PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py") for module in IMPORT.findall(text)]
    return hashlib.sha256(text.encode()).hexdigest(), has_kernels, imported


# ----------------------------------------------------------------------------------------------------- the folder
@functools.cache
def folder() -> Path | None:
    """Where compiled kernels are kept: in REFTORCH_CACHE_DIR, else in the user's cache, else among temporary files.

    None, and a warning, if none of them can be used. The files there are run as code: so a folder that belongs to another account,
    or that others may write to, is not used.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    refused = []
    for root in (_chosen_root(), Path(tempfile.gettempdir()) / f"reftorch-{user}"):
        try:
            where = root / "kernels"
            where.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (root, where):
                _check_owner(path)
            if os.access(where, os.W_OK):
                return where
            refused.append(f"{where} cannot be written to")
        except OSError as error:
            refused.append(str(error))
    _warn("; ".join(refused))
    return None


def _chosen_root() -> Path:
    chosen = os.environ.get("REFTORCH_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "reftorch"


def _check_owner(path: Path) -> None:
    """Raises PermissionError unless the folder is this account's or the administrator's, and closed to others if it has kernels."""
    if not hasattr(os, "getuid"):
        return
    found = path.stat()
    if found.st_uid not in (os.getuid(), 0):
        raise PermissionError(f"{path} belongs to another account")
    if path.name == "kernels" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"other accounts may write to {path}: chmod 700 makes it yours alone")


def _write(path: Path, content: bytes) -> None:
    """Write under another name first, so that other processes never read a part of a file."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@functools.cache
def _tidy_up(where: Path) -> None:
    """Once per process that compiles: delete files, and folders of older versions, that have not been used for a month."""
    oldest = time.time() - MONTH
    for path in [*where.iterdir(), *where.parent.glob("kernels-*")]:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


_warned = False


def _warn(reason: str) -> None:
    """Warn, once per process, that kernels cannot be kept."""
    global _warned
    if not _warned:
        _warned = True
        text = f"compiled kernels cannot be kept, so each process compiles them again: {reason}. "
        warnings.warn(text + "Set REFTORCH_CACHE_DIR to a folder of yours that has room", RuntimeWarning, stacklevel=2)
