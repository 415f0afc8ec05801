"""Parameter and Buffer: tensors that a module registers when they are assigned to one of its attributes.

A plain tensor that is assigned to a module is not registered; it may be a cache or the last hidden state. A `Parameter` is a
tensor that the optimizer changes. A `Buffer` is a tensor that belongs to the module's state and is not learned, such as a running
mean.
"""

from __future__ import annotations

from typing import Any

from reftorch.autograd import no_grad
from reftorch.ops.creation import empty
from reftorch.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that is learned. It shares the memory of `data`, and is a leaf of the tape whatever `data` is.

    Args:
        data: the values; None stands for no elements.
        requires_grad: whether gradients are computed; False freezes the parameter.

    Raises:
        AttributeError: `data` is not a tensor.
        RuntimeError: gradients are wanted for integers.

    Example:
        >>> import reftorch as torch
        >>> torch.nn.Parameter(torch.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        parameter = _alias(cls, data)
        parameter.requires_grad_(requires_grad)
        return parameter

    def __repr__(self) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict) -> Parameter:
        """The values in new memory, without the gradient."""
        if id(self) not in memo:
            with no_grad():
                memo[id(self)] = type(self)(self.clone(), self.requires_grad)
        return memo[id(self)]


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned. It shares the memory of `data`.

    Args:
        data: the values; None stands for no elements.
        persistent: whether the module that it is assigned to has it in its `state_dict()`.

    Raises:
        AttributeError: `data` is not a tensor.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        buffer = _alias(cls, data)
        buffer.requires_grad_(data is not None and data.requires_grad)
        buffer.persistent = persistent
        return buffer


def _alias(cls: type, data: Any) -> Any:
    """A tensor of class `cls` over the memory of `data`, without history."""
    if data is None:
        data = empty(0)
    if not isinstance(data, Tensor):
        raise AttributeError(
            f"{cls.__name__}() expects a Tensor, got a {type(data).__name__}: make one first, with torch.tensor(...)"
        )
    alias = data.detach()
    alias.__class__ = cls
    return alias
