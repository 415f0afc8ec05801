r"""Instance normalization: each channel of each sample is brought to mean 0 and variance 1.

There can be a learned scale and shift per channel, and running statistics for evaluation, but by default there are neither. The
layers `InstanceNorm1d`, `InstanceNorm2d` and `InstanceNorm3d` call the function of this file.

Use it when the contrast and brightness of a single image must not matter, as in the transfer of styles; for recognition
`BatchNorm2d` is usual, and for small batches `GroupNorm`.

## Forward

One channel of one sample, of $D$ elements:

$$\hat x[d] = \frac{x[d] - \mu}{\sqrt{v + \varepsilon}} \qquad
\mu = \frac{1}{D} \sum_d x[d] \qquad v = \frac{1}{D} \sum_d \left( x[d] - \mu \right)^2$$

In general, with a scale and a shift per channel:

$$y[n, c, d] = W[c] \, \hat x[n, c, d] + b[c] \qquad
\hat x[n, c, d] = \frac{x[n, c, d] - \mu[n, c]}{\sqrt{v[n, c] + \varepsilon}}$$

Running statistics, if they are kept, move towards the averages over the samples by the fraction $a$ (`momentum`). They use the
unbiased variances, divided by $D - 1$:

$$\bar \mu[c] \leftarrow \bar \mu[c] + a \left( \frac{1}{N} \sum_n \mu[n, c] - \bar \mu[c] \right) \qquad
\bar v[c] \leftarrow \bar v[c] + a \left( \frac{1}{N} \sum_n \frac{D}{D - 1} \, v[n, c] - \bar v[c] \right)$$

In evaluation they replace $\mu$ and $v$ and are the same for all samples. This is `batch_norm` in evaluation.

## Gradients

$$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
\frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$

An element of $x$ changes its own $\hat x$, with the derivative $1 / \sqrt{v + \varepsilon}$. It also changes the mean of its
channel, with the derivative $1 / D$, and the variance, with the derivative $2 (x - \mu) / D$, and through these two every
$\hat x$ of the channel in this sample. The chain rule sums over them. The scale is the same for the whole channel, so it is a
factor of the sum:

$$\frac{\partial L}{\partial x}[n, c, d] = \frac{W[c]}{\sqrt{v[n, c] + \varepsilon}} \left(
\frac{\partial L}{\partial y}[n, c, d] - s[n, c] - \hat x[n, c, d] \, p[n, c] \right)$$

$$s[n, c] = \frac{1}{D} \sum_d \frac{\partial L}{\partial y}[n, c, d] \qquad
p[n, c] = \frac{1}{D} \sum_d \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d]$$

## Cost

About 8 operations per element in forward and 11 in backward, 16 with a scale and a shift. A channel of a sample usually fits into
the cache, so forward reads $x$ and writes $y$ once: 8 bytes per element in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $W$ | `weight` | $(C)$ | weight: scale of each channel; 1 if there is none |
| $b$ | `bias` | $(C)$ | bias: shift of each channel; 0 if there is none |
| $y$ | `y` | $(N, C, D)$ | output |
| $\mu$ | `mean` | $(N, C)$ | mean of each channel of each sample |
| $v$ | `var` | $(N, C)$ | variance of each channel of each sample; biased |
| $\varepsilon$ | `eps` | $> 0$ | keeps the root away from 0 |
| $\hat x$ | `x_hat` | $(N, C, D)$ | normalized input |
| $\bar \mu$ | `running_mean` | $(C)$ | mean over batches |
| $\bar v$ | `running_var` | $(C)$ | variance over batches; unbiased |
| $a$ | `a` | $0 \le a \le 1$ | weight of the new batch: `momentum` |
| $s$ | `s` | $(N, C)$ | mean of the gradient over the channel |
| $p$ | `p` | $(N, C)$ | mean of gradient times $\hat x$ over the channel |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C)$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d$ | `d` | $0 \le d < D$ | position inside the channel |

## Worked example

Two samples of one channel with four elements, with means 3 and 80. The variances are 3 and 300. With $\varepsilon = 0$ both rows
would be normalized to the same numbers, in another order. With $\varepsilon = 1$ the first root is 2. The scale of the channel is
2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[0., 4, 4, 4]],
...                   [[90, 90, 90, 50]]], requires_grad=True)
>>> weight = torch.tensor([2.], requires_grad=True)
>>> y = F.instance_norm(x, weight=weight, eps=1)
>>> y
tensor([[[-3.0000,  1.0000,  1.0000,  1.0000]],
<BLANKLINE>
        [[ 1.1528,  1.1528,  1.1528, -3.4583]]],
       grad_fn=<InstanceNormBackward0>)
>>> y.backward(torch.tensor([[[4., 0, 0, 0]],
...                          [[0, 0, 0, 0]]]))
>>> x.grad
tensor([[[ 0.7500, -0.2500, -0.2500, -0.2500]],
<BLANKLINE>
        [[ 0.0000,  0.0000,  0.0000,  0.0000]]])
>>> weight.grad
tensor([-6.])

With `momentum=1` the running statistics are the averages over both samples: of the means 3 and 80, and of the unbiased variances
4 and 400.

>>> mean, var = torch.zeros(1), torch.zeros(1)
>>> _ = F.instance_norm(x, mean, var, momentum=1)
>>> mean, var
(tensor([41.5000]), tensor([202.]))

## Questions

**How many means are computed for an input of shape (8, 3, 10, 10), and over how many elements each?**

>>> 8 * 3, 10 * 10
(24, 100)

**An image is made twice as bright. How does the output change?**

Hardly at all: mean and standard deviation also become twice as large. Only $\varepsilon$ makes a small difference.

**Which group normalization is the same as instance normalization?**

The one with as many groups as channels.

>>> z = torch.arange(12.).reshape(1, 3, 4)
>>> torch.allclose(F.instance_norm(z), F.group_norm(z, 3))
True

**Why must a channel have more than one element?**

The only element equals its mean, so every output would be 0, whatever the input is.

## Differences

- For a batch without samples and with a scale PyTorch raises an IndexError. Here the output is empty, like the input.
- With `momentum=None` the running statistics of the layers never change, as in PyTorch: None means 0 here, and not the average
  over batches.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.normalization.batch_norm import batch_norm
from reftorch.nn.normalization.instance_norm_nd import check_statistics, check_use_of_input


# ## The output
#
# $$y[n, c, d] = W[c] \, \frac{x[n, c, d] - \mu[n, c]}{\sqrt{v[n, c] + \varepsilon}} + b[c]$$
#
# In three passes over the channel of a sample: its mean, its variance, its output.
@njit(**PARALLEL)
def instance_norm_forward_cpu(x, weight, bias, mean, var, y, eps):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        count = x.dtype.type(D)
        acc = np.float64(0)
        for d in range(D):
            acc += x[n, c, d]
        mean[n, c] = acc / count
        squares = np.float64(0)
        for d in range(D):
            difference = x[n, c, d] - mean[n, c]
            squares += difference * difference
        var[n, c] = squares / count
        std = math.sqrt(np.float64(var[n, c] + x.dtype.type(eps)))
        for d in range(D):
            x_hat = (x[n, c, d] - mean[n, c]) / std
            y[n, c, d] = weight[c] * x_hat + bias[c]


@cuda.jit
def instance_norm_forward_cuda(x, weight, bias, mean, var, y, eps):
    N, C, D = x.shape
    plane = cuda.grid(1)
    if plane >= mean.size:
        return
    n = plane // C
    c = plane % C
    count = x.dtype.type(D)
    acc = x.dtype.type(0)
    for d in range(D):
        acc += x[n, c, d]
    mean[n, c] = acc / count
    squares = x.dtype.type(0)
    for d in range(D):
        difference = x[n, c, d] - mean[n, c]
        squares += difference * difference
    var[n, c] = squares / count
    std = math.sqrt(x.dtype.type(var[n, c] + x.dtype.type(eps)))
    for d in range(D):
        x_hat = (x[n, c, d] - mean[n, c]) / std
        y[n, c, d] = weight[c] * x_hat + bias[c]


# ## The update of the running statistics
#
# $$\bar \mu[c] \leftarrow \bar \mu[c] + a \left( \frac{1}{N} \sum_n \mu[n, c] - \bar \mu[c] \right) \qquad
# \bar v[c] \leftarrow \bar v[c] + a \left( \frac{1}{N} \sum_n \frac{D}{D - 1} \, v[n, c] - \bar v[c] \right)$$
@njit(**PARALLEL)
def instance_norm_forward_running_cpu(mean, var, running_mean, running_var, momentum, D):
    N, C = mean.shape
    for c in prange(C):
        a = mean.dtype.type(momentum)
        unbiased = mean.dtype.type(D) / mean.dtype.type(D - 1)
        mean_acc = np.float64(0)
        var_acc = np.float64(0)
        for n in range(N):
            mean_acc += mean[n, c]
            var_acc += unbiased * var[n, c]
        running_mean[c] += a * (mean_acc / mean.dtype.type(N) - running_mean[c])
        running_var[c] += a * (var_acc / mean.dtype.type(N) - running_var[c])


@cuda.jit
def instance_norm_forward_running_cuda(mean, var, running_mean, running_var, momentum, D):
    N, C = mean.shape
    c = cuda.grid(1)
    if c >= C:
        return
    a = mean.dtype.type(momentum)
    unbiased = mean.dtype.type(D) / mean.dtype.type(D - 1)
    mean_acc = mean.dtype.type(0)
    var_acc = mean.dtype.type(0)
    for n in range(N):
        mean_acc += mean[n, c]
        var_acc += unbiased * var[n, c]
    running_mean[c] += a * (mean_acc / mean.dtype.type(N) - running_mean[c])
    running_var[c] += a * (var_acc / mean.dtype.type(N) - running_var[c])


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] = \frac{W[c]}{\sqrt{v[n, c] + \varepsilon}} \left(
# \frac{\partial L}{\partial y}[n, c, d] - s[n, c] - \hat x[n, c, d] \, p[n, c] \right)$$
#
# The root is taken in float64: a division by the root of a float32 is compiled to an approximation, which is NaN for infinity.
@njit(**PARALLEL)
def instance_norm_backward_x_cpu(grad_y, x, mean, var, weight, grad_x, eps):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        count = x.dtype.type(D)
        std = math.sqrt(np.float64(var[n, c] + x.dtype.type(eps)))
        grad_acc = np.float64(0)
        x_hat_acc = np.float64(0)
        for d in range(D):
            x_hat = (x[n, c, d] - mean[n, c]) / std
            grad_acc += grad_y[n, c, d]
            x_hat_acc += grad_y[n, c, d] * x_hat
        s = x.dtype.type(grad_acc / count)
        p = x.dtype.type(x_hat_acc / count)
        for d in range(D):
            x_hat = (x[n, c, d] - mean[n, c]) / std
            grad_x[n, c, d] = weight[c] / std * (grad_y[n, c, d] - s - x_hat * p)


@cuda.jit
def instance_norm_backward_x_cuda(grad_y, x, mean, var, weight, grad_x, eps):
    N, C, D = x.shape
    plane = cuda.grid(1)
    if plane >= mean.size:
        return
    n = plane // C
    c = plane % C
    count = x.dtype.type(D)
    std = math.sqrt(x.dtype.type(var[n, c] + x.dtype.type(eps)))
    grad_acc = x.dtype.type(0)
    x_hat_acc = x.dtype.type(0)
    for d in range(D):
        x_hat = (x[n, c, d] - mean[n, c]) / std
        grad_acc += grad_y[n, c, d]
        x_hat_acc += grad_y[n, c, d] * x_hat
    s = x.dtype.type(grad_acc / count)
    p = x.dtype.type(x_hat_acc / count)
    for d in range(D):
        x_hat = (x[n, c, d] - mean[n, c]) / std
        grad_x[n, c, d] = weight[c] / std * (grad_y[n, c, d] - s - x_hat * p)


# ## The gradients of the scale and of the shift
#
# $$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
# \frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$
@njit(**PARALLEL)
def instance_norm_backward_affine_cpu(grad_y, x, mean, var, grad_weight, grad_bias, eps):
    N, C, D = x.shape
    for c in prange(C):
        weight_acc = np.float64(0)
        bias_acc = np.float64(0)
        for n in range(N):
            std = math.sqrt(np.float64(var[n, c] + x.dtype.type(eps)))
            for d in range(D):
                x_hat = (x[n, c, d] - mean[n, c]) / std
                weight_acc += grad_y[n, c, d] * x_hat
                bias_acc += grad_y[n, c, d]
        grad_weight[c] = weight_acc
        grad_bias[c] = bias_acc


@cuda.jit
def instance_norm_backward_affine_cuda(grad_y, x, mean, var, grad_weight, grad_bias, eps):
    N, C, D = x.shape
    c = cuda.grid(1)
    if c >= C:
        return
    weight_acc = x.dtype.type(0)
    bias_acc = x.dtype.type(0)
    for n in range(N):
        std = math.sqrt(x.dtype.type(var[n, c] + x.dtype.type(eps)))
        for d in range(D):
            x_hat = (x[n, c, d] - mean[n, c]) / std
            weight_acc += grad_y[n, c, d] * x_hat
            bias_acc += grad_y[n, c, d]
    grad_weight[c] = weight_acc
    grad_bias[c] = bias_acc


class InstanceNormFunction(Function):
    """Instance normalization on the tape. x (N, C, *); weight, bias and running statistics (C) or None."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, eps):
        N, C, D = x.shape[0], x.shape[1], math.prod(x.shape[2:])
        mean, var = x.new_zeros(N, C), x.new_ones(N, C)
        ctx.save_for_backward(x, weight, mean, var)
        ctx.extents, ctx.eps = (N, C, D), eps
        y = x.new_empty(x.shape)
        if x.numel() == 0:
            return y
        scale = x.new_ones(C) if weight is None else weight
        shift = x.new_zeros(C) if bias is None else bias
        run = on(x.device, instance_norm_forward_cpu, instance_norm_forward_cuda, N * C, fast.instance_norm_forward)
        dense, out = shaped((N, C, D), x, y)
        run(dense, *arrays(scale, shift, mean, var), out, eps)
        if running_mean is not None:
            running = [kept.contiguous() for kept in (running_mean, running_var)]
            run = on(x.device, instance_norm_forward_running_cpu, instance_norm_forward_running_cuda, threads=C)
            run(*arrays(mean, var, *running), momentum, D)
            for kept, updated in zip((running_mean, running_var), running):
                if updated is not kept:  # a strided view: the kernel updated a copy of it
                    kept.data.copy_(updated)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, mean, var = ctx.saved_tensors
        N, C, D = ctx.extents
        want_x, want_weight, want_bias = ctx.needs_input_grad[:3]
        grad_x, grad_weight, grad_bias = x.new_zeros(x.shape), x.new_zeros(C), x.new_zeros(C)
        grad_dense, dense, *moments = *shaped((N, C, D), grad_y, x), *arrays(mean, var)
        if want_x and x.numel() > 0:
            run = on(
                x.device,
                instance_norm_backward_x_cpu,
                instance_norm_backward_x_cuda,
                N * C,
                fast.instance_norm_backward_x,
            )
            (scale,) = arrays(x.new_ones(C) if weight is None else weight)
            run(grad_dense, dense, *moments, scale, *shaped((N, C, D), grad_x), ctx.eps)
        if (want_weight or want_bias) and x.numel() > 0:
            run = on(
                x.device,
                instance_norm_backward_affine_cpu,
                instance_norm_backward_affine_cuda,
                C,
                fast.instance_norm_backward_affine,
            )
            run(grad_dense, dense, *moments, *arrays(grad_weight, grad_bias), ctx.eps)
        gradients = zip((grad_x, grad_weight, grad_bias), ctx.needs_input_grad)
        return *[gradient if wanted else None for gradient, wanted in gradients], None, None, None, None


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """Normalize each channel of each sample: with its own statistics if `use_input_stats`, else with the running ones.

    Shapes: `input` (N, C, *), and the result too; all others (C) or None. With `use_input_stats` the running statistics, if
    given, are updated in place: they move by the fraction `momentum` towards the averages over the batch.

    Raises:
        ValueError: only one element per channel, with `use_input_stats`; only one of the two running statistics.
        RuntimeError: no running statistics without `use_input_stats`; sizes, dtypes or devices do not fit.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument has the wrong type.
    """
    check_use_of_input(input, use_input_stats)
    check_tensors("instance_norm", input=input, weight=weight, bias=bias)
    check_statistics(input, running_mean, running_var, weight, bias, use_input_stats)
    momentum, eps = number("instance_norm", "momentum", momentum), number("instance_norm", "eps", eps)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    return InstanceNormFunction.apply(input, weight, bias, running_mean, running_var, momentum, eps)
