r"""Adaptive average pooling over volumes: the size of the output is given, and each output is the mean of its share of the
input.

The window and the steps follow from both sizes, so a network can take inputs of any size and end with a fixed one. Nothing is
learned.

Use it when the output must have a certain size; `avg_pool3d` has a window of a certain size. Size 1 gives the mean of each
channel.

## Forward

The simplest case is a size that divides the input: four columns in two windows give two windows of two. In general the windows
may overlap by one position, and their sizes may differ by one:

$$y[n, c, d_{out}, h_{out}, w_{out}] = \frac{1}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})} \sum_{d_{in} =
a_{d}}^{b_{d} - 1} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in}, w_{in}]$$

$$a_{d} = \left\lfloor \frac{d_{out} \, D_{in}}{D_{out}} \right\rfloor \qquad b_{d} = \left\lceil \frac{(d_{out} + 1) \,
D_{in}}{D_{out}} \right\rceil$$

$$a_{h} = \left\lfloor \frac{h_{out} \, H_{in}}{H_{out}} \right\rfloor \qquad b_{h} = \left\lceil \frac{(h_{out} + 1) \,
H_{in}}{H_{out}} \right\rceil$$

$$a_{w} = \left\lfloor \frac{w_{out} \, W_{in}}{W_{out}} \right\rfloor \qquad b_{w} = \left\lceil \frac{(w_{out} + 1) \,
W_{in}}{W_{out}} \right\rceil$$

## Gradients

$y$ is a sum in which each voxel of the window has the same factor, 1 divided by the size of the window. This factor is the
derivative. A voxel gets the sum over all windows that cover it:

$$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d} - 1} \sum_{h_{out} =
f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1} \frac{1}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})}
\frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$

$$f_{d} = \left\lfloor \frac{d_{in} \, D_{out}}{D_{in}} \right\rfloor \qquad g_{d} = \left\lceil \frac{(d_{in} + 1) \,
D_{out}}{D_{in}} \right\rceil$$

$$f_{h} = \left\lfloor \frac{h_{in} \, H_{out}}{H_{in}} \right\rfloor \qquad g_{h} = \left\lceil \frac{(h_{in} + 1) \,
H_{out}}{H_{in}} \right\rceil$$

$$f_{w} = \left\lfloor \frac{w_{in} \, W_{out}}{W_{in}} \right\rfloor \qquad g_{w} = \left\lceil \frac{(w_{in} + 1) \,
W_{out}}{W_{in}} \right\rceil$$

This is the same rule as that of the windows, with input and output exchanged: window $d_{out}$ covers position $d_{in}$
exactly if $d_{out}$ is at least $f$ and less than $g$.

## Output size

It is the argument `output_size`. None in a tuple keeps that extent of the input.

## Cost

Each voxel is read once, and up to 8 times where windows overlap (more if the output is larger than the input). One division per
output element.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D_{in}, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, D_{out}, H_{out}, W_{out})$ | output: the mean of each window |
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
...                     [[3, 5, 7]]]]], requires_grad=True)
>>> y = F.adaptive_avg_pool3d(x, (1, 1, 2))
>>> y
tensor([[[[[3., 5.]]]]], grad_fn=<AdaptiveAvgPool3DBackward0>)
>>> y.backward(torch.tensor([[[[[4., 8]]]]]))
>>> x.grad
tensor([[[[[1., 3., 2.]],
<BLANKLINE>
          [[1., 3., 2.]]]]])

## Questions

**Which output does `output_size=1` give?**

The mean of all voxels of a channel. The last layers of many networks use it in place of flattening.

**Why are there no options for stride and padding?**

Both follow from the two sizes: window $d_{out}$ begins at the fraction $d_{out} / D_{out}$ of the input.

**What happens if the output is larger than the input?**

Windows of one position repeat voxels:

>>> F.adaptive_avg_pool3d(torch.tensor([[[[1., 9]]]]), (1, 1, 4))
tensor([[[[1., 1., 9., 9.]]]])
"""

from __future__ import annotations

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks


# ## The mean of each window
#
# $$y[n, c, d_{out}, h_{out}, w_{out}] = \frac{1}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})} \sum_{d_{in} =
# a_{d}}^{b_{d} - 1} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} = a_{w}}^{b_{w} - 1} x[n, c, d_{in}, h_{in}, w_{in}]$$
#
# `-(-a // b)` is a / b rounded up. A window may cover the whole input, so the sum is taken in float64.
@njit(**PARALLEL)
def adaptive_avg_pool3d_forward_cpu(x, y):
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
                    acc = np.float64(0)
                    for d_in in range(d_start, d_end):
                        for h_in in range(h_start, h_end):
                            for w_in in range(w_start, w_end):
                                acc += x[n, c, d_in, h_in, w_in]
                    counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
                    y[n, c, d_out, h_out, w_out] = acc / y.dtype.type(counted)


@cuda.jit
def adaptive_avg_pool3d_forward_cuda(x, y):
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
    acc = y.dtype.type(0)
    for d_in in range(d_start, d_end):
        for h_in in range(h_start, h_end):
            for w_in in range(w_start, w_end):
                acc += x[n, c, d_in, h_in, w_in]
    counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
    y[n, c, d_out, h_out, w_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d_{in}, h_{in}, w_{in}] = \sum_{d_{out} = f_{d}}^{g_{d} - 1} \sum_{h_{out} =
# f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1} \frac{1}{(b_{d} - a_{d}) \, (b_{h} - a_{h}) \, (b_{w} - a_{w})}
# \frac{\partial L}{\partial y}[n, c, d_{out}, h_{out}, w_{out}]$$
#
# The loops run over the windows that cover the voxel. Each window has its own size.
@njit(**PARALLEL)
def adaptive_avg_pool3d_backward_x_cpu(grad_y, grad_x):
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
                                d_start = d_out * D_in // D_out
                                d_end = -(-(d_out + 1) * D_in // D_out)
                                h_start = h_out * H_in // H_out
                                h_end = -(-(h_out + 1) * H_in // H_out)
                                w_start = w_out * W_in // W_out
                                w_end = -(-(w_out + 1) * W_in // W_out)
                                counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
                                acc += grad_y[n, c, d_out, h_out, w_out] / grad_y.dtype.type(counted)
                    grad_x[n, c, d_in, h_in, w_in] = acc


@cuda.jit
def adaptive_avg_pool3d_backward_x_cuda(grad_y, grad_x):
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
                d_start = d_out * D_in // D_out
                d_end = -(-(d_out + 1) * D_in // D_out)
                h_start = h_out * H_in // H_out
                h_end = -(-(h_out + 1) * H_in // H_out)
                w_start = w_out * W_in // W_out
                w_end = -(-(w_out + 1) * W_in // W_out)
                counted = (d_end - d_start) * (h_end - h_start) * (w_end - w_start)
                acc += grad_y[n, c, d_out, h_out, w_out] / grad_y.dtype.type(counted)
    grad_x[n, c, d_in, h_in, w_in] = acc


class AdaptiveAvgPool3DFunction(Function):
    """Adaptive average pooling on the tape. x (N, C, D_in, H_in, W_in); `size_out` three ints."""

    @staticmethod
    def forward(ctx, x, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            adaptive_avg_pool3d_forward_cpu,
            adaptive_avg_pool3d_forward_cuda,
            y.numel(),
            fast.adaptive_avg_pool_forward,
        )
        run(*arrays(x, y))
        ctx.size_in = x.shape
        return y

    @staticmethod
    def backward(ctx, grad_y):
        checks.check_grad_size("adaptive_avg_pool3d", grad_y.shape)
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            adaptive_avg_pool3d_backward_x_cpu,
            adaptive_avg_pool3d_backward_x_cuda,
            grad_x.numel(),
            fast.adaptive_avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x))
        return grad_x, None


def adaptive_avg_pool3d(input, output_size):
    """The mean of each share of the input.

    Shapes: `input` (N, C, D_in, H_in, W_in) or (C, D_in, H_in, W_in); N may be 0. The result (N, C, D_out, H_out, W_out) or
    (C, D_out, H_out, W_out), where `output_size` is (D_out, H_out, W_out), or an int for all. None in the tuple keeps that
    extent of the input. The mean of no voxels, with size 1, is NaN.

    Raises:
        ValueError: a tuple has as many sizes as the input has dimensions, or more.
        RuntimeError: the input has another number of dimensions or no voxels, a size is negative, or a tuple does not have
            three sizes.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("adaptive_avg_pool3d", input)
    size_out = checks.adaptive_size("adaptive_avg_pool3d", 3, output_size, input.shape)
    before = input.shape[:-3]
    if size_out == (1,) * 3 and len(before) not in (1, 2):
        input = checks.one_channel_each("adaptive_avg_pool3d", 3, input)
    checks.check_size_in("adaptive_avg_pool3d", 3, input.shape, may_be_empty=size_out == (1,) * 3, first_may_be_0=True)
    batch = input.unsqueeze(0) if input.ndim == 4 else input
    y = AdaptiveAvgPool3DFunction.apply(batch, size_out)
    return y if len(before) == 2 else y.reshape(*before, *size_out)


class AdaptiveAvgPool3d(Module):
    """The mean of each share of the input, as a layer. It has no parameters.

    Args:
        output_size: depth, rows and columns of the output; an int for all, or a tuple. None in a tuple keeps the extent of the
            input.

    Shapes: those of `adaptive_avg_pool3d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return adaptive_avg_pool3d(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"
