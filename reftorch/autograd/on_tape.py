"""A tensor's side of the tape: its place there, its gradient and hooks, and what becomes of it when it is changed in place.

A *leaf* was made by the user; any other tensor on the tape knows the node that computed it (`grad_fn`) and which of the node's
outputs it is. A *view* shares the memory of its *base*. When one of them is changed in place, the other changes too, and with
it its gradient:

- If the base was changed, it comes from another node now. A view sees that by the version counter when its own place is next
  needed, and takes the same view of the base once more: it remembers the steps that led from the base to it.
- If a view was changed, the new base is the old one, with one part overwritten: that is a node of its own, `Overwrite`. Then
  the first case applies to all views, also to the one that was changed.
- Some views must not be changed while that is recorded, since their steps are not known or would not lead back: those made under
  no_grad, those that a custom Function returned, and one of several that were made at once (`RESTRICTED`).
"""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..types import contiguous_format
from .backward import backward
from .function import Function
from .hooks import RemovableHandle, add_hook
from .mode import enable_grad, is_grad_enabled
from .node import NOWHERE, AccumulateGrad, Differentiable, Edge, Node

Steps = tuple  # (the steps before, a view Function, its arguments); () for none


class OnTape(Differentiable):
    """What `Tensor` inherits to take part in differentiation."""

    _grad: Any = None
    _own_hooks: OrderedDict | None = None  # of a leaf; those of other tensors are in their node
    _after_accumulation: OrderedDict | None = None
    _accumulator: weakref.ref | None = None
    _retains_grad = False
    _steps: Steps = ()  # of a view: the way there from the base,
    _seen_version = 0  # the version of the memory when its place on the tape was last looked up,
    _restriction: str | None = None  # and why it must not be changed while that is recorded: a key of RESTRICTED

    # -------------------------------------------------------------------------------- place
    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self._requires_grad or (self._base is not None and self._base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Say whether gradients are wanted for this leaf.

        Raises:
            RuntimeError: integers have no gradient; a computed tensor's flag cannot be taken away.
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
            RuntimeError: the tensor is a view that cannot follow a change of its memory, such as one made under no_grad.
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
        node = self.grad_fn
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
            fits = value.array.shape == self.array.shape and value.dtype is self.dtype and value.device is self.device
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

    # -------------------------------------------------------------------------------- views
    @property
    def _version(self) -> int:
        """How often the memory was written to."""
        return self._counter.value

    def _is_view(self) -> bool:
        return self._base is not None

    def _is_view_of(self, x: Any, function: type[Function], args: tuple) -> None:
        self._base = x if x._base is None else x._base
        self._counter = x._counter
        self._seen_version = x._counter.value
        self._steps = (x._steps, function, args)
        self._restriction = x._restriction or (None if is_grad_enabled() else "no_grad")

    def _no_view_now(self, inputs: tuple) -> None:
        """What a Function returns has the gradient that it defines, though it may share memory with one of the inputs."""
        if any([isinstance(x, OnTape) and x._counter is self._counter for x in inputs]):
            self._restriction, self._seen_version = "custom", self._counter.value
        else:
            self._base, self._steps, self._restriction = None, (), None  # of a result that nobody else has

    def _view_again(self) -> None:
        """The memory was written to, so the base may have a new place on the tape: take this view of it once more."""
        if not self._base.requires_grad:
            return
        if self._restriction is not None:
            raise RuntimeError(
                f"{RESTRICTED[self._restriction]}, and its memory has been modified inplace since: the tape cannot tell what its "
                "gradient is now. Make the view again, or modify a clone()"
            )
        self._seen_version = self._counter.value
        with enable_grad():
            again = view_of(self._base, self._steps)
        if again._grad_fn is not None:
            self._attach(again._grad_fn, again._output_nr)

    # -------------------------------------------------------------------------------- in place
    def _check_inplace(self, recording: bool, *sources: Any) -> None:
        """Refuse to overwrite what must not be.

        Args:
            recording: whether the operation will be on the tape.
            sources: the tensors that it reads.

        Raises:
            RuntimeError: a leaf that requires grad (or a view of one), or elements that share memory.
        """
        if recording:
            self._check_history()
        self._check_memory(*sources)

    def _check_history(self) -> None:
        if self._base is not None:
            if self._restriction is not None:
                raise RuntimeError(
                    f"{RESTRICTED[self._restriction]}, and is being modified inplace with grad mode enabled: the tape cannot "
                    f"record that. {INSTEAD[self._restriction]}"
                )
            if self.requires_grad and self._base.is_leaf:
                raise RuntimeError(
                    "a view of a leaf Variable that requires grad is being used in an in-place operation. Do it "
                    "inside `with torch.no_grad():`"
                )
        if self.requires_grad and self.is_leaf:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation: its value before "
                "would be lost to the tape. Do it inside `with torch.no_grad():`"
            )

    def _snapshot(self) -> Any:
        """The same numbers in other memory, at the same place on the tape: what an in-place operation starts from."""
        copied = self.detach().clone()
        return copied._attach(*self._edge()) if self.requires_grad else copied

    def _take_place_of(self, result: Any) -> Any:
        """After the numbers of `result` were written to this tensor: take its place on the tape."""
        self._counter.bump()
        if result.requires_grad:
            node, output = result._edge()
            node._moved(result, self)
            self._rebase(node, output)
        return self

    def _rebase(self, node: Node, output: int) -> None:
        """After an in-place operation this tensor is an output of `node`; if it is a view, so is a part of its base."""
        changed = self if self._base is None else self._base
        if self._base is not None:
            node, output = Overwrite.node(changed, self._steps, (node, output)), 0
        changed._attach(node, output)


RESTRICTED = {
    "no_grad": "A view was created in no_grad mode",
    "several": "A view is the output of a function that returns multiple views (split, chunk, unbind, or a loop over a tensor)",
    "custom": "A view was created inside a custom Function, or is an input that the Function returned as it was",
}
INSTEAD = {
    "no_grad": "Make the view where recording is on, or modify it inside `with torch.no_grad():`",
    "several": "Replace the inplace operation by one that is not in place, or take the view by an index, as in x[0]",
    "custom": "Modify a clone() of it",
}


def view_of(base: Any, steps: Steps) -> Any:
    """The view of `base` that the steps lead to."""
    chain = []
    while steps:
        steps, *step = steps
        chain.append(step)
    for function, args in reversed(chain):
        base = function.apply(base, *args)
    return base


class Overwrite(Function):
    """A base after one of its views was written to: dbase = dy outside the view, dview = dy inside."""

    torch_name = "CopySlices"

    @staticmethod
    def node(base: Any, steps: Steps, written: Edge) -> Any:
        """The place of `base` on the tape, now that the part that `steps` lead to comes from the edge `written`."""
        node: Any = Node(Overwrite)
        node.steps = steps
        node.order = sorted(range(base.ndim), key=lambda d: -base.array.strides[d])
        node._connect(
            (base._edge() if base.requires_grad else NOWHERE, written), [(base.array.shape, base.dtype, base.device)]
        )
        return node

    @staticmethod
    def backward(ctx: Any, grad_y: Any) -> tuple:
        # in the order that the base has in memory, where the steps are known to give views
        grad_base = grad_y.permute(ctx.order).clone(memory_format=contiguous_format)
        grad_base = grad_base.permute(sorted(range(len(ctx.order)), key=ctx.order.__getitem__))
        part = view_of(grad_base, ctx.steps)
        grad_part = part.clone()
        part.zero_()
        return grad_base, grad_part
