r"""Max pooling over sequences: each output is the largest element of one window of its channel.

A window slides over each channel. The sequence becomes smaller, and the output does not depend on where in the window
a feature lies. Nothing
is learned.

Use it when the strongest response of a region counts; `avg_pool1d` takes the mean, `adaptive_max_pool1d` the size of the
output.

## Forward

A window of two elements, $K = 2$, gives the larger of $x[0]$ and $x[1]$. In general:

$$y[n, c, l_{out}] = \max_{0 \le k < K} \; x[n, c, l_{in}]$$

$$l_{in} = l_{out} \, s - p + k \, d$$

Positions outside the sequence count as $-\infty$, so padding never wins against an element. The place of the largest element
within its channel is kept as one number; of equal elements the first one counts:

$$m[n, c, l_{out}] = l_{in} \quad \text{of the element that won}$$

NaN wins against every number (the last NaN of a window, if there are several).

## Gradients

$y$ copies one element of the window, so its derivative is 1 for that element and 0 for the others. An element may be the
largest of several windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] =  \sum_{l_{out} = 0}^{L_{out} - 1} \left[ m[n, c, l_{out}] = l_{in} \right]
\frac{\partial L}{\partial y}[n, c, l_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere.

## Output size

$$L_{out} = \left\lfloor \frac{L_{in} + 2 p - d (K - 1) - 1}{s} \right\rfloor + 1$$

`ceil_mode=True` rounds up instead, which keeps a last window that reaches beyond the end; a window that would start behind the
last element, in the padding, is dropped.

## Cost

$K$ comparisons per output element. Forward reads $x$ and writes $y$ and the places, 8 bytes per output element; backward reads
the gradient of $y$ and the places and writes the gradient of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, L_{in})$ | input |
| $y$ | `y` | $(N, C, L_{out})$ | output: the largest element of each window |
| $m$ | `index` | $(N, C, L_{out})$ | position of that element within its channel; int64 |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, L_{out})$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, L_{in})$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sequence of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $l_{out}$ | `l_out` | $0 \le l_{out} < L_{out}$ | position in the output: which window |
| $l_{in}$ | `l_in` | $0 \le l_{in} < L_{in}$ | position in the input |
| $k$ | `k` | $0 \le k < K$ | position inside the window |
| $K$ | `K` | $K \ge 1$ | positions of a window |
| $s$ | `stride` | $s \ge 1$ | positions from one window to the next |
| $p$ | `pad` | $0 \le p \le K / 2$ | positions of padding on each side |
| $d$ | `dil` | $d \ge 1$ | positions from one position of the window to the next |
| $-\infty$ | `lowest` |  | value of a window before an element is seen (for integers, the smallest one) |

## Worked example

Windows of two, one element apart. The 5 is the largest of two windows and gets both gradients; of the two 3s the first one
wins:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 5, 2, 3, 3]]], requires_grad=True)
>>> y, index = F.max_pool1d(x, kernel_size=2, stride=1, return_indices=True)
>>> y
tensor([[[5., 5., 3., 3.]]], grad_fn=<MaxPool1DBackward0>)
>>> index
tensor([[[1, 1, 3, 3]]])
>>> y.backward(torch.tensor([[[1., 2, 3, 4]]]))
>>> x.grad
tensor([[[0., 3., 0., 7., 0.]]])

## Questions

**Why is the padding not zero?**

A window of negative elements at the border would then give 0, which is none of its elements.

**How many elements get a gradient, if the windows do not overlap?**

One of each window.

**What is the largest element of a window with a NaN in it?**

NaN, so that an error upstream stays visible.

## Differences

- With dilation a window can step over a short sequence and touch padding only. Its value is $-\infty$ here and in PyTorch; its place is
  -1 here, where PyTorch gives a place that may belong to another element.
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


def max_pool1d_output_size(size_in, kernel_size, stride, padding, dilation, ceil_mode=False):
    """`(L_out,)` for `size_in = (L_in,)` and options of one int each; 0 or less where no window fits."""
    return checks.pooled_size(size_in, kernel_size, stride, padding, dilation, ceil_mode)


# ## The largest element of each window
#
# $$y[n, c, l_{out}] = \max_{0 \le k < K} \; x[n, c, l_{in}]$$
#
# One pass finds the value and its place. `value > best` keeps the first of equal elements. NaN compares false with every
# number, so `isnan` tests for it. `found < 0` accepts the first element in, even if it is minus infinity.
@njit(**PARALLEL)
def max_pool1d_forward_cpu(x, y, index, K, stride, pad, dil, lowest):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_out in range(L_out):
            best = y.dtype.type(lowest)
            found = -1
            for k in range(K):
                l_in = l_out * stride - pad + k * dil
                if 0 <= l_in < L_in:
                    value = x[n, c, l_in]
                    if found < 0 or value > best or math.isnan(value):
                        best = value
                        found = l_in
            y[n, c, l_out] = best
            index[n, c, l_out] = found


@cuda.jit
def max_pool1d_forward_cuda(x, y, index, K, stride, pad, dil, lowest):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    l_out = i % L_out
    plane = i // L_out
    n = plane // C
    c = plane % C
    best = y.dtype.type(lowest)
    found = -1
    for k in range(K):
        l_in = l_out * stride - pad + k * dil
        if 0 <= l_in < L_in:
            value = x[n, c, l_in]
            if found < 0 or value > best or math.isnan(value):
                best = value
                found = l_in
    y[n, c, l_out] = best
    index[n, c, l_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, l_{in}] =  \sum_{l_{out} = 0}^{L_{out} - 1} \left[ m[n, c, l_{out}] = l_{in} \right]
# \frac{\partial L}{\partial y}[n, c, l_{out}]$$
#
# A sequence belongs to one thread: it is set to zero, then each window adds its gradient where its largest element was. So
# no two threads add to one element.
@njit(**PARALLEL)
def max_pool1d_backward_x_cpu(grad_y, index, grad_x):
    N, C, L_in = grad_x.shape
    N, C, L_out = grad_y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_in in range(L_in):
            grad_x[n, c, l_in] = 0
        for l_out in range(L_out):
            l_in = index[n, c, l_out]
            if 0 <= l_in < L_in:
                grad_x[n, c, l_in] += grad_y[n, c, l_out]


@cuda.jit
def max_pool1d_backward_x_cuda(grad_y, index, grad_x):
    N, C, L_in = grad_x.shape
    N, C, L_out = grad_y.shape
    i = cuda.grid(1)
    if i >= N * C:
        return
    plane = i
    n = plane // C
    c = plane % C
    for l_in in range(L_in):
        grad_x[n, c, l_in] = 0
    for l_out in range(L_out):
        l_in = index[n, c, l_out]
        if 0 <= l_in < L_in:
            grad_x[n, c, l_in] += grad_y[n, c, l_out]


class MaxPool1DFunction(Function):
    """Max pooling on the tape. x (N, C, L_in); the options one int each; returns y and the place of each maximum."""

    @staticmethod
    def forward(ctx, x, size_out, kernel_size, stride, padding, dilation):
        y = x.new_empty(*x.shape[:2], *size_out)
        index = x.new_empty(y.shape, dtype=int64)
        lowest = -math.inf if x.is_floating_point() else int(np.iinfo(x.dtype.numpy).min)
        run = on(x.device, max_pool1d_forward_cpu, max_pool1d_forward_cuda, y.numel(), fast.max_pool_forward)
        run(*arrays(x, y, index), *kernel_size, *stride, *padding, *dilation, lowest)
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)  # places have no gradient, not even zeros
        ctx.size_in = x.shape
        return y, index

    @staticmethod
    def backward(ctx, grad_y, grad_index):
        (index,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(ctx.size_in)
        owners = math.prod(ctx.size_in[:2])  # one thread per sequence
        run = on(grad_y.device, max_pool1d_backward_x_cpu, max_pool1d_backward_x_cuda, owners, fast.max_pool_backward_x)
        run(*arrays(grad_y, index, grad_x))
        return grad_x, None, None, None, None, None


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of each window; with `return_indices=True` a pair, the second being its place.

    Shapes: `input` (N, C, L_in) or (C, L_in); N may be 0. Both results (N, C, L_out) or (C, L_out). `kernel_size`, `stride`,
    `padding` and `dilation` are an int or a tuple of one int; `stride` None or () means `kernel_size`. Integer tensors are
    pooled with `return_indices=True` only.

    Raises:
        RuntimeError: the input has another number of dimensions or no elements, an option is out of range, no window fits.
        TypeError: an argument is of the wrong type.
        NotImplementedError: there is no kernel for this dtype.
    """
    kinds = "fiu" if return_indices else "f"
    checks.check_tensor("max_pool1d", input, kinds)
    kernel_size, stride, padding, dilation = checks.window(1, "max_pool1d", kernel_size, stride, padding, dilation)
    checks.check_flag("max_pool1d", "ceil_mode", ceil_mode)
    checks.check_window("max_pool1d", kernel_size, stride, padding, dilation)
    checks.check_size_in("max_pool1d", 1, input.shape)
    size_out = max_pool1d_output_size(input.shape[-1:], kernel_size, stride, padding, dilation, ceil_mode)
    checks.check_size_out("max_pool1d", size_out, input.shape, kernel_size, padding, dilation)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y, index = MaxPool1DFunction.apply(batch, size_out, kernel_size, stride, padding, dilation)
    if input.ndim == 2:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def max_pool1d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """`max_pool1d` with `return_indices=True`, whatever the last argument says."""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


class MaxPool1d(MaxPoolNd):
    """The largest element of each window, as a layer. It has no parameters.

    Args:
        kernel_size: the length of the window; an int or a tuple of one, as with the next three.
        stride: how far apart the windows are; None means `kernel_size`: side by side.
        padding: positions of minus infinity on each side; at most half the kernel size.
        dilation: how far apart the elements of one window are.
        return_indices: also return the place of each maximum, as `MaxUnpool1d` needs it.
        ceil_mode: keep a last window that reaches beyond the end.

    Shapes: those of `max_pool1d`, which also raises the errors, when the layer is called.
    """

    def forward(self, input):
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return max_pool1d(input, *window, self.ceil_mode, self.return_indices)
