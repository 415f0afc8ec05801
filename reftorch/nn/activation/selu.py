r"""The scaled exponential linear unit: ELU with two fixed constants, chosen so that activations keep mean 0 and variance 1.

If the inputs of a layer are independent with mean 0 and variance 1, and its weights are drawn with variance $1 / n$, its outputs
have about the same mean and variance. So a deep network needs no normalization layers.

Use it when a fully connected network should keep its activations normalized without normalization layers, together with
`alpha_dropout` and `init.kaiming_normal_` for `nonlinearity="linear"`; otherwise `elu`.

## Forward

With $\lambda \approx 1.0507$ and $\alpha \approx 1.6733$, one element: $1$ becomes $1.0507$, and $-\infty$ becomes
$-\lambda \alpha \approx -1.7581$. For every element $i$:

$$y_i = \lambda \begin{cases} x_i & \text{if } x_i > 0 \\ \alpha \, (e^{x_i} - 1) & \text{otherwise} \end{cases}$$

The two constants solve two equations: for a standard normal $x$ the mean of $y$ is 0, and its variance is 1.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\alpha \, (e^x - 1)$ is $\alpha \, e^x$, and $\lambda$ is a factor on both sides:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \lambda \, \frac{\partial L}{\partial y_i} & \text{if } x_i > 0 \\
\lambda \, \alpha \, e^{x_i} \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

After an in-place operation only $y_i$ is known; below zero $\lambda \, \alpha \, e^{x_i} = y_i + \lambda \alpha$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \lambda \, \frac{\partial L}{\partial y_i} & \text{if } y_i > 0 \\
(y_i + \lambda \alpha) \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

## Cost

One exponential per element that is not above zero, in forward and in backward. Forward reads $x$ and writes $y$, 8 bytes per element in
float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. After an in-place operation, backward reads
$y$ instead of $x$ and needs no exponential.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\lambda$ | `scale` | 1.0507009873554805 | factor on both sides |
| $\alpha$ | `alpha` | 1.6732632423543772 | factor below zero |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., -1, 0, 3], requires_grad=True)
>>> y = F.selu(x)
>>> y
tensor([-1.5202, -1.1113,  0.0000,  3.1521], grad_fn=<SeluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.2379, 0.6468, 1.7581, 1.0507])

In place, the tensor itself changes, and backward reads the output:

>>> w = torch.tensor([-2., 3], requires_grad=True)
>>> x = w * 1
>>> F.selu_(x) is x
True
>>> x
tensor([-1.5202,  3.1521], grad_fn=<SeluBackward0>)
>>> x.sum().backward()
>>> w.grad
tensor([0.2379, 1.0507])

## Questions

**Which mean and variance do the outputs have for standard normal inputs?**

Close to 0 and 1:

>>> _ = torch.manual_seed(0)
>>> y = F.selu(torch.randn(2000))
>>> abs(y.mean().item()) < 0.1, abs(y.var().item() - 1) < 0.1
(True, True)

**What is the slope just below zero, and what just above?**

$\lambda \alpha \approx 1.758$ below and $\lambda \approx 1.051$ above: both are larger than 1, so that small activations grow.

**What is the smallest output?**

$-\lambda \alpha$.

>>> F.selu(torch.tensor(-100.))
tensor(-1.7581)

## Differences

PyTorch's gradient at NaN is NaN or $\lambda$ times the upstream gradient, depending on the position in the tensor. Here it is NaN.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = \lambda \, x_i \text{ if } x_i > 0 \text{, else } \lambda \, \alpha \, (e^{x_i} - 1)$$
@njit(**PARALLEL)
def selu_forward_cpu(x, y):
    for i in prange(x.size):
        scale = x.dtype.type(1.0507009873554805)
        alpha = x.dtype.type(1.6732632423543772)
        y[i] = scale * (x[i] if x[i] > x.dtype.type(0) else alpha * math.expm1(x[i]))


@cuda.jit
def selu_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    scale = x.dtype.type(1.0507009873554805)
    alpha = x.dtype.type(1.6732632423543772)
    y[i] = scale * (x[i] if x[i] > x.dtype.type(0) else alpha * math.expm1(x[i]))


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \lambda \, \frac{\partial L}{\partial y_i} \text{ if } x_i > 0 \text{, else }
# \lambda \, \alpha \, e^{x_i} \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def selu_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        scale = x.dtype.type(1.0507009873554805)
        alpha = x.dtype.type(1.6732632423543772)
        slope = x.dtype.type(1) if x[i] > x.dtype.type(0) else alpha * math.exp(x[i])
        grad_x[i] = scale * slope * grad_y[i]


@cuda.jit
def selu_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    scale = x.dtype.type(1.0507009873554805)
    alpha = x.dtype.type(1.6732632423543772)
    slope = x.dtype.type(1) if x[i] > x.dtype.type(0) else alpha * math.exp(x[i])
    grad_x[i] = scale * slope * grad_y[i]


# ## The gradient of the input after an in-place operation
#
# $$\frac{\partial L}{\partial x_i} = \lambda \, \frac{\partial L}{\partial y_i} \text{ if } y_i > 0 \text{, else }
# (y_i + \lambda \alpha) \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def selu_backward_x_in_place_cpu(y, grad_y, grad_x):
    for i in prange(y.size):
        scale = y.dtype.type(1.0507009873554805)
        alpha = y.dtype.type(1.6732632423543772)
        slope = scale if y[i] > y.dtype.type(0) else y[i] + scale * alpha
        grad_x[i] = slope * grad_y[i]


@cuda.jit
def selu_backward_x_in_place_cuda(y, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= y.size:
        return
    scale = y.dtype.type(1.0507009873554805)
    alpha = y.dtype.type(1.6732632423543772)
    slope = scale if y[i] > y.dtype.type(0) else y[i] + scale * alpha
    grad_x[i] = slope * grad_y[i]


class SeluFunction(Function):
    """SELU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(selu_forward_cpu, selu_forward_cuda, x, inplace=inplace, fast=fast.selu_forward)
        ctx.save_for_backward(y if inplace else x)
        ctx.inplace = inplace
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (saved,) = ctx.saved_tensors
        if ctx.inplace:
            grad_x = elementwise(selu_backward_x_in_place_cpu, selu_backward_x_in_place_cuda, saved, grad_y)
            return grad_x, None
        grad_x = elementwise(selu_backward_x_cpu, selu_backward_x_cuda, saved, grad_y, fast=fast.selu_backward_x)
        return grad_x, None


def selu(input, inplace=False):
    """`scale * x` above zero, and `scale * alpha * (e^x - 1)` elsewhere; both constants are fixed.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory.
    """
    check_tensors("selu", input=input)
    return SeluFunction.apply(input, bool(inplace))


def selu_(input):
    """`selu(input, inplace=True)`."""
    return selu(input, inplace=True)


class SELU(Module):
    """The scaled exponential linear unit, as a layer. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `selu`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return selu(input, self.inplace)

    def extra_repr(self):
        return options_text(self, inplace=False)
