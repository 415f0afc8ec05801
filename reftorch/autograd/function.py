"""The tape: what was computed is remembered, so that gradients can be computed backwards.

Each call of a `Function` with an input that has `requires_grad` leaves a `Node` behind (`node.py`), which points to the nodes of
the inputs. `backward()` goes from the loss to the leaves (`backward.py`) and applies the chain rule: a node takes the
gradient of the loss with respect to its outputs and returns that with respect to its inputs,

$$ \\frac{\\partial L}{\\partial x_i} = \\sum_j \\frac{\\partial L}{\\partial y_j} \\frac{\\partial y_j}{\\partial x_i}. $$
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .mode import _mode
from .node import NOWHERE, Differentiable, Node

FunctionCtx = Node  # PyTorch's name for what `forward` and `backward` share


class Function:
    """An operation with a gradient. Subclass it with two static methods and call `apply`:

        class Square(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, grad_y):          # dL/dy, of y's shape
                (x,) = ctx.saved_tensors
                return 2 * x * grad_y           # dL/dx = dL/dy · dy/dx

    `forward` takes tensors and anything else, and returns a tensor or a tuple; `backward` gets one contiguous gradient for each
    output and returns one for each argument of `forward`, None where there is none. `ctx.needs_input_grad` tells which are
    wanted. Neither is recorded on the tape itself.

    Where `setup_context(ctx, inputs, output)` is defined, `forward` is called without `ctx`, and it does what concerns that.
    """

    @staticmethod
    def forward(*args: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD: here backward(ctx, *grads)"
        )

    setup_context: Callable | None = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward(ctx, *args)` and, where an argument requires grad, leave a node on the tape."""
        node = Node(cls)
        # `requires_grad` of a tensor, without a call for the many that are not views
        needed = [
            isinstance(a, Differentiable) and (a._requires_grad or (a._base is not None and a._base.requires_grad))
            for a in args
        ]
        node.needs_input_grad = tuple(needed)
        enabled = _mode.enabled
        node._recording = recording = enabled and True in needed
        if enabled:
            _mode.enabled = False
        try:
            if cls.setup_context is None:
                returned = cls.forward(node, *args)
            else:
                returned = cls.forward(*args)
                cls.setup_context(node, args, returned)
            outputs = list(returned) if isinstance(returned, tuple) else [returned]
            if node._dirty:
                _check_dirty(node, outputs)
            for i, output in enumerate(outputs):
                if _among(output, args) and isinstance(output, Differentiable) and not _among(output, node._dirty):
                    # an input as it came becomes a tensor of its own
                    outputs[i] = output.view_as(output) if recording else output.detach()
        finally:
            if enabled:
                _mode.enabled = True
        if recording:
            _record(node, args, outputs)
        return tuple(outputs) if isinstance(returned, tuple) else outputs[0]


def _among(tensor: Any, tensors: Sequence) -> bool:
    for other in tensors:  # not `in`, which asks whether they are equal
        if tensor is other:
            return True
    return False


def _check_dirty(node: Node, outputs: list) -> None:
    for tensor in node._dirty:
        if not _among(tensor, outputs):
            raise RuntimeError(
                f"Some elements marked as dirty during the forward method of {node._function.__name__} were not returned "
                "as output. The inputs that are modified inplace must all be outputs of the Function."
            )
        tensor._counter.bump()


def _record(node: Node, args: tuple, outputs: list) -> None:
    """Tie the node to the nodes of its inputs, and the outputs to the node."""
    edges = [a._edge() if needed else NOWHERE for a, needed in zip(args, node.needs_input_grad)]
    output_like: list = []
    node._connect(edges, output_like)
    for i, output in enumerate(outputs):
        if not isinstance(output, Differentiable):
            output_like.append(((), None, None))
            continue
        dtype = output.dtype
        output_like.append((output.array.shape, dtype, output.device))
        if not (dtype.is_floating_point or dtype.is_complex) or _among(output, node._not_differentiable):
            continue
        if node._dirty and _among(output, node._dirty):
            output._rebase(node, i)
        else:
            output._attach(node, i)
            if output._base is not None:
                output._no_view_now(args)
    if node._to_save:
        node._keep_saved()
    node._dirty = node._not_differentiable = ()  # tensors, which the node must not keep alive


def once_differentiable(backward: Callable) -> Callable:
    """PyTorch's mark for a `backward` that is not recorded; here none is."""
    return functools.wraps(backward)(backward)
