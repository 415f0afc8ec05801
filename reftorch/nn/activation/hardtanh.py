r"""Hardtanh: elements are limited to an interval, and stay as they are inside it.

It approximates the hyperbolic tangent by three straight lines and needs no exponential.

Use it when outputs must stay inside an interval and cost matters; `tanh` is smooth, `relu6` is the case from 0 to 6.

## Forward

One element with the limits $-1$ and $1$: $0.3$ stays $0.3$, and $7$ becomes $1$. For every element $i$, with limits $a$ and $b$:

$$y_i = \begin{cases} a & \text{if } x_i < a \\ b & \text{if } x_i > b \\ x_i & \text{otherwise} \end{cases}$$

NaN satisfies neither condition and stays NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative is 1 inside the interval and 0 outside; at the limits themselves 0 is taken. $y_i$ is strictly inside exactly where
$x_i$ is, so backward needs only the output, also after an in-place operation:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} 0 & \text{if } y_i \le a \text{ or } y_i \ge b \\ \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

## Cost

Two comparisons per element. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward reads $y$ and the
gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $a$ | `min_val` | any number | lower limit |
| $b$ | `max_val` | $b \ge a$ | upper limit |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-3., -1, 0.5, 2], requires_grad=True)
>>> y = F.hardtanh(x)
>>> y
tensor([-1.0000, -1.0000,  0.5000,  1.0000], grad_fn=<HardtanhBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0., 0., 1., 0.])

In place, the tensor itself changes:

>>> x = torch.tensor([-3., 0.5])
>>> F.hardtanh_(x) is x
True
>>> x
tensor([-1.0000,  0.5000])

## Questions

**What happens to the gradient of an element beyond a limit?**

It is 0. The parameters before it get no gradient through this element.

**Which limits make hardtanh a ReLU?**

0 and infinity:

>>> F.hardtanh(torch.tensor([-2., 3]), 0., float("inf"))
tensor([0., 3.])

**Which limits apply to an input of integers?**

The limits are converted to the dtype of the input, which truncates them:

>>> F.hardtanh(torch.tensor([-2, 0, 2]), -1.5, 1.5)
tensor([-1,  0,  1])

## Differences

PyTorch's gradient at NaN is 0 or the upstream gradient, depending on the position in the tensor. Here it is the latter.
"""

from __future__ import annotations

import warnings

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.activation.dtypes import INTEGERS, check_fits
from reftorch.nn.arguments import FLOATS, check_tensors, number, options_text
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import bool as bool_


# ## The output
#
# $$y_i = a \text{ if } x_i < a \text{, } b \text{ if } x_i > b \text{, else } x_i$$
@njit(**PARALLEL)
def hardtanh_forward_cpu(x, y, min_val, max_val):
    for i in prange(x.size):
        low = x.dtype.type(min_val)
        high = x.dtype.type(max_val)
        limited = high if x[i] > high else x[i]
        y[i] = low if x[i] < low else limited


@cuda.jit
def hardtanh_forward_cuda(x, y, min_val, max_val):
    i = cuda.grid(1)
    if i >= x.size:
        return
    low = x.dtype.type(min_val)
    high = x.dtype.type(max_val)
    limited = high if x[i] > high else x[i]
    y[i] = low if x[i] < low else limited


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 0 \text{ if } y_i \le a \text{ or } y_i \ge b \text{, else }
# \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def hardtanh_backward_x_cpu(y, grad_y, grad_x, min_val, max_val):
    for i in prange(y.size):
        outside = y[i] <= y.dtype.type(min_val) or y[i] >= y.dtype.type(max_val)
        grad_x[i] = y.dtype.type(0) if outside else grad_y[i]


@cuda.jit
def hardtanh_backward_x_cuda(y, grad_y, grad_x, min_val, max_val):
    i = cuda.grid(1)
    if i >= y.size:
        return
    outside = y[i] <= y.dtype.type(min_val) or y[i] >= y.dtype.type(max_val)
    grad_x[i] = y.dtype.type(0) if outside else grad_y[i]


class HardtanhFunction(Function):
    """Hardtanh on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, min_val, max_val, inplace):
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(hardtanh_forward_cpu, hardtanh_forward_cuda, x, numbers=(min_val, max_val), inplace=inplace)
        ctx.save_for_backward(y)
        ctx.numbers = (min_val, max_val)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        grad_x = elementwise(hardtanh_backward_x_cpu, hardtanh_backward_x_cuda, y, grad_y, numbers=ctx.numbers)
        return grad_x, None, None, None


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Elements below `min_val` become `min_val`, those above `max_val` become `max_val`.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor; `min_val` or `max_val` is not a real number.
        ValueError: `min_val` is greater than `max_val`.
        RuntimeError: bool input, or limits that the dtype cannot hold; in place on a leaf that requires grad, or on elements that share
            memory.
        NotImplementedError: `input` is complex or float16.
    """
    if isinstance(input, Tensor) and input.dtype is bool_:
        raise RuntimeError(
            "hardtanh of torch.bool: bools cannot be limited to an interval; convert them with x.float()"
        )
    check_tensors("hardtanh", FLOATS + INTEGERS, input=input)
    min_val = number("hardtanh", "min_val", min_val)
    max_val = number("hardtanh", "max_val", max_val)
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val, but found {min_val} and {max_val}: exchange them"
        )
    check_fits("hardtanh", input.dtype, min_val=min_val, max_val=max_val)
    return HardtanhFunction.apply(input, min_val, max_val, bool(inplace))


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """`hardtanh(input, min_val, max_val, inplace=True)`."""
    return hardtanh(input, min_val, max_val, inplace=True)


class Hardtanh(Module):
    """Elements are limited to an interval, as a layer. It has no parameters.

    Args:
        min_val, max_val: the limits.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.
        min_value, max_value: deprecated names of the limits.

    Shapes: input (*), any shape; output the same. Errors as `hardtanh`, when the layer is called.

    Raises:
        AssertionError: `max_val` is not greater than `min_val`.
    """

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        super().__init__()
        self.min_val = _renamed("min_value", min_value, "min_val", min_val)
        self.max_val = _renamed("max_value", max_value, "max_val", max_val)
        self.inplace = inplace
        if not self.max_val > self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input):
        return hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return options_text(self, "min_val", "max_val", inplace=False)


def _renamed(old, old_value, new, value):
    """The value of an argument that was renamed: that of its old name if it was given, with a warning."""
    if old_value is None:
        return value
    warnings.warn(f"keyword argument `{old}` is deprecated and renamed to `{new}`", FutureWarning, stacklevel=3)
    return old_value
