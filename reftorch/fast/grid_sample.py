r"""Sampling at the positions of a grid: addresses and weights once for all channels.

For each output of each channel, the reference loops compute its position in the input, the pixels around this position, and their weights.
But the grid is the same for all channels.

1. *Tables*: for some hundred outputs, whose tables stay in the cache, the address and the weight of each pixel that an output reads are
   computed once. A whole register of outputs is computed at a time, with choices instead of branches. A pixel outside gets the weight 0
   and the address of a pixel inside.
2. *Channels*: then each channel is a sum of products over these tables, $y[p] = \sum_t k[t, p] \, x[a[t, p]]$. This holds for every mode,
   and for images and volumes: only the number of pixels differs, 1 (nearest), 4, 8 (volumes) or 16 (bicubic).
3. *Gradients*: the gradient of the input adds $k[t, p] \, \frac{\partial L}{\partial y}[p]$ at the same addresses, and each channel is
   computed by one thread. For the gradient of the grid, a table holds the derivative of each weight with respect to each coordinate, and a
   pixel is read once for all of them.

Images are volumes of one plane. If a number is infinite or NaN, 0 times this number is not 0, so the reference loops do the work.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.registers import INLINE, by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

BLOCK = 256  # outputs whose tables are in the cache
AXIS, TAP = 30, 3  # multiply-adds that take as long as the position along one dimension, and as a pixel
ZEROS, BORDER, REFLECTION = 0, 1, 2

# The order of the operations for a position must not change: otherwise a position between two pixels could get the other pixel.
EXACT = {**SERIAL, "fastmath": {"contract"}}


def grid_sample_forward(reference, x, grid, y, taps, padding, align_corners):
    """y, for images or volumes."""
    if y.size == 0 or not _finite(x):
        return reference(x, grid, y, taps, padding, align_corners)
    outside = math.nan if x.ndim == 4 and taps == 2 else 0.0  # the output for a position that is not finite
    _channels(sampled_share, sampled_shared, x, grid, y, taps, padding, align_corners, outside)


def grid_sample_backward_x(reference, grad_y, grid, grad_x, taps, padding, align_corners):
    """grad_x, which holds zeros before."""
    if grad_y.size == 0 or not _finite(grad_y):
        return reference(grad_y, grid, grad_x, taps, padding, align_corners)
    _channels(scattered_share, scattered_shared, grad_x, grid, grad_y, taps, padding, align_corners, 0.0)


def grid_sample_backward_grid(reference, grad_y, x, grid, grad_grid, padding, align_corners):
    """grad_grid of the weighted mean of 2 pixels along each dimension."""
    if grad_y.size == 0 or not _finite(x, grad_y):
        return reference(grad_y, x, grid, grad_grid, padding, align_corners)
    _places(x, grid, grad_y, grad_grid, 2, padding, align_corners)


def grid_sample_bicubic_forward(reference, x, grid, y, padding, align_corners):
    """y of 4 by 4 pixels."""
    if y.size == 0 or not _finite(x):
        return reference(x, grid, y, padding, align_corners)
    _channels(sampled_share, sampled_shared, x, grid, y, 4, padding, align_corners, math.nan)


def grid_sample_bicubic_backward_x(reference, grad_y, grid, grad_x, padding, align_corners):
    """grad_x, which holds zeros before."""
    if grad_y.size == 0 or not _finite(grad_y):
        return reference(grad_y, grid, grad_x, padding, align_corners)
    _channels(scattered_share, scattered_shared, grad_x, grid, grad_y, 4, padding, align_corners, 0.0)


def grid_sample_bicubic_backward_grid(reference, grad_y, x, grid, grad_grid, padding, align_corners):
    """grad_grid of 4 by 4 pixels."""
    if grad_y.size == 0 or not _finite(x, grad_y):
        return reference(grad_y, x, grid, grad_grid, padding, align_corners)
    _places(x, grid, grad_y, grad_grid, 4, padding, align_corners)


def _finite(*numbers):
    """Whether all numbers are finite. (If their sum overflows, the answer is no, too, and the reference loops do the work.)"""
    with np.errstate(all="ignore"):
        return all(math.isfinite(each.sum()) for each in numbers)


def _channels(share, shared, x, grid, y, taps, padding, align_corners, outside):
    """A share of the channels for each worker."""
    N, C = x.shape[:2]
    lines, places = (x.reshape(N * C, -1), y.reshape(N * C, -1)), grid.reshape(N, -1, x.ndim - 2)
    options = _sizes(x), taps, padding, bool(align_corners), outside
    workers = threads_for(y.size * taps ** (x.ndim - 2) * TAP + places.size * AXIS, N * C)
    if workers == 1:
        share(*lines, places, C, *options, 0, N * C)
    else:
        shared(workers, *lines, places, C, *options)


def _places(x, grid, grad_y, grad_grid, taps, padding, align_corners):
    """A share of the blocks of all images for each worker."""
    N, C = x.shape[:2]
    lines = x.reshape(N, C, -1), grad_y.reshape(N, C, -1)
    places = grid.reshape(N, -1, x.ndim - 2), grad_grid.reshape(N, -1, x.ndim - 2)
    options = _sizes(x), taps, padding, bool(align_corners), 0.0
    blocks = N * -(-places[0].shape[1] // BLOCK)
    workers = threads_for(grad_y.size * taps ** (x.ndim - 2) * TAP + grid.size * AXIS, blocks)
    if workers == 1:
        slopes_share(*lines, *places, *options, 0, blocks)
    else:
        slopes_shared(workers, blocks, *lines, *places, *options)


def _sizes(x):
    """D_in, H_in, W_in; an image has one plane."""
    return (*(1,) * (5 - x.ndim), *x.shape[2:])


# ## Positions along one dimension
#
# For a block of coordinates: the first pixel, the weights of it and its neighbours, and the derivatives of the weights. `factor` is 1, or
# `outside` where the coordinate is not finite, or 0 where no pixel is near.
@njit(**EXACT)
def unpadded(at, extent, align_corners):
    one, half = at.dtype.type(1), at.dtype.type(0.5)
    size, shift = at.dtype.type(extent), half
    if align_corners:
        size, shift = size - one, half - half
    for p in range(at.size):
        at[p] = (at[p] + one) * half * size - shift


@njit(**EXACT)
def reflected(at, slope, extent, align_corners):
    number = at.dtype.type
    zero, one, two = number(0), number(1), number(2)
    low, span = (zero, number(extent - 1)) if align_corners else (at.dtype.type(-0.5), number(extent))
    for p in range(at.size):
        distance = abs(at[p] - low)
        known = span != zero and distance < at.dtype.type(1e15)
        flips = np.floor(distance / span) if known else zero
        extra = distance - flips * span
        odd = flips - two * np.floor(flips / two) != zero
        sign = one if (at[p] >= low) != odd else -one
        mirrored = span - extra + low if odd else extra + low
        at[p] = mirrored if known else zero
        slope[p] = slope[p] * sign if known else zero


@njit(**EXACT)
def near_places(at, slope, factor, extent, nearest, padding, align_corners, outside):
    """The positions for `nearest` and for linear weights."""
    number = at.dtype.type
    zero, one, last = number(0), number(1), number(extent - 1)
    unpadded(at, extent, align_corners)
    slope[:] = number(extent - 1 if align_corners else extent) * at.dtype.type(0.5)
    if padding == REFLECTION:
        reflected(at, slope, extent, align_corners)
    if padding != ZEROS:
        for p in range(at.size):
            inside = at[p] > zero and at[p] < last
            slope[p] = slope[p] if inside else zero
            at[p] = at[p] if inside else (last if at[p] >= last and at[p] > zero else zero)
    if nearest:
        for p in range(at.size):
            at[p] = np.rint(at[p])
    end, far = number(extent), number(outside)
    for p in range(at.size):
        elsewhere = zero if at[p] - at[p] == zero else far
        factor[p] = one if (at[p] > -one) & (at[p] < end) else elsewhere
    for p in range(at.size):
        at[p] = at[p] if (at[p] > -one) & (at[p] < end) else zero


@njit(**EXACT)
def near_taps(at, slope, factor, extent, taps, first, pixels, weights, slopes):
    # A loop for each result: with more arrays in one loop, LLVM does not test whether they overlap, and does not vectorise it.
    number = at.dtype.type
    zero, one, last = number(0), number(1), np.int32(extent - 1)
    for t in range(taps):
        sign, step = number(2 * t - 1) if taps == 2 else zero, np.int32(t)
        pixel, weight = window(pixels[t], 0, at.size), window(weights[t], 0, at.size)
        of_weight = window(slopes[t], 0, at.size)
        for p in range(at.size):
            i = np.int32(first[p] + step)
            pixel[p] = i if (i >= 0) & (i <= last) else np.int32(0)
        for p in range(at.size):
            i = np.int32(first[p] + step)
            near = (one - abs(at[p] - number(i))) * factor[p]
            weight[p] = near if (i >= 0) & (i <= last) else zero
        for p in range(at.size):
            i = np.int32(first[p] + step)
            rise = sign * slope[p] * factor[p]
            of_weight[p] = rise if (i >= 0) & (i <= last) else zero


@njit(**EXACT)
def cubic_places(at, slope, factor, extent, align_corners, outside):
    number = at.dtype.type
    zero, one, far = number(0), number(1), at.dtype.type(1e9)
    unpadded(at, extent, align_corners)
    slope[:] = at.dtype.type(0.5) * number(extent - 1 if align_corners else extent)
    for p in range(at.size):
        finite = at[p] - at[p] == zero
        factor[p] = one if finite else number(outside)
        at[p] = min(max(at[p], -far), far) if finite else zero


@njit(**EXACT)
def cubic_taps(at, slope, factor, extent, padding, align_corners, first, pixels, weights, slopes):
    number = at.dtype.type
    zero, one, two, three = number(0), number(1), number(2), number(3)
    A = at.dtype.type(-0.75)
    for t in range(4):
        for p in range(at.size):
            i = padded(first[p] + np.int32(t - 1), np.int32(extent), padding, align_corners)
            inside = factor[p] if i >= 0 else zero
            pixels[t, p] = max(i, np.int32(0))
            u = at[p] - number(first[p]) - number(t - 1)
            sign, u = (slope[p] if u > zero else -slope[p]), abs(u)
            inner = ((A + two) * u - (A + three)) * u * u + one
            outer = ((A * u - number(5) * A) * u + number(8) * A) * u - number(4) * A
            weights[t, p] = (inner if u <= one else (outer if u < two else zero)) * inside
            inner = (three * (A + two) * u - two * (A + three)) * u
            outer = A * ((three * u - number(10)) * u + number(8))
            slopes[t, p] = sign * (inner if u <= one else (outer if u < two else zero)) * inside


# The pixel that is read for the index `i`; -1 if it is 0.
@njit(**EXACT)
def padded(i, extent, padding, align_corners):
    if padding == BORDER:
        return min(max(i, np.int32(0)), extent - np.int32(1))
    if padding == REFLECTION:
        period = max(2 * (extent - 1), 1) if align_corners else 2 * extent
        i = abs(i) if align_corners else (i if i >= 0 else -1 - i)
        i = i % period
        return np.int32(min(i, period - i if align_corners else period - 1 - i) if extent > 1 else 0)
    return i if i >= 0 and i < extent else np.int32(-1)


# ## Tables
#
# For the outputs from p0 to p1: addresses[t, p], weights[t, p], and slopes[k, t, p] along the coordinate k, columns first.
@njit(**SERIAL)
def room(dims, taps, count, dtype):
    """Arrays for a block: along each dimension, and of the pixels of an output."""
    T = taps * taps * (taps if dims == 3 else 1)
    along = np.zeros((3, 4, count), np.int32), np.ones((3, 4, count), dtype), np.zeros((3, 4, count), dtype)
    lines = np.empty((3, count), dtype), np.empty(count, np.int32)
    return (
        along,
        lines,
        (np.empty((T, count), np.uint32), np.empty((T, count), dtype), np.empty((dims, T, count), dtype)),
    )


@njit(**SERIAL)
def tables(places, p0, p1, sizes, taps, padding, align_corners, outside, wanted, space):
    by_itself()
    (pixels, weights, slopes), (lines, first), _ = space
    count, dims = p1 - p0, places.shape[1]
    at, slope, factor = window(lines[0], 0, count), window(lines[1], 0, count), window(lines[2], 0, count)
    first = window(first, 0, count)
    for k in range(dims):
        extent = sizes[2 - k]
        for p in range(count):
            at[p] = places[p0 + p, k]
        if taps == 4:
            cubic_places(at, slope, factor, extent, align_corners, outside)
        else:
            near_places(at, slope, factor, extent, taps == 1, padding, align_corners, outside)
        for p in range(count):
            first[p] = np.int32(np.floor(at[p]))
        along = first, pixels[k], weights[k], slopes[k]
        if taps == 4:
            cubic_taps(at, slope, factor, extent, padding, align_corners, *along)
        else:
            near_taps(at, slope, factor, extent, taps, *along)
    t = 0
    for t_d in range(taps if dims == 3 else 1):
        for t_h in range(taps):
            for t_w in range(taps):
                combine(space, t, t_d, t_h, t_w, count, dims, sizes, wanted)
                t += 1


@njit(**SERIAL)
def combine(space, t, t_d, t_h, t_w, count, dims, sizes, wanted):
    """One pixel out of one along each dimension. An image has one plane, of weight 1."""
    (pixels, weights, slopes), _, (addresses, products, gradients) = space
    D_in, H_in, W_in = sizes
    k_d, k_h, k_w = weights[2, t_d], weights[1, t_h], weights[0, t_w]
    s_d, s_h, s_w = slopes[2, t_d], slopes[1, t_h], slopes[0, t_w]
    p_d, p_h, p_w = pixels[2, t_d], pixels[1, t_h], pixels[0, t_w]
    address, rows, columns = addresses[t], np.int32(H_in), np.int32(W_in)
    for p in range(count):
        address[p] = (p_d[p] * rows + p_h[p]) * columns + p_w[p]
    if wanted:
        multiply(k_d, k_h, s_w, window(gradients[0, t], 0, count))
        multiply(k_d, s_h, k_w, window(gradients[1, t], 0, count))
        if dims == 3:
            multiply(s_d, k_h, k_w, window(gradients[2, t], 0, count))
    else:
        multiply(k_d, k_h, k_w, window(products[t], 0, count))


@njit(**INLINE)
def multiply(a, b, c, result):
    for p in range(result.size):
        result[p] = a[p] * b[p] * c[p]


# ## The three passes
@njit(**SERIAL)
def sampled_share(x, y, places, C, sizes, taps, padding, align_corners, outside, first, last):
    P, dims = places.shape[1:]
    space = room(dims, taps, min(BLOCK, P), x.dtype)
    addresses, weights = space[2][0], space[2][1]
    for n in range(first // C, -(-last // C)):
        for p0 in range(0, P, BLOCK):
            p1 = min(p0 + BLOCK, P)
            tables(places[n], p0, p1, sizes, taps, padding, align_corners, outside, False, space)
            for c in range(max(first, n * C), min(last, (n + 1) * C)):
                line, result = x[c], y[c, p0:p1]
                result[:] = 0
                for t in range(len(addresses)):
                    address, weight = addresses[t], weights[t]
                    for p in range(result.size):
                        result[p] += weight[p] * line[address[p]]


@njit(**PARALLEL)
def sampled_shared(workers, x, y, places, C, sizes, taps, padding, align_corners, outside):
    for worker in prange(workers):
        w = np.int64(worker)
        first, last = w * len(x) // workers, (w + 1) * len(x) // workers
        sampled_share(x, y, places, C, sizes, taps, padding, align_corners, outside, first, last)


@njit(**SERIAL)
def scattered_share(grad_x, grad_y, places, C, sizes, taps, padding, align_corners, outside, first, last):
    P, dims = places.shape[1:]
    space = room(dims, taps, min(BLOCK, P), grad_x.dtype)
    addresses, weights = space[2][0], space[2][1]
    for n in range(first // C, -(-last // C)):
        for p0 in range(0, P, BLOCK):
            p1 = min(p0 + BLOCK, P)
            tables(places[n], p0, p1, sizes, taps, padding, align_corners, outside, False, space)
            for c in range(max(first, n * C), min(last, (n + 1) * C)):
                line, given = grad_x[c], grad_y[c, p0:p1]
                for t in range(len(addresses)):
                    address, weight = addresses[t], weights[t]
                    for p in range(given.size):
                        line[address[p]] += weight[p] * given[p]


@njit(**PARALLEL)
def scattered_shared(workers, grad_x, grad_y, places, C, sizes, taps, padding, align_corners, outside):
    for worker in prange(workers):
        w = np.int64(worker)
        first, last = w * len(grad_x) // workers, (w + 1) * len(grad_x) // workers
        scattered_share(grad_x, grad_y, places, C, sizes, taps, padding, align_corners, outside, first, last)


@njit(**SERIAL)
def slopes_share(x, grad_y, places, grad_places, sizes, taps, padding, align_corners, outside, first, last):
    P, dims = places.shape[1:]
    space = room(dims, taps, min(BLOCK, P), x.dtype)
    addresses, slopes = space[2][0], space[2][2]
    sums, values = np.empty((dims, min(BLOCK, P)), x.dtype), np.empty(min(BLOCK, P), x.dtype)
    blocks = -(-P // BLOCK)  # of each image
    for block in range(first, last):
        n, p0 = block // blocks, block % blocks * BLOCK
        p1 = min(p0 + BLOCK, P)
        tables(places[n], p0, p1, sizes, taps, padding, align_corners, outside, True, space)
        sums[:] = 0
        for c in range(x.shape[1]):
            add_slopes(sums, values, x[n, c], grad_y[n, c, p0:p1], addresses, slopes)
        for k in range(dims):
            for p in range(p1 - p0):
                grad_places[n, p0 + p, k] = sums[k, p]


@njit(**SERIAL)
def add_slopes(sums, values, line, given, addresses, slopes):
    """Add the part of one channel to the gradients of the coordinates."""
    for t in range(len(addresses)):
        address = addresses[t]
        for p in range(given.size):
            values[p] = line[address[p]] * given[p]
        for k in range(len(slopes)):
            total, slope = sums[k], slopes[k, t]
            for p in range(given.size):
                total[p] += slope[p] * values[p]


@njit(**PARALLEL)
def slopes_shared(workers, blocks, x, grad_y, places, grad_places, sizes, taps, padding, align_corners, outside):
    for worker in prange(workers):
        w = np.int64(worker)
        first, last = w * blocks // workers, (w + 1) * blocks // workers
        slopes_share(x, grad_y, places, grad_places, sizes, taps, padding, align_corners, outside, first, last)
