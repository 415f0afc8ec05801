"""The whole tape on one screen. It runs the same Functions as the real tape, and gives the same gradients, bit for bit.

    x, weight, bias = ...                                    # tensors of this package
    weight.edge, bias.edge = (Leaf(), 0), (Leaf(), 0)        # whose gradients are wanted
    y = apply(LinearFunction, x, weight, bias)
    loss = apply(MseLossFunction, y, target, "mean")
    backward(loss)
    weight.edge[0].grad

Left out, and where it is: what forward changes in place, hooks, `no_grad`, views, sums over what broadcasting repeated, checks
of what a Function returns, freeing what was saved, gradients of chosen tensors only. The guide "The tape" names the files.
"""

from __future__ import annotations

import itertools
from heapq import heappop, heappush
from typing import Any

ages = itertools.count()


class Node:
    """One call of a Function: the `ctx` of its forward and backward, and where the gradients of its arguments go."""

    saved_tensors: tuple = ()

    def __init__(self, function: Any, edges: list):
        self.function, self.edges, self.age = function, edges, next(ages)
        self.needs_input_grad = tuple([edge is not None for edge in edges])

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Such outputs get no gradient here either, since nothing is computed from them."""

    def set_materialize_grads(self, value: bool) -> None:
        """Here an output without a gradient has None anyway."""

    def run(self, grads: list) -> Any:
        return self.function.backward(self, *grads)


class Leaf:
    """The end of the tape at a tensor that the user made: adds up the gradients that arrive."""

    edges: tuple = ()
    outputs = 1
    grad: Any = None

    def __init__(self) -> None:
        self.age = next(ages)

    def run(self, grads: list) -> Any:
        self.grad = grads[0] if self.grad is None else self.grad + grads[0]
        return ()


def apply(function: Any, *args: Any) -> Any:
    """Run forward. Each output gets an edge: the node, and which of its outputs this is."""
    node: Any = Node(function, [getattr(argument, "edge", None) for argument in args])
    returned = function.forward(node, *args)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    node.outputs = len(outputs)
    for i, output in enumerate(outputs):
        output.edge = node, i
    return returned


def backward(loss: Any) -> None:
    """The chain rule, youngest node first: a node is younger than those that it points to, so all its gradients are there."""
    edges: Any = [loss.edge]
    grads: Any = [loss.new_ones(loss.shape)]
    arrived: dict[Any, list] = {}
    queue: list[tuple[int, Any]] = []
    while True:
        for edge, grad in zip(edges, grads):
            if edge is None or grad is None:
                continue
            node, i = edge
            if node not in arrived:
                arrived[node] = [None] * node.outputs
                heappush(queue, (-node.age, node))
            before = arrived[node][i]
            arrived[node][i] = grad if before is None else before + grad
        if not queue:
            return
        node = heappop(queue)[1]
        found = node.run(arrived.pop(node))
        edges, grads = node.edges, found if isinstance(found, tuple) else (found,)
