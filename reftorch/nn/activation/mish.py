r"""Mish: the input multiplied by the hyperbolic tangent of its softplus, a smooth curve close to ReLU.

The factor grows from 0 to 1 like a sigmoid, but a little more steeply.

Use it when a network was designed with it (YOLOv4, for example); otherwise `silu` costs less and is nearly the same.

## Forward

One element: $0$ stays $0$; $10$ stays almost $10$. For every element $i$, with the softplus $z_i$ and the factor $t_i$:

$$z_i = \log(1 + e^{x_i}) \qquad t_i = \tanh z_i \qquad y_i = x_i \, t_i$$

$e^{x_i}$ may overflow. With $e_i = e^{-|x_i|}$ the kernel computes $z_i = \max(x_i, 0) + \log(1 + e_i)$, which is the same number.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $z_i$ is the sigmoid $\sigma_i$ of $x_i$, and that of $\tanh z_i$ is $(1 - t_i^2)$ times it. By the product rule:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \left( t_i + x_i \, \sigma_i \, (1 - t_i^2) \right)$$

## Cost

One exponential, one logarithm and one hyperbolic tangent per element, in forward and in backward. Forward reads $x$ and writes
$y$, 8 bytes per element in float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. In
place, backward needs a copy of the input.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $e_i$ | `e` | $0 \le e_i \le 1$ | exponential of minus the absolute value |
| $z_i$ | `z` | $z_i \ge 0$ | softplus of the input |
| $t_i$ | `t` | $0 \le t_i \le 1$ | hyperbolic tangent of $z_i$ |
| $\sigma_i$ | `s` | $0 \le \sigma_i \le 1$ | sigmoid of the input |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-4., -1, 0, 2], requires_grad=True)
>>> y = F.mish(x)
>>> y
tensor([-0.0726, -0.3034,  0.0000,  1.9440], grad_fn=<MishBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([-0.0538,  0.0592,  0.6000,  1.0693])

## Questions

**What is the factor $t$ at $x = 0$?**

$\tanh(\log 2) = \frac{2 - \frac{1}{2}}{2 + \frac{1}{2}} = 0.6$, and this is also the derivative there.

>>> x = torch.tensor(0., requires_grad=True)
>>> F.mish(x).backward()
>>> x.grad
tensor(0.6000)

**Can $t$ be computed without a logarithm?**

Yes. With $u = e^x$ it is $\tanh(\log(1 + u)) = \frac{u (u + 2)}{u (u + 2) + 2}$. The fast form uses it.

**What is the smallest output?**

About $-0.309$:

>>> round(F.mish(torch.linspace(-3, 0, 301)).min().item(), 3)
-0.309
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
# $$y_i = x_i \, t_i \qquad t_i = \tanh z_i \qquad z_i = \max(x_i, 0) + \log(1 + e_i)$$
@njit(**PARALLEL)
def mish_forward_cpu(x, y):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        z = (x[i] if x[i] > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)
        t = math.tanh(z)
        y[i] = x[i] * t


@cuda.jit
def mish_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    z = (x[i] if x[i] > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)
    t = math.tanh(z)
    y[i] = x[i] * t


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \left( t_i + x_i \, \sigma_i \, (1 - t_i^2) \right)$$
@njit(**PARALLEL)
def mish_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        z = (x[i] if x[i] > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)
        t = math.tanh(z)
        s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        grad_x[i] = grad_y[i] * (t + x[i] * s * (x.dtype.type(1) - t * t))


@cuda.jit
def mish_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    z = (x[i] if x[i] > x.dtype.type(0) else x.dtype.type(0)) + math.log1p(e)
    t = math.tanh(z)
    s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    grad_x[i] = grad_y[i] * (t + x[i] * s * (x.dtype.type(1) - t * t))


class MishFunction(Function):
    """Mish on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        before = x.clone() if inplace else x  # backward reads the input
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(mish_forward_cpu, mish_forward_cuda, x, inplace=inplace, fast=fast.mish_forward)
        ctx.save_for_backward(before)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(mish_backward_x_cpu, mish_backward_x_cuda, x, grad_y, fast=fast.mish_backward_x)
        return grad_x, None


def mish(input, inplace=False):
    """x times tanh(softplus(x)), for every element.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory.
    """
    check_tensors("mish", input=input)
    return MishFunction.apply(input, bool(inplace))


class Mish(Module):
    """Mish, as a layer: x times tanh(softplus(x)). It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `mish`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return mish(input, self.inplace)

    def extra_repr(self):
        return options_text(self, inplace=False)
