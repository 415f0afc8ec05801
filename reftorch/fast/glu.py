"""The gated linear unit for many numbers at once: the loops of `activations.py`, over rows with two halves, (N, 2, K)."""

from __future__ import annotations

import numpy as np

from reftorch.fast.activations import PIECE
from reftorch.fast.curves import sigmoid32
from reftorch.fast.exponential import ONE
from reftorch.fast.registers import by_itself, window
from reftorch.kernel import PARALLEL, SERIAL, njit, prange
from reftorch.threads import available


@njit(**SERIAL)
def glu_forward_share(x, y, n0, n1):
    by_itself()
    K = y.shape[1]
    for n in range(n0, n1):
        a, b, out = window(x[n, 0], 0, K), window(x[n, 1], 0, K), window(y[n], 0, K)
        for k in range(K):
            out[k] = a[k] * sigmoid32(b[k])


@njit(**PARALLEL)
def glu_forward_shared(x, y, workers):
    N = y.shape[0]
    for worker in prange(workers):
        w = np.int64(worker)
        glu_forward_share(x, y, w * N // workers, (w + 1) * N // workers)


def glu_forward(reference, x, y):
    if x.dtype != np.float32:
        return reference(x, y)
    workers = min(available(), len(y), y.size // PIECE)
    if workers < 2:
        glu_forward_share(x, y, 0, len(y))
    else:
        glu_forward_shared(x, y, workers)


@njit(**SERIAL)
def glu_backward_x_share(x, grad_y, grad_x, n0, n1):
    by_itself()
    K = grad_y.shape[1]
    for n in range(n0, n1):
        a, b, grad = window(x[n, 0], 0, K), window(x[n, 1], 0, K), window(grad_y[n], 0, K)
        grad_a, grad_b = window(grad_x[n, 0], 0, K), window(grad_x[n, 1], 0, K)
        for k in range(K):
            s = sigmoid32(b[k])
            grad_a[k] = grad[k] * s
            grad_b[k] = grad[k] * a[k] * s * (ONE - s)


@njit(**PARALLEL)
def glu_backward_x_shared(x, grad_y, grad_x, workers):
    N = grad_y.shape[0]
    for worker in prange(workers):
        w = np.int64(worker)
        glu_backward_x_share(x, grad_y, grad_x, w * N // workers, (w + 1) * N // workers)


def glu_backward_x(reference, x, grad_y, grad_x):
    if x.dtype != np.float32:
        return reference(x, grad_y, grad_x)
    workers = min(available(), len(grad_y), grad_y.size // PIECE)
    if workers < 2:
        glu_backward_x_share(x, grad_y, grad_x, 0, len(grad_y))
    else:
        glu_backward_x_shared(x, grad_y, grad_x, workers)
