r"""The multi-label soft margin loss: each class is a yes-or-no question, and a sample's loss is the mean over its classes.

The input holds a logit for each class, the target 1 for the classes that the sample has and 0 for the others.

Use it when the loss of each sample is wanted, not that of each element. Otherwise `binary_cross_entropy_with_logits` is the same with
more options; `multilabel_margin_loss` compares right classes with wrong ones.

## Forward

With the sigmoid $s(x) = 1 / (1 + e^{-x})$, the probability of "yes". For one class it is binary cross entropy; a sample's loss is
the mean over its $C$ classes, with a weight $w$ for each:

$$l[n] = - \frac{1}{C} \sum_{c=0}^{C-1} w[c] \left( t[n, c] \log s(x[n, c]) + (1 - t[n, c]) \log s(-x[n, c]) \right)$$

Both logarithms are computed without overflow. One of $- \log s(x)$ and $- \log s(-x)$ is $h = \log(1 + e^{-|x|})$: the first for
logits of at least 0, the second for those below. The other one is $h + |x|$. Its factor is $q$, the part of the target that
contradicts the sign of the logit:

$$- t \log s(x) - (1 - t) \log s(-x) = h + q \, |x| \qquad q = \begin{cases} t & \text{if } x < 0 \\ 1 - t & \text{otherwise} \end{cases}$$

`reduction="none"` returns all $l[n]$, "sum" their sum, "mean" (the default) the sum divided by $N$.

## Gradients

Let $g[n] = \partial L / \partial l[n]$ (for the mean, the upstream gradient divided by $N$). The derivative of $-\log s(x)$ is
$s(x) - 1$, that of $-\log s(-x)$ is $s(x)$:

$$\frac{\partial L}{\partial x}[n, c] = \frac{g[n] \, w[c]}{C} \left( s(x[n, c]) - t[n, c] \right)$$

The loss is linear in the target and in the weight; the difference of the two logarithms is $x$:

$$\frac{\partial L}{\partial t}[n, c] = - \frac{g[n] \, w[c]}{C} \, x[n, c] \qquad
\frac{\partial L}{\partial w}[n, c] = \frac{g[n]}{C} \left( h + q \, |x[n, c]| \right)$$

A weight that is shared by all samples gets the sum of the last gradient over $n$.

## Cost

One exponential and one logarithm per element in forward, one exponential in backward. Forward reads $x$ and $t$ and writes one
number for each sample.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C)$ | input: logit of each class |
| $t$ | `target` | $(N, C)$ | target: 1 for the classes that the sample has, 0 for the others |
| $w$ | `weight` | $(N, C)$ or 1 | weight: how much each class counts, repeated for all samples; 1 if none is given |
| $h$ | `h` | above 0 | minus the logarithm of the larger probability, that of "yes" or that of "no" |
| $q$ | `q` | from 0 to 1 | part of the target that contradicts the sign of the logit |
| $l$ | `loss` | $(N)$ | loss of each sample, before the reduction |
| $g$ | `grad_loss` | $(N)$ | gradient of the reduced loss for each sample's loss |
| $s$ | `s` | from 0 to 1 | probability of "yes" |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t}$ | `grad_target` | $(N, C)$ | gradient of the loss for $t$ |
| $\frac{\partial L}{\partial w}$ | `grad_weight` | $(N, C)$ | gradient of the loss for $w$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |

## Worked example

Two samples, two classes. The odds of "yes", $s / (1 - s)$, are 1, 3, 1/3 and 1/3. The probabilities of the right answers are 1/2,
3/4, 3/4 and 1/4:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 3], [1/3, 1/3]]).log().requires_grad_()
>>> target = torch.tensor([[1., 1], [0, 1]], requires_grad=True)
>>> weight = torch.ones(2, requires_grad=True)
>>> F.multilabel_soft_margin_loss(x, target, weight, reduction="none")
tensor([0.4904, 0.8370], grad_fn=<MultilabelSoftMarginLossBackward0>)
>>> F.multilabel_soft_margin_loss(x, target, weight, reduction="sum").backward()
>>> x.grad
tensor([[-0.2500, -0.1250],
        [ 0.1250, -0.3750]])
>>> target.grad
tensor([[-0.0000, -0.5493],
        [ 0.5493,  0.5493]])
>>> weight.grad
tensor([0.4904, 0.8370])

## Questions

**What is the difference from binary_cross_entropy_with_logits?**

With the mean, none. With "none" this loss has one number for each sample. With "sum" it is the other sum divided by C.

>>> torch.allclose(F.multilabel_soft_margin_loss(x, target), F.binary_cross_entropy_with_logits(x, target))
True

**What does the target look like for a sample with the labels 0 and 3 of 5?**

[1, 0, 0, 1, 0]: one number for each class, floating point. Lists of class numbers are for `multilabel_margin_loss`.

**May all targets of a sample be 0?**

Yes: then all answers are "no".

## Differences

- If a weight has more dimensions than the input, the classes are the last dimension here. PyTorch then sums over another
  dimension.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, flat, njit, on, prange, shaped
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, promoted
from reftorch.nn.loss.reduction import _WeightedLoss, grad_of_each, legacy_reduction, reduced, reduction_name


# ## The loss of each sample
#
# $$l[n] = \frac{1}{C} \sum_c w[c] \, (h + q \, |x[n, c]|)$$
#
# `weight` has one number for each element of x, or only one for all. Nothing is subtracted that may be
# infinite, so the loss of an infinite logit is infinite; it is NaN if $q$ is 0.
@njit(**PARALLEL)
def multi_label_soft_margin_loss_forward_cpu(x, target, weight, loss):
    N, C = x.shape
    for n in prange(N):
        acc = np.float64(0)
        for c in range(C):
            h = math.log1p(math.exp(-abs(x[n, c])))
            q = target[n, c]
            if x[n, c] >= x.dtype.type(0):
                q = x.dtype.type(1) - q
            w = weight[(n * C + c) % weight.size]
            acc += w * (h + q * abs(x[n, c]))
        loss[n] = acc / x.dtype.type(C)


@cuda.jit
def multi_label_soft_margin_loss_forward_cuda(x, target, weight, loss):
    N, C = x.shape
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    acc = x.dtype.type(0)
    for c in range(C):
        h = math.log1p(math.exp(-abs(x[n, c])))
        q = target[n, c]
        if x[n, c] >= x.dtype.type(0):
            q = x.dtype.type(1) - q
        w = weight[(n * C + c) % weight.size]
        acc += w * (h + q * abs(x[n, c]))
    loss[n] = acc / x.dtype.type(C)


# ## The gradient of the logits
#
# $$\frac{\partial L}{\partial x}[n, c] = g[n] \, w[c] \, (s - t[n, c]) / C$$
@njit(**PARALLEL)
def multi_label_soft_margin_loss_backward_x_cpu(grad_loss, x, target, weight, grad_x):
    N, C = x.shape
    for n in prange(N):
        for c in range(C):
            s = x.dtype.type(1) / (x.dtype.type(1) + math.exp(-x[n, c]))
            w = weight[(n * C + c) % weight.size]
            grad_x[n, c] = grad_loss[n] * w * (s - target[n, c]) / x.dtype.type(C)


@cuda.jit
def multi_label_soft_margin_loss_backward_x_cuda(grad_loss, x, target, weight, grad_x):
    N, C = x.shape
    i = cuda.grid(1)
    if i >= x.size:
        return
    c = i % C
    n = i // C
    s = x.dtype.type(1) / (x.dtype.type(1) + math.exp(-x[n, c]))
    w = weight[(n * C + c) % weight.size]
    grad_x[n, c] = grad_loss[n] * w * (s - target[n, c]) / x.dtype.type(C)


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t}[n, c] = - g[n] \, w[c] \, x[n, c] / C$$
@njit(**PARALLEL)
def multi_label_soft_margin_loss_backward_target_cpu(grad_loss, x, weight, grad_target):
    N, C = x.shape
    for n in prange(N):
        for c in range(C):
            w = weight[(n * C + c) % weight.size]
            grad_target[n, c] = -grad_loss[n] * w * x[n, c] / x.dtype.type(C)


@cuda.jit
def multi_label_soft_margin_loss_backward_target_cuda(grad_loss, x, weight, grad_target):
    N, C = x.shape
    i = cuda.grid(1)
    if i >= x.size:
        return
    c = i % C
    n = i // C
    w = weight[(n * C + c) % weight.size]
    grad_target[n, c] = -grad_loss[n] * w * x[n, c] / x.dtype.type(C)


# ## The gradient of the weights, before it is summed over the samples
#
# $$\frac{\partial L}{\partial w}[n, c] = g[n] \, (h + q \, |x[n, c]|) / C$$
@njit(**PARALLEL)
def multi_label_soft_margin_loss_backward_weight_cpu(grad_loss, x, target, grad_weight):
    N, C = x.shape
    for n in prange(N):
        for c in range(C):
            h = math.log1p(math.exp(-abs(x[n, c])))
            q = target[n, c]
            if x[n, c] >= x.dtype.type(0):
                q = x.dtype.type(1) - q
            grad_weight[n, c] = grad_loss[n] * (h + q * abs(x[n, c])) / x.dtype.type(C)


@cuda.jit
def multi_label_soft_margin_loss_backward_weight_cuda(grad_loss, x, target, grad_weight):
    N, C = x.shape
    i = cuda.grid(1)
    if i >= x.size:
        return
    c = i % C
    n = i // C
    h = math.log1p(math.exp(-abs(x[n, c])))
    q = target[n, c]
    if x[n, c] >= x.dtype.type(0):
        q = x.dtype.type(1) - q
    grad_weight[n, c] = grad_loss[n] * (h + q * abs(x[n, c])) / x.dtype.type(C)


class MultilabelSoftMarginLossFunction(Function):
    """The multi-label soft margin loss in the computation graph: x and target of one shape (..., C), weight that shape or (1)."""

    @staticmethod
    def forward(ctx, x, target, weight, reduction):
        ctx.save_for_backward(x, target, weight)
        ctx.reduction = reduction
        ctx.rows = x.shape[:-1].numel()
        loss = x.new_empty(x.shape[:-1])
        kernels = multi_label_soft_margin_loss_forward_cpu, multi_label_soft_margin_loss_forward_cuda
        run = on(x.device, *kernels, ctx.rows, fast.multi_label_soft_margin_loss_forward)
        run(*shaped((ctx.rows, x.shape[-1]), x, target), *flat(weight, loss))
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, weight = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape[:-1], ctx.reduction).reshape(ctx.rows)
        table = ctx.rows, x.shape[-1]
        (gradients,), (weights,) = arrays(grad_loss), flat(weight)
        grad_x = grad_target = grad_weight = None
        if ctx.needs_input_grad[0]:
            kernels = multi_label_soft_margin_loss_backward_x_cpu, multi_label_soft_margin_loss_backward_x_cuda
            grad_x = x.new_empty(x.shape)
            run = on(x.device, *kernels, x.numel(), fast.multi_label_soft_margin_loss_backward_x)
            run(gradients, *shaped(table, x, target), weights, *shaped(table, grad_x))
        if ctx.needs_input_grad[1]:
            kernels = (
                multi_label_soft_margin_loss_backward_target_cpu,
                multi_label_soft_margin_loss_backward_target_cuda,
            )
            grad_target = x.new_empty(x.shape)
            on(x.device, *kernels, x.numel())(gradients, *shaped(table, x), weights, *shaped(table, grad_target))
        if ctx.needs_input_grad[2]:
            kernels = (
                multi_label_soft_margin_loss_backward_weight_cpu,
                multi_label_soft_margin_loss_backward_weight_cuda,
            )
            grad_weight = x.new_empty(x.shape)
            on(x.device, *kernels, x.numel())(gradients, *shaped(table, x, target, grad_weight))
        return grad_x, grad_target, grad_weight, None


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Binary cross entropy of the logits `input` and the labels `target`, averaged over the last dimension, or its mean or sum.

    Shapes: `input` and `target` (N, C) or any (..., C), the same; others, and `weight`, are broadcast. The result is a scalar; with
    `reduction="none"` it has the shape without the C. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        IndexError: `input` has no dimensions.
        RuntimeError: the shapes do not broadcast, or the devices differ.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    tensors = dict(input=input, target=target) | ({} if weight is None else {"weight": weight})
    check_are_tensors("multilabel_soft_margin_loss", **tensors)
    if input.dtype.is_complex or not input.is_floating_point():
        raise NotImplementedError(
            f"multilabel_soft_margin_loss is not implemented for {input.dtype}: convert the input, for example with x.float()"
        )
    if input.dim() == 0:
        raise IndexError(
            "multilabel_soft_margin_loss: Dimension specified as -1 but tensor has no dimensions: the last dimension of the input "
            "holds the classes; wanted (C), (N, C) or (..., C)"
        )
    x, target, *weights = broadcast(*tensors.values(), warn=False)
    x, target, *weights = promoted("multilabel_soft_margin_loss", x, target, *weights)
    reduction = reduction_name(reduction)
    weight = weights[0] if weights else x.new_ones(1)
    return MultilabelSoftMarginLossFunction.apply(x, target, weight, reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The multi-label soft margin loss, as a module.

    Args:
        weight: how much each class counts; must broadcast to the input.
        reduction: "none", "mean" (over the samples) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (N, C), the same; as `multilabel_soft_margin_loss`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)
