"""Softmax and its gradient, with the exponentials of many numbers at once.

The steps are those of `log_softmax.py`: a polynomial for the exponential, several short rows as one line, pixels as neighbours, and
sixteen maxima. In addition, the division by the sum becomes a multiplication by its inverse: one division per sample instead of one per
class.

Float32 only, and only for enough numbers; otherwise the reference kernel does the work.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import exp32
from reftorch.fast.log_softmax import BLOCK, EXP, largest_of
from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

WORTH = 2048  # numbers: with more, this takes less time than the reference loops


def softmax_forward(reference, x, y):
    """y[n, c, d] = e^x[n, c, d] / the sum over c of e^x[n, c, d]"""
    N, C, D = x.shape
    if x.dtype != np.float32 or x.size < WORTH:
        return reference(x, y)
    if D == 1:
        x, y = x.reshape(N, C), y.reshape(N, C)
        pieces, share, shared = N, rows_share, rows_shared
    else:
        pieces, share, shared = N * -(-D // BLOCK), pixels_share, pixels_shared
    workers = threads_for(x.size * EXP, pieces)
    room = np.empty((workers, 2 * BLOCK))  # a row of largest numbers and a row of sums
    if workers == 1:
        share(x, y, 0, pieces, room[0])
    else:
        shared(workers, x, y, pieces, room)


def softmax_backward_x(reference, y, grad_y, grad_x):
    """grad_x[n, c, d] = y[n, c, d] * (grad_y[n, c, d] - the sum over c of grad_y[n, c, d] * y[n, c, d])"""
    N, C, D = y.shape
    if y.dtype != np.float32 or y.size < WORTH:
        return reference(y, grad_y, grad_x)
    if D == 1:
        y, grad_y, grad_x = (array.reshape(N, C) for array in (y, grad_y, grad_x))
        pieces, share, shared = N, rows_backward_share, rows_backward_shared
    else:
        pieces, share, shared = N * -(-D // BLOCK), pixels_backward_share, pixels_backward_shared
    workers = threads_for(y.size * EXP // 4, pieces)
    room = np.empty((workers, BLOCK))
    if workers == 1:
        share(y, grad_y, grad_x, 0, pieces, room[0])
    else:
        shared(workers, y, grad_y, grad_x, pieces, room)


# ------------------------------------------------------------------------------------------- the classes are neighbours
@njit(**SERIAL)
def rows_share(x, y, n0, n1, room):
    by_itself()
    C = x.shape[1]
    height = max(1, BLOCK // C)
    for top in range(n0, n1, height):
        end = min(top + height, n1)
        for n in range(top, end):
            row, out = window(x[n], 0, C), window(y[n], 0, C)
            largest = largest_of(row)
            for c in range(C):
                out[c] = row[c] - largest
        line = window(y.reshape(y.size), top * C, (end - top) * C)
        for i in range(line.size):
            line[i] = exp32(line[i])
        for n in range(top, end):
            out = window(y[n], 0, C)
            total = np.float64(0)
            for c in range(C):
                total += out[c]
            scale = np.float32(np.float64(1) / total)
            for c in range(C):
                out[c] *= scale


@njit(**PARALLEL)
def rows_shared(workers, x, y, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        rows_share(x, y, w * pieces // workers, (w + 1) * pieces // workers, room[w])


@njit(**SERIAL)
def rows_backward_share(y, grad_y, grad_x, n0, n1, room):
    by_itself()
    C = y.shape[1]
    for n in range(n0, n1):
        row, grad, out = window(y[n], 0, C), window(grad_y[n], 0, C), window(grad_x[n], 0, C)
        total = np.float64(0)
        for c in range(C):
            total += grad[c] * row[c]
        mean = np.float32(total)
        for c in range(C):
            out[c] = row[c] * (grad[c] - mean)


@njit(**PARALLEL)
def rows_backward_shared(workers, y, grad_y, grad_x, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        rows_backward_share(y, grad_y, grad_x, w * pieces // workers, (w + 1) * pieces // workers, room[w])


# -------------------------------------------------------------------------------------------- the pixels are neighbours
@njit(**SERIAL)
def pixels_share(x, y, piece0, piece1, room):
    by_itself()
    N, C, D = x.shape
    pieces = (D + BLOCK - 1) // BLOCK
    for piece in range(piece0, piece1):
        n, d0 = piece // pieces, piece % pieces * BLOCK
        width = min(BLOCK, D - d0)
        largest, total = window(room, 0, width), window(room, BLOCK, width)
        for d in range(width):
            largest[d] = -math.inf
            total[d] = 0
        for c in range(C):
            line = window(x[n, c], d0, width)
            for d in range(width):
                largest[d] = line[d] if line[d] > largest[d] else largest[d]
        for c in range(C):
            line, out = window(x[n, c], d0, width), window(y[n, c], d0, width)
            for d in range(width):
                out[d] = exp32(line[d] - np.float32(largest[d]))
                total[d] += out[d]
        for d in range(width):
            total[d] = np.float64(1) / total[d]  # the factor in place of the sum
        for c in range(C):
            out = window(y[n, c], d0, width)
            for d in range(width):
                out[d] *= np.float32(total[d])


@njit(**PARALLEL)
def pixels_shared(workers, x, y, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        pixels_share(x, y, w * pieces // workers, (w + 1) * pieces // workers, room[w])


@njit(**SERIAL)
def pixels_backward_share(y, grad_y, grad_x, piece0, piece1, room):
    by_itself()
    N, C, D = y.shape
    pieces = (D + BLOCK - 1) // BLOCK
    for piece in range(piece0, piece1):
        n, d0 = piece // pieces, piece % pieces * BLOCK
        width = min(BLOCK, D - d0)
        mean = window(room, 0, width)
        for d in range(width):
            mean[d] = 0
        for c in range(C):
            row, grad = window(y[n, c], d0, width), window(grad_y[n, c], d0, width)
            for d in range(width):
                mean[d] += grad[d] * row[d]
        for c in range(C):
            row, grad, out = (
                window(y[n, c], d0, width),
                window(grad_y[n, c], d0, width),
                window(grad_x[n, c], d0, width),
            )
            for d in range(width):
                out[d] = row[d] * (grad[d] - np.float32(mean[d]))


@njit(**PARALLEL)
def pixels_backward_shared(workers, y, grad_y, grad_x, pieces, room):
    for worker in prange(workers):
        w = np.int64(worker)
        pixels_backward_share(y, grad_y, grad_x, w * pieces // workers, (w + 1) * pieces // workers, room[w])
