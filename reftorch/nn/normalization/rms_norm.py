r"""RMS normalization: the features of each sample are divided by their root mean square, then multiplied by a learned scale.

It is layer normalization without the mean and without the shift. Training and evaluation are the same.

Use it when the features of one sample belong together, as in the larger language models; it takes fewer operations than
`LayerNorm`, and the networks are usually as good.

## Forward

One row of $D$ features; $r$ is one divided by the root of the mean of the squares:

$$\hat x[d] = r \, x[d] \qquad y[d] = W[d] \, \hat x[d] \qquad
r = \frac{1}{\sqrt{\frac{1}{D} \sum_d x[d]^2 + \varepsilon}}$$

With many rows each has its own $r$, and all share the scales $W$:

$$y[n, d] = W[d] \, \hat x[n, d] \qquad \hat x[n, d] = r[n] \, x[n, d]$$

`normalized_shape` says which dimensions are the features: the last ones. They count as one dimension of $D$ elements, all
dimensions before them as one dimension of $N$ rows.

## Gradients

A scale is used in every row, so its gradient is a sum over the rows:

$$\frac{\partial L}{\partial W}[d] = \sum_n \frac{\partial L}{\partial y}[n, d] \, \hat x[n, d]$$

Let $h[n, d] = \frac{\partial L}{\partial y}[n, d] \, W[d]$ be the gradient of the normalized row. An element of $x$ changes its
own $\hat x$, with the derivative $r$. It also changes $r$, since
$\frac{\partial r}{\partial x[d]} = -r^3 \, x[d] / D = -r^2 \, \hat x[d] / D$, and through $r$ every $\hat x$ of its row. The
chain rule sums over them, and the sum contains a mean over the row:

$$\frac{\partial L}{\partial x}[n, d] = r[n] \left( h[n, d] - \hat x[n, d] \, \overline{h \hat x}[n] \right) \qquad
\overline{h \hat x}[n] = \frac{1}{D} \sum_e h[n, e] \, \hat x[n, e]$$

## Cost

About 4 operations per element in forward and 12 in backward. In float32 forward reads $x$ and writes $y$: 8 bytes per element, if
a row fits into the cache; backward reads $x$ and the gradient of $y$ twice and writes that of $x$: 20 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, D)$ | input, one row per sample |
| $W$ | `weight` | $(D)$ | weight: scale of each feature; 1 if there is none |
| $y$ | `y` | $(N, D)$ | output |
| $r$ | `rms` | $(N)$ | one divided by the root mean square of each row |
| $\varepsilon$ | `eps` | $> 0$ | keeps the root away from 0 |
| $\hat x$ | `x_hat` | $(N, D)$ | normalized input |
| $h$ | `h` | $(N, D)$ | gradient of the loss for $\hat x$ |
| $\overline{h \hat x}$ | `h_x_hat_mean` | $(N)$ | mean of $h \, \hat x$ over the row |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(D)$ | gradient of the loss for $W$ |
| $n$ | `n` | $0 \le n < N$ | row |
| $d$ | `d` | $0 \le d < D$ | feature |

## Worked example

Two rows. The means of their squares are 4 and 16, so with $\varepsilon = 0$ they are divided by 2 and by 4:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[4., 0, 0, 0],
...                   [4, 4, 4, 4]], requires_grad=True)
>>> weight = torch.tensor([1., 1, 1, 10], requires_grad=True)
>>> y = F.rms_norm(x, (4,), weight, eps=0)
>>> y
tensor([[ 2.,  0.,  0.,  0.],
        [ 1.,  1.,  1., 10.]], grad_fn=<RMSNormBackward0>)
>>> y.backward(torch.tensor([[8., 8, 0, 0],
...                          [8, 0, 0, 0]]))

In the first row only the first element is not 0. Its output is 2 for every positive value, so its gradient is 0:

>>> x.grad
tensor([[ 0.0000,  4.0000,  0.0000,  0.0000],
        [ 1.5000, -0.5000, -0.5000, -0.5000]])
>>> weight.grad
tensor([24.,  0.,  0.,  0.])

## Questions

**What changes if every element of a row is multiplied by 10? And if 10 is added to every element?**

A factor of 10 changes nothing, except for the effect of $\varepsilon$. Adding 10 changes the output, unlike in layer
normalization.

**What is the mean of the squares of a row of the output, if there is no weight?**

1, except for the effect of $\varepsilon$.

>>> row = F.rms_norm(torch.tensor([3., 4, 12]), (3,))
>>> row.square().mean()
tensor(1.)

**What is $\varepsilon$ if `eps` is None?**

The machine epsilon of the input's dtype, the difference between 1 and the next larger number.

>>> torch.finfo(torch.float32).eps
1.1920928955078125e-07
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.init import ones_
from reftorch.nn.module import Module
from reftorch.nn.normalization.normalized_shape import check_normalized_shape
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty
from reftorch.tensor import Tensor
from reftorch.types import finfo


# ## The output
#
# $$y[n, d] = W[d] \, r[n] \, x[n, d]$$
#
# The CPU adds up the squares in float64, and takes the root in float64: a division by the root of a float32 is compiled to an
# approximation, which is NaN for infinity.
@njit(**PARALLEL)
def rms_norm_forward_cpu(x, weight, rms, y, eps):
    N, D = x.shape
    for n in prange(N):
        squares = np.float64(0)
        for d in range(D):
            squares += x[n, d] * x[n, d]
        mean = x.dtype.type(squares / x.dtype.type(D))
        rms[n] = x.dtype.type(1) / math.sqrt(np.float64(mean + x.dtype.type(eps)))
        for d in range(D):
            x_hat = rms[n] * x[n, d]
            y[n, d] = weight[d] * x_hat


@cuda.jit
def rms_norm_forward_cuda(x, weight, rms, y, eps):
    N, D = x.shape
    n = cuda.grid(1)
    if n >= N:
        return
    squares = x.dtype.type(0)
    for d in range(D):
        squares += x[n, d] * x[n, d]
    mean = x.dtype.type(squares / x.dtype.type(D))
    rms[n] = x.dtype.type(1) / math.sqrt(x.dtype.type(mean + x.dtype.type(eps)))
    for d in range(D):
        x_hat = rms[n] * x[n, d]
        y[n, d] = weight[d] * x_hat


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, d] = r[n] \left( h[n, d] - \hat x[n, d] \, \overline{h \hat x}[n] \right)
# \qquad h[n, d] = \frac{\partial L}{\partial y}[n, d] \, W[d]$$
@njit(**PARALLEL)
def rms_norm_backward_x_cpu(grad_y, x, rms, weight, grad_x):
    N, D = x.shape
    for n in prange(N):
        h_x_hat_acc = np.float64(0)
        for d in range(D):
            h = grad_y[n, d] * weight[d]
            x_hat = rms[n] * x[n, d]
            h_x_hat_acc += h * x_hat
        h_x_hat_mean = x.dtype.type(h_x_hat_acc / x.dtype.type(D))
        for d in range(D):
            h = grad_y[n, d] * weight[d]
            x_hat = rms[n] * x[n, d]
            grad_x[n, d] = rms[n] * (h - x_hat * h_x_hat_mean)


@cuda.jit
def rms_norm_backward_x_cuda(grad_y, x, rms, weight, grad_x):
    N, D = x.shape
    n = cuda.grid(1)
    if n >= N:
        return
    h_x_hat_acc = x.dtype.type(0)
    for d in range(D):
        h = grad_y[n, d] * weight[d]
        x_hat = rms[n] * x[n, d]
        h_x_hat_acc += h * x_hat
    h_x_hat_mean = x.dtype.type(h_x_hat_acc / x.dtype.type(D))
    for d in range(D):
        h = grad_y[n, d] * weight[d]
        x_hat = rms[n] * x[n, d]
        grad_x[n, d] = rms[n] * (h - x_hat * h_x_hat_mean)


# ## The gradient of the scale
#
# $$\frac{\partial L}{\partial W}[d] = \sum_n \frac{\partial L}{\partial y}[n, d] \, \hat x[n, d]$$
#
# A sum over the rows, which may be many, so the CPU adds it up in float64.
@njit(**PARALLEL)
def rms_norm_backward_weight_cpu(grad_y, x, rms, grad_weight):
    N, D = x.shape
    for d in prange(D):
        acc = np.float64(0)
        for n in range(N):
            x_hat = rms[n] * x[n, d]
            acc += grad_y[n, d] * x_hat
        grad_weight[d] = acc


@cuda.jit
def rms_norm_backward_weight_cuda(grad_y, x, rms, grad_weight):
    N, D = x.shape
    d = cuda.grid(1)
    if d >= D:
        return
    acc = x.dtype.type(0)
    for n in range(N):
        x_hat = rms[n] * x[n, d]
        acc += grad_y[n, d] * x_hat
    grad_weight[d] = acc


class RMSNormFunction(Function):
    """RMS normalization on the tape. x (*, features), weight (features) or None; N rows of D features."""

    @staticmethod
    def forward(ctx, x, weight, N, D, eps):
        rms = x.new_empty(N)
        ctx.save_for_backward(x, weight, rms)
        ctx.extents = N, D
        y = x.new_empty(x.shape)
        if x.numel() > 0:
            (scale,) = shaped(D, x.new_ones(D) if weight is None else weight)
            run = on(x.device, rms_norm_forward_cpu, rms_norm_forward_cuda, threads=N)
            rows, out = shaped((N, D), x, y)
            run(rows, scale, *arrays(rms), out, eps)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, rms = ctx.saved_tensors
        N, D = ctx.extents
        grad_rows, rows = shaped((N, D), grad_y, x)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            (scale,) = shaped(D, x.new_ones(D) if weight is None else weight)
            run = on(x.device, rms_norm_backward_x_cpu, rms_norm_backward_x_cuda, threads=N)
            run(grad_rows, rows, *arrays(rms), scale, *shaped((N, D), grad_x))
        if ctx.needs_input_grad[1]:
            grad_weight = weight.new_empty(weight.shape)
            run = on(x.device, rms_norm_backward_weight_cpu, rms_norm_backward_weight_cuda, threads=D)
            run(grad_rows, rows, *arrays(rms), *shaped(D, grad_weight))
        return grad_x, grad_weight, None, None, None


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Divide the features of each sample by their root mean square, then multiply by `weight`.

    Shapes: `input` (*, *normalized_shape), and the result too; `weight` normalized_shape or None.

    Raises:
        RuntimeError: the last dimensions of the input are not `normalized_shape`, or it is empty; shapes or dtypes do not fit.
        ValueError: the input has no dimensions.
        NotImplementedError: the input is not float32 or float64.
        TypeError: an argument has the wrong type.
    """
    if isinstance(input, Tensor) and input.ndim == 0:
        raise ValueError("rms_norm: input tensor must have at least 1 dimensions, but got 0")
    check_tensors("rms_norm", input=input)
    if isinstance(weight, Tensor) and weight.dtype is not input.dtype and not weight.dtype.is_complex:
        weight = weight.to(input.dtype)  # only this normalization takes a scale of another dtype in PyTorch
    check_tensors("rms_norm", input=input, weight=weight)
    shape = check_normalized_shape("rms_norm", input, normalized_shape, weight=weight)
    eps = finfo(input.dtype).eps if eps is None else number("rms_norm", "eps", eps)
    N, D = math.prod(input.shape[: input.ndim - len(shape)]), math.prod(shape)
    return RMSNormFunction.apply(input, weight, N, D, eps)


class RMSNorm(Module):
    """RMS normalization, as a layer.

    Args:
        normalized_shape: the last dimensions of the input, which are normalized together; an int for one dimension.
        eps: added to the mean of the squares; None for the machine epsilon of the input's dtype.
        elementwise_affine: whether each feature has a learned scale.

    Attributes: `weight`, ones, of shape normalized_shape, or None.

    Shapes: input (*, *normalized_shape); output the same. Errors as `rms_norm`, when the layer is called.
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__()
        if isinstance(normalized_shape, Integral):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        value = Parameter(empty(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", value)
        self.reset_parameters()

    def reset_parameters(self):
        """Set each weight to 1."""
        if self.weight is not None:
            ones_(self.weight)

    def forward(self, x):
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
