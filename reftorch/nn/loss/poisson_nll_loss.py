r"""The Poisson loss: how unlikely a count is if events happen at the predicted rate.

The target is a number of events: calls in an hour, photons in a pixel. The prediction is the rate, the expected number of events,
or (the default) its logarithm, so that any output of a network is a valid prediction.

Use it when the targets are counts, 0, 1, 2, ...: their variance grows with their mean, so in `mse_loss` the large counts would
dominate; `gaussian_nll_loss` is for real numbers with a predicted variance.

## Forward

A Poisson distribution with the rate $\lambda$ gives the count $t$ the probability $\lambda^t e^{-\lambda} / t!$. Minus its logarithm
is $\lambda - t \log \lambda + \log t!$. The last term does not depend on the prediction, so it is left out. If $x_i$ is the rate,
or its logarithm (`log_input`):

$$l_i = x_i - t_i \log(x_i + \varepsilon) \qquad \text{or} \qquad l_i = e^{x_i} - t_i \, x_i$$

`full` adds Stirling's approximation of $\log t!$ where $t_i > 1$:

$$t_i \log t_i - t_i + \tfrac{1}{2} \log(2 \pi t_i)$$

`reduction="none"` returns all $l_i$, "sum" their sum, "mean" (the default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), the derivatives for a rate and for a
logarithm are:

$$\frac{\partial L}{\partial x_i} = g_i \left( 1 - \frac{t_i}{x_i + \varepsilon} \right) \qquad \text{or} \qquad
\frac{\partial L}{\partial x_i} = g_i \left( e^{x_i} - t_i \right)$$

The second one is the predicted rate minus the observed count. For the target:

$$\frac{\partial L}{\partial t_i} = - g_i \log(x_i + \varepsilon) \qquad \text{or} \qquad
\frac{\partial L}{\partial t_i} = - g_i \, x_i$$

With `full`, where $t_i > 1$, the derivative of Stirling's formula, $\log t_i + 1 / (2 t_i)$, is added to each.

## Cost

One exponential or one logarithm per element, which is nearly all of the time; `full` takes two more logarithms. Forward reads $x$
and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$, $t$ and $g$ and writes the gradient: 16 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: logarithm of the rate, or the rate, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: number of events that were observed |
| $\varepsilon$ | `eps` | above 0 | keeps the logarithm of a rate of 0 finite |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t_i}$ | `grad_target` | shape of $x$ | gradient of the loss for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The predicted rates are 1, 2 and 4, given by their logarithms; the counts are 3, 2 and 0. The gradient is the rate minus the
count:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([1., 2, 4]).log().requires_grad_()
>>> target = torch.tensor([3., 2, 0], requires_grad=True)
>>> loss = F.poisson_nll_loss(x, target, reduction="none")
>>> loss
tensor([1.0000, 0.6137, 4.0000], grad_fn=<PoissonNLLLossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([-2.,  0.,  4.])
>>> target.grad
tensor([-0.0000, -0.6931, -1.3863])

## Questions

**Why is the loss not 0 for a perfect prediction?**

It is minus a log-probability without its constant. A rate of 2 and a count of 2 give $2 - 2 \log 2 = 0.6137$; every other rate
gives a larger loss.

>>> F.poisson_nll_loss(torch.tensor([1.9, 2, 2.1]).log(), torch.tensor([2., 2, 2]), reduction="none")
tensor([0.6163, 0.6137, 0.6161])

**Which rate has the smallest loss if the counts are 1, 2 and 6?**

Their mean, 3: the gradients 3 - 1, 3 - 2 and 3 - 6 add up to 0.

>>> rate = torch.tensor(3.0).log().requires_grad_()
>>> F.poisson_nll_loss(rate, torch.tensor([1., 2, 6]), reduction="sum").backward()
>>> round(rate.grad.item(), 4)
0.0

**When is `log_input=False` right?**

When the network already gives a rate above 0, for example after softplus. A negative rate makes the loss NaN.

## Differences

- With `full`, PyTorch gives NaN as the gradient for a target of 0; here it is finite.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = e^{x_i} - t_i \, x_i \quad \text{or} \quad l_i = x_i - t_i \log(x_i + \varepsilon)$$
@njit(**PARALLEL)
def poisson_nll_loss_forward_cpu(x, target, loss, log_input, full, eps):
    for i in prange(x.size):
        t = target[i]
        if log_input:
            loss[i] = math.exp(x[i]) - t * x[i]
        else:
            loss[i] = x[i] - t * math.log(x[i] + x.dtype.type(eps))
        if full and t > x.dtype.type(1):
            loss[i] += t * math.log(t) - t + x.dtype.type(0.5) * math.log(x.dtype.type(2 * math.pi) * t)


@cuda.jit
def poisson_nll_loss_forward_cuda(x, target, loss, log_input, full, eps):
    i = cuda.grid(1)
    if i >= x.size:
        return
    t = target[i]
    if log_input:
        loss[i] = math.exp(x[i]) - t * x[i]
    else:
        loss[i] = x[i] - t * math.log(x[i] + x.dtype.type(eps))
    if full and t > x.dtype.type(1):
        loss[i] += t * math.log(t) - t + x.dtype.type(0.5) * math.log(x.dtype.type(2 * math.pi) * t)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, (e^{x_i} - t_i) \quad \text{or} \quad g_i \, (1 - t_i / (x_i + \varepsilon))$$
@njit(**PARALLEL)
def poisson_nll_loss_backward_x_cpu(grad_loss, x, target, grad_x, log_input, eps):
    for i in prange(x.size):
        if log_input:
            grad_x[i] = grad_loss[i] * (math.exp(x[i]) - target[i])
        else:
            grad_x[i] = grad_loss[i] * (x.dtype.type(1) - target[i] / (x[i] + x.dtype.type(eps)))


@cuda.jit
def poisson_nll_loss_backward_x_cuda(grad_loss, x, target, grad_x, log_input, eps):
    i = cuda.grid(1)
    if i >= x.size:
        return
    if log_input:
        grad_x[i] = grad_loss[i] * (math.exp(x[i]) - target[i])
    else:
        grad_x[i] = grad_loss[i] * (x.dtype.type(1) - target[i] / (x[i] + x.dtype.type(eps)))


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t_i} = - g_i \, x_i \quad \text{or} \quad - g_i \log(x_i + \varepsilon)$$
@njit(**PARALLEL)
def poisson_nll_loss_backward_target_cpu(grad_loss, x, target, grad_target, log_input, full, eps):
    for i in prange(x.size):
        t = target[i]
        slope = -x[i]
        if not log_input:
            slope = -math.log(x[i] + x.dtype.type(eps))
        if full and t > x.dtype.type(1):
            slope += math.log(t) + x.dtype.type(0.5) / t
        grad_target[i] = grad_loss[i] * slope


@cuda.jit
def poisson_nll_loss_backward_target_cuda(grad_loss, x, target, grad_target, log_input, full, eps):
    i = cuda.grid(1)
    if i >= x.size:
        return
    t = target[i]
    slope = -x[i]
    if not log_input:
        slope = -math.log(x[i] + x.dtype.type(eps))
    if full and t > x.dtype.type(1):
        slope += math.log(t) + x.dtype.type(0.5) / t
    grad_target[i] = grad_loss[i] * slope


class PoissonNLLLossFunction(Function):
    """The Poisson loss in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, log_input, full, eps, reduction):
        ctx.save_for_backward(x, target)
        ctx.options, ctx.reduction = (log_input, full, eps), reduction
        kernels = poisson_nll_loss_forward_cpu, poisson_nll_loss_forward_cuda
        loss = elementwise(*kernels, x, target, numbers=ctx.options, fast=fast.poisson_nll_loss_forward)
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        log_input, full, eps = ctx.options
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        grad_x = grad_target = None
        if ctx.needs_input_grad[0]:
            kernels = poisson_nll_loss_backward_x_cpu, poisson_nll_loss_backward_x_cuda
            fast_form = fast.poisson_nll_loss_backward_x
            grad_x = elementwise(*kernels, grad_loss, x, target, numbers=(log_input, eps), fast=fast_form)
        if ctx.needs_input_grad[1]:
            kernels = poisson_nll_loss_backward_target_cpu, poisson_nll_loss_backward_target_cuda
            grad_target = elementwise(*kernels, grad_loss, x, target, numbers=(log_input, full, eps))
        return grad_x, grad_target, None, None, None, None


def poisson_nll_loss(
    input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction="mean"
):
    """The Poisson loss of the rate `input` (or its logarithm) and the count `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast. The result is a scalar; with `reduction="none"` it has the
    (broadcast) shape of the inputs. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: the shapes do not broadcast, or the devices differ.
        NotImplementedError: a tensor is complex or float16.
        TypeError: `input` or `target` is not a tensor, or `eps` not a number.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_are_tensors("poisson_nll_loss", input=input, target=target)
    eps = number("poisson_nll_loss", "eps", eps)
    x, target = broadcast(input, target, warn=False)
    if not x.is_floating_point() and not target.is_floating_point():
        x = x.float()
    x, target = promoted("poisson_nll_loss", x, target)
    return PoissonNLLLossFunction.apply(x, target, bool(log_input), bool(full), eps, reduction)


class PoissonNLLLoss(_Loss):
    """The Poisson loss, as a module.

    Args:
        log_input: the input is the logarithm of the rate, not the rate.
        full: add Stirling's approximation of the term that does not depend on the input.
        eps: added to a rate before its logarithm is taken (only without `log_input`).
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `poisson_nll_loss`, which raises the errors when the module is called.
    """

    def __init__(self, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input, target):
        return poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)
