r"""The work of a recurrent cell after its products, for many units at once.

The reference loop computes one unit with all its gates, then the next one. It spends nearly all its time in `math.exp` and `math.tanh`. The
steps:

1. *Polynomials* replace them (`exponential.py`).
2. *One gate after the other*, along a row: the loop has few arrays, so the compiler can use whole registers. It does not do so for a
   loop with a dozen arrays, because each pair of them might overlap. Intermediate results stay in the nearest cache.
3. *A share of the rows for each thread.*

Float32 only; the reference kernel computes other dtypes. Intermediate results are stored in arrays that a later loop overwrites.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.activations import dealt_out, piece_of, pieces_of
from reftorch.fast.curves import sigmoid32
from reftorch.fast.exponential import ONE, tanh32
from reftorch.fast.registers import INLINE, by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

UNIT = 100  # multiply-adds that take as long as a unit


# ---------------------------------------------------------------------------------------------------- a simple cell
@njit(**SERIAL)
def rnn_tanh_forward_share(a_x, a_h, h_next):
    by_itself()
    for i in range(a_x.size):
        h_next[i] = tanh32(a_x[i] + a_h[i])


@njit(**PARALLEL)
def rnn_tanh_forward_shared(a_x, a_h, h_next):
    for piece in prange(pieces_of(a_x)):
        rnn_tanh_forward_share(piece_of(a_x, piece), piece_of(a_h, piece), piece_of(h_next, piece))


def rnn_tanh_cell_forward(reference, a_x, a_h, h_next):
    dealt_out(reference, rnn_tanh_forward_share, rnn_tanh_forward_shared, a_x, a_h, h_next)


# ---------------------------------------------------------------------------------------------------- gates
@njit(**INLINE)
def sigmoid_of_sum(a, b, y):
    for j in range(y.size):
        y[j] = sigmoid32(a[j] + b[j])


@njit(**INLINE)
def tanh_of_sum(a, b, y):
    for j in range(y.size):
        y[j] = tanh32(a[j] + b[j])


# ---------------------------------------------------------------------------------------------------- LSTM
@njit(**SERIAL)
def lstm_forward_share(a_x, a_h, c, gates, c_next, h_next, n0, n1):
    by_itself()
    H = c.shape[1]
    for n in range(n0, n1):
        a, b, gate = a_x[n], a_h[n], gates[n]
        sigmoid_of_sum(window(a, 0, 2 * H), window(b, 0, 2 * H), window(gate, 0, 2 * H))
        tanh_of_sum(window(a, 2 * H, H), window(b, 2 * H, H), window(gate, 2 * H, H))
        sigmoid_of_sum(window(a, 3 * H, H), window(b, 3 * H, H), window(gate, 3 * H, H))
        i, f, g, o = window(gate, 0, H), window(gate, H, H), window(gate, 2 * H, H), window(gate, 3 * H, H)
        before, memory, state = window(c[n], 0, H), window(c_next[n], 0, H), window(h_next[n], 0, H)
        for j in range(H):
            memory[j] = f[j] * before[j] + i[j] * g[j]
        for j in range(H):
            state[j] = o[j] * tanh32(memory[j])


@njit(**PARALLEL)
def lstm_forward_shared(workers, a_x, a_h, c, gates, c_next, h_next):
    for worker in prange(workers):
        w = np.int64(worker)
        lstm_forward_share(a_x, a_h, c, gates, c_next, h_next, w * len(c) // workers, (w + 1) * len(c) // workers)


def lstm_cell_forward(reference, a_x, a_h, c, gates, c_next, h_next):
    if c.dtype != np.float32:
        return reference(a_x, a_h, c, gates, c_next, h_next)
    workers = threads_for(c.size * UNIT, len(c))
    if workers == 1:
        lstm_forward_share(a_x, a_h, c, gates, c_next, h_next, 0, len(c))
    else:
        lstm_forward_shared(workers, a_x, a_h, c, gates, c_next, h_next)


@njit(**SERIAL)
def lstm_backward_share(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c, n0, n1):
    by_itself()
    H = c.shape[1]
    for n in range(n0, n1):
        gate, own = gates[n], grad_a[n]
        i, f, g, o = window(gate, 0, H), window(gate, H, H), window(gate, 2 * H, H), window(gate, 3 * H, H)
        of_i, of_f, of_g, of_o = window(own, 0, H), window(own, H, H), window(own, 2 * H, H), window(own, 3 * H, H)
        of_h, of_c, delta = window(grad_h_next[n], 0, H), window(grad_c_next[n], 0, H), window(grad_c[n], 0, H)
        before, memory = window(c[n], 0, H), window(c_next[n], 0, H)
        shown = of_i  # tanh of the memory, until the last but one loop
        for j in range(H):
            shown[j] = tanh32(memory[j])
        for j in range(H):
            of_o[j] = of_h[j] * shown[j] * o[j] * (ONE - o[j])
        for j in range(H):
            delta[j] = of_c[j] + of_h[j] * o[j] * (ONE - shown[j] * shown[j])
        for j in range(H):
            of_f[j] = delta[j] * before[j] * f[j] * (ONE - f[j])
        for j in range(H):
            of_g[j] = delta[j] * i[j] * (ONE - g[j] * g[j])
        for j in range(H):
            of_i[j] = delta[j] * g[j] * i[j] * (ONE - i[j])
        for j in range(H):
            delta[j] *= f[j]


@njit(**PARALLEL)
def lstm_backward_shared(workers, grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c):
    for worker in prange(workers):
        w = np.int64(worker)
        n0, n1 = w * len(c) // workers, (w + 1) * len(c) // workers
        lstm_backward_share(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c, n0, n1)


def lstm_cell_backward_a(reference, grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c):
    if c.dtype != np.float32:
        return reference(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c)
    workers = threads_for(c.size * UNIT, len(c))
    if workers == 1:
        lstm_backward_share(grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c, 0, len(c))
    else:
        lstm_backward_shared(workers, grad_h_next, grad_c_next, gates, c, c_next, grad_a, grad_c)


# ---------------------------------------------------------------------------------------------------- GRU
@njit(**SERIAL)
def gru_forward_share(a_x, a_h, h, gates, h_next, n0, n1):
    by_itself()
    H = h.shape[1]
    for s in range(n0, n1):
        a, b, gate = a_x[s], a_h[s], gates[s]
        sigmoid_of_sum(window(a, 0, 2 * H), window(b, 0, 2 * H), window(gate, 0, 2 * H))
        r, z, n, q = window(gate, 0, H), window(gate, H, H), window(gate, 2 * H, H), window(gate, 3 * H, H)
        of_x, of_h = window(a, 2 * H, H), window(b, 2 * H, H)
        before, state = window(h[s], 0, H), window(h_next[s], 0, H)
        for j in range(H):
            q[j] = of_h[j]
        for j in range(H):
            n[j] = tanh32(of_x[j] + r[j] * q[j])
        for j in range(H):
            state[j] = (ONE - z[j]) * n[j] + z[j] * before[j]


@njit(**PARALLEL)
def gru_forward_shared(workers, a_x, a_h, h, gates, h_next):
    for worker in prange(workers):
        w = np.int64(worker)
        gru_forward_share(a_x, a_h, h, gates, h_next, w * len(h) // workers, (w + 1) * len(h) // workers)


def gru_cell_forward(reference, a_x, a_h, h, gates, h_next):
    if h.dtype != np.float32:
        return reference(a_x, a_h, h, gates, h_next)
    workers = threads_for(h.size * UNIT, len(h))
    if workers == 1:
        gru_forward_share(a_x, a_h, h, gates, h_next, 0, len(h))
    else:
        gru_forward_shared(workers, a_x, a_h, h, gates, h_next)


@njit(**SERIAL)
def gru_backward_share(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h, n0, n1):
    by_itself()
    H = h.shape[1]
    for s in range(n0, n1):
        gate, of_x, of_h = gates[s], grad_a_x[s], grad_a_h[s]
        r, z, n, q = window(gate, 0, H), window(gate, H, H), window(gate, 2 * H, H), window(gate, 3 * H, H)
        of_r, of_z, of_n = window(of_x, 0, H), window(of_x, H, H), window(of_x, 2 * H, H)
        arrived, before, mixed = window(grad_h_next[s], 0, H), window(h[s], 0, H), window(grad_h[s], 0, H)
        for j in range(H):
            of_n[j] = arrived[j] * (ONE - z[j]) * (ONE - n[j] * n[j])
        for j in range(H):
            of_z[j] = arrived[j] * (before[j] - n[j]) * z[j] * (ONE - z[j])
        for j in range(H):
            of_r[j] = of_n[j] * q[j] * r[j] * (ONE - r[j])
        both, copied, of_q = window(of_x, 0, 2 * H), window(of_h, 0, 2 * H), window(of_h, 2 * H, H)
        for j in range(2 * H):
            copied[j] = both[j]
        for j in range(H):
            of_q[j] = of_n[j] * r[j]
        for j in range(H):
            mixed[j] = arrived[j] * z[j]


@njit(**PARALLEL)
def gru_backward_shared(workers, grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h):
    for worker in prange(workers):
        w = np.int64(worker)
        n0, n1 = w * len(h) // workers, (w + 1) * len(h) // workers
        gru_backward_share(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h, n0, n1)


def gru_cell_backward_a(reference, grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h):
    if h.dtype != np.float32:
        return reference(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h)
    workers = threads_for(h.size * UNIT, len(h))
    if workers == 1:
        gru_backward_share(grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h, 0, len(h))
    else:
        gru_backward_shared(workers, grad_h_next, gates, h, grad_a_x, grad_a_h, grad_h)
