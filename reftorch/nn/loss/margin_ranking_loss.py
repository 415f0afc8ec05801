r"""The margin ranking loss: of two scores, the one that should be larger must be larger by a margin.

Two inputs are compared. The target says which one should rank higher: 1 the first, -1 the second. A pair in the right order whose
scores differ enough has no loss.

Use it when only the order of scores matters, as in a search engine. `triplet_margin_loss` compares distances of points;
`hinge_embedding_loss` takes one distance and a label.

## Forward

$$l_i = \max(0, - t_i \, (a_i - b_i) + m)$$

For $t_i = 1$ it is 0 as soon as $a_i$ is above $b_i$ by the margin $m$. `reduction="none"` returns all $l_i$, "sum" their sum, "mean"
(the default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$) and the value $v_i$ that the maximum
compares with 0, a pair with $v_i < 0$ has no gradient. For the others the derivative of the loss is that of $v_i$:

$$v_i = - t_i \, (a_i - b_i) + m$$

$$\frac{\partial L}{\partial a_i} = \begin{cases} - g_i \, t_i & \text{if } v_i \ge 0 \\ 0 & \text{otherwise} \end{cases} \qquad
\frac{\partial L}{\partial b_i} = - \frac{\partial L}{\partial a_i} \qquad
\frac{\partial L}{\partial t_i} = \begin{cases} - g_i \, (a_i - b_i) & \text{if } v_i \ge 0 \\ 0 & \text{otherwise} \end{cases}$$

## Cost

Four operations per element. Forward reads three tensors and writes one: 16 bytes per element in float32; backward reads four and
writes one: 20 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a_i$ | `x1` | any shape | first score, `input1`, read as one row of numbers |
| $b_i$ | `x2` | shape of $a$ | second score, `input2` |
| $t_i$ | `target` | 1 or -1 | target: which score should be larger: 1 the first, -1 the second |
| $m$ | `margin` | any number | by how much that score should be larger |
| $v_i$ | `value` | any number | what is compared with 0 |
| $l_i$ | `loss` | shape of $a$ | loss of each pair, before the reduction |
| $g_i$ | `grad_loss` | shape of $a$ | gradient of the reduced loss for each pair's loss |
| $\frac{\partial L}{\partial a_i}$ | `grad_x1` | shape of $a$ | gradient of the loss for $a$; minus that for $b$ |
| $\frac{\partial L}{\partial t_i}$ | `grad_target` | shape of $a$ | gradient of the loss for $t$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The first score should be larger than the second by a margin of 2. The differences are 3, 1 and -1:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> first = torch.tensor([5., 5, 5], requires_grad=True)
>>> second = torch.tensor([2., 4, 6], requires_grad=True)
>>> target = torch.ones(3, requires_grad=True)
>>> loss = F.margin_ranking_loss(first, second, target, margin=2, reduction="none")
>>> loss
tensor([0., 1., 3.], grad_fn=<MarginRankingLossBackward0>)
>>> loss.sum().backward()
>>> second.grad
tensor([0., 1., 1.])
>>> target.grad
tensor([-0., -1.,  1.])

The gradient of the first score has the opposite sign. So for pairs with a loss, gradient descent makes the first score larger and
the second one smaller.

## Questions

**What happens with the default margin, 0, if both scores are equal?**

The loss is 0, but the gradient is not: at $v_i = 0$ the slope for $v_i > 0$ is used. The scores move apart.

>>> score = torch.tensor([1.0], requires_grad=True)
>>> F.margin_ranking_loss(score, torch.tensor([1.0]), torch.ones(1)).backward()
>>> score.grad
tensor([-1.])

**Does the loss depend on how wrong the order is?**

Yes, it is linear in the difference. But the gradient has the same size for all pairs that are wrong.

**Can the network minimize the loss by making all scores equal?**

Yes, with a margin of 0. A margin above 0 prevents it: equal scores cost $m$.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.pointwise import broadcast, check_differences, check_have_sizes, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name


# ## The loss of each pair
#
# $$l_i = \max(0, - t_i \, (a_i - b_i) + m)$$
#
# NaN is not below 0, so it is kept.
@njit(**PARALLEL)
def margin_ranking_loss_forward_cpu(x1, x2, target, loss, margin):
    for i in prange(x1.size):
        value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
        if value < x1.dtype.type(0):
            value = x1.dtype.type(0)
        loss[i] = value


@cuda.jit
def margin_ranking_loss_forward_cuda(x1, x2, target, loss, margin):
    i = cuda.grid(1)
    if i >= x1.size:
        return
    value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
    if value < x1.dtype.type(0):
        value = x1.dtype.type(0)
    loss[i] = value


# ## The gradient of the first score
#
# $$\frac{\partial L}{\partial a_i} = - g_i \, t_i \text{ if } v_i \ge 0 \text{, else } 0$$
@njit(**PARALLEL)
def margin_ranking_loss_backward_x1_cpu(grad_loss, x1, x2, target, grad_x1, margin):
    for i in prange(x1.size):
        value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
        g = x1.dtype.type(0)
        if value >= x1.dtype.type(0):
            g = grad_loss[i]
        grad_x1[i] = -g * target[i]


@cuda.jit
def margin_ranking_loss_backward_x1_cuda(grad_loss, x1, x2, target, grad_x1, margin):
    i = cuda.grid(1)
    if i >= x1.size:
        return
    value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
    g = x1.dtype.type(0)
    if value >= x1.dtype.type(0):
        g = grad_loss[i]
    grad_x1[i] = -g * target[i]


# ## The gradient of the target
#
# $$\frac{\partial L}{\partial t_i} = - g_i \, (a_i - b_i) \text{ if } v_i \ge 0 \text{, else } 0$$
@njit(**PARALLEL)
def margin_ranking_loss_backward_target_cpu(grad_loss, x1, x2, target, grad_target, margin):
    for i in prange(x1.size):
        value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
        g = x1.dtype.type(0)
        if value >= x1.dtype.type(0):
            g = grad_loss[i]
        grad_target[i] = -g * (x1[i] - x2[i])


@cuda.jit
def margin_ranking_loss_backward_target_cuda(grad_loss, x1, x2, target, grad_target, margin):
    i = cuda.grid(1)
    if i >= x1.size:
        return
    value = -target[i] * (x1[i] - x2[i]) + x1.dtype.type(margin)
    g = x1.dtype.type(0)
    if value >= x1.dtype.type(0):
        g = grad_loss[i]
    grad_target[i] = -g * (x1[i] - x2[i])


class MarginRankingLossFunction(Function):
    """The margin ranking loss in the computation graph. The three tensors have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x1, x2, target, margin, reduction):
        ctx.save_for_backward(x1, x2, target)
        ctx.margin, ctx.reduction = margin, reduction
        kernels = margin_ranking_loss_forward_cpu, margin_ranking_loss_forward_cuda
        return reduced(elementwise(*kernels, x1, x2, target, numbers=(margin,)), reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x1, x2, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x1.shape, ctx.reduction)
        grad_x1 = grad_x2 = grad_target = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            kernels = margin_ranking_loss_backward_x1_cpu, margin_ranking_loss_backward_x1_cuda
            grad_x1 = elementwise(*kernels, grad_loss, x1, x2, target, numbers=(ctx.margin,))
            grad_x2 = -grad_x1
        if ctx.needs_input_grad[2]:
            kernels = margin_ranking_loss_backward_target_cpu, margin_ranking_loss_backward_target_cuda
            grad_target = elementwise(*kernels, grad_loss, x1, x2, target, numbers=(ctx.margin,))
        return grad_x1, grad_x2, grad_target, None, None


def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """The margin ranking loss of the scores `input1` and `input2`, or its mean or sum.

    Shapes: all three the same; others are broadcast, but the number of dimensions must agree. The result is a scalar; with
    `reduction="none"` it has the (broadcast) shape of the inputs. `size_average` and `reduce` are deprecated and override
    `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: the numbers of dimensions differ, the shapes do not broadcast, or the devices differ.
        NotImplementedError: a dtype without a kernel.
        TypeError: `margin` is not a number.
        AttributeError: an argument is not a tensor.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_have_sizes("margin_ranking_loss", input1=input1, input2=input2, target=target)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape}; .unsqueeze() or .view() adds dimensions"
        )
    check_differences("margin_ranking_loss", input1=input1, input2=input2, target=target)
    margin = number("margin_ranking_loss", "margin", margin)
    if not any(each.is_floating_point() for each in (input1, input2, target)):
        return _of_integers(input1, input2, target, margin, reduction)
    tensors = broadcast(input1, input2, target, warn=False)
    return MarginRankingLossFunction.apply(*promoted("margin_ranking_loss", *tensors), margin, reduction)


def _of_integers(input1, input2, target, margin, reduction):
    """The formula with tensors: the difference is one of integers, which wrap around, and the margin makes float32 of it."""
    loss = (-target * (input1 - input2) + margin).clamp(min=0)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


class MarginRankingLoss(_Loss):
    """The margin ranking loss, as a module.

    Args:
        margin: by how much the right score must be larger.
        reduction: "none", "mean" (over all pairs) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input1, input2 and target (*), the same; as `margin_ranking_loss`, which raises the errors when the module is called.
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)
