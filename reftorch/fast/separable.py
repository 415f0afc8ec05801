r"""Interpolation one dimension after the other: linear, trilinear, bicubic, and with antialiasing.

The weight of a pixel for an output is a product, $v_d \, v_h \, v_w$. So the sum over a block of pixels can be computed along one dimension
after the other: planes, rows, columns. The steps from the reference loops:

1. *One dimension at a time*: with $k$ pixels along each of 2 dimensions, an output takes about $2 k$ multiply-adds and not $k^2$.
2. *Tables*: the elements that an output uses, and their weights, are computed once for each dimension.
3. *Whole rows*: along all dimensions except the last one, a row of elements has one weight: this is a loop without indices.

*The gradient* is the same sum with the inverse table: for each element the outputs that use it. There the last dimension comes
last, because the rows of an output are long.
"""

from __future__ import annotations

import functools

import numpy as np

from reftorch.fast.bilinear import taps
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

IN_ORDER = {"fastmath": {"contract"}}  # no "reassoc": with infinite elements, factoring out a weight changes the result


def linear_interpolation_forward(reference, x, y, *options):
    """y from x by linear or trilinear interpolation; `options` are the scales and `align_corners`."""
    _resample(reference, linear_weights, x, y, options, False)


def linear_interpolation_backward_x(reference, grad_y, grad_x, *options):
    """grad_x from grad_y."""
    _resample(reference, linear_weights, grad_y, grad_x, options, True)


def bicubic_interpolation_forward(reference, x, y, *options):
    """y from x by bicubic interpolation; `options` are the scales and `align_corners`."""
    _resample(reference, cubic_weights, x, y, options, False)


def bicubic_interpolation_backward_x(reference, grad_y, grad_x, *options):
    """grad_x from grad_y."""
    _resample(reference, cubic_weights, grad_y, grad_x, options, True)


def antialias_interpolation_forward(reference, x, y, *options):
    """y from x with antialiasing; `options` are the scales and the reach of the curve."""
    _resample(reference, antialias_weights, x, y, options, False)


def antialias_interpolation_backward_x(reference, grad_y, grad_x, *options):
    """grad_x from grad_y."""
    _resample(reference, antialias_weights, grad_y, grad_x, options, True)


def _resample(reference, weights, source, result, options, backwards):
    """`result` from `source`, all planes, one dimension at a time."""
    if source.size == 0 or result.size == 0:
        return reference(source, result, *options)
    *scales, option = options
    n, now = len(scales), source
    for axis in range(2, n + 2) if backwards else range(n + 1, 1, -1):
        extents = (result, source) if backwards else (source, result)
        table = turned_table if backwards else make_table
        outer, inner = now.shape[:axis], now.shape[axis + 1 :]
        is_last = axis == (n + 1 if backwards else 2)
        after = result if is_last else np.empty((*outer, result.shape[axis], *inner), now.dtype)
        shape = int(np.prod(outer)), -1, int(np.prod(inner))
        given = now.reshape(shape[0], now.shape[axis], shape[2]), after.reshape(shape[0], after.shape[axis], shape[2])
        made = table(weights, now.dtype, extents[0].shape[axis], extents[1].shape[axis], scales[axis - 2], option)
        workers = threads_for(max(now.size, after.size) * 8, shape[0])
        run = resample_share if workers == 1 else resample_shared
        run(workers, *given, *made)
        now = after


# ## Tables: for each output, from `begin[o]` to `begin[o + 1]`, the elements that it uses and their weights
@functools.lru_cache(maxsize=64)
def make_table(weights, dtype, extent, extent_out, scale, option):
    places, shares = weights(dtype, extent, extent_out, scale, option)
    begin = np.cumsum([0, *map(len, places)])
    return begin, np.concatenate(places), np.concatenate(shares).astype(dtype)


@functools.lru_cache(maxsize=64)
def turned_table(weights, dtype, extent, extent_out, scale, option):
    """The same for each element: the outputs that use it."""
    begin, place, share = make_table(weights, dtype, extent, extent_out, scale, option)
    order = np.argsort(place, kind="stable")
    users = np.repeat(np.arange(extent_out), np.diff(begin))
    return np.searchsorted(place[order], np.arange(extent + 1)), users[order], share[order]


def linear_weights(dtype, extent, extent_out, scale, align_corners):
    a, b, t = taps(dtype, extent, extent_out, scale, align_corners)
    return np.stack([a, b], 1), np.stack([dtype.type(1) - t, t], 1)


def cubic_weights(dtype, extent, extent_out, scale, align_corners):
    """Four pixels; at the border several of them may be the same pixel."""
    kind = dtype.type
    place = kind(scale) * np.arange(extent_out, dtype=dtype)
    if not align_corners:
        place = kind(scale) * (np.arange(extent_out, dtype=dtype) + kind(0.5)) - kind(0.5)
    before = np.floor(place).astype(np.int64)
    k = np.arange(-1, 3)
    distance = (place - before.astype(dtype))[:, None] - k.astype(dtype)
    return np.clip(before[:, None] + k, 0, extent - 1), cubic(distance, kind(-0.75))


def cubic(u, A):
    """The cubic curve at distances `u`."""
    u, kind = abs(u), u.dtype.type
    near = ((A + kind(2)) * u - (A + kind(3))) * u * u + kind(1)
    far = ((A * u - kind(5) * A) * u + kind(8) * A) * u - kind(4) * A
    return np.where(u <= 1, near, np.where(u < 2, far, kind(0)))


def antialias_weights(dtype, extent, extent_out, scale, reach):
    """All pixels under a stretched curve; the weights of an output add up to 1."""
    kind = dtype.type
    stretch, places, shares = max(kind(scale), kind(1)), [], []
    for o in range(extent_out):
        center = kind(scale) * (kind(o) + kind(0.5))
        first = max(int(center - kind(reach) * stretch + kind(0.5)), 0)
        end = min(int(center + kind(reach) * stretch + kind(0.5)), extent)
        place = np.arange(first, end)
        raw = curve((place.astype(dtype) - center + kind(0.5)) / stretch, reach)
        places.append(place)
        shares.append(raw / raw.sum())
    return places, shares


def curve(u, reach):
    """A triangle, a cubic, or Lanczos' curve."""
    if reach == 1:
        return np.maximum(1 - abs(u), 0)
    if reach == 2:
        return cubic(u, u.dtype.type(-0.5))
    return np.where(abs(u) < 3, np.sinc(u) * np.sinc(u / 3), 0)


# ## The loops
@njit(**{**SERIAL, **IN_ORDER})
def resample(first, last, source, result, begin, place, weight):
    for outer in range(first, last):
        for o in range(result.shape[1]):
            if source.shape[2] == 1:
                acc = source.dtype.type(0)
                for k in range(begin[o], begin[o + 1]):
                    acc += weight[k] * source[outer, place[k], 0]
                result[outer, o, 0] = acc
            else:
                line = result[outer, o]
                line[:] = source.dtype.type(0)
                for k in range(begin[o], begin[o + 1]):
                    row, share = source[outer, place[k]], weight[k]
                    for i in range(line.size):
                        line[i] += share * row[i]


@njit(**{**SERIAL, **IN_ORDER})
def resample_share(workers, source, result, begin, place, weight):
    resample(0, len(source), source, result, begin, place, weight)


@njit(**{**PARALLEL, **IN_ORDER})
def resample_shared(workers, source, result, begin, place, weight):
    for worker in prange(workers):
        first, last = worker * len(source) // workers, (worker + 1) * len(source) // workers
        resample(first, last, source, result, begin, place, weight)
