r"""Adaptive max pooling over volumes: the size of the output is given, and each output is the largest voxel of its share of
the input.

The window and the steps follow from both sizes, so a network can take inputs of any size and end with a fixed one. Nothing is
learned.

Use it when the output must have a certain size and the strongest response counts; `adaptive_avg_pool3d` takes the mean.

## Forward

The simplest case is a size that divides the input: four columns in two windows give two windows of two. In general the windows
may overlap by one position, and their sizes may differ by one:

$$y[n, c, d_{out}, h_{out}, w_{out}] = \max_{a_{d} \le d_{in} < b_{d}} \; \max_{a_{h} \le h_{in} < b_{h}} \; \max_{a_{w} \le
w_{in} < b_{w}} \; x[n, c, d_{in}, h_{in}, w_{in}]$$

$$a_{d} = \left\lfloor \frac{d_{out} \, D_{in}}{D_{out}} \right\rfloor \qquad b_{d} = \left\lceil \frac{(d_{out} + 1) \,
D_{in}}{D_{out}} \right\rceil$$

$$a_{h} = \left\lfloor \frac{h_{out} \, H_{in}}{H_{out}} \right\rfloor \qquad b_{h} = \left\lceil \frac{(h_{out} + 1) \,
H_{in}}{H_{out}} \right\rceil$$

$$a_{w} = \left\lfloor \frac{w_{out} \, W_{in}}{W_{out}} \right\rfloor \qquad b_{w} = \left\lceil \frac{(w_{out} + 1) \,
W_{in}}{W_{out}} \right\rceil$$

The position of the largest voxel within its channel is kept; of equal voxels the first one counts:

$$m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in}) \, W_{in} + w_{in} \quad \text{of the voxel that won}$$

NaN wins against every number (the last NaN of a window, if there are several).

## Gradients

$y$ copies one voxel of the window, so its derivative is 1 for that voxel and 0 for the others. A voxel may be the largest of
several windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d} - 1} \sum_{h_{out} =
f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1} \left[ m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in})
\, W_{in} + w_{in} \right] \; \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. Only these windows cover the voxel:

$$f_{d} = \left\lfloor \frac{d_{in} \, D_{out}}{D_{in}} \right\rfloor \qquad g_{d} = \left\lceil \frac{(d_{in} + 1) \,
D_{out}}{D_{in}} \right\rceil$$

$$f_{h} = \left\lfloor \frac{h_{in} \, H_{out}}{H_{in}} \right\rfloor \qquad g_{h} = \left\lceil \frac{(h_{in} + 1) \,
H_{out}}{H_{in}} \right\rceil$$

$$f_{w} = \left\lfloor \frac{w_{in} \, W_{out}}{W_{in}} \right\rfloor \qquad g_{w} = \left\lceil \frac{(w_{in} + 1) \,
W_{out}}{W_{in}} \right\rceil$$

## Output size

It is the argument `output_size`. None in a tuple keeps that extent of the input.

## Cost

One comparison for each voxel of each window. Forward reads $x$ and writes $y$ and the positions, 8 bytes per output element;
backward reads the gradient of $y$ and the positions and writes the gradient of $x$.

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
| $a_{d}, b_{d}$ | `d_start`, `d_end` |  | first plane of a window, and the first one behind it |
| $a_{h}, b_{h}$ | `h_start`, `h_end` |  | first row of a window, and the first one behind it |
| $a_{w}, b_{w}$ | `w_start`, `w_end` |  | first column of a window, and the first one behind it |
| $f_{d}, g_{d}$ | `d_first`, `d_last` |  | first window that covers plane $d_{in}$, and the first one behind those |
| $f_{h}, g_{h}$ | `h_first`, `h_last` |  | first window that covers row $h_{in}$, and the first one behind those |
| $f_{w}, g_{w}$ | `w_first`, `w_last` |  | first window that covers column $w_{in}$, and the first one behind those |

## Worked example

Two planes become one, and three columns become two:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[[1., 3, 5]],
...                     [[2, 6, 4]]]]], requires_grad=True)
>>> y, index = F.adaptive_max_pool3d(x, (1, 1, 2), return_indices=True)
>>> y
tensor([[[[[6., 6.]]]]], grad_fn=<AdaptiveMaxPool3DBackward0>)
>>> index
tensor([[[[[4, 4]]]]])
>>> y.backward(torch.tensor([[[[[10., 20]]]]]))
>>> x.grad
tensor([[[[[ 0.,  0.,  0.]],
<BLANKLINE>
          [[ 0., 30.,  0.]]]]])

## Questions

**Which output does `output_size=1` give?**

The largest voxel of each channel.

**How many voxels get a gradient, if the windows do not overlap?**

One of each window. The gradient of all others is 0.

**Why is the position kept as one number, and not as plane, row and column?**

It takes a third of the memory, and `max_unpool3d` expects this form. Division by $W_{in}$ and $H_{in}$ gives the three back.

## Differences

Only the positions are kept for backward. PyTorch keeps the input too, so it refuses backward if the input was changed in
place.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.types import int64


# ## The largest voxel of each window
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \max_{a_{d} \le d_{in} < b_{d}} \; \max_{a_{h} \le h_{in} < b_{h}} \; \max_{a_{w} \le
# w_{in} < b_{w}} \; x[n, c, d_{in}, h_{in}, w_{in}]$$
#
# `value > best` keeps the first of equal voxels. NaN compares false with every number, so `isnan` tests for it. `-(-a // b)`
# is a / b rounded up.
@njit(**PARALLEL)
def adaptive_max_pool3d_forward_cpu(x, y, index):
    N, C, D_in, H_in, W_in = x.shape
    N, C, D_out, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_out in range(D_out):
            for h_out in range(H_out):
                for w_out in range(W_out):
                    d_start = d_out * D_in // D_out
                    d_end = -(-(d_out + 1) * D_in // D_out)
                    h_start = h_out * H_in // H_out
                    h_end = -(-(h_out + 1) * H_in // H_out)
                    w_start = w_out * W_in // W_out
                    w_end = -(-(w_out + 1) * W_in // W_out)
                    best = x[n, c, d_start, h_start, w_start]
                    found = (d_start * H_in + h_start) * W_in + w_start
                    for d_in in range(d_start, d_end):
                        for h_in in range(h_start, h_end):
                            for w_in in range(w_start, w_end):
                                value = x[n, c, d_in, h_in, w_in]
                                if value > best or math.isnan(value):
                                    best = value
                                    found = (d_in * H_in + h_in) * W_in + w_in
                    y[n, c, d_out, h_out, w_out] = best
                    index[n, c, d_out, h_out, w_out] = found


@cuda.jit
def adaptive_max_pool3d_forward_cuda(x, y, index):
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
    d_start = d_out * D_in // D_out
    d_end = -(-(d_out + 1) * D_in // D_out)
    h_start = h_out * H_in // H_out
    h_end = -(-(h_out + 1) * H_in // H_out)
    w_start = w_out * W_in // W_out
    w_end = -(-(w_out + 1) * W_in // W_out)
    best = x[n, c, d_start, h_start, w_start]
    found = (d_start * H_in + h_start) * W_in + w_start
    for d_in in range(d_start, d_end):
        for h_in in range(h_start, h_end):
            for w_in in range(w_start, w_end):
                value = x[n, c, d_in, h_in, w_in]
                if value > best or math.isnan(value):
                    best = value
                    found = (d_in * H_in + h_in) * W_in + w_in
    y[n, c, d_out, h_out, w_out] = best
    index[n, c, d_out, h_out, w_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d} - 1} \sum_{h_{out} =
# f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1} \left[ m[n, c, d_{out}, h_{out}, w_{out}] = (d_{in} \, H_{in} + h_{in})
# \, W_{in} + w_{in} \right] \; \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$
#
# The loops run over the windows that cover the voxel, and add the gradients of those in which it was the largest.
@njit(**PARALLEL)
def adaptive_max_pool3d_backward_x_cpu(grad_y, index, grad_x):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for d_in in range(D_in):
            for h_in in range(H_in):
                for w_in in range(W_in):
                    acc = grad_x.dtype.type(0)
                    d_first = d_in * D_out // D_in
                    d_last = -(-(d_in + 1) * D_out // D_in)
                    h_first = h_in * H_out // H_in
                    h_last = -(-(h_in + 1) * H_out // H_in)
                    w_first = w_in * W_out // W_in
                    w_last = -(-(w_in + 1) * W_out // W_in)
                    for d_out in range(d_first, d_last):
                        for h_out in range(h_first, h_last):
                            for w_out in range(w_first, w_last):
                                if index[n, c, d_out, h_out, w_out] == (d_in * H_in + h_in) * W_in + w_in:
                                    acc += grad_y[n, c, d_out, h_out, w_out]
                    grad_x[n, c, d_in, h_in, w_in] = acc


@cuda.jit
def adaptive_max_pool3d_backward_x_cuda(grad_y, index, grad_x):
    N, C, D_in, H_in, W_in = grad_x.shape
    N, C, D_out, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    d_in = i // (W_in * H_in) % D_in
    plane = i // (W_in * H_in * D_in)
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    d_first = d_in * D_out // D_in
    d_last = -(-(d_in + 1) * D_out // D_in)
    h_first = h_in * H_out // H_in
    h_last = -(-(h_in + 1) * H_out // H_in)
    w_first = w_in * W_out // W_in
    w_last = -(-(w_in + 1) * W_out // W_in)
    for d_out in range(d_first, d_last):
        for h_out in range(h_first, h_last):
            for w_out in range(w_first, w_last):
                if index[n, c, d_out, h_out, w_out] == (d_in * H_in + h_in) * W_in + w_in:
                    acc += grad_y[n, c, d_out, h_out, w_out]
    grad_x[n, c, d_in, h_in, w_in] = acc


class AdaptiveMaxPool3DFunction(Function):
    """Adaptive max pooling on the tape. x (N, C, D_in, H_in, W_in); `size_out` three ints; returns y and positions."""

    @staticmethod
    def forward(ctx, x, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        index = x.new_empty(y.shape, dtype=int64)
        run = on(
            x.device,
            adaptive_max_pool3d_forward_cpu,
            adaptive_max_pool3d_forward_cuda,
            y.numel(),
            fast.adaptive_max_pool_forward,
        )
        run(*arrays(x, y, index))
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)  # positions have no gradient, not even zeros
        ctx.size_in = x.shape
        return y, index

    @staticmethod
    def backward(ctx, grad_y, grad_index):
        (index,) = ctx.saved_tensors
        checks.check_grad_size("adaptive_max_pool3d", grad_y.shape)
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            adaptive_max_pool3d_backward_x_cpu,
            adaptive_max_pool3d_backward_x_cuda,
            grad_x.numel(),
            fast.max_pool_backward_x,
        )
        run(*arrays(grad_y, index, grad_x))
        return grad_x, None


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """The largest voxel of each share of the input; with `return_indices=True` a pair, the second being its position.

    Shapes: `input` (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); N may be 0. Both results (N, C, D_out, H_out, W_out) or
    (C, D_out, H_out, W_out), where `output_size` is (D_out, H_out, W_out), or an int for all. None in the tuple keeps that
    extent of the input.

    Raises:
        ValueError: a tuple has as many sizes as the input has dimensions, or more.
        RuntimeError: the input has another number of dimensions or no voxels, a size is negative, or a tuple does not have
            three sizes.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("adaptive_max_pool3d", input)
    size_out = checks.adaptive_size("adaptive_max_pool3d", 3, output_size, input.shape)
    checks.check_size_in("adaptive_max_pool3d", 3, input.shape, first_may_be_0=True)
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y, index = AdaptiveMaxPool3DFunction.apply(batch, size_out)
    if input.ndim == 4:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def adaptive_max_pool3d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool3d` with `return_indices=True`, whatever the last argument says."""
    return adaptive_max_pool3d(input, output_size, True)


class AdaptiveMaxPool3d(Module):
    """The largest voxel of each share of the input, as a layer. It has no parameters.

    Args:
        output_size: depth, rows and columns of the output; an int for all, or a tuple. None in a tuple keeps the extent of the
            input.
        return_indices: also return the position of each maximum, as `MaxUnpool3d` needs it.

    Shapes: those of `adaptive_max_pool3d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input):
        return adaptive_max_pool3d(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"
