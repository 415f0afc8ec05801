r"""Softshrink: every element is moved toward zero by $\lambda$, and elements closer to zero than that become zero.

It has no jump; it is the solution of a least-squares problem with an L1 penalty (LASSO) for one variable.

Use it when small values are noise, in sparse coding for example; `hardshrink` leaves large elements unchanged, `tanhshrink` is smooth.

## Forward

One element with $\lambda = 0.5$: $0.3$ becomes $0$, and $-2$ becomes $-1.5$. For every element $i$:

$$y_i = \begin{cases} 0 & \text{if } -\lambda \le x_i \le \lambda \\ x_i - \lambda & \text{if } x_i > \lambda \\
x_i + \lambda & \text{otherwise} \end{cases}$$

NaN is not inside the interval and stays NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative is 0 inside the interval, its borders included, and 1 outside:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} 0 & \text{if } -\lambda \le x_i \le \lambda \\ \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

## Cost

Two comparisons and one addition per element. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward reads
$x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\lambda$ | `lambd` | $\lambda \ge 0$ | half the width of the interval around zero; `lambda` is a keyword of Python |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-2., -0.5, 0.3, 1], requires_grad=True)
>>> y = F.softshrink(x)
>>> y
tensor([-1.5000,  0.0000,  0.0000,  0.5000], grad_fn=<SoftshrinkBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([1., 0., 0., 1.])

## Questions

**Why does softshrink make solutions sparse?**

$y$ minimizes $\frac{1}{2} (y - x)^2 + \lambda |y|$. If $|x| \le \lambda$ and $y$ moves away from 0, the penalty grows by more than the
first term falls. So $y = 0$ is best.

**By how much do large elements change?**

By $\lambda$, however large they are:

>>> F.softshrink(torch.tensor([-100., 100]), 1.0)
tensor([-99.,  99.])

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
from reftorch.types import finfo


# ## The output
#
# $$y_i = 0 \text{ if } -\lambda \le x_i \le \lambda \text{, } x_i - \lambda \text{ if } x_i > \lambda \text{, else }
# x_i + \lambda$$
@njit(**PARALLEL)
def softshrink_forward_cpu(x, y, lambd):
    for i in prange(x.size):
        inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
        moved = x[i] - x.dtype.type(lambd) if x[i] > x.dtype.type(0) else x[i] + x.dtype.type(lambd)
        y[i] = x.dtype.type(0) if inside else moved


@cuda.jit
def softshrink_forward_cuda(x, y, lambd):
    i = cuda.grid(1)
    if i >= x.size:
        return
    inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
    moved = x[i] - x.dtype.type(lambd) if x[i] > x.dtype.type(0) else x[i] + x.dtype.type(lambd)
    y[i] = x.dtype.type(0) if inside else moved


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 0 \text{ if } -\lambda \le x_i \le \lambda \text{, else }
# \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def softshrink_backward_x_cpu(x, grad_y, grad_x, lambd):
    for i in prange(x.size):
        inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
        grad_x[i] = x.dtype.type(0) if inside else grad_y[i]


@cuda.jit
def softshrink_backward_x_cuda(x, grad_y, grad_x, lambd):
    i = cuda.grid(1)
    if i >= x.size:
        return
    inside = x[i] >= x.dtype.type(-lambd) and x[i] <= x.dtype.type(lambd)
    grad_x[i] = x.dtype.type(0) if inside else grad_y[i]


class SoftshrinkFunction(Function):
    """Softshrink on the tape. x of any shape; y of the same shape."""

    @staticmethod
    def forward(ctx, x, lambd):
        y = elementwise(softshrink_forward_cpu, softshrink_forward_cuda, x, numbers=(lambd,))
        ctx.save_for_backward(x)
        ctx.numbers = (lambd,)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(softshrink_backward_x_cpu, softshrink_backward_x_cuda, x, grad_y, numbers=ctx.numbers)
        return grad_x, None


def softshrink(input, lambd=0.5):
    """Elements are moved toward zero by `lambd`; those from `-lambd` to `lambd` become 0.

    Shapes: any; the result has the same.

    Raises:
        TypeError: `input` is not a tensor, or `lambd` not a real number.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: `lambd` is negative, NaN or beyond the largest number of the dtype.
    """
    check_tensors("softshrink", input=input)
    lambd = number("softshrink", "lambd", lambd)
    largest = finfo(input.dtype).max
    if not 0 <= lambd <= largest:
        raise RuntimeError(
            f"softshrink: lambda must be in range [0, {largest:g}] for {input.dtype}, but found {lambd}: it is the distance by which "
            "elements move toward zero"
        )
    return SoftshrinkFunction.apply(input, lambd)


class Softshrink(Module):
    """Elements are moved toward zero, as a layer. It has no parameters.

    Args:
        lambd: half the width of the interval around zero.

    Shapes: input (*), any shape; output the same. Errors as `softshrink`, when the layer is called.
    """

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return softshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)
