"""What lies around the image: how wide the border is, and what it shows where it is not zero."""

from __future__ import annotations

import numpy as np

from reftorch.nn.arguments import pair


def border_sizes(padding, kernel_size, stride, dilation):
    """The padding above and left, and the sum of both sides, as two pairs."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        if stride != (1, 1):
            raise RuntimeError(
                f"padding='same' is not supported for strided convolutions: stride is {stride}, which shrinks the image"
            )
        both = tuple(d * (k - 1) for k, d in zip(kernel_size, dilation))
        return (both[0] // 2, both[1] // 2), both
    if isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string: {padding!r}; it may be 'same' or 'valid'")
    padding = pair(padding, "padding", "conv2d")
    return padding, (2 * padding[0], 2 * padding[1])


# ## Padding other than zeros
#
# `reflect` mirrors the image at its border pixels (d c b | a b c d | c b a), `replicate` repeats them (a a a | a b c d | d d d),
# `circular` goes on at the other side (b c d | a b c d | a b c). Each is a list of rows and columns to read.
def pad2d(x, above, below, left, right, mode):
    """Images (..., H, W) with a border of their own pixels; `mode` is "reflect", "replicate" or "circular".

    Raises:
        RuntimeError: the border is too wide for the image.
    """
    rows = _source(x.shape, -2, above, below, mode)
    columns = _source(x.shape, -1, left, right, mode)
    return x[..., rows[:, None], columns]


def _source(shape, dim, before, after, mode):
    """For each padded position along `dim` the position in the image that it shows."""
    extent, at = shape[dim], np.arange(-before, shape[dim] + after)
    if mode == "replicate":
        return at.clip(0, extent - 1)
    if mode == "circular":
        if max(before, after) > extent:
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: {(before, after)} at dimension {dim} of {list(shape)}"
            )
        return at % extent
    if max(before, after) >= extent:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding {(before, after)} at "
            f"dimension {dim} of input {list(shape)}: a mirror cannot show more than the image"
        )
    return extent - 1 - abs(extent - 1 - abs(at))
