r"""Convolution with rows that slide along a flat image; and the gradient of its input, a convolution with flipped filters.

The reference loop computes one output after the other. For each weight it tests whether the pixel is in the image, and adds one product.
The steps:

1. *Whole rows*: for one weight, a row of outputs and the row of pixels under it. There is one test per row.
2. *A flat image* (`conv2d_layout.py`): padded by zeros, row after row, so that no test is needed, and short rows are joined.
3. *Tiles* (`tile.py`): the sums of ROWS filters and COLS positions are computed in registers, over all weights.
4. *Chunks*: the positions are divided into pieces whose pixels fit into the cache, and all filters are applied to one piece.
5. *Threads*: each computes some of the blocks of images, or, if there are too few blocks, a share of the filters.

A zero of the padding times a weight is zero, unless the weight is infinite or NaN. Then the result would differ from that of the reference
loop, which has no such product, so the reference loop does the work.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.conv2d_layout import backward_plans, forward_plan
from reftorch.fast.lanes import add_lanes, add_part, copy_line, fill_lanes
from reftorch.fast.registers import COLS, INNER, LANES, ROWS, aligned, by_itself, copy_row, local_array, rooms, window
from reftorch.fast.tile import multiply_row, multiply_tile
from reftorch.fast.workers import part_of, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

CHUNK = 6 * COLS  # positions
FEW = 2  # filters: too few for a tile


def conv2d_forward(reference, x, weight, bias, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    """y = bias + weight * x, as the reference kernel, which is called where this form does not apply."""
    if y.dtype.kind != "f" or not x.size or ((pad_h or pad_w) and not math.isfinite(weight.sum())):
        return reference(x, weight, bias, y, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups)
    x, y = as_rows(x, y, weight, stride_h, stride_w, pad_h, pad_w)
    slide, start = forward_plan(x.shape, weight.shape, y.shape, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w)
    C_out, C_group, K_h, K_w = weight.shape
    filters = weight.reshape(groups, C_out // groups, C_group, K_h * K_w)
    convolve(x, filters, False, np.arange(K_h * K_w), bias, y, start, slide)


def conv2d_backward_x(reference, grad_y, weight, grad_x, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups):
    """The gradient of the input, as the reference kernel."""
    options = stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups
    if grad_x.dtype.kind != "f" or not math.isfinite(weight.sum()):
        return reference(grad_y, weight, grad_x, *options)
    grad_x, grad_y = as_rows(grad_x, grad_y, weight, *options[:4])
    C_out, C_group, K_h, K_w = weight.shape
    filters = weight.reshape(groups, C_out // groups, C_group, K_h * K_w)
    nothing = np.zeros(grad_x.shape[1], grad_x.dtype)
    for slide, start, taps in backward_plans(grad_x.shape, weight.shape, grad_y.shape, *options):
        convolve(grad_y, filters, True, taps, nothing, grad_x, start, slide)


def as_rows(x, y, weight, stride_h, stride_w, pad_h, pad_w):
    """x and y. If the filter is a single pixel with stride 1 and no padding, each image becomes one long row."""
    in_step = x.shape[2:] == y.shape[2:] and (stride_h, stride_w, pad_h, pad_w) == (1, 1, 0, 0)
    if weight.shape[2:] != (1, 1) or not in_step:
        return x, y
    return (images.reshape(*images.shape[:2], 1, images.shape[2] * images.shape[3]) for images in (x, y))


def convolve(x, filters, turned, taps, bias, y, start, slide):
    """Slide the weights `taps` of `filters` (groups, C_out, C_in, weights) over x; with `turned`, from C_out to C_in."""
    outs = filters.shape[2 if turned else 1]
    tiles = -(-outs // ROWS)
    panels = np.empty((len(filters), tiles, start.size * ROWS), y.dtype)
    workers = threads_for(panels.size * 16, tiles)
    if workers == 1:
        pack_filters_share(filters, turned, taps, panels, 0, tiles)
    else:
        pack_filters_shared(workers, filters, turned, taps, panels)
    blocks = -(-len(x) // slide.images)
    workers = threads_for(y.size * start.size, max(blocks, tiles))
    flats = rooms(workers, slide.size, y.dtype, np.zeros)
    few = outs <= FEW
    span = slide.images * slide.pitch_h * slide.pitch_w + COLS if few else CHUNK
    sums = rooms(workers, (FEW if few else ROWS) * span, y.dtype)
    if workers == 1:
        slide_share(0, 1, 0, tiles, x, panels, bias, y, start, slide, flats[0], span, sums[0])
    else:
        slide_shared(workers, blocks < workers, x, panels, bias, y, start, slide, flats, span, sums)


# ## Panels
#
# The weights of ROWS filters that are used together are neighbours in memory. For the gradient, the filters are flipped, and their outputs
# are the input channels of the forward convolution.
@njit(**SERIAL)
def pack_filters_share(filters, turned, taps, panels, i0, i1):
    by_itself()
    outs, ins = (filters.shape[2], filters.shape[1]) if turned else (filters.shape[1], filters.shape[2])
    for g in range(len(filters)):
        for i in range(i0, i1):
            panel, height = panels[g, i], min(ROWS, outs - i * ROWS)
            if height < ROWS:
                for k in range(panel.size):
                    panel[k] = 0
            for c in range(ins):
                for r in range(height):
                    weights = filters[g, c, i * ROWS + r] if turned else filters[g, i * ROWS + r, c]
                    for t in range(taps.size):
                        panel[(c * taps.size + t) * ROWS + r] = weights[taps[t]]


@njit(**PARALLEL)
def pack_filters_shared(workers, filters, turned, taps, panels):
    tiles = panels.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        pack_filters_share(filters, turned, taps, panels, w * tiles // workers, (w + 1) * tiles // workers)


# ## Rung 2: the flat image
#
# One group of channels of some images, sorted by the remainders of row and column.
@njit(**INNER)
def lay_flat(x, n0, images, c0, channels, flat, slide):
    by_itself()
    H, W = x.shape[2:]
    whole = slide.step_h == 1 and slide.step_w == 1 and slide.pitch_w == W  # no gaps between the rows
    for b in range(images):
        for c in range(channels):
            if whole:
                at = ((c * slide.images + b) * slide.pitch_h + slide.pad_h) * W
                copy_line(window(flat, at, H * W), window(x[n0 + b, c0 + c].reshape(H * W), 0, H * W))
                continue
            for phase_h in range(slide.step_h):
                for phase_w in range(slide.step_w):
                    h0 = (phase_h - slide.pad_h) % slide.step_h  # the first row and column with these remainders
                    w0 = (phase_w - slide.pad_w) % slide.step_w
                    line = ((c * slide.step_h + phase_h) * slide.step_w + phase_w) * slide.images + b
                    line = line * slide.pitch_h + (h0 + slide.pad_h) // slide.step_h
                    at = line * slide.pitch_w + (w0 + slide.pad_w) // slide.step_w
                    width = (W - w0 + slide.step_w - 1) // slide.step_w
                    for h in range(h0, H, slide.step_h):
                        target, source = window(flat, at, width), window(x[n0 + b, c0 + c, h], w0, W - w0)
                        if slide.step_w == 1:
                            copy_line(target, source)
                        else:
                            for w in range(width):
                                target[w] = source[w * slide.step_w]
                        at += slide.pitch_w


# ## Rungs 3 and 4
#
# The sums of a chunk are collected before they go into y: it is faster to copy whole rows than the pieces that a tile holds. For a few
# filters, as in a depthwise convolution, there are no tiles, only chunks.
@njit(**SERIAL)
def slide_share(first, step, i0, i1, x, panels, bias, y, start, slide, flat, span, sums):
    by_itself()
    flat, sums = aligned(flat), aligned(sums)
    N, groups = x.shape[0], panels.shape[0]
    part = local_array(ROWS, COLS, y.dtype)
    C_in, C_out = x.shape[1] // groups, y.shape[1] // groups
    for n in range(first * slide.images, N, step * slide.images):
        images = min(slide.images, N - n)
        places = ((images - 1) * slide.pitch_h + slide.outputs_h - 1) * slide.pitch_w + slide.outputs_w
        for g in range(groups):
            lay_flat(x, n, images, g * C_in, C_in, flat, slide)
            for chunk in range(0, places, span):
                size = min(span, places - chunk)
                for i in range(i0, i1):
                    c_out, rows = g * C_out + i * ROWS, min(ROWS, C_out - i * ROWS)
                    for at in range(0, size, COLS):
                        if rows > FEW:
                            multiply_tile(panels[g, i], flat, start, chunk + at, part)
                            for r in range(ROWS):
                                copy_row(window(sums, r * span + at, COLS), part[r])
                        else:
                            for r in range(rows):
                                multiply_row(
                                    panels[g, i], r, flat, start, chunk + at, window(sums, r * span + at, COLS)
                                )
                    for r in range(rows):
                        line = window(sums, r * span, size)
                        put_line(line, chunk, y, n, images, c_out + r, bias[c_out + r], slide)


@njit(**INNER)
def put_line(line, chunk, y, n, images, c_out, plus, slide):
    """Copy the sums of the positions chunk, chunk + 1, ... to the outputs, row by row."""
    by_itself()
    shift = local_array(1, LANES, line.dtype)[0]
    fill_lanes(shift, plus)
    top = chunk // slide.pitch_w
    b, h = top // slide.pitch_h, top % slide.pitch_h
    begin = top * slide.pitch_w - chunk  # where column 0 is in the line
    while begin < line.size:
        w = max(0, -begin)
        width = min(slide.outputs_w, line.size - begin) - w
        if b < images and h < slide.outputs_h and width > 0:
            source = window(line, begin + w, width)
            row = y[n + b, c_out, h * slide.to_step_h + slide.to_first_h]
            target = window(row, w * slide.to_step_w + slide.to_first_w, width * slide.to_step_w)
            if slide.to_step_w == 1:
                whole = width - width % LANES
                for s in range(0, whole, LANES):
                    add_lanes(window(target, s, LANES), window(source, s, LANES), shift)
                if whole < width:
                    count = width - whole
                    add_part(window(target, whole, count), window(source, whole, count), shift, count)
            else:
                for s in range(width):
                    target[s * slide.to_step_w] = source[s] + plus
        begin += slide.pitch_w
        h += 1
        if h == slide.pitch_h:
            b, h = b + 1, 0


# ## Rung 5
@njit(**PARALLEL)
def slide_shared(workers, by_filters, x, panels, bias, y, start, slide, flats, span, sums):
    tiles = panels.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        first, step, i0, i1 = part_of(w, workers, tiles, by_filters)
        slide_share(first, step, i0, i1, x, panels, bias, y, start, slide, flats[w], span, sums[w])
