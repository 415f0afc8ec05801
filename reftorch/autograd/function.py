"""The tape: what was computed is remembered, so that gradients can be computed backwards.

Each call of a `Function` that has an input with `requires_grad` leaves a `Node` behind. The node is three things at once: the
`ctx` in which `forward` leaves what `backward` needs, the `grad_fn` of the outputs, and a list of edges to the nodes of the
inputs. `backward()` walks these edges from the loss to the leaves and applies the chain rule: a node takes the gradient of the
loss with respect to its outputs and returns that with respect to its inputs,

$$ \\frac{\\partial L}{\\partial x_i} = \\sum_j \\frac{\\partial L}{\\partial y_j} \\frac{\\partial y_j}{\\partial x_i}. $$

A node is always younger than the nodes it points to. So "youngest first" visits every node after all those that send it
a gradient, and no other bookkeeping is needed: `backward()` is a loop over a heap, and has no depth limit.
"""

from __future__ import annotations

import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .hooks import RemovableHandle, add_hook, replaced
from .mode import _mode, no_grad

if TYPE_CHECKING:
    from ..tensor import Tensor


class Differentiable:
    """Base class of Tensor: what the tape takes gradients of."""

    _requires_grad = False
    _grad_fn: Node | None = None
    _output_nr = 0

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad


class Node:
    """One entry of the tape: the `ctx` of a `Function` call and the `grad_fn` of its outputs."""

    _ages = itertools.count()

    def __init__(self, function: type[Function]):
        self.function = function
        self.age = next(self._ages)
        self.next_functions: tuple = ()  # per input: (its node, which output of that node) or None
        self.needs_input_grad: tuple[bool, ...] = ()
        self.output_like: list[tuple] = []  # per output: (shape, dtype, device)
        self._to_save: tuple = ()
        self._saved: list | None = []
        self._dirty: tuple = ()
        self._not_differentiable: tuple = ()
        self._materialize = True

    # what `forward` says to `backward`
    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs for `backward`, which finds them in `ctx.saved_tensors`."""
        self._to_save = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs `forward` changes in place; each must also be returned.

        Raises:
            RuntimeError: such an input is a leaf that requires grad.
        """
        for tensor in tensors:
            tensor._check_inplace(any(self.needs_input_grad))
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient, such as indices."""
        self._not_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """With False, an output that the loss does not depend on gives `backward` None instead of zeros."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What `forward` saved.

        Raises:
            RuntimeError: already freed by an earlier backward, or changed in place since it was saved.
        """
        if self._saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: the tensors that {self.name()} saved were freed "
                "by the first backward. Call that one with retain_graph=True to keep them"
            )
        return tuple(None if saved is None else saved.unpack(self) for saved in self._saved)

    def record(self, args: tuple, outputs: list) -> None:
        """Tie this node to the nodes of its inputs, and the outputs to this node."""
        self.next_functions = tuple(a._edge() if requires_grad(a) else None for a in args)
        skip = {id(tensor) for tensor in self._not_differentiable}
        tensors = [isinstance(output, Differentiable) for output in outputs]
        self.output_like = [
            (o.shape, o.dtype, o.device) if is_tensor else ((), None, None) for o, is_tensor in zip(outputs, tensors)
        ]
        for i, output in enumerate(outputs):
            if not tensors[i] or id(output) in skip or not output.dtype.is_floating_point:
                continue
            if any(output is tensor for tensor in self._dirty):
                output._rebase(self, i)
            else:
                output._attach(self, i)
        self._saved = [None if t is None else _Saved(t, self, outputs) for t in self._to_save]
        self._to_save = ()

    # what the tape asks of a node
    def name(self) -> str:
        """`MulBackward0` for the Functions of this package, `MyFunctionBackward` for others, as in PyTorch."""
        built_in = self.function.__module__.startswith("reftorch.")
        name = self.function.__name__.removesuffix("Function")
        return f"{name}Backward{'0' if built_in else ''}"

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after this node ran; what it returns replaces `grad_inputs`."""
        return add_hook(self.__dict__.setdefault("_post_hooks", OrderedDict()), hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this node runs; what it returns replaces `grad_outputs`."""
        return add_hook(self.__dict__.setdefault("_pre_hooks", OrderedDict()), hook)

    def tensor_hooks(self, output: int) -> OrderedDict:
        """The hooks of the tensor that is this node's output number `output`."""
        return self.__dict__.setdefault("_tensor_hooks", {}).setdefault(output, OrderedDict())

    def run(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """The gradients for the inputs, given those of the outputs."""
        if self._materialize:
            grads = [zeros_like_output(*like) if g is None else g for g, like in zip(grads, self.output_like)]
        for hook in list(self.__dict__.get("_pre_hooks", {}).values()):
            grads = replaced(hook(tuple(grads)), grads)
        ready = [None if g is None else g.contiguous() for g in grads]
        with no_grad():
            found = self.function.backward(self, *ready)
        found = list(found) if isinstance(found, (tuple, list)) else [found]
        while len(found) > len(self.next_functions) and found[-1] is None:
            found.pop()
        if len(found) != len(self.next_functions):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected "
                f"{len(self.next_functions)}, got {len(found)}): backward returns one for each argument of forward, "
                "None for those that have none"
            )
        found = [self._checked(i, g) for i, g in enumerate(found)]
        for hook in list(self.__dict__.get("_post_hooks", {}).values()):
            found = replaced(hook(tuple(found), tuple(grads)), found)
        return found

    def _checked(self, index: int, grad: Any) -> Tensor | None:
        """`grad` with the shape and type of the input that it belongs to."""
        edge = self.next_functions[index]
        if grad is None or edge is None:
            return None
        shape, dtype, device = edge[0].output_like[edge[1]]
        if tuple(grad.shape) != tuple(shape):
            if not _broadcasts(shape, grad.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {index} - got {list(grad.shape)} "
                    f"but expected shape compatible with {list(shape)}"
                )
            grad = grad.sum_to_size(shape)
        if grad.device != device:
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {index} - expected device {device} "
                f"but got {grad.device}"
            )
        grad = grad if grad.dtype is dtype else grad.to(dtype)
        return grad.detach()  # a new Tensor over the same array: see AccumulateGrad

    def release(self) -> None:
        """Free what was saved."""
        if self._saved:
            self._saved = None


class _Saved:
    """A tensor kept by a node, and the version that it had then."""

    def __init__(self, tensor: Tensor, node: Node, outputs: Sequence):
        self.version = tensor._version
        self.output = next((i for i, output in enumerate(outputs) if output is tensor), None)
        # An output knows its node: keep an alias without history, or node and tensor would keep each other alive.
        self.tensor = tensor if self.output is None else tensor.detach()

    def unpack(self, node: Node) -> Tensor:
        if self.tensor._version != self.version:
            shape = list(self.tensor.shape)
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"the tensor of shape {shape} that {node.name()} saved is at version {self.tensor._version}; expected "
                f"version {self.version} instead. Hint: clone() it first, or use the operation that is not in place"
            )
        if self.output is None:
            return self.tensor
        return self.tensor.detach()._attach(node, self.output)


class AccumulateGrad(Node):
    """The end of the tape at a leaf: adds what arrives to the leaf's `.grad`."""

    def __init__(self, variable: Tensor):
        super().__init__(Function)
        self.variable = variable
        self.age = -1  # after all others
        self.output_like = [(variable.shape, variable.dtype, variable.device)]

    def tensor_hooks(self, output: int) -> OrderedDict:
        return self.variable._hooks  # kept by the leaf, which may have hooks before it has a tape

    def name(self) -> str:
        return "AccumulateGrad"

    def run(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        (grad,) = grads
        leaf = self.variable
        if grad is None:
            return []
        for hook in list(self.__dict__.get("_pre_hooks", {}).values()):
            (grad,) = replaced(hook((grad,)), [grad])
        with no_grad():
            if leaf.grad is None:
                leaf.grad = grad if _is_ours(grad, grads) else grad.clone()
            else:
                leaf.grad.add_(grad)
        for hook in list(leaf._after_accumulation.values()) if leaf._after_accumulation else ():
            hook(leaf)
        return []


def _is_ours(grad: Any, arrived: list) -> bool:
    """Whether nobody else holds this array: two references are `grad.array` and the argument of getrefcount.

    `y = a + b` sends one array to both `a.grad` and `b.grad`, and a user may hold the array too: then it must be copied.
    """
    return (
        grad.device.type == "cpu"
        and grad.array.flags.owndata
        and sys.getrefcount(grad.array) == 2
        and arrived[0] is grad
    )


def _broadcasts(shape: Sequence[int], to: Sequence[int]) -> bool:
    pairs = itertools.zip_longest(reversed(shape), reversed(to), fillvalue=1)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def zeros_like_output(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    from ..ops.creation import zeros

    return zeros(shape, dtype=dtype, device=device)


# ------------------------------------------------------------------------------------------------ Function
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
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("You must implement the backward for your custom autograd.Function.")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward(ctx, *args)` and, where an argument requires grad, leave a node on the tape."""
        node = Node(cls)
        node.needs_input_grad = tuple(requires_grad(a) for a in args)
        recording = _mode.enabled and True in node.needs_input_grad
        if not recording:
            node.needs_input_grad = (False,) * len(args)
        enabled, _mode.enabled = _mode.enabled, False
        try:
            returned = cls.forward(node, *args)
        finally:
            _mode.enabled = enabled
        outputs = list(returned) if isinstance(returned, tuple) else [returned]
        for i, output in enumerate(outputs):
            if any(output is tensor for tensor in node._dirty):
                output._counter.bump()
            elif recording and any(output is a for a in args):
                outputs[i] = output.view_as(output)  # an input returned as it is: an output of its own
        if recording:
            node.record(args, outputs)
        return tuple(outputs) if isinstance(returned, tuple) else outputs[0]


def requires_grad(argument: Any) -> bool:
    return isinstance(argument, Differentiable) and argument.requires_grad
