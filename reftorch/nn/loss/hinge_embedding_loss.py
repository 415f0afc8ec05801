r"""The hinge embedding loss: pairs that belong together should be close, all others at least a margin apart.

The input is a distance, of two embeddings for example. The target is 1 for a pair that belongs together and -1 for one that does
not.

Use it when pairs have a label and their distance is already computed. `cosine_embedding_loss` computes the similarity of two
vectors itself; `triplet_margin_loss` compares two distances with each other.

## Forward

$$l_i = \begin{cases} x_i & \text{if } t_i = 1 \\ \max(0, m - x_i) & \text{if } t_i = -1 \end{cases}$$

The loss of a pair that belongs together is its distance $x_i$. The loss of another pair is what its distance lacks to the margin
$m$. Where $t_i$ is neither 1 nor -1, the loss is the sum of both terms. `reduction="none"` returns all $l_i$, "sum" their sum,
"mean" (the default) the sum divided by the number of elements $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), the term of the pairs that belong
together has the slope 1, that of the others the slope -1 up to the margin:

$$\frac{\partial L}{\partial x_i} = g_i \cdot \begin{cases} 1 & \text{if } t_i = 1 \\
-1 & \text{if } t_i = -1 \text{ and } x_i \le m \\ 0 & \text{if } t_i = -1 \text{ and } x_i > m \end{cases}$$

The target has no gradient: it only selects the case.

## Cost

At most four operations per element. Forward reads $x$ and $t$ and writes $l$: 12 bytes per element in float32; backward reads $x$,
$t$ and $g$ and writes the gradient: 16 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_i$ | `x` | any shape | input: a distance, read as one row of elements |
| $t_i$ | `target` | 1 or -1 | target: 1 if the pair belongs together; -1: it does not |
| $m$ | `margin` | any number | distance from which a pair that does not belong together has no loss |
| $l_i$ | `loss` | shape of $x$ | loss of each pair, before the reduction |
| $g_i$ | `grad_loss` | shape of $x$ | gradient of the reduced loss for each pair's loss |
| $\frac{\partial L}{\partial x_i}$ | `grad_x` | shape of $x$ | gradient of the loss for $x$ |
| $i$ | `i` | $0 \le i < n$ | position in the row |

## Worked example

The margin is 3. Gradient descent makes the distance of the first pair smaller, and that of the second one larger, until it is 3:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([2., 1, 5], requires_grad=True)
>>> target = torch.tensor([1., -1, -1])
>>> loss = F.hinge_embedding_loss(x, target, margin=3, reduction="none")
>>> loss
tensor([2., 2., 0.], grad_fn=<HingeEmbeddingLossBackward0>)
>>> loss.sum().backward()
>>> x.grad
tensor([ 1., -1.,  0.])

## Questions

**Which target means "different", 0 or -1?**

-1. A target of 0 is neither, so its loss is the sum of both terms. This is a common mistake, and no error is raised.

>>> F.hinge_embedding_loss(torch.tensor([1.0]), torch.tensor([0.0]), margin=3).item()
3.0

**May the input be negative?**

The formula allows it, but then a pair that belongs together has a negative loss, without a lower bound. Distances are not negative.

**What does the margin do if all pairs have target 1?**

Nothing. Then the smallest loss is reached when all embeddings are the same point: pairs with target -1 are needed to prevent that.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name
from reftorch.ops import where


# ## The loss of each pair
#
# $$l_i = x_i \text{ if } t_i = 1 \text{, } \max(0, m - x_i) \text{ if } t_i = -1$$
#
# There are two separate conditions, because a target that is neither 1 nor -1 gets both terms.
@njit(**PARALLEL)
def hinge_embedding_loss_forward_cpu(x, target, loss, margin):
    for i in prange(x.size):
        missing = x.dtype.type(margin) - x[i]
        if missing < x.dtype.type(0):
            missing = x.dtype.type(0)
        loss[i] = x.dtype.type(0)
        if target[i] != x.dtype.type(1):
            loss[i] += missing
        if target[i] != x.dtype.type(-1):
            loss[i] += x[i]


@cuda.jit
def hinge_embedding_loss_forward_cuda(x, target, loss, margin):
    i = cuda.grid(1)
    if i >= x.size:
        return
    missing = x.dtype.type(margin) - x[i]
    if missing < x.dtype.type(0):
        missing = x.dtype.type(0)
    loss[i] = x.dtype.type(0)
    if target[i] != x.dtype.type(1):
        loss[i] += missing
    if target[i] != x.dtype.type(-1):
        loss[i] += x[i]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x_i} = g_i \text{ if } t_i = 1 \text{, } -g_i \text{ if } t_i = -1 \text{ and } x_i \le m$$
@njit(**PARALLEL)
def hinge_embedding_loss_backward_x_cpu(grad_loss, x, target, grad_x, margin):
    for i in prange(x.size):
        missing = x.dtype.type(margin) - x[i]
        grad_x[i] = x.dtype.type(0)
        if target[i] != x.dtype.type(1) and missing >= x.dtype.type(0):
            grad_x[i] -= grad_loss[i]
        if target[i] != x.dtype.type(-1):
            grad_x[i] += grad_loss[i]


@cuda.jit
def hinge_embedding_loss_backward_x_cuda(grad_loss, x, target, grad_x, margin):
    i = cuda.grid(1)
    if i >= x.size:
        return
    missing = x.dtype.type(margin) - x[i]
    grad_x[i] = x.dtype.type(0)
    if target[i] != x.dtype.type(1) and missing >= x.dtype.type(0):
        grad_x[i] -= grad_loss[i]
    if target[i] != x.dtype.type(-1):
        grad_x[i] += grad_loss[i]


class HingeEmbeddingLossFunction(Function):
    """The hinge embedding loss in the computation graph. x and target have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x, target, margin, reduction):
        ctx.save_for_backward(x, target)
        ctx.margin, ctx.reduction = margin, reduction
        kernels = hinge_embedding_loss_forward_cpu, hinge_embedding_loss_forward_cuda
        return reduced(elementwise(*kernels, x, target, numbers=(margin,)), reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x, target = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, x.shape, ctx.reduction)
        kernels = hinge_embedding_loss_backward_x_cpu, hinge_embedding_loss_backward_x_cuda
        return elementwise(*kernels, grad_loss, x, target, numbers=(ctx.margin,)), None, None, None


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """The hinge embedding loss of the distances `input`, or its mean or sum.

    Shapes: `input` and `target` any, the same; others are broadcast. The result is a scalar; with `reduction="none"` it has the
    (broadcast) shape of the inputs. It has the dtype of `input`. `size_average` and `reduce` are deprecated and override
    `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: the shapes do not broadcast, the devices differ, or the mean of integers is wanted.
        NotImplementedError: a dtype without a kernel.
        TypeError: `input` or `target` is not a tensor, or `margin` not a number.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_are_tensors("hinge_embedding_loss", input=input, target=target)
    margin = number("hinge_embedding_loss", "margin", margin)
    x, target = broadcast(input, target, warn=False)
    if not x.dtype.is_complex and not x.is_floating_point():
        return _of_integers(x, target, margin, reduction)
    check_tensors("hinge_embedding_loss", input=x)
    return HingeEmbeddingLossFunction.apply(x, target.detach().to(x.dtype), margin, reduction)


def _of_integers(x, target, margin, reduction):
    """The formula with tensors: the result has the dtype of `x`, in which the margin has no fraction. There is no mean of integers."""
    apart = (x.new_full(x.shape, margin) - x).clamp(min=0)
    loss = where(target != 1, apart, 0) + where(target != -1, x, 0)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


class HingeEmbeddingLoss(_Loss):
    """The hinge embedding loss, as a module.

    Args:
        margin: distance from which pairs that do not belong together have no loss.
        reduction: "none", "mean" (over all pairs) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input and target (*), the same; as `hinge_embedding_loss`, which raises the errors when the module is called.
    """

    def __init__(self, margin=1.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input, target):
        return hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)
