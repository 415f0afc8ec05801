r"""Nearest interpolation row by row: the positions are computed once, and whole rows are copied or added.

*Forward.* The reference loop computes for each output which pixel it copies.

1. *Tables*: all outputs of a column copy from the same column of the input, and all outputs of a row from the same row. Both are computed
   once for all planes.
2. *Equal shares*: if every pixel is copied to the same number of outputs, usually 2, the outputs of a row are written without the table.

*The gradient.* The reference loop searches the outputs that copy a pixel, and computes the position of each candidate. Along a row these
outputs are neighbours, because positions never decrease. So the table holds the first output of each pixel. Rows of outputs that copy the
same row of pixels are added first, which is a loop without indices.

Sequences and images are volumes of one row and of one plane.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def upsample_nearest_forward(reference, x, y, *options):
    """y from x, for all planes; `options` are the scales, one for each dimension, and `exact`."""
    if y.size == 0:
        return reference(x, y, *options)
    tables = places(x.dtype, x.shape[2:], y.shape[2:], options)
    volumes = _volumes(x), _volumes(y)
    workers = threads_for(y.size * MEMORY, len(volumes[0]))
    run = forward_share if workers == 1 else forward_shared
    run(workers, *volumes, *tables)


def upsample_nearest_backward_x(reference, grad_y, grad_x, *options):
    """grad_x from grad_y, for all planes."""
    if grad_x.size == 0:
        return reference(grad_y, grad_x, *options)
    tables = places(grad_x.dtype, grad_x.shape[2:], grad_y.shape[2:], options)
    volumes = _volumes(grad_y), _volumes(grad_x)
    workers = threads_for(grad_y.size * MEMORY, len(volumes[0]))
    run = backward_share if workers == 1 else backward_shared
    run(workers, *volumes, *tables)


def _volumes(array):
    """(N, C, ...) as (planes, D, H, W)."""
    sizes = array.shape[2:]
    return array.reshape(-1, *(1,) * (3 - len(sizes)), *sizes)


@functools.lru_cache(maxsize=64)
def places(dtype, size_in, size_out, options):
    """The input plane of each output plane, the input row of each output row, the first output of each column, and the number of outputs
    of a column if it is the same for all columns, else 0."""
    *scales, exact = options
    shown = [np.zeros(1, np.int64)] * (3 - len(scales))
    for extent, extent_out, scale in zip(size_in, size_out, scales):
        position = (np.arange(extent_out, dtype=dtype) + dtype.type(0.5 if exact else 0)) * dtype.type(scale)
        shown.append(np.minimum(position.astype(np.float32).astype(np.int64), extent - 1))
    begins = np.searchsorted(shown[2], np.arange(size_in[-1] + 1))
    each = int(begins[1])
    return *shown[:2], begins, each if np.all(np.diff(begins) == each) else 0


# Each element of `row`, as often as it is copied.
@njit(**SERIAL)
def repeat(result, row, begins, each):
    if each == 2:
        for w_in in range(row.size):
            result[2 * w_in] = row[w_in]
            result[2 * w_in + 1] = row[w_in]
    else:
        for w_in in range(row.size):
            for w_out in range(begins[w_in], begins[w_in + 1]):
                result[w_out] = row[w_in]


# Adds to each element of `row` the elements of `parts` that are its copies.
@njit(**SERIAL)
def collect(row, parts, begins, each):
    if each == 2:
        for w_in in range(row.size):
            row[w_in] += parts[2 * w_in] + parts[2 * w_in + 1]
    else:
        for w_in in range(row.size):
            acc = row.dtype.type(0)
            for w_out in range(begins[w_in], begins[w_in + 1]):
                acc += parts[w_out]
            row[w_in] += acc


@njit(**SERIAL)
def forward_planes(first, end, x, y, d_shown, h_shown, begins, each):
    for plane in range(first, end):
        for d_out in range(y.shape[1]):
            for h_out in range(y.shape[2]):
                repeat(y[plane, d_out, h_out], x[plane, d_shown[d_out], h_shown[h_out]], begins, each)


@njit(**SERIAL)
def forward_share(workers, x, y, d_shown, h_shown, begins, each):
    forward_planes(0, x.shape[0], x, y, d_shown, h_shown, begins, each)


@njit(**PARALLEL)
def forward_shared(workers, x, y, d_shown, h_shown, begins, each):
    for worker in prange(workers):
        first, end = worker * x.shape[0] // workers, (worker + 1) * x.shape[0] // workers
        forward_planes(first, end, x, y, d_shown, h_shown, begins, each)


@njit(**SERIAL)
def backward_planes(first, end, grad_y, grad_x, d_shown, h_shown, begins, each):
    H_out, W_out = grad_y.shape[2:]
    parts = np.empty(W_out, grad_y.dtype)
    for plane in range(first, end):
        grad_x[plane] = 0
        for d_out in range(grad_y.shape[1]):
            h_out = 0
            while h_out < H_out:
                h_in = h_shown[h_out]
                parts[:] = grad_y[plane, d_out, h_out]
                h_out += 1
                while h_out < H_out and h_shown[h_out] == h_in:
                    for w_out in range(W_out):
                        parts[w_out] += grad_y[plane, d_out, h_out, w_out]
                    h_out += 1
                collect(grad_x[plane, d_shown[d_out], h_in], parts, begins, each)


@njit(**SERIAL)
def backward_share(workers, grad_y, grad_x, d_shown, h_shown, begins, each):
    backward_planes(0, grad_x.shape[0], grad_y, grad_x, d_shown, h_shown, begins, each)


@njit(**PARALLEL)
def backward_shared(workers, grad_y, grad_x, d_shown, h_shown, begins, each):
    for worker in prange(workers):
        first, end = worker * grad_x.shape[0] // workers, (worker + 1) * grad_x.shape[0] // workers
        backward_planes(first, end, grad_y, grad_x, d_shown, h_shown, begins, each)
