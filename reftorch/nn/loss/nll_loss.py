r"""The negative log-likelihood: minus the log-probability that was predicted for the right class.

The input holds log-probabilities, one for each class, the target the number of the right class. The loss picks one number of each
sample and changes its sign.

Use it when the network ends with `log_softmax`. If it gives logits, `cross_entropy` computes both in one step and is faster; if
the target is a distribution, use `kl_div`.

## Forward

For one sample of class $y$ it is $l = - x[y]$. In general, for sample $n$ and position $d$ inside it (a pixel; only one if the
input is $(N, C)$), with a weight $w$ for each class:

$$l[n, d] = - w[y[n, d]] \; x[n, y[n, d], d]$$

A sample whose target is `ignore_index` $= \iota$ has the loss 0. `reduction="none"` returns $l$, "sum" its sum, and "mean" (the
default) divides the sum by the weights of the targets:

$$L = \frac{\sum_{n,d} l[n, d]}{\sum_{n,d} s[n, d]} \qquad
s[n, d] = \begin{cases} w[y[n, d]] & \text{if } y[n, d] \ne \iota \\ 0 & \text{otherwise} \end{cases}$$

So the mean is NaN if nothing counts (an empty batch, all targets ignored, all weights zero).

## Gradients

With $g = \partial L / \partial l$ (for the mean, the upstream gradient divided by $\sum s$), only the number that was picked has a
gradient:

$$\frac{\partial L}{\partial x}[n, c, d] = \begin{cases} - g[n, d] \, w[c] & \text{if } c = y[n, d] \ne \iota \\
0 & \text{otherwise} \end{cases}$$

## Cost

Forward reads one number of each sample; backward writes $N C D$ numbers, nearly all of them 0.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input: log-probability of each class |
| $y$ | `target` | $(N, D)$ | target: the class of each sample, $0 \le y < C$, or $\iota$ |
| $\iota$ | `ignore_index` | any integer | samples with this target do not count |
| $w$ | `weight` | $(C)$ | weight: how much each class counts; all 1 if none are given |
| $l$ | `loss` | $(N, D)$ | loss of each sample, before the reduction |
| $s$ | `share` | $(N, D)$ | how much each sample counts in the mean |
| $g$ | `grad_loss` | $(N, D)$ | gradient of the reduced loss for each sample's loss |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel); $D = 1$ if there is only one |

## Worked example

Three samples, three classes; integers in place of log-probabilities, so that the picked numbers are easy to see. The last sample
is ignored:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[-1., -2, -3], [-4, -5, -6], [-7, -8, -9]], requires_grad=True)
>>> target = torch.tensor([2, 0, -100])
>>> F.nll_loss(x, target, reduction="none")
tensor([3., 4., 0.], grad_fn=<NllLossBackward0>)
>>> loss = F.nll_loss(x, target)
>>> loss
tensor(3.5000, grad_fn=<NllLossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([[ 0.0000,  0.0000, -0.5000],
        [-0.5000,  0.0000,  0.0000],
        [ 0.0000,  0.0000,  0.0000]])

## Questions

**With weights 1, 1 and 3 for the classes, what is the mean of the example?**

The losses are 3 * 3 and 1 * 4, and the weights of the targets sum to 4:

>>> F.nll_loss(x, target, weight=torch.tensor([1., 1, 3])).item()
3.25

**The gradient does not depend on x. How does training know when to stop?**

`log_softmax` makes the exponentials of the log-probabilities sum to one. Its backward adds the predicted probabilities. So the
gradient for the logits is $p$ minus the label, and it is 0 for a perfect prediction.

**Can the loss be negative?**

It is never negative for log-probabilities, because they are at most 0. The loss does not check this: with logits as input it is a
number without meaning, and training diverges.

## Differences

- For an unbatched input $(C)$ a target of shape $(1)$ works as well as one without dimensions.
"""

from __future__ import annotations

import warnings

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors
from reftorch.nn.loss.classes import (
    check_class_weight,
    check_label_dtype,
    check_label_range,
    check_label_shape,
    check_tensor,
    class_extents,
    label_shape,
)
from reftorch.nn.loss.pointwise import check_no_gradient
from reftorch.nn.loss.reduction import (
    _callers_level,
    _WeightedLoss,
    loss_mean,
    loss_mean_backward,
    loss_sum,
    reduction_name,
)
from reftorch.types import int64


# ## The loss of each sample, and how much it counts
#
# $$l[n, d] = - w[y[n, d]] \; x[n, y[n, d], d] \qquad s[n, d] = w[y[n, d]]$$
#
# An ignored target may lie outside the classes, so it is never used as an index.
@njit(**PARALLEL)
def nll_loss_forward_cpu(x, target, weight, loss, share, ignore_index):
    N, D = loss.shape
    for n in prange(N):
        for d in range(D):
            loss[n, d] = 0
            share[n, d] = 0
            if target[n, d] != ignore_index:
                share[n, d] = weight[target[n, d]]
                loss[n, d] = -share[n, d] * x[n, target[n, d], d]


@cuda.jit
def nll_loss_forward_cuda(x, target, weight, loss, share, ignore_index):
    N, D = loss.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= loss.size:
        return
    d = i % D
    n = i // D
    loss[n, d] = 0
    share[n, d] = 0
    if target[n, d] != ignore_index:
        share[n, d] = weight[target[n, d]]
        loss[n, d] = -share[n, d] * x[n, target[n, d], d]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[n, c, d] = - g[n, d] \, w[c] \text{ if } c = y[n, d] \ne \iota \text{, else } 0$$
@njit(**PARALLEL)
def nll_loss_backward_x_cpu(grad_loss, target, weight, grad_x, ignore_index):
    N, C, D = grad_x.shape
    for n in prange(N):
        for c in range(C):
            for d in range(D):
                grad_x[n, c, d] = 0
                if c == target[n, d] and c != ignore_index:
                    grad_x[n, c, d] = -grad_loss[n, d] * weight[c]


@cuda.jit
def nll_loss_backward_x_cuda(grad_loss, target, weight, grad_x, ignore_index):
    N, C, D = grad_x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    d = i % D
    c = i // D % C
    n = i // (D * C)
    grad_x[n, c, d] = 0
    if c == target[n, d] and c != ignore_index:
        grad_x[n, c, d] = -grad_loss[n, d] * weight[c]


class NllLossFunction(Function):
    """The negative log-likelihood in the computation graph, for a target of int64."""

    @staticmethod
    def forward(ctx, x, target, weight, ignore_index, reduction):
        N, C, D = class_extents(x.shape)
        loss, share = x.new_empty(N, D), x.new_empty(N, D)
        logarithms, labels, weights, *results = arrays(x, target, weight, loss, share)
        run = on(x.device, nll_loss_forward_cpu, nll_loss_forward_cuda, N * D)
        run(logarithms.reshape(N, C, D), labels.reshape(N, D), weights, *results, ignore_index)
        ctx.save_for_backward(target, weight)
        ctx.shape, ctx.ignore_index, ctx.reduction = x.shape, ignore_index, reduction
        if reduction == "none":
            return loss.reshape(label_shape(x.shape))
        if reduction == "sum":
            return loss_sum(loss)
        mean, ctx.divisor = loss_mean(loss, share)
        return mean

    @staticmethod
    def backward(ctx, grad_y):
        target, weight = ctx.saved_tensors
        N, C, D = class_extents(ctx.shape)
        if ctx.reduction == "none":
            grad_loss = grad_y.reshape(N, D)
        elif ctx.reduction == "sum":
            grad_loss = grad_y.expand(N, D)
        else:
            grad_loss = loss_mean_backward(grad_y, ctx.divisor, (N, D))
        grad_x = weight.new_empty(ctx.shape)
        run = on(weight.device, nll_loss_backward_x_cpu, nll_loss_backward_x_cuda, N * C * D, fast.nll_loss_backward_x)
        gradients, labels = shaped((N, D), grad_loss, target)
        run(gradients, labels, *arrays(weight), *shaped((N, C, D), grad_x), ctx.ignore_index)
        return grad_x, None, None, None, None


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """The negative log-likelihood of the classes `target` under the log-probabilities `input`.

    Shapes: `input` (C), (N, C) or (N, C, d1, ..., dK); `target` without the C, int64 or uint8; `weight` (C). The result is a
    scalar; with `reduction="none"` it has the shape of the target. `size_average` and `reduce` are deprecated and override
    `reduction`.

    Raises:
        ValueError: batch sizes differ, `input` has no dimensions, or `reduction` is not "none", "mean" or "sum".
        IndexError: a target is neither a class nor `ignore_index`.
        RuntimeError: other sizes, dtypes or devices do not fit; `weight` requires grad.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument is not a tensor, or `ignore_index` not an int.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    for name, value in (("input", input), ("target", target)):
        check_tensor("nll_loss", name, value)
    if not hasattr(ignore_index, "__index__"):
        raise TypeError(f"nll_loss(): argument 'ignore_index' must be int, not {type(ignore_index).__name__}")
    if input.dim() == 0:
        raise ValueError(
            "nll_loss: Expected 1 or more dimensions (got 0): the input has no classes; wanted (C), (N, C) or (N, C, d1, ..., dK)"
        )
    check_label_shape(input, target)
    check_label_dtype(target)
    if weight is None:
        weight = input.new_ones(class_extents(input.shape)[1])
    else:
        check_tensor("nll_loss", "weight", weight)
        check_no_gradient("nll_loss", weight=weight)
        check_class_weight(weight, input)
    check_tensors("nll_loss", input=input, weight=weight)
    target = target if target.dtype is int64 else target.to(int64)
    check_label_range(target, len(weight), ignore_index)
    return NllLossFunction.apply(input, target, weight, ignore_index, reduction)


class NLLLoss(_WeightedLoss):
    """The negative log-likelihood, as a module.

    Args:
        weight: how much each class counts, (C).
        ignore_index: samples with this target do not count.
        reduction: "none", "mean" (weighted) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input (N, C), or (C), or (N, C, d1, ..., dK); target without the C; as `nll_loss`, which raises the errors when the
    module is called.
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input, target):
        return nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class NLLLoss2d(NLLLoss):
    """The old name of `NLLLoss` for images; it warns and is otherwise the same."""

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement and see "
            "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
            stacklevel=_callers_level(),
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
