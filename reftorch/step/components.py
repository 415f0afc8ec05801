"""What can be stepped through: the component files, and the kernels in each."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parents[1]
ROOMS = ("nn", "optim", "transforms")


class NotFound(LookupError):
    """There is no such component, kernel, file or argument; the message says what there is."""


@dataclass(frozen=True)
class Component:
    """A file with kernels and a worked example."""

    name: str
    file: Path
    kernels: tuple[str, ...]  # without their ending, _cpu or _cuda

    def module(self) -> ModuleType:
        dotted = self.file.relative_to(PACKAGE.parent).with_suffix("").parts
        return importlib.import_module(".".join(dotted))

    def kernel(self, part: str) -> str:
        """The kernel with `part` in its name: "backward_weight" gives "conv2d_backward_weight"; "" gives the first.

        Raises:
            NotFound: there is none, or more than one.
        """
        wanted = part.removesuffix("_cpu").removesuffix("_cuda")
        if not wanted:
            return self.kernels[0]
        exact = [name for name in self.kernels if wanted in (name, self.short(name))]
        found = exact or [name for name in self.kernels if f"_{wanted}_" in f"_{name}_"]
        if len(found) != 1:
            raise NotFound(f"{self.name} has no kernel {part!r}: there are {', '.join(map(self.short, self.kernels))}")
        return found[0]

    def short(self, kernel: str) -> str:
        """What to type after "component.": as little as tells the kernel from the others."""
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
    found = [Component(file.stem, file, kernels) for file in files if (kernels := tuple(_kernels(file)))]
    return {component.name: component for component in found}


def _kernels(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if "@njit" not in text or "\n## Worked example" not in text:
        return
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_cpu") and node.decorator_list:
            yield node.name.removesuffix("_cpu")


def find(target: str) -> tuple[Component, str]:
    """The component and kernel called `target`: "conv2d", "Conv2d" or "conv2d.backward_weight".

    Raises:
        NotFound: there is no such thing, or more than one.
    """
    name, _, part = target.partition(".")
    alike = {_plain(known): component for known, component in components().items()}
    component = alike.get(_plain(name))
    if component is None:
        raise NotFound(f"no component {name!r}: there are {', '.join(components())}")
    return component, component.kernel(part)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def listing() -> str:
    """What can be stepped through, one component a line."""
    lines = []
    for component in components().values():
        kernels = [component.short(kernel) for kernel in component.kernels]
        lines.append(f"{component.name:22}{'  '.join(kernels)}")
    return "\n".join(lines)
