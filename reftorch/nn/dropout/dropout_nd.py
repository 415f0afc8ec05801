"""Shared by all kinds of dropout: drawing the mask, checking the arguments, and the layer's attributes."""

from __future__ import annotations

import numpy as np

from reftorch import random
from reftorch.nn.arguments import number
from reftorch.nn.module import Module
from reftorch.ops import from_numpy
from reftorch.tensor import Tensor


def check_dropout(function, input, p, training):
    """Check the arguments as PyTorch does, and return `p` as a float.

    Raises:
        ValueError: `p` is not between 0 and 1.
        RuntimeError: `p` is NaN; in training, the input is not floating point.
        TypeError: the input is not a tensor, `p` not a number, or `training` not a bool.
    """
    p = number(function, "p", p, hint=", the probability of an element to become 0")
    if p < 0 or p > 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{function}(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with torch.tensor(...)"
        )
    if not isinstance(training, bool):
        raise TypeError(f"{function}(): argument 'training' must be bool, not {type(training).__name__}")
    if p != p:
        raise RuntimeError("dropout probability has to be between 0 and 1, but got nan")
    if training and p > 0 and input.dtype.name not in ("float32", "float64"):
        raise RuntimeError(
            f"{function}: the result has fractions, which can't be cast to {input.dtype}: wanted torch.float32 or "
            "torch.float64; convert the input, for example with x.float()"
        )
    return p


def element_mask(x, p):
    """1 for each element of x that is kept, with probability 1 - p, else 0. For p = 1 nothing is drawn."""
    if p == 1:
        return x.new_zeros(x.shape)
    order = random.memory_order(x.stride())
    drawn = random.bernoulli(1 - p, tuple(x.shape[dim] for dim in order), x.dtype.numpy)
    return from_numpy(np.asarray(drawn).transpose(np.argsort(order))).to(x.device)


def channel_mask(x, p):
    """As `element_mask`, but one element for each channel of each sample: the first two dimensions of x."""
    if p == 1:
        return x.new_zeros(x.shape[:2])
    return from_numpy(random.bernoulli(1 - p, tuple(x.shape[:2]), x.dtype.numpy)).to(x.device)


class _DropoutNd(Module):
    """A layer that keeps elements with probability 1 - p in training, and returns its input in evaluation.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"
