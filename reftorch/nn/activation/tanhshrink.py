r"""Tanhshrink: the input minus its hyperbolic tangent. Elements close to zero nearly vanish, large ones are moved toward zero by 1.

It is a smooth `softshrink`.

Use it when small values should be made smaller by a smooth curve, in sparse coding for example; `softshrink` makes them exactly
zero.

## Forward

One element: $3$ becomes $3 - 0.995$, and $0.1$ becomes $0.0003$. For every element $i$:

$$y_i = x_i - \tanh x_i$$

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\tanh x$ is $1 - \tanh^2 x$. With $t_i = \tanh x_i$:

$$\frac{\partial L}{\partial x_i} = \left( 1 - (1 - t_i^2) \right) \frac{\partial L}{\partial y_i} = t_i^2 \, \frac{\partial L}{\partial y_i}$$

## Cost

One hyperbolic tangent per element, in forward and in backward. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward
reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $t_i$ | `t` | $-1 \le t_i \le 1$ | hyperbolic tangent of the input |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-3., 0, 0.5, 2], requires_grad=True)
>>> y = F.tanhshrink(x)
>>> y
tensor([-2.0049,  0.0000,  0.0379,  1.0360], grad_fn=<TanhshrinkBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.9901, 0.0000, 0.2136, 0.9293])

## Questions

**How does the curve behave near zero?**

$\tanh x \approx x - \frac{x^3}{3}$, so the output is about $\frac{x^3}{3}$:

>>> F.tanhshrink(torch.tensor(0.1)), 0.1**3 / 3
(tensor(0.0003), 0.00033333333333333343)

**By how much is a large element moved?**

By 1 toward zero.

**What is the derivative at zero, and what far away?**

0 at zero and 1 far away: small elements get hardly any gradient.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.activation.dtypes import as_floating
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import bool as bool_
from reftorch.types import float16


# ## The output
#
# $$y_i = x_i - \tanh x_i$$
@njit(**PARALLEL)
def tanhshrink_forward_cpu(x, y):
    for i in prange(x.size):
        y[i] = x[i] - math.tanh(x[i])


@cuda.jit
def tanhshrink_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i] - math.tanh(x[i])


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = t_i^2 \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def tanhshrink_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        t = math.tanh(x[i])
        grad_x[i] = t * t * grad_y[i]


@cuda.jit
def tanhshrink_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    t = math.tanh(x[i])
    grad_x[i] = t * t * grad_y[i]


class TanhshrinkFunction(Function):
    """Tanhshrink on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x):
        y = elementwise(tanhshrink_forward_cpu, tanhshrink_forward_cuda, x, fast=fast.tanhshrink_forward)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(
            tanhshrink_backward_x_cpu, tanhshrink_backward_x_cuda, x, grad_y, fast=fast.tanhshrink_backward_x
        )
        return grad_x


def tanhshrink(input):
    """x - tanh(x) for every element.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is complex.
        RuntimeError: `input` holds bools.
    """
    if isinstance(input, Tensor) and input.dtype is bool_:
        raise RuntimeError("tanhshrink subtracts, which is not supported with a bool tensor: convert it with x.float()")
    x = as_floating("tanhshrink", input, bools=False)
    y = TanhshrinkFunction.apply(x)
    return y.to(float16) if input.dtype is float16 else y


class Tanhshrink(Module):
    """x - tanh(x) for every element, as a layer. It has no parameters.

    Shapes: input (*), any shape; output the same. Errors as `tanhshrink`, when the layer is called.
    """

    def forward(self, input):
        return tanhshrink(input)
