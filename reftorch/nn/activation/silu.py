r"""The sigmoid linear unit, also called swish: the input multiplied by its own sigmoid.

It looks like a ReLU with a rounded corner. Far below zero the sigmoid is close to 0, and so is the output. Far above zero the sigmoid is
close to 1, and the output is close to the input.

Use it when a smooth ReLU is wanted, as in EfficientNet and many language models; `gelu` is nearly the same curve, `hardswish` an
approximation without an exponential.

## Forward

One element: $0$ stays $0$, and $10$ becomes $10 \cdot \sigma(10) \approx 9.9995$. For every element $i$, with the sigmoid $\sigma_i$:

$$y_i = x_i \, \sigma_i \qquad \sigma_i = \frac{1}{1 + e^{-x_i}}$$

The kernel computes $\sigma_i$ from $e_i = e^{-|x_i|}$, which never overflows, as `sigmoid` does. The curve is not monotonic: its
minimum, about $-0.278$, lies at $x \approx -1.278$.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

By the product rule, and with the derivative $\sigma_i (1 - \sigma_i)$ of the sigmoid:

$$\frac{\partial y_i}{\partial x_i} = \sigma_i + x_i \, \sigma_i (1 - \sigma_i)$$

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \sigma_i \left( 1 + x_i (1 - \sigma_i) \right)$$

## Cost

One exponential and one division per element, in forward and in backward. Forward reads $x$ and writes $y$, 8 bytes per element in
float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. In place, backward needs a copy of
the input.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $e_i$ | `e` | $0 \le e_i \le 1$ | exponential of minus the absolute value |
| $\sigma_i$ | `s` | $0 \le \sigma_i \le 1$ | sigmoid of the input |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-4., -1, 0, 2], requires_grad=True)
>>> y = F.silu(x)
>>> y
tensor([-0.0719, -0.2689,  0.0000,  1.7616], grad_fn=<SiluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([-0.0527,  0.0723,  0.5000,  1.0908])

## Questions

**Where is the output negative?**

For every negative input: the sigmoid is positive, so the output has the sign of the input.

**What does a large negative input give, and what does $-\infty$ give?**

The sigmoid falls faster than $|x|$ grows, so the output approaches 0. At $-\infty$ itself the product is $-\infty \cdot 0$: NaN.

>>> F.silu(torch.tensor([-20., -float("inf")]))
tensor([-4.1223e-08,         nan])

**Where is the difference from ReLU largest?**

At $x = 1.278$ and $x = -1.278$, where it is 0.278:

>>> x = torch.linspace(-5, 5, 1001)
>>> round((F.relu(x) - F.silu(x)).max().item(), 3)
0.278
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
# $$y_i = x_i \, \sigma_i$$
@njit(**PARALLEL)
def silu_forward_cpu(x, y):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        y[i] = x[i] * s


@cuda.jit
def silu_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    y[i] = x[i] * s


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \sigma_i \left( 1 + x_i (1 - \sigma_i) \right)$$
@njit(**PARALLEL)
def silu_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        e = math.exp(-abs(x[i]))
        s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        grad_x[i] = grad_y[i] * s * (x.dtype.type(1) + x[i] * (x.dtype.type(1) - s))


@cuda.jit
def silu_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    e = math.exp(-abs(x[i]))
    s = (x.dtype.type(1) if x[i] >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    grad_x[i] = grad_y[i] * s * (x.dtype.type(1) + x[i] * (x.dtype.type(1) - s))


class SiluFunction(Function):
    """SiLU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        before = x.clone() if inplace else x  # backward reads the input
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(silu_forward_cpu, silu_forward_cuda, x, inplace=inplace, fast=fast.silu_forward)
        ctx.save_for_backward(before)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(silu_backward_x_cpu, silu_backward_x_cuda, x, grad_y, fast=fast.silu_backward_x)
        return grad_x, None


def silu(input, inplace=False):
    """x times the sigmoid of x, for every element.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory.
    """
    check_tensors("silu", input=input)
    return SiluFunction.apply(input, bool(inplace))


class SiLU(Module):
    """The sigmoid linear unit, as a layer. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `silu`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return silu(input, self.inplace)

    def extra_repr(self):
        return options_text(self, inplace=False)
