r"""A border around the last dimensions of a tensor.

Every padded position shows one position of the input, or a constant. So padding is reading by index, dimension by dimension:

$$y[\dots, i] = x[\dots, s(i - p)]$$

where $p$ entries are added before. Along a dimension of extent $n$ the position shown is, for $j = i - p$ from $-p$ on,

| mode | $s(j)$ | a b c d with a border of 2 |
|---|---|---|
| reflect | $(n - 1) - \lvert (n - 1) - \lvert j \rvert \rvert$ | c b \| a b c d \| c b |
| replicate | $\min(\max(j, 0), n - 1)$ | a a \| a b c d \| d d |
| circular | $j \bmod n$ | c d \| a b c d \| a b |

and the gradient of an entry is the sum over the positions that show it, which is what reading by index has.
"""

from __future__ import annotations

import operator

import numpy as np

from reftorch.tensor import Tensor


def pad(input, pad, mode="constant", value=None):
    """`input` with a border: `pad` is (left, right, top, bottom, ...), the last dimension first; negative entries cut off.

    Shapes: any with `mode="constant"`; otherwise the last 1, 2 or 3 dimensions are padded, and one or two come before them.

    Args:
        mode: "constant", "reflect", "replicate" or "circular".
        value: what a constant border holds; None means 0.

    Raises:
        RuntimeError: an odd number of widths, too many of them, a border wider than the mode allows, a value with another mode.
        NotImplementedError: an unknown mode, or dimensions that it does not pad.
        TypeError: an argument is of the wrong type.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"pad(): argument 'input' must be Tensor, not {type(input).__name__}")
    widths = _widths(pad, input)
    if mode == "constant":
        return _constant(input, widths, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}: it may be 'constant', 'reflect', 'replicate' or 'circular'"
        )
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument: found value={value}')
    if len(widths) not in (1, 2, 3) or input.dim() - len(widths) not in (1, 2):
        raise NotImplementedError(
            f"Padding size {2 * len(widths)} is not supported for {input.dim()}D input tensor: with mode='{mode}' one or two "
            "dimensions (batch, channels) come before those that are padded"
        )
    for back, (before, after) in enumerate(widths, start=1):
        shown = _shown(input.shape, input.dim() - back, before, after, mode)
        input = input[(..., shown) + (slice(None),) * (back - 1)]
    return input


def _widths(pad, input):
    """(before, after) of each padded dimension, the last one first."""
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
    return list(zip(ints[::2], ints[1::2]))


def _constant(input, widths, value):
    """The input inside a larger tensor of `value`; negative widths cut off first."""
    inside: list = []
    size = list(input.shape)
    for back, (before, after) in enumerate(widths, start=1):
        dim = input.dim() - back
        kept = size[dim] + min(before, 0) + min(after, 0)
        if kept < 0:
            raise RuntimeError(
                f"pad: ({before}, {after}) cuts off more than dimension {dim} has, {size[dim]}: narrow(): length must be "
                "non-negative."
            )
        input = input.narrow(dim, max(-before, 0), kept)
        size[dim] = kept + max(before, 0) + max(after, 0)
        inside.insert(0, slice(max(before, 0), max(before, 0) + kept))
    y = input.new_full(size, value)
    y[tuple([..., *inside])] = input
    return y


def _shown(shape, dim, before, after, mode):
    """For each padded position along `dim` the position of the input that it shows."""
    extent, at = shape[dim], np.arange(-before, shape[dim] + after)
    if mode == "replicate":
        return at.clip(0, extent - 1)
    if mode == "circular":
        if max(before, after) > extent:
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: {(before, after)} at dimension {dim} of {list(shape)}"
            )
        first, kept = (
            max(-before, 0),
            extent + min(before, 0) + min(after, 0),
        )  # negative widths cut off before it goes round
        return first + (at - first) % max(kept, 1)
    if max(before, after) >= extent:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding {(before, after)} at "
            f"dimension {dim} of input {list(shape)}: a mirror cannot show more than the image"
        )
    return extent - 1 - abs(extent - 1 - abs(at))
