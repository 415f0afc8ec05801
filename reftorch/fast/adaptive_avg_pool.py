r"""Adaptive average pooling: rows first, then columns.

The reference loops compute the begin and the end of a window by divisions: forward for each output, backward for each pixel and each
window that covers it. A division takes as long as twenty additions.

1. *Tables*: the begins and ends of the windows along each dimension are computed once for all planes.
2. *Rows first*: all windows of an output row cover the same rows. Their sum is one row, computed by a loop without indices, in which a
   register holds many elements; then each window adds its columns.
3. *From the windows to the pixels*: backward, one thread computes a whole plane and first sets it to zero. The shares of the windows of
   an output row are summed in one row of pixels, which is then added to the rows that the windows cover.
4. *Long rows*: if there is one window along the last dimension, as in global pooling, it covers whole rows. Then the rows of a window
   are one long row in memory, which is read or written directly.

Sequences and images are volumes of one row and of one plane. Sums are taken in float64, as in the reference loops.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def adaptive_avg_pool_forward(reference, x, y):
    """y from x, for all planes."""
    if y.size == 0 or x.size == 0:
        return reference(x, y)
    size_in, size_out, tables = windows(x.shape[2:], y.shape[2:])
    workers = threads_for(x.size * MEMORY, x.shape[0] * x.shape[1])
    run = forward_share if workers == 1 else forward_shared
    run(workers, x.reshape(-1, *size_in), y.reshape(-1, *size_out), *tables)


def adaptive_avg_pool_backward_x(reference, grad_y, grad_x):
    """grad_x from grad_y, for all planes."""
    if grad_x.size == 0 or grad_y.size == 0:
        return reference(grad_y, grad_x)
    size_in, size_out, tables = windows(grad_x.shape[2:], grad_y.shape[2:])
    workers = threads_for(grad_x.size * MEMORY, grad_x.shape[0] * grad_x.shape[1])
    run = backward_share if workers == 1 else backward_shared
    run(workers, grad_y.reshape(-1, *size_out), grad_x.reshape(-1, *size_in), *tables)


@functools.lru_cache(maxsize=64)
def windows(size_in, size_out):
    """Three extents of the input and of the output, and for each dimension the begins and ends of its windows."""
    size_in, size_out = [1] * (3 - len(size_in)) + list(size_in), [1] * (3 - len(size_out)) + list(size_out)
    tables = []
    for extent, extent_out in zip(size_in, size_out):
        o = np.arange(extent_out)
        tables.append((o * extent // extent_out, -(-(o + 1) * extent // extent_out)))
    for _ in range(2):
        if size_out[2] == 1:
            (begin, end), width = tables[1], size_in[2]
            tables = [(np.zeros(1, np.int64), np.ones(1, np.int64)), tables[0], (begin * width, end * width)]
            size_in, size_out = [1, size_in[0], size_in[1] * width], [1, size_out[0], size_out[1]]
    return tuple(size_in), tuple(size_out), tuple(bound for pair in tables for bound in pair)


@njit(**SERIAL)
def sum_of(line, begin, end):
    acc = np.float64(0)
    for i in range(np.uint64(begin), np.uint64(end)):  # a signed index would be tested for being negative
        acc += line[i]
    return acc


@njit(**SERIAL)
def forward_planes(first, last, x, y, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    one_row = x.shape[1] * x.shape[2] == 1
    row = np.empty(x.shape[3], np.float64)
    for plane in range(first, last):
        for d_out in range(y.shape[1]):
            for h_out in range(y.shape[2]):
                if not one_row:
                    row[:] = 0
                    for d_in in range(d_begin[d_out], d_end[d_out]):
                        for h_in in range(h_begin[h_out], h_end[h_out]):
                            for w_in in range(row.size):
                                row[w_in] += x[plane, d_in, h_in, w_in]
                counted = (d_end[d_out] - d_begin[d_out]) * (h_end[h_out] - h_begin[h_out])
                for w_out in range(y.shape[3]):
                    begin, end = w_begin[w_out], w_end[w_out]
                    acc = sum_of(x[plane, 0, 0], begin, end) if one_row else sum_of(row, begin, end)
                    y[plane, d_out, h_out, w_out] = acc / y.dtype.type(counted * (end - begin))


@njit(**SERIAL)
def forward_share(workers, x, y, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    forward_planes(0, len(x), x, y, d_begin, d_end, h_begin, h_end, w_begin, w_end)


@njit(**PARALLEL)
def forward_shared(workers, x, y, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    for worker in prange(workers):
        first, last = worker * len(x) // workers, (worker + 1) * len(x) // workers
        forward_planes(first, last, x, y, d_begin, d_end, h_begin, h_end, w_begin, w_end)


# Adds to a row of pixels the shares of a row of windows.
@njit(**SERIAL)
def spread(row, grad_y, counted, w_begin, w_end):
    for w_out in range(grad_y.size):
        begin, end = w_begin[w_out], w_end[w_out]
        share = grad_y[w_out] / grad_y.dtype.type(counted * (end - begin))
        for i in range(np.uint64(begin), np.uint64(end)):
            row[i] += share


@njit(**SERIAL)
def backward_planes(first, last, grad_y, grad_x, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    one_row = grad_x.shape[1] * grad_x.shape[2] == 1
    row = np.empty(grad_x.shape[3], grad_x.dtype)
    for plane in range(first, last):
        grad_x[plane] = 0
        for d_out in range(grad_y.shape[1]):
            for h_out in range(grad_y.shape[2]):
                counted = (d_end[d_out] - d_begin[d_out]) * (h_end[h_out] - h_begin[h_out])
                if one_row:
                    spread(grad_x[plane, 0, 0], grad_y[plane, d_out, h_out], counted, w_begin, w_end)
                else:
                    row[:] = 0
                    spread(row, grad_y[plane, d_out, h_out], counted, w_begin, w_end)
                    for d_in in range(d_begin[d_out], d_end[d_out]):
                        for h_in in range(h_begin[h_out], h_end[h_out]):
                            for w_in in range(row.size):
                                grad_x[plane, d_in, h_in, w_in] += row[w_in]


@njit(**SERIAL)
def backward_share(workers, grad_y, grad_x, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    backward_planes(0, len(grad_x), grad_y, grad_x, d_begin, d_end, h_begin, h_end, w_begin, w_end)


@njit(**PARALLEL)
def backward_shared(workers, grad_y, grad_x, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    for worker in prange(workers):
        first, last = worker * len(grad_x) // workers, (worker + 1) * len(grad_x) // workers
        backward_planes(first, last, grad_y, grad_x, d_begin, d_end, h_begin, h_end, w_begin, w_end)
