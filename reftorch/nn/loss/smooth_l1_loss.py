r"""The smooth absolute error: a parabola near the target, a straight line far from it.

Small errors are treated as by the squared error, so the gradient shrinks as the prediction comes close. Large errors are treated
as by the absolute error, so the gradient of an outlier is not larger than 1.

Use it when targets have outliers and the gradient should become small near the target, as in the regression of bounding boxes;
`huber_loss` is the same curve times $\beta$. With $\beta = 0$ this loss is `l1_loss`.

## Forward

With the difference $d = x_i - t_i$ and the threshold $\beta$:

$$l_i = \begin{cases} \dfrac{d^2}{2 \beta} & \text{if } |d| < \beta \\ |d| - \dfrac{\beta}{2} & \text{otherwise} \end{cases}$$

Both pieces give $\beta / 2$ at $|d| = \beta$, and both have slope 1 there: so the curve has no jump and no corner.
`reduction="none"` returns all $l_i$, "sum" their sum, "mean" (the default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), each piece is differentiated
separately:

$$\frac{\partial L}{\partial x_i} = g_i \cdot \begin{cases} d / \beta & \text{if } |d| < \beta \\ 1 & \text{if } d \ge \beta \\
-1 & \text{if } d \le -\beta \end{cases} \qquad \frac{\partial L}{\partial t_i} = - \frac{\partial L}{\partial x_i}$$

## Cost

About five operations per element. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$,
$t$ and $g$ and writes the gradient: 16 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: the prediction, read as one row of elements |
| $t_i$ | `target` | shape of $x$ | target: what the prediction should be |
| $d$ | `d` | any number | difference of the two |
| $\beta$ | `threshold` | above 0 | where the parabola ends and the line begins: `beta` |
| $l_i$ | `loss` | shape of $x$ | loss of each element, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each element's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$; minus that for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

With $\beta = 2$ the errors 0 and 1 are on the parabola, 2 and 4 are on the line:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([0., 1, 2, -4], requires_grad=True)
>>> target = torch.zeros(4)
>>> loss = F.smooth_l1_loss(x, target, beta=2.0, reduction="none")
>>> loss
tensor([0.0000, 0.2500, 1.0000, 3.0000], grad_fn=<SmoothL1LossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([ 0.0000,  0.5000,  1.0000, -1.0000])

## Questions

**How large is the loss of an error of 10, with beta 1 and with beta 4?**

It is 10 minus half of beta:

>>> [F.smooth_l1_loss(torch.tensor(10.0), torch.tensor(0.0), beta=b).item() for b in (1.0, 4.0)]
[9.5, 8.0]

**What is the difference from huber_loss?**

Huber's loss is this one times $\beta$ (there called delta). As $\beta$ grows, this loss gets flatter and goes to 0; Huber's loss goes
to half the squared error. As $\beta$ goes to 0, this loss goes to the absolute error; Huber's loss goes to 0.

**What happens with beta 0?**

No error is below 0, so the parabola is never used. The function then calls `l1_loss`, because $d / \beta$ could not be computed.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.l1_loss import l1_loss
from reftorch.nn.loss.pointwise import broadcast, check_have_sizes, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, legacy_reduction, reduced, reduction_name


# ## The loss of each element
#
# $$l_i = d^2 / (2 \beta) \text{ if } |d| < \beta \text{, else } |d| - \beta / 2$$
#
# NaN is not below the threshold; the second formula keeps it.
@njit(**PARALLEL)
def smooth_l1_loss_forward_cpu(x, target, loss, beta):
    for i in prange(x.size):
        threshold = x.dtype.type(beta)
        half = x.dtype.type(0.5)
        d = abs(x[i] - target[i])
        if d < threshold:
            loss[i] = half * d * d / threshold
        else:
            loss[i] = d - half * threshold


@cuda.jit
def smooth_l1_loss_forward_cuda(x, target, loss, beta):
    i = cuda.grid(1)
    if i >= x.size:
        return
    threshold = x.dtype.type(beta)
    half = x.dtype.type(0.5)
    d = abs(x[i] - target[i])
    if d < threshold:
        loss[i] = half * d * d / threshold
    else:
        loss[i] = d - half * threshold


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \, d / \beta \text{, where the quotient is kept between -1 and 1}$$
@njit(**PARALLEL)
def smooth_l1_loss_backward_x_cpu(grad_loss, x, target, grad_x, beta):
    for i in prange(x.size):
        threshold = x.dtype.type(beta)
        d = x[i] - target[i]
        if d >= threshold:
            grad_x[i] = grad_loss[i]
        elif d <= -threshold:
            grad_x[i] = -grad_loss[i]
        else:
            grad_x[i] = grad_loss[i] * d / threshold


@cuda.jit
def smooth_l1_loss_backward_x_cuda(grad_loss, x, target, grad_x, beta):
    i = cuda.grid(1)
    if i >= x.size:
        return
    threshold = x.dtype.type(beta)
    d = x[i] - target[i]
    if d >= threshold:
        grad_x[i] = grad_loss[i]
    elif d <= -threshold:
        grad_x[i] = -grad_loss[i]
    else:
        grad_x[i] = grad_loss[i] * d / threshold


class SmoothL1LossFunction(Function):
    """The smooth absolute error in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, beta, reduction):
        ctx.save_for_backward(x, target)
        ctx.beta, ctx.reduction = beta, reduction
        loss = elementwise(smooth_l1_loss_forward_cpu, smooth_l1_loss_forward_cuda, x, target, numbers=(beta,))
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        kernels = smooth_l1_loss_backward_x_cpu, smooth_l1_loss_backward_x_cuda
        grad_x = elementwise(*kernels, grad_loss, x, target, numbers=(ctx.beta,))
        return grad_x, -grad_x if ctx.needs_input_grad[1] else None, None, None


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """The smooth absolute differences of `input` and `target`, or their mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast, with a warning. The result is a scalar; with
    `reduction="none"` it has the (broadcast) shape of the inputs. `size_average` and `reduce` are deprecated and override
    `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: `beta` is negative or NaN, the shapes do not broadcast, or the devices differ.
        NotImplementedError: neither tensor is float32 or float64, or one is complex or float16.
        TypeError: `beta` is not a number.
        AttributeError: `input` or `target` is not a tensor.
    """
    check_have_sizes("smooth_l1_loss", input=input, target=target)
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    beta = number("smooth_l1_loss", "beta", beta)
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    x, target = broadcast(input, target)
    reduction = reduction_name(reduction)
    if not beta >= 0:
        raise RuntimeError(
            f"smooth_l1_loss does not support negative values for beta: found {beta}; it is the size of the error from which "
            "the loss is a straight line"
        )
    return SmoothL1LossFunction.apply(*promoted("smooth_l1_loss", x, target), beta, reduction)


class SmoothL1Loss(_Loss):
    """The smooth absolute error, as a module.

    Args:
        reduction: "none", "mean" (over all elements) or "sum".
        beta: the size of the error from which the loss is a straight line; with 0 it is `L1Loss`.
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `smooth_l1_loss`, which raises the errors when the module is called.
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", beta=1.0):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input, target):
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)
