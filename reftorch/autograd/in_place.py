"""Views, and how a tensor's place on the tape changes when its memory is written to.

A *view* shares the memory of its *base*. When one of them is changed in place, the other changes too, and with
it its gradient:

- If the base was changed, it comes from another node now. A view detects this by the version counter when its own place is next
  needed. It then takes the same view of the base again, by the steps from the base to the view, which it stores.
- If a view was changed, the new base is the old one, with one part overwritten: that is a separate node, `Overwrite`. Then
  the first case applies to all views, also to the one that was changed.
- Some views must not be changed while that is recorded, since their steps are not known or cannot be repeated: those made under
  no_grad, those that a custom Function returned, and one of several that were made at once (`RESTRICTED`).
"""

from __future__ import annotations

from typing import Any

from ..types import contiguous_format
from .function import Function, FunctionCtx
from .mode import enable_grad, is_grad_enabled
from .node import NOWHERE, Differentiable, Edge, Node

Steps = tuple  # (the steps before, a view Function, its arguments); () for none


class InPlace(Differentiable):
    """What a tensor on the tape inherits to be a view, and to be changed in place."""

    array: Any  # these are the tensor's
    _counter: Any
    _attach: Any
    _check_memory: Any
    is_leaf: Any
    detach: Any
    _edge: Any
    _steps: Steps = ()  # of a view: the steps from the base to it,
    _seen_version = 0  # the version of the memory when its place on the tape was last looked up,
    _restriction: str | None = None  # and why it must not be changed while that is recorded: a key of RESTRICTED

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
        if any([isinstance(x, InPlace) and x._counter is self._counter for x in inputs]):
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
        """Refuse to overwrite a tensor that must not be overwritten.

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
            self._seen_version = -1  # its place follows from that of the base, which is a new one
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
        node: Any = FunctionCtx(Overwrite)
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
