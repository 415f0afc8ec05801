r"""The gradient of max pooling, window by window.

The plain loop asks of each row of the image which windows reach it, and looks through all of them for the pixels they chose: that way
each element has one owner, on the CPU as on a GPU. But the index already says where the gradient belongs. So one thread takes a
whole channel of an image, sets it to zero, and goes once through the windows:

$$\frac{\partial L}{\partial x}[m] \mathrel{+}= \frac{\partial L}{\partial y}[h_{out}, w_{out}], \quad m = m[h_{out}, w_{out}]$$

Windows that chose the same pixel are in the same channel: no two threads ever add to one pixel.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def max_pool2d_backward_x(plain, grad_y, index, grad_x, K_h, stride_h, pad_h, dil_h):
    """grad_x from the index of each window's winner, which is below 0 for a window without a pixel."""
    N, C, H_in, W_in = grad_x.shape
    channels, windows = N * C, grad_y.shape[2] * grad_y.shape[3]
    gradient, winners, lines = (array.reshape(array.size) for array in (grad_y, index, grad_x))
    workers = threads_for((grad_x.size + 2 * grad_y.size) * 4, max(1, channels))
    if workers == 1:
        scatter_share(gradient, winners, lines, windows, H_in * W_in, 0, channels)
    else:
        scatter_shared(workers, gradient, winners, lines, windows, H_in * W_in, channels)


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
