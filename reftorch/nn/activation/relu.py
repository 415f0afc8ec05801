r"""The rectified linear unit: negative elements become zero, all others stay.

Without a nonlinearity between them two linear layers equal one linear layer. This one costs a comparison per element, and its
derivative is 1 wherever the element is above zero.

Use it when there is no reason to choose another activation; `leaky_relu` and `elu` have a gradient below zero, `gelu` and `silu` are
smooth.

## Forward

One element: $3$ stays $3$, and $-2$ becomes $0$. For every element $i$:

$$y_i = \max(0, x_i)$$

NaN stays NaN: it is not less than zero.

## Gradients

$y_i$ depends on $x_i$ only. Its derivative is 1 above zero and 0 below, so the chain rule gives

$$\frac{\partial L}{\partial x_i} =
\begin{cases} \frac{\partial L}{\partial y_i} & \text{if } y_i > 0 \\ 0 & \text{if } y_i \le 0 \end{cases}$$

At $x_i = 0$ the function has no derivative; the value in use is 0. The formula needs only $y$, never $x$, so the operation may
overwrite its input. Where $y_i$ is NaN, the gradient passes.

## Cost

One comparison per element. Forward reads $x$ and writes $y$: 8 bytes per element in float32; backward reads $y$ and its
gradient and writes that of $x$: 12 bytes. In place no memory is needed for $y$.

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
>>> x = torch.tensor([-2., 0, 3, float("nan")], requires_grad=True)
>>> y = F.relu(x)
>>> y
tensor([0., 0., 3., nan], grad_fn=<ReluBackward0>)
>>> y.backward(torch.tensor([10., 20, 30, 40]))
>>> x.grad
tensor([ 0.,  0., 30., 40.])

In place, the tensor itself changes:

>>> x = torch.tensor([-2., 0, 3])
>>> F.relu_(x) is x
True
>>> x
tensor([0., 0., 3.])

## Questions

**Which elements get no gradient?**

Those at or below zero. A unit that is below zero for every sample gets none at all, and its weights do not change.

**Why does backward read the output and not the input?**

$y_i > 0$ holds exactly where $x_i > 0$, so the output is enough, and the input may be overwritten.

**What is the slope at zero?**

There is no derivative at zero. The value in use is 0:

>>> x = torch.tensor(0., requires_grad=True)
>>> F.relu(x).backward()
>>> x.grad
tensor(0.)
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, flat, njit, on, prange
from reftorch.nn.module import Module
from reftorch.tensor import Tensor
from reftorch.types import bfloat16, float16
from reftorch.types import bool as bool_


# ## The output
#
# $$y_i = \max(0, x_i)$$
#
# The condition is $x_i < 0$ and not $x_i \ge 0$: every comparison with NaN is false, so NaN is kept.
@njit(**PARALLEL)
def relu_forward_cpu(x, y):
    for i in prange(x.size):
        zero = x.dtype.type(0)
        y[i] = zero if x[i] < zero else x[i]


@cuda.jit
def relu_forward_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    zero = x.dtype.type(0)
    y[i] = zero if x[i] < zero else x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \text{ if } y_i > 0 \text{, else } 0$$
#
# The condition is $y_i \le 0$ and not $y_i > 0$, so that the gradient passes where $y_i$ is NaN. The kernel selects one of
# two values: a product with 0 or 1 would be NaN where the gradient is infinite.
@njit(**PARALLEL)
def relu_backward_x_cpu(y, grad_y, grad_x):
    for i in prange(y.size):
        zero = y.dtype.type(0)
        grad_x[i] = zero if y[i] <= zero else grad_y[i]


@cuda.jit
def relu_backward_x_cuda(y, grad_y, grad_x):
    i = cuda.grid(1)
    if i >= y.size:
        return
    zero = y.dtype.type(0)
    grad_x[i] = zero if y[i] <= zero else grad_y[i]


class ReluFunction(Function):
    """ReLU on the tape. x of any shape; y of the same shape, or x itself if in place."""

    @staticmethod
    def forward(ctx, x, inplace):
        if inplace:
            ctx.mark_dirty(x)
        dense = x.contiguous()  # x itself, unless it is a strided view
        y = dense if inplace else x.new_empty(x.shape)
        run = on(x.device, relu_forward_cpu, relu_forward_cuda, threads=x.numel())
        run(*flat(dense, y))
        if inplace and y is not x:
            x.data.copy_(y)
            y = x
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        grad_x = grad_y.new_empty(y.shape)
        run = on(y.device, relu_backward_x_cpu, relu_backward_x_cuda, threads=y.numel())
        run(*flat(y, grad_y, grad_x))
        return grad_x, None


def relu(input, inplace=False):
    """Negative elements become zero. Any shape; the result has the same, or is `input` itself, changed, if `inplace`.

    Raises:
        TypeError: `input` is not a tensor.
        RuntimeError: bool input; in place on a leaf that requires grad, or on elements that share memory.
        NotImplementedError: the dtype has no order (complex) or no kernel (float16, bfloat16).
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"relu(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with torch.tensor(...) "
            "or torch.from_numpy(...)"
        )
    if input.dtype is bool_:
        raise RuntimeError("relu of torch.bool: no bool is negative; to count with bools, convert with x.float()")
    if input.dtype.is_complex or input.dtype in (float16, bfloat16):
        raise NotImplementedError(
            f"relu is not implemented for {input.dtype}: convert the input, for example with x.float() or x.real"
        )
    return ReluFunction.apply(input, bool(inplace))


def relu_(input):
    """`relu(input, inplace=True)`."""
    return relu(input, inplace=True)


class ReLU(Module):
    """The rectified linear unit, as a layer: negative elements become zero. It has no parameters.

    Args:
        inplace: overwrite the input; this saves memory if the input is not needed afterwards.

    Shapes: input (*), any shape; output the same.
    """

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return relu(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""
