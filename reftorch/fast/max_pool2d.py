r"""Max pooling by rows of windows, and its gradient window by window.

*The largest pixels.* The reference loop takes each window by itself, asks for each of its pixels whether it is in the image, and then
whether it is the largest so far: a question whose answer nobody can foresee, and a processor that guesses wrong starts again.

1. *A register of windows at once*: pixel (k_h, k_w) of all of them, then the next one. Only the windows at the left and right
   edge ask whether it is in the image.
2. *A choice instead of a question* (`take_larger`): the larger of two numbers, and its place, are computed and not decided.

*The gradient.* The reference loop asks of each row of the image which windows reach it, and looks through all of them for the pixels
they chose: that way each element has one owner, on the CPU as on a GPU. But the index already says where the gradient belongs. So
one thread takes a whole channel of an image, sets it to zero, and goes once through the windows:

$$\frac{\partial L}{\partial x}[m] \mathrel{+}= \frac{\partial L}{\partial y}[h_{out}, w_{out}], \quad m = m[h_{out}, w_{out}]$$

Windows that chose the same pixel are in the same channel: no two threads ever add to one pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reftorch.fast.lanes import copy_lanes, fill_lanes, take_larger
from reftorch.fast.registers import INLINE, LANES, by_itself, local_array, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

CHOICE = 25  # multiply-adds that take as long as a choice


class Windows(NamedTuple):
    """The options, as plain integers for the kernel, and which windows of a row are whole."""

    K_h: int
    K_w: int
    stride_h: int
    stride_w: int
    pad_h: int
    pad_w: int
    dil_h: int
    dil_w: int
    first: int  # window of a row whose columns are all in the image,
    end: int  # and the one after the last such


def max_pool2d_forward(reference, x, y, index, K_h, K_w, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, lowest):
    """y and the place of each window's winner."""
    options = K_h, K_w, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w
    N, C, H_out, W_out = y.shape
    W_in, reach = x.shape[3], (K_w - 1) * dil_w
    if x.dtype.kind != "f" or y.size == 0:
        return reference(x, y, index, *options, lowest)
    first = min(-(-pad_w // stride_w), W_out)
    end = max(first, min((W_in - 1 - reach + pad_w) // stride_w + 1, W_out))
    windows, channels = Windows(*options, first, end), N * C
    planes = [array.reshape(channels, *array.shape[2:]) for array in (x, y, index)]
    workers = threads_for(channels * H_out * -(-W_out // LANES) * LANES * K_h * K_w * CHOICE, channels)
    if workers == 1:
        largest_share(*planes, windows, 0, channels)
    else:
        largest_shared(workers, *planes, windows)


def max_pool2d_backward_x(reference, grad_y, index, grad_x, K_h, stride_h, pad_h, dil_h):
    """grad_x from the index of each window's winner, which is below 0 for a window without a pixel."""
    N, C, H_in, W_in = grad_x.shape
    channels, windows = N * C, grad_y.shape[2] * grad_y.shape[3]
    gradient, winners, lines = (array.reshape(array.size) for array in (grad_y, index, grad_x))
    workers = threads_for((grad_x.size + 2 * grad_y.size) * 2 * MEMORY, max(1, channels))  # 2: not one after the other
    if workers == 1:
        scatter_share(gradient, winners, lines, windows, H_in * W_in, 0, channels)
    else:
        scatter_shared(workers, gradient, winners, lines, windows, H_in * W_in, channels)


# ## The largest pixels
#
# Pixel (k_h, k_w) of a register of windows, which lie stride_w apart. Where fewer windows are left in the row, the pixels after
# them are looked at too, and what is found there is written into the next rows, whose turn comes later; or dropped, if there is
# no room left in the worker's share.
@njit(**INLINE)
def one_window(line, plane, H_in, W_in, h_top, w_left, windows, lowest):
    """A window, of which not all may be in the image."""
    best, found = lowest, -1
    for k_h in range(windows.K_h):
        h_in = h_top + k_h * windows.dil_h
        if 0 <= h_in < H_in:
            for k_w in range(windows.K_w):
                w_in = w_left + k_w * windows.dil_w
                if 0 <= w_in < W_in:
                    value = line[plane + h_in * W_in + w_in]
                    if found < 0 or value > best or value != value:
                        best, found = value, h_in * W_in + w_in
    return best, found


@njit(**INLINE)
def some_windows(line, plane, H_in, W_in, h_top, w_left, windows, lowest, best, found):
    """A register of windows, all of whose columns are in the image."""
    fill_lanes(best, lowest)
    fill_lanes(found, -1)
    for k_h in range(windows.K_h):
        h_in = h_top + k_h * windows.dil_h
        if 0 <= h_in < H_in:
            for k_w in range(windows.K_w):
                place = h_in * W_in + w_left + k_w * windows.dil_w
                pixels = window(line, plane + place, LANES * windows.stride_w)
                if windows.stride_w == 1:  # two steps that are known when this is compiled
                    take_larger(best, found, pixels, place, 1)
                elif windows.stride_w == 2:
                    take_larger(best, found, pixels, place, 2)
                else:
                    take_larger(best, found, pixels, place, windows.stride_w)


@njit(**SERIAL)
def largest_share(x, y, index, windows, c0, c1):
    by_itself()
    (H_in, W_in), (H_out, W_out) = x.shape[1:], y.shape[1:]
    line, lowest = window(x.reshape(x.size), 0, x.size), y.dtype.type(-np.inf)
    best, found = local_array(1, LANES, y.dtype)[0], local_array(1, LANES, index.dtype)[0]
    best_few, found_few = local_array(1, LANES, y.dtype)[0], local_array(1, LANES, index.dtype)[0]
    values, places = window(y.reshape(y.size), 0, y.size), window(index.reshape(index.size), 0, index.size)
    beyond = (windows.K_h - 1) * windows.dil_h * W_in + (windows.K_w - 1) * windows.dil_w + LANES * windows.stride_w
    for c in range(c0, c1):
        for h_out in range(H_out):
            h_top = h_out * windows.stride_h - windows.pad_h
            w_out = 0
            while w_out < W_out:
                at = (c * H_out + h_out) * W_out + w_out
                w_left = w_out * windows.stride_w - windows.pad_w
                whole = windows.first <= w_out < windows.end
                if whole and (c * H_in + h_top) * W_in + w_left + beyond <= x.size:
                    width = min(LANES, windows.end - w_out)
                    some_windows(line, c * H_in * W_in, H_in, W_in, h_top, w_left, windows, lowest, best, found)
                    if at + LANES <= c1 * H_out * W_out:
                        copy_lanes(window(values, at, LANES), best)
                        copy_lanes(window(places, at, LANES), found)
                    else:
                        copy_lanes(best_few, best)
                        copy_lanes(found_few, found)
                        for s in range(width):
                            values[at + s], places[at + s] = best_few[s], found_few[s]
                    w_out += width
                else:
                    values[at], places[at] = one_window(
                        line, c * H_in * W_in, H_in, W_in, h_top, w_left, windows, lowest
                    )
                    w_out += 1


@njit(**PARALLEL)
def largest_shared(workers, x, y, index, windows):
    for worker in prange(workers):
        w = np.int64(worker)
        largest_share(x, y, index, windows, w * len(x) // workers, (w + 1) * len(x) // workers)


# ## The gradient
@njit(**SERIAL)
def scatter_share(gradient, winners, lines, windows, pixels, c0, c1):
    by_itself()
    for c in range(c0, c1):
        line = window(lines, c * pixels, pixels)
        given, places = window(gradient, c * windows, windows), window(winners, c * windows, windows)
        for i in range(pixels):
            line[i] = 0
        for i in range(windows):
            if places[i] >= 0:
                line[places[i]] += given[i]


@njit(**PARALLEL)
def scatter_shared(workers, gradient, winners, lines, windows, pixels, channels):
    for worker in prange(workers):
        w = np.int64(worker)
        c0, c1 = w * channels // workers, (w + 1) * channels // workers
        scatter_share(gradient, winners, lines, windows, pixels, c0, c1)
