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

import contextlib
import functools
import heapq
import itertools
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["Function", "Node", "backward", "enable_grad", "grad", "gradcheck", "is_grad_enabled"]
__all__ += ["no_grad", "set_grad_enabled"]


# ------------------------------------------------------------------------------------------------ grad mode
class _Mode(threading.local):
    enabled = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are being recorded on the tape in this thread."""
    return _mode.enabled


class set_grad_enabled(contextlib.ContextDecorator):
    """Switch recording on or off: at once as a call, and until the end of the block as a context manager."""

    def __init__(self, mode: bool):
        self.before, self.mode = _mode.enabled, bool(mode)
        _mode.enabled = self.mode

    def __enter__(self) -> None:
        _mode.enabled = self.mode

    def __exit__(self, *error: object) -> None:
        _mode.enabled = self.before


class _GradBlock(contextlib.ContextDecorator):
    mode: bool

    def __new__(cls, function: Callable | None = None) -> Any:
        block = super().__new__(cls)
        return block if function is None else block(function)  # `@no_grad` without parentheses

    def __init__(self, function: Callable | None = None):
        self.before: list[bool] = []

    def _recreate_cm(self) -> _GradBlock:
        return type(self)()

    def __enter__(self) -> None:
        self.before.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(self, *error: object) -> None:
        _mode.enabled = self.before.pop()


class no_grad(_GradBlock):
    """Context manager and decorator: nothing inside is recorded on the tape."""

    mode = False


class enable_grad(_GradBlock):
    """Context manager and decorator: recording is on inside, even within `no_grad`."""

    mode = True


# ------------------------------------------------------------------------------------------------ nodes
class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away again; also a context manager."""

    _ids = itertools.count()

    def __init__(self, hooks: dict, extra_dict: Any = ()):
        self.id = next(self._ids)
        self._dicts = [weakref.ref(d) for d in (hooks, *extra_dict)]

    def remove(self) -> None:
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def add_hook(hooks: OrderedDict, hook: Callable) -> RemovableHandle:
    """Append `hook` to an ordered dictionary of hooks."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


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
        self.next_functions = tuple(a._edge() if _requires_grad(a) else None for a in args)
        skip = {id(tensor) for tensor in self._not_differentiable}
        tensors = [isinstance(output, Tensor) for output in outputs]
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
        built_in = self.function.__module__.startswith(__package__ + ".")
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
            grads = [_zeros(*like) if g is None else g for g, like in zip(grads, self.output_like)]
        for hook in list(self.__dict__.get("_pre_hooks", {}).values()):
            grads = _replaced(hook(tuple(grads)), grads)
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
            found = _replaced(hook(tuple(found), tuple(grads)), found)
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
            (grad,) = _replaced(hook((grad,)), [grad])
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


def _replaced(answer: Any, before: list) -> list:
    """The gradients after a hook: its answer, if it gave one."""
    if answer is None:
        return before
    answer = list(answer) if isinstance(answer, (tuple, list)) else [answer]
    if len(answer) != len(before):
        raise RuntimeError(
            f"hook has returned an incorrect number of values: got {len(answer)}, expected {len(before)}"
        )
    return answer


def _broadcasts(shape: Sequence[int], to: Sequence[int]) -> bool:
    pairs = itertools.zip_longest(reversed(shape), reversed(to), fillvalue=1)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def _zeros(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    from .ops.creation import zeros

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
        node.needs_input_grad = tuple(_requires_grad(a) for a in args)
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


def _requires_grad(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.requires_grad


# ------------------------------------------------------------------------------------------------ backward
def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add to each leaf's `.grad` the gradient of the sum of `tensors`, each weighted by its `grad_tensors`.

    Args:
        tensors: tensors to differentiate; one element each, or the matching one of `grad_tensors` has its shape.
        grad_tensors: the upstream gradients; None stands for 1.
        retain_graph: keep what the tape saved, so that it can be walked again.
        inputs: the only tensors to receive a gradient.

    Raises:
        RuntimeError: a tensor has no history, a gradient has the wrong shape, or the tape was freed.
    """
    _refuse_create_graph(create_graph)
    roots = _roots(_as_tuple(tensors), grad_tensors)
    if inputs is None:
        _walk(roots, bool(retain_graph))
        return
    targets = _as_tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty: leave it out to reach all leaves")
    for tensor, found in zip(targets, _walk(roots, bool(retain_graph), [_target(t) for t in targets])):
        if found is not None:
            tensor.grad = found.clone() if tensor.grad is None else tensor.grad + found


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of the sum of `outputs` with respect to each of `inputs`, as a tuple; no `.grad` changes.

    Raises:
        RuntimeError: as `backward`; and for an input that `outputs` do not depend on, unless `allow_unused`.
    """
    _refuse_create_graph(create_graph)
    targets = _as_tuple(inputs)
    roots = _roots(_as_tuple(outputs), grad_outputs)
    found = _walk(roots, bool(retain_graph), [_target(t) for t in targets])
    if materialize_grads:
        found = [_zeros(t.shape, t.dtype, t.device) if g is None else g for t, g in zip(targets, found)]
    elif not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            f"One of the differentiated Tensors (number {[g is None for g in found].index(True)}) appears to not have "
            "been used in the graph. Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _refuse_create_graph(create_graph: bool) -> None:
    if create_graph:
        raise NotImplementedError(
            "create_graph=True is not supported: backward runs in kernels that are not recorded on the tape, so there "
            "is no gradient of a gradient"
        )


def _as_tuple(tensors: Any) -> tuple:
    return tuple(tensors) if isinstance(tensors, (list, tuple)) else (tensors,)


def _target(tensor: Any) -> tuple[Node, int]:
    if not _requires_grad(tensor):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return tensor._edge()


def _roots(outputs: tuple, grads: Any) -> list[tuple[tuple[Node, int], Any]]:
    """The edges where the walk begins, each with its upstream gradient."""
    grads = (None,) * len(outputs) if grads is None else _as_tuple(grads)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots = []
    for i, (output, upstream) in enumerate(zip(outputs, grads)):
        if not _requires_grad(output):
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: nothing that it was "
                "computed from has requires_grad=True, or it was computed under no_grad"
            )
        if upstream is None:
            if output.numel() != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs, and this one has shape "
                    f"{list(output.shape)}: reduce it to a scalar or pass the gradient"
                )
            upstream = output.detach().new_ones(output.shape)
        elif tuple(upstream.shape) != tuple(output.shape):
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {upstream.shape} and output[{i}] has a shape of "
                f"{output.shape}."
            )
        roots.append((output._edge(), upstream.detach()))
    return roots


def _walk(roots: list, retain_graph: bool, targets: list[tuple[Node, int]] | None = None) -> list:
    """Visit the nodes, youngest first; with `targets`, only those on the way to them, and return their gradients."""
    pending: dict[Node, list] = {}
    queue: list[tuple[int, int, Node]] = []
    tie = itertools.count()

    def send(edge: tuple[Node, int], grad: Tensor) -> None:
        node, output = edge
        if node not in pending:
            pending[node] = [None] * len(node.output_like)
            heapq.heappush(queue, (-node.age, next(tie), node))
        before = pending[node][output]
        pending[node][output] = grad if before is None else before + grad  # several uses of one tensor: the sum

    for edge, upstream in roots:
        with no_grad():
            send(edge, upstream)
    on_the_way = None if targets is None else _leading_to([edge[0] for edge, _ in roots], targets)
    captured: dict[tuple[Node, int], Tensor] = {}
    wanted = set(targets or ())

    while queue:
        node = heapq.heappop(queue)[2]
        grads = pending.pop(node)
        for output, grad in enumerate(grads):
            if grad is not None:
                grads[output] = grad = _through_hooks(node, output, grad)
                if (node, output) in wanted:
                    captured[node, output] = grad
        del grad
        if on_the_way is not None and node not in on_the_way:
            continue
        found = node.run(grads)
        if not retain_graph:
            node.release()
        with no_grad():
            while found:  # dropped one by one: a leaf may keep the array that nobody else holds
                index = len(node.next_functions) - len(found)
                arrived = found.pop(0)
                if arrived is not None:
                    send(node.next_functions[index], arrived)
                del arrived
    return [captured.get(target) for target in targets or ()]


def _through_hooks(node: Node, output: int, grad: Any) -> Any:
    """The gradient of one tensor after the tensor's own hooks."""
    for hook in list(node.tensor_hooks(output).values()):
        (answer,) = _replaced(hook(grad), [grad])
        grad = answer if answer is grad else answer.detach()
    keeper = node.__dict__.get("_retained", {}).get(output)
    if keeper is not None and keeper() is not None:
        tensor = keeper()
        tensor.grad = grad.clone() if tensor.grad is None else tensor.grad + grad
    return grad


def _leading_to(roots: list[Node], targets: list[tuple[Node, int]]) -> set[Node]:
    """The nodes from which a target can be reached."""
    seen, stack = set(roots), list(roots)
    while stack:
        for edge in stack.pop().next_functions:
            if edge is not None and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    ends, leading = {node for node, _ in targets}, set()
    for node in sorted(seen, key=lambda n: n.age):  # an edge points to an older node, which is decided already
        if any(edge is not None and (edge[0] in ends or edge[0] in leading) for edge in node.next_functions):
            leading.add(node)
    return leading


from .gradcheck import gradcheck  # noqa: E402  these two use what stands above
from .tensor import Tensor  # noqa: E402
