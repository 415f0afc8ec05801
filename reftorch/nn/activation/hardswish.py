r"""Hardswish: the input multiplied by a sigmoid of straight lines, an approximation of SiLU (swish) without an exponential.

It is 0 up to -3, the input itself from 3 on, and a parabola between them.

Use it when `silu` is wanted but an exponential costs too much, as in MobileNetV3.

## Forward

One element: $-1$ becomes $-1 \cdot \frac{2}{6}$. For every element $i$, with $r_i$ the sum $x_i + 3$ limited to the interval from 0 to 6:

$$r_i = \min(\max(x_i + 3, 0), 6) \qquad y_i = \frac{x_i \, r_i}{6}$$

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

Between the corners $y_i = (x_i^2 + 3 x_i) / 6$, with the derivative $(2 x_i + 3) / 6 = x_i / 3 + \frac{1}{2}$. Outside, the
derivative is that of 0 or of $x_i$. At the corners the derivative of the outer side is taken:

$$\frac{\partial L}{\partial x_i} = \begin{cases} 0 & \text{if } x_i \le -3 \\
\left( \frac{x_i}{3} + \frac{1}{2} \right) \frac{\partial L}{\partial y_i} & \text{if } -3 < x_i < 3 \\
\frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

## Cost

Two comparisons, one addition, one multiplication and one division per element, in forward and in backward. Forward reads $x$ and
writes $y$, 8 bytes per element in float32; backward reads $x$ and the gradient of $y$ and writes the gradient of $x$, 12 bytes.
In place, backward needs a copy of the input.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $r_i$ | `r` | $0 \le r_i \le 6$ | six times the factor |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-4., -2, 0, 1, 3], requires_grad=True)
>>> y = F.hardswish(x)
>>> y
tensor([-0.0000, -0.3333,  0.0000,  0.6667,  3.0000],
       grad_fn=<HardswishBackward0>)
>>> y.backward(torch.ones(5))
>>> x.grad
tensor([ 0.0000, -0.1667,  0.5000,  0.8333,  1.0000])

## Questions

**Where is the derivative negative?**

Between $-3$ and $-1.5$, where the parabola falls; its lowest point is $y(-1.5) = -0.375$.

>>> F.hardswish(torch.tensor([-1.6, -1.5, -1.4]))
tensor([-0.3733, -0.3750, -0.3733])

**What is the largest difference from SiLU?**

About 0.14, at the corners:

>>> x = torch.linspace(-4, 4, 401)
>>> round((F.hardswish(x) - F.silu(x)).abs().max().item(), 3)
0.142

**What is the output for $-\infty$?**

$-\infty \cdot 0$, which is NaN, as in SiLU; every finite number below $-3$ gives 0.

## Differences

PyTorch's gradient at NaN is NaN or the upstream gradient, depending on the position in the tensor. Here it is the latter.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = \frac{x_i \, r_i}{6} \qquad r_i = \min(\max(x_i + 3, 0), 6)$$
@njit(**PARALLEL)
def hardswish_forward_cpu(x, y):
    for i in prange(x.size):
        shifted = x[i] + x.dtype.type(3)
        above = x.dtype.type(6) if shifted > x.dtype.type(6) else shifted
        r = x.dtype.type(0) if shifted < x.dtype.type(0) else above
        y[i] = x[i] * r / x.dtype.type(6)


@cuda.jit
def hardswish_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    shifted = x[i] + x.dtype.type(3)
    above = x.dtype.type(6) if shifted > x.dtype.type(6) else shifted
    r = x.dtype.type(0) if shifted < x.dtype.type(0) else above
    y[i] = x[i] * r / x.dtype.type(6)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 0 \text{ if } x_i \le -3 \text{, }
# \left( \frac{x_i}{3} + \frac{1}{2} \right) \frac{\partial L}{\partial y_i} \text{ if } x_i < 3 \text{, else }
# \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def hardswish_backward_x_cpu(x, grad_y, grad_x):
    for i in prange(x.size):
        slope = x[i] / x.dtype.type(3) + x.dtype.type(0.5)
        below = grad_y[i] * slope if x[i] < x.dtype.type(3) else grad_y[i]
        grad_x[i] = x.dtype.type(0) if x[i] <= x.dtype.type(-3) else below


@cuda.jit
def hardswish_backward_x_cuda(x, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    slope = x[i] / x.dtype.type(3) + x.dtype.type(0.5)
    below = grad_y[i] * slope if x[i] < x.dtype.type(3) else grad_y[i]
    grad_x[i] = x.dtype.type(0) if x[i] <= x.dtype.type(-3) else below


class HardswishFunction(Function):
    """Hardswish on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        before = x.clone() if inplace else x  # backward reads the input
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(hardswish_forward_cpu, hardswish_forward_cuda, x, inplace=inplace)
        ctx.save_for_backward(before)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(hardswish_backward_x_cpu, hardswish_backward_x_cuda, x, grad_y)
        return grad_x, None


def hardswish(input, inplace=False):
    """x times (x + 3) limited to 0 and 6, divided by 6, for every element.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: in place on a leaf that requires grad, or on elements that share memory.
    """
    check_tensors("hardswish", input=input)
    return HardswishFunction.apply(input, bool(inplace))


class Hardswish(Module):
    """Hardswish, as a layer: SiLU with a sigmoid of straight lines. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `hardswish`, when the layer is called.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return hardswish(input, self.inplace)
