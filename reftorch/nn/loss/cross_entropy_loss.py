r"""Cross entropy: minus the logarithm of the probability of the right class, the loss that most classifiers are trained with.

A network gives each class a number, the logit, and softmax turns the logits into probabilities. The loss of a sample is 0 if its
class has probability 1, and $\log C$ if all $C$ classes have the same probability. It grows without bound as the probability of
the class goes to 0.

Use it when each sample belongs to one of several classes; `binary_cross_entropy_with_logits` is for yes or no, `nll_loss` for
log-probabilities that are already computed.

## Forward

The simplest case is one sample of class $k$: $l = - \log p[k]$. In general, `log_softmax` turns the logits $x$ into $\log
p$. The label $y[n, d]$ of a sample, smoothed by $\varepsilon$ (`label_smoothing`), is a distribution $q$ over the classes; $w$
holds the class weights.

$$q[n, c, d] = a \, [c = y[n, d]] + b \qquad a = 1 - \varepsilon \qquad b = \varepsilon / C$$

$$l[n, d] = - \sum_{c=0}^{C-1} w[c] \, q[n, c, d] \, \log p[n, c, d]$$

Without smoothing only one term remains, $l[n, d] = - w[y[n, d]] \, \log p[n, y[n, d], d]$. A sample whose label is `ignore_index`
$= \iota$ has no loss: $l[n, d] = 0$. `reduction="none"` returns $l$, "sum" its sum, and "mean" divides the sum by the weights of
the labels:

$$L = \frac{\sum_{n,d} l[n, d]}{\sum_{n,d} s[n, d]} \qquad
s[n, d] = \begin{cases} w[y[n, d]] & \text{if } y[n, d] \ne \iota \\ 0 & \text{otherwise} \end{cases}$$

So the mean is NaN if nothing counts (an empty batch, all labels ignored, all weights zero). If the target is floating point and
has the shape of the input, it holds $q$ itself, before smoothing: see `soft_cross_entropy.py`.

## Gradients

The derivative of a log-probability is $\partial \log p[c'] / \partial x[c] = [c = c'] - p[c]$. With $g = \partial L /
\partial l$ (for the mean, the upstream gradient divided by $\sum s$; 0 for an ignored sample) and $M$, the mass of the
weighted target:

$$\frac{\partial L}{\partial x}[n, c, d] = g[n, d] \left( M[n, d] \, e^{\log p[n, c, d]} - w[c] \, q[n, c, d] \right) \qquad
M[n, d] = \sum_{c=0}^{C-1} w[c] \, q[n, c, d] = a \, w[y[n, d]] + \sum_{c=0}^{C-1} b \, w[c]$$

Without weights $M = 1$ and the bracket is $p - q$: the predicted distribution minus the target.

## Cost

After $\log p$: forward $N D$ reads of $\log p$ (with smoothing $N C D$ reads and as many multiply-adds); backward $N C D$
exponentials, $\log p$ read once and $\partial L / \partial x$ written once. Almost all of the time is spent on $N C D$
exponentials, in forward and in backward.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\log p$ | `log_p` | $(N, C, D)$ | logarithm of the probability of each class |
| $y$ | `target` | $(N, D)$ | target: the class of each sample, $0 \le y < C$, or $\iota$ |
| $y[n, d]$ | `label` | | the label of one sample |
| $\iota$ | `ignore_index` | any integer | samples with this label do not count |
| $w$ | `weight` | $(C)$ | weight: how much each class counts; all 1 if none are given |
| $q$ | `q` | | the label as a distribution over the classes |
| $a$ | `a` | $0 \le a \le 1$ | share that stays with the label after smoothing |
| $b$ | `b` | $0 \le b \le 1 / C$ | what smoothing gives to each class |
| $l$ | `loss` | $(N, D)$ | loss of each sample, before the reduction |
| $s$ | `share` | $(N, D)$ | how much each sample counts in the mean |
| $g$ | `grad_loss` | $(N, D)$ | gradient of the reduced loss for each sample's loss |
| $M$ | `mass` | | sum of the weighted target over the classes |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel); $D = 1$ if there is only one |

## Worked example

Two samples, three classes. The probabilities of the first sample are in the ratio 1 : 1 : 2, and its class is the last one. Those
of the second are in the ratio 4 : 3 : 1, and its class is the first one. Both classes have probability 1/2, so both losses are
$\log 2$. The gradient is $p$ minus the label, divided by the 2 samples:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 1, 2], [4, 3, 1]]).log().requires_grad_()
>>> target = torch.tensor([2, 0])
>>> F.cross_entropy(x, target, reduction="none")
tensor([0.6931, 0.6931], grad_fn=<NllLossBackward0>)
>>> F.cross_entropy(x, target).backward()
>>> x.grad
tensor([[ 0.1250,  0.1250, -0.2500],
        [-0.2500,  0.1875,  0.0625]])

With weights, the mean is a weighted mean. An ignored sample (here the second) has the loss 0:

>>> weight = torch.tensor([1., 1, 3])
>>> F.cross_entropy(x, target, weight=weight, reduction="sum").item() / 4 == F.cross_entropy(x, target, weight=weight).item()
True
>>> F.cross_entropy(x, torch.tensor([2, -100]), reduction="none")
tensor([0.6931, 0.0000], grad_fn=<NllLossBackward0>)

## Questions

**What is the loss of a prediction that gives all ten classes the same probability?**

$\log 10$:

>>> round(F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item(), 4)
2.3026

**Must a network end with softmax before this loss?**

No: the loss computes log_softmax itself, from the logits. A softmax before it would be a second one, and would make learning
slow.

**What is the sum of the gradients of one sample's logits?**

0: $p$ sums to 1, so the first term sums to $M$, and the second term sums to $M$ too.

**Why are log_softmax and the negative log-likelihood one function here?**

Because their joint gradient is $p - q$, which needs no division by a small probability.

## Differences

- In older documentation, the mean is the sum divided by the number of samples also when there are weights. PyTorch divides by the
  sum of the weights, as above, and by the number of samples only for class probabilities.
- A `label_smoothing` below 0 counts as 0, in PyTorch too.
- For unbatched logits $(C)$ a target of shape $(1)$ works as well as one without dimensions. PyTorch then fails in backward.
- An infinite or NaN weight makes every gradient NaN. In PyTorch, without smoothing, it affects only the samples of its class.
- PyTorch takes float16 logits, and differentiates a loss twice. Both raise an error here.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function, is_grad_enabled
from reftorch.kernel import PARALLEL, arrays, cuda, fast_forms, njit, on, prange
from reftorch.nn.activation.log_softmax import log_softmax_forward_cpu, log_softmax_forward_cuda
from reftorch.nn.arguments import filled
from reftorch.nn.loss.classes import (
    check_class_weight,
    check_label_dtype,
    check_label_range,
    check_label_shape,
    check_logits,
    check_tensor,
    class_extents,
    label_shape,
)
from reftorch.nn.loss.reduction import _WeightedLoss, loss_mean, loss_mean_backward, loss_sum, reduction_name
from reftorch.nn.loss.soft_cross_entropy import SoftCrossEntropyFunction
from reftorch.types import CPU, float32, float64, int64


# ## The loss of each sample, and how much it counts
#
# $$l[n, d] = - \sum_c w[c] \, q[n, c, d] \, \log p[n, c, d] \qquad s[n, d] = w[y[n, d]]$$
#
# An ignored label may lie outside the classes, so it is never used as an index. Without smoothing ($b = 0$) the other classes are
# not read either: one of them may have probability 0, and 0 times $\log 0$ would be NaN.
@njit(**PARALLEL)
def cross_entropy_forward_cpu(log_p, target, weight, loss, share, keep, spread, ignore_index):
    N, C, D = log_p.shape
    for n in prange(N):
        for d in range(D):
            a = loss.dtype.type(keep)
            b = loss.dtype.type(spread)
            label = target[n, d]
            acc = np.float64(0)
            share[n, d] = 0
            if label != ignore_index:
                acc -= a * weight[label] * log_p[n, label, d]
                share[n, d] = weight[label]
                if b > 0:
                    for c in range(C):
                        acc -= b * weight[c] * log_p[n, c, d]
            loss[n, d] = acc


@cuda.jit
def cross_entropy_forward_cuda(log_p, target, weight, loss, share, keep, spread, ignore_index):
    N, C, D = log_p.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= loss.size:
        return
    d = i % D
    n = i // D
    a = loss.dtype.type(keep)
    b = loss.dtype.type(spread)
    label = target[n, d]
    acc = loss.dtype.type(0)
    share[n, d] = 0
    if label != ignore_index:
        acc -= a * weight[label] * log_p[n, label, d]
        share[n, d] = weight[label]
        if b > 0:
            for c in range(C):
                acc -= b * weight[c] * log_p[n, c, d]
    loss[n, d] = acc


# ## The gradient for the logits
#
# $$\frac{\partial L}{\partial x}[n, c, d] = g[n, d] \left( M[n, d] \, p[n, c, d] - w[c] \, q[n, c, d] \right)$$
#
# All classes of a sample share its mass, so one thread computes the mass and then the gradient of each class.
@njit(**PARALLEL)
def cross_entropy_backward_x_cpu(grad_loss, log_p, target, weight, grad_x, keep, spread, ignore_index):
    N, C, D = grad_x.shape
    for n in prange(N):
        for d in range(D):
            a = grad_x.dtype.type(keep)
            b = grad_x.dtype.type(spread)
            label = target[n, d]
            g = grad_x.dtype.type(0)
            mass = np.float64(0)
            if label != ignore_index:
                g = grad_loss[n, d]
                mass += a * weight[label]
                for c in range(C):
                    mass += b * weight[c]
            for c in range(C):
                q = b
                if c == label:
                    q += a
                grad_x[n, c, d] = g * (mass * math.exp(log_p[n, c, d]) - weight[c] * q)


@cuda.jit
def cross_entropy_backward_x_cuda(grad_loss, log_p, target, weight, grad_x, keep, spread, ignore_index):
    N, C, D = grad_x.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= grad_loss.size:
        return
    d = i % D
    n = i // D
    a = grad_x.dtype.type(keep)
    b = grad_x.dtype.type(spread)
    label = target[n, d]
    g = grad_x.dtype.type(0)
    mass = grad_x.dtype.type(0)
    if label != ignore_index:
        g = grad_loss[n, d]
        mass += a * weight[label]
        for c in range(C):
            mass += b * weight[c]
    for c in range(C):
        q = b
        if c == label:
            q += a
        grad_x[n, c, d] = g * (mass * math.exp(log_p[n, c, d]) - weight[c] * q)


class CrossEntropyFunction(Function):
    """Cross entropy on the tape, for a target of class indices. `constants` are a and b of the formulas, and the ignored label."""

    @staticmethod
    def forward(ctx, x, target, weight, constants, reduction):
        N, C, D = class_extents(x.shape)
        log_p = x.new_empty(N, C, D)
        ctx.shape, ctx.constants, ctx.reduction = x.shape, constants, reduction
        ctx.save_for_backward(log_p, target, weight)
        ctx.torch_name = "AddBackward0" if constants[1] else "NllLossBackward0" if x.ndim < 3 else "NllLoss2DBackward0"
        if in_one_kernel(log_p, reduction):
            mean, ctx.divisor = x.new_empty(()), x.new_empty(())
            fast.mean_cross_entropy(*arrays(x, target, weight, log_p, mean, ctx.divisor), *constants)
            return mean
        loss, share = x.new_empty(N, D), x.new_empty(N, D)
        logits, logarithms, labels, *others = arrays(x, log_p, target, weight, loss, share)
        run = on(x.device, log_softmax_forward_cpu, log_softmax_forward_cuda, N * D, fast.log_softmax_forward)
        run(logits.reshape(N, C, D), logarithms)
        run = on(x.device, cross_entropy_forward_cpu, cross_entropy_forward_cuda, N * D)
        run(logarithms, labels.reshape(N, D), *others, *constants)
        if reduction == "none":
            return loss.reshape(label_shape(x.shape))
        if reduction == "sum":
            return loss_sum(loss)
        mean, ctx.divisor = loss_mean(loss, share)
        return mean

    @staticmethod
    def backward(ctx, grad_y):
        log_p, target, weight = ctx.saved_tensors
        N, C, D = log_p.shape
        grad_x = log_p.new_empty(ctx.shape)
        if in_one_kernel(log_p, ctx.reduction):
            given = arrays(grad_y, ctx.divisor, log_p, target, weight, grad_x)
            fast.mean_cross_entropy_backward_x(*given, *ctx.constants)
            return grad_x, None, None, None, None
        if ctx.reduction == "none":
            grad_loss = grad_y.reshape(N, D)
        elif ctx.reduction == "sum":
            grad_loss = grad_y.expand(N, D)
        else:
            grad_loss = loss_mean_backward(grad_y, ctx.divisor, (N, D))
        run = on(
            log_p.device,
            cross_entropy_backward_x_cpu,
            cross_entropy_backward_x_cuda,
            N * D,
            fast.cross_entropy_backward_x,
        )
        gradients, logarithms, labels, weights, result = arrays(grad_loss, log_p, target, weight, grad_x)
        run(gradients, logarithms, labels.reshape(N, D), weights, result.reshape(N, C, D), *ctx.constants)
        return grad_x, None, None, None, None


def in_one_kernel(log_p, reduction):
    """Whether a fast form computes the mean and the losses together: for a batch so small that the calls of kernels take most of the time."""
    return reduction == "mean" and fast_forms() and log_p.device is CPU and fast.suits_mean_cross_entropy(log_p.array)


def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """Cross entropy between logits and classes, or probabilities of classes.

    Shapes: `input` (C), (N, C) or (N, C, d1, ..., dK), floating point. `target` without the C, int64 or uint8: class indices; or
    with the input's shape, floating point: class probabilities. `weight` (C). The result is a scalar; with `reduction="none"` it
    has the shape of class indices. `size_average` and `reduce` are deprecated and override `reduction`. Formulas: above.

    Raises:
        ValueError: batch sizes differ, or `reduction` is not "none", "mean" or "sum".
        IndexError: a label is neither a class nor `ignore_index`.
        RuntimeError: other sizes or dtypes do not fit; `label_smoothing` is above 1; `ignore_index` >= 0 with probabilities;
            `weight` requires grad, and the target holds class indices.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor, or not a number.
    """
    for name, value in (("input", input), ("target", target)):
        check_tensor("cross_entropy", name, value)
    if not hasattr(ignore_index, "__index__"):
        raise TypeError(f"cross_entropy(): argument 'ignore_index' must be int, not {type(ignore_index).__name__}")
    reduction = reduction_name(reduction, size_average, reduce)
    if label_smoothing > 1:
        raise RuntimeError(
            f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing} (it is a share, not a percentage)"
        )
    if target.shape == input.shape:
        _check_probabilities(input, target)
    check_logits("cross_entropy", input)
    if weight is None:
        weight = filled(input, class_extents(input.shape)[1], 1)
    else:
        check_tensor("cross_entropy", "weight", weight)
        check_class_weight(weight, input)
    smoothing = float(label_smoothing) if label_smoothing > 0 else 0.0
    keep, spread = 1 - smoothing, smoothing / max(1, len(weight))
    if target.shape == input.shape:
        return _with_probabilities(input, target, weight, keep, spread, ignore_index, reduction)
    return _with_labels(input, target, weight, keep, spread, ignore_index, reduction)


def _with_labels(input, target, weight, keep, spread, ignore_index, reduction):
    """`cross_entropy` of class indices, after the checks of the options."""
    check_label_shape(input, target)
    check_label_dtype(target)
    if weight.dtype != input.dtype:
        raise RuntimeError(
            f"expected weight of {input.dtype}, the dtype of input, but found {weight.dtype}: convert one of them"
        )
    if weight.requires_grad and is_grad_enabled():
        raise RuntimeError(
            "cross_entropy is not differentiable with respect to weight if the target holds class indices: "
            "pass weight.detach()"
        )
    target = target if target.dtype is int64 else target.to(int64)
    check_label_range(target, len(weight), ignore_index)
    return CrossEntropyFunction.apply(input, target, weight, (keep, spread, ignore_index), reduction)


def _check_probabilities(input, target):
    if not target.is_floating_point():
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}: a target of the "
            f"input's shape {list(input.shape)} holds probabilities; class indices have shape "
            f"{list(label_shape(input.shape)) if input.dim() else 'without the classes'}"
        )


def _with_probabilities(input, target, weight, keep, spread, ignore_index, reduction):
    """`cross_entropy` of class probabilities, after the checks of the options; the widest of the three dtypes is used."""
    if ignore_index >= 0:
        raise RuntimeError(
            f"ignore_index is not supported for floating point target, and it is {ignore_index}: to ignore a sample, "
            "make all its probabilities 0"
        )
    dtype = float64 if float64 in (input.dtype, target.dtype, weight.dtype) else float32
    return SoftCrossEntropyFunction.apply(input.to(dtype), target.to(dtype), weight.to(dtype), keep, spread, reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Cross entropy between logits and classes, or probabilities of classes, as a module.

    Args:
        weight: how much each class counts, (C). It is a buffer, and in the state_dict if given.
        ignore_index: samples with this label do not count; it need not be a class.
        reduction: "none", "mean" (weighted) or "sum".
        label_smoothing: share of each label that is spread over all classes, from 0 to 1.
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: as `cross_entropy`, which raises the errors when the module is called.
    """

    def __init__(
        self,
        weight=None,
        size_average=None,
        ignore_index=-100,
        reduce=None,
        reduction="mean",
        label_smoothing=0.0,
    ):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input, target):
        return cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
