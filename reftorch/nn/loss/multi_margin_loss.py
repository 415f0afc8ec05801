r"""The multi-class margin loss: the score of the right class must exceed every other score by a margin.

It is the hinge loss of support vector machines for several classes. The target is the number of the right class.

Use it when only the class with the largest score matters and no probabilities are needed; `cross_entropy` is the usual choice,
and `multilabel_margin_loss` is for samples with several right classes.

## Forward

For one sample with the scores $x[c]$ and the right class $y$, each other class adds what the difference of the scores lacks to
the margin $m$. The sum is divided by the number of classes $C$:

$$l = \frac{1}{C} \sum_{c \ne y} \max \left( 0, m - x[y] + x[c] \right)$$

In general, for sample $n$, with the power $p$, 1 or 2, and a weight $w$ for each class:

$$z[n, c] = m - x[n, y[n]] + x[n, c] \qquad l[n] = \frac{w[y[n]]}{C} \sum_{c \ne y[n]} \max(0, z[n, c])^p$$

`reduction="none"` returns all $l[n]$, "sum" their sum, "mean" (the default) the sum divided by $N$, whatever the weights.

## Gradients

Let $g[n] = \partial L / \partial l[n]$ (for the mean, the upstream gradient divided by $N$). For a wrong class with $z > 0$ the
derivative is that of the power. The score of the right class occurs in each term with a minus sign:

$$\frac{\partial L}{\partial x}[n, c] = g[n] \, \frac{w[y[n]]}{C} \cdot \begin{cases} p \, z[n, c]^{p-1} & \text{if } z[n, c] > 0 \\
0 & \text{otherwise} \end{cases} \qquad \text{for } c \ne y[n]$$

$$\frac{\partial L}{\partial x}[n, y[n]] = - \sum_{c \ne y[n]} \frac{\partial L}{\partial x}[n, c]$$

## Cost

About four operations for each class of a sample. Forward reads $x$ once, backward reads it once and writes the gradient.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C)$ | input: score of each class |
| $y$ | `target` | $(N)$ | target: the right class of each sample, $0 \le y < C$ |
| $w$ | `weight` | $(C)$ | weight: how much the samples of each class count; all 1 if none are given |
| $m$ | `margin` | any number | by how much the right score must be larger |
| $p$ | `p` | 1 or 2 | power of what is missing |
| $z$ | `z` | any number | what is missing to the margin |
| $l$ | `loss` | $(N)$ | loss of each sample, before the reduction |
| $g$ | `grad_loss` | $(N)$ | gradient of the reduced loss for each sample's loss |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |

## Worked example

The right class, number 2, has the score 5. The margin is 2. The first score is smaller by 4, which is enough; the other two lack
1 and 5:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 4, 5, 8]], requires_grad=True)
>>> target = torch.tensor([2])
>>> loss = F.multi_margin_loss(x, target, margin=2)
>>> loss
tensor(1.5000, grad_fn=<MultiMarginLossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([[ 0.0000,  0.2500, -0.5000,  0.2500]])

## Questions

**What is the loss with p=2?**

The squares of what is missing: (1 + 25) / 4.

>>> F.multi_margin_loss(x, target, p=2, margin=2).item()
6.5

**Why is the sum divided by C and not by C - 1, the number of wrong classes?**

PyTorch defines it in this way. It only scales the loss.

**When does a sample have no gradient?**

When the right score is above all others by the margin. With cross entropy, a sample always has a gradient.

## Differences

- The formula in PyTorch's documentation has the weight inside the power. PyTorch computes it outside, as above.
- An empty batch has the mean NaN and the sum 0; in PyTorch both are undefined.
"""

from __future__ import annotations

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.loss.pointwise import check_are_tensors, check_no_gradient
from reftorch.nn.loss.reduction import _WeightedLoss, grad_of_each, reduced, reduction_name
from reftorch.types import int64


# ## The loss of each sample
#
# $$l[n] = \frac{w[y[n]]}{C} \sum_{c \ne y[n]} \max(0, m - x[n, y[n]] + x[n, c])^p$$
@njit(**PARALLEL)
def multi_margin_loss_forward_cpu(x, target, weight, loss, p, margin):
    N, C = x.shape
    for n in prange(N):
        acc = np.float64(0)
        for c in range(C):
            z = x.dtype.type(margin) - x[n, target[n]] + x[n, c]
            if c != target[n] and z > x.dtype.type(0):
                acc += z if p == 1 else z * z
        loss[n] = weight[target[n]] * acc / x.dtype.type(C)


@cuda.jit
def multi_margin_loss_forward_cuda(x, target, weight, loss, p, margin):
    N, C = x.shape
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    acc = x.dtype.type(0)
    for c in range(C):
        z = x.dtype.type(margin) - x[n, target[n]] + x[n, c]
        if c != target[n] and z > x.dtype.type(0):
            acc += z if p == 1 else z * z
    loss[n] = weight[target[n]] * acc / x.dtype.type(C)


# ## The gradient of the scores
#
# $$\frac{\partial L}{\partial x}[n, c] = g[n] \, \frac{w[y[n]]}{C} \, p \, z[n, c]^{p-1} \qquad
# \frac{\partial L}{\partial x}[n, y[n]] = - \sum_{c \ne y[n]} \frac{\partial L}{\partial x}[n, c]$$
#
# One thread writes all classes of a sample, because the right one needs their sum.
@njit(**PARALLEL)
def multi_margin_loss_backward_x_cpu(grad_loss, x, target, weight, grad_x, p, margin):
    N, C = x.shape
    for n in prange(N):
        scale = grad_loss[n] * weight[target[n]] / x.dtype.type(C)
        acc = np.float64(0)
        for c in range(C):
            z = x.dtype.type(margin) - x[n, target[n]] + x[n, c]
            grad_x[n, c] = 0
            if c != target[n] and z > x.dtype.type(0):
                grad_x[n, c] = scale if p == 1 else scale * x.dtype.type(2) * z
                acc += grad_x[n, c]
        grad_x[n, target[n]] = -acc


@cuda.jit
def multi_margin_loss_backward_x_cuda(grad_loss, x, target, weight, grad_x, p, margin):
    N, C = x.shape
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    scale = grad_loss[n] * weight[target[n]] / x.dtype.type(C)
    acc = x.dtype.type(0)
    for c in range(C):
        z = x.dtype.type(margin) - x[n, target[n]] + x[n, c]
        grad_x[n, c] = 0
        if c != target[n] and z > x.dtype.type(0):
            grad_x[n, c] = scale if p == 1 else scale * x.dtype.type(2) * z
            acc += grad_x[n, c]
    grad_x[n, target[n]] = -acc


class MultiMarginLossFunction(Function):
    """The multi-class margin loss in the computation graph: x (N, C), target (N) of int64, weight (C); the loss of shape `shape`."""

    @staticmethod
    def forward(ctx, x, target, weight, p, margin, reduction, shape):
        N, C = x.shape
        ctx.save_for_backward(x, target, weight)
        ctx.options, ctx.reduction = (p, margin), reduction
        loss = x.new_empty(shape)
        run = on(x.device, multi_margin_loss_forward_cpu, multi_margin_loss_forward_cuda, N)
        run(*arrays(x, target, weight), *shaped((N,), loss), p, margin)
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, weight = ctx.saved_tensors
        N, C = x.shape
        grad_loss = grad_of_each(grad_y.reshape(N) if ctx.reduction == "none" else grad_y, (N,), ctx.reduction)
        grad_x = x.new_empty(N, C)
        run = on(x.device, multi_margin_loss_backward_x_cpu, multi_margin_loss_backward_x_cuda, N)
        run(*arrays(grad_loss, x, target, weight, grad_x), *ctx.options)
        return grad_x, None, None, None, None, None, None


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """The margin loss of the scores `input` and the classes `target`, or its mean or sum.

    Shapes: `input` (N, C) or (C); `target` (N) or (), int64; `weight` (C). The result is a scalar; with `reduction="none"` it has
    the shape of the target. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `p` is neither 1 nor 2, `weight` does not have one dimension, or `reduction` is not "none", "mean" or "sum".
        RuntimeError: a target is not a class; sizes, dtypes or devices do not fit; `weight` requires grad.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor, or `margin` not a number.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    _check_options(p, weight)
    check_are_tensors("multi_margin_loss", input=input, target=target)
    margin = number("multi_margin_loss", "margin", margin)
    if input.dim() > 2 or (input.dim() and input.shape[-1] == 0):
        raise RuntimeError(
            f"multi_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}; "
            "wanted scores of shape (N, C) or (C)"
        )
    x = input if input.dim() == 2 else input.reshape(1, -1)
    N, C = x.shape
    if target.numel() != N or target.dim() > 1:
        raise RuntimeError(
            f"multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{N}], but got {list(target.shape)}. Input has shape {list(input.shape)}"
        )
    check_tensors("multi_margin_loss", input=input)
    if target.dtype is not int64:
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: the target holds class numbers; convert them with .long()"
        )
    if N and not 0 <= target.min().item() <= target.max().item() < C:
        raise RuntimeError(
            f"multi_margin_loss: target out of range: found classes from {target.min().item()} to {target.max().item()}, wanted "
            f"0 to {C - 1} (do they count from 1?)"
        )
    weight = _class_weight(weight, x)
    check_tensors("multi_margin_loss", input=x, weight=weight)
    return MultiMarginLossFunction.apply(x, target.reshape(N), weight, int(p), margin, reduction, target.shape)


def _check_options(p, weight):
    if p != 1 and p != 2:
        raise ValueError(f"only p == 1 and p == 2 supported, found {p!r}")
    if weight is not None and weight.dim() != 1:
        raise ValueError(
            f"MultiMarginLoss: expected weight to be None or 1D tensor, weight must be one-dimensional, got {weight.dim()}D instead: "
            "one number for each class"
        )


def _class_weight(weight, x):
    if weight is None:
        return x.new_ones(x.shape[1])
    check_no_gradient("multi_margin_loss", weight=weight)
    if len(weight) != x.shape[1]:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent weight size, expected {x.shape[1]}, one for each class, but got {list(weight.shape)}"
        )
    return weight


class MultiMarginLoss(_WeightedLoss):
    """The multi-class margin loss, as a module.

    Args:
        p: power of what is missing to the margin, 1 or 2.
        margin: by how much the right score must be larger.
        weight: how much the samples of each class count, (C).
        reduction: "none", "mean" (over the samples) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input (N, C) or (C), target (N) or (); as `multi_margin_loss`, which raises the errors when the module is called.

    Raises:
        ValueError: `p` is neither 1 nor 2, or `weight` does not have one dimension.
    """

    def __init__(self, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        _check_options(p, weight)
        self.p, self.margin = p, margin

    def forward(self, input, target):
        return multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )
