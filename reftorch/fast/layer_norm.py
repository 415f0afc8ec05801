r"""Layer normalization, a row at a time.

The reference loops need few changes: each row is read three times, but after the first time it is in the nearest cache. The steps:

1. *Lines without tests*: a row is a `window`, so each of its loops computes a register of elements at once, and its sums are
   computed in pieces (`moments.py`).
2. *All columns together*: the gradients of scale and shift are sums over the columns. The reference loop goes down one column after the
   other, and reads a line of the cache for each element. Here four rows at a time are added to two rows of sums. The sum of the
   four is computed in the data's type, the long sum over all rows in float64.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.moments import scaled_sums_of, squares_of, sum_of
from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def layer_norm_forward(reference, x, weight, bias, mean, rstd, y, eps):
    """y = W r (x - mean) + b for each row."""
    workers = threads_for(x.size * 2 * MEMORY, len(x))
    if workers == 1:
        forward_share(x, weight, bias, mean, rstd, y, eps, 0, len(x))
    else:
        forward_shared(workers, x, weight, bias, mean, rstd, y, eps)


def layer_norm_backward_x(reference, grad_y, x, mean, rstd, weight, grad_x):
    """grad_x = r (h - mean of h - x_hat times mean of h x_hat) for each row."""
    workers = threads_for(x.size * 3 * MEMORY, len(x))
    if workers == 1:
        backward_x_share(grad_y, x, mean, rstd, weight, grad_x, 0, len(x))
    else:
        backward_x_shared(workers, grad_y, x, mean, rstd, weight, grad_x)


def layer_norm_backward_affine(reference, grad_y, x, mean, rstd, grad_weight, grad_bias):
    """The sums over the rows of grad_y x_hat, and of grad_y."""
    D = x.shape[1]
    workers, totals = threads_for(x.size * 2 * MEMORY, max(1, D // 16)), np.zeros((2, D))
    if workers == 1:
        backward_affine_share(grad_y, x, mean, rstd, totals, grad_weight, grad_bias, 0, D)
    else:
        backward_affine_shared(workers, grad_y, x, mean, rstd, totals, grad_weight, grad_bias)


# ## Rung 1
@njit(**SERIAL)
def forward_share(x, weight, bias, mean, rstd, y, eps, n0, n1):
    by_itself()
    D = x.shape[1]
    scale, shift = window(weight, 0, D), window(bias, 0, D)
    for n in range(n0, n1):
        row, out = window(x[n], 0, D), window(y[n], 0, D)
        center = x.dtype.type(sum_of(row) / D)
        var = x.dtype.type(squares_of(row, center) / D)
        r = x.dtype.type(1 / math.sqrt(np.float64(var + x.dtype.type(eps))))
        for d in range(D):
            out[d] = scale[d] * (r * (row[d] - center)) + shift[d]
        mean[n], rstd[n] = center, r


@njit(**PARALLEL)
def forward_shared(workers, x, weight, bias, mean, rstd, y, eps):
    for worker in prange(workers):
        w = np.int64(worker)
        forward_share(x, weight, bias, mean, rstd, y, eps, w * len(x) // workers, (w + 1) * len(x) // workers)


@njit(**SERIAL)
def backward_x_share(grad_y, x, mean, rstd, weight, grad_x, n0, n1):
    by_itself()
    D = x.shape[1]
    scale = window(weight, 0, D)
    for n in range(n0, n1):
        row, gradient, out = window(x[n], 0, D), window(grad_y[n], 0, D), window(grad_x[n], 0, D)
        center, r = mean[n], rstd[n]
        total, along = scaled_sums_of(gradient, scale, row, center)
        h_mean, slope = x.dtype.type(total / D), x.dtype.type(along * r * r / D)
        for d in range(D):
            out[d] = r * (gradient[d] * scale[d] - h_mean - (row[d] - center) * slope)


@njit(**PARALLEL)
def backward_x_shared(workers, grad_y, x, mean, rstd, weight, grad_x):
    for worker in prange(workers):
        w = np.int64(worker)
        n0, n1 = w * len(x) // workers, (w + 1) * len(x) // workers
        backward_x_share(grad_y, x, mean, rstd, weight, grad_x, n0, n1)


# ## Rung 2
@njit(**SERIAL)
def backward_affine_share(grad_y, x, mean, rstd, totals, grad_weight, grad_bias, d0, d1):
    by_itself()
    N, width = x.shape[0], d1 - d0
    of_weight, of_bias = window(totals[0], d0, width), window(totals[1], d0, width)
    whole = N // 4 * 4
    for n in range(0, whole, 4):
        x0, x1 = window(x[n], d0, width), window(x[n + 1], d0, width)
        x2, x3 = window(x[n + 2], d0, width), window(x[n + 3], d0, width)
        g0, g1 = window(grad_y[n], d0, width), window(grad_y[n + 1], d0, width)
        g2, g3 = window(grad_y[n + 2], d0, width), window(grad_y[n + 3], d0, width)
        m0, m1, m2, m3 = mean[n], mean[n + 1], mean[n + 2], mean[n + 3]
        r0, r1, r2, r3 = rstd[n], rstd[n + 1], rstd[n + 2], rstd[n + 3]
        for d in range(width):
            first = g0[d] * (r0 * (x0[d] - m0)) + g1[d] * (r1 * (x1[d] - m1))
            of_weight[d] += first + g2[d] * (r2 * (x2[d] - m2)) + g3[d] * (r3 * (x3[d] - m3))
            of_bias[d] += (g0[d] + g1[d]) + (g2[d] + g3[d])
    for n in range(whole, N):
        row, gradient, center, r = window(x[n], d0, width), window(grad_y[n], d0, width), mean[n], rstd[n]
        for d in range(width):
            of_weight[d] += gradient[d] * (r * (row[d] - center))
            of_bias[d] += gradient[d]
    for d in range(width):
        grad_weight[d0 + d], grad_bias[d0 + d] = of_weight[d], of_bias[d]


@njit(**PARALLEL)
def backward_affine_shared(workers, grad_y, x, mean, rstd, totals, grad_weight, grad_bias):
    D = x.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        d0, d1 = w * D // workers, (w + 1) * D // workers
        backward_affine_share(grad_y, x, mean, rstd, totals, grad_weight, grad_bias, d0, d1)
