r"""Max pooling by rows of windows, and its gradient window by window.

*The largest elements.* The reference loops compute one window after the other. They test for each of its elements whether it is in the
input, and then whether it is the largest so far. The processor cannot predict the second test well, and each wrong prediction costs time.

1. *A register of windows at once*: element (k_d, k_h, k_w) of all of them, then the next one. Only the windows at the left and right
   edge test whether it is in the input.
2. *A choice instead of a branch* (`take_larger`): the larger of two numbers, and its index, are computed without a branch.

*The gradient.* The reference loops search the windows that cover an element for those whose largest element it is. So each thread writes
its own elements, on the CPU and on a GPU. But the index already says which element gets the gradient. So here one thread computes a whole
channel: it sets it to zero, and goes once through the windows:

$$\frac{\partial L}{\partial x}[m] \mathrel{+}= \frac{\partial L}{\partial y}[h_{out}, w_{out}], \quad m = m[h_{out}, w_{out}]$$

Windows with the same largest element are in the same channel, so no two threads add to one element. The positions of the windows have no
influence, so the same loop computes the gradients of adaptive and of fractional max pooling.

Sequences and images are volumes of one row and of one plane.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from reftorch.fast.avg_pool import as_volume
from reftorch.fast.lanes import copy_lanes, fill_lanes, take_larger
from reftorch.fast.registers import INLINE, LANES, by_itself, local_array, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

CHOICE = 25  # multiply-adds that take as long as a choice


class Windows(NamedTuple):
    """The options, as plain integers, and the windows of a row that are complete. Kernels get a plain tuple, which takes less time."""

    K_d: int
    K_h: int
    K_w: int
    stride_d: int
    stride_h: int
    stride_w: int
    pad_d: int
    pad_h: int
    pad_w: int
    dil_d: int
    dil_h: int
    dil_w: int
    first: int  # window of a row whose columns are all in the input,
    end: int  # and the one after the last such


def max_pool_forward(reference, x, y, index, *options):
    """y and the index of each window's largest element. The options are sizes, strides, paddings and dilations, and the lowest number."""
    if x.dtype.kind != "f" or y.size == 0:
        return reference(x, y, index, *options)
    numbers, size_in, size_out, work = plan(x.shape, y.shape, options)
    volumes, channels = (x.reshape(size_in), y.reshape(size_out), index.reshape(size_out)), size_in[0]
    workers = threads_for(work, channels)
    if workers == 1:
        largest_share(*volumes, numbers, 0, channels)
    else:
        largest_shared(workers, *volumes, numbers)


@functools.lru_cache(maxsize=64)  # in training the same sizes occur many times
def plan(size_in, size_out, options):
    """The numbers of `Windows`; the shapes of input and output as (channels, D, H, W); how many multiply-adds would take as long."""
    n, W_in, W_out = len(size_in) - 2, size_in[-1], size_out[-1]
    numbers = [
        each for i, usual in enumerate((1, 1, 0, 1)) for each in (*(usual,) * (3 - n), *options[i * n : i * n + n])
    ]
    K_w, stride_w, pad_w, dil_w = numbers[2::3]
    first = min(-(-pad_w // stride_w), W_out)
    end = max(first, min((W_in - 1 - (K_w - 1) * dil_w + pad_w) // stride_w + 1, W_out))
    registers = math.prod(size_out[:-1]) * -(-W_out // LANES)
    work = registers * LANES * math.prod(numbers[:3]) * CHOICE
    return (*numbers, first, end), as_volume(size_in), as_volume(size_out), work


def max_pool_backward_x(reference, grad_y, index, grad_x, *options):
    """grad_x from the index of each window's largest element, which is below 0 for a window without one."""
    channels = grad_x.shape[0] * grad_x.shape[1]
    if channels == 0:
        return
    elements, windows = grad_x.size // channels, grad_y.size // channels
    gradient, places, lines = grad_y.reshape(grad_y.size), index.reshape(index.size), grad_x.reshape(grad_x.size)
    workers = threads_for((grad_x.size + 2 * grad_y.size) * 2 * MEMORY, channels)  # 2: not one after the other
    if workers == 1:
        scatter_share(gradient, places, lines, windows, elements, 0, channels)
    else:
        scatter_shared(workers, gradient, places, lines, windows, elements, channels)


# ## The largest elements
#
# Element (k_d, k_h, k_w) of a register of windows, which are stride_w apart. If fewer windows are left in the row, the elements after them
# are read, too, and the results are written into the next rows, which are computed later and overwrite them; or the results are dropped, if
# the worker's share ends there.
@njit(**INLINE)
def one_window(line, channel, size_in, d_top, h_top, w_left, windows, lowest):
    """A window, of which not all may be in the input."""
    D_in, H_in, W_in = size_in
    best, found = lowest, -1
    for k_d in range(windows.K_d):
        d_in = d_top + k_d * windows.dil_d
        if 0 <= d_in < D_in:
            for k_h in range(windows.K_h):
                h_in = h_top + k_h * windows.dil_h
                if 0 <= h_in < H_in:
                    for k_w in range(windows.K_w):
                        w_in = w_left + k_w * windows.dil_w
                        if 0 <= w_in < W_in:
                            place = (d_in * H_in + h_in) * W_in + w_in
                            value = line[channel + place]
                            if found < 0 or value > best or value != value:
                                best, found = value, place
    return best, found


@njit(**INLINE)
def some_windows(line, channel, size_in, d_top, h_top, w_left, windows, lowest, best, found):
    """A register of windows, all of whose columns are in the input."""
    D_in, H_in, W_in = size_in
    fill_lanes(best, lowest)
    fill_lanes(found, -1)
    for k_d in range(windows.K_d):
        d_in = d_top + k_d * windows.dil_d
        if 0 <= d_in < D_in:
            for k_h in range(windows.K_h):
                h_in = h_top + k_h * windows.dil_h
                if 0 <= h_in < H_in:
                    for k_w in range(windows.K_w):
                        place = (d_in * H_in + h_in) * W_in + w_left + k_w * windows.dil_w
                        elements = window(line, channel + place, LANES * windows.stride_w)
                        if windows.stride_w == 1:  # two steps that are known when this is compiled
                            take_larger(best, found, elements, place, 1)
                        elif windows.stride_w == 2:
                            take_larger(best, found, elements, place, 2)
                        else:
                            take_larger(best, found, elements, place, windows.stride_w)


@njit(**SERIAL)
def largest_share(x, y, index, numbers, c0, c1):
    by_itself()
    windows = Windows(*numbers)
    size_in, (D_out, H_out, W_out) = x.shape[1:], y.shape[1:]
    (D_in, H_in, W_in), rows = size_in, D_out * H_out
    line, lowest = window(x.reshape(x.size), 0, x.size), y.dtype.type(-np.inf)
    best, found = local_array(1, LANES, y.dtype)[0], local_array(1, LANES, index.dtype)[0]
    best_few, found_few = local_array(1, LANES, y.dtype)[0], local_array(1, LANES, index.dtype)[0]
    values, places = window(y.reshape(y.size), 0, y.size), window(index.reshape(index.size), 0, index.size)
    beyond = (windows.K_d - 1) * windows.dil_d * H_in * W_in + (windows.K_h - 1) * windows.dil_h * W_in
    beyond += (windows.K_w - 1) * windows.dil_w + LANES * windows.stride_w
    for row in range(c0 * rows, c1 * rows):
        channel = row // rows * (D_in * H_in * W_in)
        d_top = row % rows // H_out * windows.stride_d - windows.pad_d
        h_top = row % H_out * windows.stride_h - windows.pad_h
        w_out = 0
        while w_out < W_out:
            at, w_left = row * W_out + w_out, w_out * windows.stride_w - windows.pad_w
            whole = windows.first <= w_out < windows.end
            if whole and channel + (d_top * H_in + h_top) * W_in + w_left + beyond <= x.size:
                width = min(LANES, windows.end - w_out)
                some_windows(line, channel, size_in, d_top, h_top, w_left, windows, lowest, best, found)
                if at + LANES <= c1 * rows * W_out:
                    copy_lanes(window(values, at, LANES), best)
                    copy_lanes(window(places, at, LANES), found)
                else:
                    copy_lanes(best_few, best)
                    copy_lanes(found_few, found)
                    for s in range(width):
                        values[at + s], places[at + s] = best_few[s], found_few[s]
                w_out += width
            else:
                values[at], places[at] = one_window(line, channel, size_in, d_top, h_top, w_left, windows, lowest)
                w_out += 1


@njit(**PARALLEL)
def largest_shared(workers, x, y, index, numbers):
    for worker in prange(workers):
        w = np.int64(worker)
        largest_share(x, y, index, numbers, w * len(x) // workers, (w + 1) * len(x) // workers)


# ## The gradient
@njit(**SERIAL)
def scatter_share(gradient, places, lines, windows, elements, c0, c1):
    by_itself()
    for c in range(c0, c1):
        line = window(lines, c * elements, elements)
        given, chosen = window(gradient, c * windows, windows), window(places, c * windows, windows)
        for i in range(elements):
            line[i] = 0
        for i in range(windows):
            if chosen[i] >= 0:
                line[chosen[i]] += given[i]


@njit(**PARALLEL)
def scatter_shared(workers, gradient, places, lines, windows, elements, channels):
    for worker in prange(workers):
        w = np.int64(worker)
        c0, c1 = w * channels // workers, (w + 1) * channels // workers
        scatter_share(gradient, places, lines, windows, elements, c0, c1)
