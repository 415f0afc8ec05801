"""The backward pass: a traversal of the tape, from the loss back to the leaves, youngest node first.

A node is always younger than the nodes it points to. So "youngest first" visits every node after all those that send it
a gradient, and no other bookkeeping is needed: `_traverse` is a loop over a heap, and has no depth limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from ..types import CPU
from .anomaly import watched
from .mode import _mode
from .node import NOWHERE, Edge, Node, is_tensor, refuse_complex, requires_grad, zeros

if TYPE_CHECKING:
    from ..tensor import Tensor


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add to each leaf's `.grad` the gradient of the sum of `tensors`, each weighted by its `grad_tensors`.

    Args:
        tensors: tensors to differentiate; one element each, or the matching one of `grad_tensors` has its shape.
        grad_tensors: the upstream gradients; None stands for 1.
        retain_graph: keep what the tape saved, so that there can be another backward pass.
        grad_variables: the old name of `grad_tensors`.
        inputs: the only tensors to receive a gradient.

    Raises:
        RuntimeError: a tensor has no history, a gradient has the wrong shape, or the tape was freed.
        NotImplementedError: `create_graph`: there are no gradients of gradients.
    """
    _refuse_create_graph(create_graph)
    roots = _roots(_as_tuple(tensors), grad_variables if grad_tensors is None else grad_tensors)
    if inputs is None:
        _traverse(roots, bool(retain_graph))
        return
    targets = _as_tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty: leave it out to reach all leaves")
    edges = [_target(t) for t in targets]
    for tensor in targets:
        tensor.retain_grad()  # does nothing to a leaf
    _traverse(roots, bool(retain_graph), edges, accumulate=True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of the sum of `outputs` with respect to each of `inputs`, as a tuple; no `.grad` changes.

    Raises:
        RuntimeError: as `backward`; and for an input that `outputs` do not depend on, unless `allow_unused`.
        ValueError: both `materialize_grads` and `allow_unused=False`.
        NotImplementedError: `create_graph`: there are no gradients of gradients.
    """
    _refuse_create_graph(create_graph)
    if is_grads_batched:
        raise NotImplementedError("is_grads_batched=True is not supported: call grad() once for each upstream gradient")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: False")
    targets = _as_tuple(inputs)
    roots = _roots(_as_tuple(outputs), grad_outputs)
    found = _traverse(roots, bool(retain_graph), [_target(t) for t in targets])
    if materialize_grads:
        return tuple(zeros((t.shape, t.dtype, t.device)) if g is None else g for t, g in zip(targets, found))
    unused = [i for i, g in enumerate(found) if g is None]
    if unused and not allow_unused:
        raise RuntimeError(
            f"One of the differentiated Tensors (number {unused[0]}) appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior."
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


def _target(tensor: Any) -> Edge:
    if not requires_grad(tensor):
        raise RuntimeError("One of the differentiated Tensors does not require grad: nothing is known of its gradient")
    return tensor._edge()


def _roots(outputs: tuple, grads: Any) -> list[tuple[Edge, Any]]:
    """The edges where the traversal begins, each with its upstream gradient."""
    grads = (None,) * len(outputs) if grads is None else _as_tuple(grads)
    if len(grads) != len(outputs):
        raise RuntimeError(
            f"got {len(outputs)} tensors and {len(grads)} gradients: wanted one gradient for each tensor"
        )
    roots = []
    for i, (output, upstream) in enumerate(zip(outputs, grads)):
        if not is_tensor(output):
            raise TypeError(f"element {i} of tensors is a {type(output).__name__}: wanted a tensor")
        if upstream is not None:
            _check_upstream(i, output, upstream)
            upstream = upstream.detach()
            upstream = upstream if upstream.dtype is output.dtype else upstream.to(output.dtype)
        if not output.requires_grad:
            _refuse_root(i)
        if upstream is None:
            upstream = _implicit_upstream(output)
        refuse_complex(output.dtype)
        edge = output._edge()
        if edge is NOWHERE:
            _refuse_root(i)
        roots.append((edge, upstream))
    return roots


def _refuse_root(i: int) -> None:
    raise RuntimeError(
        f"element {i} of tensors does not require grad and does not have a grad_fn: nothing that it was "
        "computed from has requires_grad=True, or it was computed under no_grad"
    )


def _check_upstream(i: int, output: Tensor, upstream: Any) -> None:
    if not is_tensor(upstream):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(upstream).__name__}")
    if upstream.array.shape != output.array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {upstream.shape} and output[{i}] has a shape of "
            f"{output.shape}: the gradient of a tensor has the tensor's shape"
        )
    if upstream.device is not output.device and upstream.device != output.device:
        raise RuntimeError(f"grad_output[{i}] is on {upstream.device}, but output[{i}] on {output.device}")


def _implicit_upstream(output: Tensor) -> Tensor:
    if output.array.size != 1:
        raise RuntimeError(
            f"grad can be implicitly created only for scalar outputs, and this one has shape {list(output.shape)}: "
            "reduce it to a scalar, as in loss.mean().backward(), or pass the gradient"
        )
    if output.device is not CPU:
        return output.new_ones(output.shape)
    upstream = output.new_empty(output.shape)
    upstream.array.fill(1)
    return upstream


class _Arrivals:
    """The gradients that have been computed: for each node that still has to run, what has arrived for each of its outputs."""

    def __init__(self) -> None:
        self.grads: dict[Node, list] = {}
        self.queue: list[tuple[int, Node]] = []

    def send(self, edges: Iterable[Edge], grads: Iterable) -> None:
        """Store each gradient for the node of its edge; several uses of one tensor are added."""
        for (node, output), grad in zip(edges, grads):
            if node is None or grad is None:
                continue
            waiting = self.grads.get(node)
            if waiting is None:
                waiting = self.grads[node] = [None] * len(node._output_like)
                heappush(self.queue, (-node._age, node))
            before = waiting[output]
            waiting[output] = grad if before is None else _both(before, grad)

    def youngest(self) -> tuple[Node, list]:
        """The node for which no more gradients can arrive, and those that have arrived."""
        node = heappop(self.queue)[1]
        return node, self.grads.pop(node)


def _both(before: Any, grad: Any) -> Any:
    """The sum of two gradients; if one is dense, it is the left operand."""
    return grad + before if before.is_sparse else before + grad


def _traverse(roots: list, retain_graph: bool, targets: list[Edge] | None = None, accumulate: bool = False) -> list:
    """Visit the nodes, youngest first; with `targets`, only those on a path to them, and return their gradients.

    Only with `accumulate` the nodes of the targets run too: that of a leaf adds to its `.grad`.
    """
    way = None if targets is None else _leading_to([edge for edge, _ in roots], targets)
    if way is not None and accumulate:
        way |= {node for node, _ in targets or () if node is not None}
    captured: dict[Edge, Any] = dict.fromkeys(targets) if targets else {}
    arrivals = _Arrivals()
    enabled, _mode.enabled = _mode.enabled, False  # nothing is recorded
    try:
        arrivals.send(*zip(*roots))
        while arrivals.queue:
            node, grads = arrivals.youngest()
            node._arrived(grads)
            for target in captured:
                if target[0] is node:
                    captured[target] = grads[target[1]]
            if way is not None and node not in way:
                continue
            # no variable here refers to a gradient now: one that only its list refers to becomes a leaf's without a copy
            arrivals.send(node.next_functions, watched(node, node._run(grads)))
            if not retain_graph:
                node._release()
    finally:
        _mode.enabled = enabled
    return [captured[target] for target in targets] if targets else []


def _leading_to(roots: list[Edge], targets: list[Edge]) -> set[Node]:
    """The nodes from which a target can be reached."""
    seen = {node for node, _ in roots if node is not None}
    stack = list(seen)
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    ends, leading = {node for node, _ in targets}, set()
    for node in sorted(seen, key=lambda n: n._age):  # an edge points to an older node, which is decided already
        if any(after in ends or after in leading for after, _ in node.next_functions):
            leading.add(node)
    return leading
