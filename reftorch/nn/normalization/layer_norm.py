r"""Layer normalization: the features of each sample are brought to mean 0 and variance 1, then to a learned scale and shift.

Each sample is normalized by itself, so training and evaluation are the same, and a batch may have a single sample.

Use it when the features of one sample belong together, as in a Transformer or a recurrent network; for images with
large batches `BatchNorm2d` is usual, for images with small batches `GroupNorm`; `RMSNorm` leaves out the mean.

## Forward

One row of $D$ features:

$$\hat x[d] = r \left( x[d] - \mu \right) \qquad y[d] = W[d] \, \hat x[d] + b[d]$$

where $\mu$ is the mean of the row, and $r$ is one divided by its standard deviation:

$$\mu = \frac{1}{D} \sum_d x[d] \qquad v = \frac{1}{D} \sum_d \left( x[d] - \mu \right)^2 \qquad
r = \frac{1}{\sqrt{v + \varepsilon}}$$

The variance is the biased one, divided by $D$. With many rows each has its own mean and variance, and all share the
scales $W$ and the shifts $b$:

$$y[n, d] = W[d] \, \hat x[n, d] + b[d] \qquad \hat x[n, d] = r[n] \left( x[n, d] - \mu[n] \right)$$

`normalized_shape` says which dimensions are the features: the last ones. They count as one dimension of $D$ elements,
all dimensions before them as one dimension of $N$ rows.

## Gradients

A scale and a shift are used in every row, so their gradients are sums over the rows:

$$\frac{\partial L}{\partial W}[d] = \sum_n \frac{\partial L}{\partial y}[n, d] \, \hat x[n, d] \qquad
\frac{\partial L}{\partial b}[d] = \sum_n \frac{\partial L}{\partial y}[n, d]$$

Let $h$ be the gradient of the normalized row:

$$h[n, d] = \frac{\partial L}{\partial \hat x}[n, d] = \frac{\partial L}{\partial y}[n, d] \, W[d]$$

An element of $x$ changes its own $\hat x$, with the derivative $r$. It also changes the mean, with the derivative $1 / D$, and
the variance, with the derivative $2 (x[n, d] - \mu[n]) / D$, and through these two every $\hat x$ of its row:

$$\frac{\partial \hat x[n, e]}{\partial x[n, d]} =
r[n] \left( [d = e] - \frac{1}{D} - \frac{1}{D} \, \hat x[n, d] \, \hat x[n, e] \right)$$

The chain rule multiplies this by $h[n, e]$ and sums over $e$. The sum contains two means over the row:

$$\frac{\partial L}{\partial x}[n, d] = r[n] \left( h[n, d] - \bar h[n] - \hat x[n, d] \, \overline{h \hat x}[n] \right)
\qquad \bar h[n] = \frac{1}{D} \sum_e h[n, e]
\qquad \overline{h \hat x}[n] = \frac{1}{D} \sum_e h[n, e] \, \hat x[n, e]$$

The scale $W$ is inside these means, since it differs from feature to feature.

## Cost

About 8 operations per element in forward and 18 in backward. A row usually fits into the cache, so forward reads $x$ and writes
$y$ once: 8 bytes per element in float32. Backward reads $x$ and the gradient of $y$ twice, once for the rows and once for the
sums over the rows, and writes the gradient of $x$: 20 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, D)$ | input, one row per sample |
| $W$ | `weight` | $(D)$ | weight: scale of each feature; 1 if there is none |
| $b$ | `bias` | $(D)$ | bias: shift of each feature; 0 if there is none |
| $y$ | `y` | $(N, D)$ | output |
| $\mu$ | `mean` | $(N)$ | mean of each row |
| $v$ | `var` | $\ge 0$ | variance of a row; biased |
| $r$ | `rstd` | $(N)$ | one divided by the standard deviation of each row |
| $\varepsilon$ | `eps` | $> 0$ | keeps the root away from 0 |
| $\hat x$ | `x_hat` | $(N, D)$ | normalized input |
| $h$ | `h` | $(N, D)$ | gradient of the loss for $\hat x$ |
| $\bar h$ | `h_mean` | $(N)$ | mean of $h$ over the row |
| $\overline{h \hat x}$ | `h_x_hat_mean` | $(N)$ | mean of $h \, \hat x$ over the row |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(D)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(D)$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | row |
| $d$ | `d` | $0 \le d < D$ | feature |

## Worked example

Two rows of four features, with means 3 and 8. Both have the variance $12 / 4 = 3$. With $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2,
so $\hat x$ is -1.5 for one feature of each row and 0.5 for the other three:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[0., 4, 4, 4],
...                   [9, 9, 9, 5]], requires_grad=True)
>>> weight = torch.tensor([2., 2, 4, 10], requires_grad=True)
>>> bias = torch.tensor([1., 0, 0, 0], requires_grad=True)
>>> y = F.layer_norm(x, (4,), weight, bias, eps=1)
>>> y
tensor([[ -2.,   1.,   2.,   5.],
        [  2.,   1.,   2., -15.]], grad_fn=<NativeLayerNormBackward0>)

Only the first output of the first row has an upstream gradient other than 0. All inputs of this row get a gradient, and no input
of the other row:

>>> y.backward(torch.tensor([[8., 0, 0, 0],
...                          [0, 0, 0, 0]]))
>>> x.grad
tensor([[ 1.5000, -0.5000, -0.5000, -0.5000],
        [ 0.0000,  0.0000,  0.0000,  0.0000]])
>>> weight.grad, bias.grad
(tensor([-12.,   0.,   0.,   0.]), tensor([8., 0., 0., 0.]))

## Questions

**What changes if every element of a row is multiplied by 10?**

Mean and standard deviation grow by the same factor, so only $\varepsilon$, which does not grow, makes a difference. With
the usual $\varepsilon = 0.00001$ nearly nothing changes; here is what happens with $\varepsilon = 1$:

>>> row = torch.tensor([[0., 4, 4, 4]])
>>> F.layer_norm(row, (4,), eps=1)
tensor([[-1.5000,  0.5000,  0.5000,  0.5000]])
>>> F.layer_norm(10 * row, (4,), eps=1)
tensor([[-1.7292,  0.5764,  0.5764,  0.5764]])

**Why does the gradient of each row of x sum to 0?**

A shift of the whole row changes the mean by the same amount, so it changes no output. The derivative in that direction,
which is the sum of the gradient, is 0.

**What is the output if all features of a row are equal, or if there is only one?**

The bias: $x - \mu$ is 0, and 0 divided by the root of $\varepsilon$ is 0.

>>> F.layer_norm(torch.tensor([[7.], [-1.]]), (1,), bias=torch.tensor([5.]))
tensor([[5.],
        [5.]])

**How many means are there for an input of shape (2, 3, 4) and normalized_shape (3, 4)?**

Two: one for each index of the dimensions before the features. With normalized_shape (4) there are six.

## Differences

PyTorch multiplies before it subtracts, $y = W (r \, x - r \, \mu) + b$, and loses digits where the mean is large. Here a
constant row becomes the bias exactly.
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, flat, njit, on, prange
from reftorch.nn.arguments import check_tensors, filled, number
from reftorch.nn.init import ones_, zeros_
from reftorch.nn.module import Module
from reftorch.nn.normalization.normalized_shape import check_normalized_shape
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty


# ## The output
#
# $$y[n, d] = W[d] \, r[n] \left( x[n, d] - \mu[n] \right) + b[d]$$
#
# In three passes over the row: its mean, its variance, its output. The variance is not computed from the mean of the squares,
# because that form loses digits where the mean is large. The CPU adds up both sums in float64, and takes the root in float64: a
# division by the root of a float32 is compiled to an approximation, which is NaN for infinity.
@njit(**PARALLEL)
def layer_norm_forward_cpu(x, weight, bias, mean, rstd, y, eps):
    N, D = x.shape
    for n in prange(N):
        count = x.dtype.type(D)
        acc = np.float64(0)
        for d in range(D):
            acc += x[n, d]
        mean[n] = acc / count
        squares = np.float64(0)
        for d in range(D):
            difference = x[n, d] - mean[n]
            squares += difference * difference
        var = x.dtype.type(squares / count)
        rstd[n] = x.dtype.type(1) / math.sqrt(np.float64(var + x.dtype.type(eps)))
        for d in range(D):
            x_hat = rstd[n] * (x[n, d] - mean[n])
            y[n, d] = weight[d] * x_hat + bias[d]


@cuda.jit
def layer_norm_forward_cuda(x, weight, bias, mean, rstd, y, eps):
    N, D = x.shape
    n = cuda.grid(1)
    if n >= N:
        return
    count = x.dtype.type(D)
    acc = x.dtype.type(0)
    for d in range(D):
        acc += x[n, d]
    mean[n] = acc / count
    squares = x.dtype.type(0)
    for d in range(D):
        difference = x[n, d] - mean[n]
        squares += difference * difference
    var = x.dtype.type(squares / count)
    rstd[n] = x.dtype.type(1) / math.sqrt(x.dtype.type(var + x.dtype.type(eps)))
    for d in range(D):
        x_hat = rstd[n] * (x[n, d] - mean[n])
        y[n, d] = weight[d] * x_hat + bias[d]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, d] = r[n] \left( h[n, d] - \bar h[n] - \hat x[n, d] \, \overline{h \hat x}[n] \right)
# \qquad h[n, d] = \frac{\partial L}{\partial y}[n, d] \, W[d]$$
@njit(**PARALLEL)
def layer_norm_backward_x_cpu(grad_y, x, mean, rstd, weight, grad_x):
    N, D = x.shape
    for n in prange(N):
        count = x.dtype.type(D)
        h_acc = np.float64(0)
        h_x_hat_acc = np.float64(0)
        for d in range(D):
            h = grad_y[n, d] * weight[d]
            x_hat = rstd[n] * (x[n, d] - mean[n])
            h_acc += h
            h_x_hat_acc += h * x_hat
        h_mean = x.dtype.type(h_acc / count)
        h_x_hat_mean = x.dtype.type(h_x_hat_acc / count)
        for d in range(D):
            h = grad_y[n, d] * weight[d]
            x_hat = rstd[n] * (x[n, d] - mean[n])
            grad_x[n, d] = rstd[n] * (h - h_mean - x_hat * h_x_hat_mean)


@cuda.jit
def layer_norm_backward_x_cuda(grad_y, x, mean, rstd, weight, grad_x):
    N, D = x.shape
    n = cuda.grid(1)
    if n >= N:
        return
    count = x.dtype.type(D)
    h_acc = x.dtype.type(0)
    h_x_hat_acc = x.dtype.type(0)
    for d in range(D):
        h = grad_y[n, d] * weight[d]
        x_hat = rstd[n] * (x[n, d] - mean[n])
        h_acc += h
        h_x_hat_acc += h * x_hat
    h_mean = x.dtype.type(h_acc / count)
    h_x_hat_mean = x.dtype.type(h_x_hat_acc / count)
    for d in range(D):
        h = grad_y[n, d] * weight[d]
        x_hat = rstd[n] * (x[n, d] - mean[n])
        grad_x[n, d] = rstd[n] * (h - h_mean - x_hat * h_x_hat_mean)


# ## The gradients of the scale and of the shift
#
# $$\frac{\partial L}{\partial W}[d] = \sum_n \frac{\partial L}{\partial y}[n, d] \, \hat x[n, d] \qquad
# \frac{\partial L}{\partial b}[d] = \sum_n \frac{\partial L}{\partial y}[n, d]$$
#
# Sums over the rows, which may be many, so the CPU adds them up in float64.
@njit(**PARALLEL)
def layer_norm_backward_affine_cpu(grad_y, x, mean, rstd, grad_weight, grad_bias):
    N, D = x.shape
    for d in prange(D):
        weight_acc = np.float64(0)
        bias_acc = np.float64(0)
        for n in range(N):
            x_hat = rstd[n] * (x[n, d] - mean[n])
            weight_acc += grad_y[n, d] * x_hat
            bias_acc += grad_y[n, d]
        grad_weight[d] = weight_acc
        grad_bias[d] = bias_acc


@cuda.jit
def layer_norm_backward_affine_cuda(grad_y, x, mean, rstd, grad_weight, grad_bias):
    N, D = x.shape
    d = cuda.grid(1)
    if d >= D:
        return
    weight_acc = x.dtype.type(0)
    bias_acc = x.dtype.type(0)
    for n in range(N):
        x_hat = rstd[n] * (x[n, d] - mean[n])
        weight_acc += grad_y[n, d] * x_hat
        bias_acc += grad_y[n, d]
    grad_weight[d] = weight_acc
    grad_bias[d] = bias_acc


class LayerNormFunction(Function):
    """Layer normalization on the tape. x (*, *features): N rows of D elements; weight and bias of shape features, or None."""

    torch_name = "NativeLayerNormBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, features, N, D, eps):
        mean, rstd = x.new_empty(N), x.new_empty(N)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.features, ctx.extents = features, (N, D)
        y = x.new_empty(x.shape)
        if x.numel() == 0:
            return y
        weight = filled(x, D, 1) if weight is None else weight
        bias = filled(x, D, 0) if bias is None else bias
        run = on(x.device, layer_norm_forward_cpu, layer_norm_forward_cuda, N, fast.layer_norm_forward)
        dense, scale, shift, means, rstds, out = arrays(x, weight, bias, mean, rstd, y)
        run(dense.reshape(N, D), scale.reshape(D), shift.reshape(D), means, rstds, out.reshape(N, D), eps)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, mean, rstd = ctx.saved_tensors
        N, D = ctx.extents
        want_x, want_weight, want_bias = ctx.needs_input_grad[:3]
        grad, dense, *moments = arrays(grad_y, x, mean, rstd)
        grad_rows, rows = grad.reshape(N, D), dense.reshape(N, D)
        grad_x = grad_weight = grad_bias = None
        if want_x:
            grad_x = x.new_empty(x.shape)
            scale, result = flat(filled(x, D, 1) if weight is None else weight, grad_x)
            run = on(x.device, layer_norm_backward_x_cpu, layer_norm_backward_x_cuda, N, fast.layer_norm_backward_x)
            run(grad_rows, rows, *moments, scale, result.reshape(N, D))
        if want_weight or want_bias:
            grad_weight, grad_bias = x.new_empty(ctx.features), x.new_empty(ctx.features)
            run = on(
                x.device,
                layer_norm_backward_affine_cpu,
                layer_norm_backward_affine_cuda,
                D,
                fast.layer_norm_backward_affine,
            )
            run(grad_rows, rows, *moments, *flat(grad_weight, grad_bias))
        gradients = grad_x, grad_weight if want_weight else None, grad_bias if want_bias else None
        return *gradients, None, None, None, None


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Bring the features of each sample to mean 0 and variance 1, then multiply by `weight` and add `bias`.

    Shapes: `input` (*, *normalized_shape), and the result too; `weight` and `bias` normalized_shape or None.

    Raises:
        RuntimeError: the last dimensions of the input are not `normalized_shape`, or it is empty; shapes or dtypes do not fit.
        NotImplementedError: the input is not float32 or float64.
        TypeError: an argument has the wrong type.
    """
    check_tensors("layer_norm", input=input, weight=weight, bias=bias)
    shape = check_normalized_shape("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    eps = number("layer_norm", "eps", eps)
    N, D = math.prod(input.shape[: input.ndim - len(shape)]), math.prod(shape)
    return LayerNormFunction.apply(input, weight, bias, shape, N, D, eps)


class LayerNorm(Module):
    """Layer normalization, as a layer.

    Args:
        normalized_shape: the last dimensions of the input, over which mean and variance are taken; an int for one dimension.
        eps: added to the variance.
        elementwise_affine: whether each feature has a learned scale and shift.
        bias: whether there is a shift, if `elementwise_affine`.

    Attributes: `weight`, ones, and `bias`, zeros, both of shape normalized_shape. A parameter that the layer does not have is None.

    Shapes: input (*, *normalized_shape); output the same. Errors as `layer_norm`, when the layer is called.
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        super().__init__()
        if isinstance(normalized_shape, Integral):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            value = Parameter(empty(self.normalized_shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self):
        """Set each weight to 1 and each bias to 0."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)

    def forward(self, input):
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )
