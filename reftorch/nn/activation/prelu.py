r"""The parametric rectified linear unit: a leaky ReLU whose slope is learned, one slope for all channels or one per channel.

The slope is 0.25 at the start, so the unit starts as a leaky ReLU. Training may turn it into a ReLU (slope 0), a straight line
(slope 1), or a function between or beyond these two.

Use it when the slope below zero should be learned; `leaky_relu` has a fixed one.

## Forward

One channel with slope $0.5$: $3$ stays $3$, and $-4$ becomes $-2$. In general:

$$y[n, c, d] = \begin{cases} x[n, c, d] & \text{if } x[n, c, d] > 0 \\
W[c] \, x[n, c, d] & \text{otherwise} \end{cases}$$

Channels are the second dimension of the input; all dimensions after it are read as one row of positions $d$. An input of fewer than two
dimensions is a single channel. If the weight holds one number, it is the slope of all elements, and a sample is read as one channel.

## Gradients

The derivative of $y$ with respect to $x$ is 1 above zero and $W[c]$ elsewhere, so the chain rule gives

$$\frac{\partial L}{\partial x}[n, c, d] =
\begin{cases} \frac{\partial L}{\partial y}[n, c, d] & \text{if } x[n, c, d] > 0 \\
W[c] \, \frac{\partial L}{\partial y}[n, c, d] & \text{otherwise} \end{cases}$$

The derivative of $y$ with respect to $W[c]$ is $x$ where the slope was used and 0 elsewhere. All elements of the channel
share the slope, so their contributions are summed:

$$\frac{\partial L}{\partial W}[c] = \sum_{n, d}
\begin{cases} 0 & \text{if } x[n, c, d] > 0 \\
x[n, c, d] \, \frac{\partial L}{\partial y}[n, c, d] & \text{otherwise} \end{cases}$$

## Cost

One comparison and at most one multiplication per element for $y$ and for the gradient of $x$, and one multiply-add for that of the
weight. Forward moves 8 bytes per element in float32, the gradients 12 and 8, so the speed of the memory is the limit.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $W$ | `weight` | $(C)$ | weight: slope of each channel for numbers that are not above zero |
| $y$ | `y` | $(N, C, D)$ | output |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C)$ | gradient of the loss for $W$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | channel; $C = 1$ if all share one slope |
| $d$ | `d` | $0 \le d < D$ | position inside the channel |

## Worked example

Two samples of two channels, with slopes 0.5 and 2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[-4., -1],
...                   [ 3., -5]], requires_grad=True)
>>> weight = torch.tensor([0.5, 2], requires_grad=True)
>>> y = F.prelu(x, weight)
>>> y
tensor([[ -2.,  -2.],
        [  3., -10.]], grad_fn=<PreluKernelBackward0>)
>>> y.backward(torch.tensor([[1., 2],
...                          [3, 4]]))
>>> x.grad
tensor([[0.5000, 4.0000],
        [3.0000, 8.0000]])

Each slope sums input times gradient where it was used, $-4 \cdot 1$ and $-1 \cdot 2 - 5 \cdot 4$:

>>> weight.grad
tensor([ -4., -22.])

## Questions

**What is the slope before the first step of training?**

0.25, as in PyTorch:

>>> torch.nn.PReLU().weight.tolist()
[0.25]

**Which elements of a channel change its slope?**

Those that are not above zero: only they were multiplied by it.

**For which slope is the layer a ReLU, and for which the identity?**

Slope 0 makes it a ReLU, slope 1 the identity.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.init import constant_
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


# ## The output
#
# $$y[n, c, d] = x[n, c, d] \text{ if } x[n, c, d] > 0 \text{, else } W[c] \, x[n, c, d]$$
@njit(**PARALLEL)
def prelu_forward_cpu(x, weight, y):
    N, C, D = x.shape
    for n in prange(N):
        for c in range(C):
            for d in range(D):
                positive = x[n, c, d] > x.dtype.type(0)
                y[n, c, d] = x[n, c, d] if positive else weight[c] * x[n, c, d]


@cuda.jit
def prelu_forward_cuda(x, weight, y):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    c = i // D % C
    n = i // (D * C)
    positive = x[n, c, d] > x.dtype.type(0)
    y[n, c, d] = x[n, c, d] if positive else weight[c] * x[n, c, d]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] = \frac{\partial L}{\partial y}[n, c, d] \text{ if } x[n, c, d] > 0
# \text{, else } W[c] \, \frac{\partial L}{\partial y}[n, c, d]$$
@njit(**PARALLEL)
def prelu_backward_x_cpu(grad_y, x, weight, grad_x):
    N, C, D = x.shape
    for n in prange(N):
        for c in range(C):
            for d in range(D):
                positive = x[n, c, d] > x.dtype.type(0)
                grad_x[n, c, d] = grad_y[n, c, d] if positive else weight[c] * grad_y[n, c, d]


@cuda.jit
def prelu_backward_x_cuda(grad_y, x, weight, grad_x):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d = i % D
    c = i // D % C
    n = i // (D * C)
    positive = x[n, c, d] > x.dtype.type(0)
    grad_x[n, c, d] = grad_y[n, c, d] if positive else weight[c] * grad_y[n, c, d]


# ## The gradient of the slopes
#
# $$\frac{\partial L}{\partial W}[c] = \sum_{n, d} x[n, c, d] \, \frac{\partial L}{\partial y}[n, c, d]
# \text{ where not } x[n, c, d] > 0$$
#
# A long sum, so the CPU adds it up in float64. An element above zero adds 0 and is not skipped: without a branch, the
# compiled loop adds several elements at a time.
@njit(**PARALLEL)
def prelu_backward_weight_cpu(grad_y, x, grad_weight):
    N, C, D = x.shape
    for c in prange(C):
        acc = np.float64(0)
        for n in range(N):
            for d in range(D):
                positive = x[n, c, d] > x.dtype.type(0)
                acc += x.dtype.type(0) if positive else x[n, c, d] * grad_y[n, c, d]
        grad_weight[c] = acc


@cuda.jit
def prelu_backward_weight_cuda(grad_y, x, grad_weight):
    N, C, D = x.shape
    c = cuda.grid(1)
    if c >= grad_weight.size:
        return
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        for d in range(D):
            positive = x[n, c, d] > x.dtype.type(0)
            acc += x.dtype.type(0) if positive else x[n, c, d] * grad_y[n, c, d]
    grad_weight[c] = acc


class PreluFunction(Function):
    """PReLU on the tape. x of any shape; weight (C) or one number."""

    torch_name = "PreluKernelBackward0"

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        ctx.extents = N, C, D = channel_extents(x.shape, weight.numel())
        y = x.new_empty(N, C, D)
        run = on(x.device, prelu_forward_cpu, prelu_forward_cuda, x.numel(), fast.prelu_forward)
        run(*arrays(x.reshape(N, C, D), weight.reshape(C), y))
        return y.reshape(x.shape)

    @staticmethod
    def backward(ctx, grad_y):
        x, weight = ctx.saved_tensors
        N, C, D = ctx.extents
        dense, grad_y = x.reshape(N, C, D), grad_y.reshape(N, C, D)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(N, C, D)
            run = on(x.device, prelu_backward_x_cpu, prelu_backward_x_cuda, x.numel(), fast.prelu_backward_x)
            run(*arrays(grad_y, dense, weight.reshape(C), grad_x))
            grad_x = grad_x.reshape(x.shape)
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(C)
            run = on(x.device, prelu_backward_weight_cpu, prelu_backward_weight_cuda, threads=C)
            run(*arrays(grad_y, dense, grad_weight))
            grad_weight = grad_weight.reshape(weight.shape)
        return grad_x, grad_weight


def channel_extents(shape, slopes):
    """N, C and D for an input of this shape; with one slope, all elements of a sample are one channel."""
    if slopes == 1:
        shape = (*shape[:1], 1, *shape[1:]) if shape else (1, 1)
    return shape[0], shape[1], math.prod(shape[2:])


def prelu(input, weight):
    """Elements that are not above zero are multiplied by a learned slope.

    Shapes: `input` (N, C, *) or any; `weight` (C), (1) or a number; the result has the input's shape.

    Raises:
        RuntimeError: the number of slopes is neither 1 nor the number of channels; `weight` has more than one dimension; the dtypes or
            devices differ.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor.
    """
    for name, value in (("input", input), ("weight", weight)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"prelu(): argument '{name}' must be Tensor, not {type(value).__name__}; for a constant slope use "
                "leaky_relu"
            )
    channels = input.shape[1] if input.dim() > 1 else 1
    if weight.numel() not in (1, channels) or (weight.numel() == 0 and input.dim() < 2):
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{weight.numel()} and channel size = {channels} in an input of shape {list(input.shape)}: channels are "
            "its second dimension"
        )
    if weight.dim() > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}, shape "
            f"{list(weight.shape)}; flatten it"
        )
    if weight.dtype != input.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}: convert one of them, as in "
            "model.double() or input.float()"
        )
    if input.dtype not in (float32, float64):
        raise NotImplementedError(
            f"prelu is not implemented for {input.dtype}: convert input and weight, for example with .float()"
        )
    return PreluFunction.apply(input, weight)


class PReLU(Module):
    """The parametric rectified linear unit, as a layer.

    Args:
        num_parameters: how many slopes to learn: 1, or as many as the input has channels.
        init: the initial value of each slope.

    Attributes: `weight` (num_parameters), the slopes. Weight decay would pull the slopes towards zero, where the unit is a ReLU: put them
    into a parameter group with `weight_decay=0`.

    Shapes: input (N, C, *) or, with one slope, any; output the same. Errors as `prelu`, when the layer is called.

    Raises:
        RuntimeError: `num_parameters` is negative, or `dtype` is not floating point.
        TypeError: `num_parameters` is not an int.
    """

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        """Set each slope to `init`."""
        constant_(self.weight, self.init)

    def forward(self, input):
        return prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"
