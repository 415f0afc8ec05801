"""Numbers for a case, drawn from a seed. The student's code and the reference get the same numbers; each student gets other ones."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

import reftorch
from reftorch import nn

VISIBLE = "visible"  # the seed of visible cases, the same for everybody


class Draw:
    """The random numbers of a case. Its methods are functions in the case's script: `x = randn(2, 3)`."""

    def __init__(self, seed: str, device: str = "cpu"):
        digest = hashlib.sha256(seed.encode()).digest()
        self.generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        self.device = device

    def randn(self, *shape: int, requires_grad: bool = False, dtype: Any = reftorch.float32) -> Any:
        """A tensor of numbers from the normal distribution."""
        numbers = self.generator.standard_normal(shape).astype(dtype.numpy)
        return reftorch.tensor(numbers, device=self.device).requires_grad_(requires_grad)

    def whole(self, low: int, high: int, *shape: int) -> Any:
        """A whole number from low to high, both included; with a shape, an int64 tensor of such numbers."""
        if not shape:
            return int(self.generator.integers(low, high + 1))
        return reftorch.tensor(self.generator.integers(low, high + 1, shape), device=self.device)

    def digits(self, low: int, high: int, *shape: int, requires_grad: bool = False) -> Any:
        """A float32 tensor of whole numbers, for sums that can be done by hand."""
        numbers = self.generator.integers(low, high + 1, shape).astype(np.float32)
        return reftorch.tensor(numbers, device=self.device).requires_grad_(requires_grad)

    def pick(self, *options: Any) -> Any:
        """One of the options."""
        return options[int(self.generator.integers(len(options)))]

    def names(self) -> dict[str, Any]:
        """The names of a case's script."""
        return {
            "torch": reftorch,
            "nn": nn,
            "F": nn.functional,
            "np": np,
            "randn": self.randn,
            "whole": self.whole,
            "digits": self.digits,
            "pick": self.pick,
            "device": self.device,
            "raised": raised,
        }


def raised(action: Any) -> str:
    """The name of the exception that `action()` raises, or "nothing"."""
    try:
        action()
    except NotImplementedError:
        raise
    except Exception as error:
        return type(error).__name__
    return "nothing"


def seed_of(assignment: str, case: str, hidden: bool, seed: int) -> str:
    """The text from which the numbers of a case are drawn."""
    return f"{seed if hidden else VISIBLE}|{assignment}|{case}"
