r"""The hyperbolic tangent: it maps every number into the interval from -1 to 1, and leaves numbers near 0 almost unchanged.

It is a sigmoid with another range: $\tanh x = 2 \sigma(2x) - 1$. Its output has both signs, so its mean is near 0.

Use it when an output must lie between -1 and 1, or for the state of a recurrent network; in hidden layers of deep networks `relu`
or `gelu` keep the gradient larger.

## Forward

One element: $0$ stays $0$, $\pm\infty$ become $\pm 1$. For every element $i$:

$$y_i = \tanh x_i = \frac{e^{x_i} - e^{-x_i}}{e^{x_i} + e^{-x_i}}$$

The kernel calls `math.tanh`: the fraction loses digits near 0, where its numerator is the difference of two numbers close to 1.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

Let $s = e^{x} - e^{-x}$ and $c = e^{x} + e^{-x}$, so that $y = s / c$. The derivative of $s$ is $c$, and that of $c$ is $s$:

$$\frac{\partial y_i}{\partial x_i} = \frac{c \cdot c - s \cdot s}{c^2} = 1 - y_i^2$$

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, (1 - y_i^2)$$

So backward needs only the output. The derivative is 1 at $x_i = 0$ and close to 0 where $|x_i|$ is large.

## Cost

Forward: one hyperbolic tangent per element; it reads $x$ and writes $y$, 8 bytes per element in float32. Backward: two
multiplications and one subtraction; it reads $y$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> x = torch.tensor([-1., 0, 1], requires_grad=True)
>>> y = torch.tanh(x)
>>> y
tensor([-0.7616,  0.0000,  0.7616], grad_fn=<TanhBackward0>)
>>> y.backward(torch.tensor([10., 10, 10]))
>>> x.grad
tensor([ 4.1997, 10.0000,  4.1997])

## Questions

**How are tanh and the sigmoid related?**

$\tanh x = 2 \sigma(2x) - 1$: the same curve, twice as high, twice as steep, and moved down by 1.

>>> x = torch.tensor([-2., 0.3])
>>> torch.allclose(torch.tanh(x), 2 * torch.sigmoid(2 * x) - 1)
True

**What is the largest derivative, and where?**

It is $1 - y^2 = 1$ at $x = 0$; the sigmoid's largest derivative is only $\frac{1}{4}$.

**What is the gradient at $x = 10$ in float32?**

$\tanh 10$ is so close to 1 that float32 rounds it to 1. The gradient is $1 - 1^2 = 0$, so the unit no longer learns.

>>> x = torch.tensor(10., requires_grad=True)
>>> torch.tanh(x).backward()
>>> x.grad
tensor(0.)

## Differences

PyTorch also takes complex numbers; they raise an error here.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.activation.dtypes import as_floating
from reftorch.nn.module import Module
from reftorch.types import float16


# ## The output
#
# $$y_i = \tanh x_i$$
@njit(**PARALLEL)
def tanh_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = math.tanh(x[i])


@cuda.jit
def tanh_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = math.tanh(x[i])


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, (1 - y_i^2)$$
@njit(**PARALLEL)
def tanh_backward_x_cpu(y, grad_y, grad_x):
    for i in prange(y.size):
        grad_x[i] = grad_y[i] * (y.dtype.type(1) - y[i] * y[i])


@cuda.jit
def tanh_backward_x_cuda(y, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= y.size:
        return
    grad_x[i] = grad_y[i] * (y.dtype.type(1) - y[i] * y[i])


class TanhFunction(Function):
    """Tanh on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(tanh_forward_cpu, tanh_forward_cuda, x, inplace=inplace, fast=fast.tanh_forward)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return elementwise(tanh_backward_x_cpu, tanh_backward_x_cuda, y, grad_y), None


def tanh(input):
    """The hyperbolic tangent of every element.

    Shapes: any; the result has the same. Integers and bools are converted to the default dtype first; float16 is computed in
    float32, and the result rounded.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex.
    """
    x = as_floating("tanh", input)
    y = TanhFunction.apply(x, False)
    return y.to(float16) if input.dtype is float16 else y


def tanh_(input):
    """As `tanh`, in place: `input` itself is changed and returned.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex or float16.
        RuntimeError: `input` holds integers; it is a leaf that requires grad, or its elements share memory.
    """
    return TanhFunction.apply(as_floating("tanh_", input, inplace=True), True)


class Tanh(Module):
    """The hyperbolic tangent, as a layer. It has no parameters.

    Shapes: input (*), any shape; output the same.
    """

    def forward(self, input):
        return tanh(input)
