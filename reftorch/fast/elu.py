"""ELU, SELU and CELU for many numbers at once: loops as in `activations.py`, with the functions of `curves.py`.

All three are $s x$ above 0 and $s a (e^{x / b} - 1)$ below, and their derivatives have one loop. CELU has its own forward loop: $x / b$ is
rounded, and if it is large, its rounding error is large compared with 1. So this loop needs float64.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.activations import dealt_out, piece_of, pieces_of
from reftorch.fast.curves import celu32, elu32, elu_slope64
from reftorch.fast.registers import by_itself
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@njit(**SERIAL)
def elu_forward_share(x, y, alpha, scale):
    by_itself()
    for i in range(x.size):
        y[i] = elu32(x[i], alpha, scale)


@njit(**PARALLEL)
def elu_forward_shared(x, y, alpha, scale):
    for piece in prange(pieces_of(x)):
        elu_forward_share(piece_of(x, piece), piece_of(y, piece), alpha, scale)


def elu_forward(reference, x, y, alpha):
    if x.dtype != np.float32:
        return reference(x, y, alpha)
    dealt_out(reference, elu_forward_share, elu_forward_shared, x, y, alpha, 1.0)


def selu_forward(reference, x, y):
    if x.dtype != np.float32:
        return reference(x, y)
    dealt_out(reference, elu_forward_share, elu_forward_shared, x, y, SELU_ALPHA, SELU_SCALE)


@njit(**SERIAL)
def celu_forward_share(x, y, alpha):
    by_itself()
    for i in range(x.size):
        y[i] = celu32(x[i], alpha)


@njit(**PARALLEL)
def celu_forward_shared(x, y, alpha):
    for piece in prange(pieces_of(x)):
        celu_forward_share(piece_of(x, piece), piece_of(y, piece), alpha)


def celu_forward(reference, x, y, alpha):
    dealt_out(reference, celu_forward_share, celu_forward_shared, x, y, alpha)


@njit(**SERIAL)
def elu_backward_x_share(x, grad_y, grad_x, alpha, scale, inner):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * elu_slope64(x[i], alpha, scale, inner)


@njit(**PARALLEL)
def elu_backward_x_shared(x, grad_y, grad_x, alpha, scale, inner):
    for piece in prange(pieces_of(x)):
        elu_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece), alpha, scale, inner)


def elu_backward_x(reference, x, grad_y, grad_x, alpha):
    if x.dtype != np.float32:
        return reference(x, grad_y, grad_x, alpha)
    dealt_out(reference, elu_backward_x_share, elu_backward_x_shared, x, grad_y, grad_x, alpha, 1.0, 1.0)


def selu_backward_x(reference, x, grad_y, grad_x):
    if x.dtype != np.float32:
        return reference(x, grad_y, grad_x)
    dealt_out(reference, elu_backward_x_share, elu_backward_x_shared, x, grad_y, grad_x, SELU_ALPHA, SELU_SCALE, 1.0)


def celu_backward_x(reference, x, grad_y, grad_x, alpha):
    if x.dtype != np.float32:
        return reference(x, grad_y, grad_x, alpha)
    dealt_out(reference, elu_backward_x_share, elu_backward_x_shared, x, grad_y, grad_x, alpha, 1.0, 1 / alpha)
