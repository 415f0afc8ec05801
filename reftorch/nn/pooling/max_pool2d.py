r"""Max pooling over the rows and columns of images.

A window slides over each channel, and the largest pixel of every window is kept. The image becomes smaller, and the output does not
depend on where in the window a feature lies. Nothing is learned.

Use it when the strongest response of a region counts; `avg_pool2d` takes the mean, `adaptive_max_pool2d` the size of the
output.

## Forward

A window of 2 by 2 pixels gives the largest of the four. In general:

$$y[n, c, h_{out}, w_{out}] = \max_{0 \le k_h < K_h} \; \max_{0 \le k_w < K_w} \; x[n, c, h_{in}, w_{in}]$$

$$h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad w_{in} = w_{out} \, s_w - p_w + k_w \, d_w$$

Positions outside the image count as $-\infty$, so padding never wins against a pixel. The place of the maximum
is kept as one number per window, counted row by row over the channel's image; of equal pixels the first one counts:

$$m[n, c, h_{out}, w_{out}] = h_{in} \, W_{in} + w_{in} \quad \text{of the pixel that won}$$

NaN wins against every number (the last NaN of a window, if there are several): an error upstream stays visible.

## Gradients

$y$ copies one pixel of the window, so its derivative is 1 for that pixel and 0 for the others. A pixel may be the
largest of several overlapping windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = a_h}^{b_h} \; \sum_{w_{out} = 0}^{W_{out} - 1}
\left[ m[n, c, h_{out}, w_{out}] = h_{in} \, W_{in} + w_{in} \right] \; \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. Only the rows of windows from $a_h$ to $b_h$ reach the pixel:
$a_h$ is the first that ends at the pixel's row or below, $b_h$ the last that starts at its row or above.

$$a_h = \max\left(0, \left\lceil \frac{h_{in} + p_h - (K_h - 1) \, d_h}{s_h} \right\rceil\right) \qquad
b_h = \min\left(H_{out} - 1, \left\lfloor \frac{h_{in} + p_h}{s_h} \right\rfloor\right)$$

## Output size

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - d_h (K_h - 1) - 1}{s_h} \right\rfloor + 1$$

$W_{out}$ is computed in the same way. `ceil_mode=True` rounds up instead, which keeps a last window that reaches beyond the end; a
window that would start behind the last pixel, in the padding, is dropped.

## Cost

$N C H_{out} W_{out} K_h K_w$ comparisons forward. Reads the $N C H_{in} W_{in}$ elements of $x$, writes
$N C H_{out} W_{out}$ of $y$ and as many indices of 8 bytes; backward reads the indices and the gradient of $y$ and writes that
of $x$. With windows of 2 by 2, side by side, in float32, that is 28 bytes forward for 4 comparisons: the memory sets the speed.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output: the largest pixel of each window |
| $m$ | `index` | $(N, C, H_{out}, W_{out})$ | where it was found: row times $W_{in}$ plus column; int64 |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $k_h$ | `k_h` | $0 \le k_h < K_h$ | row inside the window |
| $k_w$ | `k_w` | $0 \le k_w < K_w$ | column inside the window |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $s_h$ | `stride_h` | $s_h \ge 1$ | rows from one window to the next |
| $s_w$ | `stride_w` | $s_w \ge 1$ | columns from one window to the next |
| $p_h$ | `pad_h` | $0 \le p_h \le K_h / 2$ | rows of padding on each side |
| $p_w$ | `pad_w` | $0 \le p_w \le K_w / 2$ | columns of padding on each side |
| $d_h$ | `dil_h` | $d_h \ge 1$ | rows from one position of the window to the next |
| $d_w$ | `dil_w` | $d_w \ge 1$ | columns from one position of the window to the next |
| $-\infty$ | `lowest` | | value of a window before a pixel is seen (for integers, the smallest one) |
| $a_h$ | `h_first` | $0 \le a_h$ | first window, from the top, that reaches row $h_{in}$ |
| $b_h$ | `h_last` | $b_h < H_{out}$ | last window that reaches row $h_{in}$ |

## Worked example

Windows of 2 by 2, one pixel apart, over an image of 3 rows and 4 columns. The 5 is the largest of two windows, and
so is the 6: each gets two gradients. One window contains both 3s; the first of them counts, the second gets no gradient:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 5, 2, 3],
...                     [4, 0, 1, 3],
...                     [7, 2, 6, 0]]]], requires_grad=True)
>>> y, index = F.max_pool2d(x, kernel_size=2, stride=1, return_indices=True)
>>> y
tensor([[[[5., 5., 3.],
          [7., 6., 6.]]]], grad_fn=<MaxPool2DWithIndicesBackward0>)
>>> index
tensor([[[[ 1,  1,  3],
          [ 8, 10, 10]]]])
>>> y.backward(torch.tensor([[[[1., 2, 3],
...                            [4, 5, 6]]]]))
>>> x.grad
tensor([[[[ 0.,  3.,  0.,  3.],
          [ 0.,  0.,  0.,  0.],
          [ 4.,  0., 11.,  0.]]]])

## Questions

**Which pixels get a gradient, if the windows do not overlap?**

One of each window, the first of its largest pixels.

**Why is the padding not zero?**

A window of negative pixels at the border would then give 0, which is none of its pixels.

**Which size does an image of 28 by 28 have after two poolings with windows of 2 by 2?**

>>> F.max_pool2d(F.max_pool2d(torch.zeros(1, 28, 28), 2), 2).shape
torch.Size([1, 7, 7])

## Differences

- Older documentation calls the padding zeros. It is $-\infty$: a window of negative pixels keeps its largest pixel.
- Padding may be at most half of `kernel_size` (rounded down), whatever the dilation. PyTorch's message speaks of the "effective" size
  $d (K - 1) + 1$, but a second check refuses more.
- With dilation a window can step over a small image and touch padding only. Its value is $-\infty$ here and in PyTorch; its index is -1
  here, where PyTorch gives a place that may lie outside the image or belong to another pixel.
- Only the indices are kept for backward. PyTorch keeps the input too, so it refuses backward if the input was changed in place.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.pooling import checks
from reftorch.nn.pooling.max_pool_nd import MaxPoolNd
from reftorch.types import int64


def max_pool2d_output_size(size_in, kernel_size, stride, padding, dilation, ceil_mode=False):
    """`(H_out, W_out)` for `size_in = (H_in, W_in)` and pairs of options; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, dilation, ceil_mode)


# ## The largest pixel of each window
#
# $$y[n, c, h_{out}, w_{out}] = \max_{k_h, k_w} \; x[n, c, h_{in}, w_{in}]$$
#
# One pass finds the value and its place. `value > best` keeps the first of equal pixels; a NaN compares false with every
# number, so `isnan` tests for it; `found < 0` accepts the first pixel, even if it is minus infinity.
@njit(**PARALLEL)
def max_pool2d_forward_cpu(x, y, index, K_h, K_w, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, lowest):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for n in prange(N):
        for c in range(C):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    best = y.dtype.type(lowest)
                    found = -1
                    for k_h in range(K_h):
                        h_in = h_out * stride_h - pad_h + k_h * dil_h
                        if 0 <= h_in < H_in:
                            for k_w in range(K_w):
                                w_in = w_out * stride_w - pad_w + k_w * dil_w
                                if 0 <= w_in < W_in:
                                    value = x[n, c, h_in, w_in]
                                    if found < 0 or value > best or math.isnan(value):
                                        best = value
                                        found = h_in * W_in + w_in
                    y[n, c, h_out, w_out] = best
                    index[n, c, h_out, w_out] = found


@cuda.jit
def max_pool2d_forward_cuda(x, y, index, K_h, K_w, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, lowest):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    c = i // (W_out * H_out) % C
    n = i // (W_out * H_out * C)
    best = y.dtype.type(lowest)
    found = -1
    for k_h in range(K_h):
        h_in = h_out * stride_h - pad_h + k_h * dil_h
        if 0 <= h_in < H_in:
            for k_w in range(K_w):
                w_in = w_out * stride_w - pad_w + k_w * dil_w
                if 0 <= w_in < W_in:
                    value = x[n, c, h_in, w_in]
                    if found < 0 or value > best or math.isnan(value):
                        best = value
                        found = h_in * W_in + w_in
    y[n, c, h_out, w_out] = best
    index[n, c, h_out, w_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = a_h}^{b_h} \; \sum_{w_{out} = 0}^{W_{out} - 1}
# \left[ m[n, c, h_{out}, w_{out}] = h_{in} \, W_{in} + w_{in} \right] \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# A row of the image belongs to one thread: it adds, for each window that reaches the row, the gradient to the pixel that the window
# kept. So no two threads add to one pixel. (One pixel for each thread would be safe too, but then every pixel has to compute which
# rows and columns of windows reach it, and those divisions took ten times as long as all the rest.)
# `-(-a // b)` is a / b rounded up.
@njit(**PARALLEL)
def max_pool2d_backward_x_cpu(grad_y, index, grad_x, K_h, stride_h, pad_h, dil_h):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for n in prange(N):
        for c in range(C):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    grad_x[n, c, h_in, w_in] = 0
                h_first = max(0, -(-(h_in + pad_h - (K_h - 1) * dil_h) // stride_h))
                h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
                for h_out in range(h_first, h_last + 1):
                    for w_out in range(W_out):
                        w_in = index[n, c, h_out, w_out] - h_in * W_in
                        if 0 <= w_in < W_in:
                            grad_x[n, c, h_in, w_in] += grad_y[n, c, h_out, w_out]


@cuda.jit
def max_pool2d_backward_x_cuda(grad_y, index, grad_x, K_h, stride_h, pad_h, dil_h):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= N * C * H_in:
        return
    h_in = i % H_in
    c = i // H_in % C
    n = i // (H_in * C)
    for w_in in range(W_in):
        grad_x[n, c, h_in, w_in] = 0
    h_first = max(0, -(-(h_in + pad_h - (K_h - 1) * dil_h) // stride_h))
    h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
    for h_out in range(h_first, h_last + 1):
        for w_out in range(W_out):
            w_in = index[n, c, h_out, w_out] - h_in * W_in
            if 0 <= w_in < W_in:
                grad_x[n, c, h_in, w_in] += grad_y[n, c, h_out, w_out]


class MaxPool2DWithIndicesFunction(Function):
    """Max pooling on the tape. x (N, C, H_in, W_in); `window` four pairs of ints; returns y and the index of each window's largest pixel."""

    @staticmethod
    def forward(ctx, x, size_out, window):
        kernel_size, stride, padding, dilation = window
        N, C, _, _ = ctx.size_in = x.shape
        y, index = x.new_empty(N, C, *size_out), x.new_empty(N, C, *size_out, dtype=int64)
        lowest = -math.inf if x.is_floating_point() else int(np.iinfo(x.dtype.numpy).min)
        run = on(x.device, max_pool2d_forward_cpu, max_pool2d_forward_cuda, y.numel(), fast.max_pool_forward)
        run(*arrays(x, y, index), *kernel_size, *stride, *padding, *dilation, lowest)
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)  # an index has no gradient, not even zeros
        ctx.rows = kernel_size[0], stride[0], padding[0], dilation[0]
        return y, index

    @staticmethod
    def backward(ctx, grad_y, grad_index):
        (index,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.size_in)
        N, C, H_in, _ = ctx.size_in
        run = on(
            grad_y.device,
            max_pool2d_backward_x_cpu,
            max_pool2d_backward_x_cuda,
            N * C * H_in,  # one thread per row
            fast.max_pool_backward_x,
        )
        run(*arrays(grad_y, index, grad_x), *ctx.rows)
        return grad_x, None, None


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest pixel of each window; with `return_indices=True` a pair, the second being where it was.

    Shapes: `input` (N, C, H_in, W_in) or (C, H_in, W_in); N may be 0. Both results (N, C, H_out, W_out) or (C, H_out, W_out);
    an index counts pixels row by row within its channel. `kernel_size`, `stride`, `padding` and `dilation` are ints or pairs of
    ints, (rows, columns); `stride` None or () means `kernel_size`. Integer tensors are pooled too.

    Raises:
        RuntimeError: the input has another number of dimensions or no pixels, an option is out of range, no window fits.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("max_pool2d", input, "fiu")
    window = checks.window(2, "max_pool2d", kernel_size, stride, padding, dilation)
    checks.check_flag("max_pool2d", "ceil_mode", ceil_mode)
    size_out = max_pool2d_geometry(input.array.shape, *window, ceil_mode)
    batch = input.unsqueeze(0) if input.ndim == 3 else input
    y, index = MaxPool2DWithIndicesFunction.apply(batch, size_out, window)
    if input.ndim == 3:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def max_pool2d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """`max_pool2d` with `return_indices=True`, whatever the last argument says."""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


@functools.lru_cache(maxsize=512)  # in training the same sizes come again and again
def max_pool2d_geometry(size_in, kernel_size, stride, padding, dilation, ceil_mode):
    """(H_out, W_out) for an input of shape `size_in` and pairs of options, if they fit together."""
    checks.check_window("max_pool2d", kernel_size, stride, padding, dilation)
    checks.check_size_in("max_pool2d", 2, size_in)
    size_out = max_pool2d_output_size(size_in[-2:], kernel_size, stride, padding, dilation, ceil_mode)
    checks.check_size_out("max_pool2d", size_out, size_in, kernel_size, padding, dilation)
    return size_out


class MaxPool2d(MaxPoolNd):
    """The largest pixel of each window, as a layer. It has no parameters.

    Args:
        kernel_size: rows and columns of the window; an int for both, or a pair, as with the next three.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: rows and columns of minus infinity around the image; at most half the kernel size.
        dilation: how far apart the pixels of one window are.
        return_indices: also return where each maximum was found, as `MaxUnpool2d` needs it.
        ceil_mode: keep a last window that reaches beyond the right or lower edge.

    Shapes: those of `max_pool2d`, which also raises the errors, when the layer is called.
    """

    def forward(self, input):
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return max_pool2d(input, *window, self.ceil_mode, self.return_indices)
