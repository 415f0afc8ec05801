r"""Batch normalization with a register of elements at a time.

The reference loops divide by a standard deviation for each element. For vectors (D = 1) they go through one channel after the other, and
read a line of the cache for each element. The steps:

1. *Divide once per channel*: numbers that are the same for all elements of a channel are computed first.
2. *Planes*: the D elements of a channel of a sample are neighbours in memory. So each loop over them computes a register at once,
   and their sums are computed in pieces (`moments.py`).
3. *Vectors*: if D = 1, the neighbours in memory are the channels. The loops go along the rows, with a row of sums in float64.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.moments import squares_of, sum_of, sums_of
from reftorch.fast.registers import INLINE, by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def batch_norm_forward_statistics(reference, x, mean, var, running_mean, running_var, momentum):
    """Mean and variance of each channel, and the update of the running statistics."""
    C = x.shape[1]
    workers, totals = threads_for(x.size * 2 * MEMORY, C), np.zeros((2, C))
    found = (mean, var, running_mean, running_var)
    if workers == 1:
        statistics_share(x, found, momentum, totals, 0, C)
    else:
        statistics_shared(workers, x, found, momentum, totals)


def batch_norm_forward(reference, x, mean, var, weight, bias, y, eps):
    """y = W (x - mean) / std + b"""
    N, C, D = x.shape
    scale = np.empty(C, x.dtype)
    pieces = N if D == 1 else N * C
    workers = threads_for(x.size * 2 * MEMORY, pieces)
    if workers == 1:
        forward_alone(x, mean, var, weight, bias, y, eps, scale, pieces)
    else:
        scale_of(var, weight, scale, eps)
        forward_shared(workers, x, mean, scale, bias, y, pieces)


def batch_norm_backward_affine(reference, grad_y, x, mean, var, grad_weight, grad_bias, eps):
    """The sums over each channel of grad_y x_hat, and of grad_y."""
    C = x.shape[1]
    workers, totals = threads_for(x.size * 2 * MEMORY, C), np.zeros((2, C))
    if workers == 1:
        backward_affine_alone(grad_y, x, mean, var, grad_weight, grad_bias, eps, totals)
    else:
        backward_affine_shared(workers, grad_y, x, mean, totals)
        gradients_of(totals, var, grad_weight, grad_bias, eps)


def batch_norm_backward_x(reference, grad_y, x, mean, var, weight, grad_weight, grad_bias, grad_x, eps, training):
    """grad_x = W / std (grad_y - (grad_b + x_hat grad_W) / M); in evaluation W / std grad_y."""
    N, C, D = x.shape
    factors = np.empty((3, C), x.dtype)
    pieces = N if D == 1 else N * C
    workers = threads_for(x.size * 3 * MEMORY, pieces)
    if workers == 1:
        sums = grad_weight, grad_bias
        backward_x_alone(grad_y, x, mean, var, weight, sums, grad_x, eps, training, factors, pieces)
    else:
        factors_of(N * D, var, weight, grad_weight, grad_bias, factors, eps)
        backward_x_shared(workers, grad_y, x, mean, factors, grad_x, training, pieces)


# ## Numbers that are the same for all elements of a channel. The root is computed in float64, as in the reference.
@njit(**SERIAL)
def scale_of(var, weight, scale, eps):
    for c in range(scale.size):
        scale[c] = weight[c] / math.sqrt(np.float64(var[c] + var.dtype.type(eps)))


@njit(**SERIAL)
def gradients_of(totals, var, grad_weight, grad_bias, eps):
    for c in range(grad_weight.size):
        grad_weight[c] = totals[0, c] / math.sqrt(np.float64(var[c] + var.dtype.type(eps)))
        grad_bias[c] = totals[1, c]


@njit(**SERIAL)
def factors_of(count, var, weight, grad_weight, grad_bias, factors, eps):
    for c in range(weight.size):
        std = math.sqrt(np.float64(var[c] + var.dtype.type(eps)))
        factors[0, c], factors[1, c], factors[2, c] = (
            weight[c] / std,
            grad_bias[c] / count,
            grad_weight[c] / (std * count),
        )


# ## The statistics
@njit(**INLINE)
def settle(c, center, squares, count, found, momentum):
    """Store the statistics of channel c, and update the running statistics."""
    mean, var, running_mean, running_var = found
    a = mean.dtype.type(momentum)
    mean[c], var[c] = center, squares / count
    running_mean[c] += a * (center - running_mean[c])
    running_var[c] += a * (squares / (count - 1) - running_var[c])


@njit(**SERIAL)
def statistics_share(x, found, momentum, totals, c0, c1):
    by_itself()
    N, C, D = x.shape
    if D == 1:
        statistics_of_vectors(x, found, momentum, totals, c0, c1)
        return
    for c in range(c0, c1):
        total, squares = np.float64(0), np.float64(0)
        for n in range(N):
            total += sum_of(window(x[n, c], 0, D))
        center = x.dtype.type(total / (N * D))
        for n in range(N):
            squares += squares_of(window(x[n, c], 0, D), center)
        settle(c, center, squares, N * D, found, momentum)


@njit(**SERIAL)
def statistics_of_vectors(x, found, momentum, totals, c0, c1):
    N, C, D = x.shape
    width = c1 - c0
    centers, squares = window(totals[0], c0, width), window(totals[1], c0, width)
    for n in range(N):
        row = window(x[n].reshape(C), c0, width)
        for c in range(width):
            centers[c] += row[c]
    for c in range(width):
        centers[c] /= N
    for n in range(N):
        row = window(x[n].reshape(C), c0, width)
        for c in range(width):
            difference = row[c] - centers[c]
            squares[c] += difference * difference
    for c in range(width):
        settle(c0 + c, centers[c], squares[c], N, found, momentum)


@njit(**PARALLEL)
def statistics_shared(workers, x, found, momentum, totals):
    C = x.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        statistics_share(x, found, momentum, totals, w * C // workers, (w + 1) * C // workers)


# ## The output. A piece is a row of vectors, or a plane.
@njit(**SERIAL)
def forward_share(x, mean, scale, bias, y, piece0, piece1):
    by_itself()
    N, C, D = x.shape
    if D == 1:
        means, scales, shifts = window(mean, 0, C), window(scale, 0, C), window(bias, 0, C)
        for n in range(piece0, piece1):
            row, out = window(x[n].reshape(C), 0, C), window(y[n].reshape(C), 0, C)
            for c in range(C):
                out[c] = scales[c] * (row[c] - means[c]) + shifts[c]
        return
    for piece in range(piece0, piece1):
        n, c = piece // C, piece % C
        plane, out, center, factor, shift = window(x[n, c], 0, D), window(y[n, c], 0, D), mean[c], scale[c], bias[c]
        for d in range(D):
            out[d] = factor * (plane[d] - center) + shift


@njit(**SERIAL)
def forward_alone(x, mean, var, weight, bias, y, eps, scale, pieces):
    scale_of(var, weight, scale, eps)
    forward_share(x, mean, scale, bias, y, 0, pieces)


@njit(**PARALLEL)
def forward_shared(workers, x, mean, scale, bias, y, pieces):
    for worker in prange(workers):
        w = np.int64(worker)
        forward_share(x, mean, scale, bias, y, w * pieces // workers, (w + 1) * pieces // workers)


# ## The gradients of scale and shift, before the division by the standard deviation
@njit(**SERIAL)
def backward_affine_share(grad_y, x, mean, totals, c0, c1):
    by_itself()
    N, C, D = x.shape
    if D == 1:
        width = c1 - c0
        of_weight, of_bias = window(totals[0], c0, width), window(totals[1], c0, width)
        means = window(mean, c0, width)
        for n in range(N):
            row, gradient = window(x[n].reshape(C), c0, width), window(grad_y[n].reshape(C), c0, width)
            for c in range(width):
                of_weight[c] += gradient[c] * (row[c] - means[c])
                of_bias[c] += gradient[c]
        return
    for c in range(c0, c1):
        center = mean[c]
        weight_total, bias_total = np.float64(0), np.float64(0)
        for n in range(N):
            total, along = sums_of(window(grad_y[n, c], 0, D), window(x[n, c], 0, D), center)
            weight_total += along
            bias_total += total
        totals[0, c], totals[1, c] = weight_total, bias_total


@njit(**SERIAL)
def backward_affine_alone(grad_y, x, mean, var, grad_weight, grad_bias, eps, totals):
    backward_affine_share(grad_y, x, mean, totals, 0, x.shape[1])
    gradients_of(totals, var, grad_weight, grad_bias, eps)


@njit(**PARALLEL)
def backward_affine_shared(workers, grad_y, x, mean, totals):
    C = x.shape[1]
    for worker in prange(workers):
        w = np.int64(worker)
        backward_affine_share(grad_y, x, mean, totals, w * C // workers, (w + 1) * C // workers)


# ## The gradient of the input
@njit(**SERIAL)
def backward_x_share(grad_y, x, mean, factors, grad_x, training, piece0, piece1):
    by_itself()
    N, C, D = x.shape
    if D == 1:
        backward_x_of_vectors(grad_y, x, mean, factors, grad_x, training, piece0, piece1)
        return
    for piece in range(piece0, piece1):
        n, c = piece // C, piece % C
        plane, gradient, out = window(x[n, c], 0, D), window(grad_y[n, c], 0, D), window(grad_x[n, c], 0, D)
        center, scale, of_mean, of_var = mean[c], factors[0, c], factors[1, c], factors[2, c]
        if training:
            for d in range(D):
                out[d] = scale * (gradient[d] - of_mean - (plane[d] - center) * of_var)
        else:
            for d in range(D):
                out[d] = scale * gradient[d]


@njit(**SERIAL)
def backward_x_of_vectors(grad_y, x, mean, factors, grad_x, training, n0, n1):
    N, C, D = x.shape
    means, scale = window(mean, 0, C), window(factors[0], 0, C)
    of_mean, of_var = window(factors[1], 0, C), window(factors[2], 0, C)
    for n in range(n0, n1):
        row, gradient = window(x[n].reshape(C), 0, C), window(grad_y[n].reshape(C), 0, C)
        out = window(grad_x[n].reshape(C), 0, C)
        if training:
            for c in range(C):
                out[c] = scale[c] * (gradient[c] - of_mean[c] - (row[c] - means[c]) * of_var[c])
        else:
            for c in range(C):
                out[c] = scale[c] * gradient[c]


@njit(**SERIAL)
def backward_x_alone(grad_y, x, mean, var, weight, sums, grad_x, eps, training, factors, pieces):
    grad_weight, grad_bias = sums
    factors_of(x.shape[0] * x.shape[2], var, weight, grad_weight, grad_bias, factors, eps)
    backward_x_share(grad_y, x, mean, factors, grad_x, training, 0, pieces)


@njit(**PARALLEL)
def backward_x_shared(workers, grad_y, x, mean, factors, grad_x, training, pieces):
    for worker in prange(workers):
        w = np.int64(worker)
        p0, p1 = w * pieces // workers, (w + 1) * pieces // workers
        backward_x_share(grad_y, x, mean, factors, grad_x, training, p0, p1)
