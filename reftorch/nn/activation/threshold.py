r"""Threshold: an element above a threshold stays, every other element is replaced by a fixed value.

ReLU is the case with threshold 0 and value 0.

Use it when activations below a threshold other than 0 should be replaced by a constant; otherwise `relu`, or `hardshrink` for both signs.

## Forward

One element with threshold $\theta = 0.5$ and value $v = -1$: $2$ stays $2$, and $0.3$ becomes $-1$. For every element $i$:

$$y_i = \begin{cases} v & \text{if } x_i \le \theta \\ x_i & \text{otherwise} \end{cases}$$

NaN is not at most $\theta$ and stays NaN.

## Gradients

$y_i$ depends on $x_i$ only, so the chain rule has one term:

$$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_i}$$

The derivative of $x_i$ is 1, that of the constant $v$ is 0:

$$\frac{\partial L}{\partial x_i} =
\begin{cases} 0 & \text{if } x_i \le \theta \\ \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

The value $v$ may be above the threshold, so the output does not show which elements were replaced: backward after an in-place
operation needs a copy of the input.

## Cost

One comparison per element. Forward reads $x$ and writes $y$, 8 bytes per element in float32; backward reads $x$ and the
gradient of $y$ and writes the gradient of $x$, 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of elements |
| $y_i$ | `y` | shape of $x$ | output |
| $\theta$ | `threshold` | any number | elements up to it are replaced |
| $v$ | `value` | any number | what they are replaced by |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in the row |

## Worked example

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([-1., 0.5, 0.6, 3], requires_grad=True)
>>> y = F.threshold(x, 0.5, -7)
>>> y
tensor([-7.0000, -7.0000,  0.6000,  3.0000], grad_fn=<ThresholdBackward0>)
>>> y.backward(torch.ones(4))
>>> x.grad
tensor([0., 0., 1., 1.])

## Questions

**Which threshold and value give ReLU?**

0 and 0:

>>> x = torch.tensor([-1., 0, 2])
>>> (F.threshold(x, 0, 0) == F.relu(x)).all()
tensor(True)

**What happens to an element equal to the threshold?**

It is replaced: only elements above the threshold stay.

**The input holds integers. What happens to a value that is not an integer?**

It is converted to the dtype of the input, which truncates it:

>>> F.threshold(torch.tensor([1, 5]), 3, 7.5)
tensor([7, 5])
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.activation.dtypes import INTEGERS, check_fits
from reftorch.nn.arguments import FLOATS, check_tensors, number, options_text
from reftorch.nn.module import Module


# ## The output
#
# $$y_i = v \text{ if } x_i \le \theta \text{, else } x_i$$
@njit(**PARALLEL)
def threshold_forward_cpu(x, y, threshold, value):
    for i in prange(x.size):
        y[i] = x.dtype.type(value) if x[i] <= x.dtype.type(threshold) else x[i]


@cuda.jit
def threshold_forward_cuda(x, y, threshold, value):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x.dtype.type(value) if x[i] <= x.dtype.type(threshold) else x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 0 \text{ if } x_i \le \theta \text{, else } \frac{\partial L}{\partial y_i}$$
@njit(**PARALLEL)
def threshold_backward_x_cpu(x, grad_y, grad_x, threshold, value):
    for i in prange(x.size):
        grad_x[i] = x.dtype.type(0) if x[i] <= x.dtype.type(threshold) else grad_y[i]


@cuda.jit
def threshold_backward_x_cuda(x, grad_y, grad_x, threshold, value):
    i = cuda.grid(1)
    if i >= x.size:
        return
    grad_x[i] = x.dtype.type(0) if x[i] <= x.dtype.type(threshold) else grad_y[i]


class ThresholdFunction(Function):
    """Threshold on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, threshold, value, inplace):
        before = x.clone() if inplace else x  # backward reads the input
        if inplace:
            ctx.mark_dirty(x)
        y = elementwise(threshold_forward_cpu, threshold_forward_cuda, x, numbers=(threshold, value), inplace=inplace)
        ctx.save_for_backward(before)
        ctx.numbers = (threshold, value)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        grad_x = elementwise(threshold_backward_x_cpu, threshold_backward_x_cuda, x, grad_y, numbers=ctx.numbers)
        return grad_x, None, None, None


def threshold(input, threshold, value, inplace=False):
    """Elements that are not above `threshold` become `value`.

    Shapes: any; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor; `threshold` or `value` is not a real number.
        RuntimeError: the dtype cannot hold `threshold` or `value`; in place on a leaf that requires grad, or on elements that share
            memory.
        NotImplementedError: `input` is complex, bool or float16.
    """
    check_tensors("threshold", FLOATS + INTEGERS, input=input)
    limit = number("threshold", "threshold", threshold)
    value = number("threshold", "value", value)
    check_fits("threshold", input.dtype, threshold=limit, value=value)
    return ThresholdFunction.apply(input, limit, value, bool(inplace))


def threshold_(input, threshold, value):
    """`threshold(input, threshold, value, inplace=True)`."""
    return Threshold(threshold, value, inplace=True)(input)


class Threshold(Module):
    """Elements that are not above a threshold are replaced, as a layer. It has no parameters.

    Args:
        threshold: elements up to it are replaced.
        value: what they are replaced by.
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same. Errors as `threshold`, when the layer is called.
    """

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input):
        return threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self):
        return options_text(self, "threshold", "value", inplace=False)
