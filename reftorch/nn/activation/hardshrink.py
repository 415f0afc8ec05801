r"""Hardshrink: elements close to zero become zero, all others stay.

It removes small activations and leaves the large ones unchanged, so the curve jumps at $\pm\lambda$.

Use it when small values are noise and should be removed; `softshrink` does so without a jump, `threshold` on one side only.

## Forward

One element with $\lambda = 0.5$: $0.3$ becomes $0$, and $-2$ stays $-2$. For every element $i$:

$$y_i = \begin{cases} 0 & \text{if } -\lambda \le x_i \le \lambda \\ x_i & \text{otherwise} \end{cases}$$

NaN is not inside the interval and stays NaN. With a negative $\lambda$ the interval is empty, and all elements stay.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative is 0 inside the interval, its borders included, and 1 outside:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} 0 & \text{if } -\lambda \le x_i \le \lambda \\ \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

## Cost

Two comparisons per element. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward reads $x$ and the
gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\lambda$ | `lambd` | any number | half the width of the interval around zero; `lambda` is a keyword of Python |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., -0.5, 0.3, 1], requires_grad=True)
>>> y = F.hardshrink(x)
>>> y
tensor([-2.,  0.,  0.,  1.], grad_fn=<HardshrinkBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([1., 0., 0., 1.])

## Questions

**Where does the curve jump?**

At $\pm\lambda$: from 0 to $\lambda$, and from $-\lambda$ to 0.

>>> F.hardshrink(torch.tensor([0.5, 0.5001]))
tensor([0.0000, 0.5001])

**Does an element equal to $\lambda$ stay?**

No, the borders belong to the interval.

**Which elements get a gradient?**

Those outside of the interval. Their gradient passes unchanged.

## Differences

PyTorch's gradient at NaN is 0 or the upstream gradient, depending on the position in the tensor. Here it is the latter.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = 0 \text{ if } -\lambda \le x_i \le \lambda \text{, else } x_i$$
@njit(**PARALLEL)
def hardshrink_forward_cpu(x, y, lambd):
    for i in prange(x.size):
        inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
        y[i] = x.dtype.type(0) if inside else x[i]


@cuda.jit
def hardshrink_forward_cuda(x, y, lambd):
    i = cuda.grid(1)
    if i >= x.size:
        return
    inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
    y[i] = x.dtype.type(0) if inside else x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 0 \text{ if } -\lambda \le x_i \le \lambda \text{, else }
# \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def hardshrink_backward_x_cpu(x, grad_y, grad_x, lambd):
    for i in prange(x.size):
        inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
        grad_x[i] = x.dtype.type(0) if inside else grad_y[i]


@cuda.jit
def hardshrink_backward_x_cuda(x, grad_y, grad_x, lambd):
    i = cuda.grid(1)
    if i >= x.size:
        return
    inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
    grad_x[i] = x.dtype.type(0) if inside else grad_y[i]


class HardshrinkFunction(Function):
    """Hardshrink on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x, lambd):
        y = elementwise(hardshrink_forward_cpu, hardshrink_forward_cuda, x, numbers=(lambd,))
        ctx.save_for_backward(x)
        ctx.numbers = (lambd,)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(hardshrink_backward_x_cpu, hardshrink_backward_x_cuda, x, grad_y, numbers=ctx.numbers)
        return grad_x, None


def hardshrink(input, lambd=0.5):
    """Elements from `-lambd` to `lambd` become 0, all others stay.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor, or `lambd` not a real number.
        NotImplementedError: `input` is not float32 or float64.
    """
    check_tensors("hardshrink", input=input)
    lambd = number("hardshrink", "lambd", lambd)
    return HardshrinkFunction.apply(input, lambd)


class Hardshrink(Module):
    """Elements close to zero become zero, as a layer. It has no parameters.

    Args:
        lambd: half the width of the interval around zero.

    Shapes: input (*), any shape; output the same. Errors as `hardshrink`, when the layer is called.
    """

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return hardshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)
