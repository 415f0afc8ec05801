r"""The logarithm of the sigmoid: the log-probability of the answer "yes", computed from its logit without overflow.

Taking the logarithm of a sigmoid that was rounded to 0 would give $-\infty$; so both are done in one step.

Use it when a loss needs $\log \sigma(x)$, as in contrastive learning; `binary_cross_entropy_with_logits` contains it.

## Forward

One element: $0$ becomes $\log \frac{1}{2} \approx -0.69$, and $-100$ stays close to $-100$. For every element $i$:

$$y_i = \log \sigma(x_i) = -\log(1 + e^{-x_i})$$

$e^{-x_i}$ overflows for very negative elements. With $e_i = e^{-|x_i|}$ the same number is

$$y_i = \min(x_i, 0) - \log(1 + e_i)$$

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $-\log(1 + e^{-x})$ is $e^{-x} / (1 + e^{-x}) = \sigma(-x)$:

$$\frac{\partial L}{\partial x_i} = \sigma(-x_i) \, \frac{\partial L}{\partial y_i} \qquad
\sigma(-x_i) = \begin{cases} \frac{e_i}{1 + e_i} & \text{if } x_i \ge 0 \\ \frac{1}{1 + e_i} & \text{otherwise} \end{cases}$$

## Cost

One exponential and one logarithm per element in forward, one exponential and one division in backward. Forward reads $x$ and
writes $y$, 8 bytes per element in float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $e_i$ | `e` | $0 \le e_i \le 1$ | exponential of minus the absolute value |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-100., -1, 0, 2], requires_grad=True)
>>> y = F.logsigmoid(x)
>>> y
tensor([-100.0000,   -1.3133,   -0.6931,   -0.1269],
       grad_fn=<LogSigmoidBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([1.0000, 0.7311, 0.5000, 0.1192])

## Questions

**What does the logarithm of a rounded sigmoid give for $x = -200$?**

>>> x = torch.tensor(-200.)
>>> torch.sigmoid(x).log(), F.logsigmoid(x)
(tensor(-inf), tensor(-200.))

**How is it related to softplus?**

$\log \sigma(x) = -\operatorname{softplus}(-x)$.

**What is the gradient where the answer is already right, for example at $x = 20$?**

Nearly 0: $\sigma(-20) \approx 2 \cdot 10^{-9}$. At $x = -20$ it is nearly 1.

>>> x = torch.tensor([20., -20], requires_grad=True)
>>> F.logsigmoid(x).sum().backward()
>>> x.grad
tensor([2.0612e-09, 1.0000e+00])
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = \min(x_i, 0) - \log(1 + e_i)$$
@njit(**PARALLEL)
def log_sigmoid_forward_cpu(x, y):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        y[i] = (x[i] if x[i] < x.dtype.type(0) else x.dtype.type(0)) - math.log1p(e)


@cuda.jit
def log_sigmoid_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    y[i] = (x[i] if x[i] < x.dtype.type(0) else x.dtype.type(0)) - math.log1p(e)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \sigma(-x_i) \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def log_sigmoid_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        slope = (e if x[i] >= x.dtype.type(0) else x.dtype.type(1)) / (x.dtype.type(1) + e)
        grad_x[i] = slope * grad_y[i]


@cuda.jit
def log_sigmoid_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    slope = (e if x[i] >= x.dtype.type(0) else x.dtype.type(1)) / (x.dtype.type(1) + e)
    grad_x[i] = slope * grad_y[i]


class LogSigmoidFunction(Function):
    """LogSigmoid on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x):
        y = elementwise(log_sigmoid_forward_cpu, log_sigmoid_forward_cuda, x, fast=fast.log_sigmoid_forward)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(
            log_sigmoid_backward_x_cpu, log_sigmoid_backward_x_cuda, x, grad_y, fast=fast.log_sigmoid_backward_x
        )
        return grad_x


def logsigmoid(input):
    """log(1 / (1 + e^-x)) for every element.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
    """
    check_tensors("logsigmoid", input=input)
    return LogSigmoidFunction.apply(input)


class LogSigmoid(Module):
    """The logarithm of the sigmoid, as a layer. It has no parameters.

    Shapes: input (*), any shape; output the same. Errors as `logsigmoid`, when the layer is called.
    """

    def forward(self, input):
        return logsigmoid(input)
