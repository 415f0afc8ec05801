r"""Max pooling over volumes: each output is the largest voxel of one window of its channel.

A window slides over each channel. The volume becomes smaller, and the output does not depend on where in the window
a feature lies. Nothing
is learned.

Use it when the strongest response of a region counts; `avg_pool3d` takes the mean, `adaptive_max_pool3d` the size of the
output.

## Forward

The first window of 2 by 2 by 2 voxels gives the largest of eight. In general:

$$y[n, c, d_{out}, h_{out}, w_{out}] = \max_{0 \le k_d < K_d} \; \max_{0 \le k_h < K_h} \; \max_{0 \le k_w < K_w} \; x[n, c,
d_{in}, h_{in}, w_{in}]$$

$$d_{in} = d_{out} \, s_d - p_d + k_d \, d_d \qquad h_{in} = h_{out} \, s_h - p_h + k_h \, d_h \qquad w_{in} = w_{out} \, s_w -
p_w + k_w \, d_w$$

Positions outside the volume count as $-\infty$, so padding never wins against a voxel. The place of the largest voxel within
its channel is kept as one number; of equal voxels the first one counts:

$$m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in}) \, W_{in} + w_{in} \quad \text{of the voxel that won}$$

NaN wins against every number (the last NaN of a window, if there are several).

## Gradients

$y$ copies one voxel of the window, so its derivative is 1 for that voxel and 0 for the others. A voxel may be the largest of
several windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = a_{d}}^{b_{d}} \sum_{h_{out} = a_{h}}^{b_{h}}
\sum_{w_{out} = 0}^{W_{out} - 1} \left[ m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in}) \, W_{in} + w_{in}
\right] \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. Only the windows from $a$ to $b$ reach a row:

$$a_{d} = \max\left(0, \left\lceil \frac{d_{in} + p_d - (K_d - 1) \, d_d}{s_d} \right\rceil\right) \qquad b_{d} =
\min\left(D_{out} - 1, \left\lfloor \frac{d_{in} + p_d}{s_d} \right\rfloor\right)$$

$$a_{h} = \max\left(0, \left\lceil \frac{h_{in} + p_h - (K_h - 1) \, d_h}{s_h} \right\rceil\right) \qquad b_{h} =
\min\left(H_{out} - 1, \left\lfloor \frac{h_{in} + p_h}{s_h} \right\rfloor\right)$$

## Output size

$$D_{out} = \left\lfloor \frac{D_{in} + 2 p_d - d_d (K_d - 1) - 1}{s_d} \right\rfloor + 1$$

$$H_{out} = \left\lfloor \frac{H_{in} + 2 p_h - d_h (K_h - 1) - 1}{s_h} \right\rfloor + 1$$

$$W_{out} = \left\lfloor \frac{W_{in} + 2 p_w - d_w (K_w - 1) - 1}{s_w} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead, which keeps a last window that reaches beyond the end; a window that would start behind the
last voxel, in the padding, is dropped.

## Cost

$K_d K_h K_w$ comparisons per output element. Forward reads $x$ and writes $y$ and the places, 8 bytes per output element;
backward reads the gradient of $y$ and the places and writes the gradient of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output: the largest voxel of each window |
| $m$ | `index` | $(N, C, D_{out}, H_{out}, W_{out})$ | position of that voxel within its channel; int64 |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D_{out}, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D_{in}, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | volume of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d_{out}$ | `d_out` | $0 \le d_{out} < D_{out}$ | plane of the output: which window |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $d_{in}$ | `d_in` | $0 \le d_{in} < D_{in}$ | plane of the input |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $k_d$ | `k_d` | $0 \le k_d < K_d$ | plane inside the window |
| $k_h$ | `k_h` | $0 \le k_h < K_h$ | row inside the window |
| $k_w$ | `k_w` | $0 \le k_w < K_w$ | column inside the window |
| $K_d$ | `K_d` | $K_d \ge 1$ | planes of a window |
| $K_h$ | `K_h` | $K_h \ge 1$ | rows of a window |
| $K_w$ | `K_w` | $K_w \ge 1$ | columns of a window |
| $s_d$ | `stride_d` | $s_d \ge 1$ | planes from one window to the next |
| $s_h$ | `stride_h` | $s_h \ge 1$ | rows from one window to the next |
| $s_w$ | `stride_w` | $s_w \ge 1$ | columns from one window to the next |
| $p_d$ | `pad_d` | $0 \le p_d \le K_d / 2$ | planes of padding on each side |
| $p_h$ | `pad_h` | $0 \le p_h \le K_h / 2$ | rows of padding on each side |
| $p_w$ | `pad_w` | $0 \le p_w \le K_w / 2$ | columns of padding on each side |
| $d_d$ | `dil_d` | $d_d \ge 1$ | planes from one position of the window to the next |
| $d_h$ | `dil_h` | $d_h \ge 1$ | rows from one position of the window to the next |
| $d_w$ | `dil_w` | $d_w \ge 1$ | columns from one position of the window to the next |
| $-\infty$ | `lowest` |  | value of a window before a voxel is seen (for integers, the smallest one) |
| $a_{d}, b_{d}$ | `d_first`, `d_last` |  | first and last window that reaches plane $d_{in}$ |
| $a_{h}, b_{h}$ | `h_first`, `h_last` |  | first and last window that reaches row $h_{in}$ |

## Worked example

Windows over both planes, one column apart. The 6 is the largest of both windows and gets both gradients:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[1., 3, 5]],
...                     [[2, 6, 4]]]]], requires_grad=True)
>>> y, index = F.max_pool3d(x, kernel_size=(2, 1, 2), stride=1, return_indices=True)
>>> y
tensor([[[[[6., 6.]]]]], grad_fn=<MaxPool3DWithIndicesBackward0>)
>>> index
tensor([[[[[4, 4]]]]])
>>> y.backward(torch.tensor([[[[[10., 20]]]]]))
>>> x.grad
tensor([[[[[ 0.,  0.,  0.]],
<BLANKLINE>
          [[ 0., 30.,  0.]]]]])

## Questions

**Why is the padding not zero?**

A window of negative voxels at the border would then give 0, which is none of its voxels.

**How many voxels get a gradient, if the windows do not overlap?**

One of each window.

**What is the largest voxel of a window with a NaN in it?**

NaN, so that an error upstream stays visible.

## Differences

- With dilation a window can step over a short volume and touch padding only. Its value is $-\infty$ here and in PyTorch; its place is
  -1 here, where PyTorch gives a place that may belong to another voxel.
- Only the places are kept for backward. PyTorch keeps the input too, so it refuses backward if the input was changed in place.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.pooling import checks
from reftorch.nn.pooling.max_pool_nd import MaxPoolNd
from reftorch.types import int64


def max_pool3d_output_size(size_in, kernel_size, stride, padding, dilation, ceil_mode=False):
    """`(D_out, H_out, W_out)` for `size_in = (D_in, H_in, W_in)` and options of three ints each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, dilation, ceil_mode)


# ## The largest voxel of each window
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \max_{0 \le k_d < K_d} \; \max_{0 \le k_h < K_h} \; \max_{0 \le k_w < K_w} \; x[n, c,
# d_{in}, h_{in}, w_{in}]$$
#
# One pass finds the value and its place. `value > best` keeps the first of equal voxels. NaN compares false with every
# number, so `isnan` tests for it. `found < 0` accepts the first voxel in, even if it is minus infinity.
@njit(**PARALLEL)
def max_pool3d_forward_cpu(
    x, y, index, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, lowest
):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    best = y.dtype.type(lowest)
                    found = -1
                    for k_d in range(K_d):
                        d_in = d_out * stride_d - pad_d + k_d * dil_d
                        if 0 <= d_in < D_in:
                            for k_h in range(K_h):
                                h_in = h_out * stride_h - pad_h + k_h * dil_h
                                if 0 <= h_in < H_in:
                                    for k_w in range(K_w):
                                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                                        if 0 <= w_in < W_in:
                                            value = x[n, c, d_in, h_in, w_in]
                                            if found < 0 or value > best or math.isnan(value):
                                                best = value
                                                found = (d_in * H_in + h_in) * W_in + w_in
                    y[n, c, d_out, h_out, w_out] = best
                    index[n, c, d_out, h_out, w_out] = found


@cuda.jit
def max_pool3d_forward_cuda(
    x, y, index, K_d, K_h, K_w, stride_d, stride_h, stride_w, pad_d, pad_h, pad_w, dil_d, dil_h, dil_w, lowest
):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    d_out = i // (W_out * H_out) % D_out
    plane = i // (W_out * H_out * D_out)
    n = plane // C
    c = plane % C
    best = y.dtype.type(lowest)
    found = -1
    for k_d in range(K_d):
        d_in = d_out * stride_d - pad_d + k_d * dil_d
        if 0 <= d_in < D_in:
            for k_h in range(K_h):
                h_in = h_out * stride_h - pad_h + k_h * dil_h
                if 0 <= h_in < H_in:
                    for k_w in range(K_w):
                        w_in = w_out * stride_w - pad_w + k_w * dil_w
                        if 0 <= w_in < W_in:
                            value = x[n, c, d_in, h_in, w_in]
                            if found < 0 or value > best or math.isnan(value):
                                best = value
                                found = (d_in * H_in + h_in) * W_in + w_in
    y[n, c, d_out, h_out, w_out] = best
    index[n, c, d_out, h_out, w_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = a_{d}}^{b_{d}} \sum_{h_{out} = a_{h}}^{b_{h}}
# \sum_{w_{out} = 0}^{W_{out} - 1} \left[ m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in}) \, W_{in} + w_{in}
# \right] \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$
#
# A row of the input belongs to one thread: it is set to zero, then the windows that reach it add their gradients where
# their largest voxel was. So no two threads add to one voxel. `-(-a // b)` is a / b rounded up.
@njit(**PARALLEL)
def max_pool3d_backward_x_cpu(grad_y, index, grad_x, K_d, K_h, stride_d, stride_h, pad_d, pad_h, dil_d, dil_h):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    grad_x[n, c, d_in, h_in, w_in] = 0
                d_first = max(0, -(-(d_in + pad_d - (K_d - 1) * dil_d) // stride_d))
                d_last = min(D_out - 1, (d_in + pad_d) // stride_d)
                h_first = max(0, -(-(h_in + pad_h - (K_h - 1) * dil_h) // stride_h))
                h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
                for d_out in range(d_first, d_last + 1):
                    for h_out in range(h_first, h_last + 1):
                        for w_out in range(W_out):
                            w_in = index[n, c, d_out, h_out, w_out] - (d_in * H_in + h_in) * W_in
                            if 0 <= w_in < W_in:
                                grad_x[n, c, d_in, h_in, w_in] += grad_y[n, c, d_out, h_out, w_out]


@cuda.jit
def max_pool3d_backward_x_cuda(grad_y, index, grad_x, K_d, K_h, stride_d, stride_h, pad_d, pad_h, dil_d, dil_h):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= N * C * D_in * H_in:
        return
    h_in = i % H_in
    d_in = i // H_in % D_in
    plane = i // (H_in * D_in)
    n = plane // C
    c = plane % C
    for w_in in range(W_in):
        grad_x[n, c, d_in, h_in, w_in] = 0
    d_first = max(0, -(-(d_in + pad_d - (K_d - 1) * dil_d) // stride_d))
    d_last = min(D_out - 1, (d_in + pad_d) // stride_d)
    h_first = max(0, -(-(h_in + pad_h - (K_h - 1) * dil_h) // stride_h))
    h_last = min(H_out - 1, (h_in + pad_h) // stride_h)
    for d_out in range(d_first, d_last + 1):
        for h_out in range(h_first, h_last + 1):
            for w_out in range(W_out):
                w_in = index[n, c, d_out, h_out, w_out] - (d_in * H_in + h_in) * W_in
                if 0 <= w_in < W_in:
                    grad_x[n, c, d_in, h_in, w_in] += grad_y[n, c, d_out, h_out, w_out]


class MaxPool3DWithIndicesFunction(Function):
    """Max pooling on the tape. x (N, C, D_in, H_in, W_in); the options three ints each; returns y and the place of each maximum."""

    @staticmethod
    def forward(ctx, x, size_out, kernel_size, stride, padding, dilation):
        y = x.new_empty(*x.shape[:2], *size_out)
        index = x.new_empty(y.shape, dtype=int64)
        lowest = -math.inf if x.is_floating_point() else int(np.iinfo(x.dtype.numpy).min)
        run = on(x.device, max_pool3d_forward_cpu, max_pool3d_forward_cuda, y.numel(), fast.max_pool_forward)
        run(*arrays(x, y, index), *kernel_size, *stride, *padding, *dilation, lowest)
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)  # places have no gradient, not even zeros
        ctx.size_in = x.shape
        ctx.rows = kernel_size[:2] + stride[:2] + padding[:2] + dilation[:2]  # of depth and rows
        return y, index

    @staticmethod
    def backward(ctx, grad_y, grad_index):
        (index,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.size_in)
        owners = math.prod(ctx.size_in[:4])  # one thread a row
        run = on(grad_y.device, max_pool3d_backward_x_cpu, max_pool3d_backward_x_cuda, owners, fast.max_pool_backward_x)
        run(*arrays(grad_y, index, grad_x), *ctx.rows)
        return grad_x, None, None, None, None, None


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest voxel of each window; with `return_indices=True` a pair, the second being its place.

    Shapes: `input` (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); N may be 0. Both results (N, C, D_out, H_out, W_out) or
    (C, D_out, H_out, W_out). `kernel_size`, `stride`, `padding` and `dilation` are ints or triples of ints, (depth, rows,
    columns); `stride` None or () means `kernel_size`. Integer tensors are pooled too.

    Raises:
        RuntimeError: the input has another number of dimensions or no voxels, an option is out of range, no window fits.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("max_pool3d", input, "fiu")
    kernel_size, stride, padding, dilation = checks.window(3, "max_pool3d", kernel_size, stride, padding, dilation)
    checks.check_flag("max_pool3d", "ceil_mode", ceil_mode)
    checks.check_window("max_pool3d", kernel_size, stride, padding, dilation)
    checks.check_size_in("max_pool3d", 3, input.shape)
    size_out = max_pool3d_output_size(input.shape[-3:], kernel_size, stride, padding, dilation, ceil_mode)
    checks.check_size_out("max_pool3d", size_out, input.shape, kernel_size, padding, dilation)
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y, index = MaxPool3DWithIndicesFunction.apply(batch, size_out, kernel_size, stride, padding, dilation)
    if input.ndim == 4:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def max_pool3d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """`max_pool3d` with `return_indices=True`, whatever the last argument says."""
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


class MaxPool3d(MaxPoolNd):
    """The largest voxel of each window, as a layer. It has no parameters.

    Args:
        kernel_size: depth, rows and columns of the window; an int for all, or three ints, as with the next three.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: positions of minus infinity on each side; at most half the kernel size.
        dilation: how far apart the voxels of one window are.
        return_indices: also return the place of each maximum, as `MaxUnpool3d` needs it.
        ceil_mode: keep a last window that reaches beyond the end.

    Shapes: those of `max_pool3d`, which also raises the errors, when the layer is called.
    """

    def forward(self, input):
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return max_pool3d(input, *window, self.ceil_mode, self.return_indices)
