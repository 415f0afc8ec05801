r"""Softplus: a smooth ReLU. Its output is always positive, and its derivative is the sigmoid.

Far below zero it is close to 0, far above it is close to $x$; at zero it is $\log 2$.

Use it when an output must be positive, as a standard deviation or a rate; in hidden layers `relu`, `silu` or `gelu` are usual.

## Forward

One element with $\beta = 1$: $0$ becomes $\log 2 \approx 0.69$, and $30$ stays $30$. A larger $\beta$ makes the bend sharper. For
every element $i$, with $z_i = \beta x_i$ and the threshold $\theta$ (20), above which float32 would round the exact result to $x_i$:

$$y_i = \begin{cases} x_i & \text{if } z_i > \theta \\ \frac{1}{\beta} \log(1 + e^{z_i}) & \text{otherwise} \end{cases}$$

With a large threshold $e^{z_i}$ can overflow. With $e_i = e^{-|z_i|}$ the kernel computes
$\log(1 + e^{z_i}) = \max(z_i, 0) + \log(1 + e_i)$.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\log(1 + e^{z})$ is $e^z / (1 + e^z) = \sigma(z)$, and the inner derivative $\beta$ cancels $\frac{1}{\beta}$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } z_i > \theta \\
\sigma(z_i) \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases} \qquad \sigma(z_i) = \frac{1}{1 + e^{-z_i}}$$

## Cost

One exponential and one logarithm per element in forward, one exponential and one division in backward. Forward reads $x$ and
writes $y$, 8 bytes per element in float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\beta$ | `beta` | any number | sharpness of the bend |
| $\theta$ | `threshold` | any number | above it the output is the input |
| $z_i$ | `z` | | input times $\beta$ |
| $e_i$ | `e` | $0 \le e_i \le 1$ | exponential of minus the absolute value |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., 0, 1, 30], requires_grad=True)
>>> y = F.softplus(x)
>>> y
tensor([ 0.1269,  0.6931,  1.3133, 30.0000], grad_fn=<SoftplusBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.1192, 0.5000, 0.7311, 1.0000])

## Questions

**What is $\operatorname{softplus}(x) - \operatorname{softplus}(-x)$?**

It is $x$: $\log \frac{1 + e^x}{1 + e^{-x}} = \log e^x$.

>>> F.softplus(torch.tensor(1.5)) - F.softplus(torch.tensor(-1.5))
tensor(1.5000)

**Where is the difference from ReLU largest?**

At zero, by $\frac{1}{\beta} \log 2$:

>>> F.softplus(torch.tensor(0.), beta=10)
tensor(0.0693)

**Is the derivative continuous at the threshold?**

Nearly: just below it is $\sigma(20) = 1 - 2 \cdot 10^{-9}$, above it is 1. In float32 both are 1.

## Differences

With a threshold above 88 and a $z_i$ between 88.8 and the threshold, PyTorch's exponential overflows in float32: its output is
infinite and its gradient NaN. Here both are right.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, number, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = x_i \text{ if } z_i > \theta \text{, else }
# \frac{1}{\beta} \left( \max(z_i, 0) + \log(1 + e_i) \right) \qquad z_i = \beta x_i$$
@njit(**PARALLEL)
def softplus_forward_cpu(x, y, beta, threshold):
    for i in prange(x.size):
        z = x.dtype.type(beta) * x[i]
        e = math.exp(-abs(z))
        curve = ((z if z > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)) / x.dtype.type(beta)
        y[i] = x[i] if z > x.dtype.type(threshold) else curve


@cuda.jit
def softplus_forward_cuda(x, y, beta, threshold):
    i = cuda.grid(1)
    if i >= x.size:
        return
    z = x.dtype.type(beta) * x[i]
    e = math.exp(-abs(z))
    curve = ((z if z > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)) / x.dtype.type(beta)
    y[i] = x[i] if z > x.dtype.type(threshold) else curve


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } z_i > \theta \text{, else }
# \sigma(z_i) \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def softplus_backward_x_cpu(x, grad_y, grad_x, beta, threshold):
    for i in prange(x.size):
        z = x.dtype.type(beta) * x[i]
        e = math.exp(-abs(z))
        slope = (x.dtype.type(1) if z >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        grad_x[i] = grad_y[i] if z > x.dtype.type(threshold) else slope * grad_y[i]


@cuda.jit
def softplus_backward_x_cuda(x, grad_y, grad_x, beta, threshold):
    i = cuda.grid(1)
    if i >= x.size:
        return
    z = x.dtype.type(beta) * x[i]
    e = math.exp(-abs(z))
    slope = (x.dtype.type(1) if z >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    grad_x[i] = grad_y[i] if z > x.dtype.type(threshold) else slope * grad_y[i]


class SoftplusFunction(Function):
    """Softplus on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x, beta, threshold):
        y = elementwise(
            softplus_forward_cpu, softplus_forward_cuda, x, numbers=(beta, threshold), fast=fast.softplus_forward
        )
        ctx.save_for_backward(x)
        ctx.numbers = (beta, threshold)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(
            softplus_backward_x_cpu,
            softplus_backward_x_cuda,
            x,
            grad_y,
            numbers=ctx.numbers,
            fast=fast.softplus_backward_x,
        )
        return grad_x, None, None


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta for every element; x itself where beta x is above the threshold.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor; `beta` or `threshold` is not a real number.
        NotImplementedError: `input` is not float32 or float64.
    """
    check_tensors("softplus", input=input)
    beta = number("softplus", "beta", beta)
    threshold = number("softplus", "threshold", threshold)
    return SoftplusFunction.apply(input, beta, threshold)


class Softplus(Module):
    """Softplus, as a layer: a smooth ReLU. It has no parameters.

    Args:
        beta: sharpness of the bend.
        threshold: where beta x is above it, the output is the input.

    Shapes: input (*), any shape; output the same. Errors as `softplus`, when the layer is called.
    """

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input):
        return softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return options_text(self, "beta", "threshold")
