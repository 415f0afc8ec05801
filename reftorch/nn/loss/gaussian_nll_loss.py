r"""The Gaussian loss: how unlikely the target is if the prediction is a mean and a variance.

A network gives two numbers: the expected value and its variance. An error costs less where the variance is large, but a large
variance has its own cost.

Use it when the network should also predict how large its error may be. With a fixed variance it is `mse_loss` up to a factor and
a constant; for counts use `poisson_nll_loss`.

## Forward

Minus the logarithm of a normal density, with the mean $x_i$ and the variance $v_i$, without its constant:

$$l_i = \frac{1}{2} \left( \log v_i + \frac{(x_i - t_i)^2}{v_i} \right)$$

A variance below $\varepsilon$ counts as $\varepsilon$. `full` adds the constant $\frac{1}{2} \log(2 \pi)$. `reduction="none"` returns
all $l_i$, "sum" their sum, "mean" (the default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$) and $d = x_i - t_i$:

$$\frac{\partial L}{\partial x_i} = g_i \, \frac{d}{v_i} \qquad \frac{\partial L}{\partial t_i} = - \frac{\partial L}{\partial x_i}
\qquad \frac{\partial L}{\partial v_i} = \frac{g_i}{2} \left( \frac{1}{v_i} - \frac{d^2}{v_i^2} \right)$$

The last one is 0 where $v_i = d^2$: the best variance is the squared error. A variance below $\varepsilon$ gets the gradient that
$\varepsilon$ would get, so that it can grow again.

## Cost

One logarithm and one division per element in forward; in backward one division for the mean and two for the variance. Forward
reads three tensors and writes one: 16 bytes per element in float32; backward reads four and writes up to two.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: the predicted mean, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: what was observed |
| $v_i$ | `v` | at least $\varepsilon$ | predicted variance |
| $\varepsilon$ | `eps` | above 0 | smallest variance that is used |
| $d$ | `d` | any number | error of the mean |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$; minus that for $t$ |
| $\frac{\partial L}{\partial v_i}$ | `grad_var` | shape of $x$ | gradient of the loss for $v$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

An error of 2 with the variances 1, 4 and 16. The loss is smallest where the variance is the squared error, 4; there its gradient
is 0:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([2., 2, 2], requires_grad=True)
>>> var = torch.tensor([1., 4, 16], requires_grad=True)
>>> loss = F.gaussian_nll_loss(x, torch.zeros(3), var, reduction="none")
>>> loss
tensor([2.0000, 1.1931, 1.5113], grad_fn=<GaussianNLLLossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([2.0000, 0.5000, 0.1250])
>>> var.grad + 0  # 0 in place of -0
tensor([-1.5000,  0.0000,  0.0234])

## Questions

**Can the loss be negative?**

Yes: it is minus the logarithm of a density, and a density may be above 1. With an error of 0 and a variance of 0.01 it is
$\frac{1}{2} \log 0.01$:

>>> round(F.gaussian_nll_loss(torch.zeros(1), torch.zeros(1), torch.tensor([0.01])).item(), 4)
-2.3026

**What happens with a variance of 1 everywhere?**

Half the squared error: `mse_loss` divided by 2.

**Which shapes may the variance have?**

That of the input; or without the last dimension, or with a 1 in one place: then all elements there share one variance. A float
is one variance for all.

**How does a network give a variance above 0?**

With softplus or exp as the last step. A negative variance is an error, one below `eps` counts as `eps`.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.pointwise import broadcast, check_differences, check_have_sizes, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name
from reftorch.tensor import Tensor
from reftorch.types import float32

CONSTANT = 0.5 * math.log(2 * math.pi)


# ## The loss of each element
#
# $$l_i = \frac{1}{2} \, (\log v_i + (x_i - t_i)^2 / v_i)$$
@njit(**PARALLEL)
def gaussian_nll_loss_forward_cpu(x, target, var, loss, eps, constant):
    for i in prange(x.size):
        v = var[i]
        if v < x.dtype.type(eps):
            v = x.dtype.type(eps)
        d = x[i] - target[i]
        loss[i] = x.dtype.type(0.5) * (math.log(v) + d * d / v) + x.dtype.type(constant)


@cuda.jit
def gaussian_nll_loss_forward_cuda(x, target, var, loss, eps, constant):
    i = cuda.grid(1)
    if i >= x.size:
        return
    v = var[i]
    if v < x.dtype.type(eps):
        v = x.dtype.type(eps)
    d = x[i] - target[i]
    loss[i] = x.dtype.type(0.5) * (math.log(v) + d * d / v) + x.dtype.type(constant)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, d / v_i$$
@njit(**PARALLEL)
def gaussian_nll_loss_backward_x_cpu(grad_loss, x, target, var, grad_x, eps):
    for i in prange(x.size):
        v = var[i]
        if v < x.dtype.type(eps):
            v = x.dtype.type(eps)
        d = x[i] - target[i]
        grad_x[i] = grad_loss[i] * d / v


@cuda.jit
def gaussian_nll_loss_backward_x_cuda(grad_loss, x, target, var, grad_x, eps):
    i = cuda.grid(1)
    if i >= x.size:
        return
    v = var[i]
    if v < x.dtype.type(eps):
        v = x.dtype.type(eps)
    d = x[i] - target[i]
    grad_x[i] = grad_loss[i] * d / v


# ## The gradient of the variance
#
# $$\frac{\partial L}{\partial v_i} = \frac{g_i}{2} \, (1 / v_i - d^2 / v_i^2)$$
@njit(**PARALLEL)
def gaussian_nll_loss_backward_var_cpu(grad_loss, x, target, var, grad_var, eps):
    for i in prange(x.size):
        v = var[i]
        if v < x.dtype.type(eps):
            v = x.dtype.type(eps)
        d = x[i] - target[i]
        grad_var[i] = x.dtype.type(0.5) * grad_loss[i] * (x.dtype.type(1) / v - d / v * (d / v))


@cuda.jit
def gaussian_nll_loss_backward_var_cuda(grad_loss, x, target, var, grad_var, eps):
    i = cuda.grid(1)
    if i >= x.size:
        return
    v = var[i]
    if v < x.dtype.type(eps):
        v = x.dtype.type(eps)
    d = x[i] - target[i]
    grad_var[i] = x.dtype.type(0.5) * grad_loss[i] * (x.dtype.type(1) / v - d / v * (d / v))


class GaussianNLLLossFunction(Function):
    """The Gaussian loss in the computation graph. The three tensors have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, var, full, eps, reduction):
        ctx.save_for_backward(x, target, var)
        ctx.eps, ctx.reduction = eps, reduction
        kernels = gaussian_nll_loss_forward_cpu, gaussian_nll_loss_forward_cuda
        numbers = eps, CONSTANT if full else 0.0
        loss = elementwise(*kernels, x, target, var, numbers=numbers, fast=fast.gaussian_nll_loss_forward)
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target, var = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        grad_x = grad_target = grad_var = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            kernels = gaussian_nll_loss_backward_x_cpu, gaussian_nll_loss_backward_x_cuda
            grad_x = elementwise(*kernels, grad_loss, x, target, var, numbers=(ctx.eps,))
            grad_target = -grad_x
        if ctx.needs_input_grad[2]:
            kernels = gaussian_nll_loss_backward_var_cpu, gaussian_nll_loss_backward_var_cuda
            grad_var = elementwise(*kernels, grad_loss, x, target, var, numbers=(ctx.eps,))
        return grad_x, grad_target, grad_var, None, None, None


def gaussian_nll_loss(input, target, var, full=False, eps=1e-06, reduction="mean"):
    """The Gaussian loss of the mean `input`, the variance `var` and the observation `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; `var` as the input, or without its last dimension, or with a 1 in one place, or a
    float. The result is a scalar; with `reduction="none"` it has the shape of the input.

    Raises:
        ValueError: a variance is negative or `var` has another shape; `reduction` is not "none", "mean" or "sum".
        RuntimeError: the shapes do not broadcast, the devices differ, or `var` is of integers.
        NotImplementedError: a dtype without a kernel.
        TypeError: `var` is neither a tensor nor a float, `target` not a tensor, or `eps` not a number.
        AttributeError: `input` is not a tensor.
    """
    check_have_sizes("gaussian_nll_loss", input=input)
    for name, value in (("target", target), ("var", var)):
        if not isinstance(value, Tensor) and not (name == "var" and isinstance(value, float)):
            raise TypeError(
                f"gaussian_nll_loss(): argument '{name}' must be Tensor{' or float' * (name == 'var')}, not "
                f"{type(value).__name__}: convert it with torch.tensor(...)"
            )
    if isinstance(var, float):
        var = input.new_full(input.shape, var, dtype=input.dtype if input.is_floating_point() else float32)
    var = _fitting(var, input)
    reduction = reduction_name(reduction)
    _check_fractions(var)
    check_differences("gaussian_nll_loss", input=input, target=target)
    eps = number("gaussian_nll_loss", "eps", eps)
    tensors = broadcast(input, target, var, warn=False)
    return GaussianNLLLossFunction.apply(*promoted("gaussian_nll_loss", *tensors), bool(full), eps, reduction)


def _fitting(var, x):
    """The variances, with a last dimension of 1 where that of x is missing."""
    if (var.detach() < 0).any().item():
        raise ValueError(
            f"var has negative entry/entries: the smallest is {var.detach().min().item()}; a network gives variances with softplus "
            "or exp as its last step"
        )
    if var.shape == x.shape:
        return var
    if x.shape[:-1] == var.shape:
        return var.unsqueeze(-1)
    if x.dim() == var.dim() and sum(b for a, b in zip(x.shape, var.shape) if a != b) == 1:
        return var
    raise ValueError(
        f"var is of incorrect size: found {list(var.shape)} for input of {list(x.shape)}; wanted the same shape, or one without "
        "the last dimension, or one with a single 1"
    )


def _check_fractions(var):
    """Raise RuntimeError where `eps` cannot be the smallest variance: torch writes it into the dtype of `var`."""
    if not var.is_floating_point():
        raise RuntimeError(
            f"gaussian_nll_loss: found var of {var.dtype}, wanted floating point: result type Float can't be cast to {var.dtype}; "
            "convert it with var.float()"
        )


class GaussianNLLLoss(_Loss):
    """The Gaussian loss, as a module.

    Args:
        full: add the constant term.
        eps: smallest variance that is used.
        reduction: "none", "mean" (over all elements) or "sum".

    Shapes: input, target and variance (*), the same; as `gaussian_nll_loss`, which raises the errors when the module is called.
    """

    def __init__(self, *, full=False, eps=1e-06, reduction="mean"):
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps

    def forward(self, input, target, var):
        return gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)
