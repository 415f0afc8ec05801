r"""A convolution, from the formula to the speed of the processor: $y_{n c_{out} h w} = \sum_{c, k_h, k_w} W_{c_{out} c k_h k_w}\,
x_{n, c, h + k_h - p, w + k_w - p}$, where x is zero outside the image.

Stride 1, `pad` pixels of padding on all sides, one group, no bias; arrays are C-contiguous and have one floating dtype. The ideas are
those of the matrix product, but here it is less obvious what a row is, and which elements are used several times.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.conv2d_slide import conv2d_forward
from reftorch.fast.registers import COLS, ROWS, window
from reftorch.fast.tile import multiply_tile
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


# ## The formula
#
# A sum for each element of y, over the pixels under the filter; each pixel is tested for being in the image. Only a few neighbouring
# numbers are added, so an instruction cannot process several of them at once.
@njit(**SERIAL)
def formula(x, weight, y, pad):
    (N, C_in, H_in, W_in), (C_out, _, K_h, K_w), (H_out, W_out) = x.shape, weight.shape, y.shape[2:]
    for n in range(N):
        for c_out in range(C_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    acc = y.dtype.type(0)
                    for c in range(C_in):
                        for k_h in range(K_h):
                            for k_w in range(K_w):
                                h_in, w_in = h_out + k_h - pad, w_out + k_w - pad
                                if 0 <= h_in < H_in and 0 <= w_in < W_in:
                                    acc += weight[c_out, c, k_h, k_w] * x[n, c, h_in, w_in]
                    y[n, c_out, h_out, w_out] = acc


# ## Loop order
#
# For one weight, a row of outputs needs a row of pixels, shifted by the position of the weight. So w is the innermost loop: the pixels are
# read in order, many at once, and the columns within the image are computed once per row. The outermost loop is over the weights: each goes
# over the whole image.
@njit(**SERIAL)
def add_row(pixels, factor, row, move):
    """row[w] += factor * pixels[w + move], where this pixel exists"""
    first, last = max(0, -move), min(row.size, pixels.size - move)
    target, source = window(row, first, last - first), window(pixels, first + move, last - first)
    for w in range(last - first):
        target[w] += factor * source[w]


@njit(**SERIAL)
def loop_order(x, weight, y, pad):
    (N, C_in, H_in, _), (C_out, _, K_h, K_w), H_out = x.shape, weight.shape, y.shape[2]
    y[:] = 0
    for n in range(N):
        for c_out in range(C_out):
            for c in range(C_in):
                for k_h in range(K_h):
                    for k_w in range(K_w):
                        for h in range(max(0, pad - k_h), min(H_out, H_in + pad - k_h)):
                            add_row(x[n, c, h + k_h - pad], weight[c_out, c, k_h, k_w], y[n, c_out, h], k_w - pad)


# ## Parallel
#
# The output channels are independent of each other, and so are the images: every core gets a share of both.
@njit(**PARALLEL)
def parallel(x, weight, y, pad):
    (N, C_in, H_in, _), (C_out, _, K_h, K_w), H_out = x.shape, weight.shape, y.shape[2]
    y[:] = 0
    for plane in prange(N * C_out):
        n, c_out = np.int64(plane) // C_out, np.int64(plane) % C_out
        for c in range(C_in):
            for k_h in range(K_h):
                for k_w in range(K_w):
                    for h in range(max(0, pad - k_h), min(H_out, H_in + pad - k_h)):
                        add_row(x[n, c, h + k_h - pad], weight[c_out, c, k_h, k_w], y[n, c_out, h], k_w - pad)


# ## Blocking
#
# For each weight, a plane of y is read and written: C_in K_h K_w times in all. If the loop over the rows of y is outside, one row stays in
# the nearest cache while the products with all weights are added to it.
@njit(**PARALLEL)
def blocking(x, weight, y, pad):
    (N, C_in, H_in, _), (C_out, _, K_h, K_w), H_out = x.shape, weight.shape, y.shape[2]
    y[:] = 0
    for plane in prange(N * C_out):
        n, c_out = np.int64(plane) // C_out, np.int64(plane) % C_out
        for h in range(H_out):
            row = y[n, c_out, h]
            for c in range(C_in):
                for k_h in range(max(0, pad - h), min(K_h, H_in + pad - h)):
                    for k_w in range(K_w):
                        add_row(x[n, c, h + k_h - pad], weight[c_out, c, k_h, k_w], row, k_w - pad)


# ## Packing
#
# A row of a small image fills only one register, and each row begins with a test for the border. So the image is copied once, with zeros
# around it, row after row into one long line. Then output (h, w) has the index h * pitch + w, and its pixel under weight k is start[k]
# elements further on. This offset is the same for all outputs, also across the ends of the rows. Results between the rows are dropped.
@njit(**SERIAL)
def lay_flat(image, pad, flat):
    C_in, H_in, W_in = image.shape
    height, pitch = H_in + 2 * pad, W_in + 2 * pad
    for c in range(C_in):
        for h in range(H_in):
            at = (c * height + h + pad) * pitch + pad
            for w in range(W_in):
                flat[at + w] = image[c, h, w]


@njit(**SERIAL)
def starts(x, weight, pad):
    """The index in the flat image of the pixel for output 0, for each weight in the order of the array."""
    (H_in, W_in), (C_in, K_h, K_w) = x.shape[2:], weight.shape[1:]
    height, pitch = H_in + 2 * pad, W_in + 2 * pad
    start = np.empty(C_in * K_h * K_w, np.int64)
    for k in range(start.size):
        start[k] = (k // (K_h * K_w) * height + k // K_w % K_h) * pitch + k % K_w
    return start


@njit(**SERIAL)
def put_back(line, at, y, pitch):
    """Copy the results at, at + 1, ... of a channel to the outputs."""
    H_out, W_out = y.shape
    for s in range(line.size):
        h, w = (at + s) // pitch, (at + s) % pitch
        if h < H_out and w < W_out:
            y[h, w] = line[s]


@njit(**PARALLEL)
def packing(x, weight, y, pad):
    (N, C_in, H_in, W_in), C_out, H_out = x.shape, weight.shape[0], y.shape[2]
    pitch, start, filters = W_in + 2 * pad, starts(x, weight, pad), weight.reshape(C_out, -1)
    for image in prange(N):
        n = np.int64(image)
        flat = np.zeros(C_in * (H_in + 2 * pad) * pitch + 256, y.dtype)
        line = np.empty(256, y.dtype)
        lay_flat(x[n], pad, flat)
        for at in range(0, H_out * pitch, 256):
            for c_out in range(C_out):
                line[:] = 0
                for k in range(start.size):
                    pixels = window(flat, start[k] + at, 256)
                    for s in range(256):
                        line[s] += filters[c_out, k] * pixels[s]
                put_back(line, at, y[n, c_out], pitch)


# ## Register tile
#
# So far a line of pixels is read for one filter only, and the sums are read from the cache and written back for each weight. Now the sums
# of ROWS filters and COLS outputs stay in registers over all weights. This is the tile of the matrix product: its lines may be the rows of
# a matrix or pieces of an image. The filters are packed like the rows of a in the matrix product.
@njit(**PARALLEL)
def register_tile(x, weight, y, pad):
    (N, C_in, H_in, W_in), C_out, H_out = x.shape, weight.shape[0], y.shape[2]
    pitch, start, filters = W_in + 2 * pad, starts(x, weight, pad), weight.reshape(C_out, -1)
    panels = np.zeros((-(-C_out // ROWS), start.size * ROWS), y.dtype)
    for c_out in range(C_out):
        for k in range(start.size):
            panels[c_out // ROWS, k * ROWS + c_out % ROWS] = filters[c_out, k]
    for image in prange(N):
        n, part = np.int64(image), np.empty((ROWS, COLS), y.dtype)
        flat = np.zeros(C_in * (H_in + 2 * pad) * pitch + COLS, y.dtype)
        lay_flat(x[n], pad, flat)
        for at in range(0, H_out * pitch, COLS):
            for panel in range(len(panels)):
                multiply_tile(panels[panel], flat, start, at, part)
                for r in range(min(ROWS, C_out - panel * ROWS)):
                    put_back(part[r], at, y[n, panel * ROWS + r], pitch)


# ## The finished form
#
# `reftorch.fast.conv2d_forward` supports strides, dilation and groups, which change only the table `start`. It puts several small images
# into one line, and copies whole rows of results. For infinite weights the reference kernel does the work.
def finished_form(x, weight, y, pad):
    bias = np.zeros(len(weight), y.dtype)
    conv2d_forward(None, x, weight, bias, y, 1, 1, pad, pad, 1, 1, 1)


RUNGS = (
    ("the formula", formula),
    ("loop order", loop_order),
    ("parallel", parallel),
    ("blocking", blocking),
    ("packing", packing),
    ("register tile", register_tile),
    ("reftorch.fast", finished_form),
)
