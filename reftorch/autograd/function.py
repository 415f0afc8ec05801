"""The tape: it records what was computed, so that gradients can be computed from the last operation to the first.

Each call of a `Function` with an input that has `requires_grad` creates a `Node` (`node.py`), which points to the nodes of
the inputs. `backward()` goes from the loss to the leaves (`backward.py`) and applies the chain rule: a node takes the
gradient of the loss with respect to its outputs and returns that with respect to its inputs,

$$ \\frac{\\partial L}{\\partial x_i} = \\sum_j \\frac{\\partial L}{\\partial y_j} \\frac{\\partial y_j}{\\partial x_i}. $$
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..room import no_room
from .mode import _mode
from .node import NOWHERE, Differentiable, Node
from .saved import Saved

if TYPE_CHECKING:
    from ..tensor import Tensor


class FunctionCtx(Node):
    """The node of one call of a `Function`: its `ctx`, which passes data from `forward` to `backward`."""

    _to_save: tuple = ()
    _dirty: tuple = ()
    _not_differentiable: tuple = ()

    def __init__(self, function: type[Function], needs_input_grad: tuple[bool, ...] = (), recording: bool = False):
        """`needs_input_grad` says which arguments need a gradient, `recording` whether this node will be on the tape."""
        self._function, self.needs_input_grad, self._recording = function, needs_input_grad, recording

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs for `backward`, which finds them in `ctx.saved_tensors`.

        Anything else can be set as an attribute: `ctx.size = size`.
        """
        self._to_save = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs `forward` changes in place; each must also be returned.

        Raises:
            RuntimeError: such an input is a leaf that requires grad.
        """
        for tensor in tensors:
            tensor._check_inplace(self._recording)
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient, such as indices."""
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """With False, an output that the loss does not depend on gives `backward` None instead of zeros."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What `forward` saved: the same memory, without history.

        Raises:
            RuntimeError: already freed by an earlier backward, or changed in place since it was saved.
        """
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                f"already been freed): what {type(self).name(self)} saved was freed by the first backward. Call that one with "
                "retain_graph=True to keep it"
            )
        return tuple([None if saved is None else saved.unpack(self) for saved in self._saved])

    def _keep_saved(self) -> None:
        """After forward, when versions are final: save the tensors that forward named."""
        saved: list = []
        for i, tensor in enumerate(self._to_save):
            if not (tensor is None or isinstance(tensor, Differentiable)):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(tensor).__name__}: "
                    "keep it as an attribute of ctx"
                )
            saved.append(None if tensor is None else Saved(tensor))
        self._saved, self._to_save = saved, ()


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
    output and returns one for each argument of `forward`, None where there is none. `ctx.needs_input_grad` says which are
    needed. The operations inside `forward` and `backward` are not recorded on the tape.

    Where `setup_context(ctx, inputs, output)` is defined, `forward` is called without `ctx`; `setup_context` does all that needs `ctx`.
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
        """Run `forward(ctx, *args)` and, if an argument requires grad, put a node on the tape."""
        # `requires_grad` of each tensor, without a call for the many that are not views
        need = [isinstance(a, Differentiable) and (a._requires_grad or a._base is not None and a._base.requires_grad) for a in args]  # fmt: skip
        node = FunctionCtx(cls, tuple(need), recording := _mode.enabled and True in need)
        enabled, _mode.enabled = _mode.enabled, False
        try:
            returned = cls.forward(node, *args) if cls.setup_context is None else _in_two_steps(node, args)
            outputs = list(returned) if isinstance(returned, tuple) else [returned]
            if node._dirty:
                _check_dirty(node, outputs)
            for i, output in enumerate(outputs):
                if _among(output, args) and isinstance(output, Differentiable) and not _among(output, node._dirty):
                    # an input that is returned unchanged becomes a new tensor
                    outputs[i] = output.view_as(output) if recording else output.detach()
        except MemoryError as error:
            raise no_room(error) from None
        finally:
            _mode.enabled = enabled
        if recording:
            _record(node, args, outputs)
        return tuple(outputs) if isinstance(returned, tuple) else outputs[0]


def _in_two_steps(node: FunctionCtx, args: tuple) -> Any:
    """`forward` without ctx, then `setup_context`."""
    function: Any = node._function
    returned = function.forward(*args)
    function.setup_context(node, args, returned)
    return returned


def _among(tensor: Any, tensors: Sequence) -> bool:
    for other in tensors:  # not `in`, which compares by value
        if tensor is other:
            return True
    return False


def _check_dirty(node: FunctionCtx, outputs: list) -> None:
    for tensor in node._dirty:
        if not _among(tensor, outputs):
            raise RuntimeError(
                f"Some elements marked as dirty during the forward method of {node._function.__name__} were not returned "
                "as output. The inputs that are modified inplace must all be outputs of the Function."
            )
        tensor._counter.bump()


def _record(node: FunctionCtx, args: tuple, outputs: list) -> None:
    """Tie the node to the nodes of its inputs, and the outputs to the node."""
    output_like: list = []
    node._connect([a._edge() if needed else NOWHERE for a, needed in zip(args, node.needs_input_grad)], output_like)
    for i, output in enumerate(outputs):
        if not isinstance(output, Differentiable):
            output_like.append(((), None, None))
            continue
        dtype = output.dtype
        output_like.append((output.array.shape, dtype, output.device))
        if not (dtype.is_floating_point or dtype.is_complex):
            continue
        if node._not_differentiable and _among(output, node._not_differentiable):
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
