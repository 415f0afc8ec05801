r"""Activations with exponentials, for many numbers at once.

The reference loop of an activation spends nearly all its time in `math.exp` or `math.tanh`, one number after the other. The steps:

1. *A polynomial* replaces them (`exponential.py`). The processor computes it for a register of numbers at once. If several
   roundings could make an error of more than two units in the last place, the polynomial is computed in float64 (`wide.py`).
2. *No branch*: both sides of a case are computed, and one is chosen (`curves.py`). With a branch, the processor would compute one number
   at a time.
3. *A share for each thread*: a serial function computes a piece of the numbers, and a `prange` distributes the pieces if there are
   enough of them. (The same loop directly inside a `prange` takes 1.5 times as long, because it is compiled less well there.)

Float32 only; the reference kernel computes other dtypes. Each function computes the same as the kernel of the same name, whose file
explains the formulas: `sigmoid_forward` computes the same as `sigmoid_forward_cpu`. `_share` is the serial part, `_shared` distributes it.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.curves import (
    gelu32,
    gelu_slope32,
    gelu_tanh32,
    gelu_tanh_slope32,
    log_sigmoid32,
    mish32,
    mish_slope32,
    sigmoid32,
    silu32,
    silu_slope32,
    softplus32,
    softplus_beta32,
    softplus_beta_slope32,
    softplus_slope32,
    tanh_squared,
)
from reftorch.fast.exponential import IN_ORDER, tanh32
from reftorch.fast.registers import by_itself, window
from reftorch.kernel import PARALLEL, SERIAL, njit, prange
from reftorch.threads import available

PIECE = 16_384  # elements in the share of a thread, at least


def dealt_out(reference, share, shared, *arguments):
    """Do the work of `reference(*arguments)`: in one piece if it is little, otherwise in several. Arrays of one size come first."""
    x = arguments[0]
    if x.dtype != np.float32:
        reference(*arguments)
    elif x.size < 2 * PIECE or available() == 1:
        share(*arguments)
    else:
        shared(*arguments)


@njit(**IN_ORDER)
def pieces_of(x):
    return (x.size + PIECE - 1) // PIECE


@njit(**IN_ORDER)
def piece_of(x, piece):
    """The numbers of one piece."""
    start = np.int64(piece) * PIECE
    return window(x, start, min(PIECE, x.size - start))


# ---------------------------------------------------------------------------------------------------- sigmoid and tanh
@njit(**SERIAL)
def sigmoid_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = sigmoid32(x[i])


@njit(**PARALLEL)
def sigmoid_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        sigmoid_forward_share(piece_of(x, piece), piece_of(y, piece))


def sigmoid_forward(reference, x, y):
    dealt_out(reference, sigmoid_forward_share, sigmoid_forward_shared, x, y)


@njit(**SERIAL)
def tanh_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = tanh32(x[i])


@njit(**PARALLEL)
def tanh_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        tanh_forward_share(piece_of(x, piece), piece_of(y, piece))


def tanh_forward(reference, x, y):
    dealt_out(reference, tanh_forward_share, tanh_forward_shared, x, y)


@njit(**SERIAL)
def tanhshrink_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = x[i] - tanh32(x[i])


@njit(**PARALLEL)
def tanhshrink_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        tanhshrink_forward_share(piece_of(x, piece), piece_of(y, piece))


def tanhshrink_forward(reference, x, y):
    dealt_out(reference, tanhshrink_forward_share, tanhshrink_forward_shared, x, y)


@njit(**SERIAL)
def tanhshrink_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * tanh_squared(x[i])


@njit(**PARALLEL)
def tanhshrink_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        tanhshrink_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def tanhshrink_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, tanhshrink_backward_x_share, tanhshrink_backward_x_shared, x, grad_y, grad_x)


# ------------------------------------------------------------------------------------------------------- logarithms
@njit(**SERIAL)
def log_sigmoid_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = log_sigmoid32(x[i])


@njit(**PARALLEL)
def log_sigmoid_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        log_sigmoid_forward_share(piece_of(x, piece), piece_of(y, piece))


def log_sigmoid_forward(reference, x, y):
    dealt_out(reference, log_sigmoid_forward_share, log_sigmoid_forward_shared, x, y)


@njit(**SERIAL)
def log_sigmoid_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * sigmoid32(-x[i])


@njit(**PARALLEL)
def log_sigmoid_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        log_sigmoid_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def log_sigmoid_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, log_sigmoid_backward_x_share, log_sigmoid_backward_x_shared, x, grad_y, grad_x)


@njit(**SERIAL)
def softplus_forward_share(x, y, beta, threshold):
    by_itself()
    if beta == 1:
        for i in range(x.size):
            y[i] = softplus32(x[i], threshold)
    else:
        for i in range(x.size):
            y[i] = softplus_beta32(x[i], beta, threshold)


@njit(**PARALLEL)
def softplus_forward_shared(x, y, beta, threshold):
    for piece in prange(pieces_of(x)):
        softplus_forward_share(piece_of(x, piece), piece_of(y, piece), beta, threshold)


def softplus_forward(reference, x, y, beta, threshold):
    dealt_out(reference, softplus_forward_share, softplus_forward_shared, x, y, beta, threshold)


@njit(**SERIAL)
def softplus_backward_x_share(x, grad_y, grad_x, beta, threshold):
    by_itself()
    if beta == 1:
        for i in range(x.size):
            grad_x[i] = grad_y[i] * softplus_slope32(x[i], threshold)
    else:
        for i in range(x.size):
            grad_x[i] = grad_y[i] * softplus_beta_slope32(x[i], beta, threshold)


@njit(**PARALLEL)
def softplus_backward_x_shared(x, grad_y, grad_x, beta, threshold):
    for piece in prange(pieces_of(x)):
        softplus_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece), beta, threshold)


def softplus_backward_x(reference, x, grad_y, grad_x, beta, threshold):
    dealt_out(reference, softplus_backward_x_share, softplus_backward_x_shared, x, grad_y, grad_x, beta, threshold)


# -------------------------------------------------------------------------------------------- x times a soft switch
@njit(**SERIAL)
def gelu_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = gelu32(x[i])


@njit(**PARALLEL)
def gelu_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        gelu_forward_share(piece_of(x, piece), piece_of(y, piece))


def gelu_forward(reference, x, y):
    dealt_out(reference, gelu_forward_share, gelu_forward_shared, x, y)


@njit(**SERIAL)
def gelu_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * gelu_slope32(x[i])


@njit(**PARALLEL)
def gelu_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        gelu_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def gelu_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, gelu_backward_x_share, gelu_backward_x_shared, x, grad_y, grad_x)


@njit(**SERIAL)
def gelu_tanh_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = gelu_tanh32(x[i])


@njit(**PARALLEL)
def gelu_tanh_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        gelu_tanh_forward_share(piece_of(x, piece), piece_of(y, piece))


def gelu_tanh_forward(reference, x, y):
    dealt_out(reference, gelu_tanh_forward_share, gelu_tanh_forward_shared, x, y)


@njit(**SERIAL)
def gelu_tanh_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * gelu_tanh_slope32(x[i])


@njit(**PARALLEL)
def gelu_tanh_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        gelu_tanh_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def gelu_tanh_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, gelu_tanh_backward_x_share, gelu_tanh_backward_x_shared, x, grad_y, grad_x)


@njit(**SERIAL)
def silu_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = silu32(x[i])


@njit(**PARALLEL)
def silu_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        silu_forward_share(piece_of(x, piece), piece_of(y, piece))


def silu_forward(reference, x, y):
    dealt_out(reference, silu_forward_share, silu_forward_shared, x, y)


@njit(**SERIAL)
def silu_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * silu_slope32(x[i])


@njit(**PARALLEL)
def silu_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        silu_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def silu_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, silu_backward_x_share, silu_backward_x_shared, x, grad_y, grad_x)


@njit(**SERIAL)
def mish_forward_share(x, y):
    by_itself()
    for i in range(x.size):
        y[i] = mish32(x[i])


@njit(**PARALLEL)
def mish_forward_shared(x, y):
    for piece in prange(pieces_of(x)):
        mish_forward_share(piece_of(x, piece), piece_of(y, piece))


def mish_forward(reference, x, y):
    dealt_out(reference, mish_forward_share, mish_forward_shared, x, y)


@njit(**SERIAL)
def mish_backward_x_share(x, grad_y, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_y[i] * mish_slope32(x[i])


@njit(**PARALLEL)
def mish_backward_x_shared(x, grad_y, grad_x):
    for piece in prange(pieces_of(x)):
        mish_backward_x_share(piece_of(x, piece), piece_of(grad_y, piece), piece_of(grad_x, piece))


def mish_backward_x(reference, x, grad_y, grad_x):
    dealt_out(reference, mish_backward_x_share, mish_backward_x_shared, x, grad_y, grad_x)
