"""ModuleList: modules in a list, registered as its children."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from reftorch.nn.module import Module, indented

L = TypeVar("L", bound="ModuleList")


class ModuleList(Module):
    """A list of modules. Unlike those in a Python list, they are registered: `parameters()`, `to()` and others find them.

    It has no `forward`: the module that holds it defines how its elements are used.

    Example:
        >>> from reftorch import nn
        >>> nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()])
        ModuleList(
          (0-1): 2 x Linear(in_features=4, out_features=4, bias=True)
          (2): ReLU()
        )
    """

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self += modules

    # -------------------------------------------------------------------------------------------- reading
    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, idx: int | slice) -> Any:
        """The module at a place, or a ModuleList of those in a slice.

        Raises:
            IndexError: there is no such place.
        """
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return self._modules[self._get_abs_string_index(idx)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __dir__(self) -> list[str]:
        return [key for key in super().__dir__() if not key.isdigit()]

    def __repr__(self) -> str:
        lines, start = [], 0
        for text, run in groupby(map(repr, self)):
            count = len(list(run))
            lines.append(
                f"({start}): {indented(text)}"
                if count == 1
                else f"({start}-{start + count - 1}): {count} x {indented(text)}"
            )
            start += count
        return "\n  ".join([f"{self._get_name()}(", *lines]) + "\n)" if lines else f"{self._get_name()}()"

    def _get_abs_string_index(self, idx: Any) -> str:
        """The name of the module at a place, which may be counted from the end."""
        place = operator.index(idx)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range: this {self._get_name()} has {len(self)} modules")
        return str(place % len(self))

    # -------------------------------------------------------------------------------------------- changing
    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._get_abs_string_index(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        places = range(len(self))[idx] if isinstance(idx, slice) else [self._get_abs_string_index(idx)]
        for place in places:
            delattr(self, str(place))
        self._modules = {str(i): module for i, module in enumerate(self)}

    def __iadd__(self: L, modules: Iterable[Module]) -> L:
        return self.extend(modules)

    def append(self: L, module: Module) -> L:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: L, modules: Iterable[Module]) -> L:
        """Add all modules of an iterable at the end.

        Raises:
            TypeError: it is not iterable, or something in it is not a module.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}; append adds one"
            )
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`, as in a Python list; the following ones move up by one.

        Raises:
            TypeError: `module` is not a module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"ModuleList.insert: {type(module).__name__} is not a Module subclass")
        modules = list(self)
        modules.insert(index, module)
        self._modules = {str(i): m for i, m in enumerate(modules)}

    def pop(self, key: int | slice) -> Any:
        """Remove the module at a place, or those in a slice, and return what `self[key]` was."""
        removed = self[key]
        del self[key]
        return removed
