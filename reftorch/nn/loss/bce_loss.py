r"""Binary cross entropy of probabilities: minus the log-probability of the right answer, yes or no.

Each element is a separate question. The input is the predicted probability of "yes", the target is 1 for yes and 0 for no (or a
number between the two).

Use it when the network already gives probabilities. If it gives logits, `binary_cross_entropy_with_logits` computes the sigmoid
and this loss in one step, and is exact where a probability would be rounded to 0 or 1.

## Forward

$$l_i = - \left( t_i \log x_i + (1 - t_i) \log(1 - x_i) \right)$$

For $t_i = 1$ only the first term remains, for $t_i = 0$ only the second. A prediction of exactly 0 or 1 that is wrong would have
an infinite loss. So each logarithm is limited to at least $-100$:

$$l_i = - t_i \max(\log x_i, -100) - (1 - t_i) \max(\log(1 - x_i), -100)$$

With weights $w$, a loss is $w_i \, l_i$. `reduction="none"` returns all losses, "sum" their sum, "mean" (the default) the sum divided
by the number of elements $n$, whatever the weights.

## Gradients

Let $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient times $w_i$, divided by $n$). The derivative of
$\log x$ is $1/x$, that of $\log(1-x)$ is $-1/(1-x)$; with a common denominator:

$$\frac{\partial L}{\partial x_i} = g_i \left( - \frac{t_i}{x_i} + \frac{1 - t_i}{1 - x_i} \right)
= g_i \, \frac{x_i - t_i}{x_i \, (1 - x_i)}$$

The denominator is taken as at least $10^{-12}$, so the gradient stays finite. The loss is linear in the target:

$$\frac{\partial L}{\partial t_i} = g_i \left( \log(1 - x_i) - \log x_i \right)$$

## Cost

Two logarithms per element, which is nearly all of the time. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in
float32; backward reads $x$, $t$ and $g$ and writes the gradient: 16 bytes, with one division.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | from 0 to 1, any shape | input: the predicted probability, read as one row of elements |
| $t_i$ | `target` | from 0 to 1 | target: 1 for yes, 0 for no |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before weight and reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t_i}$ | `grad_target` | shape of $x$ | gradient of the loss for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The right answer is "yes" three times; the predictions are 1/2, 1/4 and 0. The last one is as wrong as possible: its loss is 100,
and its gradient is limited by the denominator.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([0.5, 0.25, 0], requires_grad=True)
>>> target = torch.ones(3, requires_grad=True)
>>> loss = F.binary_cross_entropy(x, target, reduction="none")
>>> loss
tensor([  0.6931,   1.3863, 100.0000], grad_fn=<BinaryCrossEntropyBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([-2.0000e+00, -4.0000e+00, -1.0000e+12])
>>> target.grad
tensor([0.0000, 1.0986,    inf])

## Questions

**What is the loss of a prediction of 1/2?**

$\log 2 = 0.693$, for either answer. A classifier with a larger mean loss is worse than guessing.

>>> F.binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([0., 1]))
tensor(0.6931)

**Why does the mean not divide by the sum of the weights, as cross_entropy does?**

PyTorch defines it in this way: a weight scales the loss of its element and nothing else.

>>> weight = torch.tensor([3., 1])
>>> F.binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.ones(2), weight).item() / F.binary_cross_entropy(
...     torch.tensor([0.5, 0.5]), torch.ones(2)).item()
2.0

**Why is the gradient for x not 0 where the logarithm is limited to -100?**

The limit is used for the loss only. With a gradient of 0, a wrong prediction of exactly 0 could never change.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.loss.pointwise import check_have_sizes, expanded_weight
from reftorch.nn.loss.reduction import _WeightedLoss, grad_of_each, reduced, reduction_name

SMALLEST = float(np.float32(1e-12))  # denominator; PyTorch keeps it in float32, also for inputs of float64


# ## The loss of each element
#
# $$l_i = - t_i \max(\log x_i, -100) - (1 - t_i) \max(\log(1 - x_i), -100)$$
#
# log1p(-x) is the logarithm of 1 - x without the rounding of the difference: exact for small x.
@njit(**PARALLEL)
def bce_loss_forward_cpu(x, target, loss):
    for i in prange(x.size):
        one = x.dtype.type(1)
        yes = max(math.log(x[i]), x.dtype.type(-100))
        no = max(math.log1p(-x[i]), x.dtype.type(-100))
        loss[i] = (target[i] - one) * no - target[i] * yes


@cuda.jit
def bce_loss_forward_cuda(x, target, loss):
    i = cuda.grid(1)
    if i >= x.size:
        return
    one = x.dtype.type(1)
    yes = max(math.log(x[i]), x.dtype.type(-100))
    no = max(math.log1p(-x[i]), x.dtype.type(-100))
    loss[i] = (target[i] - one) * no - target[i] * yes


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, \frac{x_i - t_i}{x_i \, (1 - x_i)}$$
@njit(**PARALLEL)
def bce_loss_backward_x_cpu(grad_loss, x, target, grad_x):
    for i in prange(x.size):
        denominator = max(x[i] * (x.dtype.type(1) - x[i]), x.dtype.type(SMALLEST))
        grad_x[i] = grad_loss[i] * (x[i] - target[i]) / denominator


@cuda.jit
def bce_loss_backward_x_cuda(grad_loss, x, target, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    denominator = max(x[i] * (x.dtype.type(1) - x[i]), x.dtype.type(SMALLEST))
    grad_x[i] = grad_loss[i] * (x[i] - target[i]) / denominator


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t_i} = g_i \, (\log(1 - x_i) - \log x_i)$$
@njit(**PARALLEL)
def bce_loss_backward_target_cpu(grad_loss, x, grad_target):
    for i in prange(x.size):
        grad_target[i] = grad_loss[i] * (math.log1p(-x[i]) - math.log(x[i]))


@cuda.jit
def bce_loss_backward_target_cuda(grad_loss, x, grad_target):
    i = cuda.grid(1)
    if i >= x.size:
        return
    grad_target[i] = grad_loss[i] * (math.log1p(-x[i]) - math.log(x[i]))


class BinaryCrossEntropyFunction(Function):
    """Binary cross entropy in the computation graph. x and target have one shape and dtype; weight that shape, or None."""

    @staticmethod
    def forward(ctx, x, target, weight, reduction):
        ctx.save_for_backward(x, target, weight)
        ctx.reduction = reduction
        loss = elementwise(bce_loss_forward_cpu, bce_loss_forward_cuda, x, target, fast=fast.bce_loss_forward)
        return reduced(loss if weight is None else loss * weight, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, weight = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        if weight is not None:
            grad_loss = grad_loss * weight
        grad_x = grad_target = None
        if ctx.needs_input_grad[0]:
            grad_x = elementwise(bce_loss_backward_x_cpu, bce_loss_backward_x_cuda, grad_loss, x, target)
        if ctx.needs_input_grad[1]:
            grad_target = elementwise(bce_loss_backward_target_cpu, bce_loss_backward_target_cuda, grad_loss, x)
        return grad_x, grad_target, None, None


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Binary cross entropy of the probabilities `input` and the answers `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; `weight` must broadcast to it. The result is a scalar; with `reduction="none"` it
    has the shape of the input. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: the shapes differ, or `reduction` is not "none", "mean" or "sum".
        RuntimeError: a number is not between 0 and 1, the dtypes or devices differ, `weight` does not fit or requires grad.
        NotImplementedError: `input` is not float32 or float64.
        AttributeError: an argument is not a tensor.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_have_sizes("binary_cross_entropy", input=input, target=target, weight=weight)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. Please "
            "ensure they have the same size; a column (N, 1) becomes a row (N) with .squeeze(1)"
        )
    weight = expanded_weight("binary_cross_entropy", "weight", weight, input)
    check_tensors("binary_cross_entropy", input=input, target=target)
    _check_range("input", input, "apply torch.sigmoid, or use binary_cross_entropy_with_logits, which takes logits")
    _check_range("target", target, "class numbers above 1 are for cross_entropy")
    return BinaryCrossEntropyFunction.apply(input, target, weight, reduction)


def _check_range(name, tensor, hint):
    """Raise RuntimeError unless all numbers are from 0 to 1; NaN is not."""
    numbers = tensor.detach()
    if numbers.numel() and not (numbers.min().item() >= 0 and numbers.max().item() <= 1):
        raise RuntimeError(
            f"all elements of {name} should be between 0 and 1: found numbers from {numbers.min().item()} to "
            f"{numbers.max().item()}; {hint}"
        )


class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities, as a module.

    Args:
        weight: how much each element counts; must broadcast to the input.
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `binary_cross_entropy`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)
