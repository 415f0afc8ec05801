r"""Softsign: the input divided by one plus its absolute value, a curve from -1 to 1 that approaches its limits slowly.

Its gradient falls like $1 / x^2$, while that of tanh falls like an exponential: units far from zero still learn.

Use it when an output between -1 and 1 is wanted, without an exponential or with a gradient that falls more slowly than that of `tanh`.

## Forward

One element: $1$ becomes $\frac{1}{2}$, and $-3$ becomes $-\frac{3}{4}$. For every element $i$:

$$y_i = \frac{x_i}{1 + |x_i|}$$

At $\pm\infty$ the fraction is $\infty / \infty$, NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

For $x \ge 0$ the quotient rule gives $\frac{(1 + x) - x}{(1 + x)^2} = \frac{1}{(1 + x)^2}$; for $x < 0$ it is the same with $|x|$.
Since $1 - \lvert y_i \rvert = \frac{1}{1 + |x_i|}$, backward needs only the output:

$$\frac{\partial L}{\partial x_i} = \frac{1}{(1 + |x_i|)^2} \, \frac{\partial L}{\partial y_i} =
(1 - |y_i|)^2 \, \frac{\partial L}{\partial y_i}$$

## Cost

One addition and one division per element in forward, one subtraction and two multiplications in backward. Forward reads $x$ and
writes $y$, 8 bytes per element in float32; backward reads $y$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $1 - \lvert y_i \rvert$ | `rest` | from 0 to 1 | distance of the output from its limit |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-3., 0, 1, 4], requires_grad=True)
>>> y = F.softsign(x)
>>> y
tensor([-0.7500,  0.0000,  0.5000,  0.8000], grad_fn=<SoftsignBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.0625, 1.0000, 0.2500, 0.0400])

## Questions

**Which gradients do softsign and tanh give at $x = 9$?**

Softsign gives $(1 + 9)^{-2} = 0.01$. Tanh gives about $10^{-7}$: float32 rounds its output to the largest number below 1.

>>> a, b = torch.tensor(9., requires_grad=True), torch.tensor(9., requires_grad=True)
>>> (F.softsign(a) + torch.tanh(b)).backward()
>>> a.grad, b.grad
(tensor(0.0100), tensor(1.1921e-07))

**What is the derivative at zero?**

1: near zero the curve is the identity.

**Does the curve have a corner at zero, where the absolute value has one?**

No: the derivative $1 / (1 + |x|)^2$ approaches 1 from both sides. The second derivative jumps there, from 2 to $-2$.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.activation.dtypes import as_floating
from reftorch.nn.module import Module
from reftorch.types import float16


# ## The output
#
# $$y_i = \frac{x_i}{1 + |x_i|}$$
@njit(**PARALLEL)
def softsign_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = x[i] / (x.dtype.type(1) + abs(x[i]))


@cuda.jit
def softsign_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i] / (x.dtype.type(1) + abs(x[i]))


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = (1 - |y_i|)^2 \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def softsign_backward_x_cpu(y, grad_y, grad_x):
    for i in prange(y.size):
        rest = y.dtype.type(1) - abs(y[i])
        grad_x[i] = rest * rest * grad_y[i]


@cuda.jit
def softsign_backward_x_cuda(y, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= y.size:
        return
    rest = y.dtype.type(1) - abs(y[i])
    grad_x[i] = rest * rest * grad_y[i]


class SoftsignFunction(Function):
    """Softsign on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x):
        y = elementwise(softsign_forward_cpu, softsign_forward_cuda, x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        grad_x = elementwise(softsign_backward_x_cpu, softsign_backward_x_cuda, y, grad_y)
        return grad_x


def softsign(input):
    """x / (1 + |x|) for every element.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex or bool.
    """
    x = as_floating("softsign", input, bools=False)
    y = SoftsignFunction.apply(x)
    return y.to(float16) if input.dtype is float16 else y


class Softsign(Module):
    """x / (1 + |x|) for every element, as a layer. It has no parameters.

    Shapes: input (*), any shape; output the same. Errors as `softsign`, when the layer is called.
    """

    def forward(self, input):
        return softsign(input)
