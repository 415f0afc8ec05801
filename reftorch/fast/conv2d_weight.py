r"""The gradient of the filters: a sum over all positions of all images, of the gradients of y times the pixels.

It is a matrix product with a long inner sum, over all positions t: $G[c_{out}, j] = \sum_t g[c_{out}, t] \; x[\text{start}(t) + j]$.
The reference loop computes it weight by weight. The steps:

1. *Channels last*: in the padded image, the channels of a pixel are neighbours in memory, followed by those of the next pixel of the row.
   Then the weights of one row of a filter belong to K_w C_in consecutive numbers; for the next position, these numbers are shifted.
   This is a row of the tile in `tile.py`, COLS weights wide; stride, dilation and padding only change the start of the row.
2. *Windows*: the weights of all rows of the filter are covered with as few pieces of COLS numbers as possible.
3. *Tiles*: the sums of ROWS filters and COLS weights are computed in registers, over a few hundred positions.
4. *Long sums*: these short sums in the data's type are added in float64, as in the reference loop.
5. *Threads*: each has its own sums, over its share of the images; or, if there are too few images, for its share of the filters.

If a group has only a few filters and channels (one each in a depthwise convolution, few in a first layer), most of a tile would be
unused. Then the *positions* are the columns, as in `conv2d_slide.py`: each weight is a dot product of two flat lines.

Zeros of the padding, and zeros between the rows of a flat line, are multiplied by data here. If data are infinite or NaN, the reference
loop does the work.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from reftorch.fast.conv2d_layout import forward_plan
from reftorch.fast.conv2d_slide import as_rows, lay_flat
from reftorch.fast.dots import dot_lines
from reftorch.fast.lanes import copy_line, turn
from reftorch.fast.matmul import pack_rows
from reftorch.fast.registers import COLS, INNER, LANES, ROWS, aligned, by_itself, local_array, rooms, window
from reftorch.fast.tile import multiply_tile
from reftorch.fast.workers import part_of, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

DEPTH = 384  # positions in a panel of gradients
PIECE = 1024  # positions whose sum is of the data's type
WORTH = 2_000_000  # multiply-adds: with fewer, `by_dots` is not used, so that it need not be compiled


class Lay(NamedTuple):
    """Images with channels last, as plain integers for the kernel."""

    images: int  # at once
    rows: int
    cols: int
    pad_h: int
    pad_w: int


class Plan(NamedTuple):
    lay: Lay
    start: np.ndarray  # of each position
    windows: np.ndarray  # where each starts, seen from there
    places: np.ndarray  # of the weights (row, column, channel) in the windows


@functools.lru_cache(maxsize=512)
def weight_plan(x_shape, weight_shape, y_shape, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w):
    """How the gradient of y slides over x with channels last."""
    (N, _, H_in, W_in), (_, C, K_h, K_w), (_, _, H_out, W_out) = x_shape, weight_shape, y_shape
    rows = max(H_in + pad_h, (H_out - 1) * stride_h + (K_h - 1) * dil_h + 1)
    cols = max(W_in + pad_w, (W_out - 1) * stride_w + (K_w - 1) * dil_w + 1)
    images = max(1, min(N, DEPTH // (H_out * W_out)))
    b, h, w = np.ogrid[:images, : H_out * stride_h : stride_h, : W_out * stride_w : stride_w]
    start = ((b * rows + h) * cols + w).reshape(-1) * C
    k_h, k_w, c = np.ogrid[: K_h * dil_h : dil_h, : K_w * dil_w : dil_w, :C]
    windows: list[int] = []
    places: list[int] = []
    for offset in ((k_h * cols + k_w) * C + c).reshape(-1).tolist():
        if not windows or offset >= windows[-1] + COLS:
            windows.append(offset)
        places.append((len(windows) - 1) * COLS + offset - windows[-1])
    return Plan(Lay(images, rows, cols, pad_h, pad_w), start, np.array(windows), np.array(places))


def conv2d_backward_weight(reference, grad_y, x, grad_weight, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    """The gradient of the filters, as the reference kernel, which is called where this form does not apply."""
    options = stride_h, stride_w, pad_h, pad_w, dil_h, dil_w
    if grad_weight.dtype.kind == "f" and min(grad_y.size, x.size, grad_weight.size) > 0:
        x, grad_y = as_rows(x, grad_y, grad_weight, *options[:4])
        plan = weight_plan(x.shape, grad_weight.shape, grad_y.shape, *options)
        tiles = groups * -(-len(grad_weight) // groups // ROWS)
        few = grad_weight.size < 60 * tiles * plan.windows.size
        if few and grad_weight.size * grad_y.size > WORTH * len(grad_weight):
            plan = forward_plan(x.shape, grad_weight.shape, grad_y.shape, *options)
            done = by_dots(grad_y, x, grad_weight, groups, *plan)
        else:
            done = by_tiles(grad_y, x, grad_weight, groups, *plan)
        if done:
            return
    reference(grad_y, x, grad_weight, *options, groups)


def by_tiles(grad_y, x, grad_weight, groups, lay, start, windows, places):
    """Rungs 1 to 5; returns whether all numbers were finite."""
    (N, C_out), (_, C, K_h, K_w) = grad_y.shape[:2], grad_weight.shape
    tiles = -(-C_out // groups // ROWS)
    blocks = -(-N // lay.images)
    workers = threads_for(grad_y.size * places.size, max(blocks, tiles))
    totals = np.zeros((workers, groups, tiles * ROWS, windows.size * COLS))
    checks = np.zeros(workers)
    lines = grad_y.reshape(N * C_out, -1)
    lasts = rooms(workers, lay.images * lay.rows * lay.cols * C + windows[-1] + COLS, x.dtype, np.zeros)
    panels = rooms(workers, tiles * start.size * ROWS, x.dtype)
    if workers == 1:
        weight_share(0, 1, 0, tiles, lines, x, start, windows, totals[0], checks, lay, lasts[0], panels[0])
    else:
        weight_shared(workers, blocks < workers, lines, x, start, windows, totals, checks, lay, lasts, panels)
    put_weights(totals, places, grad_weight.reshape(groups, C_out // groups, C, K_h * K_w))
    return math.isfinite(checks.sum())


def by_dots(grad_y, x, grad_weight, groups, slide, start):
    """Position by position; returns whether all numbers were finite."""
    workers = threads_for(grad_y.size * start.size, -(-len(x) // slide.images))
    totals = np.zeros((workers, len(grad_weight), start.size))
    checks = np.zeros(workers)
    flats = rooms(workers, slide.size, x.dtype, np.zeros)
    lines = rooms(workers, slide.images * slide.pitch_h * slide.pitch_w, x.dtype, np.zeros)
    if workers == 1:
        dots_share(0, 1, grad_y, x, groups, start, totals[0], checks, slide, flats[0], lines[0])
    else:
        dots_shared(workers, grad_y, x, groups, start, totals, checks, slide, flats, lines)
    grad_weight[...] = totals.sum(0).reshape(grad_weight.shape)
    return math.isfinite(checks.sum())


# Blocks of LANES pixels and LANES channels are turned in registers. The last block of a row overlaps the one before, if the row is no multiple.
@njit(**INNER)
def lay_channels_last(x, n0, images, c0, channels, last, lay):
    by_itself()
    H, W = x.shape[2:]
    turned = channels - channels % LANES if W >= LANES else 0
    for b in range(images):
        planes = x[n0 + b].reshape(x.shape[1], H * W)
        for h in range(H):
            at = ((b * lay.rows + h + lay.pad_h) * lay.cols + lay.pad_w) * channels
            for first in range(0, W if turned else 0, LANES):
                w = min(first, W - LANES)
                for c in range(0, turned, LANES):
                    target = window(last, at + w * channels + c, LANES * channels - c)
                    turn(LANES, planes, c0 + c, h * W + w, target, channels)
            for c in range(turned, channels):
                source, target = window(planes[c0 + c], h * W, W), window(last, at + c, W * channels)
                for w in range(W):
                    target[w * channels] = source[w]


@njit(**INNER)
def not_finite(line):
    """Zero, or NaN if one of the numbers is not finite."""
    by_itself()
    zero = line.dtype.type(0)
    check = zero
    for t in range(line.size):
        check += line[t] * zero
    return check


@njit(**SERIAL)
def weight_share(first, step, i0, i1, lines, x, start, windows, totals, check, lay, last, panels):
    by_itself()
    last, panels = aligned(last), aligned(panels)
    N, groups = x.shape[0], totals.shape[0]
    C, C_out, T = x.shape[1] // groups, lines.shape[0] // N // groups, lines.shape[1]
    part = local_array(ROWS, COLS, x.dtype)
    for n in range(first * lay.images, N, step * lay.images):
        images = min(lay.images, N - n)
        for g in range(groups):
            lay_channels_last(x, n, images, g * C, C, last, lay)
            for t0 in range(0, T, DEPTH):
                depth = min(DEPTH, T - t0)
                begin, size = start[t0 : t0 + images * depth], images * depth * ROWS
                for i in range(i0, i1):
                    for b in range(images):
                        row, rows = ((n + b) * groups + g) * C_out + i * ROWS, min(ROWS, C_out - i * ROWS)
                        panel = window(panels, i * size + b * depth * ROWS, depth * ROWS)
                        pack_rows(lines, False, t0, depth, row, rows, panel)
                        check[0] += not_finite(panel)
                for j in range(windows.size):
                    for i in range(i0, i1):
                        multiply_tile(window(panels, i * size, size), last, begin, windows[j], part)
                        for r in range(ROWS):
                            sums, line = window(totals[g, i * ROWS + r], j * COLS, COLS), part[r]
                            for s in range(COLS):
                                sums[s] += line[s]


@njit(**PARALLEL)
def weight_shared(workers, by_filters, lines, x, start, windows, totals, checks, lay, lasts, panels):
    tiles = totals.shape[2] // ROWS
    for worker in prange(workers):
        w = np.int64(worker)
        first, step, i0, i1 = part_of(w, workers, tiles, by_filters)
        check = checks[w : w + 1]
        weight_share(first, step, i0, i1, lines, x, start, windows, totals[w], check, lay, lasts[w], panels[w])


@njit(**SERIAL)
def put_weights(totals, places, grad_weight):
    """Add the sums of all workers, and change their order from that of the windows (weight, channel) to that of the filters."""
    by_itself()
    groups, C_out, C, K = grad_weight.shape
    for g in range(groups):
        for c_out in range(C_out):
            for k in range(K):
                for c in range(C):
                    total = np.float64(0)
                    for worker in range(len(totals)):
                        total += totals[worker, g, c_out, places[k * C + c]]
                    grad_weight[g, c_out, c, k] = total


# ## A few filters
@njit(**SERIAL)
def dots_share(worker, workers, grad_y, x, groups, start, totals, checks, slide, flat, line):
    by_itself()
    flat, line = aligned(flat), aligned(line)
    N, C_in, C_out = x.shape[0], x.shape[1] // groups, grad_y.shape[1] // groups
    H, W = grad_y.shape[2:]
    for n in range(worker * slide.images, N, workers * slide.images):
        images = min(slide.images, N - n)
        places = ((images - 1) * slide.pitch_h + H - 1) * slide.pitch_w + W
        for g in range(groups):
            lay_flat(x, n, images, g * C_in, C_in, flat, slide)
            checks[worker] += not_finite(flat)
            for c_out in range(g * C_out, (g + 1) * C_out):
                for b in range(images):
                    for h in range(H):
                        target = window(line, (b * slide.pitch_h + h) * slide.pitch_w, W)
                        copy_line(target, window(grad_y[n + b, c_out, h], 0, W))
                checks[worker] += not_finite(line)
                for at in range(0, places, PIECE):
                    dot_lines(window(line, at, min(PIECE, places - at)), flat, start, at, totals[c_out])


@njit(**PARALLEL)
def dots_shared(workers, grad_y, x, groups, start, totals, checks, slide, flats, lines):
    for worker in prange(workers):
        w = np.int64(worker)
        dots_share(w, workers, grad_y, x, groups, start, totals[w], checks, slide, flats[w], lines[w])
