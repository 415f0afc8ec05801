r"""Average pooling by rows: what windows beside each other share is added once.

*Forward.* The reference loop adds K_h times K_w pixels for each window, with four bounds that it finds anew.

1. *Rows first*: all windows of an output row cover the same K_h rows. Their sum is one row, computed by a loop without indices, in which
   a register holds many elements. Zeros at its two ends stand for the padding, so no window needs bounds.
2. *Columns of a known distance*: then each window adds K_w neighbours in that row. For the usual distances of 1 and 2 between
   windows, the compiler sees the distance and loads registers.
3. *Tables*: by how many positions to divide depends on the row and on the column. Each is counted once for all planes.

*The gradient.* The reference loop looks for the windows that cover a pixel. But a window knows its pixels. So one thread takes a whole
plane, sets it to zero, and goes once through the rows of windows: the gradients of one output row are added up to one row of
pixels, which is then added to the K_h rows that the windows cover.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def avg_pool2d_forward(reference, x, y, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor):
    """y out of x, all planes."""
    window = K_h, K_w, stride_h, stride_w, pad_h, pad_w
    if x.dtype.kind != "f" or y.size == 0:
        return reference(x, y, *window, count_include_pad, divisor)
    tables = divisors(x.shape[2:], y.shape[2:], window, count_include_pad, divisor)
    workers = threads_for(y.size * (K_h * stride_w + K_w), x.shape[0] * x.shape[1])
    run = forward_share if workers == 1 else forward_shared
    run(workers, *(array.reshape(-1, *array.shape[2:]) for array in (x, y)), *tables, window)


def avg_pool2d_backward_x(
    reference, grad_y, grad_x, K_h, K_w, stride_h, stride_w, pad_h, pad_w, count_include_pad, divisor
):
    """grad_x out of grad_y, all planes."""
    window = K_h, K_w, stride_h, stride_w, pad_h, pad_w
    if grad_x.dtype.kind != "f" or grad_y.size == 0 or grad_x.size == 0:
        return reference(grad_y, grad_x, *window, count_include_pad, divisor)
    tables = divisors(grad_x.shape[2:], grad_y.shape[2:], window, count_include_pad, divisor)
    workers = threads_for(grad_y.size * (K_h * stride_w + K_w), grad_x.shape[0] * grad_x.shape[1])
    run = backward_share if workers == 1 else backward_shared
    run(workers, *(array.reshape(-1, *array.shape[2:]) for array in (grad_y, grad_x)), *tables, window)


@functools.lru_cache(maxsize=64)
def divisors(size_in, size_out, window, count_include_pad, divisor):
    """For each row of windows and each column of windows a number; a window is divided by the product of its two."""
    tables = []
    for extent, extent_out, size, stride, pad in zip(size_in, size_out, window[:2], window[2:4], window[4:]):
        start = np.arange(extent_out) * stride - pad
        if count_include_pad:
            counted = np.minimum(start + size, extent + pad) - start
        else:
            counted = np.minimum(start + size, extent) - np.maximum(start, 0)
        tables.append(counted)
    if divisor != 0:
        tables = [np.full(size_out[0], divisor), np.ones(size_out[1], np.int64)]
    return tuple(tables)


# Adds to each of `sums` its neighbours in `row`: K_w of them, `stride_w` after those of the one before.
@njit(**SERIAL)
def add_windows(sums, row, K_w, stride_w):
    for k_w in range(K_w):
        if stride_w == 1:
            for w_out in range(sums.size):
                sums[w_out] += row[w_out + k_w]
        elif stride_w == 2:
            for w_out in range(sums.size):
                sums[w_out] += row[2 * w_out + k_w]
        else:
            for w_out in range(sums.size):
                sums[w_out] += row[stride_w * w_out + k_w]


# The opposite way: adds each of `parts` to its K_w places in `row`.
@njit(**SERIAL)
def spread_windows(row, parts, K_w, stride_w):
    for k_w in range(K_w):
        if stride_w == 1:
            for w_out in range(parts.size):
                row[w_out + k_w] += parts[w_out]
        elif stride_w == 2:
            for w_out in range(parts.size):
                row[2 * w_out + k_w] += parts[w_out]
        else:
            for w_out in range(parts.size):
                row[stride_w * w_out + k_w] += parts[w_out]


@njit(**SERIAL)
def forward_planes(first, end, x, y, counted_h, counted_w, window):
    K_h, K_w, stride_h, stride_w, pad_h, pad_w = window
    planes, H_in, W_in = x.shape
    row = np.zeros(max(pad_w + W_in, (y.shape[2] - 1) * stride_w + K_w), x.dtype)
    sums = np.empty(y.shape[2], x.dtype)
    for plane in range(first, end):
        for h_out in range(y.shape[1]):
            h_start = h_out * stride_h - pad_h
            row[pad_w : pad_w + W_in] = 0
            for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                for w_in in range(W_in):
                    row[pad_w + w_in] += x[plane, h_in, w_in]
            sums[:] = 0
            add_windows(sums, row, K_w, stride_w)
            for w_out in range(sums.size):
                y[plane, h_out, w_out] = sums[w_out] / x.dtype.type(counted_h[h_out] * counted_w[w_out])


@njit(**SERIAL)
def forward_share(workers, x, y, counted_h, counted_w, window):
    forward_planes(0, x.shape[0], x, y, counted_h, counted_w, window)


@njit(**PARALLEL)
def forward_shared(workers, x, y, counted_h, counted_w, window):
    for worker in prange(workers):
        first, end = worker * x.shape[0] // workers, (worker + 1) * x.shape[0] // workers
        forward_planes(first, end, x, y, counted_h, counted_w, window)


@njit(**SERIAL)
def backward_planes(first, end, grad_y, grad_x, counted_h, counted_w, window):
    K_h, K_w, stride_h, stride_w, pad_h, pad_w = window
    planes, H_in, W_in = grad_x.shape
    row = np.empty(max(pad_w + W_in, (grad_y.shape[2] - 1) * stride_w + K_w), grad_x.dtype)
    parts = np.empty(grad_y.shape[2], grad_x.dtype)
    for plane in range(first, end):
        grad_x[plane] = 0
        for h_out in range(grad_y.shape[1]):
            for w_out in range(parts.size):
                parts[w_out] = grad_y[plane, h_out, w_out] / grad_x.dtype.type(counted_h[h_out] * counted_w[w_out])
            row[:] = 0
            spread_windows(row, parts, K_w, stride_w)
            h_start = h_out * stride_h - pad_h
            for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                for w_in in range(W_in):
                    grad_x[plane, h_in, w_in] += row[pad_w + w_in]


@njit(**SERIAL)
def backward_share(workers, grad_y, grad_x, counted_h, counted_w, window):
    backward_planes(0, grad_x.shape[0], grad_y, grad_x, counted_h, counted_w, window)


@njit(**PARALLEL)
def backward_shared(workers, grad_y, grad_x, counted_h, counted_w, window):
    for worker in prange(workers):
        first, end = worker * grad_x.shape[0] // workers, (worker + 1) * grad_x.shape[0] // workers
        backward_planes(first, end, grad_y, grad_x, counted_h, counted_w, window)
