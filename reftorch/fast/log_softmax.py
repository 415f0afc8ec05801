r"""Log-probabilities, their gradient, and that of cross entropy, with the exponentials of many numbers at once.

The reference loops compute one sample after the other: the largest logit, the sum of the exponentials, the differences. They spend nearly
all their time in `math.exp`, one number after the other. The steps:

1. *A polynomial* (`exponential.py`), which the processor computes for a register of numbers at once, if they are neighbours in memory.
2. *Several rows as one line*: a sample may have only ten logits, which do not fill the registers. But the samples follow each other in
   memory, so the exponentials of a whole BLOCK are computed in one loop; the work per sample is done before and after it.
3. *Pixels as neighbours*: if each sample is an image, the neighbours in memory are not the classes of a pixel but the pixels of
   a class. A BLOCK of pixels has a row of largest logits and a row of sums, and goes through the classes together.
4. *Sixteen maxima*: each step of a maximum waits for the step before. Sixteen maxima, each over every sixteenth number, do not wait for
   each other.
5. *One call instead of five* (`mean_cross_entropy`): for a batch of some hundred numbers, a call from Python takes longer than the
   arithmetic. So one kernel computes the log-probabilities, the losses and their mean, and another one both gradients; the losses
   and their gradients are not tensors then.

Float32 only, and only for enough numbers; otherwise the reference kernel does the work. `softmax.py` does the same for softmax.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import exp32
from reftorch.fast.registers import INLINE, by_itself, local_array, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

BLOCK = 2048  # numbers: their 8 KB stay in the nearest cache
LARGEST = 16
WORTH = 512  # numbers: with more, this takes less time than the reference loops
EXP = 32  # multiply-adds that take as long as an exponential


def log_softmax_forward(reference, x, log_p):
    """log_p[n, c, d] = x[n, c, d] - log of the sum over c of e^x[n, c, d]"""
    N, C, D = x.shape
    if x.dtype != np.float32 or x.size < WORTH:
        return reference(x, log_p)
    if D == 1:
        x, log_p, pieces, share, shared = x.reshape(N, C), log_p.reshape(N, C), N, rows_share, rows_shared
    else:
        pieces, share, shared = N * -(-D // BLOCK), pixels_share, pixels_shared
    workers = threads_for(x.size * EXP, pieces)
    room = np.empty((workers, max(BLOCK, C if D == 1 else 0)), np.float32)
    totals = np.empty((workers, BLOCK if D > 1 else 1))
    if workers == 1:
        share(x, log_p, 0, pieces, room[0], totals[0])
    else:
        shared(workers, x, log_p, pieces, room, totals)


def log_softmax_backward_x(reference, log_p, grad_log_p, grad_x):
    """grad_x[n, c, d] = grad_log_p[n, c, d] - e^log_p[n, c, d] * the sum over c of grad_log_p[n, c, d]"""
    N, C, D = log_p.shape
    if log_p.dtype != np.float32 or log_p.size < WORTH:
        return reference(log_p, grad_log_p, grad_x)
    if D == 1:
        log_p, grad_log_p, grad_x = (array.reshape(N, C) for array in (log_p, grad_log_p, grad_x))
        pieces, share, shared = N, rows_backward_share, rows_backward_shared
    else:
        pieces, share, shared = N * -(-D // BLOCK), pixels_backward_share, pixels_backward_shared
    workers = threads_for(grad_x.size * EXP, pieces)
    totals = np.empty((workers, BLOCK if D > 1 else 1))
    if workers == 1:
        share(log_p, grad_log_p, grad_x, 0, pieces, totals[0])
    else:
        shared(workers, log_p, grad_log_p, grad_x, pieces, totals)


def cross_entropy_backward_x(reference, grad_loss, log_p, target, weight, grad_x, keep, spread, ignore_index):
    """grad_x = g (M p - w q), for labels."""
    N, C, D = grad_x.shape
    if grad_x.dtype != np.float32 or grad_x.size < WORTH:
        return reference(grad_loss, log_p, target, weight, grad_x, keep, spread, ignore_index)
    constants = float(keep), float(spread)
    if D == 1:
        log_p, grad_x, pieces = log_p.reshape(N, C), grad_x.reshape(N, C), N
        share, shared = gradient_share, gradient_shared
    else:
        pieces, share, shared = N * -(-D // BLOCK), pixel_gradient_share, pixel_gradient_shared
    workers = threads_for(grad_x.size * EXP, pieces)
    room = np.empty((workers, 2 * BLOCK if D > 1 else 1), np.float32)
    if workers == 1:
        share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, 0, pieces, room[0])
    else:
        shared(workers, grad_loss, log_p, grad_x, target, weight, constants, ignore_index, pieces, room)


def suits_mean_cross_entropy(log_p):
    """Whether the next two functions take these log-probabilities: rows, as many as one thread computes."""
    N, C, D = log_p.shape
    return D == 1 and log_p.dtype == np.float32 and log_p.size >= WORTH and threads_for(log_p.size * EXP, N) == 1


def mean_cross_entropy(x, target, weight, log_p, mean, divisor, keep, spread, ignore_index):
    """The log-probabilities, the weighted mean of all losses, and its divisor, for labels."""
    N, C, D = log_p.shape
    room, constants = np.empty(max(BLOCK, C), np.float32), (float(keep), float(spread))
    log_p = log_p.reshape(N, C)
    mean_of_rows(x.reshape(N, C), target.reshape(N), weight, log_p, room, mean, divisor, constants, ignore_index)


def mean_cross_entropy_backward_x(grad_y, divisor, log_p, target, weight, grad_x, keep, spread, ignore_index):
    """grad_x of `mean_cross_entropy`, out of the gradient of the mean."""
    N, C, D = log_p.shape
    grad_loss, constants = np.empty((N, 1), np.float32), (float(keep), float(spread))
    log_p, grad_x = log_p.reshape(N, C), grad_x.reshape(N, C)
    gradient_of_mean(grad_y, divisor, grad_loss, log_p, grad_x, target.reshape(N, 1), weight, constants, ignore_index)


# ## Rungs 1, 2 and 4
@njit(**INLINE)
def largest_of(row):
    tops = local_array(1, LARGEST, row.dtype)
    top = tops[0]
    for s in range(LARGEST):
        top[s] = -math.inf
    for c in range(0, row.size - LARGEST + 1, LARGEST):
        line = window(row, c, LARGEST)
        for s in range(LARGEST):
            top[s] = line[s] if line[s] > top[s] else top[s]
    largest = top[0]
    for s in range(1, LARGEST):
        largest = top[s] if top[s] > largest else largest
    for c in range(row.size // LARGEST * LARGEST, row.size):
        largest = row[c] if row[c] > largest else largest
    return largest


@njit(**SERIAL)
def rows_share(x, log_p, n0, n1, room, totals):
    by_itself()
    C = x.shape[1]
    height = max(1, BLOCK // C)
    for top in range(n0, n1, height):
        end = min(top + height, n1)
        for n in range(top, end):
            row, out = window(x[n], 0, C), window(log_p[n], 0, C)
            largest = largest_of(row)
            for c in range(C):
                out[c] = row[c] - largest
        line, e = window(log_p.reshape(log_p.size), top * C, (end - top) * C), window(room, 0, (end - top) * C)
        for i in range(line.size):
            e[i] = exp32(line[i])
        for n in range(top, end):
            out, powers = window(log_p[n], 0, C), window(e, (n - top) * C, C)
            total = np.float64(0)
            for c in range(C):
                total += powers[c]
            log_total = np.float32(math.log(total))
            for c in range(C):
                out[c] -= log_total


@njit(**PARALLEL)
def rows_shared(workers, x, log_p, pieces, room, totals):
    for worker in prange(workers):
        w = np.int64(worker)
        rows_share(x, log_p, w * pieces // workers, (w + 1) * pieces // workers, room[w], totals[w])


# ## Rung 3
@njit(**SERIAL)
def pixels_share(x, log_p, piece0, piece1, room, totals):
    by_itself()
    N, C, D = x.shape
    pieces = (D + BLOCK - 1) // BLOCK
    for piece in range(piece0, piece1):
        n, d0 = piece // pieces, piece % pieces * BLOCK
        width = min(BLOCK, D - d0)
        largest, total = window(room, 0, width), window(totals, 0, width)
        for d in range(width):
            largest[d] = -math.inf
            total[d] = 0
        for c in range(C):
            line = window(x[n, c], d0, width)
            for d in range(width):
                largest[d] = line[d] if line[d] > largest[d] else largest[d]
        for c in range(C):
            line, out = window(x[n, c], d0, width), window(log_p[n, c], d0, width)
            for d in range(width):
                out[d] = line[d] - largest[d]
                total[d] += exp32(out[d])
        for d in range(width):
            largest[d] = math.log(total[d])  # no longer needed: the logarithm in its place
        for c in range(C):
            out = window(log_p[n, c], d0, width)
            for d in range(width):
                out[d] -= largest[d]


@njit(**PARALLEL)
def pixels_shared(workers, x, log_p, pieces, room, totals):
    for worker in prange(workers):
        w = np.int64(worker)
        pixels_share(x, log_p, w * pieces // workers, (w + 1) * pieces // workers, room[w], totals[w])


# ## The gradient of log-softmax
#
# The sum of the gradients first; then the exponentials of all classes, in one loop with the rest.
@njit(**SERIAL)
def rows_backward_share(log_p, grad_log_p, grad_x, n0, n1, totals):
    by_itself()
    C = log_p.shape[1]
    for n in range(n0, n1):
        line, grad, out = window(log_p[n], 0, C), window(grad_log_p[n], 0, C), window(grad_x[n], 0, C)
        total = np.float64(0)
        for c in range(C):
            total += grad[c]
        g = np.float32(total)
        for c in range(C):
            out[c] = grad[c] - exp32(line[c]) * g


@njit(**PARALLEL)
def rows_backward_shared(workers, log_p, grad_log_p, grad_x, pieces, totals):
    for worker in prange(workers):
        w = np.int64(worker)
        n0, n1 = w * pieces // workers, (w + 1) * pieces // workers
        rows_backward_share(log_p, grad_log_p, grad_x, n0, n1, totals[w])


@njit(**SERIAL)
def pixels_backward_share(log_p, grad_log_p, grad_x, piece0, piece1, totals):
    by_itself()
    N, C, D = log_p.shape
    pieces = (D + BLOCK - 1) // BLOCK
    for piece in range(piece0, piece1):
        n, d0 = piece // pieces, piece % pieces * BLOCK
        width = min(BLOCK, D - d0)
        total = window(totals, 0, width)
        for d in range(width):
            total[d] = 0
        for c in range(C):
            grad = window(grad_log_p[n, c], d0, width)
            for d in range(width):
                total[d] += grad[d]
        for c in range(C):
            line, grad, out = (
                window(log_p[n, c], d0, width),
                window(grad_log_p[n, c], d0, width),
                window(grad_x[n, c], d0, width),
            )
            for d in range(width):
                out[d] = grad[d] - exp32(line[d]) * np.float32(total[d])


@njit(**PARALLEL)
def pixels_backward_shared(workers, log_p, grad_log_p, grad_x, pieces, totals):
    for worker in prange(workers):
        w = np.int64(worker)
        p0, p1 = w * pieces // workers, (w + 1) * pieces // workers
        pixels_backward_share(log_p, grad_log_p, grad_x, p0, p1, totals[w])


# ## The gradient of cross entropy
#
# $$\frac{\partial L}{\partial x}[n, c] = g[n] \left( M[n] \, p[n, c] - w[c] \, q[n, c] \right)$$
#
# The part of q for the label's class is added afterwards, so that the loop over all classes has no test.
@njit(**INLINE)
def total_of(weight):
    total = np.float64(0)
    for c in range(weight.size):
        total += weight[c]
    return total


@njit(**SERIAL)
def gradient_share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, n0, n1, room):
    by_itself()
    C = log_p.shape[1]
    height = max(1, BLOCK // C)
    a, b, shared_mass = np.float32(constants[0]), np.float32(constants[1]), constants[1] * total_of(weight)
    for top in range(n0, n1, height):
        end = min(top + height, n1)
        size = (end - top) * C
        line = window(log_p.reshape(log_p.size), top * C, size)
        p = window(grad_x.reshape(grad_x.size), top * C, size)
        for i in range(size):
            p[i] = exp32(line[i])
        for n in range(top, end):
            out, label = window(grad_x[n], 0, C), target[n, 0]
            g, mass = np.float32(0), np.float32(0)
            if label != ignore_index:
                g = grad_loss[n, 0]
                mass = np.float32(constants[0] * weight[label] + shared_mass)
            for c in range(C):
                out[c] = g * (mass * out[c] - weight[c] * b)
            if label != ignore_index:
                out[label] -= g * weight[label] * a


@njit(**PARALLEL)
def gradient_shared(workers, grad_loss, log_p, grad_x, target, weight, constants, ignore_index, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        n0, n1 = w * pieces // workers, (w + 1) * pieces // workers
        gradient_share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, n0, n1, room[w])


@njit(**SERIAL)
def pixel_gradient_share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, piece0, piece1, room):
    by_itself()
    N, C, D = log_p.shape
    pieces = (D + BLOCK - 1) // BLOCK
    a, b, shared_mass = np.float32(constants[0]), np.float32(constants[1]), constants[1] * total_of(weight)
    for piece in range(piece0, piece1):
        n, d0 = piece // pieces, piece % pieces * BLOCK
        width = min(BLOCK, D - d0)
        g, mass = window(room, 0, width), window(room, BLOCK, width)
        for d in range(width):
            label = target[n, d0 + d]
            g[d], mass[d] = 0, 0
            if label != ignore_index:
                g[d] = grad_loss[n, d0 + d]
                mass[d] = constants[0] * weight[label] + shared_mass
        for c in range(C):
            line, out, pull = window(log_p[n, c], d0, width), window(grad_x[n, c], d0, width), weight[c] * b
            for d in range(width):
                out[d] = g[d] * (mass[d] * exp32(line[d]) - pull)
        for d in range(width):
            label = target[n, d0 + d]
            if label != ignore_index:
                grad_x[n, label, d0 + d] -= g[d] * weight[label] * a


@njit(**PARALLEL)
def pixel_gradient_shared(workers, grad_loss, log_p, grad_x, target, weight, constants, ignore_index, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        p0, p1 = w * pieces // workers, (w + 1) * pieces // workers
        pixel_gradient_share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, p0, p1, room[w])


# ## Rung 5
@njit(**SERIAL)
def mean_of_rows(x, target, weight, log_p, room, mean, divisor, constants, ignore_index):
    N, C = x.shape
    rows_share(x, log_p, 0, N, room, room)
    a, b = np.float32(constants[0]), np.float32(constants[1])
    acc, shares = np.float64(0), np.float64(0)
    for n in range(N):
        label = target[n]
        if label != ignore_index:
            loss = np.float64(0)
            loss -= a * weight[label] * log_p[n, label]
            if b > 0:
                for c in range(C):
                    loss -= b * weight[c] * log_p[n, c]
            acc += loss
            shares += weight[label]
    divisor[()] = shares * (shares / shares)  # NaN and not 0 where no sample counts
    mean[()] = acc / divisor[()]


@njit(**SERIAL)
def gradient_of_mean(grad_y, divisor, grad_loss, log_p, grad_x, target, weight, constants, ignore_index):
    N = len(log_p)
    for n in range(N):
        grad_loss[n, 0] = grad_y[()] / divisor[()]
    gradient_share(grad_loss, log_p, grad_x, target, weight, constants, ignore_index, 0, N, weight)
