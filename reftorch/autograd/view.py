"""Shows the tape: `draw` makes a picture of it, `explain` prints the backward pass step by step.

    loss = F.cross_entropy(model(x), target)
    reftorch.autograd.explain(loss)                   # prints; nothing is computed or freed
    picture = reftorch.autograd.draw(loss)            # shown by a notebook
    picture.save("loss.svg")                          # or "loss.dot", for Graphviz

Tensors get the names that they have where the function is called: variables, and the parameters of modules in variables.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from .accumulate import AccumulateGrad
from .formulas import formulas, place
from .node import Node, is_tensor
from .picture import Box, Picture

if TYPE_CHECKING:
    from ..tensor import Tensor


def draw(loss: Tensor, names: Any = None) -> Picture:
    """The graph of the computation that led to `loss`: from the leaves above down to the loss.

    Args:
        loss: a tensor of any shape with a history.
        names: names of tensors: a dict of name and tensor, or a Module, whose parameters have names. By default, those of the
            caller's variables.

    Raises:
        RuntimeError: `loss` has no history.
    """
    view = _View(loss, _names(names, sys._getframe(1)))
    boxes: dict[Any, Box] = {}
    arrows: list[tuple[Any, Any]] = []
    for node in reversed(view.nodes):  # oldest first: a box stands before those that it leads to
        if isinstance(node, AccumulateGrad):
            boxes[node, 0] = Box("leaf", [view.name(node, 0), view.facts(node, 0)])
            continue
        boxes[node] = Box("function", [node.name(), *view.saved(node)])
        arrows += [((before, output), node) for before, output in node.next_functions if before is not None]
        for output in sorted(view.outputs[node]):
            kind = "result" if (node, output) == view.root else "tensor"
            boxes[node, output] = Box(kind, [view.name(node, output), view.facts(node, output)])
            arrows.append((node, (node, output)))
    return Picture(boxes, arrows)


def explain(loss: Tensor, names: Any = None, file: TextIO | None = None) -> None:
    """Print the backward pass of `loss` in the order in which `backward()` goes: the youngest step first.

    For each step: the gradients that it takes and gives, with their shapes; its formulas; where they are computed.

    Args:
        loss: a tensor of any shape with a history.
        names: as for `draw`.
        file: where to print; None means the screen.

    Raises:
        RuntimeError: `loss` has no history.
    """
    view = _View(loss, _names(names, sys._getframe(1)))
    print(f"The backward pass of {view.label(*view.root)}, from dL/dL = 1:", file=file)
    for number, node in enumerate(view.nodes, 1):
        if isinstance(node, AccumulateGrad):
            print(f"\n{number:3}. {view.name(node, 0) or 'a leaf'}.grad += {view.facts(node, 0)}", file=file)
            continue
        takes = ", ".join(view.label(node, output) for output in sorted(view.outputs[node]))
        given = zip(view.arguments(node), node.next_functions)
        gives = ", ".join(f"{name} {view.facts(*edge)}" for name, edge in given if edge[0] is not None)
        print(f"\n{number:3}. {node.name()}   {place(node._function)}", file=file)
        print(f"     takes the gradient of {takes}, gives that of {gives}", file=file)
        for line in formulas(node._function):
            print(f"       {line}", file=file)


class _View:
    """The tape below a tensor: its nodes, youngest first, which of their outputs are used, and what things are called."""

    def __init__(self, loss: Tensor, names: dict[int, tuple[str, Any]]):
        if not is_tensor(loss):
            raise TypeError(f"wanted a tensor, found a {type(loss).__name__}")
        if not loss.requires_grad:
            raise RuntimeError(
                "the tensor does not require grad, so it has no history: nothing that it was computed from has "
                "requires_grad=True, or it was computed under no_grad"
            )
        self.names = names
        self.root: Any = loss._edge()
        self.outputs: dict[Any, set[int]] = {self.root[0]: {self.root[1]}}
        stack: list[Any] = [self.root[0]]
        while stack:
            for before, output in stack.pop().next_functions:
                if before is not None:
                    if before not in self.outputs:
                        stack.append(before)
                    self.outputs.setdefault(before, set()).add(output)
        self.nodes: list[Any] = sorted(self.outputs, key=lambda node: -node._age)
        self.called = {(t._grad_fn, t._output_nr): name for name, t in names.values() if t._grad_fn is not None}
        self.uses = {edge: name for node in self.nodes for name, edge in zip(self.arguments(node), node.next_functions)}

    def name(self, node: Node, output: int) -> str:
        """What a tensor is called; a leaf without a name, what the function that uses it calls it; or ""."""
        if not isinstance(node, AccumulateGrad):
            return self.called.get((node, output), "")
        known = self.names.get(id(node.variable))
        return known[0] if known else self.uses.get((node, output), "")

    def facts(self, node: Node, output: int) -> str:
        """A tensor's shape, and its dtype and device where they are not the usual ones."""
        shape, dtype, device = node._output_like[output]
        return _facts(shape, dtype, device)

    def label(self, node: Node, output: int) -> str:
        return f"{self.name(node, output) or 'its result'} {self.facts(node, output)}"

    def arguments(self, node: Node) -> list[str]:
        """The names of the arguments of a node's `forward`."""
        if isinstance(node, AccumulateGrad):
            return []
        parameters = list(inspect.signature(node._function.forward).parameters.values())
        if node._function.setup_context is None:
            parameters = parameters[1:]  # ctx
        names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
        rest = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
        return names + [f"{rest[0]}[{i}]" for i in range(len(node.next_functions) - len(names)) if rest]

    def saved(self, node: Node) -> list[str]:
        """A line for each tensor that the node keeps for the backward pass."""
        if node._saved is None:
            return ["saved tensors: freed"]
        lines = []
        for saved in node._saved:
            if saved is not None:
                tensor = saved.tensor
                same = [name for name, known in self.names.values() if _memory(known) == _memory(tensor)]
                lines.append(f"saves {' '.join([*same[:1], _facts(tensor.shape, tensor.dtype, tensor.device)])}")
        return lines


def _facts(shape: Any, dtype: Any, device: Any) -> str:
    words = [str(tuple(shape))]
    if str(dtype) != "torch.float32":
        words.append(str(dtype).removeprefix("torch."))
    if device.type != "cpu":
        words.append(str(device))
    return " ".join(words)


def _memory(tensor: Any) -> Any:
    """What two tensors have in common if they are the same numbers in the same place."""
    array = getattr(tensor.array, "_ary", tensor.array)  # Numba's simulated arrays hold one of NumPy's
    facts = getattr(array, "__array_interface__", None) or array.__cuda_array_interface__
    return facts["data"], facts["shape"], facts["strides"], facts["typestr"]


def _names(given: Any, caller: Any) -> dict[int, tuple[str, Any]]:
    """Name and tensor, by the tensor's id."""
    if given is None:
        variables: Iterable = {**caller.f_globals, **caller.f_locals}.items()
    elif hasattr(given, "named_parameters"):
        return {id(tensor): (name, tensor) for name, tensor in given.named_parameters()}
    else:
        variables = given.items()
    found: dict[int, tuple[str, Any]] = {}
    for name, value in variables:
        if name.startswith("_"):
            continue
        if is_tensor(value):
            found[id(value)] = name, value
        elif hasattr(value, "named_parameters") and not isinstance(value, type):
            for inner, tensor in value.named_parameters():
                found.setdefault(id(tensor), (f"{name}.{inner}", tensor))
    return found
