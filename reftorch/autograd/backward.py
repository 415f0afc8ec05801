"""Walking the tape: from the loss back to the leaves, youngest node first."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any

from .function import Node, requires_grad, zeros_like_output
from .hooks import replaced
from .mode import no_grad

if TYPE_CHECKING:
    from ..tensor import Tensor


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
        found = [zeros_like_output(t.shape, t.dtype, t.device) if g is None else g for t, g in zip(targets, found)]
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
    if not requires_grad(tensor):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return tensor._edge()


def _roots(outputs: tuple, grads: Any) -> list[tuple[tuple[Node, int], Any]]:
    """The edges where the walk begins, each with its upstream gradient."""
    grads = (None,) * len(outputs) if grads is None else _as_tuple(grads)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots = []
    for i, (output, upstream) in enumerate(zip(outputs, grads)):
        if not requires_grad(output):
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
        (answer,) = replaced(hook(grad), [grad])
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
