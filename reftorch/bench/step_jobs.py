"""The jobs of cases without a backward pass: `step` updates parameters, `call` measures the Python code around the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from reftorch.bench.cases import Case
from reftorch.bench.draw import Draw, host
from reftorch.bench.worker import lenet


class ClippingJob:
    """The gradients of all parameters are clipped in place. The first call changes them; after that they are within the limit."""

    def __init__(self, library: Any, case: Case, device: str):
        draw, options = Draw(library, device), dict(case.options)
        self.params = [draw.normal(shape, requires_grad=True) for shape in options.pop("params")]
        for param in self.params:
            param.grad = draw.normal(tuple(param.shape))
        clip = getattr(library.nn.utils, case.component)
        self.step = lambda: clip(self.params, **options)

    def results(self) -> list[np.ndarray]:
        self.step()
        return host([param.grad for param in self.params])


class OptimizerJob:
    """One step of the optimizer over parameters that have their gradients."""

    def __init__(self, library: Any, case: Case, device: str):
        self.params, options = self.build(Draw(library, device), case)
        # the learning rate is so small that thousands of steps change little
        self.optimizer = getattr(library.optim, case.component)(self.params, lr=1e-6, **options)

    def build(self, draw: Draw, case: Case) -> tuple[list, dict[str, Any]]:
        """The parameters, with their gradients, and the options of the optimizer."""
        options = dict(case.options)
        params = [draw.normal(shape, requires_grad=True) for shape in options.pop("params")]
        for param in params:
            param.grad = draw.normal(tuple(param.shape))
        return params, options

    def step(self) -> None:
        self.optimizer.step()

    def results(self) -> list[np.ndarray]:
        """The parameters and the optimizer's state: with so small a learning rate, an error shows more in the state."""
        self.step()
        states = [sorted(self.optimizer.state[param].items()) for param in self.params]
        return host([*self.params, *(value for state in states for name, value in state if name != "step")])


class SparseAdamJob(OptimizerJob):
    """The table of an embedding. Its gradient is sparse: it holds only the rows that were looked up."""

    def build(self, draw: Draw, case: Case) -> tuple[list, dict[str, Any]]:
        rows, size = case.options["num_embeddings"], case.options["embedding_dim"]
        table = draw.normal((rows, size), requires_grad=True)
        y = draw.library.nn.functional.embedding(draw.classes(case.x, rows), table, sparse=True)
        y.backward(draw.normal(tuple(y.shape)))
        return [table], {}


class LeNetJob:
    """A training step: forward, loss, backward, update."""

    def __init__(self, library: Any, case: Case, device: str):
        draw = Draw(library, device)
        self.x = draw.normal(case.x)
        self.target = draw.classes(case.x[:1], 10)
        self.network = draw.fill(lenet(library.nn))
        self.criterion = library.nn.CrossEntropyLoss()
        self.optimizer = library.optim.SGD(self.network.parameters(), **case.options)

    def step(self) -> Any:
        self.optimizer.zero_grad()
        loss = self.criterion(self.network(self.x), self.target)
        loss.backward()
        self.optimizer.step()
        return loss

    def results(self) -> list[np.ndarray]:
        return host([self.step(), *self.network.parameters()])


class ModuleJob:
    """The Python code around the arithmetic."""

    def __init__(self, library: Any, case: Case, device: str):
        nn, x = library.nn, Draw(library, device).normal(case.x)

        class Nothing(nn.Module):  # type: ignore[name-defined]
            def forward(self, x: Any) -> Any:
                return x

        what = case.options["what"]
        if what in ("call", "sequential"):
            module = Nothing() if what == "call" else nn.Sequential(*(Nothing() for _ in range(8)))
            self.call = lambda: module(x)
        else:
            network = lenet(nn)
            self.call = (lambda: list(network.parameters())) if what == "parameters" else network.state_dict

    def results(self) -> list[np.ndarray]:
        return []
