r"""Group normalization: the channels of a sample are divided into groups, and each group is brought to mean 0 and variance 1.

Then each channel gets a learned scale and shift. Each sample is normalized by itself, so training and evaluation are the same.

Use it when images are large and batches therefore small, as in detection and segmentation; with large batches `BatchNorm2d`
is usual. One group is layer normalization of a whole image, one group per channel is instance normalization.

## Forward

One group of one sample, of $M$ elements:

$$\hat x = r \left( x - \mu \right) \qquad
\mu = \frac{1}{M} \sum x \qquad v = \frac{1}{M} \sum \left( x - \mu \right)^2 \qquad r = \frac{1}{\sqrt{v + \varepsilon}}$$

In general sample $n$ has $C$ channels of $D$ elements. With $G$ groups, group $g$ consists of $K = C / G$ consecutive channels,
from $c = g K$ to $c = g K + K - 1$, and $M = K D$:

$$\mu[n, g] = \frac{1}{M} \sum_{k, d} x[n, g K + k, d] \qquad
v[n, g] = \frac{1}{M} \sum_{k, d} \left( x[n, g K + k, d] - \mu[n, g] \right)^2$$

$$y[n, c, d] = W[c] \, \hat x[n, c, d] + b[c] \qquad \hat x[n, c, d] = r[n, g] \left( x[n, c, d] - \mu[n, g] \right)$$

Each group has its own statistics, and each channel its own scale and shift.

## Gradients

A scale and a shift are used in every sample and at every position of their channel, so their gradients are sums:

$$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
\frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$

Let $h$ be the gradient of the normalized input:

$$h[n, c, d] = \frac{\partial L}{\partial \hat x}[n, c, d] = \frac{\partial L}{\partial y}[n, c, d] \, W[c]$$

An element of $x$ changes its own $\hat x$, with the derivative $r$. It also changes the mean of its group, with the derivative
$1 / M$, and the variance, with the derivative $2 (x - \mu) / M$, and through these two every $\hat x$ of the group. As in layer
normalization, the sum over the group contains two means:

$$\frac{\partial L}{\partial x}[n, c, d] =
r[n, g] \left( h[n, c, d] - \bar h[n, g] - \hat x[n, c, d] \, \overline{h \hat x}[n, g] \right)$$

$$\bar h[n, g] = \frac{1}{M} \sum_{k, d} h[n, g K + k, d] \qquad
\overline{h \hat x}[n, g] = \frac{1}{M} \sum_{k, d} h[n, g K + k, d] \, \hat x[n, g K + k, d]$$

## Cost

About 8 operations per element in forward and 18 in backward. Forward reads $x$ up to three times and writes $y$: 16 bytes per
element in float32, 8 if a group fits into the cache. Backward reads $x$ and the gradient of $y$ up to three times and writes that
of $x$.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $W$ | `weight` | $(C)$ | weight: scale of each channel; 1 if there is none |
| $b$ | `bias` | $(C)$ | bias: shift of each channel; 0 if there is none |
| $y$ | `y` | $(N, C, D)$ | output |
| $\mu$ | `mean` | $(N, G)$ | mean of each group |
| $v$ | `var` | $\ge 0$ | variance of a group; biased |
| $r$ | `rstd` | $(N, G)$ | one divided by the standard deviation of each group |
| $\varepsilon$ | `eps` | $> 0$ | keeps the root away from 0 |
| $\hat x$ | `x_hat` | $(N, C, D)$ | normalized input |
| $h$ | `h` | $(N, C, D)$ | gradient of the loss for $\hat x$ |
| $\bar h$ | `h_mean` | $(N, G)$ | mean of $h$ over the group |
| $\overline{h \hat x}$ | `h_x_hat_mean` | $(N, G)$ | mean of $h \, \hat x$ over the group |
| $M$ | `count` | $K D$ | elements of a group |
| $K$ | `K` | $C / G$ | channels of a group |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C)$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $g$ | `g` | $0 \le g < G$ | group |
| $c$ | `c` | $0 \le c < C$ | channel |
| $k$ | `k` | $0 \le k < K$ | channel inside its group |
| $d$ | `d` | $0 \le d < D$ | position inside the channel |

## Worked example

One sample of four channels with two elements each, in two groups. The means of the groups are 3 and 8, both variances
$12 / 4 = 3$. With $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[0., 4],
...                    [4, 4],
...                    [9, 9],
...                    [9, 5]]], requires_grad=True)
>>> weight = torch.tensor([2., 4, 2, 10], requires_grad=True)
>>> y = F.group_norm(x, 2, weight, eps=1)
>>> y
tensor([[[ -3.,   1.],
         [  2.,   2.],
         [  1.,   1.],
         [  5., -15.]]], grad_fn=<NativeGroupNormBackward0>)

The gradient of one output reaches all inputs of its group, also those of the other channel, and no input of the other group:

>>> y.backward(torch.tensor([[[8., 0],
...                           [0, 0],
...                           [0, 0],
...                           [0, 0]]]))
>>> x.grad
tensor([[[ 1.5000, -0.5000],
         [-0.5000, -0.5000],
         [ 0.0000,  0.0000],
         [ 0.0000,  0.0000]]])
>>> weight.grad
tensor([-12.,   0.,   0.,   0.])

## Questions

**An input of shape (8, 32, 10, 10) is normalized with 4 groups. How many means are there, over how many elements each?**

>>> 8 * 4, 32 // 4 * 10 * 10
(32, 800)

**How many learned parameters does GroupNorm(4, 32) have?**

A scale and a shift per channel, not per group.

>>> sum(p.numel() for p in torch.nn.GroupNorm(4, 32).parameters())
64

**Does the output for one image depend on the other images of the batch?**

No. This is the difference from batch normalization, and the reason why there are no running statistics.

**Are channels 0 and 2 in the same group, for 4 channels and 2 groups?**

No, the channels of a group are consecutive: 0 and 1, then 2 and 3.

## Differences

PyTorch multiplies before it subtracts, $y = (W r) x + (b - W r \mu)$, and loses digits where the mean is large. Here a constant
group becomes the bias exactly. For an input without elements the gradient of the weight is 0; in PyTorch it can be NaN.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.init import ones_, zeros_
from reftorch.nn.module import Module
from reftorch.nn.parameter import Parameter
from reftorch.ops import empty


# ## The output
#
# $$y[n, c, d] = W[c] \, r[n, g] \left( x[n, c, d] - \mu[n, g] \right) + b[c]$$
#
# In three passes over the group: its mean, its variance, its output. The CPU adds up both sums in float64, and takes the root in
# float64: a division by the root of a float32 is compiled to an approximation, which is NaN for infinity.
@njit(**PARALLEL)
def group_norm_forward_cpu(x, weight, bias, mean, rstd, y, eps):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    count = x.dtype.type(K * D)
    for group in prange(N * G):
        n = group // G
        g = group % G
        acc = np.float64(0)
        for k in range(K):
            for d in range(D):
                acc += x[n, g * K + k, d]
        mean[n, g] = acc / count
        squares = np.float64(0)
        for k in range(K):
            for d in range(D):
                difference = x[n, g * K + k, d] - mean[n, g]
                squares += difference * difference
        var = x.dtype.type(squares / count)
        rstd[n, g] = x.dtype.type(1) / math.sqrt(np.float64(var + x.dtype.type(eps)))
        for k in range(K):
            c = g * K + k
            for d in range(D):
                x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
                y[n, c, d] = weight[c] * x_hat + bias[c]


@cuda.jit
def group_norm_forward_cuda(x, weight, bias, mean, rstd, y, eps):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    count = x.dtype.type(K * D)
    group = cuda.grid(1)
    if group >= mean.size:
        return
    n = group // G
    g = group % G
    acc = x.dtype.type(0)
    for k in range(K):
        for d in range(D):
            acc += x[n, g * K + k, d]
    mean[n, g] = acc / count
    squares = x.dtype.type(0)
    for k in range(K):
        for d in range(D):
            difference = x[n, g * K + k, d] - mean[n, g]
            squares += difference * difference
    var = x.dtype.type(squares / count)
    rstd[n, g] = x.dtype.type(1) / math.sqrt(x.dtype.type(var + x.dtype.type(eps)))
    for k in range(K):
        c = g * K + k
        for d in range(D):
            x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
            y[n, c, d] = weight[c] * x_hat + bias[c]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] =
# r[n, g] \left( h[n, c, d] - \bar h[n, g] - \hat x[n, c, d] \, \overline{h \hat x}[n, g] \right)
# \qquad h[n, c, d] = \frac{\partial L}{\partial y}[n, c, d] \, W[c]$$
@njit(**PARALLEL)
def group_norm_backward_x_cpu(grad_y, x, mean, rstd, weight, grad_x):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    count = x.dtype.type(K * D)
    for group in prange(N * G):
        n = group // G
        g = group % G
        h_acc = np.float64(0)
        h_x_hat_acc = np.float64(0)
        for k in range(K):
            c = g * K + k
            for d in range(D):
                h = grad_y[n, c, d] * weight[c]
                x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
                h_acc += h
                h_x_hat_acc += h * x_hat
        h_mean = x.dtype.type(h_acc / count)
        h_x_hat_mean = x.dtype.type(h_x_hat_acc / count)
        for k in range(K):
            c = g * K + k
            for d in range(D):
                h = grad_y[n, c, d] * weight[c]
                x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
                grad_x[n, c, d] = rstd[n, g] * (h - h_mean - x_hat * h_x_hat_mean)


@cuda.jit
def group_norm_backward_x_cuda(grad_y, x, mean, rstd, weight, grad_x):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    count = x.dtype.type(K * D)
    group = cuda.grid(1)
    if group >= mean.size:
        return
    n = group // G
    g = group % G
    h_acc = x.dtype.type(0)
    h_x_hat_acc = x.dtype.type(0)
    for k in range(K):
        c = g * K + k
        for d in range(D):
            h = grad_y[n, c, d] * weight[c]
            x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
            h_acc += h
            h_x_hat_acc += h * x_hat
    h_mean = x.dtype.type(h_acc / count)
    h_x_hat_mean = x.dtype.type(h_x_hat_acc / count)
    for k in range(K):
        c = g * K + k
        for d in range(D):
            h = grad_y[n, c, d] * weight[c]
            x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
            grad_x[n, c, d] = rstd[n, g] * (h - h_mean - x_hat * h_x_hat_mean)


# ## The gradients of the scale and of the shift
#
# $$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
# \frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$
@njit(**PARALLEL)
def group_norm_backward_affine_cpu(grad_y, x, mean, rstd, grad_weight, grad_bias):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    for c in prange(C):
        g = c // K
        weight_acc = np.float64(0)
        bias_acc = np.float64(0)
        for n in range(N):
            for d in range(D):
                x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
                weight_acc += grad_y[n, c, d] * x_hat
                bias_acc += grad_y[n, c, d]
        grad_weight[c] = weight_acc
        grad_bias[c] = bias_acc


@cuda.jit
def group_norm_backward_affine_cuda(grad_y, x, mean, rstd, grad_weight, grad_bias):
    N, C, D = x.shape
    N, G = mean.shape
    K = C // G
    c = cuda.grid(1)
    if c >= C:
        return
    g = c // K
    weight_acc = x.dtype.type(0)
    bias_acc = x.dtype.type(0)
    for n in range(N):
        for d in range(D):
            x_hat = rstd[n, g] * (x[n, c, d] - mean[n, g])
            weight_acc += grad_y[n, c, d] * x_hat
            bias_acc += grad_y[n, c, d]
    grad_weight[c] = weight_acc
    grad_bias[c] = bias_acc


class GroupNormFunction(Function):
    """Group normalization on the tape. x (N, C, *), weight and bias (C) or None; G groups."""

    torch_name = "NativeGroupNormBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, G, eps):
        N, C, D = x.shape[0], x.shape[1], math.prod(x.shape[2:])
        mean, rstd = x.new_empty(N, G), x.new_empty(N, G)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.extents = N, C, D
        y = x.new_empty(x.shape)
        if x.numel() == 0:
            return y
        scale = x.new_ones(C) if weight is None else weight
        shift = x.new_zeros(C) if bias is None else bias
        run = on(x.device, group_norm_forward_cpu, group_norm_forward_cuda, N * G, fast.group_norm_forward)
        dense, out = shaped((N, C, D), x, y)
        run(dense, *arrays(scale, shift, mean, rstd), out, eps)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, mean, rstd = ctx.saved_tensors
        N, C, D = ctx.extents
        want_x, want_weight, want_bias = ctx.needs_input_grad[:3]
        if x.numel() == 0:
            nothing = [x.new_zeros(C) if wanted else None for wanted in (want_weight, want_bias)]
            return x.new_zeros(x.shape) if want_x else None, *nothing, None, None
        grad_dense, dense, *moments = *shaped((N, C, D), grad_y, x), *arrays(mean, rstd)
        grad_x = grad_weight = grad_bias = None
        if want_x:
            grad_x = x.new_empty(x.shape)
            scale = x.new_ones(C) if weight is None else weight
            run = on(
                x.device,
                group_norm_backward_x_cpu,
                group_norm_backward_x_cuda,
                mean.numel(),
                fast.group_norm_backward_x,
            )
            run(grad_dense, dense, *moments, *arrays(scale), *shaped((N, C, D), grad_x))
        if want_weight or want_bias:
            grad_weight, grad_bias = x.new_empty(C), x.new_empty(C)
            run = on(
                x.device,
                group_norm_backward_affine_cpu,
                group_norm_backward_affine_cuda,
                C,
                fast.group_norm_backward_affine,
            )
            run(grad_dense, dense, *moments, *arrays(grad_weight, grad_bias))
        return grad_x, grad_weight if want_weight else None, grad_bias if want_bias else None, None, None


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Bring each of `num_groups` groups of channels to mean 0 and variance 1, then multiply by `weight` and add `bias`.

    Shapes: `input` (N, C, *), and the result too; `weight` and `bias` (C) or None.

    Raises:
        RuntimeError: fewer than two dimensions; the channels cannot be divided into `num_groups` groups; shapes or dtypes do not
            fit.
        ValueError: there is only one element per group, in the whole batch.
        NotImplementedError: the input is not float32 or float64.
        TypeError: an argument has the wrong type.
        ZeroDivisionError: `num_groups` is 0.
    """
    check_tensors("group_norm", input=input, weight=weight, bias=bias)
    _check_groups(input, num_groups)
    channels = input.shape[1]
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != (channels,):
            raise RuntimeError(
                f"group_norm: expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {list(value.shape)} and input of shape {list(input.shape)}, whose channels are its second "
                "dimension"
            )
    return GroupNormFunction.apply(input, weight, bias, num_groups, number("group_norm", "eps", eps))


def _check_groups(input, num_groups):
    """Check that the channels of the input can be divided into `num_groups` groups of more than one element."""
    shape = list(input.shape)
    if len(shape) < 2:
        raise RuntimeError(
            f"group_norm: expected at least 2 dimensions for input tensor but received {len(shape)}: (N, C, *), found {shape}"
        )
    if isinstance(num_groups, bool) or not hasattr(num_groups, "__index__"):
        raise TypeError(f"group_norm(): argument 'num_groups' must be int, not {type(num_groups).__name__}")
    if num_groups == 0:
        raise ZeroDivisionError(
            "group_norm: integer division or modulo by zero: num_groups must be at least 1, found 0"
        )
    if num_groups < 0 or shape[1] % num_groups:
        raise RuntimeError(
            "group_norm: expected number of channels in input to be divisible by num_groups, which is greater than 0, but "
            f"got input of shape {shape} and num_groups={num_groups}"
        )
    if shape[0] * shape[1] // num_groups * math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {shape} for {num_groups} groups: one value "
            "has no variance; use fewer groups"
        )


class GroupNorm(Module):
    """Group normalization, as a layer.

    Args:
        num_groups: number of groups that the channels are divided into.
        num_channels: channels of the input, C.
        eps: added to the variance.
        affine: whether each channel has a learned scale and shift.
        bias: whether there is a shift, if `affine`.

    Attributes: `weight` (C), ones, and `bias` (C), zeros. A parameter that the layer does not have is None.

    Shapes: input (N, C, *); output the same. Errors as `group_norm`, when the layer is called.

    Raises:
        ValueError: `num_channels` is not divisible by `num_groups`.
    """

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *, bias=True):
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            value = Parameter(empty(num_channels, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self):
        """Set each weight to 1 and each bias to 0."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)

    def forward(self, input):
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"
