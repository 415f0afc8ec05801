r"""Binary cross entropy of logits: a sigmoid and the loss of a yes-or-no question in one exact step.

Each element is a separate question. The input is any number; a larger one means a larger probability of "yes". The target is 1
for yes and 0 for no (or a number between the two).

Use it when each sample may have several labels, or when there are only two classes: it is the standard loss for both.
`binary_cross_entropy` takes probabilities instead; `cross_entropy` is for one class out of many.

## Forward

The probability of "yes" is $s_i = 1 / (1 + e^{-x_i})$, the sigmoid. Minus its logarithm is $\log(1 + e^{-x_i})$, which would
overflow for very negative $x_i$. This form never overflows:

$$h_i = - \log s_i = \log(1 + e^{-|x_i|}) + \max(-x_i, 0)$$

And $-\log(1 - s_i) = x_i + h_i$. So binary cross entropy is:

$$l_i = t_i \, h_i + (1 - t_i) (x_i + h_i) = (1 - t_i) \, x_i + h_i$$

With `pos_weight` $q$ a missed "yes" costs $q_i$ times as much: $q_i$ multiplies only the term $t_i \, h_i$.

$$l_i = (1 - t_i) \, x_i + \left( 1 + (q_i - 1) \, t_i \right) h_i$$

With weights $w$, a loss is $w_i \, l_i$. `reduction="none"` returns all losses, "sum" their sum, "mean" (the default) the sum divided
by the number of elements $n$, whatever the weights.

## Gradients

Let $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient times $w_i$, divided by $n$). The derivative of $h_i$ is
$s_i - 1$; collect the terms with $s_i$:

$$\frac{\partial L}{\partial x_i} = g_i \left( s_i \, (1 - t_i + q_i t_i) - q_i t_i \right)$$

Without `pos_weight` it is $g_i (s_i - t_i)$, the predicted probability minus the target. The loss is linear in the target:

$$\frac{\partial L}{\partial t_i} = g_i \left( q_i \, h_i - r_i \right) \qquad r_i = - \log(1 - s_i) = x_i + h_i$$

## Cost

Forward takes one exponential and one logarithm per element, backward one exponential. These take nearly all of the time. Forward
reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$, $t$ and $g$ and writes the gradient: 16
bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: the logit, read as one row of elements |
| $t_i$ | `target` | from 0 to 1 | target: 1 for yes, 0 for no |
| $q_i$ | `q` | any number | how much a missed "yes" counts; `pos_weight`, repeated to the shape of $x$; 1 if none is given |
| $h_i$ | `h` | above 0 | minus the logarithm of the probability of "yes" |
| $r_i$ | `r` | above 0 | minus the logarithm of the probability of "no" |
| $s_i$ | `s` | from 0 to 1 | probability of "yes" |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before weight and reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t_i}$ | `grad_target` | shape of $x$ | gradient of the loss for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

A logit of 0 means the probability $\frac{1}{2}$: the loss is $\log 2$, the gradient $\frac{1}{2} - t$. A logit of 200 means a
probability of almost 1; if the answer is no, the loss is 200:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([0., 0, 200, 200], requires_grad=True)
>>> target = torch.tensor([1., 0, 1, 0], requires_grad=True)
>>> loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
>>> loss
tensor([  0.6931,   0.6931,   0.0000, 200.0000],
       grad_fn=<BinaryCrossEntropyWithLogitsBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([-0.5000,  0.5000,  0.0000,  1.0000])
>>> target.grad
tensor([   0.,    0., -200., -200.])

With `pos_weight` 3 a "yes" counts three times, a "no" once:

>>> F.binary_cross_entropy_with_logits(x, target, pos_weight=torch.tensor(3.0), reduction="none")[:2]
tensor([2.0794, 0.6931], grad_fn=<SliceBackward0>)

## Questions

**Why not a sigmoid and then binary_cross_entropy?**

The sigmoid of 200 is rounded to 1. Then the loss of a "no" is limited to 100, and the logit gets the gradient 0. Here the loss is
200 and the gradient is 1.

>>> F.binary_cross_entropy(torch.tensor([200.0]).sigmoid(), torch.zeros(1)).item()
100.0

**There are 100 "yes" and 300 "no". Which pos_weight balances them?**

300 / 100 = 3. Then both answers have the same total weight.

>>> 300 / 100
3.0

**Which shape may pos_weight have?**

Any that broadcasts to the input. For inputs (N, C) a vector (C) holds one number for each label.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.loss.pointwise import check_have_sizes, expanded_weight, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = (1 - t_i) \, x_i + (1 + (q_i - 1) \, t_i) \, h_i \qquad h_i = \log(1 + e^{-|x_i|}) + \max(-x_i, 0)$$
#
# `pos_weight` has one number for each element, or only one for all.
@njit(**PARALLEL)
def bce_with_logits_loss_forward_cpu(x, target, pos_weight, loss):
    for i in prange(x.size):
        one = x.dtype.type(1)
        q = pos_weight[i % pos_weight.size]
        h = math.log1p(math.exp(-abs(x[i])))
        if x[i] < x.dtype.type(0):
            h -= x[i]
        loss[i] = (one - target[i]) * x[i] + (one + (q - one) * target[i]) * h


@cuda.jit
def bce_with_logits_loss_forward_cuda(x, target, pos_weight, loss):
    i = cuda.grid(1)
    if i >= x.size:
        return
    one = x.dtype.type(1)
    q = pos_weight[i % pos_weight.size]
    h = math.log1p(math.exp(-abs(x[i])))
    if x[i] < x.dtype.type(0):
        h -= x[i]
    loss[i] = (one - target[i]) * x[i] + (one + (q - one) * target[i]) * h


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, (s_i \, (1 - t_i + q_i t_i) - q_i t_i)$$
@njit(**PARALLEL)
def bce_with_logits_loss_backward_x_cpu(grad_loss, x, target, pos_weight, grad_x):
    for i in prange(x.size):
        one = x.dtype.type(1)
        q = pos_weight[i % pos_weight.size]
        s = one / (one + math.exp(-x[i]))
        grad_x[i] = grad_loss[i] * (s * (one - target[i] + q * target[i]) - q * target[i])


@cuda.jit
def bce_with_logits_loss_backward_x_cuda(grad_loss, x, target, pos_weight, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    one = x.dtype.type(1)
    q = pos_weight[i % pos_weight.size]
    s = one / (one + math.exp(-x[i]))
    grad_x[i] = grad_loss[i] * (s * (one - target[i] + q * target[i]) - q * target[i])


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t_i} = g_i \, (q_i \, h_i - r_i) \qquad r_i = \log(1 + e^{-|x_i|}) + \max(x_i, 0)$$
@njit(**PARALLEL)
def bce_with_logits_loss_backward_target_cpu(grad_loss, x, pos_weight, grad_target):
    for i in prange(x.size):
        q = pos_weight[i % pos_weight.size]
        h = math.log1p(math.exp(-abs(x[i])))
        r = h
        if x[i] < x.dtype.type(0):
            h -= x[i]
        else:
            r += x[i]
        grad_target[i] = grad_loss[i] * (q * h - r)


@cuda.jit
def bce_with_logits_loss_backward_target_cuda(grad_loss, x, pos_weight, grad_target):
    i = cuda.grid(1)
    if i >= x.size:
        return
    q = pos_weight[i % pos_weight.size]
    h = math.log1p(math.exp(-abs(x[i])))
    r = h
    if x[i] < x.dtype.type(0):
        h -= x[i]
    else:
        r += x[i]
    grad_target[i] = grad_loss[i] * (q * h - r)


class BinaryCrossEntropyWithLogitsFunction(Function):
    """Binary cross entropy of logits in the computation graph.

    x and target have one shape and dtype; weight that shape, or None; pos_weight that shape, or one element.
    """

    @staticmethod
    def forward(ctx, x, target, weight, pos_weight, reduction):
        ctx.save_for_backward(x, target, weight, pos_weight)
        ctx.reduction = reduction
        kernels = bce_with_logits_loss_forward_cpu, bce_with_logits_loss_forward_cuda
        loss = elementwise(*kernels, x, target, pos_weight, fast=fast.bce_with_logits_loss_forward)
        return reduced(loss if weight is None else loss * weight, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, weight, pos_weight = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        if weight is not None:
            grad_loss = grad_loss * weight
        grad_x = grad_target = None
        if ctx.needs_input_grad[0]:
            kernels = bce_with_logits_loss_backward_x_cpu, bce_with_logits_loss_backward_x_cuda
            fast_form = fast.bce_with_logits_loss_backward_x
            grad_x = elementwise(*kernels, grad_loss, x, target, pos_weight, fast=fast_form)
        if ctx.needs_input_grad[1]:
            kernels = bce_with_logits_loss_backward_target_cpu, bce_with_logits_loss_backward_target_cuda
            grad_target = elementwise(*kernels, grad_loss, x, pos_weight)
        return grad_x, grad_target, None, None, None


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """Binary cross entropy of the logits `input` and the answers `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; `weight` and `pos_weight` must broadcast to it. The result is a scalar; with
    `reduction="none"` it has the shape of the input. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: the shapes differ, or `reduction` is not "none", "mean" or "sum".
        RuntimeError: `target` is of integers or bool, the devices differ, a weight does not fit or requires grad.
        NotImplementedError: `input` is not float32 or float64.
        AttributeError: `input` or `target` is not a tensor.
        TypeError: `weight` or `pos_weight` is not a tensor.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = reduction_name(reduction, size_average, reduce)
    check_have_sizes(name, input=input, target=target)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape}); a column (N, 1) becomes a row (N) "
            "with .squeeze(1)"
        )
    dtype = target.dtype
    if input.is_floating_point() and not dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: found a target of {dtype}, wanted answers of {input.dtype}, numbers from 0 to 1: convert it with "
            "target.float(); class numbers above 1 are for cross_entropy"
        )
    if not input.is_floating_point():
        raise NotImplementedError(f"{name} is not implemented for {input.dtype}: convert the logits with input.float()")
    x, target = promoted(name, input, target)
    weight = expanded_weight(name, "weight", weight, x)
    if pos_weight is None:
        pos_weight = x.new_ones(1)
    else:
        pos_weight = expanded_weight(name, "pos_weight", pos_weight, x)
    return BinaryCrossEntropyWithLogitsFunction.apply(x, target, weight, pos_weight, reduction).to(dtype)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of logits, as a module.

    Args:
        weight: how much each element counts; must broadcast to the input.
        pos_weight: how much a missed "yes" counts; must broadcast to the input: for (N, C) one number for each label, (C).
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `binary_cross_entropy_with_logits`, which raises the errors when the module is called.
    """

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input, target):
        return binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )
