r"""The leaky rectified linear unit: numbers above zero stay, all others are multiplied by a small slope.

ReLU is deaf on its negative side: a unit that is negative for every sample gets no gradient and never recovers. Here a
trickle comes through, and the unit can find its way back.

## Forward

$$y_i = \begin{cases} x_i & \text{if } x_i > 0 \\ \alpha \, x_i & \text{otherwise} \end{cases}$$

NaN is not above zero and stays NaN. With $0 \le \alpha \le 1$ it is the same as $\max(x_i, \alpha x_i)$.

## Gradients

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } x_i > 0 \\
\alpha \, \frac{\partial L}{\partial y_i} & \text{otherwise} \end{cases}$$

At the kink, $x_i = 0$, the slope $\alpha$ of the left side counts. The rule asks only for the sign of $x_i$. As long
as $\alpha \ge 0$, $y_i$ is above zero exactly where $x_i$ was, so the operation may overwrite its input and ask $y_i$
instead. A negative $\alpha$ turns negative numbers positive: then $y_i$ cannot tell, and backward after an operation in
place is an error.

## Cost

One comparison and at most one multiplication an element. Forward reads $x$ and writes $y$: 8 bytes an element in
float32; backward reads $x$ and the gradient of $y$ and writes that of $x$: 12 bytes. In place no memory is needed for
$y$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input, read as one row of numbers |
| $y_i$ | `y` | shape of $x$ | output |
| $\alpha$ | `slope` | any number | factor for numbers that are not above zero: `negative_slope` |
| $\frac{\partial L}{\partial y_i}$ | `grad_y` | shape of $x$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i <$ number of elements | position in that row |

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
"""

from __future__ import annotations

from numbers import Real

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, flat, njit, on, prange
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


# ## The bend
#
# $$y_i = x_i \text{ if } x_i > 0 \text{, else } \alpha \, x_i$$
#
# Both branches keep NaN. The slope arrives as a Python number, and is given the data's type before it is used.
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
# After an operation in place, x is what was written there: the output, which is above zero where the input was.
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
    """LeakyReLU on the tape. x of any shape; y of the same shape, or x itself if it is to be overwritten."""

    @staticmethod
    def forward(ctx, x, negative_slope, inplace):
        if inplace:
            ctx.mark_dirty(x)
        dense = x.contiguous()  # x itself, unless it is a strided view
        y = dense if inplace else x.new_empty(x.shape)
        run = on(x.device, leaky_relu_forward_cpu, leaky_relu_forward_cuda, threads=x.numel())
        run(*flat(dense, y), negative_slope)
        if inplace and y is not x:
            x.data.copy_(y)
            y = x
        ctx.save_for_backward(y if inplace else x)
        ctx.negative_slope, ctx.inplace = negative_slope, inplace
        return y

    @staticmethod
    def backward(ctx, grad_y):
        if ctx.inplace and not ctx.negative_slope >= 0:
            raise RuntimeError(
                f"leaky_relu in place cannot go backward with a negative slope of {ctx.negative_slope}: numbers below "
                "zero were overwritten with numbers above zero, and nothing tells them apart; use inplace=False"
            )
        (x,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(x.shape)
        run = on(x.device, leaky_relu_backward_x_cpu, leaky_relu_backward_x_cuda, threads=x.numel())
        run(*flat(x, grad_y, grad_x), ctx.negative_slope)
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
    if not isinstance(input, Tensor):
        raise TypeError(
            f"leaky_relu(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with "
            "torch.tensor(...) or torch.from_numpy(...)"
        )
    negative_slope = _number(negative_slope)
    if input.dtype not in (float32, float64):
        raise NotImplementedError(
            f"leaky_relu is not implemented for {input.dtype}: convert the input, for example with x.float()"
        )
    return LeakyReluFunction.apply(input, negative_slope, bool(inplace))


def _number(negative_slope):
    """The slope as a float; a tensor without dimensions counts as a number, unless it wants a gradient."""
    if isinstance(negative_slope, complex):
        raise RuntimeError(f"leaky_relu: negative_slope must be a real number, found {negative_slope}")
    number = isinstance(negative_slope, Real)
    if isinstance(negative_slope, Tensor):
        number = negative_slope.dim() == 0 and not negative_slope.requires_grad
    if not number:
        raise TypeError(
            f"leaky_relu(): argument 'negative_slope' must be Number, not {type(negative_slope).__name__}; to learn "
            "the slope, use prelu"
        )
    return float(negative_slope)


def leaky_relu_(input, negative_slope=0.01):
    """`leaky_relu(input, negative_slope, inplace=True)`."""
    return leaky_relu(input, negative_slope, inplace=True)


class LeakyReLU(Module):
    """The leaky rectified linear unit, as a layer. It has no parameters.

    Args:
        negative_slope: factor for elements that are not above zero.
        inplace: overwrite the input, which saves memory where nobody else needs it.

    Shapes: input (*), any shape; output the same. Errors as `leaky_relu`, when the layer is called.
    """

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")
