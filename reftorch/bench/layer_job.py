"""A job that runs one layer, forwards and backwards.

`jobs.py` has the kinds of this job, `loss_jobs.py` those of losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reftorch.bench.cases import Case
from reftorch.bench.draw import Draw, host


class LayerJob:
    """One layer: `forward`, `backward` and `both`."""

    def __init__(self, library: Any, case: Case, device: str):
        draw = Draw(library, device)
        self.x = draw.normal(case.x, requires_grad=True)
        self.layer, self.leaves = self.build(draw, case)
        self.y = self.forward()
        self.grad_y = draw.normal(tuple(self.y.shape))

    def build(self, draw: Draw, case: Case) -> tuple[Any, list]:
        """Set the function that `forward` calls with `x`, and the leaves whose gradients are computed."""
        layer = draw.fill(getattr(draw.library.nn, case.component)(**case.options))
        return layer, [self.x, *layer.parameters()]

    def forward(self) -> Any:
        return self.layer(self.x)

    def backward(self) -> None:
        """The backward pass of the forward pass that the constructor ran."""
        self.clear()
        self.y.backward(self.grad_y, retain_graph=True)

    def both(self) -> None:
        self.clear()
        self.forward().backward(self.grad_y)

    def clear(self) -> None:
        for leaf in self.leaves:
            leaf.grad = None

    def results(self) -> list[np.ndarray]:
        """The output and the gradients."""
        self.both()
        return host([self.y, *(leaf.grad for leaf in self.leaves)])
