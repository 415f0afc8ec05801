r"""The mean squared error: the distance between a prediction and its target, squared and averaged.

An error twice as large has a loss four times as large, so the few large errors count most.

Use it when a prediction is a number and large errors should count most; `l1_loss` is less sensitive to outliers, `huber_loss` is
between the two.

## Forward

One element: a prediction of $1$ for a target of $4$ has the loss $(1 - 4)^2 = 9$. For every element $i$:

$$l_i = (x_i - t_i)^2$$

`reduction="none"` returns all $l_i$, "sum" their sum, and "mean" (the default) divides the sum by their number $n$:

$$L = \frac{1}{n} \sum_i l_i$$

The mean is over all elements, not only over the samples; over no elements it is NaN. If the shapes differ, the smaller
tensor is repeated to fit, with a warning: a prediction of shape $(N, 1)$ and a target of shape $(N)$ give $N^2$
differences, nearly always by mistake. With weights $w$, of the input's shape, a loss is $w_i \, l_i$, and the mean is
$\sum_i w_i \, l_i \, / \, \sum_i w_i$.

## Gradients

The derivative of a square is twice its base. Let $g_i$ be the gradient for $l_i$; for the mean it is the upstream gradient
divided by $n$. The chain rule gives

$$\frac{\partial L}{\partial x_i} = 2 \, (x_i - t_i) \, g_i \qquad
\frac{\partial L}{\partial t_i} = - \frac{\partial L}{\partial x_i}$$

The gradient is proportional to the error. A tensor that was repeated gets the sum of the gradients of
its copies.

## Cost

One subtraction, one multiplication and one addition per element. Forward reads $x$ and $t$ and writes $l$, which the sum reads
again: 16 bytes per element in float32. Backward moves as many.

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

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([1., 2, 6], requires_grad=True)
>>> target = torch.tensor([4., 2, 0], requires_grad=True)
>>> F.mse_loss(x, target, reduction="none")
tensor([ 9.,  0., 36.], grad_fn=<MseLossBackward0>)
>>> loss = F.mse_loss(x, target)
>>> loss
tensor(15., grad_fn=<MseLossBackward0>)
>>> loss.backward()
>>> x.grad
tensor([-2.,  0.,  4.])
>>> target.grad
tensor([ 2.,  0., -4.])

With these weights, the second element, which has no loss, counts twice as much as the other two together:

>>> F.mse_loss(x, target, weight=torch.tensor([1., 4, 1])).item()
7.5

## Questions

**Of all constant predictions, which one has the smallest loss?**

The mean of the targets: there the gradients $2 (x - t_i)$ sum to zero.

**How much does the loss of an element grow if its error doubles?**

It becomes four times as large.

**What is the gradient for an error of 3 in a mean over 3 elements?**

$2 \cdot 3 / 3 = 2$. The first element above has the error $-3$ and the gradient $-2$.

>>> y = torch.tensor([3., 0, 0], requires_grad=True)
>>> F.mse_loss(y, torch.zeros(3)).backward()
>>> y.grad[0]
tensor(2.)
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, flat, njit, on, prange
from reftorch.nn.loss.pointwise import broadcast, check_have_sizes, check_weight, promoted, weighted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, legacy_reduction, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = (x_i - t_i)^2$$
@njit(**PARALLEL)
def mse_loss_forward_cpu(x, target, loss):
    for i in prange(x.size):
        difference = x[i] - target[i]
        loss[i] = difference * difference


@cuda.jit
def mse_loss_forward_cuda(x, target, loss):
    i = cuda.grid(1)
    if i >= x.size:
        return
    difference = x[i] - target[i]
    loss[i] = difference * difference


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = 2 \, (x_i - t_i) \, g_i$$
#
# The gradient of the target is the same with `x` and `target` exchanged.
@njit(**PARALLEL)
def mse_loss_backward_x_cpu(grad_loss, x, target, grad_x):
    for i in prange(x.size):
        grad_x[i] = x.dtype.type(2) * (x[i] - target[i]) * grad_loss[i]


@cuda.jit
def mse_loss_backward_x_cuda(grad_loss, x, target, grad_x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    grad_x[i] = x.dtype.type(2) * (x[i] - target[i]) * grad_loss[i]


class MseLossFunction(Function):
    """The mean squared error on the tape. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, reduction):
        ctx.save_for_backward(x, target)
        ctx.reduction = reduction
        loss = x.new_empty(x.shape)
        run = on(x.device, mse_loss_forward_cpu, mse_loss_forward_cuda, threads=x.numel())
        run(*flat(x, target, loss))
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        grad_x = grad_target = None
        run = on(x.device, mse_loss_backward_x_cpu, mse_loss_backward_x_cuda, threads=x.numel())
        if ctx.needs_input_grad[0]:
            grad_x = x.new_empty(x.shape)
            run(*flat(grad_loss, x, target, grad_x))
        if ctx.needs_input_grad[1]:
            grad_target = x.new_empty(x.shape)
            run(*flat(grad_loss, target, x, grad_target))
        return grad_x, grad_target, None


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """The squared differences of `input` and `target`, or their mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast, with a warning; `weight` that of `input`. The
    result is a scalar; with `reduction="none"` it has the (broadcast) shape of the inputs. `size_average` and `reduce`
    are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum", or `weight` has another shape than `input`.
        RuntimeError: the shapes do not broadcast, or the devices differ.
        NotImplementedError: neither tensor is floating point, or one is complex or float16.
        AttributeError: an argument is not a tensor.
    """
    check_have_sizes("mse_loss", input=input, target=target, weight=weight)
    x, target = broadcast(input, target)
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    check_weight(weight, input)
    reduction = reduction_name(reduction)
    if weight is not None:
        return weighted((x - target) ** 2, weight, reduction)
    return MseLossFunction.apply(*promoted("mse_loss", x, target), reduction)


class MSELoss(_Loss):
    """The mean squared error, as a module.

    Args:
        reduction: "none", "mean" (over all elements) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `mse_loss`, which raises the errors when the module is called.
    """

    def forward(self, input, target):
        return mse_loss(input, target, reduction=self.reduction)
