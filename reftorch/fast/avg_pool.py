r"""Average pooling by rows: elements that neighbouring windows share are added once.

*Forward.* The reference loops add all elements of each window, and compute the bounds of each window again.

1. *Rows first*: all windows of an output row cover the same K_h rows, in a volume of K_d planes. Their sum is one row, computed by a
   loop without indices, in which a register holds many elements. Zeros at its two ends stand for the padding, so no window needs
   bounds.
2. *Columns with a constant stride*: then each window adds K_w neighbours in that row. The strides 1 and 2 are constants in the code, so
   the compiler can load whole registers.
3. *Tables*: the divisor of a window depends on its plane, its row and its column. The three numbers are computed once for all channels.

*The gradient.* The reference loops search the windows that cover an element. The opposite direction needs no search, because the elements
of a window are known. So one thread computes a whole channel: it sets it to zero, and goes once through the rows of windows. The gradients
of one output row are summed in one row of elements, which is then added to the rows that the windows cover.

Sequences and images are volumes of one row and of one plane.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def avg_pool_forward(reference, x, y, *options):
    """y from x, all channels. The options are sizes, strides and paddings of the windows, the positions that count, and a divisor."""
    if x.dtype.kind != "f" or y.size == 0:
        return reference(x, y, *options)
    window, tables = plan(x.shape[2:], y.shape[2:], options)
    volumes = as_volumes(x), as_volumes(y)
    workers = threads_for(y.size * cost(window), len(volumes[0]))
    run = forward_share if workers == 1 else forward_shared
    run(workers, *volumes, *tables, window)


def avg_pool_backward_x(reference, grad_y, grad_x, *options):
    """grad_x from grad_y, all channels."""
    if grad_x.dtype.kind != "f" or grad_y.size == 0 or grad_x.size == 0:
        return reference(grad_y, grad_x, *options)
    window, tables = plan(grad_x.shape[2:], grad_y.shape[2:], options)
    volumes = as_volumes(grad_y), as_volumes(grad_x)
    workers = threads_for(grad_y.size * cost(window), len(volumes[0]))
    run = backward_share if workers == 1 else backward_shared
    run(workers, *volumes, *tables, window)


def as_volumes(array):
    """(N, C, ...) as (channels, D, H, W)."""
    return array.reshape(as_volume(array.shape))


def as_volume(shape):
    """The shape (N, C, ...) as (channels, D, H, W)."""
    N, C, *sizes = shape
    return N * C, *(1,) * (3 - len(sizes)), *sizes


def cost(window):
    """Additions per output."""
    K_d, K_h, K_w, _, _, stride_w = window[:6]
    return K_d * K_h * stride_w + K_w


@functools.lru_cache(maxsize=64)
def plan(size_in, size_out, options):
    """The window of a volume, three numbers of each kind; and tables: a window is divided by the product of its plane's, its row's and
    its column's number."""
    n = len(size_in)
    count_include_pad, divisor = options[3 * n], (*options, 0)[3 * n + 1]
    sizes, strides, pads = ((usual,) * (3 - n) + options[i * n : i * n + n] for i, usual in enumerate((1, 1, 0)))
    tables = [np.ones(1, np.int64)] * (3 - n)
    for extent, extent_out, size, stride, pad in zip(
        size_in, size_out, sizes[3 - n :], strides[3 - n :], pads[3 - n :]
    ):
        start = np.arange(extent_out) * stride - pad
        if count_include_pad:
            counted = np.minimum(start + size, extent + pad) - start
        else:
            counted = np.minimum(start + size, extent) - np.maximum(start, 0)
        tables.append(counted)
    if divisor != 0:
        tables = [np.ones(len(table), np.int64) for table in tables]
        tables[2] *= divisor
    return (*sizes, *strides, *pads), tuple(tables)


# Adds K_w neighbours in `row` to each element of `sums`; from one element to the next they move by `stride_w`.
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


# The opposite direction: adds each element of `parts` to its K_w elements of `row`.
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
def forward_channels(first, end, x, y, counted_d, counted_h, counted_w, window):
    K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w = window
    channels, D_in, H_in, W_in = x.shape
    row = np.zeros(max(pad_w + W_in, (y.shape[3] - 1) * stride_w + K_w), x.dtype)
    sums = np.empty(y.shape[3], x.dtype)
    for channel in range(first, end):
        for d_out in range(y.shape[1]):
            for h_out in range(y.shape[2]):
                d_start, h_start = d_out * stride_d - pad_d, h_out * stride_h - pad_h
                row[pad_w : pad_w + W_in] = 0
                for d_in in range(max(d_start, 0), min(d_start + K_d, D_in)):
                    for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                        for w_in in range(W_in):
                            row[pad_w + w_in] += x[channel, d_in, h_in, w_in]
                sums[:] = 0
                add_windows(sums, row, K_w, stride_w)
                counted = counted_d[d_out] * counted_h[h_out]
                for w_out in range(sums.size):
                    y[channel, d_out, h_out, w_out] = sums[w_out] / x.dtype.type(counted * counted_w[w_out])


@njit(**SERIAL)
def forward_share(workers, x, y, counted_d, counted_h, counted_w, window):
    forward_channels(0, len(x), x, y, counted_d, counted_h, counted_w, window)


@njit(**PARALLEL)
def forward_shared(workers, x, y, counted_d, counted_h, counted_w, window):
    for worker in prange(workers):
        first, end = worker * len(x) // workers, (worker + 1) * len(x) // workers
        forward_channels(first, end, x, y, counted_d, counted_h, counted_w, window)


@njit(**SERIAL)
def backward_channels(first, end, grad_y, grad_x, counted_d, counted_h, counted_w, window):
    K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w = window
    channels, D_in, H_in, W_in = grad_x.shape
    row = np.empty(max(pad_w + W_in, (grad_y.shape[3] - 1) * stride_w + K_w), grad_x.dtype)
    parts = np.empty(grad_y.shape[3], grad_x.dtype)
    for channel in range(first, end):
        grad_x[channel] = 0
        for d_out in range(grad_y.shape[1]):
            for h_out in range(grad_y.shape[2]):
                counted = counted_d[d_out] * counted_h[h_out]
                for w_out in range(parts.size):
                    divisor = grad_x.dtype.type(counted * counted_w[w_out])
                    parts[w_out] = grad_y[channel, d_out, h_out, w_out] / divisor
                row[:] = 0
                spread_windows(row, parts, K_w, stride_w)
                d_start, h_start = d_out * stride_d - pad_d, h_out * stride_h - pad_h
                for d_in in range(max(d_start, 0), min(d_start + K_d, D_in)):
                    for h_in in range(max(h_start, 0), min(h_start + K_h, H_in)):
                        for w_in in range(W_in):
                            grad_x[channel, d_in, h_in, w_in] += row[pad_w + w_in]


@njit(**SERIAL)
def backward_share(workers, grad_y, grad_x, counted_d, counted_h, counted_w, window):
    backward_channels(0, len(grad_x), grad_y, grad_x, counted_d, counted_h, counted_w, window)


@njit(**PARALLEL)
def backward_shared(workers, grad_y, grad_x, counted_d, counted_h, counted_w, window):
    for worker in prange(workers):
        first, end = worker * len(grad_x) // workers, (worker + 1) * len(grad_x) // workers
        backward_channels(first, end, grad_y, grad_x, counted_d, counted_h, counted_w, window)
