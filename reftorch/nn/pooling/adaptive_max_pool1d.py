r"""Adaptive max pooling over sequences: the size of the output is given, and each output is the largest element of its share
of the input.

The window and the steps follow from both sizes, so a network can take inputs of any size and end with a fixed one. Nothing is
learned.

Use it when the output must have a certain size and the strongest response counts; `adaptive_avg_pool1d` takes the mean.

## Forward

The simplest case is a size that divides the input: four elements in two windows give two windows of two. In general the
windows may overlap by one position, and their sizes may differ by one:

$$y[n, c, l_{out}] = \max_{a_{l} \le l_{in} < b_{l}} \; x[n, c, l_{in}]$$

$$a_{l} = \left\lfloor \frac{l_{out} \, L_{in}}{L_{out}} \right\rfloor \qquad b_{l} = \left\lceil \frac{(l_{out} + 1) \,
L_{in}}{L_{out}} \right\rceil$$

The position of the largest element within its channel is kept; of equal elements the first one counts:

$$m[n, c, l_{out}] = l_{in} \quad \text{of the element that won}$$

NaN wins against every number (the last NaN of a window, if there are several).

## Gradients

$y$ copies one element of the window, so its derivative is 1 for that element and 0 for the others. An element may be the
largest of several windows, and gets the sum of their gradients:

$$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l} - 1} \left[ m[n, c, l_{out}] = l_{in} \right] \;
\frac{\partial L}{\partial y}[n, c, l_{out}]$$

The bracket is 1 where the equation in it holds, and 0 elsewhere. Only these windows cover the element:

$$f_{l} = \left\lfloor \frac{l_{in} \, L_{out}}{L_{in}} \right\rfloor \qquad g_{l} = \left\lceil \frac{(l_{in} + 1) \,
L_{out}}{L_{in}} \right\rceil$$

## Output size

It is the argument `output_size`.

## Cost

One comparison for each element of each window. Forward reads $x$ and writes $y$ and the positions, 8 bytes per output element;
backward reads the gradient of $y$ and the positions and writes the gradient of $x$.

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
| $a_{l}, b_{l}$ | `l_start`, `l_end` |  | first position of a window, and the first one behind it |
| $f_{l}, g_{l}$ | `l_first`, `l_last` |  | first window that covers position $l_{in}$, and the first one behind those |

## Worked example

Five elements become three maxima. The windows overlap; the 7 is the largest of two of them and gets both gradients:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1., 7, 2, 3, 4]]], requires_grad=True)
>>> y, index = F.adaptive_max_pool1d(x, 3, return_indices=True)
>>> y
tensor([[[7., 7., 4.]]], grad_fn=<AdaptiveMaxPool1DBackward0>)
>>> index
tensor([[[1, 1, 4]]])
>>> y.backward(torch.tensor([[[10., 20, 30]]]))
>>> x.grad
tensor([[[ 0., 30.,  0.,  0., 30.]]])

## Questions

**Which output does `output_size=1` give?**

The largest element of each channel.

**How many elements get a gradient, if the windows do not overlap?**

One of each window. The gradient of all others is 0.

**Why does the position not say which sample and channel it belongs to?**

It has the same place in its tensor as the output: `index[n, c, l_out]` is a position within sample `n` and channel `c`.

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


# ## The largest element of each window
#
# $$y[n, c, l_{out}] = \max_{a_{l} \le l_{in} < b_{l}} \; x[n, c, l_{in}]$$
#
# `value > best` keeps the first of equal elements. NaN compares false with every number, so `isnan` tests for it. `-(-a // b)`
# is a / b rounded up.
@njit(**PARALLEL)
def adaptive_max_pool1d_forward_cpu(x, y, index):
    N, C, L_in = x.shape
    N, C, L_out = y.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        for l_out in range(L_out):
            l_start = l_out * L_in // L_out
            l_end = -(-(l_out + 1) * L_in // L_out)
            best = x[n, c, l_start]
            found = l_start
            for l_in in range(l_start, l_end):
                value = x[n, c, l_in]
                if value > best or math.isnan(value):
                    best = value
                    found = l_in
            y[n, c, l_out] = best
            index[n, c, l_out] = found


@cuda.jit
def adaptive_max_pool1d_forward_cuda(x, y, index):
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
    best = x[n, c, l_start]
    found = l_start
    for l_in in range(l_start, l_end):
        value = x[n, c, l_in]
        if value > best or math.isnan(value):
            best = value
            found = l_in
    y[n, c, l_out] = best
    index[n, c, l_out] = found


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, l_{in}] = \sum_{l_{out} = f_{l}}^{g_{l} - 1} \left[ m[n, c, l_{out}] = l_{in} \right]
# \; \frac{\partial L}{\partial y}[n, c, l_{out}]$$
#
# The loops run over the windows that cover the element, and add the gradients of those in which it was the largest.
@njit(**PARALLEL)
def adaptive_max_pool1d_backward_x_cpu(grad_y, index, grad_x):
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
                if index[n, c, l_out] == l_in:
                    acc += grad_y[n, c, l_out]
            grad_x[n, c, l_in] = acc


@cuda.jit
def adaptive_max_pool1d_backward_x_cuda(grad_y, index, grad_x):
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
        if index[n, c, l_out] == l_in:
            acc += grad_y[n, c, l_out]
    grad_x[n, c, l_in] = acc


class AdaptiveMaxPool1DFunction(Function):
    """Adaptive max pooling on the tape. x (N, C, L_in); `size_out` one int; returns y and positions."""

    @staticmethod
    def forward(ctx, x, size_out):
        y = x.new_empty(*x.shape[:2], *size_out)
        index = x.new_empty(y.shape, dtype=int64)
        run = on(
            x.device,
            adaptive_max_pool1d_forward_cpu,
            adaptive_max_pool1d_forward_cuda,
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
        checks.check_grad_size("adaptive_max_pool1d", grad_y.shape)
        grad_x = grad_y.new_empty(ctx.size_in)
        run = on(
            grad_y.device,
            adaptive_max_pool1d_backward_x_cpu,
            adaptive_max_pool1d_backward_x_cuda,
            grad_x.numel(),
            fast.max_pool_backward_x,
        )
        run(*arrays(grad_y, index, grad_x))
        return grad_x, None


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest element of each share of the input; with `return_indices=True` a pair, the second being its position.

    Shapes: `input` (N, C, L_in) or (C, L_in); N may be 0. Both results (N, C, L_out) or (C, L_out), where `output_size` is
    L_out, or an int in a tuple.

    Raises:
        RuntimeError: the input has another number of dimensions or no elements, a size is negative, or a tuple does not have
            one size.
        TypeError: an argument is of the wrong type.
        NotImplementedError: the input is not float32 or float64.
    """
    checks.check_tensor("adaptive_max_pool1d", input)
    size_out = checks.adaptive_size("adaptive_max_pool1d", 1, output_size, input.shape)
    checks.check_size_in("adaptive_max_pool1d", 1, input.shape, first_may_be_0=True)
    batch = input.unsqueeze(0) if input.ndim == 2 else input
    y, index = AdaptiveMaxPool1DFunction.apply(batch, size_out)
    if input.ndim == 2:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def adaptive_max_pool1d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool1d` with `return_indices=True`, whatever the last argument says."""
    return adaptive_max_pool1d(input, output_size, True)


class AdaptiveMaxPool1d(Module):
    """The largest element of each share of the input, as a layer. It has no parameters.

    Args:
        output_size: the length of the output; an int.
        return_indices: also return the position of each maximum, as `MaxUnpool1d` needs it.

    Shapes: those of `adaptive_max_pool1d`, which also raises the errors, when the layer is called.
    """

    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input):
        return adaptive_max_pool1d(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"
