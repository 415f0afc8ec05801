"""Random numbers for the jobs of the benchmark, the same for every library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Draw:
    """Tensors of one library, filled with numbers that depend on the case only."""

    def __init__(self, library: Any, device: str):
        self.library, self.device = library, device
        self.random = np.random.default_rng(0)

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        """A copy, in memory that the library has allocated."""
        return self.library.from_numpy(array).clone().to(self.device).requires_grad_(requires_grad)

    def normal(self, shape: tuple[int, ...], scale: float = 1.0, requires_grad: bool = False) -> Any:
        numbers = self.random.standard_normal(shape, np.float32)
        return self.tensor(np.asarray(numbers * np.float32(scale)), requires_grad)

    def shares(self, shape: tuple[int, ...], requires_grad: bool = False) -> Any:
        """Numbers from 0 to 1."""
        return self.tensor(self.random.random(shape, np.float32), requires_grad)

    def signs(self, shape: tuple[int, ...]) -> Any:
        """1 or -1."""
        return self.tensor(self.random.choice(np.array([-1, 1], np.float32), shape))

    def classes(self, shape: tuple[int, ...], number: int) -> Any:
        return self.tensor(self.random.integers(0, number, shape))

    def fill(self, layer: Any) -> Any:
        """Set the weights to random numbers as large as initial weights, the same for every library."""
        state = layer.state_dict()
        for name, value in state.items():
            inputs = math.prod(tuple(value.shape)[1:])  # the elements that are summed for one output; for a bias, 1
            state[name] = self.normal(tuple(value.shape), scale=max(inputs, 9) ** -0.5)
        layer.load_state_dict(state)
        return layer.to(self.device)


def host(tensors: list) -> list[np.ndarray]:
    return [np.array(tensor.detach().cpu().numpy()) for tensor in tensors]
