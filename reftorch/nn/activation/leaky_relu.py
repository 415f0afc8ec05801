r"""The leaky rectified linear unit: an element above zero stays, every other element is multiplied by a small slope.

A ReLU whose input is negative for every sample gets no gradient, and its weights never change again. Here the negative side has a
small slope, so the gradient is never zero.

Use it when units of a ReLU network stop learning; `prelu` learns the slope, `elu` is smooth below zero.

## Forward

One element, with slope $\alpha = 0.1$: $3$ stays $3$, and $-4$ becomes $-0.4$. For every element $i$:

$$y_i = \begin{cases} x_i & \text{if } x_i > 0 \\ \alpha \, x_i & \text{otherwise} \end{cases}$$

NaN is not above zero, and $\alpha$ times NaN is NaN. With $0 \le \alpha \le 1$ the formula equals $\max(x_i, \alpha x_i)$.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $x_i$ is 1, and the derivative of $\alpha x_i$ is $\alpha$:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } x_i > 0 \\
\alpha \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

At $x_i = 0$ there is no derivative; the slope $\alpha$ of the left side is taken. The formula needs only the sign of $x_i$. If
$\alpha \ge 0$, $y_i$ is above zero exactly where $x_i$ is, so the operation may overwrite its input and read the sign of $y_i$
instead. A negative $\alpha$ makes negative elements positive, so backward after an in-place operation raises an error.

## Cost

One comparison and at most one multiplication per element. Forward reads $x$ and writes $y$: 8 bytes per element in
float32. Backward reads $x$ and the gradient of $y$ and writes the gradient of $x$: 12 bytes per element. In place, $y$ needs no
memory of its own.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\alpha$ | `slope` | any number | factor for elements that are not above zero: `negative_slope` |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-4., 0, 3, float("nan")], requires_grad=True)
>>> y = F.leaky_relu(x, 0.5)
>>> y
tensor([-2.,  0.,  3., nan], grad_fn=<LeakyReluBackward0>)
>>> y.backward(torch.tensor([10., 20, 30, 40]))
>>> x.grad
tensor([ 5., 10., 30., 20.])

In place, the tensor itself changes:

>>> x = torch.tensor([-4., 0, 3])
>>> F.leaky_relu_(x, 0.5) is x
True
>>> x
tensor([-2.,  0.,  3.])

## Questions

**Which slope makes LeakyReLU the same as ReLU, and which one makes it the identity?**

Slope 0 gives ReLU, and slope 1 gives the identity.

**Why can backward not be computed after an in-place operation with a slope of -1?**

Backward needs the sign of $x_i$. With slope $-1$ every output is at least zero, so the sign of $x_i$ is lost:

>>> F.leaky_relu(torch.tensor([-4., 4]), -1.0)
tensor([4., 4.])

**Two layers with slope 0.1 follow each other. What is the derivative at a negative input?**

The chain rule multiplies both slopes:

>>> x = torch.tensor(-5., requires_grad=True)
>>> F.leaky_relu(F.leaky_relu(x, 0.1), 0.1).backward()
>>> round(x.grad.item(), 4)
0.01
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, number, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = x_i \text{ if } x_i > 0 \text{, else } \alpha \, x_i$$
#
# Both branches keep NaN. The slope is a Python number: it is converted to the data's type before it is used.
@njit(**PARALLEL)
def leaky_relu_forward_cpu(x, y, negative_slope):
    for i in prange(x.size):
        slope = x.dtype.type(negative_slope)
        y[i] = x[i] if x[i] > x.dtype.type(0) else slope * x[i]


@cuda.jit
def leaky_relu_forward_cuda(x, y, negative_slope):
    i = cuda.grid(1)
    if i >= x.size:
        return
    slope = x.dtype.type(negative_slope)
    y[i] = x[i] if x[i] > x.dtype.type(0) else slope * x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } x_i > 0 \text{, else }
# \alpha \, \frac{\partial L}{\partial y_i}$$
#
# After an in-place operation, `x` holds the output, which is above zero exactly where the input was.
@njit(**PARALLEL)
def leaky_relu_backward_x_cpu(x, grad_y, grad_x, negative_slope):
    for i in prange(x.size):
        slope = x.dtype.type(negative_slope)
        grad_x[i] = grad_y[i] if x[i] > x.dtype.type(0) else slope * grad_y[i]


@cuda.jit
def leaky_relu_backward_x_cuda(x, grad_y, grad_x, negative_slope):
    i = cuda.grid(1)
    if i >= x.size:
        return
    slope = x.dtype.type(negative_slope)
    grad_x[i] = grad_y[i] if x[i] > x.dtype.type(0) else slope * grad_y[i]


class LeakyReluFunction(Function):
    """LeakyReLU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, slope, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(leaky_relu_forward_cpu, leaky_relu_forward_cuda, x, numbers=(slope,), inplace=inplace)
        ctx.save_for_backward(y if inplace else x)
        ctx.slope, ctx.inplace = slope, inplace
        return y

    @staticmethod
    def backward(ctx, grad_y):
        if ctx.inplace and not ctx.slope >= 0:
            raise RuntimeError(
                f"leaky_relu in place cannot go backward with a negative slope of {ctx.slope}: elements below zero were "
                "overwritten with elements above zero, and their signs are lost; use inplace=False"
            )
        (x,) = ctx.saved_tensors
        grad_x = elementwise(leaky_relu_backward_x_cpu, leaky_relu_backward_x_cuda, x, grad_y, numbers=(ctx.slope,))
        return grad_x, None, None


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """Elements that are not above zero are multiplied by `negative_slope`.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor, or `negative_slope` not a real number.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory; in backward, if it was in
            place with a negative slope.
    """
    check_tensors("leaky_relu", input=input)
    slope = number("leaky_relu", "negative_slope", negative_slope, hint="; to learn the slope, use prelu")
    return LeakyReluFunction.apply(input, slope, bool(inplace))


def leaky_relu_(input, negative_slope=0.01):
    """`leaky_relu(input, negative_slope, inplace=True)`."""
    return leaky_relu(input, negative_slope, inplace=True)


class LeakyReLU(Module):
    """The leaky rectified linear unit, as a layer. It has no parameters.

    Args:
        negative_slope: factor for elements that are not above zero.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `leaky_relu`, when the layer is called.
    """

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return options_text(self, "negative_slope", inplace=False)
