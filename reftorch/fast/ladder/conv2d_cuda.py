r"""A convolution on a GPU, with fewer and fewer accesses to its memory: $y_{n c_{out} h w} = \sum_{c, k_h, k_w} W_{c_{out} c k_h k_w}\,
x_{n, c, h + k_h - p, w + k_w - p}$, where x is zero outside the image.

Stride 1, `pad` pixels of padding on all sides, one group, no bias; float32, and filters of at most MOST by MOST. A block of threads
computes a square of outputs, one pixel per thread. The ideas are those of the matrix product. Here the pixels are used several times:
neighbouring outputs read nearly the same pixels, and all filters read all of them.
"""

from __future__ import annotations

import numpy as np
from numba import float32

from reftorch.kernel import cuda

TILE = 16  # a block is TILE x TILE threads, and has as many pixels of y
MOST = 7  # rows and columns of a filter
SPAN = TILE + MOST - 1  # rows and columns of x that those pixels may need
PER = 8  # filters that a thread of the last rung applies to its pixel


# ## Plain
#
# A thread for each element of y. Each multiply-add reads a pixel and a weight from memory, which other threads read, too.
@cuda.jit
def plain_kernel(x, weight, y, pad):
    (_, C_in, H_in, W_in), (_, C_out, H_out, W_out), (K_h, K_w) = x.shape, y.shape, weight.shape[2:]
    w = cuda.blockIdx.x * TILE + cuda.threadIdx.x
    h = cuda.blockIdx.y * TILE + cuda.threadIdx.y
    n, c_out = cuda.blockIdx.z // C_out, cuda.blockIdx.z % C_out
    if h >= H_out or w >= W_out:
        return
    acc = np.float32(0)
    for c in range(C_in):
        for k_h in range(K_h):
            for k_w in range(K_w):
                h_in, w_in = h + k_h - pad, w + k_w - pad
                if 0 <= h_in < H_in and 0 <= w_in < W_in:
                    acc += weight[c_out, c, k_h, k_w] * x[n, c, h_in, w_in]
    y[n, c_out, h, w] = acc


# ## Shared tile
#
# A block needs the pixels of a square with sides of TILE + K - 1. Channel by channel, its threads load these pixels and the filter into
# shared memory, and wait for each other. Then all multiply, and wait again before the next channel overwrites them. A pixel that was read
# from memory is used for nearly K x K products. Pixels outside the image are zeros, so no tests are needed while multiplying.
@cuda.jit
def shared_tile_kernel(x, weight, y, pad):
    s, r = cuda.threadIdx.x, cuda.threadIdx.y
    pixels = cuda.shared.array((SPAN, SPAN), float32)
    filters = cuda.shared.array((MOST, MOST), float32)
    (_, C_in, H_in, W_in), (_, C_out, H_out, W_out), (K_h, K_w) = x.shape, y.shape, weight.shape[2:]
    w0, h0 = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
    n, c_out = cuda.blockIdx.z // C_out, cuda.blockIdx.z % C_out
    acc = np.float32(0)
    for c in range(C_in):
        for i in range(r, TILE + K_h - 1, TILE):
            for j in range(s, TILE + K_w - 1, TILE):
                h_in, w_in = h0 + i - pad, w0 + j - pad
                inside = 0 <= h_in < H_in and 0 <= w_in < W_in
                pixels[i, j] = x[n, c, h_in, w_in] if inside else np.float32(0)
        for i in range(r, K_h, TILE):
            for j in range(s, K_w, TILE):
                filters[i, j] = weight[c_out, c, i, j]
        cuda.syncthreads()
        for k_h in range(K_h):
            for k_w in range(K_w):
                acc += filters[k_h, k_w] * pixels[r + k_h, s + k_w]
        cuda.syncthreads()
    if h0 + r < H_out and w0 + s < W_out:
        y[n, c_out, h0 + r, w0 + s] = acc


# ## Register tile
#
# Shared memory is fast, but one or two numbers are still read from it for each multiply-add. So a thread applies PER filters to its pixel,
# and has PER sums in registers: it reads a pixel once for PER multiply-adds, and the square of pixels is loaded PER times less often. All
# threads read the same weight at the same time, which is one access for all.
@cuda.jit
def register_tile_kernel(x, weight, y, pad):
    s, r = cuda.threadIdx.x, cuda.threadIdx.y
    pixels = cuda.shared.array((SPAN, SPAN), float32)
    filters = cuda.shared.array((MOST, MOST, PER), float32)
    acc = cuda.local.array(PER, float32)
    (_, C_in, H_in, W_in), (_, C_out, H_out, W_out), (K_h, K_w) = x.shape, y.shape, weight.shape[2:]
    w0, h0 = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
    several = (C_out + PER - 1) // PER
    n, first = cuda.blockIdx.z // several, cuda.blockIdx.z % several * PER
    for p in range(PER):
        acc[p] = np.float32(0)
    for c in range(C_in):
        for i in range(r, TILE + K_h - 1, TILE):
            for j in range(s, TILE + K_w - 1, TILE):
                h_in, w_in = h0 + i - pad, w0 + j - pad
                inside = 0 <= h_in < H_in and 0 <= w_in < W_in
                pixels[i, j] = x[n, c, h_in, w_in] if inside else np.float32(0)
        for i in range(r, K_h, TILE):
            for j in range(s, K_w, TILE):
                for p in range(PER):
                    filters[i, j, p] = weight[first + p, c, i, j] if first + p < C_out else np.float32(0)
        cuda.syncthreads()
        for k_h in range(K_h):
            for k_w in range(K_w):
                pixel = pixels[r + k_h, s + k_w]
                for p in range(PER):
                    acc[p] += filters[k_h, k_w, p] * pixel
        cuda.syncthreads()
    if h0 + r < H_out and w0 + s < W_out:
        for p in range(min(PER, C_out - first)):
            y[n, first + p, h0 + r, w0 + s] = acc[p]


def blocks(weight, y, filters):
    """The launch: for each image and so many filters, as many blocks of TILE x TILE threads as cover its pixels."""
    N, C_out, H_out, W_out = y.shape
    if max(weight.shape[2:]) > MOST:
        raise ValueError(
            f"filters of {weight.shape[2]} by {weight.shape[3]}: these kernels have room for {MOST} by {MOST}"
        )
    return (-(-W_out // TILE), -(-H_out // TILE), N * -(-C_out // filters)), (TILE, TILE)


def plain(x, weight, y, pad):
    plain_kernel[blocks(weight, y, 1)](x, weight, y, pad)


def shared_tile(x, weight, y, pad):
    shared_tile_kernel[blocks(weight, y, 1)](x, weight, y, pad)


def register_tile(x, weight, y, pad):
    register_tile_kernel[blocks(weight, y, PER)](x, weight, y, pad)


RUNGS = (("plain", plain), ("shared tile", shared_tile), ("register tile", register_tile))
