r"""The multi-label margin loss: the score of every right class must exceed the score of every wrong one by 1.

A sample may have several right classes. The target lists their numbers; the list ends at the first -1.

Use it when samples have several labels and only the order of the scores matters. `multilabel_soft_margin_loss` treats each label
as a separate yes-or-no question; `multi_margin_loss` is for one right class.

## Forward

For one sample with the scores $x[c]$ and the right classes $T$, each pair of a right class $k$ and a wrong class $c$ adds what
their difference lacks to 1:

$$l = \frac{1}{C} \sum_{k \in T} \; \sum_{c \notin T} \max \left( 0, 1 - (x[k] - x[c]) \right)$$

In general, sample $n$ lists its right classes as $y[n, 0], y[n, 1], \dots$ up to the first -1. A class that is listed twice counts
twice. `reduction="none"` returns all $l[n]$, "sum" their sum, "mean" (the default) the sum divided by $N$.

## Gradients

Let $g[n] = \partial L / \partial l[n]$ (for the mean, the upstream gradient divided by $N$). Each pair whose difference is below
1 adds the same amount $u$ to the gradient of the wrong class, and subtracts it from that of the right class:

$$\frac{\partial L}{\partial x}[n, c] \mathrel{+}= u, \qquad \frac{\partial L}{\partial x}[n, k] \mathrel{-}= u, \qquad
u = \frac{g[n]}{C}$$

## Cost

The number of right classes times that of wrong ones, for each sample: at most $C^2 / 4$ pairs of about four operations.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C)$ | input: score of each class |
| $y$ | `target` | $(N, C)$ | target: numbers of the right classes, up to the first -1 |
| $T$ | `is_target` | $(N, C)$ | 1 for the right classes, 0 for the wrong ones |
| $k$ | `k` | $0 \le k < C$ | a right class |
| $l$ | `loss` | $(N)$ | loss of each sample, before the reduction |
| $g$ | `grad_loss` | $(N)$ | gradient of the reduced loss for each sample's loss |
| $u$ | `u` | any number | gradient of one pair |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | a wrong class |

## Worked example

Classes 3 and 0 are right, 1 and 2 are wrong. Numbers after the -1 are not read:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[2., 4, 0, 5]], requires_grad=True)
>>> target = torch.tensor([[3, 0, -1, 1]])
>>> loss = F.multilabel_margin_loss(x, target)
>>> loss
tensor(0.7500, grad_fn=<MultilabelMarginLossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([[-0.2500,  0.2500,  0.0000,  0.0000]])

Of the four pairs only the pair of class 0 (score 2) and class 1 (score 4) has a loss: its difference of -2 lacks 3, and 3 is
divided by the 4 classes. The pair with the scores 5 and 4 has a difference of exactly 1, which is enough.

## Questions

**What is the loss of a sample without labels, a target that begins with -1?**

0, and so is its gradient: there is no pair.

**Why does the target have as many columns as there are classes?**

So that all samples of a batch fit into one tensor, however many labels each of them has; unused places hold -1.

**What does the division by C do?**

It only scales the loss. It does not give a mean over the pairs, because their number is different for each sample.

## Differences

- An empty batch has the mean NaN; in PyTorch it is undefined.
"""

from __future__ import annotations

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors
from reftorch.nn.loss.pointwise import check_are_tensors
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name
from reftorch.types import int64, uint8


# ## The loss of each sample
#
# $$l[n] = \frac{1}{C} \sum_{k \in T} \sum_{c \notin T} \max(0, 1 - x[n, k] + x[n, c])$$
#
# First the list of right classes becomes a row of 0 and 1, which backward needs again.
@njit(**PARALLEL)
def multi_label_margin_loss_forward_cpu(x, target, is_target, loss):
    N, C = x.shape
    for n in prange(N):
        for c in range(C):
            is_target[n, c] = 0
        labels = 0
        while labels < C and target[n, labels] >= 0:
            is_target[n, target[n, labels]] = 1
            labels += 1
        acc = np.float64(0)
        for label in range(labels):
            k = target[n, label]
            for c in range(C):
                missing = x.dtype.type(1) - x[n, k] + x[n, c]
                if is_target[n, c] == 0 and missing > x.dtype.type(0):
                    acc += missing
        loss[n] = acc / x.dtype.type(C)


@cuda.jit
def multi_label_margin_loss_forward_cuda(x, target, is_target, loss):
    N, C = x.shape
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    for c in range(C):
        is_target[n, c] = 0
    labels = 0
    while labels < C and target[n, labels] >= 0:
        is_target[n, target[n, labels]] = 1
        labels += 1
    acc = x.dtype.type(0)
    for label in range(labels):
        k = target[n, label]
        for c in range(C):
            missing = x.dtype.type(1) - x[n, k] + x[n, c]
            if is_target[n, c] == 0 and missing > x.dtype.type(0):
                acc += missing
    loss[n] = acc / x.dtype.type(C)


# ## The gradient of the scores
#
# $$\frac{\partial L}{\partial x}[n, c] \mathrel{+}= u, \qquad \frac{\partial L}{\partial x}[n, k] \mathrel{-}= u, \qquad
# u = g[n] / C$$
#
# One thread owns all classes of a sample, because each pair changes the gradients of two classes.
@njit(**PARALLEL)
def multi_label_margin_loss_backward_x_cpu(grad_loss, x, target, is_target, grad_x):
    N, C = x.shape
    for n in prange(N):
        u = grad_loss[n] / x.dtype.type(C)
        for c in range(C):
            grad_x[n, c] = 0
        label = 0
        while label < C and target[n, label] >= 0:
            k = target[n, label]
            for c in range(C):
                missing = x.dtype.type(1) - x[n, k] + x[n, c]
                if is_target[n, c] == 0 and missing > x.dtype.type(0):
                    grad_x[n, c] += u
                    grad_x[n, k] -= u
            label += 1


@cuda.jit
def multi_label_margin_loss_backward_x_cuda(grad_loss, x, target, is_target, grad_x):
    N, C = x.shape
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    u = grad_loss[n] / x.dtype.type(C)
    for c in range(C):
        grad_x[n, c] = 0
    label = 0
    while label < C and target[n, label] >= 0:
        k = target[n, label]
        for c in range(C):
            missing = x.dtype.type(1) - x[n, k] + x[n, c]
            if is_target[n, c] == 0 and missing > x.dtype.type(0):
                grad_x[n, c] += u
                grad_x[n, k] -= u
        label += 1


class MultilabelMarginLossFunction(Function):
    """The multi-label margin loss in the computation graph: x and target (N, C); the loss of shape `shape`."""

    @staticmethod
    def forward(ctx, x, target, reduction, shape):
        N, C = x.shape
        loss, is_target = x.new_empty(shape), x.new_empty(N, C, dtype=uint8)
        run = on(x.device, multi_label_margin_loss_forward_cpu, multi_label_margin_loss_forward_cuda, N)
        run(*arrays(x, target, is_target), *shaped((N,), loss))
        ctx.save_for_backward(x, target, is_target)
        ctx.reduction = reduction
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, is_target = ctx.saved_tensors
        N, C = x.shape
        grad_loss = grad_of_each(grad_y.reshape(N) if ctx.reduction == "none" else grad_y, (N,), ctx.reduction)
        grad_x = x.new_empty(N, C)
        run = on(x.device, multi_label_margin_loss_backward_x_cpu, multi_label_margin_loss_backward_x_cuda, N)
        run(*arrays(grad_loss, x, target, is_target, grad_x))
        return grad_x, None, None, None


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """The multi-label margin loss of the scores `input` and the lists of classes `target`, or its mean or sum.

    Shapes: `input` (N, C) or (C); `target` the same, int64. The result is a scalar; with `reduction="none"` it has the shape (N)
    or (). `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: a target is neither a class nor -1; sizes, dtypes or devices do not fit.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_are_tensors("multilabel_margin_loss", input=input, target=target)
    if input.dim() > 2 or (input.dim() and input.shape[-1] == 0):
        raise RuntimeError(
            "multilabel_margin_loss: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}; wanted scores of shape (N, C) or (C)"
        )
    if target.shape != input.shape:
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}; the "
            "target lists class numbers and fills its rows with -1 up to the number of classes"
        )
    check_tensors("multilabel_margin_loss", input=input)
    if target.dtype is not int64:
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: the target lists class numbers (not 0 and 1 for each class); "
            "convert them with .long()"
        )
    x, target = (tensor if tensor.dim() == 2 else tensor.reshape(1, -1) for tensor in (input, target))
    C = x.shape[1]
    if target.numel() and not -1 <= target.min().item() <= target.max().item() < C:
        raise RuntimeError(
            f"multilabel_margin_loss: argument #2 'target' is out of range: found numbers from {target.min().item()} to "
            f"{target.max().item()}, wanted -1 (end of the list) or classes from 0 to {C - 1}"
        )
    return MultilabelMarginLossFunction.apply(x, target, reduction, input.shape[:-1])


class MultiLabelMarginLoss(_Loss):
    """The multi-label margin loss, as a module.

    Args:
        reduction: "none", "mean" (over the samples) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (N, C) or (C); as `multilabel_margin_loss`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return multilabel_margin_loss(input, target, reduction=self.reduction)
