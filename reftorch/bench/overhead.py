"""The time of a call that computes almost nothing. Small problems spend most of their time this way, so it has rows of its own.

Every kernel is replaced by one that does nothing. The time that a call still takes is Python's: the module, the checks, the tape, and
memory for the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import reftorch
from reftorch.bench.clock import Budget, measure
from reftorch.kernel import arrays, launching
from reftorch.nn.activation.relu import relu_forward_cpu

SHORT, LONG = 8, 24  # nodes in two chains: the difference of their times gives the time of one node
Row = dict[str, Any]


class Probe:
    """Calls of one library with a single number."""

    def __init__(self, library: Any):
        layer = library.nn.ReLU()
        leaf = library.from_numpy(np.ones(1, np.float32)).requires_grad_(True)
        plain = library.from_numpy(np.ones(1, np.float32))
        self.recorded, self.unrecorded = (lambda: layer(leaf)), (lambda: layer(plain))
        self.short, self.long = (self.chain(layer, leaf, plain, length) for length in (SHORT, LONG))

    @staticmethod
    def chain(layer: Any, y: Any, one: Any, length: int) -> Any:
        """The backward pass through `length` layers, one after the other."""
        for _ in range(length):
            y = layer(y)
        return lambda: y.backward(one, retain_graph=True)


def overheads(torch: Any, budget: Budget) -> list[Row]:
    """Rows `name`, `seconds`, `torch_seconds` (None without PyTorch, and where PyTorch has no counterpart)."""
    ours, theirs = Probe(reftorch), Probe(torch) if torch else None
    with launching(lambda device, cpu_kernel, cuda_kernel, threads: nothing):
        python = Probe(reftorch)
        to_kernel = row("of that, module call to kernel entry, and back", "recorded", python, None, budget)
        of_node = node("of that, Python", python, None, budget)
    x = reftorch.zeros(1)
    launch = arrays(x, x.clone())
    kernel = measure(lambda: relu_forward_cpu(*launch), None, budget).seconds.median
    return [
        row("ReLU of one number, recorded", "recorded", ours, theirs, budget),
        to_kernel,
        {"name": "of that, the kernel", "seconds": kernel, "torch_seconds": None},
        row("ReLU of one number, not recorded", "unrecorded", ours, theirs, budget),
        node("backward, a node", ours, theirs, budget),
        of_node,
    ]


def row(name: str, call: str, ours: Probe, theirs: Probe | None, budget: Budget) -> Row:
    """The time of a call of the probe."""
    timing = measure(getattr(ours, call), getattr(theirs, call) if theirs else None, budget)
    other = timing.torch_seconds
    return {"name": name, "seconds": timing.seconds.median, "torch_seconds": other.median if other else None}


def node(name: str, ours: Probe, theirs: Probe | None, budget: Budget) -> Row:
    """The time that each further node adds to a backward pass."""
    short, long = (row(name, call, ours, theirs, budget) for call in ("short", "long"))
    for side in ("seconds", "torch_seconds"):
        if long[side] is not None:
            long[side] = max(0.0, long[side] - short[side]) / (LONG - SHORT)
    return long


def nothing(*arguments: Any) -> None:
    """Takes the place of a kernel and does nothing."""
