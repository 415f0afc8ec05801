"""The kernels that can be stepped through, by component file. A component is a file with a worked example."""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parents[1]
ROOMS = ("nn", "optim", "transforms")


class NotFound(LookupError):
    """A component, kernel, file or argument does not exist; the message says which ones exist."""


@dataclass(frozen=True)
class Component:
    """A file with a worked example. Most have kernels; the others call the kernels of other components.

    `name` is the name of the file, or its path where two files have one name: "transforms/normalize".
    """

    name: str
    file: Path
    kernels: tuple[str, ...]  # without their ending, _cpu or _cuda

    def module(self) -> ModuleType:
        dotted = self.file.relative_to(PACKAGE.parent).with_suffix("").parts
        return importlib.import_module(".".join(dotted))

    def kernel(self, part: str) -> str:
        """The kernel with `part` in its name: "backward_weight" gives "conv2d_backward_weight"; "" gives the first.

        Raises:
            NotFound: no kernel matches, or more than one.
        """
        wanted = part.removesuffix("_cpu").removesuffix("_cuda")
        if not wanted:
            return self.kernels[0] if self.kernels else ""
        exact = [name for name in self.kernels if wanted in (name, self.short(name))]
        found = exact or [name for name in self.kernels if f"_{wanted}_" in f"_{name}_"]
        if len(found) != 1:
            raise NotFound(
                f"{self.name} has no kernel {part!r}: there are {', '.join(map(self.short, self.kernels)) or 'none of its own'}"
            )
        return found[0]

    def short(self, kernel: str) -> str:
        """The shortest text to type after "component." that tells the kernel from the others."""
        words = kernel.split("_")
        for start in range(len(words) - 1, 0, -1):
            end = "_".join(words[start:])
            if (
                words[start] in ("forward", "backward", "step")
                and sum(n.endswith(f"_{end}") for n in self.kernels) == 1
            ):
                return end
        return kernel


@functools.cache
def components() -> dict[str, Component]:
    """All of them by name, in the order of the folders."""
    files = sorted(file for room in ROOMS for file in (PACKAGE / room).rglob("*.py"))
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    texts = {file: text for file, text in texts.items() if "\n## Worked example" in text}
    stems = Counter(file.stem for file in texts)
    found = {}
    for file, text in texts.items():
        path = file.relative_to(PACKAGE).with_suffix("").as_posix().removeprefix("nn/")
        name = file.stem if stems[file.stem] == 1 else path
        found[name] = Component(name, file, tuple(_kernels(text)))
    return found


def _kernels(text: str) -> Iterator[str]:
    if "@njit" not in text:
        return
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_cpu") and node.decorator_list:
            yield node.name.removesuffix("_cpu")


def find(target: str) -> tuple[Component, str]:
    """The component and kernel called `target`: "conv2d", "Conv2d", "nn/convolution/conv2d" or "conv2d.backward_weight".

    The kernel is "" for a component that has none.

    Raises:
        NotFound: nothing has this name, or more than one component has it.
    """
    name, _, part = target.partition(".")
    every = components()
    wanted = _plain(name.removeprefix("nn/"))
    found = [c for known, c in every.items() if wanted in (_plain(known), _plain(posixpath.basename(known)))]
    found += [c for c in every.values() if c not in found and _plain(_path(c)) == wanted]
    if not found:
        close = difflib.get_close_matches(name, every, n=5)
        raise NotFound(
            f"no component {name!r}: "
            + (f"did you mean {' or '.join(close)}? " if close else "")
            + "--list shows all names"
        )
    if len(found) > 1:
        raise NotFound(f"{name!r} can mean {' or '.join(c.name for c in found)}: write one of these")
    return found[0], found[0].kernel(part)


def _path(component: Component) -> str:
    return component.file.relative_to(PACKAGE).with_suffix("").as_posix().removeprefix("nn/")


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def listing() -> str:
    """All kernels, one line per component."""
    lines = []
    width = max(map(len, components())) + 2
    for component in components().values():
        kernels = [component.short(kernel) for kernel in component.kernels]
        lines.append(f"{component.name:{width}}{'  '.join(kernels)}".rstrip())
    return "\n".join(lines)
