r"""Group and instance normalization: the elements of a group are neighbours in memory.

A group of K channels of D elements is a line of K D elements in memory. The steps from the reference loops:

1. *One line*: mean and variance do not depend on the channel of an element. So their loops run over the whole line, in pieces
   (`moments.py`).
2. *Sums per channel first*: the scale is the same for all elements of a channel, so it multiplies the channel's sum, and not each
   element. Both gradients need the sums of `grad_y` and of `grad_y (x - mean)` over a channel of a sample.
3. *Vectors*: if D = 1, a channel is one element, and the scales are neighbours in memory, too.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.moments import scaled_sums_of, squares_of, sum_of, sums_of
from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def group_norm_forward(reference, x, weight, bias, mean, rstd, y, eps):
    """y = W r (x - mean) + b"""
    forward(x, weight, bias, mean, np.empty_like(mean), rstd, y, eps)


def group_norm_backward_x(reference, grad_y, x, mean, rstd, weight, grad_x):
    """grad_x = r (h - mean of h - x_hat times mean of h x_hat) for each group."""
    workers = threads_for(x.size * 3 * MEMORY, mean.size)
    if workers == 1:
        backward_x_share(grad_y, x, mean, rstd, weight, grad_x, 0, mean.size)
    else:
        backward_x_shared(workers, grad_y, x, mean, rstd, weight, grad_x)


def group_norm_backward_affine(reference, grad_y, x, mean, rstd, grad_weight, grad_bias):
    """The sums over samples and positions of grad_y x_hat, and of grad_y."""
    C = x.shape[1]
    workers = threads_for(x.size * 2 * MEMORY, C)
    if workers == 1:
        backward_affine_share(grad_y, x, mean, rstd, grad_weight, grad_bias, 0, C)
    else:
        backward_affine_shared(workers, grad_y, x, mean, rstd, grad_weight, grad_bias)


def instance_norm_forward(reference, x, weight, bias, mean, var, y, eps):
    """Each channel is a group."""
    forward(x, weight, bias, mean, var, np.empty_like(mean), y, eps)


def instance_norm_backward_x(reference, grad_y, x, mean, var, weight, grad_x, eps):
    group_norm_backward_x(reference, grad_y, x, mean, reciprocal(var, eps), weight, grad_x)


def instance_norm_backward_affine(reference, grad_y, x, mean, var, grad_weight, grad_bias, eps):
    group_norm_backward_affine(reference, grad_y, x, mean, reciprocal(var, eps), grad_weight, grad_bias)


def reciprocal(var, eps):
    """One divided by the standard deviations."""
    return var.dtype.type(1) / np.sqrt(var + var.dtype.type(eps))


def forward(x, weight, bias, mean, var, rstd, y, eps):
    workers = threads_for(x.size * 2 * MEMORY, mean.size)
    if workers == 1:
        forward_share(x, weight, bias, mean, var, rstd, y, eps, 0, mean.size)
    else:
        forward_shared(workers, x, weight, bias, mean, var, rstd, y, eps)


# ## The output
@njit(**SERIAL)
def forward_share(x, weight, bias, mean, var, rstd, y, eps, group0, group1):
    by_itself()
    N, C, D = x.shape
    G = mean.shape[1]
    K = C // G
    for group in range(group0, group1):
        n, g = group // G, group % G
        line, out = window(x[n, g * K], 0, K * D), window(y[n, g * K], 0, K * D)
        center = x.dtype.type(sum_of(line) / line.size)
        mean[n, g], var[n, g] = center, squares_of(line, center) / line.size
        r = x.dtype.type(1 / math.sqrt(np.float64(var[n, g] + x.dtype.type(eps))))
        rstd[n, g] = r
        if D == 1:
            scale, shift = window(weight, g * K, K), window(bias, g * K, K)
            for k in range(K):
                out[k] = scale[k] * (r * (line[k] - center)) + shift[k]
        else:
            for k in range(K):
                plane, result, c = window(line, k * D, D), window(out, k * D, D), g * K + k
                factor, added = weight[c], bias[c]
                for d in range(D):
                    result[d] = factor * (r * (plane[d] - center)) + added


@njit(**PARALLEL)
def forward_shared(workers, x, weight, bias, mean, var, rstd, y, eps):
    for worker in prange(workers):
        w = np.int64(worker)
        group0, group1 = w * mean.size // workers, (w + 1) * mean.size // workers
        forward_share(x, weight, bias, mean, var, rstd, y, eps, group0, group1)


# ## The gradients
@njit(**SERIAL)
def backward_x_share(grad_y, x, mean, rstd, weight, grad_x, group0, group1):
    by_itself()
    N, C, D = x.shape
    G = mean.shape[1]
    K = C // G
    count = K * D
    for group in range(group0, group1):
        n, g = group // G, group % G
        line, gradient = window(x[n, g * K], 0, count), window(grad_y[n, g * K], 0, count)
        out, scale = window(grad_x[n, g * K], 0, count), window(weight, g * K, K)
        center, r = mean[n, g], rstd[n, g]
        h_total, h_along = np.float64(0), np.float64(0)
        if D == 1:
            h_total, h_along = scaled_sums_of(gradient, scale, line, center)
        else:
            for k in range(K):
                total, along = sums_of(window(gradient, k * D, D), window(line, k * D, D), center)
                h_total += scale[k] * total
                h_along += scale[k] * along
        h_mean, slope = x.dtype.type(h_total / count), x.dtype.type(h_along * r * r / count)
        if D == 1:
            for k in range(K):
                out[k] = r * (gradient[k] * scale[k] - h_mean - (line[k] - center) * slope)
        else:
            for k in range(K):
                plane, given = window(line, k * D, D), window(gradient, k * D, D)
                result, factor = window(out, k * D, D), scale[k]
                for d in range(D):
                    result[d] = r * (given[d] * factor - h_mean - (plane[d] - center) * slope)


@njit(**PARALLEL)
def backward_x_shared(workers, grad_y, x, mean, rstd, weight, grad_x):
    for worker in prange(workers):
        w = np.int64(worker)
        group0, group1 = w * mean.size // workers, (w + 1) * mean.size // workers
        backward_x_share(grad_y, x, mean, rstd, weight, grad_x, group0, group1)


@njit(**SERIAL)
def backward_affine_share(grad_y, x, mean, rstd, grad_weight, grad_bias, c0, c1):
    by_itself()
    N, C, D = x.shape
    K = C // mean.shape[1]
    for c in range(c0, c1):
        weight_total, bias_total, g = np.float64(0), np.float64(0), c // K
        for n in range(N):
            total, along = sums_of(window(grad_y[n, c], 0, D), window(x[n, c], 0, D), mean[n, g])
            weight_total += rstd[n, g] * along
            bias_total += total
        grad_weight[c], grad_bias[c] = weight_total, bias_total


@njit(**PARALLEL)
def backward_affine_shared(workers, grad_y, x, mean, rstd, grad_weight, grad_bias):
    C = x.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        backward_affine_share(grad_y, x, mean, rstd, grad_weight, grad_bias, w * C // workers, (w + 1) * C // workers)
