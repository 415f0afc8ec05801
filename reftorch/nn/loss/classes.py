"""Shared by the losses over classes: how their shapes are read, and the checks of logits, labels and weights.

Logits have shape (C), (N, C) or (N, C, d1, ..., dK): C classes, N samples, and for each sample a grid of positions (the pixels of
an image), which the kernels see as one index d of D = d1 * ... * dK. Labels have the same shape without C.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from reftorch.tensor import Tensor
from reftorch.types import CPU, Size, float32, float64, int64, uint8

UNSIGNED = np.dtype(np.uint64)


@functools.lru_cache(maxsize=512)  # in training the same shapes occur in every step; also below
def class_extents(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(N, C, D) for logits of this shape: N is 1 if there is no batch, D is 1 if there are no further dimensions."""
    first, *rest = shape
    if not rest:
        return 1, first, 1
    return first, rest[0], math.prod(rest[1:])


@functools.lru_cache(maxsize=512)
def label_shape(shape: tuple[int, ...]) -> Size:
    """The shape of the labels, and of the unreduced loss, for logits of this shape: the same without the classes."""
    first, *rest = shape
    return Size((first, *rest[1:]) if rest else ())


def check_tensor(function: str, name: str, value: object) -> None:
    """Raise TypeError unless `value` is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{function}(): argument '{name}' must be Tensor, not {type(value).__name__}; "
            "torch.tensor(...) makes one from numbers"
        )


def check_logits(function: str, x: Tensor) -> None:
    """Raise NotImplementedError or IndexError unless `x` holds float32 or float64 numbers and has a dimension of classes."""
    if x.dtype not in (float32, float64):
        raise NotImplementedError(
            f"{function} is not implemented for input of {x.dtype}: it takes logits of torch.float32 or "
            "torch.float64; convert them with .float()"
        )
    if x.dim() == 0:
        raise IndexError(
            f"{function}: input has no dimensions, so there are no classes: wanted (C), (N, C) or (N, C, d1, ..., dK)"
        )


def check_label_shape(x: Tensor, target: Tensor) -> None:
    """Raise ValueError (batch sizes differ) or RuntimeError (other sizes differ) unless labels `target` fit logits `x`."""
    wanted = label_shape(x.shape)
    if target.shape == wanted or (x.dim() == 1 and tuple(target.shape) == (1,)):
        return
    found = f"found target of shape {list(target.shape)} for input of shape {list(x.shape)}"
    hint = (
        f"wanted class indices of shape {list(wanted)}, or class probabilities (floating point) of the input's shape; "
        "the classes are dimension 1 of the input"
    )
    batch = target.shape[0] if target.dim() else 0
    if target.dim() > 1 and (x.dim() == 1 or (x.dim() == 2 and batch == x.shape[0])):
        raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: {found}; {hint}")
    if x.dim() == 1:
        raise ValueError(f"For 1D input, 1D target must have size 1: {found}; {hint}")
    if batch != x.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({batch}): {found}; {hint}"
        )
    raise RuntimeError(f"Expected target size {list(wanted)}, got {list(target.shape)}: {found}; {hint}")


def check_label_dtype(target: Tensor) -> None:
    """Raise RuntimeError unless labels are int64 or uint8."""
    if target.dtype not in (int64, uint8):
        mistake = "convert class indices with .long(); class probabilities must have the input's shape"
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}: {mistake}")


def check_label_range(target: Tensor, C: int, ignore_index: int) -> None:
    """Raise IndexError unless each label, int64, is `ignore_index` or from 0 to C - 1.

    With any other label a kernel would read outside its arrays.
    """
    labels = target.array if target.device is CPU else target.detach().cpu().array
    # read as unsigned numbers, negative labels are very large: so one pass over the labels is enough
    unsigned = labels.view(UNSIGNED)
    if unsigned.size == 0 or unsigned.item(unsigned.argmax()) < C:
        return
    for position, label in enumerate(labels.ravel().tolist()):
        if not 0 <= label < C and label != ignore_index:
            raise IndexError(
                f"Target {label} is out of bounds. It is number {position} of the target; with {C} classes a label is from "
                f"0 to {C - 1}, or ignore_index={ignore_index} (do the labels count from 1? is the last layer too narrow?)"
            )


def check_class_weight(weight: Tensor, x: Tensor) -> None:
    """Raise RuntimeError unless `weight` has one number for each of the C classes of `x`."""
    C = class_extents(x.shape)[1]
    if weight.shape != (C,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {C} classes or no classes but got weight tensor of shape: "
            f"{list(weight.shape)}; input has shape {list(x.shape)}, and its classes are dimension {min(1, x.dim() - 1)}"
        )
