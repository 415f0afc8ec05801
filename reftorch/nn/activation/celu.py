r"""The continuously differentiable exponential linear unit: ELU whose exponential is stretched by $\alpha$, so that it has no corner.

Its slope at zero is 1 on both sides for every $\alpha$. With $\alpha = 1$ it is ELU.

Use it when you want to choose the value that the output approaches below zero, with a smooth curve; `elu` has a corner at zero
unless $\alpha = 1$.

## Forward

One element with $\alpha = 2$: $3$ stays $3$, and $-2$ becomes $2 (e^{-1} - 1) \approx -1.26$. For every element $i$:

$$y_i = \begin{cases} x_i & \text{if } x_i > 0 \\ \alpha \, (e^{x_i / \alpha} - 1) & \text{otherwise} \end{cases}$$

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $\alpha \, (e^{x / \alpha} - 1)$ is $\alpha \cdot \frac{1}{\alpha} \, e^{x / \alpha}$; $\alpha$ cancels:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } x_i > 0 \\
e^{x_i / \alpha} \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

After an in-place operation only $y_i$ is known; below zero $e^{x_i / \alpha} = y_i / \alpha + 1$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } y_i > 0 \\
\left( \frac{y_i}{\alpha} + 1 \right) \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

With a negative $\alpha$ the output falls without bound to the left. Backward after an in-place operation then raises an error, as in
PyTorch.

## Cost

One exponential per element that is not above zero, in forward and in backward. Forward reads $x$ and writes $y$, 8 bytes per element in
float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. After an in-place operation, backward reads
$y$ instead of $x$ and needs no exponential.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\alpha$ | `alpha` | any number but 0 | the output approaches $-\alpha$ far below zero |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., -1, 0, 3], requires_grad=True)
>>> y = F.celu(x, alpha=2.0)
>>> y
tensor([-1.2642, -0.7869,  0.0000,  3.0000], grad_fn=<CeluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.3679, 0.6065, 1.0000, 1.0000])

In place, the tensor itself changes, and backward reads the output:

>>> w = torch.tensor([-2., 3], requires_grad=True)
>>> x = w * 1
>>> F.celu_(x, alpha=2.0) is x
True
>>> x
tensor([-1.2642,  3.0000], grad_fn=<CeluBackward0>)
>>> x.sum().backward()
>>> w.grad
tensor([0.3679, 1.0000])

## Questions

**Which slope does ELU have at zero with $\alpha = 2$, and which does CELU have?**

ELU has the slopes 2 (left) and 1 (right); CELU has 1 on both sides.

**Which value does the output approach for $x \to -\infty$?**

$-\alpha$, as in ELU, but more slowly if $\alpha > 1$.

>>> F.celu(torch.tensor([-10., -100]), alpha=3.0)
tensor([-2.8930, -3.0000])

**Are ELU and CELU the same for $\alpha = 1$?**

Yes:

>>> x = torch.tensor([-3., -0.5, 2])
>>> (F.celu(x) == F.elu(x)).all()
tensor(True)

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
# $$y_i = x_i \text{ if } x_i > 0 \text{, else } \alpha \, (e^{x_i / \alpha} - 1)$$
@njit(**PARALLEL)
def celu_forward_cpu(x, y, alpha):
    for i in prange(x.size):
        a = x.dtype.type(alpha)
        y[i] = x[i] if x[i] > x.dtype.type(0) else a * math.expm1(x[i] / a)


@cuda.jit
def celu_forward_cuda(x, y, alpha):
    i = cuda.grid(1)
    if i >= x.size:
        return
    a = x.dtype.type(alpha)
    y[i] = x[i] if x[i] > x.dtype.type(0) else a * math.expm1(x[i] / a)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } x_i > 0 \text{, else }
# e^{x_i / \alpha} \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def celu_backward_x_cpu(x, grad_y, grad_x, alpha):
    for i in prange(x.size):
        a = x.dtype.type(alpha)
        grad_x[i] = grad_y[i] if x[i] > x.dtype.type(0) else math.exp(x[i] / a) * grad_y[i]


@cuda.jit
def celu_backward_x_cuda(x, grad_y, grad_x, alpha):
    i = cuda.grid(1)
    if i >= x.size:
        return
    a = x.dtype.type(alpha)
    grad_x[i] = grad_y[i] if x[i] > x.dtype.type(0) else math.exp(x[i] / a) * grad_y[i]


# ## The gradient of the input after an in-place operation
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } y_i > 0 \text{, else }
# \left( \frac{y_i}{\alpha} + 1 \right) \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def celu_backward_x_in_place_cpu(y, grad_y, grad_x, alpha):
    for i in prange(y.size):
        a = y.dtype.type(alpha)
        grad_x[i] = grad_y[i] if y[i] > y.dtype.type(0) else (y[i] / a + y.dtype.type(1)) * grad_y[i]


@cuda.jit
def celu_backward_x_in_place_cuda(y, grad_y, grad_x, alpha):
    i = cuda.grid(1)
    if i >= y.size:
        return
    a = y.dtype.type(alpha)
    grad_x[i] = grad_y[i] if y[i] > y.dtype.type(0) else (y[i] / a + y.dtype.type(1)) * grad_y[i]


class CeluFunction(Function):
    """CELU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, alpha, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(
            celu_forward_cpu, celu_forward_cuda, x, numbers=(alpha,), inplace=inplace, fast=fast.celu_forward
        )
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
                    f"celu in place cannot go backward with a negative alpha of {ctx.numbers[0]}, as in PyTorch: use "
                    "inplace=False, or a positive alpha"
                )
            grad_x = elementwise(
                celu_backward_x_in_place_cpu, celu_backward_x_in_place_cuda, saved, grad_y, numbers=ctx.numbers
            )
            return grad_x, None, None
        grad_x = elementwise(
            celu_backward_x_cpu, celu_backward_x_cuda, saved, grad_y, numbers=ctx.numbers, fast=fast.celu_backward_x
        )
        return grad_x, None, None


def celu(input, alpha=1.0, inplace=False):
    """Elements that are not above zero become `alpha * (e^(x / alpha) - 1)`.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor, or `alpha` not a real number.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory; in backward, if it was in place with a
            negative `alpha`; `alpha` is 0.
    """
    check_tensors("celu", input=input)
    alpha = number("celu", "alpha", alpha)
    if alpha == 0:
        raise RuntimeError(
            "celu: alpha cannot be 0, because x is divided by it; with a small alpha the curve is close to relu"
        )
    return CeluFunction.apply(input, alpha, bool(inplace))


def celu_(input, alpha=1.0):
    """`celu(input, alpha, inplace=True)`."""
    return celu(input, alpha, inplace=True)


class CELU(Module):
    """The continuously differentiable exponential linear unit, as a layer. It has no parameters.

    Args:
        alpha: the output approaches -alpha far below zero; not 0.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `celu`, when the layer is called.
    """

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return celu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return options_text(self, "alpha", inplace=False)
