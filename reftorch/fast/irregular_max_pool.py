r"""Max pooling whose windows are irregular, as in adaptive and fractional pooling: rows first, then columns.

The reference loops compute the begin and the end of a window by divisions for each output, and test for each of its elements whether it is
the largest so far. The processor cannot predict the result of this test.

1. *Tables*: the begins and ends of the windows along each dimension are computed once; in fractional pooling, where they are random, once
   for each channel.
2. *Rows first*: all windows of an output row cover the same rows. In each column, the largest element of these rows and its row are
   found. This is a choice without a branch, for a register of columns at once.
3. *Columns*: then each window searches its columns, of which there are few. If elements are equal, the first one of the window counts,
   so their indices are compared.

Sequences and images are volumes of one row and of one plane. The gradient is that of `max_pool.py`.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.avg_pool import as_volumes
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def adaptive_max_pool_forward(reference, x, y, index):
    """y and the index of each window's largest element."""
    if y.size == 0 or x.size == 0:
        return reference(x, y, index)
    _largest(x, y, index, adaptive_windows(x.shape[2:], y.shape[2:]))


def fractional_max_pool_forward(reference, x, samples, y, index, *kernel_size):
    """y and the index of each window's largest element; `samples` are the random numbers of each channel, for images the width first."""
    if y.size == 0 or x.size == 0:
        return reference(x, samples, y, index, *kernel_size)
    drawn = samples[: len(x)].reshape(-1, len(kernel_size))
    drawn = drawn[:, ::-1] if len(kernel_size) == 2 else drawn
    _largest(x, y, index, fractional_windows(drawn, x.shape[2:], y.shape[2:], kernel_size))


def _largest(x, y, index, tables):
    volumes = as_volumes(x), as_volumes(y), as_volumes(index)
    workers = threads_for(x.size * MEMORY, len(volumes[0]))
    run = largest_share if workers == 1 else largest_shared
    run(workers, *volumes, *tables)


@functools.lru_cache(maxsize=64)
def adaptive_windows(size_in, size_out):
    """The begins and ends of the windows along each dimension: tables of one row for all channels."""
    tables = [np.zeros((1, 1), np.int64), np.ones((1, 1), np.int64)] * (3 - len(size_in))
    for extent, extent_out in zip(size_in, size_out):
        o = np.arange(extent_out)[None]
        tables += [o * extent // extent_out, -(-(o + 1) * extent // extent_out)]
    return tuple(tables)


def fractional_windows(drawn, size_in, size_out, kernel_size):
    """The same, with a row for each channel."""
    tables = [np.zeros((1, 1), np.int64), np.ones((1, 1), np.int64)] * (3 - len(size_in))
    number = drawn.dtype.type
    for u, extent, extent_out, size in zip(drawn.T[..., None], size_in, size_out, kernel_size):
        begin = np.full((len(u), extent_out), extent - size)  # the last window begins here
        if extent_out > 1:
            alpha = number(extent - size) / number(extent_out - 1)
            o = np.arange(extent_out - 1, dtype=drawn.dtype)
            begin[:, :-1] = ((o + u) * alpha).astype(np.int64) - (u * alpha).astype(np.int64)
        tables += [begin, begin + size]
    return tuple(tables)


# The largest element of each column so far, and the index of its row. A NaN counts as larger.
@njit(**SERIAL)
def take_larger_row(best, rows, line, row):
    for w_in in range(line.size):
        value = line[w_in]
        larger = value > best[w_in] or value != value
        best[w_in] = value if larger else best[w_in]
        rows[w_in] = row if larger else rows[w_in]


# The largest element of a window's columns: if several are equal, the first in the volume; if several are NaN, the last.
@njit(**SERIAL)
def largest_column(best, rows, begin, end, W_in):
    value = best[begin]
    place = rows[begin] * W_in + begin
    for w_in in range(begin + 1, end):
        other = best[w_in]
        if not other < value:
            there = rows[w_in] * W_in + w_in
            if other > value or (other == value and there < place):
                value, place = other, there
            elif other != other and (value == value or there > place):
                value, place = other, there
    return value, place


@njit(**SERIAL)
def largest_channels(first, last, x, y, index, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    channels, D_in, H_in, W_in = x.shape
    best, rows = np.empty(W_in, x.dtype), np.empty(W_in, np.int32)
    for channel in range(first, last):
        d, h, w = channel % len(d_begin), channel % len(h_begin), channel % len(w_begin)  # rows of the tables
        for d_out in range(y.shape[1]):
            for h_out in range(y.shape[2]):
                best[:] = x[channel, d_begin[d, d_out], h_begin[h, h_out]]
                rows[:] = d_begin[d, d_out] * H_in + h_begin[h, h_out]
                for d_in in range(d_begin[d, d_out], d_end[d, d_out]):
                    for h_in in range(h_begin[h, h_out], h_end[h, h_out]):
                        take_larger_row(best, rows, x[channel, d_in, h_in], np.int32(d_in * H_in + h_in))
                for w_out in range(y.shape[3]):
                    value, place = largest_column(best, rows, w_begin[w, w_out], w_end[w, w_out], W_in)
                    y[channel, d_out, h_out, w_out] = value
                    index[channel, d_out, h_out, w_out] = place


@njit(**SERIAL)
def largest_share(workers, x, y, index, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    largest_channels(0, len(x), x, y, index, d_begin, d_end, h_begin, h_end, w_begin, w_end)


@njit(**PARALLEL)
def largest_shared(workers, x, y, index, d_begin, d_end, h_begin, h_end, w_begin, w_end):
    for worker in prange(workers):
        first, last = worker * len(x) // workers, (worker + 1) * len(x) // workers
        largest_channels(first, last, x, y, index, d_begin, d_end, h_begin, h_end, w_begin, w_end)
