r"""Power-average pooling over sequences: each output is a norm of the elements of one window.

The order $p$ chooses between a sum ($p = 1$) and, for large $p$, the largest element. Nothing is learned.

Use it when large elements should count more than in the mean (`avg_pool1d`), but not alone as in the maximum (`max_pool1d`).

## Forward

The simplest case is a window of two elements and $p = 2$: $\sqrt{x_0^2 + x_1^2}$. In general the powers are summed, and the
root of order $p$ is taken of the sum:

$$S[n, c, l_{out}] = \frac{K}{(b_{l} - a_{l})} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]^p$$

$$y[n, c, l_{out}] = S[n, c, l_{out}]^{1/p}$$

$$a_{l} = l_{out} \, s \qquad b_{l} = \min(l_{out} \, s + K, L_{in})$$

The first factor is 1 for a whole window. With `ceil_mode` the last window may be cut off by the end of the input. Its sum is scaled
up to the size of a whole window. There is no absolute value in the formula: with an odd $p$ negative elements lower the sum, and
the root of a negative sum is NaN unless $p = 1$. For $p = \infty$ the output is the largest absolute value, for $p = -\infty$ the
smallest.

## Gradients

The derivative of $S^{1/p}$ with respect to $S$ is $\frac1p S^{1/p - 1}$, and that of $x^p$ with respect to $x$ is $p \, x^{p -
1}$. In their product $p$ cancels:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] = x[n, c, l_{in}]^{p - 1} \sum_{l_{out} = f_{l}}^{g_{l}} \frac{K}{(b_{l} -
a_{l})} \; S[n, c, l_{out}]^{1/p - 1} \; \frac{\partial L}{\partial y}[n, c, l_{out}]$$

$$f_{l} = \max\left(0, \left\lfloor \frac{l_{in} - K}{s} \right\rfloor + 1\right) \qquad g_{l} = \min\left(L_{out} - 1,
\left\lfloor \frac{l_{in}}{s} \right\rfloor\right)$$

A window with $S = 0$ gives no gradient to its elements.

## Output size

$$L_{out} = \left\lfloor \frac{L_{in} - K}{s} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead.

## Cost

$K$ powers per output element, and one root. Forward reads $x$ and writes $S$ and $y$; backward reads $x$, $S$ and the gradient
of $y$ and writes that of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, L_{in})$ | input |
| $y$ | `y` | $(N, C, L_{out})$ | output: the norm of each window |
| $S$ | `total` | $(N, C, L_{out})$ | scaled sum of the powers of each window |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, L_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, L_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $l_{out}$ | `l_out` | $0 \le l_{out} < L_{out}$ | position in the output: which window |
| $l_{in}$ | `l_in` | $0 \le l_{in} < L_{in}$ | position in the input |
| $K$ | `K` | $K \ge 1$ | positions of a window |
| $s$ | `stride` | $s \ge 1$ | positions from one window to the next |
| $p$ | `p` | any but 0 | order of the norm: `norm_type` |
| $a_{l}, b_{l}$ | `l_start`, `l_end` |  | first position of a window, and the first one behind it |
| $f_{l}, g_{l}$ | `l_first`, `l_last` |  | first and last window that covers position $l_{in}$ |

## Worked example

Two windows of two elements, order 2: the lengths of the vectors (3, 4) and (6, 8).

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[3., 4, 6, 8]]], requires_grad=True)
>>> y = F.lp_pool1d(x, norm_type=2, kernel_size=2)
>>> y
tensor([[[ 5., 10.]]], grad_fn=<LPPool1DBackward0>)
>>> y.backward(torch.tensor([[[5., 10]]]))
>>> x.grad
tensor([[[3., 4., 6., 8.]]])

## Questions

**With `ceil_mode`, the last window of three ones holds a single one. Why is its output not 1?**

The sum is scaled to the size of a whole window, as if the one were there twice:

>>> F.lp_pool1d(torch.tensor([[[1., 1, 1]]]), 2, 2, ceil_mode=True)
tensor([[[1.4142, 1.4142]]])

**What does order 1 give for two negative elements?**

Their sum, which is negative:

>>> F.lp_pool1d(torch.tensor([[[-1., -2]]]), 1, 2)
tensor([[[-3.]]])

**Which elements get the largest gradient for a large $p$?**

The largest ones: the factor $x^{p - 1}$ grows fast, as for max pooling, where only the maximum gets a gradient.

## Differences

Integers are converted to float32 first. PyTorch does so too, but with an order that is an int it rounds the mean of the powers of
each window to an integer.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import number, options_text
from reftorch.nn.module import Module
from reftorch.nn.pooling import checks
from reftorch.nn.pooling.max_pool1d import max_pool1d


def lp_pool1d_output_size(size_in, kernel_size, stride, ceil_mode=False):
    """`(L_out,)` for `size_in = (L_in,)` and options of one int each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, (0,) * 1, (1,) * 1, ceil_mode)


# ## The norm of each window
#
# $$S[n, c, l_{out}] = \frac{K}{(b_{l} - a_{l})} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]^p$$
#
# $$y[n, c, l_{out}] = S[n, c, l_{out}]^{1/p}$$
#
# `total` holds $S$, which the gradient reads. Where `ceil_mode` cuts the last window, the first factor is more than 1.
@njit(**PARALLEL)
def lp_pool1d_forward_cpu(x, total, y, K, stride, norm_type):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_out in range(L_out):
            p = x.dtype.type(norm_type)
            l_start = l_out * stride
            l_end = min(l_start + K, L_in)
            acc = x.dtype.type(0)
            for l_in in range(l_start, l_end):
                acc += x[n, c, l_in] ** p
            counted = l_end - l_start
            total[n, c, l_out] = acc * x.dtype.type(K) / x.dtype.type(counted)
            y[n, c, l_out] = total[n, c, l_out] ** (x.dtype.type(1) / p)


@cuda.jit
def lp_pool1d_forward_cuda(x, total, y, K, stride, norm_type):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    l_out = i % L_out
    plane = i // L_out
    n = plane // C
    c = plane % C
    p = x.dtype.type(norm_type)
    l_start = l_out * stride
    l_end = min(l_start + K, L_in)
    acc = x.dtype.type(0)
    for l_in in range(l_start, l_end):
        acc += x[n, c, l_in] ** p
    counted = l_end - l_start
    total[n, c, l_out] = acc * x.dtype.type(K) / x.dtype.type(counted)
    y[n, c, l_out] = total[n, c, l_out] ** (x.dtype.type(1) / p)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, l_{in}] = x[n, c, l_{in}]^{p - 1} \sum_{l_{out} = f_{l}}^{g_{l}} \frac{K}{(b_{l} -
# a_{l})} \; S[n, c, l_{out}]^{1/p - 1} \; \frac{\partial L}{\partial y}[n, c, l_{out}]$$
#
# A window whose sum is 0 adds nothing, for every p.
@njit(**PARALLEL)
def lp_pool1d_backward_x_cpu(x, total, grad_y, grad_x, K, stride, norm_type):
    N, C, L_in = x.shape
    N, C, L_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_in in range(L_in):
            p = total.dtype.type(norm_type)
            acc = total.dtype.type(0)
            l_first = max(0, (l_in - K) // stride + 1)
            l_last = min(L_out - 1, l_in // stride)
            for l_out in range(l_first, l_last + 1):
                if total[n, c, l_out] != total.dtype.type(0):
                    counted = min(l_out * stride + K, L_in) - l_out * stride
                    share = total.dtype.type(K) / total.dtype.type(counted)
                    slope = total[n, c, l_out] ** (total.dtype.type(1) / p - total.dtype.type(1))
                    acc += grad_y[n, c, l_out] * share * slope
            grad_x[n, c, l_in] = acc * x[n, c, l_in] ** (p - total.dtype.type(1))


@cuda.jit
def lp_pool1d_backward_x_cuda(x, total, grad_y, grad_x, K, stride, norm_type):
    N, C, L_in = x.shape
    N, C, L_out = grad_y.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    l_in = i % L_in
    plane = i // L_in
    n = plane // C
    c = plane % C
    p = total.dtype.type(norm_type)
    acc = total.dtype.type(0)
    l_first = max(0, (l_in - K) // stride + 1)
    l_last = min(L_out - 1, l_in // stride)
    for l_out in range(l_first, l_last + 1):
        if total[n, c, l_out] != total.dtype.type(0):
            counted = min(l_out * stride + K, L_in) - l_out * stride
            share = total.dtype.type(K) / total.dtype.type(counted)
            slope = total[n, c, l_out] ** (total.dtype.type(1) / p - total.dtype.type(1))
            acc += grad_y[n, c, l_out] * share * slope
    grad_x[n, c, l_in] = acc * x[n, c, l_in] ** (p - total.dtype.type(1))


class LPPool1DFunction(Function):
    """Power-average pooling on the tape. x (N, C, L_in); `window` is the kernel size and stride, one int each."""

    @staticmethod
    def forward(ctx, x, size_out, window, norm_type):
        y = x.new_empty(*x.shape[:2], *size_out)
        total = x.new_empty(y.shape)
        run = on(x.device, lp_pool1d_forward_cpu, lp_pool1d_forward_cuda, y.numel(), fast.lp_pool_forward)
        run(*arrays(x, total, y), *window, norm_type)
        ctx.save_for_backward(x, total)
        ctx.options = *window, norm_type
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, total = ctx.saved_tensors
        grad_x = x.new_empty(x.shape)
        run = on(x.device, lp_pool1d_backward_x_cpu, lp_pool1d_backward_x_cuda, grad_x.numel(), fast.lp_pool_backward_x)
        run(*arrays(x, total, grad_y, grad_x), *ctx.options)
        return grad_x, None, None, None


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm of order `norm_type` of each window.

    Shapes: `input` (N, C, L_in) or (C, L_in); N may be 0. The result (N, C, L_out) or (C, L_out). `kernel_size` is an
    int, `stride` an int or a tuple of one int; None means `kernel_size`. Integers are converted to float32.

    Raises:
        RuntimeError: the input has another number of dimensions or no elements, an option is out of range, no window fits.
        ZeroDivisionError: `norm_type` is 0.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    checks.check_tensor("lp_pool1d", input, "fiub")
    norm_type = number("lp_pool1d", "norm_type", norm_type)
    if math.isinf(norm_type):
        larger = input.abs() if norm_type > 0 else -input.abs()
        y = max_pool1d(larger, kernel_size, stride, ceil_mode=ceil_mode)
        return y if norm_type > 0 else -y
    if norm_type == 0:
        raise ZeroDivisionError("lp_pool1d: norm_type is 0, and there is no root of order 0")
    if isinstance(kernel_size, (tuple, list)):
        raise TypeError(
            f"lp_pool1d(): argument 'kernel_size' must be int, found {kernel_size!r}: a sequence of sizes is for lp_pool2d and "
            "lp_pool3d"
        )
    input = input if input.is_floating_point() else input.float()
    kernel_size, stride, nothing, once = checks.window(1, "lp_pool1d", kernel_size, stride, 0)
    checks.check_flag("lp_pool1d", "ceil_mode", ceil_mode)
    checks.check_window("lp_pool1d", kernel_size, stride, nothing, once)
    checks.check_size_in("lp_pool1d", 1, input.shape)
    size_out = lp_pool1d_output_size(input.shape[-1:], kernel_size, stride, ceil_mode)
    checks.check_size_out("lp_pool1d", size_out, input.shape, kernel_size, nothing, once)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y = LPPool1DFunction.apply(batch, size_out, (*kernel_size, *stride), norm_type)
    return y.squeeze(0) if input.ndim == 2 else y


class LPPool1d(Module):
    """The norm of order `norm_type` of each window, as a layer. It has no parameters.

    Args:
        norm_type: order of the norm, p.
        kernel_size: the length of the window; an int, as with the next one.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        ceil_mode: keep a last window that reaches beyond the end.

    Shapes: those of `lp_pool1d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input):
        return lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self):
        return options_text(self, "norm_type", "kernel_size", "stride", "ceil_mode")
