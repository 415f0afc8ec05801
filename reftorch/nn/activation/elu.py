r"""The exponential linear unit: an element above zero stays, every other element follows an exponential that approaches $-\alpha$.

Below zero it is smooth and saturates, so the mean of the outputs is closer to zero than that of a ReLU.

Use it when units of a ReLU network stop learning and a smooth curve is wanted; `leaky_relu` costs less, `celu` is smooth at zero for
every $\alpha$, and `selu` fixes $\alpha$ so that outputs keep mean 0 and variance 1.

## Forward

One element with $\alpha = 1$: $3$ stays $3$, and $-2$ becomes $e^{-2} - 1 \approx -0.86$. For every element $i$:

$$y_i = \begin{cases} x_i & \text{if } x_i > 0 \\ \alpha \, (e^{x_i} - 1) & \text{otherwise} \end{cases}$$

The kernel calls `math.expm1` for $e^{x} - 1$: near zero the difference of $e^x \approx 1$ and 1 would lose all digits of $x$.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\alpha \, (e^x - 1)$ is $\alpha \, e^x$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } x_i > 0 \\
\alpha \, e^{x_i} \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

At $x_i = 0$ the left slope $\alpha$ is taken. After an in-place operation only $y_i$ is known; below zero
$\alpha \, e^{x_i} = y_i + \alpha$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } y_i > 0 \\
(y_i + \alpha) \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

With a negative $\alpha$ the sign of $y_i$ does not show the sign of $x_i$, so backward after an in-place operation raises an error.

## Cost

One exponential per element that is not above zero, in forward and in backward. Forward reads $x$ and writes $y$, 8 bytes per element in
float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. After an in-place operation, backward reads
$y$ instead of $x$ and needs no exponential.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\alpha$ | `alpha` | any number | the output approaches $-\alpha$ far below zero |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., -1, 0, 3], requires_grad=True)
>>> y = F.elu(x)
>>> y
tensor([-0.8647, -0.6321,  0.0000,  3.0000], grad_fn=<EluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.1353, 0.3679, 1.0000, 1.0000])

In place, the tensor itself changes, and backward reads the output:

>>> w = torch.tensor([-2., 3], requires_grad=True)
>>> x = w * 1
>>> F.elu_(x) is x
True
>>> x
tensor([-0.8647,  3.0000], grad_fn=<EluBackward0>)
>>> x.sum().backward()
>>> w.grad
tensor([0.1353, 1.0000])

## Questions

**Which value does the output never go below?**

$-\alpha$, which it approaches for large negative inputs.

>>> F.elu(torch.tensor([-5., -50]), alpha=2.0)
tensor([-1.9865, -2.0000])

**What does $e^x - 1$ give for $x = -10^{-8}$ in float32, and what does `expm1` give?**

>>> x = torch.tensor(-1e-8)
>>> x.exp() - 1, x.expm1()
(tensor(0.), tensor(-1.0000e-08))

**For which $\alpha$ does the curve have no corner at zero?**

For $\alpha = 1$: the left slope is $\alpha$, the right one 1.

## Differences

PyTorch's gradient at NaN is NaN or the upstream gradient, depending on the position in the tensor. Here it is NaN.
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
# $$y_i = x_i \text{ if } x_i > 0 \text{, else } \alpha \, (e^{x_i} - 1)$$
@njit(**PARALLEL)
def elu_forward_cpu(x, y, alpha):
    for i in prange(x.size):
        y[i] = x[i] if x[i] > x.dtype.type(0) else x.dtype.type(alpha) * math.expm1(x[i])


@cuda.jit
def elu_forward_cuda(x, y, alpha):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i] if x[i] > x.dtype.type(0) else x.dtype.type(alpha) * math.expm1(x[i])


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } x_i > 0 \text{, else }
# \alpha \, e^{x_i} \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def elu_backward_x_cpu(x, grad_y, grad_x, alpha):
    for i in prange(x.size):
        slope = x.dtype.type(1) if x[i] > x.dtype.type(0) else x.dtype.type(alpha) * math.exp(x[i])
        grad_x[i] = slope * grad_y[i]


@cuda.jit
def elu_backward_x_cuda(x, grad_y, grad_x, alpha):
    i = cuda.grid(1)
    if i >= x.size:
        return
    slope = x.dtype.type(1) if x[i] > x.dtype.type(0) else x.dtype.type(alpha) * math.exp(x[i])
    grad_x[i] = slope * grad_y[i]


# ## The gradient of the input after an in-place operation
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } y_i > 0 \text{, else }
# (y_i + \alpha) \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def elu_backward_x_in_place_cpu(y, grad_y, grad_x, alpha):
    for i in prange(y.size):
        grad_x[i] = grad_y[i] if y[i] > y.dtype.type(0) else (y[i] + y.dtype.type(alpha)) * grad_y[i]


@cuda.jit
def elu_backward_x_in_place_cuda(y, grad_y, grad_x, alpha):
    i = cuda.grid(1)
    if i >= y.size:
        return
    grad_x[i] = grad_y[i] if y[i] > y.dtype.type(0) else (y[i] + y.dtype.type(alpha)) * grad_y[i]


class EluFunction(Function):
    """ELU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, alpha, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(elu_forward_cpu, elu_forward_cuda, x, numbers=(alpha,), inplace=inplace, fast=fast.elu_forward)
        ctx.save_for_backward(y if inplace else x)
        ctx.numbers = (alpha,)
        ctx.inplace = inplace
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (saved,) = ctx.saved_tensors
        if ctx.inplace:
            if ctx.numbers[0] < 0:
                raise RuntimeError(
                    f"elu in place cannot go backward with a negative alpha of {ctx.numbers[0]}: elements below zero were "
                    "overwritten with elements above zero, and their signs are lost; use inplace=False"
                )
            grad_x = elementwise(
                elu_backward_x_in_place_cpu, elu_backward_x_in_place_cuda, saved, grad_y, numbers=ctx.numbers
            )
            return grad_x, None, None
        grad_x = elementwise(
            elu_backward_x_cpu, elu_backward_x_cuda, saved, grad_y, numbers=ctx.numbers, fast=fast.elu_backward_x
        )
        return grad_x, None, None


def elu(input, alpha=1.0, inplace=False):
    """Elements that are not above zero become `alpha * (e^x - 1)`.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor, or `alpha` not a real number.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory; in backward, if it was in place with a
            negative `alpha`.
    """
    check_tensors("elu", input=input)
    alpha = number("elu", "alpha", alpha)
    return EluFunction.apply(input, alpha, bool(inplace))


def elu_(input, alpha=1.0):
    """`elu(input, alpha, inplace=True)`."""
    return elu(input, alpha, inplace=True)


class ELU(Module):
    """The exponential linear unit, as a layer. It has no parameters.

    Args:
        alpha: the output approaches -alpha far below zero.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `elu`, when the layer is called.
    """

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return options_text(self, "alpha", inplace=False)
