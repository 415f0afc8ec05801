r"""Average pooling over sequences: each output is the mean of one window of its channel.

A window slides over each channel. Neighbouring elements are averaged, so the sequence becomes smaller and small shifts change
little. Nothing is learned.

Use it when the mean of a region counts; `max_pool1d` keeps its largest element, `adaptive_avg_pool1d` takes the size of the
output.

## Forward

Without padding, a window of two elements, $K = 2$, gives $(x[0] + x[1]) / 2$. In general the window covers the positions from
$a$ to $b - 1$ that lie within the input:

$$y[n, c, l_{out}] = \frac{1}{m[l_{out}]} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]$$

$$a_{l} = \max(0, l_{out} \, s - p) \qquad b_{l} = \min(l_{out} \, s - p + K, L_{in})$$

The divisor $m$ is the number of positions that the window counts. With `count_include_pad=True` it counts all its positions that
lie within the input or the padding, otherwise only those within the input.

## Gradients

$y$ is a sum in which each element of the window has the factor $1 / m$, so the derivative of a window's output with respect to
each of its elements is $1 / m$. An element that lies in several windows gets the sum over these windows, each with its own
$m$:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l}} \frac{1}{m[l_{out}]}
\frac{\partial L}{\partial y}[n, c, l_{out}]$$

$$f_{l} = \max\left(0, \left\lfloor \frac{l_{in} + p - K}{s} \right\rfloor + 1\right) \qquad g_{l} = \min\left(L_{out} - 1,
\left\lfloor \frac{l_{in} + p}{s} \right\rfloor\right)$$

## Output size

$$L_{out} = \left\lfloor \frac{L_{in} + 2 p - K}{s} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead. The last window may then reach beyond the padding; a window that would start behind the
last element, in the padding, is dropped.

## Cost

$K$ additions and one division per output element. Forward reads $x$ and writes $y$; backward reads the gradient of $y$ and
writes that of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, L_{in})$ | input |
| $y$ | `y` | $(N, C, L_{out})$ | output: the mean of each window |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, L_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, L_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $l_{out}$ | `l_out` | $0 \le l_{out} < L_{out}$ | position in the output: which window |
| $l_{in}$ | `l_in` | $0 \le l_{in} < L_{in}$ | position in the input |
| $K$ | `K` | $K \ge 1$ | positions of a window |
| $s$ | `stride` | $s \ge 1$ | positions from one window to the next |
| $p$ | `pad` | $0 \le p \le K / 2$ | positions of padding on each side |
| $m$ | `counted` |  | number of positions that a window counts |
| $f_{l}, g_{l}$ | `l_first`, `l_last` |  | first and last window that covers position $l_{in}$ |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 3, 5, 9]]], requires_grad=True)
>>> y = F.avg_pool1d(x, kernel_size=2, stride=1)
>>> y
tensor([[[2., 4., 7.]]], grad_fn=<AvgPool1DBackward0>)
>>> y.backward(torch.tensor([[[2., 4, 6]]]))
>>> x.grad
tensor([[[1., 3., 5., 3.]]])

The second element lies in two windows, so half of 2 and half of 4 arrive there. With one element of padding on each side the
first window holds a zero and the 1. It counts two positions, or one with `count_include_pad=False`:

>>> F.avg_pool1d(x.detach(), 2, stride=2, padding=1)
tensor([[[0.5000, 4.0000, 4.5000]]])
>>> F.avg_pool1d(x.detach(), 2, stride=2, padding=1, count_include_pad=False)
tensor([[[1., 4., 9.]]])

## Questions

**What is the mean of the output, if windows without padding lie side by side and cover the whole input?**

The mean of the input: each element is in exactly one window.

**A window of 2 holds one element and padding. Which output does an element of 8 give, with and without `count_include_pad`?**

With it the sum is divided by 2, which gives 4; without it by 1, which gives 8.

**Why does the gradient of an element not depend on its value?**

The output is linear in each element, with the factor $1 / m$.
"""

from __future__ import annotations

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import options_text, sizes
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.types import int64


def avg_pool1d_output_size(size_in, kernel_size, stride, padding, ceil_mode=False):
    """`(L_out,)` for `size_in = (L_in,)` and options of one int each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, (1,) * 1, ceil_mode)


# How many positions of one dimension a window counts: those within the input and its padding, or those within the input alone.
# A window that reaches beyond the padding (`ceil_mode`) counts no position behind it.
@njit(**SERIAL)
def positions_counted(start, size, extent, pad, count_include_pad):
    if count_include_pad:
        return min(start + size, extent + pad) - start
    return min(start + size, extent) - max(start, 0)


# ## The mean of each window
#
# $$y[n, c, l_{out}] = \frac{1}{m[l_{out}]} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]$$
#
# The loops run over the elements of the window that lie within the input. The padding adds zeros, so it changes the divisor
# only.
@njit(**PARALLEL)
def avg_pool1d_forward_cpu(x, y, K, stride, pad, count_include_pad):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_out in range(L_out):
            acc = y.dtype.type(0)
            l_start = l_out * stride - pad
            for l_in in range(max(l_start, 0), min(l_start + K, L_in)):
                acc += x[n, c, l_in]
            counted = positions_counted(l_start, K, L_in, pad, count_include_pad)
            y[n, c, l_out] = acc / y.dtype.type(counted)


@cuda.jit
def avg_pool1d_forward_cuda(x, y, K, stride, pad, count_include_pad):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    l_out = i % L_out
    plane = i // L_out
    n = plane // C
    c = plane % C
    acc = y.dtype.type(0)
    l_start = l_out * stride - pad
    for l_in in range(max(l_start, 0), min(l_start + K, L_in)):
        acc += x[n, c, l_in]
    counted = positions_counted(l_start, K, L_in, pad, count_include_pad)
    y[n, c, l_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l}} \frac{1}{m[l_{out}]}
# \frac{\partial L}{\partial y}[n, c, l_{out}]$$
#
# Every window that covers the element contributes its own gradient, divided by its own number of positions. `//` rounds
# down, also below zero.
@njit(**PARALLEL)
def avg_pool1d_backward_x_cpu(grad_y, grad_x, K, stride, pad, count_include_pad):
    N, C, L_in = grad_x.shape
    N, C, L_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_in in range(L_in):
            acc = grad_x.dtype.type(0)
            l_first = max(0, (l_in + pad - K) // stride + 1)
            l_last = min(L_out - 1, (l_in + pad) // stride)
            for l_out in range(l_first, l_last + 1):
                counted = positions_counted(l_out * stride - pad, K, L_in, pad, count_include_pad)
                acc += grad_y[n, c, l_out] / grad_y.dtype.type(counted)
            grad_x[n, c, l_in] = acc


@cuda.jit
def avg_pool1d_backward_x_cuda(grad_y, grad_x, K, stride, pad, count_include_pad):
    N, C, L_in = grad_x.shape
    N, C, L_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    l_in = i % L_in
    plane = i // L_in
    n = plane // C
    c = plane % C
    acc = grad_x.dtype.type(0)
    l_first = max(0, (l_in + pad - K) // stride + 1)
    l_last = min(L_out - 1, (l_in + pad) // stride)
    for l_out in range(l_first, l_last + 1):
        counted = positions_counted(l_out * stride - pad, K, L_in, pad, count_include_pad)
        acc += grad_y[n, c, l_out] / grad_y.dtype.type(counted)
    grad_x[n, c, l_in] = acc


class AvgPool1DFunction(Function):
    """Average pooling on the tape. x (N, C, L_in); `window` is the kernel size, stride and padding, one int each."""

    @staticmethod
    def forward(ctx, x, size_out, window, count_include_pad):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(x.device, avg_pool1d_forward_cpu, avg_pool1d_forward_cuda, y.numel(), fast.avg_pool_forward)
        run(*arrays(x, y), *window, count_include_pad)
        ctx.size_in, ctx.options = x.shape, (*window, count_include_pad)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            avg_pool1d_backward_x_cpu,
            avg_pool1d_backward_x_cuda,
            grad_x.numel(),
            fast.avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window.

    Shapes: `input` (N, C, L_in) or (C, L_in); N may be 0. The result (N, C, L_out) or (C, L_out).
    `kernel_size`, `stride` and `padding` are an int or a tuple of one int; `stride` None means `kernel_size`. int64 tensors
    are pooled too, and the means are rounded towards zero.

    Raises:
        RuntimeError: the input has another number of dimensions or no elements, an option is out of range, no window fits.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("avg_pool1d", input, allowed=(int64,))
    kernel_size, stride, padding, once = checks.window(1, "avg_pool1d", kernel_size, stride, padding)
    checks.check_flag("avg_pool1d", "ceil_mode", ceil_mode)
    checks.check_flag("avg_pool1d", "count_include_pad", count_include_pad)
    checks.check_window("avg_pool1d", kernel_size, stride, padding, once)
    checks.check_size_in("avg_pool1d", 1, input.shape)
    size_out = avg_pool1d_output_size(input.shape[-1:], kernel_size, stride, padding, ceil_mode)
    checks.check_size_out("avg_pool1d", size_out, input.shape, kernel_size, padding, once)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    window = *kernel_size, *stride, *padding
    y = AvgPool1DFunction.apply(batch, size_out, window, count_include_pad)
    return y.squeeze(0) if input.ndim == 2 else y


class AvgPool1d(Module):
    """The mean of each window, as a layer. It has no parameters.

    Args:
        kernel_size: the length of the window; an int or a tuple of one, as with the next two.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: zeros on each side; at most half the kernel size.
        ceil_mode: keep a last window that reaches beyond the end.
        count_include_pad: whether the zeros of the padding count for the divisor.

    Shapes: those of `avg_pool1d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size = sizes(1, kernel_size, "kernel_size", "AvgPool1d")
        self.stride = self.kernel_size if stride is None else sizes(1, stride, "stride", "AvgPool1d")
        self.padding = sizes(1, padding, "padding", "AvgPool1d")
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input):
        return avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self):
        return options_text(self, "kernel_size", "stride", "padding")
