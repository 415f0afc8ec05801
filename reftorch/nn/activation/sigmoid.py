r"""The logistic sigmoid: it maps every number into the interval from 0 to 1, on a curve with the shape of an S.

It turns a number without bounds (a logit) into a probability, and it serves as a switch (a gate) that multiplies another number.

Use it when the output is the probability of one yes-or-no answer, or a gate; for one of several classes use `softmax`, and in
hidden layers `relu` or `gelu`, whose gradient does not vanish.

## Forward

One element: $0$ becomes $\frac{1}{2}$, large numbers approach 1, and very negative ones approach 0. For every element $i$:

$$y_i = \sigma(x_i) = \frac{1}{1 + e^{-x_i}}$$

$e^{-x_i}$ overflows for $x_i < -88$ in float32. So the kernel computes the exponential of a number that is not positive:

$$e_i = e^{-|x_i|} \qquad y_i = \begin{cases} \frac{1}{1 + e_i} & \text{if } x_i \ge 0 \\ \frac{e_i}{1 + e_i} & \text{otherwise} \end{cases}$$

The second line is the first one for a negative $x_i$, with numerator and denominator multiplied by $e^{x_i}$.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $1 / u$ is $-1 / u^2$. With $u = 1 + e^{-x_i}$, whose derivative is $-e^{-x_i}$:

$$\frac{\partial y_i}{\partial x_i} = \frac{e^{-x_i}}{(1 + e^{-x_i})^2} =
\frac{1}{1 + e^{-x_i}} \cdot \frac{e^{-x_i}}{1 + e^{-x_i}} = y_i (1 - y_i)$$

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, y_i \, (1 - y_i)$$

So backward needs only the output, and no exponential. The derivative is largest at $x_i = 0$, where it is $\frac{1}{4}$, and
close to 0 on both sides.

## Cost

Forward: one exponential, one addition and one division per element; it reads $x$ and writes $y$, 8 bytes per element in float32.
Backward: two multiplications and one subtraction; it reads $y$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

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
>>> x = torch.tensor([-1., 0, 1], requires_grad=True)
>>> y = torch.sigmoid(x)
>>> y
tensor([0.2689, 0.5000, 0.7311], grad_fn=<SigmoidBackward0>)
>>> y.backward(torch.tensor([4., 4, 4]))
>>> x.grad
tensor([0.7864, 1.0000, 0.7864])

## Questions

**A gradient passes through four sigmoids. How much of it is left at most?**

The derivative is at most $\frac{1}{4}$, so four sigmoids multiply the gradient by at most $(\frac{1}{4})^4$. This is the vanishing
gradient, and a reason to use ReLU in hidden layers.

>>> 0.25**4
0.00390625

**What is $\sigma(-x)$?**

It is $1 - \sigma(x)$: the curve is symmetric about the point $(0, \frac{1}{2})$.

>>> x = torch.tensor([0.5, 3])
>>> torch.allclose(torch.sigmoid(-x), 1 - torch.sigmoid(x))
True

**Why does the kernel not compute $1 / (1 + e^{-x})$ for every $x$?**

For $x = -100$ in float32 the exponential is infinite, and the result is 0. The second form keeps a small number:

>>> torch.sigmoid(torch.tensor(-100.)).item() > 0
True

**Softmax over the two logits $x$ and 0: what is the probability of the first class?**

$e^x / (e^x + 1) = \sigma(x)$: the sigmoid is the softmax of two classes whose second logit is 0.

## Differences

- Between $x = -88.7$ and $-103$ the result is a subnormal number; PyTorch rounds it to 0 in float32.
- PyTorch also takes complex numbers; they raise an error here.
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
# $$y_i = \frac{1}{1 + e_i} \text{ if } x_i \ge 0 \text{, else } \frac{e_i}{1 + e_i} \qquad e_i = e^{-|x_i|}$$
#
# For NaN the condition is false, and $e_i$ is NaN, so the output is NaN.
@njit(**PARALLEL)
def sigmoid_forward_cpu(x, y):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        y[i] = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)


@cuda.jit
def sigmoid_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    y[i] = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, y_i \, (1 - y_i)$$
@njit(**PARALLEL)
def sigmoid_backward_x_cpu(y, grad_y, grad_x):
    for i in prange(y.size):
        grad_x[i] = grad_y[i] * y[i] * (y.dtype.type(1) - y[i])


@cuda.jit
def sigmoid_backward_x_cuda(y, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= y.size:
        return
    grad_x[i] = grad_y[i] * y[i] * (y.dtype.type(1) - y[i])


class SigmoidFunction(Function):
    """Sigmoid on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(sigmoid_forward_cpu, sigmoid_forward_cuda, x, inplace=inplace, fast=fast.sigmoid_forward)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        return elementwise(sigmoid_backward_x_cpu, sigmoid_backward_x_cuda, y, grad_y), None


def sigmoid(input):
    """1 / (1 + e^-x) for every element x of the input.

    Shapes: any; the result has the same. Integers and bools are converted to the default dtype first; float16 is computed in
    float32, and the result rounded.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex.
    """
    x = as_floating("sigmoid", input)
    y = SigmoidFunction.apply(x, False)
    return y.to(float16) if input.dtype is float16 else y


def sigmoid_(input):
    """As `sigmoid`, in place: `input` itself is changed and returned.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex or float16.
        RuntimeError: `input` holds integers; it is a leaf that requires grad, or its elements share memory.
    """
    return SigmoidFunction.apply(as_floating("sigmoid_", input, inplace=True), True)


class Sigmoid(Module):
    """The logistic sigmoid, as a layer: 1 / (1 + e^-x) for every element. It has no parameters.

    Shapes: input (*), any shape; output the same.
    """

    def forward(self, input):
        return sigmoid(input)
