r"""Max unpooling along flat channels: the index is an address.

The index of each element counts the elements of its channel. The reference loops divide it into plane, row and column, with divisions that
cost more than everything else, and compute the address from these. Here a channel is one line of elements, so the index is the address to
write to, or backward the address to read from.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.registers import window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def max_unpool_forward(reference, x, index, y):
    """y is 0 except at the indices of the elements of x."""
    channels = x.shape[0] * x.shape[1]
    elements, size_out = math.prod(x.shape[2:]), math.prod(y.shape[2:])
    lines = [array.reshape(array.size) for array in (x, index, y)]
    workers = threads_for((y.size + 2 * x.size) * MEMORY, max(1, channels))
    if workers == 1:
        scatter_share(*lines, elements, size_out, 0, channels)
    else:
        scatter_shared(workers, *lines, elements, size_out, channels)


def max_unpool_backward_x(reference, grad_y, index, grad_x):
    """grad_x: the elements of grad_y at the indices."""
    channels = grad_x.shape[0] * grad_x.shape[1]
    elements, size_out = math.prod(grad_x.shape[2:]), math.prod(grad_y.shape[2:])
    lines = [array.reshape(array.size) for array in (grad_y, index, grad_x)]
    workers = threads_for(3 * grad_x.size * MEMORY, max(1, channels))
    if workers == 1:
        gather_share(*lines, elements, size_out, 0, channels)
    else:
        gather_shared(workers, *lines, elements, size_out, channels)


@njit(**SERIAL)
def scatter_share(x, index, y, elements, size_out, c0, c1):
    for c in range(c0, c1):
        line, places = window(x, c * elements, elements), window(index, c * elements, elements)
        result = window(y, c * size_out, size_out)
        for i in range(size_out):
            result[i] = 0
        for i in range(elements):
            result[places[i]] = line[i]


@njit(**PARALLEL)
def scatter_shared(workers, x, index, y, elements, size_out, channels):
    for worker in prange(workers):
        w = np.int64(worker)
        c0, c1 = w * channels // workers, (w + 1) * channels // workers
        scatter_share(x, index, y, elements, size_out, c0, c1)


@njit(**SERIAL)
def gather_share(grad_y, index, grad_x, elements, size_out, c0, c1):
    for c in range(c0, c1):
        line, places = window(grad_x, c * elements, elements), window(index, c * elements, elements)
        given = window(grad_y, c * size_out, size_out)
        for i in range(elements):
            line[i] = given[places[i]]


@njit(**PARALLEL)
def gather_shared(workers, grad_y, index, grad_x, elements, size_out, channels):
    for worker in prange(workers):
        w = np.int64(worker)
        c0, c1 = w * channels // workers, (w + 1) * channels // workers
        gather_share(grad_y, index, grad_x, elements, size_out, c0, c1)
