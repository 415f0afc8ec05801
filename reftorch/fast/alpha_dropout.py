r"""Alpha dropout of whole channels, a plane at a time.

The reference loop has one element of the mask for each element of x, so the mask of the channels is repeated to the size of x.
Here two numbers are computed once for each plane, a factor and a shift: y is x times the factor, plus the shift.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def drop_planes(x, mask, scale, low, lift):
    """y for x (N, C, ...), and a mask with one number for each plane."""
    kind = x.dtype.type
    factor, shift = mask * kind(scale), (mask - kind(1)) * kind(low) + kind(lift)
    planes = np.ascontiguousarray(x).reshape(factor.size, -1)
    y = np.empty_like(planes)
    workers = threads_for(x.size * MEMORY, len(planes))
    if workers == 1:
        move_planes(planes, factor.reshape(-1), shift.reshape(-1), y, 0, len(planes))
    else:
        move_planes_shared(workers, planes, factor.reshape(-1), shift.reshape(-1), y)
    return y.reshape(x.shape)


def scale_planes(grad_y, mask, scale):
    """grad_x: the gradient of y times the factor of its plane, by NumPy's broadcasting."""
    return np.multiply(grad_y, mask * grad_y.dtype.type(scale))


@njit(**SERIAL)
def move_planes(x, factor, shift, y, first, last):
    by_itself()
    D = x.shape[1]
    for plane in range(first, last):
        source, result, a, b = window(x[plane], 0, D), window(y[plane], 0, D), factor[plane], shift[plane]
        for d in range(D):
            result[d] = source[d] * a + b


@njit(**PARALLEL)
def move_planes_shared(workers, x, factor, shift, y):
    planes = x.shape[0]
    for worker in prange(workers):
        w = np.int64(worker)
        move_planes(x, factor, shift, y, w * planes // workers, (w + 1) * planes // workers)
