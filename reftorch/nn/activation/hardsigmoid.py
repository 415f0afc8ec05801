r"""A sigmoid made of three straight lines: 0 up to -3, a ramp from -3 to 3, and 1 above.

It needs no exponential, so it is cheap on small devices and in low precision.

Use it when a sigmoid must be cheap, as on a phone; its gradient is exactly 0 outside of the ramp, where `sigmoid` still has a small one.

## Forward

One element: $0$ becomes $\frac{1}{2}$, $-5$ becomes 0 and $5$ becomes 1. For every element $i$:

$$y_i = \begin{cases} 0 & \text{if } x_i \le -3 \\ 1 & \text{if } x_i \ge 3 \\ \frac{x_i + 3}{6} & \text{otherwise} \end{cases}$$

NaN satisfies neither condition and stays NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The ramp has slope $\frac{1}{6}$, the other two lines have slope 0. At the corners, $x_i = \pm 3$, slope 0 is taken:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{1}{6} \, \frac{\partial L}{\partial y_i} & \text{if } -3 < x_i < 3 \\ 0 & \text{otherwise} \end{cases}$$

## Cost

Two comparisons, one addition and one division per element. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward
reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes. In place, backward needs a copy of the input.

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
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-5., -3, 0, 1.5, 3], requires_grad=True)
>>> y = F.hardsigmoid(x)
>>> y
tensor([0.0000, 0.0000, 0.5000, 0.7500, 1.0000],
       grad_fn=<HardsigmoidBackward0>)
>>> y.backward(torch.full((5,), 6.))
>>> x.grad
tensor([0., 0., 1., 1., 0.])

## Questions

**Why 3 and 6?**

The ramp from $-3$ to $3$ follows the sigmoid closely. Its width is 6, so a division by 6 gives it a height of 1. The slope
$\frac{1}{6}$ is a little less than the sigmoid's $\frac{1}{4}$ at 0.

**What is the largest difference from the sigmoid?**

About 0.07:

>>> x = torch.linspace(-4, 4, 401)
>>> round((F.hardsigmoid(x) - torch.sigmoid(x)).abs().max().item(), 3)
0.069

**What is the gradient at $x = 4$?**

0, because the line is flat there. A unit that is above 3 for every sample does not learn.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = 0 \text{ if } x_i \le -3 \text{, } 1 \text{ if } x_i \ge 3 \text{, else } \frac{x_i + 3}{6}$$
@njit(**PARALLEL)
def hardsigmoid_forward_cpu(x, y):
    for i in prange(x.size):
        ramp = (x[i] + x.dtype.type(3)) / x.dtype.type(6)
        above = x.dtype.type(1) if x[i] >= x.dtype.type(3) else ramp
        y[i] = x.dtype.type(0) if x[i] <= x.dtype.type(-3) else above


@cuda.jit
def hardsigmoid_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    ramp = (x[i] + x.dtype.type(3)) / x.dtype.type(6)
    above = x.dtype.type(1) if x[i] >= x.dtype.type(3) else ramp
    y[i] = x.dtype.type(0) if x[i] <= x.dtype.type(-3) else above


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{1}{6} \, \frac{\partial L}{\partial y_i} \text{ if } -3 < x_i < 3 \text{, else } 0$$
@njit(**PARALLEL)
def hardsigmoid_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        inside = x[i] > x.dtype.type(-3) and x[i] < x.dtype.type(3)
        grad_x[i] = grad_y[i] / x.dtype.type(6) if inside else x.dtype.type(0)


@cuda.jit
def hardsigmoid_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    inside = x[i] > x.dtype.type(-3) and x[i] < x.dtype.type(3)
    grad_x[i] = grad_y[i] / x.dtype.type(6) if inside else x.dtype.type(0)


class HardsigmoidFunction(Function):
    """Hardsigmoid on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        before = x.clone() if inplace else x  # backward reads the input
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(hardsigmoid_forward_cpu, hardsigmoid_forward_cuda, x, inplace=inplace)
        ctx.save_for_backward(before)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(hardsigmoid_backward_x_cpu, hardsigmoid_backward_x_cuda, x, grad_y)
        return grad_x, None


def hardsigmoid(input, inplace=False):
    """0 up to -3, 1 from 3 on, and (x + 3) / 6 between them, for every element.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory.
    """
    check_tensors("hardsigmoid", input=input)
    return HardsigmoidFunction.apply(input, bool(inplace))


class Hardsigmoid(Module):
    """A sigmoid of three straight lines, as a layer. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `hardsigmoid`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return hardsigmoid(input, self.inplace)
