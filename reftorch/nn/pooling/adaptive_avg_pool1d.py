r"""Adaptive average pooling over sequences: the size of the output is given, and each output is the mean of its share of the
input.

The window and the steps follow from both sizes, so a network can take inputs of any size and end with a fixed one. Nothing is
learned.

Use it when the output must have a certain size; `avg_pool1d` has a window of a certain size. Size 1 gives the mean of each
channel.

## Forward

The simplest case is a size that divides the input: four elements in two windows give two windows of two. In general the
windows may overlap by one position, and their sizes may differ by one:

$$y[n, c, l_{out}] = \frac{1}{(b_{l} - a_{l})} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]$$

$$a_{l} = \left\lfloor \frac{l_{out} \, L_{in}}{L_{out}} \right\rfloor \qquad b_{l} = \left\lceil \frac{(l_{out} + 1) \,
L_{in}}{L_{out}} \right\rceil$$

## Gradients

$y$ is a sum in which each element of the window has the same factor, 1 divided by the size of the window. This factor is the
derivative. An element gets the sum over all windows that cover it:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l} - 1} \frac{1}{(b_{l} - a_{l})}
\frac{\partial L}{\partial y}[n, c, l_{out}]$$

$$f_{l} = \left\lfloor \frac{l_{in} \, L_{out}}{L_{in}} \right\rfloor \qquad g_{l} = \left\lceil \frac{(l_{in} + 1) \,
L_{out}}{L_{in}} \right\rceil$$

This is the same rule as that of the windows, with input and output exchanged: window $l_{out}$ covers position $l_{in}$
exactly if $l_{out}$ is at least $f$ and less than $g$.

## Output size

It is the argument `output_size`.

## Cost

Each element is read once, and up to 2 times where windows overlap (more if the output is larger than the input). One division per
output element.

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
| $a_{l}, b_{l}$ | `l_start`, `l_end` |  | first position of a window, and the first one behind it |
| $f_{l}, g_{l}$ | `l_first`, `l_last` |  | first window that covers position $l_{in}$, and the first one behind those |

## Worked example

Five elements become three means. The windows overlap, since 3 does not divide 5:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 3, 5, 7, 9]]], requires_grad=True)
>>> y = F.adaptive_avg_pool1d(x, 3)
>>> y
tensor([[[2., 5., 8.]]], grad_fn=<AdaptiveAvgPool1DBackward0>)
>>> y.backward(torch.tensor([[[2., 6, 4]]]))
>>> x.grad
tensor([[[1., 3., 2., 4., 2.]]])

## Questions

**Which output does `output_size=1` give?**

The mean of all elements of a channel. The last layers of many networks use it in place of flattening.

**Why are there no options for stride and padding?**

Both follow from the two sizes: window $l_{out}$ begins at the fraction $l_{out} / L_{out}$ of the input.

**What happens if the output is larger than the input?**

Windows of one position repeat elements:

>>> F.adaptive_avg_pool1d(torch.tensor([[1., 9]]), 4)
tensor([[1., 1., 9., 9.]])
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
# $$y[n, c, l_{out}] = \frac{1}{(b_{l} - a_{l})} \sum_{l_{in} = a_{l}}^{b_{l} - 1} x[n, c, l_{in}]$$
#
# `-(-a // b)` is a / b rounded up. A window may cover the whole input, so the sum is taken in float64.
@njit(**PARALLEL)
def adaptive_avg_pool1d_forward_cpu(x, y):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_out in range(L_out):
            l_start = l_out * L_in // L_out
            l_end = -(-(l_out + 1) * L_in // L_out)
            acc = np.float64(0)
            for l_in in range(l_start, l_end):
                acc += x[n, c, l_in]
            counted = l_end - l_start
            y[n, c, l_out] = acc / y.dtype.type(counted)


@cuda.jit
def adaptive_avg_pool1d_forward_cuda(x, y):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    l_out = i % L_out
    plane = i // L_out
    n = plane // C
    c = plane % C
    l_start = l_out * L_in // L_out
    l_end = -(-(l_out + 1) * L_in // L_out)
    acc = y.dtype.type(0)
    for l_in in range(l_start, l_end):
        acc += x[n, c, l_in]
    counted = l_end - l_start
    y[n, c, l_out] = acc / y.dtype.type(counted)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l} - 1} \frac{1}{(b_{l} - a_{l})}
# \frac{\partial L}{\partial y}[n, c, l_{out}]$$
#
# The loops run over the windows that cover the element. Each window has its own size.
@njit(**PARALLEL)
def adaptive_avg_pool1d_backward_x_cpu(grad_y, grad_x):
    N, C, L_in = grad_x.shape
    N, C, L_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_in in range(L_in):
            acc = grad_x.dtype.type(0)
            l_first = l_in * L_out // L_in
            l_last = -(-(l_in + 1) * L_out // L_in)
            for l_out in range(l_first, l_last):
                l_start = l_out * L_in // L_out
                l_end = -(-(l_out + 1) * L_in // L_out)
                counted = l_end - l_start
                acc += grad_y[n, c, l_out] / grad_y.dtype.type(counted)
            grad_x[n, c, l_in] = acc


@cuda.jit
def adaptive_avg_pool1d_backward_x_cuda(grad_y, grad_x):
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
    l_first = l_in * L_out // L_in
    l_last = -(-(l_in + 1) * L_out // L_in)
    for l_out in range(l_first, l_last):
        l_start = l_out * L_in // L_out
        l_end = -(-(l_out + 1) * L_in // L_out)
        counted = l_end - l_start
        acc += grad_y[n, c, l_out] / grad_y.dtype.type(counted)
    grad_x[n, c, l_in] = acc


class AdaptiveAvgPool1DFunction(Function):
    """Adaptive average pooling on the tape. x (N, C, L_in); `size_out` one int."""

    @staticmethod
    def forward(ctx, x, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        run = on(
            x.device,
            adaptive_avg_pool1d_forward_cpu,
            adaptive_avg_pool1d_forward_cuda,
            y.numel(),
            fast.adaptive_avg_pool_forward,
        )
        run(*arrays(x, y))
        ctx.size_in = x.shape
        return y

    @staticmethod
    def backward(ctx, grad_y):
        checks.check_grad_size("adaptive_avg_pool1d", grad_y.shape)
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            adaptive_avg_pool1d_backward_x_cpu,
            adaptive_avg_pool1d_backward_x_cuda,
            grad_x.numel(),
            fast.adaptive_avg_pool_backward_x,
        )
        run(*arrays(grad_y, grad_x))
        return grad_x, None


def adaptive_avg_pool1d(input, output_size):
    """The mean of each share of the input.

    Shapes: `input` (N, C, L_in) or (C, L_in); N and C may be 0. The result (N, C, L_out) or (C, L_out), where `output_size` is
    L_out, or an int in a tuple. The mean of no elements, with size 1, is NaN.

    Raises:
        RuntimeError: the input has another number of dimensions or no elements, a size is negative, or a tuple does not have
            one size.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("adaptive_avg_pool1d", input)
    size_out = checks.adaptive_size("adaptive_avg_pool1d", 1, output_size, input.shape)
    checks.check_size_in("adaptive_avg_pool1d", 1, input.shape, may_be_empty=size_out == (1,), no_channels=True)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y = AdaptiveAvgPool1DFunction.apply(batch, size_out)
    return y.squeeze(0) if input.ndim == 2 else y


class AdaptiveAvgPool1d(Module):
    """The mean of each share of the input, as a layer. It has no parameters.

    Args:
        output_size: the length of the output; an int.

    Shapes: those of `adaptive_avg_pool1d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return adaptive_avg_pool1d(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"
