"""The end of the tape at a leaf: gradients are added to `.grad`, without a copy if nothing else refers to the array."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import contiguous_format
from .hooks import call_hooks, call_tensor_hooks
from .node import Node

if TYPE_CHECKING:
    from ..tensor import Tensor


class AccumulateGrad(Node):
    """The end of the tape at a leaf: adds what arrives to the leaf's `.grad`."""

    def __init__(self, variable: Tensor):
        self.variable = variable
        self._output_like = ((variable.array.shape, variable.dtype, variable.device),)
        self._age = next(self._ages)

    def tensor_hooks(self, output: int) -> OrderedDict:
        return self.variable._hooks  # kept by the leaf, which may have hooks before it has a tape

    def name(self) -> str:
        return "AccumulateGrad"

    def _arrived(self, grads: list[Tensor | None]) -> None:
        if self.variable._own_hooks and grads[0] is not None:
            grads[0] = call_tensor_hooks(self.variable._own_hooks, grads[0])

    def _run(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        leaf = self.variable
        if not (self._pre_hooks or self._post_hooks):
            leaf._accumulator = None  # a later graph gets a younger one, which runs as soon as its gradient has arrived
        grads = call_hooks(self._pre_hooks, grads) if self._pre_hooks else grads
        if grads[0] is not None:
            if grads[0].is_sparse or (leaf._grad is not None and leaf._grad.is_sparse):
                leaf.grad = _with_sparse(leaf._grad, grads[0])
            elif leaf._grad is not None:
                leaf._grad.add_(grads[0])
            elif _held_by(grads) and _same_layout(grads[0], leaf):
                leaf.grad = grads[0]
            else:  # y = a + b sends the same array to a and b, and the user may hold it too
                leaf.grad = _laid_out_as(leaf, grads[0])
        for hook in list(leaf._after_accumulation.values()) if leaf._after_accumulation else ():
            hook(leaf)
        if self._post_hooks:
            call_hooks(self._post_hooks, [], (grads[0],))
        return []


def _with_sparse(before: Any, grad: Any) -> Any:
    """The gradient so far and what is added, of which one or both are sparse; the sum is dense if one is."""
    if before is None:
        return grad.clone()  # its entries may be those of an upstream gradient
    return grad + before if before.is_sparse and not grad.is_sparse else before.add_(grad)


def _held_by(grads: list) -> bool:
    """Whether nothing else refers to the one tensor in this list, nor to its memory: then it need not be copied."""
    array = grads[0].array
    if type(array) is not np.ndarray or array.base is not None or not array.flags.owndata:
        return False
    del array
    return sys.getrefcount(grads[0]) == _ALONE == sys.getrefcount(grads[0].array)


def _order(x: Any) -> list[int]:
    """The dimensions of x, those whose neighbours are farthest apart in memory first; from 0 if x has gaps in memory."""
    order = sorted(range(x.ndim), key=lambda d: -x.array.strides[d])
    return order if x._is_dense(order) else list(range(x.ndim))


def _same_layout(grad: Any, leaf: Any) -> bool:
    """Whether the elements of both are in the same order in memory."""
    return grad.is_contiguous() if leaf.is_contiguous() else grad._is_dense(_order(leaf))


def _laid_out_as(leaf: Any, grad: Any) -> Any:
    """A copy of a gradient, its elements in the order that those of the leaf have in memory."""
    if leaf.is_contiguous():
        return grad.clone(memory_format=contiguous_format)
    order = _order(leaf)
    copied = grad.permute(order).clone(memory_format=contiguous_format)
    return copied.permute(sorted(range(len(order)), key=order.__getitem__)).detach()


_ALONE = (lambda held: sys.getrefcount(held[0]))(
    [object()]
)  # Python's count of references if only a list refers to an object
