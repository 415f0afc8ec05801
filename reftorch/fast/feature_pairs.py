r"""A bilinear layer made of matrix products.

The reference loops multiply three numbers for each pair of features, one pair after the other. The steps:

1. *One matrix*: the weight $(D_{out}, D_u, D_v)$ is read as one matrix of $D_{out} D_u$ rows. The product $T = v \, W^T$ has the sums
   over $d_v$ for every sample, output and feature of $u$.
2. *Short sums*: y is $T$ times $u$, summed over $d_u$; the gradient of $u$ is $T$ times the gradient of y, summed over $d_{out}$.
3. *Pairs*: $P[n, d_{out} d_u] = \frac{\partial L}{\partial y}[n, d_{out}] \, u[n, d_u]$ is stored. The gradients of $v$ and of
   the weight are the products $P \, W$ and $P^T v$.
4. *Pieces*: $T$ and $P$ have $D_u$ times as many elements as y. So they are computed for some samples at a time, and stay in the cache.

The products are those of `matmul.py`, which also chooses the number of threads. The reference kernels compute integers, and inputs that
hold NaN or infinity: here the sums are in another order, and an infinite sum times 0 is NaN where the reference result is not.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.matmul import matmul
from reftorch.fast.registers import by_itself, window
from reftorch.kernel import SERIAL, njit

ROOM = 1 << 18  # numbers of T or P: one megabyte of float32
SAMPLES = 64  # at least so many samples at a time, because a product with few rows is slow


def bilinear_forward(reference, u, v, weight, bias, y):
    """y from T."""
    if not _fits(y, weight) or not _finite(u, v):
        return reference(u, v, weight, bias, y)
    matrix = _matrix(weight)
    for part, room in _pieces(y, len(matrix)):
        matmul(v[part], matrix.T, room)
        sum_over_features(room, u[part], bias, y[part])


def bilinear_backward_u(reference, grad_y, v, weight, grad_u):
    """grad_u from T."""
    if not _fits(grad_u, grad_y, weight) or not _finite(grad_y, v):
        return reference(grad_y, v, weight, grad_u)
    matrix = _matrix(weight)
    for part, room in _pieces(grad_u, len(matrix)):
        matmul(v[part], matrix.T, room)
        sum_over_outputs(room, grad_y[part], grad_u[part])


def bilinear_backward_v(reference, grad_y, u, weight, grad_v):
    """grad_v from P."""
    if not _fits(grad_v, grad_y, weight) or not _finite(grad_y, u):
        return reference(grad_y, u, weight, grad_v)
    matrix = _matrix(weight)
    for part, room in _pieces(grad_v, len(matrix)):
        write_pairs(grad_y[part], u[part], room)
        matmul(room, matrix, grad_v[part])


def bilinear_backward_weight(reference, grad_y, u, v, grad_weight):
    """grad_weight from P: the sum over the pieces."""
    if not _fits(grad_weight, grad_y):
        return reference(grad_y, u, v, grad_weight)
    total = _matrix(grad_weight)
    for part, room in _pieces(grad_y, len(total)):
        write_pairs(grad_y[part], u[part], room)
        if part.start == 0:
            matmul(room.T, v[part], total)
        else:
            more = np.empty_like(total)
            matmul(room.T, v[part], more)
            total += more


def _fits(*arrays):
    return arrays[0].dtype.kind == "f" and all(array.size for array in arrays)


def _finite(*arrays):
    return all(np.isfinite(array).all() for array in arrays)


def _matrix(weight):
    return weight.reshape(-1, weight.shape[2])


def _pieces(samples, pairs):
    """Slices of the samples, and for each an array for T or P."""
    N = len(samples)
    step = min(N, max(SAMPLES, ROOM // pairs))
    room = np.empty((step, pairs), samples.dtype)
    for n in range(0, N, step):
        part = slice(n, min(n + step, N))
        yield part, room[: part.stop - part.start]


@njit(**SERIAL)
def sum_over_features(sums, u, bias, y):
    by_itself()
    N, D_u = u.shape
    for n in range(N):
        features, line = window(u[n], 0, D_u), window(sums[n], 0, sums.shape[1])
        for d_out in range(y.shape[1]):
            part = window(line, d_out * D_u, D_u)
            acc = bias[d_out]
            for d_u in range(D_u):
                acc += part[d_u] * features[d_u]
            y[n, d_out] = acc


@njit(**SERIAL)
def sum_over_outputs(sums, grad_y, grad_u):
    by_itself()
    N, D_u = grad_u.shape
    for n in range(N):
        result, line = window(grad_u[n], 0, D_u), window(sums[n], 0, sums.shape[1])
        for d_u in range(D_u):
            result[d_u] = 0
        for d_out in range(grad_y.shape[1]):
            part, given = window(line, d_out * D_u, D_u), grad_y[n, d_out]
            for d_u in range(D_u):
                result[d_u] += given * part[d_u]


@njit(**SERIAL)
def write_pairs(grad_y, u, pairs):
    by_itself()
    N, D_u = u.shape
    for n in range(N):
        features, line = window(u[n], 0, D_u), window(pairs[n], 0, pairs.shape[1])
        for d_out in range(grad_y.shape[1]):
            part, given = window(line, d_out * D_u, D_u), grad_y[n, d_out]
            for d_u in range(D_u):
                part[d_u] = given * features[d_u]
