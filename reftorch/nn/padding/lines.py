"""What all kinds of padding share: the widths, the checks, and the view of a tensor along one of its dimensions.

Padding treats one dimension after the other. For this a kernel sees the tensor with three dimensions: all dimensions before the
padded one merged into one, the padded one, and all dimensions behind it merged into one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from reftorch.kernel import arrays
from reftorch.nn.arguments import COPIED, check_tensors
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import bool as boolean


def widths_of(pad: Any, input: Any) -> tuple[tuple[int, int, int], ...]:
    """(dimension, before, after) of each padded dimension, the last one first, as `pad` lists them.

    Raises:
        TypeError: `input` is not a tensor, or `pad` not a tuple of ints.
        RuntimeError: an odd number of widths, or more than the tensor has dimensions.
        NotImplementedError: float16, for which there is no kernel.
    """
    check_tensors("pad", allowed=COPIED, input=input)
    if not isinstance(pad, (tuple, list)) or any(isinstance(n, bool) or not hasattr(n, "__index__") for n in pad):
        raise TypeError(f"pad(): argument 'pad' must be tuple of ints, found {pad!r}")
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2: found {len(pad)} widths, {tuple(pad)}")
    if len(pad) > 2 * input.dim():
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.dim()}"
        )
    ints = [operator.index(n) for n in pad]
    return tuple((input.dim() - 1 - i, *ints[2 * i : 2 * i + 2]) for i in range(len(ints) // 2))


def check_dimensions(mode: str, input: Tensor, widths: Sequence) -> None:
    """Whether a border of this mode can be put around the last dimensions of the tensor.

    Raises:
        NotImplementedError: dimensions that the mode does not pad.
    """
    if len(widths) not in (1, 2, 3) or input.dim() - len(widths) not in (1, 2):
        raise NotImplementedError(
            f"Padding size {2 * len(widths)} is not supported for {input.dim()}D input tensor: with mode='{mode}' one or two "
            "dimensions (batch, channels) come before those that are padded"
        )


def check_edges(mode: str, input: Tensor, widths: Sequence) -> None:
    """As `check_dimensions`; also whether there is an edge to repeat or to mirror, and whether any element is left.

    Raises:
        NotImplementedError: bool, as in PyTorch.
        RuntimeError: an empty dimension, or nothing left of one.
    """
    check_dimensions(mode, input, widths)
    if input.dtype is boolean:
        raise NotImplementedError(f"pad with mode='{mode}' is not implemented for bool: convert with x.to(torch.uint8)")
    n = len(widths)
    if 0 in input.shape[-n - 1 :]:
        raise RuntimeError(
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    for dim, before, after in widths:
        if input.shape[dim] + before + after < 1:
            raise RuntimeError(
                f"input {list(input.shape)} is too small: ({before}, {after}) leaves {input.shape[dim] + before + after} of the "
                f"{input.shape[dim]} elements along dimension {dim}"
            )


def needed(widths: Sequence) -> tuple[tuple[int, int, int], ...]:
    """The widths of the dimensions that change."""
    return tuple(each for each in widths if each[1:] != (0, 0))


def resized(tensor: Tensor, dim: int, more: int) -> Tensor:
    """A new tensor for the result, with `more` elements along `dim`."""
    shape = list(tensor.shape)
    shape[dim] += more
    return tensor.new_empty(shape)


def lines(dim: int, *tensors: Tensor) -> list:
    """The arrays of the tensors, each as (outer, extent, inner): what is before `dim`, along it, behind it."""
    return [
        array.reshape(math.prod(array.shape[:dim]), array.shape[dim], math.prod(array.shape[dim + 1 :]))
        for array in arrays(*tensors)
    ]


class PadNd(Module):
    """A border around the last dimensions. Subclasses define what it shows; `padding` is kept as a tuple, the last dimension first."""

    padding: tuple[int, ...]

    def __init__(self, padding, n):
        super().__init__()
        self.padding = tuple(padding) if hasattr(padding, "__iter__") else (padding,) * (2 * n)

    def extra_repr(self):
        return f"{self.padding}"
