r"""The randomized leaky ReLU: in training, a random slope is drawn for every element that is not above zero.

In evaluation all these elements are multiplied by the mean slope. The noise acts like a regularizer, as dropout does.

Use it when a network with `leaky_relu` overfits; otherwise `leaky_relu`, whose slope is fixed, or `prelu`, which learns it.

## Forward

One element in training: $3$ stays $3$; $-4$ is multiplied by a slope between $\frac{1}{8}$ and $\frac{1}{3}$. For every element $i$:

$$y_i = r_i \, x_i \qquad r_i \begin{cases} = 1 & \text{if } x_i > 0 \\ \sim U(l, u) & \text{otherwise} \end{cases}$$

$U(l, u)$ is the uniform distribution from `lower` to `upper`. In evaluation $r_i = \frac{l + u}{2}$ for every element that is not above
zero: this is `leaky_relu`, and `rrelu` calls it. NaN keeps $r_i = 1$ and stays NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The slopes that were drawn in forward are constants for the derivative, so backward multiplies by the same slopes:

$$\frac{\partial L}{\partial x_i} = r_i \, \frac{\partial L}{\partial y_i}$$

## Cost

One random number per element that is not above zero, and one multiplication per element. Forward reads $x$ and the slopes and writes $y$:
12 bytes per element in float32. Backward reads the slopes and the gradient of $y$ and writes the gradient of $x$: 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $r_i$ | `slope` | shape of $x$ | 1, or the number that was drawn |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> _ = torch.manual_seed(0)
>>> x = torch.tensor([-4., -4, 0, 3], requires_grad=True)
>>> y = F.rrelu(x, 0.0, 1.0, training=True)
>>> y
tensor([-3.8802, -2.8313,  0.0000,  3.0000], grad_fn=<RreluBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0.9701, 0.7078, 0.4594, 1.0000])

In evaluation the slope is the mean:

>>> F.rrelu(x.detach(), 0.0, 1.0)
tensor([-2., -2.,  0.,  3.])

## Questions

**Is the gradient of two equal elements the same?**

Not in training: a slope is drawn for each of them, as the example shows.

**How many numbers are drawn for an input whose elements are all above zero?**

None. For an element that is exactly 0 a number is drawn, but its output is 0 with every slope.

**What is the mean output for an element $-1$ over many draws?**

Minus the mean slope, which is the output in evaluation:

>>> round(F.rrelu(-torch.ones(1000), 0.1, 0.3, training=True).mean().item(), 1)
-0.2
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast, random
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, fast_forms, njit, prange
from reftorch.nn.activation.leaky_relu import leaky_relu
from reftorch.nn.arguments import check_tensors, number, options_text
from reftorch.nn.module import Module
from reftorch.ops import from_numpy


# ## The output
#
# $$y_i = r_i \, x_i$$
@njit(**PARALLEL)
def rrelu_forward_cpu(x, slope, y):
    for i in prange(x.size):
        y[i] = slope[i] * x[i]


@cuda.jit
def rrelu_forward_cuda(x, slope, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = slope[i] * x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = r_i \, \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def rrelu_backward_x_cpu(slope, grad_y, grad_x):
    for i in prange(slope.size):
        grad_x[i] = slope[i] * grad_y[i]


@cuda.jit
def rrelu_backward_x_cuda(slope, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= slope.size:
        return
    grad_x[i] = slope[i] * grad_y[i]


class RreluFunction(Function):
    """The randomized leaky ReLU on the tape. x and the slopes of any shape; y of the same, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, slope, inplace):
        if inplace:
            ctx.mark_dirty(x)
        ctx.save_for_backward(slope)
        return elementwise(rrelu_forward_cpu, rrelu_forward_cuda, x, slope, inplace=inplace)

    @staticmethod
    def backward(ctx, grad_y):
        (slope,) = ctx.saved_tensors
        return elementwise(rrelu_backward_x_cpu, rrelu_backward_x_cuda, slope, grad_y), None, None


def drawn_slopes(x, lower, upper):
    """A slope for every element of x: 1 above zero and for NaN, else a number from `lower` to `upper`, drawn in the order of elements."""
    values = x.detach().cpu().numpy()
    kind = values.dtype.type
    low, high = float(kind(lower)), float(kind(upper))
    below = values <= 0
    drawn = random.samples.uniform(np.count_nonzero(below), dtype=np.float64)
    if fast_forms():
        return from_numpy(fast.slopes_of(values, drawn, low, high - low)).to(x.device)
    slope = np.ones(values.shape, kind)
    slope[below] = drawn * (high - low) + low
    return from_numpy(slope).to(x.device)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """Elements that are not above zero are multiplied by a random slope, or in evaluation by the mean slope.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor; `lower` or `upper` is not a real number.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: a bound is not finite, or `lower` is greater than `upper`; in place on a leaf that requires grad, or on
            elements that share memory.
    """
    check_tensors("rrelu", input=input)
    lower, upper = number("rrelu", "lower", lower), number("rrelu", "upper", upper)
    for name, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(
                f"rrelu: {name} bound must be finite, got {bound}: slopes are drawn between the two bounds"
            )
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, but found {lower} and {upper}: exchange them"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    return RreluFunction.apply(input, drawn_slopes(input, lower, upper), bool(inplace))


def rrelu_(input, lower=1.0 / 8, upper=1.0 / 3, training=False):
    """`rrelu(input, lower, upper, training, inplace=True)`."""
    return rrelu(input, lower, upper, training, inplace=True)


class RReLU(Module):
    """The randomized leaky ReLU, as a layer: random slopes in training, the mean slope in evaluation. It has no parameters.

    Args:
        lower, upper: slopes are drawn between them.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `rrelu`, when the layer is called.
    """

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input):
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return options_text(self, "lower", "upper", inplace=False)
