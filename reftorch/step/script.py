"""A kernel of the user's own: a function in a file, and its arguments in an .npz file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..simt.device import is_cuda, source_of
from .components import NotFound


def load(target: str) -> Callable:
    """The function that "path/to/file.py:function" names. The file is imported, so the part under `if __name__ == "__main__"` does not run.

    Raises:
        NotFound: the file does not exist, or has no such function.
    """
    path, _, name = (target, "", "") if target.endswith(".py") else target.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise NotFound(f"no file {path!r}: expected FILE.py:FUNCTION")
    sys.path.insert(0, str(file.parent.resolve()))  # the file may import its neighbours
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    try:
        source_of(found)
    except TypeError:
        functions = [n for n, value in vars(module).items() if is_function_of(value, module.__name__)]
        said = f"has no function {name!r}" if name else "is a file, expected FILE.py:FUNCTION"
        raise NotFound(f"{file.name} {said}: there are {', '.join(functions) or 'none'}") from None
    return found  # type: ignore[return-value]


def is_function_of(value: Any, module: str) -> bool:
    """Whether `value` is a function, compiled or not, that was written in `module`."""
    function = getattr(value, "py_func", value)
    return inspect.isfunction(function) and function.__module__ == module


def is_cuda_kernel(kernel: Any) -> bool:
    """Whether the function uses `cuda`."""
    function = source_of(kernel)
    return any(is_cuda(function.__globals__.get(name)) for name in function.__code__.co_names)


def read_arguments(kernel: Any, file: str) -> tuple:
    """The arrays of an .npz file as the kernel's arguments, by name; arrays without dimensions become numbers.

    Raises:
        NotFound: the file cannot be read, or it lacks an argument.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError) as error:
        raise NotFound(
            f"cannot read {file}: {error}; expected a file that np.savez(FILE, x=..., y=...) writes"
        ) from None
    arguments = []
    for name, parameter in inspect.signature(source_of(kernel)).parameters.items():
        if name in stored:
            value = stored.pop(name)
            arguments.append(value.item() if value.ndim == 0 and value.dtype.kind in "bi" else value[()])
        elif parameter.default is not parameter.empty:
            arguments.append(parameter.default)
        else:
            raise NotFound(f"{file} has no array {name!r}, which {kernel.__name__} takes: it has {', '.join(stored)}")
    return tuple(arguments)
