r"""Power-average pooling by rows: average pooling over $x^p$, and each power is computed once.

The reference loops compute $x^p$ again for each window that covers an element, by a call of the system's function. Backward they compute
the derivative of a window again for each of its elements.

1. *Rows of powers*: as in average pooling, the windows of an output row share K_h rows. The powers of these rows are summed in one
   row. Then each window adds its K_w columns.
2. *Products instead of powers*: for $p$ of 1, 2 and 3 a power needs at most two products, and for $p = 2$ the root is the square root,
   which the processor computes for a whole register.
3. *A factor for each window*: backward, $\frac{\partial L}{\partial y} \, S^{1/p - 1}$ is computed once for each window and added to
   the rows that it covers. At the end, every element is multiplied by its own $x^{p - 1}$.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.avg_pool import add_windows, as_volumes, cost, plan, spread_windows
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

# Roots and quotients must be computed as written: the compiler's shortcut for 1 / sqrt(S) gives NaN for an infinite sum.
EXACT = {**SERIAL, "fastmath": {"contract"}}
POWER = 40  # multiply-adds that take as long as a call of the system's power


def lp_pool_forward(reference, x, total, y, *options):
    """total and y from x, all channels. The options are sizes and strides of the windows, and p."""
    if y.size == 0:
        return reference(x, total, y, *options)
    window, tables = plan(x.shape[2:], y.shape[2:], _without_padding(options))
    volumes = as_volumes(x), as_volumes(total), as_volumes(y)
    workers = threads_for(y.size * cost(window) + x.size * POWER, len(volumes[0]))
    run = forward_share if workers == 1 else forward_shared
    run(workers, *volumes, *tables, window, float(options[-1]))


def lp_pool_backward_x(reference, x, total, grad_y, grad_x, *options):
    """grad_x, all channels."""
    if grad_y.size == 0 or grad_x.size == 0:
        return reference(x, total, grad_y, grad_x, *options)
    window, tables = plan(x.shape[2:], grad_y.shape[2:], _without_padding(options))
    volumes = as_volumes(x), as_volumes(total), as_volumes(grad_y), as_volumes(grad_x)
    workers = threads_for(grad_y.size * cost(window) + x.size * POWER, len(volumes[0]))
    run = backward_share if workers == 1 else backward_shared
    run(workers, *volumes, *tables, window, float(options[-1]))


def _without_padding(options):
    """The options of average pooling that counts the positions within the input."""
    windows = options[:-1]
    return (*windows, *(0,) * (len(windows) // 2), False)


# Adds the powers of a line to a row.
@njit(**SERIAL)
def add_powers(row, line, p):
    if p == 1:
        for i in range(line.size):
            row[i] += line[i]
    elif p == 2:
        for i in range(line.size):
            row[i] += line[i] * line[i]
    elif p == 3:
        for i in range(line.size):
            row[i] += line[i] * line[i] * line[i]
    else:
        for i in range(line.size):
            row[i] += line[i] ** line.dtype.type(p)


# line *= x^(p - 1)
@njit(**SERIAL)
def times_slope(line, x, p):
    if p == 2:
        for i in range(line.size):
            line[i] *= x[i]
    elif p == 3:
        for i in range(line.size):
            line[i] *= x[i] * x[i]
    elif p != 1:
        for i in range(line.size):
            line[i] *= x[i] ** (line.dtype.type(p) - line.dtype.type(1))


# The root of order p of each number.
@njit(**EXACT)
def roots(result, line, p):
    if p == 1:
        for i in range(line.size):
            result[i] = line[i]
    elif p == 2:
        for i in range(line.size):
            result[i] = math.sqrt(line[i])
    else:
        exponent = line.dtype.type(1) / line.dtype.type(p)
        for i in range(line.size):
            result[i] = line[i] ** exponent


# parts *= S^(1/p - 1), where the sum of the window is not 0; else parts = 0.
@njit(**EXACT)
def times_root_slope(parts, total, p):
    one, zero = parts.dtype.type(1), parts.dtype.type(0)
    if p == 1:
        for i in range(parts.size):
            parts[i] = zero if total[i] == zero else parts[i]
    elif p == 2:
        for i in range(parts.size):
            parts[i] = zero if total[i] == zero else parts[i] / math.sqrt(total[i])
    else:
        exponent = one / parts.dtype.type(p) - one
        for i in range(parts.size):
            parts[i] = zero if total[i] == zero else parts[i] * total[i] ** exponent


@njit(**SERIAL)
def forward_channels(first, end, x, total, y, counted_d, counted_h, counted_w, window, p):
    K_d, K_h, K_w, stride_d, stride_h, stride_w = window[:6]
    channels, D_in, H_in, W_in = x.shape
    row = np.zeros(max(W_in, (y.shape[3] - 1) * stride_w + K_w), x.dtype)
    for channel in range(first, end):
        for d_out in range(y.shape[1]):
            for h_out in range(y.shape[2]):
                row[:W_in] = 0
                for d_in in range(d_out * stride_d, min(d_out * stride_d + K_d, D_in)):
                    for h_in in range(h_out * stride_h, min(h_out * stride_h + K_h, H_in)):
                        add_powers(row, x[channel, d_in, h_in], p)
                sums = total[channel, d_out, h_out]
                sums[:] = 0
                add_windows(sums, row, K_w, stride_w)
                counted = counted_d[d_out] * counted_h[h_out]
                for w_out in range(sums.size):
                    sums[w_out] = sums[w_out] * x.dtype.type(K_d * K_h * K_w) / x.dtype.type(counted * counted_w[w_out])
                roots(y[channel, d_out, h_out], sums, p)


@njit(**SERIAL)
def forward_share(workers, x, total, y, counted_d, counted_h, counted_w, window, p):
    forward_channels(0, len(x), x, total, y, counted_d, counted_h, counted_w, window, p)


@njit(**PARALLEL)
def forward_shared(workers, x, total, y, counted_d, counted_h, counted_w, window, p):
    for worker in prange(workers):
        first, end = worker * len(x) // workers, (worker + 1) * len(x) // workers
        forward_channels(first, end, x, total, y, counted_d, counted_h, counted_w, window, p)


@njit(**SERIAL)
def backward_channels(first, end, x, total, grad_y, grad_x, counted_d, counted_h, counted_w, window, p):
    K_d, K_h, K_w, stride_d, stride_h, stride_w = window[:6]
    channels, D_in, H_in, W_in = x.shape
    row = np.empty(max(W_in, (grad_y.shape[3] - 1) * stride_w + K_w), x.dtype)
    parts = np.empty(grad_y.shape[3], x.dtype)
    for channel in range(first, end):
        grad_x[channel] = 0
        for d_out in range(grad_y.shape[1]):
            for h_out in range(grad_y.shape[2]):
                counted = counted_d[d_out] * counted_h[h_out]
                for w_out in range(parts.size):
                    share = x.dtype.type(K_d * K_h * K_w) / x.dtype.type(counted * counted_w[w_out])
                    parts[w_out] = grad_y[channel, d_out, h_out, w_out] * share
                times_root_slope(parts, total[channel, d_out, h_out], p)
                row[:] = 0
                spread_windows(row, parts, K_w, stride_w)
                for d_in in range(d_out * stride_d, min(d_out * stride_d + K_d, D_in)):
                    for h_in in range(h_out * stride_h, min(h_out * stride_h + K_h, H_in)):
                        for w_in in range(W_in):
                            grad_x[channel, d_in, h_in, w_in] += row[w_in]
        for d_in in range(D_in):
            for h_in in range(H_in):
                times_slope(grad_x[channel, d_in, h_in], x[channel, d_in, h_in], p)


@njit(**SERIAL)
def backward_share(workers, x, total, grad_y, grad_x, counted_d, counted_h, counted_w, window, p):
    backward_channels(0, len(x), x, total, grad_y, grad_x, counted_d, counted_h, counted_w, window, p)


@njit(**PARALLEL)
def backward_shared(workers, x, total, grad_y, grad_x, counted_d, counted_h, counted_w, window, p):
    for worker in prange(workers):
        first, end = worker * len(x) // workers, (worker + 1) * len(x) // workers
        backward_channels(first, end, x, total, grad_y, grad_x, counted_d, counted_h, counted_w, window, p)
