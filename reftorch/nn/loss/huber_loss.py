r"""Huber's loss: half the squared error near the target, a straight line with the slope $\delta$ far from it.

The curve is that of the squared error up to an error of $\delta$. Beyond that, it continues as a straight line, so the gradient
of an outlier is never larger than $\delta$.

Use it when the squared error is right except for a few outliers: $\delta$ says which errors count as outliers. `smooth_l1_loss` is the
same curve divided by $\delta$.

## Forward

With the difference $d = x_i - t_i$ and the threshold $\delta$:

$$l_i = \begin{cases} \dfrac{d^2}{2} & \text{if } |d| < \delta \\
\delta \left( |d| - \dfrac{\delta}{2} \right) & \text{otherwise} \end{cases}$$

Both pieces give $\delta^2 / 2$ at $|d| = \delta$, and both have the slope $\delta$ there. `reduction="none"` returns all $l_i$, "sum"
their sum, "mean" (the default) the sum divided by the number of elements $n$. With weights $w$, of the input's shape, a loss is
$w_i \, l_i$; the mean is still divided by $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), each piece is differentiated
separately:

$$\frac{\partial L}{\partial x_i} = g_i \cdot \begin{cases} d & \text{if } |d| \le \delta \\ \delta & \text{if } d > \delta \\
-\delta & \text{if } d < -\delta \end{cases} \qquad \frac{\partial L}{\partial t_i} = - \frac{\partial L}{\partial x_i}$$

This is the gradient of half the squared error, clipped to the range from $-\delta$ to $\delta$.

## Cost

About five operations per element. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$,
$t$ and $g$ and writes the gradient: 16 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: the prediction, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: what the prediction should be |
| $d$ | `d` | any number | difference of the two |
| $\delta$ | `threshold` | above 0 | where the parabola ends and the line begins: `delta` |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$; minus that for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

With $\delta = 2$ the errors 1 and 2 are on the parabola, -4 is on the line:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([0., 1, 2, -4], requires_grad=True)
>>> target = torch.zeros(4)
>>> loss = F.huber_loss(x, target, delta=2.0, reduction="none")
>>> loss
tensor([0.0000, 0.5000, 2.0000, 6.0000], grad_fn=<HuberLossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([ 0.,  1.,  2., -2.])

## Questions

**How is it related to smooth_l1_loss?**

Divided by $\delta$ it is the smooth absolute error with $\beta = \delta$:

>>> (F.huber_loss(x, target, delta=2.0) / F.smooth_l1_loss(x, target, beta=2.0)).item()
2.0

**What is the loss for a very large delta?**

Half the squared error, because no error is an outlier then.

>>> F.huber_loss(x, target, delta=100.0).item(), F.mse_loss(x, target).item()
(2.625, 5.25)

**How should delta be chosen?**

Equal to the size of the largest error that is still normal noise. A common choice is 1.35 times the standard deviation of the
noise.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.loss.pointwise import broadcast, check_have_sizes, check_weight
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = d^2 / 2 \text{ if } |d| < \delta \text{, else } \delta \, (|d| - \delta / 2)$$
#
# NaN is not below the threshold; the second formula keeps it.
@njit(**PARALLEL)
def huber_loss_forward_cpu(x, target, loss, delta):
    for i in prange(x.size):
        threshold = x.dtype.type(delta)
        half = x.dtype.type(0.5)
        d = abs(x[i] - target[i])
        if d < threshold:
            loss[i] = half * d * d
        else:
            loss[i] = threshold * (d - half * threshold)


@cuda.jit
def huber_loss_forward_cuda(x, target, loss, delta):
    i = cuda.grid(1)
    if i >= x.size:
        return
    threshold = x.dtype.type(delta)
    half = x.dtype.type(0.5)
    d = abs(x[i] - target[i])
    if d < threshold:
        loss[i] = half * d * d
    else:
        loss[i] = threshold * (d - half * threshold)


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, d \text{, where } d \text{ is kept between } -\delta \text{ and } \delta$$
@njit(**PARALLEL)
def huber_loss_backward_x_cpu(grad_loss, x, target, grad_x, delta):
    for i in prange(x.size):
        threshold = x.dtype.type(delta)
        d = x[i] - target[i]
        if d > threshold:
            d = threshold
        if d < -threshold:
            d = -threshold
        grad_x[i] = grad_loss[i] * d


@cuda.jit
def huber_loss_backward_x_cuda(grad_loss, x, target, grad_x, delta):
    i = cuda.grid(1)
    if i >= x.size:
        return
    threshold = x.dtype.type(delta)
    d = x[i] - target[i]
    if d > threshold:
        d = threshold
    if d < -threshold:
        d = -threshold
    grad_x[i] = grad_loss[i] * d


class HuberLossFunction(Function):
    """Huber's loss in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, delta, reduction):
        ctx.save_for_backward(x, target)
        ctx.delta, ctx.reduction = delta, reduction
        loss = elementwise(huber_loss_forward_cpu, huber_loss_forward_cuda, x, target, numbers=(delta,))
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        kernels = huber_loss_backward_x_cpu, huber_loss_backward_x_cuda
        grad_x = elementwise(*kernels, grad_loss, x, target, numbers=(ctx.delta,))
        return grad_x, -grad_x if ctx.needs_input_grad[1] else None, None, None


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """Huber's loss of `input` and `target`, or its mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast, with a warning; `weight` that of `input`. The result is a
    scalar; with `reduction="none"` it has the (broadcast) shape of the inputs. It has the dtype of `input`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum", or `weight` has another shape than `input`.
        RuntimeError: `delta` is not above 0, the shapes do not broadcast, or the devices differ.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: `delta` is not a number.
        AttributeError: `input` or `target` is not a tensor.
    """
    check_have_sizes("huber_loss", input=input, target=target, weight=weight)
    x, target = broadcast(input, target)
    check_weight(weight, input)
    reduction = reduction_name(reduction)
    delta = number("huber_loss", "delta", delta)
    if not delta > 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta: found {delta}; it is the size of the error from "
            "which the loss is a straight line"
        )
    if not x.is_floating_point() and target.is_floating_point():
        raise RuntimeError(
            f"result type {target.dtype} can't be cast to the desired output type {x.dtype}: huber_loss has the dtype of input; "
            "convert it with .float()"
        )
    check_tensors("huber_loss", input=x)
    target = target.to(x.dtype)
    if weight is None:
        return HuberLossFunction.apply(x, target, delta, reduction)
    loss = HuberLossFunction.apply(x, target, delta, "none") * weight
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


class HuberLoss(_Loss):
    """Huber's loss, as a module.

    Args:
        reduction: "none", "mean" (over all elements) or "sum".
        delta: the size of the error from which the loss is a straight line.

    Shapes: input and target (*), the same; as `huber_loss`, which raises the errors when the module is called.

    Raises:
        TypeError: `delta` is not a number.
    """

    def __init__(self, reduction="mean", delta=1.0):
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)} ({delta!r}); it is the size of an error")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input, target):
        return huber_loss(input, target, reduction=self.reduction, delta=self.delta)
