r"""Bilinear interpolation row by row: the positions are computed once, and each pixel is visited once.

*Forward.* The reference loop computes the position of each output again, and reads four pixels for it.

1. *Tables*: all outputs of a column have the same position along the row. So the two pixels and the weight of each column and each row
   are computed once for all planes.
2. *Rows first*: an output row lies between two rows of the input. Their weighted mean is a loop without indices, in which a register holds
   many elements; then each output is the mean of two elements of that one row.

*The gradient.* The reference loop searches the outputs that use a pixel. The opposite direction needs no search, because the pixels of an
output are known. So one thread computes a whole plane: it sets it to zero, and goes once through the outputs. The gradients of one output
row are summed in one row of pixels, which is then added to two rows of the plane.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

OPERATIONS = 10  # multiply-adds that take as long as one output
# (1 - t) a + t b must not become a + t (b - a), which is NaN where a is infinite
IN_ORDER = {"fastmath": {"contract"}}


def upsample_bilinear2d_forward(reference, x, y, scale_h, scale_w, align_corners):
    """y from x, for all planes."""
    if y.size == 0:
        return reference(x, y, scale_h, scale_w, align_corners)
    planes, result = (array.reshape(-1, *array.shape[2:]) for array in (x, y))
    rows = taps(x.dtype, x.shape[2], y.shape[2], scale_h, align_corners)
    columns = taps(x.dtype, x.shape[3], y.shape[3], scale_w, align_corners)
    workers = threads_for(y.size * OPERATIONS, len(planes))
    run = forward_share if workers == 1 else forward_shared
    run(workers, planes, result, *rows, *columns)


def upsample_bilinear2d_backward_x(reference, grad_y, grad_x, scale_h, scale_w, align_corners):
    """grad_x from grad_y, for all planes."""
    if grad_x.size == 0:
        return reference(grad_y, grad_x, scale_h, scale_w, align_corners)
    planes, result = (array.reshape(-1, *array.shape[2:]) for array in (grad_y, grad_x))
    rows = taps(grad_x.dtype, grad_x.shape[2], grad_y.shape[2], scale_h, align_corners)
    columns = taps(grad_x.dtype, grad_x.shape[3], grad_y.shape[3], scale_w, align_corners)
    workers = threads_for(grad_y.size * OPERATIONS, len(planes))
    run = backward_share if workers == 1 else backward_shared
    run(workers, planes, result, *rows, *columns)


def taps(dtype, extent, extent_out, scale, align_corners):
    """For each output along one dimension: the two elements around its position, and the weight of the second one."""
    kind = dtype.type
    place = kind(scale) * np.arange(extent_out, dtype=dtype)
    if not align_corners:
        centers = np.arange(extent_out, dtype=dtype) + kind(0.5)
        place = np.maximum(kind(scale) * centers - kind(0.5), kind(0))
    a = np.minimum(place.astype(np.int64), extent - 1)
    return a, np.minimum(a + 1, extent - 1), np.minimum(place - a.astype(dtype), kind(1))


@njit(**{**SERIAL, **IN_ORDER})
def forward_planes(first, end, x, y, h_a, h_b, t_h, w_a, w_b, t_w):
    one = x.dtype.type(1)
    row = np.empty(x.shape[2], x.dtype)
    for plane in range(first, end):
        for h_out in range(y.shape[1]):
            t = t_h[h_out]
            for w_in in range(x.shape[2]):
                row[w_in] = (one - t) * x[plane, h_a[h_out], w_in] + t * x[plane, h_b[h_out], w_in]
            for w_out in range(y.shape[2]):
                y[plane, h_out, w_out] = (one - t_w[w_out]) * row[w_a[w_out]] + t_w[w_out] * row[w_b[w_out]]


@njit(**{**SERIAL, **IN_ORDER})
def forward_share(workers, x, y, h_a, h_b, t_h, w_a, w_b, t_w):
    forward_planes(0, x.shape[0], x, y, h_a, h_b, t_h, w_a, w_b, t_w)


@njit(**{**PARALLEL, **IN_ORDER})
def forward_shared(workers, x, y, h_a, h_b, t_h, w_a, w_b, t_w):
    for worker in prange(workers):
        first, end = worker * x.shape[0] // workers, (worker + 1) * x.shape[0] // workers
        forward_planes(first, end, x, y, h_a, h_b, t_h, w_a, w_b, t_w)


@njit(**{**SERIAL, **IN_ORDER})
def backward_planes(first, end, grad_y, grad_x, h_a, h_b, t_h, w_a, w_b, t_w):
    one = grad_x.dtype.type(1)
    row = np.empty(grad_x.shape[2], grad_x.dtype)
    for plane in range(first, end):
        grad_x[plane] = grad_x.dtype.type(0)
        for h_out in range(grad_y.shape[1]):
            row[:] = grad_x.dtype.type(0)
            for w_out in range(grad_y.shape[2]):
                row[w_a[w_out]] += (one - t_w[w_out]) * grad_y[plane, h_out, w_out]
                row[w_b[w_out]] += t_w[w_out] * grad_y[plane, h_out, w_out]
            t = t_h[h_out]
            for w_in in range(grad_x.shape[2]):
                grad_x[plane, h_a[h_out], w_in] += (one - t) * row[w_in]
            for w_in in range(grad_x.shape[2]):
                grad_x[plane, h_b[h_out], w_in] += t * row[w_in]


@njit(**{**SERIAL, **IN_ORDER})
def backward_share(workers, grad_y, grad_x, h_a, h_b, t_h, w_a, w_b, t_w):
    backward_planes(0, grad_x.shape[0], grad_y, grad_x, h_a, h_b, t_h, w_a, w_b, t_w)


@njit(**{**PARALLEL, **IN_ORDER})
def backward_shared(workers, grad_y, grad_x, h_a, h_b, t_h, w_a, w_b, t_w):
    for worker in prange(workers):
        first, end = worker * grad_x.shape[0] // workers, (worker + 1) * grad_x.shape[0] // workers
        backward_planes(first, end, grad_y, grad_x, h_a, h_b, t_h, w_a, w_b, t_w)
