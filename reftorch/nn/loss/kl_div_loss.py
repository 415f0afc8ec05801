r"""The Kullback-Leibler divergence: how much a predicted distribution differs from the true one.

The input holds log-probabilities, the target probabilities. The divergence is 0 if both are the same distribution, and above 0
otherwise.

Use it when the target is a whole distribution: a teacher network, a prior, soft labels. For classes given by number use
`cross_entropy` or `nll_loss`; the gradient for the input is that of cross entropy with probabilities.

## Forward

$$l_i = t_i \left( \log t_i - x_i \right)$$

Each element adds its share; only the sum over a distribution is the divergence, and it is never negative. Where $t_i = 0$, the
product $t_i \log t_i$ is taken as 0, its limit. With `log_target` the target holds logarithms, too:

$$l_i = e^{t_i} \left( t_i - x_i \right)$$

`reduction="none"` returns all $l_i$, "sum" their sum, "mean" (the default) the sum divided by the number of elements $n$.
"batchmean" divides the sum by the size $N$ of the first dimension, the number of distributions: that is the divergence of the
mathematical definition, averaged over the batch.

## Gradients

Let $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$). The input occurs once, times $-t_i$ (or
$-e^{t_i}$):

$$\frac{\partial L}{\partial x_i} = - g_i \, t_i \qquad \text{or} \qquad \frac{\partial L}{\partial x_i} = - g_i \, e^{t_i}$$

For the target, the product rule:

$$\frac{\partial L}{\partial t_i} = g_i \left( \log t_i + 1 - x_i \right) \qquad \text{or} \qquad
\frac{\partial L}{\partial t_i} = g_i \, e^{t_i} \left( t_i + 1 - x_i \right)$$

## Cost

One logarithm (or exponential) and three operations per element. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in
float32; backward reads $t$ and $g$ and writes the gradient.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: log-probability, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: true probability, or its logarithm with `log_target` |
| $l_i$ | `loss` | shape of $x$ | share of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's share |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t_i}$ | `grad_target` | shape of $x$ | gradient of the loss for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The prediction is 1/4, 1/4, 1/2, the target is 1/2, 0, 1/2. Only the first element has a loss, $\frac{1}{2} \log 2$: the second
target is 0, and the third prediction is right.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[0.25, 0.25, 0.5]]).log().requires_grad_()
>>> target = torch.tensor([[0.5, 0, 0.5]], requires_grad=True)
>>> F.kl_div(x, target, reduction="none")
tensor([[0.3466, 0.0000, 0.0000]], grad_fn=<KLDivLossBackward0>)
>>> F.kl_div(x, target, reduction="batchmean").backward()
>>> x.grad
tensor([[-0.5000, -0.0000, -0.5000]])

The derivative with respect to a target of 0 does not exist:

>>> target.grad
tensor([[1.6931,    nan, 1.0000]])

## Questions

**Why does reduction="mean" give a warning?**

It divides by the number of elements, classes included, so it is not the divergence. With two classes it is half of the
divergence, with ten a tenth. Use "batchmean".

**Is the divergence of p and q equal to that of q and p?**

No. It is weighted with the target's probabilities:

>>> p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
>>> [round(F.kl_div(a.log(), b, reduction="sum").item(), 4) for a, b in ((q, p), (p, q))]
[0.1438, 0.1308]

**What happens if the input holds probabilities instead of logarithms?**

No error is raised. The sum is then a number without meaning, and may be negative. Use `log_softmax`, not `softmax`, before this
loss.

**The gradient for x does not depend on x. How can training stop?**

The log-probabilities come from `log_softmax`, whose backward adds the predicted probabilities. So the gradient for the logits is
$p - t$, and it is 0 for a perfect prediction.
"""

from __future__ import annotations

import math
import warnings

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, promoted
from reftorch.nn.loss.reduction import (
    _callers_level,
    _Loss,
    grad_of_each,
    legacy_reduction,
    reduced,
    reduction_name,
)


# ## The share of each element
#
# $$l_i = t_i \, (\log t_i - x_i) \quad \text{or} \quad e^{t_i} \, (t_i - x_i)$$
#
# A negative target gives NaN. A target of 0 still multiplies x: if x is minus infinity, the product is NaN.
@njit(**PARALLEL)
def kl_div_loss_forward_cpu(x, target, loss, log_target):
    for i in prange(x.size):
        t = target[i]
        if log_target:
            loss[i] = math.exp(t) * (t - x[i])
        elif t == x.dtype.type(0):
            loss[i] = -t * x[i]
        else:
            loss[i] = t * math.log(t) - t * x[i]


@cuda.jit
def kl_div_loss_forward_cuda(x, target, loss, log_target):
    i = cuda.grid(1)
    if i >= x.size:
        return
    t = target[i]
    if log_target:
        loss[i] = math.exp(t) * (t - x[i])
    elif t == x.dtype.type(0):
        loss[i] = -t * x[i]
    else:
        loss[i] = t * math.log(t) - t * x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = - g_i \, t_i \quad \text{or} \quad - g_i \, e^{t_i}$$
@njit(**PARALLEL)
def kl_div_loss_backward_x_cpu(grad_loss, target, grad_x, log_target):
    for i in prange(grad_x.size):
        t = target[i]
        if log_target:
            t = math.exp(t)
        grad_x[i] = -grad_loss[i] * t


@cuda.jit
def kl_div_loss_backward_x_cuda(grad_loss, target, grad_x, log_target):
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    t = target[i]
    if log_target:
        t = math.exp(t)
    grad_x[i] = -grad_loss[i] * t


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t_i} = g_i \, (\log t_i + 1 - x_i) \quad \text{or} \quad g_i \, e^{t_i} \, (t_i + 1 - x_i)$$
#
# The 1 is written as t / t, so that a target of 0 has the gradient NaN, as in PyTorch, and not minus infinity.
@njit(**PARALLEL)
def kl_div_loss_backward_target_cpu(grad_loss, x, target, grad_target, log_target):
    for i in prange(x.size):
        t = target[i]
        if log_target:
            slope = math.exp(t) * (t + x.dtype.type(1) - x[i])
        else:
            slope = math.log(t) + t / t - x[i]
        grad_target[i] = grad_loss[i] * slope


@cuda.jit
def kl_div_loss_backward_target_cuda(grad_loss, x, target, grad_target, log_target):
    i = cuda.grid(1)
    if i >= x.size:
        return
    t = target[i]
    if log_target:
        slope = math.exp(t) * (t + x.dtype.type(1) - x[i])
    else:
        slope = math.log(t) + t / t - x[i]
    grad_target[i] = grad_loss[i] * slope


class KLDivLossFunction(Function):
    """The divergence in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, log_target, reduction):
        ctx.save_for_backward(x, target)
        ctx.log_target, ctx.reduction = log_target, reduction
        kernels = kl_div_loss_forward_cpu, kl_div_loss_forward_cuda
        loss = elementwise(*kernels, x, target, numbers=(log_target,), fast=fast.kl_div_loss_forward)
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        grad_x = grad_target = None
        if ctx.needs_input_grad[0]:
            kernels = kl_div_loss_backward_x_cpu, kl_div_loss_backward_x_cuda
            grad_x = elementwise(*kernels, grad_loss, target, numbers=(ctx.log_target,))
        if ctx.needs_input_grad[1]:
            kernels = kl_div_loss_backward_target_cpu, kl_div_loss_backward_target_cuda
            grad_target = elementwise(*kernels, grad_loss, x, target, numbers=(ctx.log_target,))
        return grad_x, grad_target, None, None


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """The divergence of the log-probabilities `input` from the probabilities `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast. The result is a scalar; with `reduction="none"` it has the
    (broadcast) shape of the inputs. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean", "sum" or "batchmean".
        RuntimeError: a tensor is of integers or complex, the shapes do not broadcast, or the devices differ.
        NotImplementedError: float16.
        TypeError: `input` or `target` is not a tensor.
    """
    batchmean = reduction == "batchmean"
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=_callers_level(),
        )
    reduction = reduction_name("sum" if reduction == "batchmean" else reduction)
    check_are_tensors("kl_div", input=input, target=target)
    for name, tensor in (("input", input), ("target", target)):
        if not tensor.is_floating_point():
            kind = "Complex" if tensor.dtype.is_complex else "Integral"
            raise RuntimeError(
                f"kl_div: {kind} inputs not supported. Found {name} of {tensor.dtype}; wanted log-probabilities and "
                "probabilities; class numbers are for nll_loss"
            )
    x, expanded = broadcast(input, target, warn=False)
    loss = KLDivLossFunction.apply(*promoted("kl_div", x, expanded), bool(log_target), reduction)
    return loss / input.shape[0] if batchmean and input.dim() else loss


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence, as a module.

    Args:
        reduction: "none", "mean" (over all elements), "sum" or "batchmean" (the sum over the number of rows).
        log_target: the target holds logarithms of probabilities.
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `kl_div`, which raises the errors when the module is called.
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", log_target=False):
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
