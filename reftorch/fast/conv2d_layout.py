r"""The layout of an image as one flat line, in which a step of the filter is one addition to an address.

An output of a convolution with stride 1 reads, for each weight (k_h, k_w), the pixel k_h rows below and k_w columns to the right.
If all rows of the padded image are in one line, with P elements each, this pixel is k_h P + k_w elements further on, for every output.
So for one weight, *consecutive* outputs read *consecutive* elements: they are a row of the tile in `tile.py`, and the table `start` holds
the start of this row.

- *Padding*: zeros. The zeros to the right of a row are also the zeros to the left of the next row; those below an image are also those
  above the next image.
- *Stride s*: output j and weight k read column j s + k d. This is column j + (k d) // s among those columns whose index has the remainder
  (k d) % s when divided by s. So columns and rows are sorted by remainder: the result is s_h s_w smaller images, each with stride 1.
- *Dilation and groups* only change the table.
- *Several images* are stacked as one high image, if that fills the tiles better.

Outputs are computed for all elements of the flat line. Those between the rows are no outputs, and are dropped.

The gradient of the input is a convolution, too. The gradient of pixel i is a sum over the outputs h with h s = i + p - k d. So for every
s-th pixel it is a convolution, with stride 1, of the gradient of y with those weights k for which the division has no remainder.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from reftorch.fast.registers import COLS


class Axis(NamedTuple):
    """One axis, rows or columns, of the source (the flat image) and of the target."""

    step: int  # remainders by which the source is sorted
    pad: int  # zeros before the source, before sorting
    pitch: int  # elements of one image, after sorting
    outputs: int  # how many are computed
    to_step: int  # number j goes to j * to_step + to_first of the target
    to_first: int


class Slide(NamedTuple):
    """The numbers for sliding a filter over flat images, as plain integers for the kernel."""

    images: int  # that stand below one another
    size: int  # numbers in the flat line, of one group
    step_h: int
    pad_h: int
    pitch_h: int
    outputs_h: int
    to_step_h: int
    to_first_h: int
    step_w: int
    pad_w: int
    pitch_w: int
    outputs_w: int
    to_step_w: int
    to_first_w: int


def forward_axis(extent_in, extent_out, K, stride, pad, dil):
    """The axis, and for each weight the remainder and the steps that it adds."""
    moves = [divmod(k * dil, stride)[::-1] for k in range(K)]
    pitch = _pitch(pad // stride, (extent_in - 1 + pad) // stride, extent_out, moves)
    return Axis(stride, pad, pitch, extent_out, 1, 0), list(range(K)), moves


def backward_axis(extent_in, extent_out, K, stride, pad, dil, first):
    """The axis for the pixels first, first + stride, ...; their weights; and for each weight the steps that it adds."""
    taps = [k for k in range(K) if (first + pad - k * dil) % stride == 0]
    steps = [(first + pad - k * dil) // stride for k in taps]
    above = max(0, -min(steps, default=0))
    moves = [(0, step + above) for step in steps]
    count = max(0, -(-(extent_in - first) // stride))
    pitch = _pitch(above, above + extent_out - 1, count, moves)
    return Axis(1, above, pitch, count, stride, first), taps, moves


def _pitch(first, last, count, moves):
    """The pitch for elements first..last and `count` outputs; elements that are read beyond it must be the zeros before the next image."""
    reach = count - 1 + max((step for _, step in moves), default=0)
    return max(last + 1, count, reach + 1 - first)


def _slide(channels, batch, h, w, moves_h, moves_w):
    """The numbers for the kernel, and the table `start` for weights in the order channel, row, column."""

    def length(images):
        return ((images - 1) * h.pitch + h.outputs - 1) * w.pitch + w.outputs

    def share_of_use(images):
        return images * h.outputs * w.outputs / (-(-length(images) // COLS) * COLS)

    most = max(1, min(batch, 4096 // (h.pitch * w.pitch)))
    images = max(range(1, most + 1), key=share_of_use)
    plane = images * h.pitch * w.pitch
    start = [
        ((c * h.step + phase_h) * w.step + phase_w) * plane + step_h * w.pitch + step_w
        for c in range(channels)
        for phase_h, step_h in moves_h
        for phase_w, step_w in moves_w
    ]
    size = max(channels * h.step * w.step * plane, max(start, default=0) + length(images) + COLS)
    return Slide(images, size, *h, *w), np.array(start, np.int64)


@functools.lru_cache(maxsize=512)
def forward_plan(x_shape, weight_shape, y_shape, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    """How the filters slide over x."""
    (N, _, H_in, W_in), (_, C_group, K_h, K_w), (_, _, H_out, W_out) = x_shape, weight_shape, y_shape
    h, _, moves_h = forward_axis(H_in, H_out, K_h, stride_h, pad_h, dil_h)
    w, _, moves_w = forward_axis(W_in, W_out, K_w, stride_w, pad_w, dil_w)
    return _slide(C_group, N, h, w, moves_h, moves_w)


@functools.lru_cache(maxsize=512)
def backward_plans(x_shape, weight_shape, y_shape, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    """How the flipped filters slide over the gradient of y: for each remainder of the pixels Slide, start and weights."""
    (N, _, H_in, W_in), (C_out, _, K_h, K_w), (_, _, H_out, W_out) = x_shape, weight_shape, y_shape
    plans = []
    for first_h in range(stride_h):
        h, taps_h, moves_h = backward_axis(H_in, H_out, K_h, stride_h, pad_h, dil_h, first_h)
        for first_w in range(stride_w):
            w, taps_w, moves_w = backward_axis(W_in, W_out, K_w, stride_w, pad_w, dil_w, first_w)
            if h.outputs and w.outputs:
                slide, start = _slide(C_out // groups, N, h, w, moves_h, moves_w)
                taps = [k_h * K_w + k_w for k_h in taps_h for k_w in taps_w]
                plans.append((slide, start, np.array(taps, np.int64)))
    return plans
