"""Names of a package that are imported when they are first used, so that `import reftorch` does not read every component file.

The package lists them as ordinary imports, which editors and type checkers read and which do not run:

    if TYPE_CHECKING:
        from reftorch.nn.activation.relu import ReLU as ReLU

    __getattr__, __dir__, __all__ = lazy.names(__name__, __file__)

`names` reads this list from the file: it is the only one.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOSE = 0.6  # how similar a name must be, from 0 to 1, to be suggested instead of a wrong one


def names(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The functions `__getattr__` and `__dir__` of the package, and its list `__all__`."""
    modules = table(Path(file).read_text(encoding="utf-8"))

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(absent(package, name, listed()), name=name)
        module = modules[name]
        if module == package:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(module), name)
        setattr(sys.modules[package], name, value)  # next time the name exists, and `get` is not called
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, listed, sorted(modules)


def table(source: str) -> dict[str, str]:
    """The module of each name that is imported under `if TYPE_CHECKING:`.

    Raises:
        SyntaxError: there is something else than `from module import name as name`.
    """
    found = {}
    for block in ast.parse(source).body:
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
            for line in block.body:
                if not isinstance(line, ast.ImportFrom) or line.module is None or line.level:
                    raise SyntaxError(f"wanted 'from reftorch... import name as name', but found '{ast.unparse(line)}'")
                for alias in line.names:
                    if alias.asname not in (None, alias.name):
                        raise SyntaxError(f"a name keeps its name, but found '{ast.unparse(line)}'")
                    found[alias.name] = line.module
    return found


# Names of torch that are replaced by something else here.
INSTEAD = {
    "reftorch.compile": "call the module itself: Numba compiles its kernels when they first run",
    "reftorch.fft": "use numpy.fft on x.numpy()",
    "reftorch.linalg": "use numpy.linalg on x.numpy()",
    "reftorch.vmap": "give the function a batch",
}


def absent(package: str, name: str, known: list[str]) -> str:
    """The error text for a name that the package does not have. It suggests others."""
    if name.startswith("_"):
        return f"module {package!r} has no attribute {name!r}"
    short = {"reftorch.nn": "nn", "reftorch.nn.functional": "F"}.get(package, package)
    there = f"dir({short}) lists the names that exist"
    instead = INSTEAD.get(f"{package}.{name}")
    if instead:
        return f"{short}.{name} is not in reftorch; {instead}"
    spelled = {each.lower(): f"{short}.{each}" for each in reversed(known) if not each.startswith("_")}
    alike = [spelled[each] for each in difflib.get_close_matches(name.lower(), spelled, 3, CLOSE)]
    suggested = f"did you mean {' or '.join(alike)}? " if alike else ""
    return f"{short}.{name} is not in reftorch; {suggested}{there}"
