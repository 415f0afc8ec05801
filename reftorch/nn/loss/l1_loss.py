r"""The absolute error: the distance between a prediction and its target, averaged over all elements.

An error that is twice as large has twice the loss. Of all constant predictions the median of the targets has the smallest loss.

Use it when single targets may be far off (outliers): the gradient has the same size for every error. `mse_loss` gives large
errors more weight; `smooth_l1_loss` and `huber_loss` are also linear for large errors, and smooth at 0.

## Forward

$$l_i = |x_i - t_i|$$

`reduction="none"` returns all $l_i$, "sum" their sum, and "mean" (the default) the sum divided by the number of elements $n$:

$$L = \frac{1}{n} \sum_{i=0}^{n-1} l_i$$

With weights $w$, of the input's shape, a loss is $w_i \, l_i$, and the mean is $\sum_i w_i \, l_i \, / \, \sum_i w_i$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), the chain rule gives $g_i$ times the
derivative of the absolute value, which is the sign:

$$\frac{\partial L}{\partial x_i} = g_i \cdot
\begin{cases} 1 & \text{if } x_i > t_i \\ -1 & \text{if } x_i < t_i \\ 0 & \text{otherwise} \end{cases} \qquad
\frac{\partial L}{\partial t_i} = - \frac{\partial L}{\partial x_i}$$

At $x_i = t_i$ the derivative does not exist; 0 is used, the mean of the two slopes. NaN also has the gradient 0.

## Cost

Two operations per element. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$, $t$ and
$g$ and writes the gradient: 16 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: the prediction, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: what the prediction should be |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$; minus that for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The errors are -3, 0 and 6. The gradient of the sum is the sign of each error. The second element is exact, so its gradient is 0:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([1., 2, 6], requires_grad=True)
>>> target = torch.tensor([4., 2, 0])
>>> F.l1_loss(x, target, reduction="none")
tensor([3., 0., 6.], grad_fn=<L1LossBackward0>)
>>> loss = F.l1_loss(x, target, reduction="sum")
>>> loss
tensor(9., grad_fn=<L1LossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([-1.,  0.,  1.])

## Questions

**Ten targets are 0 and one is 110. Which constant prediction is best?**

The median, 0: its sum of absolute errors is 110, and the mean of the targets, 10, has 200.

>>> target = torch.tensor([0.] * 10 + [110])
>>> [F.l1_loss(torch.full((11,), c), target, reduction="sum").item() for c in (0.0, 10.0)]
[110.0, 200.0]

**Why do small errors not become exactly 0 in training?**

The gradient of an element has the same size for every error. With a fixed learning rate the prediction steps over the target in
one step and back in the next. A smaller learning rate at the end helps, or `smooth_l1_loss`, whose gradient shrinks with the
error.

**What happens if the shapes differ?**

The smaller tensor is repeated to fit, with a warning. A prediction of shape (N, 1) and a target of shape (N) give N * N differences,
nearly always by mistake.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.loss.pointwise import broadcast, check_have_sizes, check_weight, promoted, weighted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, legacy_reduction, reduced, reduction_name
from reftorch.ops.promotion import promote_types
from reftorch.types import float32, float64


# ## The loss of each element
#
# $$l_i = |x_i - t_i|$$
@njit(**PARALLEL)
def l1_loss_forward_cpu(x, target, loss):
    for i in prange(x.size):
        loss[i] = abs(x[i] - target[i])


@cuda.jit
def l1_loss_forward_cuda(x, target, loss):
    i = cuda.grid(1)
    if i >= x.size:
        return
    loss[i] = abs(x[i] - target[i])


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, \operatorname{sign}(x_i - t_i)$$
@njit(**PARALLEL)
def l1_loss_backward_x_cpu(grad_loss, x, target, grad_x):
    for i in prange(x.size):
        sign = x.dtype.type(0)
        if x[i] > target[i]:
            sign = x.dtype.type(1)
        if x[i] < target[i]:
            sign = x.dtype.type(-1)
        grad_x[i] = grad_loss[i] * sign


@cuda.jit
def l1_loss_backward_x_cuda(grad_loss, x, target, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    sign = x.dtype.type(0)
    if x[i] > target[i]:
        sign = x.dtype.type(1)
    if x[i] < target[i]:
        sign = x.dtype.type(-1)
    grad_x[i] = grad_loss[i] * sign


class L1LossFunction(Function):
    """The absolute error in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, reduction):
        ctx.save_for_backward(x, target)
        ctx.reduction = reduction
        return reduced(elementwise(l1_loss_forward_cpu, l1_loss_forward_cuda, x, target), reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        grad_x = elementwise(l1_loss_backward_x_cpu, l1_loss_backward_x_cuda, grad_loss, x, target)
        return grad_x, -grad_x if ctx.needs_input_grad[1] else None, None


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """The absolute differences of `input` and `target`, or their mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast, with a warning; `weight` that of `input`. The result is a
    scalar; with `reduction="none"` it has the (broadcast) shape of the inputs. `size_average` and `reduce` are deprecated and
    override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum", or `weight` has another shape than `input`.
        RuntimeError: the shapes do not broadcast, the devices differ, one is bool, or it is a mean of integers.
        AttributeError: an argument is not a tensor.
    """
    check_have_sizes("l1_loss", input=input, target=target, weight=weight)
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    x, target = broadcast(input, target)
    check_weight(weight, input)
    reduction = reduction_name(reduction)
    if weight is not None:
        return weighted((x - target).abs(), weight, reduction)
    if promote_types(x.dtype, target.dtype) in (float32, float64):
        return L1LossFunction.apply(*promoted("l1_loss", x, target), reduction)
    loss = (x - target).abs()  # integers and complex numbers, for which there is no kernel
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


class L1Loss(_Loss):
    """The absolute error, as a module.

    Args:
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `l1_loss`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return l1_loss(input, target, reduction=self.reduction)
