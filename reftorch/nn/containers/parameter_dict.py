"""ParameterDict: parameters in a dictionary, registered as its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, KeysView, Mapping
from typing import Any, NoReturn, TypeVar

from reftorch.nn.containers.module_dict import pairs
from reftorch.nn.containers.parameter_list import as_parameter, describe
from reftorch.nn.module import Module
from reftorch.tensor import Tensor

D = TypeVar("D", bound="ParameterDict")


class ParameterDict(Module):
    """A dictionary of parameters, which are registered. A tensor becomes a Parameter; anything else is kept as it is.

    It keeps the order of insertion, except that a plain mapping is inserted sorted by key. Keys are attribute names: strings
    without dots, and not the names of methods.

    Example:
        >>> import reftorch as torch
        >>> gains = torch.nn.ParameterDict({"left": torch.ones(1), "right": torch.ones(1)})
        >>> "left" in gains, len(gains)
        (True, 2)
    """

    def __init__(self, parameters: Any = None):
        super().__init__()
        self._keys: dict[str, None] = {}  # used as an ordered set
        if parameters is not None:
            self.update(parameters)

    # -------------------------------------------------------------------------------------------- reading
    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __getitem__(self, key: str) -> Any:
        """The value of a key.

        Raises:
            AttributeError: there is no such key.
            TypeError: the key is not a string.
        """
        self._check_key(key)
        if key not in self._keys:
            raise AttributeError(f"'{self._get_name()}' object has no key '{key}', only {list(self._keys)}")
        return getattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        return self[key] if key in self else default

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._keys.keys()

    def values(self) -> Iterable[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterable[tuple[str, Any]]:
        """The pairs of key and value."""
        return ((key, self[key]) for key in self._keys)

    def extra_repr(self) -> str:
        shown = ((key, describe(v, v.type() if isinstance(v, Tensor) else None)) for key, v in self.items())
        return "\n".join(f"  ({key}): {text}" for key, text in shown)

    def _check_key(self, key: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(
                f"Index given to ParameterDict cannot be used as a key as it is not a string: it is a {type(key).__name__}"
            )

    # -------------------------------------------------------------------------------------------- changing
    def __setitem__(self, key: str, value: Any) -> None:
        self._check_key(key)
        setattr(self, key, as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set to `default` first if it is absent."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Remove everything."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Remove a key and return its value.

        Raises:
            AttributeError: there is no such key.
        """
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was inserted last, and return it with its value.

        Raises:
            KeyError: the dictionary is empty.
        """
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def update(self, parameters: Any) -> None:
        """Add what is in a mapping (sorted by key, if it is not an OrderedDict), a ParameterDict or pairs (key, value).

        Raises:
            TypeError, ValueError: it is none of these.
        """
        found = parameters.items() if isinstance(parameters, ParameterDict) else pairs(parameters, "ParameterDict")
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            found = sorted(found)
        for key, value in found:
            self[key] = value

    # -------------------------------------------------------------------------------------------- copies
    def copy(self) -> ParameterDict:
        """Another dictionary with the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dictionary with these keys, all with the value `default`."""
        return ParameterDict((key, default) for key in keys)

    def __or__(self, other: Any) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> Any:
        result = other.copy()
        result.update(self)
        return result

    def __ior__(self: D, other: Any) -> D:
        self.update(other)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("ParameterDict should not be called: it holds parameters and computes nothing")
