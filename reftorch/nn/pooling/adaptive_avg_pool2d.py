r"""Adaptive average pooling over images: the size of the output is given, and each output is the mean of its share of the
input.

The window and the steps follow from both sizes, so a network can take inputs of any size and end with a fixed one. Nothing is
learned.

Use it when the output must have a certain size; `avg_pool2d` has a window of a certain size. Size 1 gives the mean of each
channel.

## Forward

The simplest case is a size that divides the input: four columns in two windows give two windows of two. In general the windows
may overlap by one position, and their sizes may differ by one:

$$y[n, c, h_{out}, w_{out}] = \frac{1}{(b_{h} - a_{h}) \, (b_{w} - a_{w})} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} =
a_{w}}^{b_{w} - 1} x[n, c, h_{in}, w_{in}]$$

$$a_{h} = \left\lfloor \frac{h_{out} \, H_{in}}{H_{out}} \right\rfloor \qquad b_{h} = \left\lceil \frac{(h_{out} + 1) \,
H_{in}}{H_{out}} \right\rceil$$

$$a_{w} = \left\lfloor \frac{w_{out} \, W_{in}}{W_{out}} \right\rfloor \qquad b_{w} = \left\lceil \frac{(w_{out} + 1) \,
W_{in}}{W_{out}} \right\rceil$$

## Gradients

$y$ is a sum in which each pixel of the window has the same factor, 1 divided by the size of the window. This factor is the
derivative. A pixel gets the sum over all windows that cover it:

$$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1}
\frac{1}{(b_{h} - a_{h}) \, (b_{w} - a_{w})} \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$

$$f_{h} = \left\lfloor \frac{h_{in} \, H_{out}}{H_{in}} \right\rfloor \qquad g_{h} = \left\lceil \frac{(h_{in} + 1) \,
H_{out}}{H_{in}} \right\rceil$$

$$f_{w} = \left\lfloor \frac{w_{in} \, W_{out}}{W_{in}} \right\rfloor \qquad g_{w} = \left\lceil \frac{(w_{in} + 1) \,
W_{out}}{W_{in}} \right\rceil$$

This is the same rule as that of the windows, with input and output exchanged: window $h_{out}$ covers position $h_{in}$
exactly if $h_{out}$ is at least $f$ and less than $g$.

## Output size

It is the argument `output_size`. None in a tuple keeps that extent of the input.

## Cost

Each pixel is read once, and up to 4 times where windows overlap (more if the output is larger than the input). One division per
output element.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, H_{in}, W_{in})$ | input |
| $y$ | `y` | $(N, C, H_{out}, W_{out})$ | output: the mean of each window |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, H_{out}, W_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, H_{in}, W_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | image of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $h_{out}$ | `h_out` | $0 \le h_{out} < H_{out}$ | row of the output: which window |
| $w_{out}$ | `w_out` | $0 \le w_{out} < W_{out}$ | column of the output: which window |
| $h_{in}$ | `h_in` | $0 \le h_{in} < H_{in}$ | row of the input |
| $w_{in}$ | `w_in` | $0 \le w_{in} < W_{in}$ | column of the input |
| $a_{h}, b_{h}$ | `h_start`, `h_end` |  | first row of a window, and the first one behind it |
| $a_{w}, b_{w}$ | `w_start`, `w_end` |  | first column of a window, and the first one behind it |
| $f_{h}, g_{h}$ | `h_first`, `h_last` |  | first window that covers row $h_{in}$, and the first one behind those |
| $f_{w}, g_{w}$ | `w_first`, `w_last` |  | first window that covers column $w_{in}$, and the first one behind those |

## Worked example

Three columns become two means of each row. The middle column lies in both windows:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[[1., 3, 5],
...                     [2, 6, 8]]]], requires_grad=True)
>>> y = F.adaptive_avg_pool2d(x, (2, 2))
>>> y
tensor([[[[2., 4.],
          [4., 7.]]]], grad_fn=<AdaptiveAvgPool2DBackward0>)
>>> y.backward(torch.tensor([[[[2., 4], [6, 8]]]]))
>>> x.grad
tensor([[[[1., 3., 2.],
          [3., 7., 4.]]]])

None keeps an extent, and 1 gives the mean of the whole extent:

>>> F.adaptive_avg_pool2d(x.detach(), (1, None))
tensor([[[[1.5000, 4.5000, 6.5000]]]])

## Questions

**Which output does `output_size=1` give?**

The mean of all pixels of a channel. The last layers of many networks use it in place of flattening.

**Why are there no options for stride and padding?**

Both follow from the two sizes: window $h_{out}$ begins at the fraction $h_{out} / H_{out}$ of the input.

**What happens if the output is larger than the input?**

Windows of one position repeat pixels:

>>> F.adaptive_avg_pool2d(torch.tensor([[[1., 9]]]), (1, 4))
tensor([[[1., 1., 9., 9.]]])
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
# $$y[n, c, h_{out}, w_{out}] = \frac{1}{(b_{h} - a_{h}) \, (b_{w} - a_{w})} \sum_{h_{in} = a_{h}}^{b_{h} - 1} \sum_{w_{in} =
# a_{w}}^{b_{w} - 1} x[n, c, h_{in}, w_{in}]$$
#
# `-(-a // b)` is a / b rounded up. A window may cover the whole input, so the sum is taken in float64.
@njit(**PARALLEL)
def adaptive_avg_pool2d_forward_cpu(x, y):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_out in range(H_out):
            for w_out in range(W_out):
                h_start = h_out * H_in // H_out
                h_end = -(-(h_out + 1) * H_in // H_out)
                w_start = w_out * W_in // W_out
                w_end = -(-(w_out + 1) * W_in // W_out)
                acc = np.float64(0)
                for h_in in range(h_start, h_end):
                    for w_in in range(w_start, w_end):
                        acc += x[n, c, h_in, w_in]
                counted = (h_end - h_start) * (w_end - w_start)
                y[n, c, h_out, w_out] = acc / y.dtype.type(counted)


@cuda.jit
def adaptive_avg_pool2d_forward_cuda(x, y):
    N, C, H_in, W_in = x.shape
    N, C, H_out, W_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    w_out = i % W_out
    h_out = i // W_out % H_out
    plane = i // (W_out * H_out)
    n = plane // C
    c = plane % C
    h_start = h_out * H_in // H_out
    h_end = -(-(h_out + 1) * H_in // H_out)
    w_start = w_out * W_in // W_out
    w_end = -(-(w_out + 1) * W_in // W_out)
    acc = y.dtype.type(0)
    for h_in in range(h_start, h_end):
        for w_in in range(w_start, w_end):
            acc += x[n, c, h_in, w_in]
    counted = (h_end - h_start) * (w_end - w_start)
    y[n, c, h_out, w_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, h_{in}, w_{in}] = \sum_{h_{out} = f_{h}}^{g_{h} - 1} \sum_{w_{out} = f_{w}}^{g_{w} - 1}
# \frac{1}{(b_{h} - a_{h}) \, (b_{w} - a_{w})} \frac{\partial L}{\partial y}[n, c, h_{out}, w_{out}]$$
#
# The loops run over the windows that cover the pixel. Each window has its own size.
@njit(**PARALLEL)
def adaptive_avg_pool2d_backward_x_cpu(grad_y, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for h_in in range(H_in):
            for w_in in range(W_in):
                acc = grad_x.dtype.type(0)
                h_first = h_in * H_out // H_in
                h_last = -(-(h_in + 1) * H_out // H_in)
                w_first = w_in * W_out // W_in
                w_last = -(-(w_in + 1) * W_out // W_in)
                for h_out in range(h_first, h_last):
                    for w_out in range(w_first, w_last):
                        h_start = h_out * H_in // H_out
                        h_end = -(-(h_out + 1) * H_in // H_out)
                        w_start = w_out * W_in // W_out
                        w_end = -(-(w_out + 1) * W_in // W_out)
                        counted = (h_end - h_start) * (w_end - w_start)
                        acc += grad_y[n, c, h_out, w_out] / grad_y.dtype.type(counted)
                grad_x[n, c, h_in, w_in] = acc


@cuda.jit
def adaptive_avg_pool2d_backward_x_cuda(grad_y, grad_x):
    N, C, H_in, W_in = grad_x.shape
    N, C, H_out, W_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    w_in = i % W_in
    h_in = i // W_in % H_in
    plane = i // (W_in * H_in)
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    h_first = h_in * H_out // H_in
    h_last = -(-(h_in + 1) * H_out // H_in)
    w_first = w_in * W_out // W_in
    w_last = -(-(w_in + 1) * W_out // W_in)
    for h_out in range(h_first, h_last):
        for w_out in range(w_first, w_last):
            h_start = h_out * H_in // H_out
            h_end = -(-(h_out + 1) * H_in // H_out)
            w_start = w_out * W_in // W_out
            w_end = -(-(w_out + 1) * W_in // W_out)
            counted = (h_end - h_start) * (w_end - w_start)
            acc += grad_y[n, c, h_out, w_out] / grad_y.dtype.type(counted)
    grad_x[n, c, h_in, w_in] = acc


class AdaptiveAvgPool2DFunction(Function):
    """Adaptive average pooling on the tape. x (N, C, H_in, W_in); `size_out` two ints."""

    @staticmethod
    def forward(ctx, x, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            adaptive_avg_pool2d_forward_cpu,
            adaptive_avg_pool2d_forward_cuda,
            y.numel(),
            fast.adaptive_avg_pool_forward,
        )
        run(*arrays(x, y))
        ctx.size_in = x.shape
        return y

    @staticmethod
    def backward(ctx, grad_y):
        checks.check_grad_size("adaptive_avg_pool2d", grad_y.shape)
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            adaptive_avg_pool2d_backward_x_cpu,
            adaptive_avg_pool2d_backward_x_cuda,
            grad_x.numel(),
            fast.adaptive_avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x))
        return grad_x, None


def adaptive_avg_pool2d(input, output_size):
    """The mean of each share of the input.

    Shapes: `input` (N, C, H_in, W_in) or (C, H_in, W_in); N and C may be 0. The result (N, C, H_out, W_out) or (C, H_out, W_out),
    where `output_size` is (H_out, W_out), or an int for all. None in the tuple keeps that extent of the input. The mean of no
    pixels, with size 1, is NaN.

    Raises:
        ValueError: a tuple has as many sizes as the input has dimensions, or more.
        RuntimeError: the input has another number of dimensions or no pixels, a size is negative, or a tuple does not have
            two sizes.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("adaptive_avg_pool2d", input)
    size_out = checks.adaptive_size("adaptive_avg_pool2d", 2, output_size, input.shape)
    before = input.shape[:-2]
    if size_out == (1,) * 2 and len(before) not in (1, 2):
        input = checks.one_channel_each("adaptive_avg_pool2d", 2, input)
    checks.check_size_in("adaptive_avg_pool2d", 2, input.shape, may_be_empty=size_out == (1,) * 2, no_channels=True)
    batch = input.unsqueeze(0) if input.ndim == 3 else input
    y = AdaptiveAvgPool2DFunction.apply(batch, size_out)
    return y if len(before) == 2 else y.reshape(*before, *size_out)


class AdaptiveAvgPool2d(Module):
    """The mean of each share of the input, as a layer. It has no parameters.

    Args:
        output_size: rows and columns of the output; an int for all, or a tuple. None in a tuple keeps the extent of the input.

    Shapes: those of `adaptive_avg_pool2d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"
