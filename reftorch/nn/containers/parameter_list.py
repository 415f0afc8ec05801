"""ParameterList: parameters in a list, registered as its own."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.tensor import Tensor

L = TypeVar("L", bound="ParameterList")


class ParameterList(Module):
    """A list of parameters, which are registered. A tensor becomes a Parameter; anything else is kept as it is.

    Example:
        >>> import reftorch as torch
        >>> torch.nn.ParameterList([torch.zeros(2, 3), "note"])
        ParameterList(
            (0): Parameter containing: [torch.float32 of size 2x3]
            (1): Object of type: str
        )
    """

    def __init__(self, values: Iterable[Any] | None = None):
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    # -------------------------------------------------------------------------------------------- reading
    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, idx: int | slice) -> Any:
        """The element at a place, or a ParameterList of those in a slice.

        Raises:
            IndexError: there is no such place.
        """
        if isinstance(idx, slice):
            return type(self)(self[i] for i in range(len(self))[idx])
        return getattr(self, self._get_abs_string_index(idx))

    def __dir__(self) -> list[str]:
        return [key for key in super().__dir__() if not key.isdigit()]

    def extra_repr(self) -> str:
        return "\n".join(f"  ({i}): {describe(value)}" for i, value in enumerate(self))

    def _get_abs_string_index(self, idx: Any) -> str:
        """The attribute that holds the element at a place, which may be counted from the end."""
        place = operator.index(idx)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range: this {self._get_name()} has {len(self)} elements")
        return str(place % len(self))

    # -------------------------------------------------------------------------------------------- changing
    def __setitem__(self, idx: int, param: Any) -> None:
        """Replace an element. A parameter is replaced by a tensor or None only.

        Raises:
            IndexError: there is no such place.
            TypeError: there is a parameter there, and `param` is something else.
        """
        setattr(self, self._get_abs_string_index(idx), as_parameter(param))

    def __iadd__(self: L, parameters: Iterable[Any]) -> L:
        return self.extend(parameters)

    def append(self: L, value: Any) -> L:
        """Add an element at the end."""
        setattr(self, str(self._size), as_parameter(value))
        self._size += 1
        return self

    def extend(self: L, values: Iterable[Any]) -> L:
        """Add all elements of an iterable at the end.

        Raises:
            TypeError: it is not iterable, or a tensor (whose rows are probably not meant).
        """
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(
                f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}; append adds one"
            )
        for value in list(values):
            self.append(value)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("ParameterList should not be called: it holds parameters and computes nothing")


def as_parameter(value: Any) -> Any:
    """A tensor as a Parameter; anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def describe(value: Any, kind: Any = None) -> str:
    """An element in the `repr` of a list or dictionary of parameters; `kind` stands for its dtype."""
    if not isinstance(value, Tensor):
        return f"Object of type: {type(value).__name__}"
    name = "Parameter" if isinstance(value, Parameter) else "Tensor"
    device = f" ({value.device})" if value.device.type == "cuda" else ""
    return f"{name} containing: [{kind or value.dtype} of size {'x'.join(map(str, value.shape))}{device}]"
