r"""Batch normalization: each channel of a batch is brought to mean 0 and variance 1, then to a learned scale and shift.

While the layers before it change, the next layer still gets inputs of a similar size, and learning can be faster. In training the
output of a sample depends on the other samples of its batch. In evaluation it depends on statistics that were collected in
training. The layers `BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d` call this function.

Use it when batches have many samples, as in the training of convolutional networks on images; with few samples per batch
use `group_norm`, for sequences in a Transformer `layer_norm`.

## Forward

$$\hat x[n, c, d] = \frac{x[n, c, d] - \mu[c]}{\sqrt{v[c] + \varepsilon}} \qquad
y[n, c, d] = W[c] \, \hat x[n, c, d] + b[c]$$

In training $\mu$ and $v$ are the mean and the variance of the channel over the batch, $M = N D$ numbers:

$$\mu[c] = \frac{1}{M} \sum_{n, d} x[n, c, d] \qquad
v[c] = \frac{1}{M} \sum_{n, d} \left( x[n, c, d] - \mu[c] \right)^2$$

and the running statistics move towards them by the fraction $a$ (`momentum`). They estimate the statistics of all data, of which
the batch is a sample, so the variance is the unbiased one, the sum divided by $M - 1$:

$$\bar \mu[c] \leftarrow \bar \mu[c] + a \left( \mu[c] - \bar \mu[c] \right) \qquad
\bar v[c] \leftarrow \bar v[c] + a \left( \frac{M}{M - 1} \, v[c] - \bar v[c] \right)$$

With `momentum=None` the layer uses $a$ = 1 / number of batches so far, which gives the plain average over the batches. In
evaluation $\mu$ and $v$ are the running statistics $\bar \mu$ and $\bar v$, if there are any, and nothing is updated.

## Gradients

$$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
\frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$

In training each element of $x$ changes its own $\hat x$, with the derivative $1 / \sqrt{v + \varepsilon}$. It also changes the
mean, with the derivative $1 / M$, and the variance, with the derivative $2 (x - \mu) / M$, and through these two every $\hat x$
of its channel. With $i$ and $j$ for two elements of channel $c$:

$$\frac{\partial \hat x_j}{\partial x_i} = \frac{1}{\sqrt{v[c] + \varepsilon}} \left( [i = j] - \frac{1}{M} -
\frac{1}{M} \, \hat x_i \, \hat x_j \right)$$

The chain rule multiplies this by $W[c] \, \frac{\partial L}{\partial y_j}$ and sums over $j$. The two sums are the gradients of
$b$ and of $W$:

$$\frac{\partial L}{\partial x}[n, c, d] = \frac{W[c]}{\sqrt{v[c] + \varepsilon}} \left(
\frac{\partial L}{\partial y}[n, c, d] - \frac{1}{M} \left( \frac{\partial L}{\partial b}[c] +
\hat x[n, c, d] \, \frac{\partial L}{\partial W}[c] \right) \right)$$

In evaluation $\mu$ and $v$ are constants, and the bracket is $\frac{\partial L}{\partial y}$ alone.

## Cost

In training about 7 operations per element in forward and 12 in backward. Forward reads $x$ three times and writes $y$: 16 bytes
per element in float32; backward reads $x$ and the gradient of $y$ twice and writes that of $x$: 20 bytes. So the speed of the
memory is the limit.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $W$ | `weight` | $(C)$ | weight: scale of each channel, called gamma elsewhere; 1 if there is none |
| $b$ | `bias` | $(C)$ | bias: shift of each channel, called beta elsewhere; 0 if there is none |
| $y$ | `y` | $(N, C, D)$ | output |
| $\mu$ | `mean` | $(C)$ | mean that is subtracted |
| $v$ | `var` | $(C)$ | variance that is divided by; biased |
| $\varepsilon$ | `eps` | $> 0$ | keeps the root away from 0 |
| $\hat x$ | `x_hat` | $(N, C, D)$ | normalized input |
| $\bar \mu$ | `running_mean` | $(C)$ | mean over batches |
| $\bar v$ | `running_var` | $(C)$ | variance over batches; unbiased |
| $a$ | `a` | $0 \le a \le 1$ | weight of the new batch: `momentum` |
| $M$ | `count` | $\ge 2$ in training | numbers in each channel, $N D$ |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(C)$ | gradient of the loss for $W$ |
| $\frac{\partial L}{\partial b}$ | `grad_bias` | $(C)$ | gradient of the loss for $b$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $d$ | `d` | $0 \le d < D$ | position inside the channel; $D = 1$ if there is only one |

## Worked example

Four samples of two channels, with means 3 and 13 and variances $12 / 4 = 3$. With $\varepsilon = 1$ the root $\sqrt{3 + 1}$ is 2:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[0., 14],
...                   [4, 14],
...                   [4, 14],
...                   [4, 10]], requires_grad=True)
>>> weight = torch.tensor([2., 20], requires_grad=True)
>>> bias = torch.tensor([0.5, 100], requires_grad=True)
>>> mean, var = torch.zeros(2), torch.ones(2)
>>> y = F.batch_norm(x, mean, var, weight, bias, training=True, momentum=0.5, eps=1)
>>> y
tensor([[ -2.5000, 110.0000],
        [  1.5000, 110.0000],
        [  1.5000, 110.0000],
        [  1.5000,  70.0000]], grad_fn=<NativeBatchNormBackward0>)

The running statistics moved half of the way to the means and to the unbiased variances, $12 / 3 = 4$:

>>> mean, var
(tensor([1.5000, 6.5000]), tensor([2.5000, 2.5000]))
>>> y.backward(torch.tensor([[8., 0],
...                          [0, 3],
...                          [0, 0],
...                          [0, 0]]))
>>> weight.grad, bias.grad
(tensor([-12.0000,   1.5000]), tensor([8., 3.]))

The gradient of each channel of $x$ sums to zero, because adding a number to all elements of the channel changes no output:

>>> x.grad
tensor([[ 1.5000, -9.3750],
        [-0.5000, 20.6250],
        [-0.5000, -9.3750],
        [-0.5000, -1.8750]])

## Questions

**A batch has 8 images with 5 rows and 5 columns. Over how many elements is the mean of a channel taken?**

>>> 8 * 5 * 5
200

**Why does a batch of one vector raise an error in training?**

The only element of each channel equals its mean, so every output would be the bias, whatever the input is.

**What are the running mean and variance after one batch, with `momentum=1`?**

Those of this batch, with the unbiased variance.

**Why does a layer before a batch normalization usually have no bias?**

A bias shifts the whole channel by the same amount. The mean contains this shift too, so the subtraction of the mean removes it.

## Differences

- Older documentation says that the weights are initialized from a uniform distribution. They are initialized to 1, as in PyTorch.
- PyTorch multiplies before it subtracts, $y = (W / \sqrt{v + \varepsilon}) \, x + \ldots$, and loses digits where the
  mean is large. Here a constant channel becomes its bias exactly.
- In PyTorch a gradient in evaluation mode is wrong if a training step has updated the running statistics between forward and
  backward. Here backward uses the statistics of its forward.
- A layer without channels raises an IndexError in PyTorch; here its output is empty, as its input.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.normalization.batch_norm_nd import check_options, check_tensors, check_types


# ## The statistics of each channel
#
# $$\mu[c] = \frac{1}{M} \sum_{n, d} x[n, c, d] \qquad
# v[c] = \frac{1}{M} \sum_{n, d} \left( x[n, c, d] - \mu[c] \right)^2$$
#
# In two passes, because the difference of mean square and squared mean loses its digits where the mean is large. Both
# are long sums: the CPU adds them up in float64. The same loop updates the running statistics.
@njit(**PARALLEL)
def batch_norm_forward_statistics_cpu(x, mean, var, running_mean, running_var, momentum):
    N, C, D = x.shape
    for c in prange(C):
        count = x.dtype.type(N * D)
        a = x.dtype.type(momentum)
        acc = np.float64(0)
        for n in range(N):
            for d in range(D):
                acc += x[n, c, d]
        center = acc / count
        squares = np.float64(0)
        for n in range(N):
            for d in range(D):
                difference = x[n, c, d] - center
                squares += difference * difference
        mean[c] = center
        var[c] = squares / count
        running_mean[c] += a * (center - running_mean[c])
        running_var[c] += a * (squares / (count - x.dtype.type(1)) - running_var[c])


@cuda.jit
def batch_norm_forward_statistics_cuda(x, mean, var, running_mean, running_var, momentum):
    N, C, D = x.shape
    c = cuda.grid(1)
    if c >= C:
        return
    count = x.dtype.type(N * D)
    a = x.dtype.type(momentum)
    acc = x.dtype.type(0)
    for n in range(N):
        for d in range(D):
            acc += x[n, c, d]
    center = acc / count
    squares = x.dtype.type(0)
    for n in range(N):
        for d in range(D):
            difference = x[n, c, d] - center
            squares += difference * difference
    mean[c] = center
    var[c] = squares / count
    running_mean[c] += a * (center - running_mean[c])
    running_var[c] += a * (squares / (count - x.dtype.type(1)) - running_var[c])


# ## The output
#
# $$y[n, c, d] = W[c] \, \frac{x[n, c, d] - \mu[c]}{\sqrt{v[c] + \varepsilon}} + b[c]$$
@njit(**PARALLEL)
def batch_norm_forward_cpu(x, mean, var, weight, bias, y, eps):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        scale = x.dtype.type(weight[c] / math.sqrt(np.float64(var[c] + var.dtype.type(eps))))
        for d in range(D):
            y[n, c, d] = scale * (x[n, c, d] - mean[c]) + bias[c]


@cuda.jit
def batch_norm_forward_cuda(x, mean, var, weight, bias, y, eps):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    scale = x.dtype.type(weight[c] / math.sqrt(var.dtype.type(var[c] + var.dtype.type(eps))))
    y[n, c, d] = scale * (x[n, c, d] - mean[c]) + bias[c]


# ## The gradients of the scale and of the shift
#
# $$\frac{\partial L}{\partial W}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d] \, \hat x[n, c, d] \qquad
# \frac{\partial L}{\partial b}[c] = \sum_{n, d} \frac{\partial L}{\partial y}[n, c, d]$$
#
# One kernel computes both, because the gradient of the input needs both sums, even if there is no weight and no bias. The root is
# taken in float64: a division by the root of a float32 is compiled to an approximation, which is NaN for infinity.
@njit(**PARALLEL)
def batch_norm_backward_affine_cpu(grad_y, x, mean, var, grad_weight, grad_bias, eps):
    N, C, D = x.shape
    for c in prange(C):
        std = math.sqrt(np.float64(var[c] + var.dtype.type(eps)))
        weight_acc = np.float64(0)
        bias_acc = np.float64(0)
        for n in range(N):
            for d in range(D):
                x_hat = (x[n, c, d] - mean[c]) / std
                weight_acc += grad_y[n, c, d] * x_hat
                bias_acc += grad_y[n, c, d]
        grad_weight[c] = weight_acc
        grad_bias[c] = bias_acc


@cuda.jit
def batch_norm_backward_affine_cuda(grad_y, x, mean, var, grad_weight, grad_bias, eps):
    N, C, D = x.shape
    c = cuda.grid(1)
    if c >= C:
        return
    std = math.sqrt(var.dtype.type(var[c] + var.dtype.type(eps)))
    weight_acc = x.dtype.type(0)
    bias_acc = x.dtype.type(0)
    for n in range(N):
        for d in range(D):
            x_hat = (x[n, c, d] - mean[c]) / std
            weight_acc += grad_y[n, c, d] * x_hat
            bias_acc += grad_y[n, c, d]
    grad_weight[c] = weight_acc
    grad_bias[c] = bias_acc


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] = \frac{W[c]}{\sqrt{v[c] + \varepsilon}} \left(
# \frac{\partial L}{\partial y}[n, c, d] - \frac{1}{M} \left( \frac{\partial L}{\partial b}[c] + \hat x[n, c, d] \,
# \frac{\partial L}{\partial W}[c] \right) \right)$$
#
# In evaluation the bracket is the gradient of y alone.
@njit(**PARALLEL)
def batch_norm_backward_x_cpu(grad_y, x, mean, var, weight, grad_weight, grad_bias, grad_x, eps, training):
    N, C, D = x.shape
    count = x.dtype.type(N * D)
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        std = math.sqrt(np.float64(var[c] + var.dtype.type(eps)))
        for d in range(D):
            bracket = grad_y[n, c, d]
            if training:
                x_hat = (x[n, c, d] - mean[c]) / std
                bracket -= (grad_bias[c] + x_hat * grad_weight[c]) / count
            grad_x[n, c, d] = weight[c] / std * bracket


@cuda.jit
def batch_norm_backward_x_cuda(grad_y, x, mean, var, weight, grad_weight, grad_bias, grad_x, eps, training):
    N, C, D = x.shape
    count = x.dtype.type(N * D)
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    std = math.sqrt(var.dtype.type(var[c] + var.dtype.type(eps)))
    bracket = grad_y[n, c, d]
    if training:
        x_hat = (x[n, c, d] - mean[c]) / std
        bracket -= (grad_bias[c] + x_hat * grad_weight[c]) / count
    grad_x[n, c, d] = weight[c] / std * bracket


class BatchNormFunction(Function):
    """Batch normalization on the tape. x (N, C, *); weight, bias and, in training, running statistics (C) or None."""

    torch_name = "NativeBatchNormBackward0"

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, training, momentum, eps):
        ctx.extents = N, C, D = channel_extents(x.shape)
        if training:
            mean, var = batch_statistics(x, ctx.extents, running_mean, running_var, momentum)
        else:
            mean, var = running_mean.clone(), running_var.clone()  # backward needs their present values
        ctx.save_for_backward(x, weight, mean, var)
        ctx.training, ctx.eps = training, eps
        weight = x.new_ones(C) if weight is None else weight
        bias = x.new_zeros(C) if bias is None else bias
        y = x.new_empty(x.shape)
        run = on(x.device, batch_norm_forward_cpu, batch_norm_forward_cuda, x.numel(), fast.batch_norm_forward)
        dense, *others, result = arrays(x, mean, var, weight, bias, y)
        run(dense.reshape(N, C, D), *others, result.reshape(N, C, D), eps)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, weight, mean, var = ctx.saved_tensors
        N, C, D = ctx.extents
        want_x, want_weight, want_bias = ctx.needs_input_grad[:3]
        want_sums = want_weight or want_bias or ctx.training
        room = x.new_empty if want_sums else x.new_zeros
        grad_x, grad_weight, grad_bias = None, room(C), room(C)
        grad, dense, *others = arrays(grad_y, x, mean, var)
        grad, dense, sums = grad.reshape(N, C, D), dense.reshape(N, C, D), arrays(grad_weight, grad_bias)
        if want_sums:
            run = on(
                x.device,
                batch_norm_backward_affine_cpu,
                batch_norm_backward_affine_cuda,
                C,
                fast.batch_norm_backward_affine,
            )
            run(grad, dense, *others, *sums, ctx.eps)
        if want_x:
            weight = x.new_ones(C) if weight is None else weight
            grad_x = x.new_empty(x.shape)
            run = on(
                x.device, batch_norm_backward_x_cpu, batch_norm_backward_x_cuda, x.numel(), fast.batch_norm_backward_x
            )
            weights, result = arrays(weight, grad_x)
            run(grad, dense, *others, weights, *sums, result.reshape(N, C, D), ctx.eps, ctx.training)
        gradients = grad_x, grad_weight if want_weight else None, grad_bias if want_bias else None
        return *gradients, None, None, None, None, None


def channel_extents(shape):
    """N, C and D: all dimensions after the channels are one."""
    N, C, *rest = shape
    return N, C, math.prod(rest)


def batch_statistics(x, extents, running_mean, running_var, momentum):
    """Mean and biased variance of each channel of x (N, C, *); the running ones, if any, are updated in place."""
    N, C, D = extents
    if x.numel() == 0:
        return x.new_zeros(C), x.new_ones(C)
    mean, var = x.new_empty(C), x.new_empty(C)
    running = [x.new_zeros(C) if kept is None else kept.contiguous() for kept in (running_mean, running_var)]
    run = on(
        x.device,
        batch_norm_forward_statistics_cpu,
        batch_norm_forward_statistics_cuda,
        C,
        fast.batch_norm_forward_statistics,
    )
    dense, *others = arrays(x, mean, var, *running)
    run(dense.reshape(N, C, D), *others, momentum)
    for kept, updated in zip((running_mean, running_var), running):
        if kept is not None and updated is not kept:  # a strided view: the kernel updated a copy of it
            kept.data.copy_(updated)
    return mean, var


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """Normalize each channel: with the statistics of the batch if `training`, else with the running ones.

    Shapes: `input` (N, C, *), and the result too; `running_mean`, `running_var`, `weight` and `bias` (C) or None. In
    training the running statistics, if given, are updated in place: they move by the fraction `momentum` towards those of the
    batch.

    Raises:
        ValueError: in training, only one value per channel; `eps` is negative, or 0 in training; only one of the two running
            statistics.
        IndexError: `input` has no dimensions, in training.
        RuntimeError: no running statistics in evaluation; sizes, dtypes or devices do not fit; one requires a gradient.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument has the wrong type.
    """
    check_types(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if input.ndim == 0 and training:
        raise IndexError("batch_norm: input has no dimensions, so there are no channels: wanted (N, C) or (N, C, *)")
    check_options(input.array.shape, training, momentum, eps)
    if input.numel() > 0:
        check_tensors(input, running_mean, running_var, weight, bias, training)
    elif input.ndim < 2:
        return input.clone()
    training = training or input.numel() == 0  # an empty batch needs no statistics
    return BatchNormFunction.apply(
        input, weight, bias, running_mean, running_var, training, float(momentum), float(eps)
    )
