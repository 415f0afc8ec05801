"""A tensor's side of the tape: its place there, its gradient and its hooks.

A *leaf* was made by the user; any other tensor on the tape knows the node that computed it (`grad_fn`) and which of the node's
outputs it is. Views, and the effect of writing to memory, are in `in_place.py`.
"""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .accumulate import AccumulateGrad
from .backward import backward
from .hooks import RemovableHandle, add_hook
from .in_place import InPlace
from .node import NOWHERE, Edge, Node


class OnTape(InPlace):
    """What `Tensor` inherits to take part in differentiation."""

    _grad: Any = None
    _own_hooks: OrderedDict | None = None  # of a leaf; those of other tensors are in their node
    _after_accumulation: OrderedDict | None = None
    _accumulator: weakref.ref | None = None
    _retains_grad = False

    # -------------------------------------------------------------------------------- place
    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self._requires_grad or (self._base is not None and self._base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Set whether gradients are computed for this leaf.

        Raises:
            RuntimeError: the tensor has integers, which have no gradient; or the tensor was computed, so its flag cannot be cleared.
            TypeError: not a bool.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(f"argument 'requires_grad' must be bool, not {type(requires_grad).__name__}")
        if requires_grad and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients, and this one is "
                f"{self.dtype}: convert it with .float()"
            )
        if not requires_grad and self.grad_fn is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = requires_grad
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this tensor; None for a leaf.

        Raises:
            RuntimeError: the tensor is a view that cannot be taken again after its memory has changed, such as one made under no_grad.
        """
        if self._base is not None and self._seen_version != self._counter.value:
            self._view_again()
        return self._grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user and not computed from one that requires grad."""
        return self.grad_fn is None

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._output_nr

    def _edge(self) -> Edge:
        """Where the gradient with respect to this tensor is sent."""
        node = self._grad_fn if self._base is None else self.grad_fn
        if node is not None:
            return node, self._output_nr
        if not self._requires_grad:
            return NOWHERE  # a view that was made under no_grad: only its base is on the tape
        accumulator = self._accumulator() if self._accumulator is not None else None
        if accumulator is None:
            accumulator = AccumulateGrad(self)  # type: ignore[arg-type]
            self._accumulator = weakref.ref(accumulator)  # the tape keeps the leaf alive, not the leaf the tape
        return accumulator, 0

    def _attach(self, node: Node, output: int) -> Any:
        """From now on this tensor is output number `output` of `node`."""
        self._grad_fn, self._output_nr, self._requires_grad = node, output, True
        if self._retains_grad:
            self._retain_at(node)
        return self

    def detach(self) -> Any:
        """The same memory without history."""
        return self._make(self.array, self.device, self.dtype, self._counter)

    def detach_(self) -> Any:
        """Forget the history."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead: the base has the same history")
        self._grad_fn, self._output_nr, self._requires_grad = None, 0, False
        return self

    # -------------------------------------------------------------------------------- gradient
    @property
    def grad(self) -> Any:
        """The gradient that `backward` accumulated here; for a computed tensor None, with a warning, without `retain_grad`."""
        if self._grad is None and not self._retains_grad and self.requires_grad and not self.is_leaf:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
                "you access the leaf Tensor instead.",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, OnTape):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            shape = value.shape if value.is_sparse else value.array.shape
            fits = shape == self.array.shape and value.dtype is self.dtype and value.device is self.device
            for what in () if fits else ("shape", "dtype", "device"):
                if getattr(value, what) != getattr(self, what):
                    raise RuntimeError(
                        f"assigned grad has {what} {getattr(value, what)}, but the tensor has {getattr(self, what)}"
                    )
        self._grad = value

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor (weighted by `gradient`) to the `.grad` of the leaves it was computed from."""
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this tensor is known; what it returns replaces it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self.grad_fn
        return add_hook(self._hooks if node is None else node.tensor_hooks(self._output_nr), hook)

    @property
    def _hooks(self) -> OrderedDict:
        if self._own_hooks is None:
            self._own_hooks = OrderedDict()
        return self._own_hooks

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient was added to this leaf's `.grad`."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self.is_leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._after_accumulation is None:
            self._after_accumulation = OrderedDict()
        return add_hook(self._after_accumulation, hook)

    def retain_grad(self) -> None:
        """Keep the gradient in `.grad` though this is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        node = self.grad_fn
        if node is not None:
            self._retains_grad = True
            self._retain_at(node)

    def _retain_at(self, node: Node) -> None:
        node._retained = {} if node._retained is None else node._retained
        node._retained[self._output_nr] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called."""
        return self._retains_grad
