r"""The soft margin loss: the logistic loss of two classes that are called 1 and -1.

The input is a score, the target its wanted sign. The loss falls smoothly towards 0 as the score grows in the direction of this
sign.

Use it when the labels are 1 and -1. With labels 1 and 0, `binary_cross_entropy_with_logits` is the same loss and does not overflow;
`multilabel_soft_margin_loss` is its mean over the labels of a sample.

## Forward

$$l_i = \log \left( 1 + e^{-t_i x_i} \right)$$

For $t_i = 1$ it is minus the logarithm of the sigmoid of $x_i$. `reduction="none"` returns all $l_i$, "sum" their sum, "mean" (the
default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$) and $z_i = e^{-t_i x_i}$, the
derivative of $z_i$ with respect to $x_i$ is $-t_i z_i$, and that of $\log(1 + z)$ is $1 / (1 + z)$:

$$\frac{\partial L}{\partial x_i} = - g_i \, t_i \, \frac{z_i}{1 + z_i}$$

The target has no gradient.

## Cost

Forward takes an exponential and a logarithm per element, backward an exponential. These take nearly all of the time. Forward
reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$, $t$ and $g$ and writes the gradient: 16
bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: a score, read as one row of elements |
| $t_i$ | `target` | 1 or -1 | target: the sign that the score should have |
| $z_i$ | `z` | above 0 | odds of the wrong class |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

Scores of 0, $\log 3$ and $\log 3$, where the first two should be positive and the last one negative. The odds of the wrong class are
1, 1/3 and 3:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([1., 3, 3]).log().requires_grad_()
>>> target = torch.tensor([1., 1, -1])
>>> loss = F.soft_margin_loss(x, target, reduction="none")
>>> loss
tensor([0.6931, 0.2877, 1.3863], grad_fn=<SoftMarginLossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([-0.5000, -0.2500,  0.7500])

## Questions

**How is it related to binary_cross_entropy_with_logits?**

With $t = 2 y - 1$ for the labels $y$ in 0 and 1 both are the same:

>>> y = (target + 1) / 2
>>> torch.allclose(F.soft_margin_loss(x, target), F.binary_cross_entropy_with_logits(x, y))
True

**Where does it overflow?**

$e^{-t x}$ is infinite in float32 where $t x < -88.8$. The loss is then infinite and its gradient NaN, in PyTorch too.
`binary_cross_entropy_with_logits` has the value 100 for a score of -100:

>>> F.soft_margin_loss(torch.tensor([-100.0]), torch.ones(1)).item()
inf
>>> F.binary_cross_entropy_with_logits(torch.tensor([-100.0]), torch.ones(1)).item()
100.0

**Is the loss ever 0?**

Only when rounding makes it so. A correct score still has a small gradient that makes it larger. There is no margin beyond which
the gradient is 0: the margin is soft.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, check_no_gradient
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = \log(1 + e^{-t_i x_i})$$
@njit(**PARALLEL)
def soft_margin_loss_forward_cpu(x, target, loss):
    for i in prange(x.size):
        z = x.dtype.type(math.exp(-target[i] * x[i]))
        loss[i] = math.log1p(z)


@cuda.jit
def soft_margin_loss_forward_cuda(x, target, loss):
    i = cuda.grid(1)
    if i >= x.size:
        return
    z = x.dtype.type(math.exp(-target[i] * x[i]))
    loss[i] = math.log1p(z)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = - g_i \, t_i \, z_i / (1 + z_i)$$
@njit(**PARALLEL)
def soft_margin_loss_backward_x_cpu(grad_loss, x, target, grad_x):
    for i in prange(x.size):
        z = x.dtype.type(math.exp(-target[i] * x[i]))
        grad_x[i] = -grad_loss[i] * target[i] * z / (x.dtype.type(1) + z)


@cuda.jit
def soft_margin_loss_backward_x_cuda(grad_loss, x, target, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    z = x.dtype.type(math.exp(-target[i] * x[i]))
    grad_x[i] = -grad_loss[i] * target[i] * z / (x.dtype.type(1) + z)


class SoftMarginLossFunction(Function):
    """The soft margin loss in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, reduction):
        ctx.save_for_backward(x, target)
        ctx.reduction = reduction
        kernels = soft_margin_loss_forward_cpu, soft_margin_loss_forward_cuda
        return reduced(elementwise(*kernels, x, target, fast=fast.soft_margin_loss_forward), reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        kernels = soft_margin_loss_backward_x_cpu, soft_margin_loss_backward_x_cuda
        return elementwise(*kernels, grad_loss, x, target, fast=fast.soft_margin_loss_backward_x), None, None


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """The logistic loss of the scores `input` and their wanted signs `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; another target is broadcast to the input. The result is a scalar; with
    `reduction="none"` it has the shape of the input. It has the dtype of `input`. `size_average` and `reduce` are deprecated and override
    `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: `target` requires grad, `input` is of integers, the shapes do not broadcast, or the devices differ.
        NotImplementedError: `input` is complex or float16.
        TypeError: `input` or `target` is not a tensor.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_are_tensors("soft_margin_loss", input=input, target=target)
    check_no_gradient("soft_margin_loss", target=target)
    if not input.is_floating_point() and not input.dtype.is_complex:
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {input.dtype}: soft_margin_loss has the dtype of input; "
            "convert it with .float()"
        )
    x, target = broadcast(input, target, warn=False)
    if x.shape != input.shape:
        raise RuntimeError(
            f"soft_margin_loss: output with shape {list(input.shape)} doesn't match the broadcast shape {list(x.shape)}: the target "
            "may be repeated to the shape of the input, but not the input"
        )
    check_tensors("soft_margin_loss", input=x)
    return SoftMarginLossFunction.apply(x, target.to(x.dtype), reduction)


class SoftMarginLoss(_Loss):
    """The soft margin loss, as a module.

    Args:
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `soft_margin_loss`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return soft_margin_loss(input, target, reduction=self.reduction)
