"""Anomaly mode: a backward pass that stops where NaN first appears, and the old name `Variable`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .node import Node, is_tensor


class _Anomaly:
    enabled = False
    check_nan = True


_anomaly = _Anomaly()


def is_anomaly_enabled() -> bool:
    """Whether the backward pass looks for NaN."""
    return _anomaly.enabled


class set_detect_anomaly:
    """Make the backward pass stop at the first function that returns NaN. A call sets this until further notice, a context manager
    until the end of the block. The error names the function, and the output in which NaN is."""

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = _anomaly.enabled, _anomaly.check_nan
        _anomaly.enabled, _anomaly.check_nan = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        _anomaly.enabled, _anomaly.check_nan = self.before


class detect_anomaly(set_detect_anomaly):
    """`set_detect_anomaly(True)` from the beginning of a block to its end."""

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self.check_nan)


def watched(node: Node, grads: Iterable) -> Iterable:
    """The gradients that a node returned, if anomaly mode finds no NaN in them.

    Raises:
        RuntimeError: there is one.
    """
    if not (_anomaly.enabled and _anomaly.check_nan):
        return grads
    grads = list(grads)
    for i, grad in enumerate(grads):
        if is_tensor(grad) and bool(grad.isnan().any()):
            raise RuntimeError(
                f"Function '{node.name()}' returned nan values in its {i}th output: the gradient of its input number {i}, "
                f"counted from 0, of shape {list(grad.shape)}"
            )
    return grads


class _AnyTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return is_tensor(instance)


class Variable(metaclass=_AnyTensor):
    """The old name of a tensor that can be differentiated: `Variable(x, requires_grad=True)` is a leaf over x's memory."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if not is_tensor(data):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        made = data.detach()
        return made.requires_grad_(True) if requires_grad else made
