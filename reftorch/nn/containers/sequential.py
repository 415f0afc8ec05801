"""Sequential: modules one after another, the output of each being the input of the next."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from reftorch.nn.module import Module

S = TypeVar("S", bound="Sequential")


class Sequential(Module):
    r"""The composition of modules: `Sequential(f, g, h)(x)` is $h(g(f(x)))$.

    It is also a list: indexing, slices, `append`, `insert`, `+`, `*` and so on. The modules are named "0", "1", ..., or as in
    the OrderedDict that is given instead of them; methods that change the order number them again.

    Example:
        >>> from reftorch import nn
        >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
          (1): ReLU()
        )
    """

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, *args: Any):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            self.extend(args)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    # -------------------------------------------------------------------------------------------- reading
    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, idx: int | slice) -> Any:
        """The module at a place, or a Sequential of those in a slice, which keep their names.

        Raises:
            IndexError: there is no such place.
        """
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._name_at(idx)]

    def __dir__(self) -> list[str]:
        return [key for key in super().__dir__() if not key.isdigit()]

    def _name_at(self, idx: Any) -> str:
        place = operator.index(idx)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range: this {self._get_name()} has {len(self)} modules")
        return list(self._modules)[place]

    # -------------------------------------------------------------------------------------------- changing
    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._name_at(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        for name in list(self._modules)[idx] if isinstance(idx, slice) else [self._name_at(idx)]:
            delattr(self, name)
        self._modules = {str(i): module for i, module in enumerate(self)}

    def append(self: S, module: Module) -> S:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: S, sequential: Iterable[Module]) -> S:
        """Add all modules of another Sequential, or of any iterable, at the end."""
        for module in list(sequential):
            self.append(module)
        return self

    def insert(self: S, index: int, module: Module) -> S:
        """Put a module before the one at `index`; the following ones move up by one.

        Raises:
            AssertionError: `module` is not a module.
            IndexError: there is no such place.
        """
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}, got a {type(module).__name__}")
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"Index out of range: {index}, with {n} modules")
        if index == n:
            return self.append(module)
        modules = list(self)
        modules.insert(index, module)
        self._modules = {str(i): m for i, m in enumerate(modules)}
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove the module at a place, or those in a slice, and return what `self[key]` was."""
        removed = self[key]
        del self[key]
        return removed

    # -------------------------------------------------------------------------------------------- + and *
    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self: S, other: Sequential) -> S:
        return self.extend(_sequential(other))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*list(self) * _positive(other))

    def __rmul__(self, other: int) -> Sequential:
        return self * other

    def __imul__(self: S, other: int) -> S:
        return self.extend(list(self) * (_positive(other) - 1))


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
    return other


def _positive(factor: Any) -> int:
    if not isinstance(factor, int):
        raise TypeError(f"unsupported operand type(s) for *: Sequential and {type(factor).__name__}; wanted an int")
    if factor <= 0:
        raise ValueError(f"Non-positive multiplication factor {factor} for a Sequential; wanted at least 1")
    return factor
