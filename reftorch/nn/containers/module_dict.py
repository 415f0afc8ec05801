"""ModuleDict: modules in a dictionary, registered as its children."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from reftorch.nn.module import Module


class ModuleDict(Module):
    """A dictionary of modules. Unlike those in a Python dict, they are registered: `parameters()`, `to()` and others find them.

    It keeps the order of insertion. Keys are attribute names: strings without dots, and not the names of methods.

    Example:
        >>> from reftorch import nn
        >>> layers = nn.ModuleDict({"act": nn.ReLU(), "pool": nn.MaxPool2d(2)})
        >>> layers["act"]
        ReLU()
        >>> list(layers)
        ['act', 'pool']
    """

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Any = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    # -------------------------------------------------------------------------------------------- reading
    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Module]:
        """The pairs of name and module."""
        return self._modules.items()

    # -------------------------------------------------------------------------------------------- changing
    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove the module of this name and return it.

        Raises:
            KeyError: there is none.
        """
        return self._modules.pop(key)

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, of another ModuleDict or of pairs (name, module), in their order.

        Raises:
            TypeError, ValueError: it is none of these.
        """
        for key, module in pairs(modules, "ModuleDict"):
            self[key] = module


def pairs(given: Any, owner: str) -> Iterable[tuple[Any, Any]]:
    """The pairs in a mapping, or in an iterable of pairs; `owner` is the class that calls.

    Raises:
        TypeError: `given` is not iterable, or one of its elements is not.
        ValueError: an element does not have two entries.
    """
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{owner}.update should be called with an iterable of key/value pairs, but got {type(given).__name__}"
        )
    if isinstance(given, (Mapping, ModuleDict)):
        return given.items()
    found = list(given)
    for i, pair in enumerate(found):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{owner} update sequence element #{i} should be Iterable; is {type(pair).__name__}")
        if len(pair) != 2:  # type: ignore[arg-type]
            raise ValueError(f"{owner} update sequence element #{i} has length {len(pair)}; 2 is required")  # type: ignore[arg-type]
    return found
