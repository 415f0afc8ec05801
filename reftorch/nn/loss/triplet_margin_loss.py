r"""The triplet margin loss: an anchor should be closer to its positive than to its negative, by a margin.

The anchor and the positive belong together (two pictures of one person), the negative does not (another person). Only the
difference of the two distances counts.

Use it when embeddings are learned from examples "more like this one than like that one". `margin_ranking_loss` compares scores,
`cosine_embedding_loss` labelled pairs. `triplet_margin_with_distance_loss` is this loss with any distance.

## Forward

With the distances $a_i$ of anchor and positive, and $b_i$ of anchor and negative, of triplet $i$:

$$l_i = \max(0, a_i - b_i + m)$$

A triplet costs nothing as soon as the negative is further away by the margin $m$. The distances are those of `pairwise_distance`,
with its $p$ and its $\varepsilon$. With `swap` the distance of positive and negative replaces $b_i$ where it is smaller: the
negative is then moved away from the nearer one of the two. `reduction="none"` returns all $l_i$, "sum" their sum, "mean" (the
default) the sum divided by the number of triplets $n$.

## Gradients

With $g_i = \partial L / \partial l_i$ (for the mean, the upstream gradient divided by $n$), a triplet with $a_i - b_i + m < 0$
has no gradient:

$$\frac{\partial L}{\partial a_i} = \begin{cases} g_i & \text{if } a_i - b_i + m \ge 0 \\ 0 & \text{otherwise} \end{cases} \qquad
\frac{\partial L}{\partial b_i} = - \frac{\partial L}{\partial a_i}$$

The chain rule continues in `pairwise_distance`: gradient descent moves the anchor towards the positive and away from the
negative. For $p = 2$ both gradients have the same length. If the two distances that `swap` compares are equal, each of them gets
one half of the gradient.

## Cost

That of two distances (three with `swap`), $D$ multiply-adds for each triplet and distance; the rest is one subtraction for each.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a_i$ | `near` | at least 0 | distance of anchor and positive |
| $b_i$ | `far` | at least 0 | distance of anchor and negative |
| $m$ | `margin` | above 0 | by how much the negative must be further away |
| $l_i$ | `loss` | shape of $a$ | loss of each triplet, before the reduction |
| $g_i$ | `grad_loss` | shape of $a$ | gradient of the reduced loss for each triplet's loss |
| $\frac{\partial L}{\partial a_i}$ | `grad_near` | shape of $a$ | gradient of the loss for $a$; minus that for $b$ |
| $i$ | `i` | $0 \le i < n$ | triplet |

## Worked example

The anchor is at 0, the positive at 3. A negative at 5.5 is further away by 2.5, more than the margin of 2. A negative at 4 is
further away by 1, so it lacks 1:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> anchor = torch.tensor([[0.], [0]], requires_grad=True)
>>> positive = torch.tensor([[3.], [3]], requires_grad=True)
>>> negative = torch.tensor([[5.5], [4]], requires_grad=True)
>>> loss = F.triplet_margin_loss(anchor, positive, negative, margin=2, eps=0, reduction="none")
>>> loss
tensor([0., 1.], grad_fn=<TripletMarginLossBackward0>)
>>> loss.sum().backward()
>>> positive.grad.T
tensor([[0., 1.]])

Gradient descent moves the positive of the second triplet towards the anchor, and its negative, which has the gradient -1, away from it.

With `swap` the distances of the negatives from the positives, 2.5 and 1, replace 5.5 and 4:

>>> F.triplet_margin_loss(anchor, positive, negative, margin=2, eps=0, swap=True, reduction="none")
tensor([2.5000, 4.0000], grad_fn=<TripletMarginLossBackward0>)

## Questions

**Can the network minimize the loss by mapping everything to one point?**

No: all distances are 0 then, and each triplet costs the margin.

**Why is the gradient of the anchor 0 in the example?**

Positive and negative of the second triplet lie on the same side of the anchor. The anchor should move towards the first and away from the
second; both gradients have the length 1, and they cancel.

>>> anchor.grad.T
tensor([[0., 0.]])

**Which triplets change the network?**

Those with a loss above 0. After a short training most random triplets have no loss, so one selects hard negatives, which are near
the anchor.
"""

from __future__ import annotations

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, elementwise, njit, prange
from reftorch.nn.arguments import number
from reftorch.nn.distance.pairwise_distance import PairwiseDistance, pairwise_distance
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name
from reftorch.ops import minimum


# ## The loss of each triplet
#
# $$l_i = \max(0, a_i - b_i + m)$$
#
# NaN is not below 0, so it is kept.
@njit(**PARALLEL)
def triplet_margin_loss_forward_cpu(near, far, loss, margin):
    for i in prange(near.size):
        value = near.dtype.type(margin) + near[i] - far[i]
        if value < near.dtype.type(0):
            value = near.dtype.type(0)
        loss[i] = value


@cuda.jit
def triplet_margin_loss_forward_cuda(near, far, loss, margin):
    i = cuda.grid(1)
    if i >= near.size:
        return
    value = near.dtype.type(margin) + near[i] - far[i]
    if value < near.dtype.type(0):
        value = near.dtype.type(0)
    loss[i] = value


# ## The gradient of the first distance
#
# $$\frac{\partial L}{\partial a_i} = g_i \text{ if } a_i - b_i + m \ge 0 \text{, else } 0$$
@njit(**PARALLEL)
def triplet_margin_loss_backward_near_cpu(grad_loss, near, far, grad_near, margin):
    for i in prange(near.size):
        grad_near[i] = near.dtype.type(0)
        if near.dtype.type(margin) + near[i] - far[i] >= near.dtype.type(0):
            grad_near[i] = grad_loss[i]


@cuda.jit
def triplet_margin_loss_backward_near_cuda(grad_loss, near, far, grad_near, margin):
    i = cuda.grid(1)
    if i >= near.size:
        return
    grad_near[i] = near.dtype.type(0)
    if near.dtype.type(margin) + near[i] - far[i] >= near.dtype.type(0):
        grad_near[i] = grad_loss[i]


class TripletMarginLossFunction(Function):
    """The triplet margin loss of two distances in the computation graph; they have one shape and one dtype."""

    @staticmethod
    def forward(ctx, near, far, margin, reduction):
        ctx.save_for_backward(near, far)
        ctx.margin, ctx.reduction = margin, reduction
        kernels = triplet_margin_loss_forward_cpu, triplet_margin_loss_forward_cuda
        return reduced(elementwise(*kernels, near, far, numbers=(margin,)), reduction)

    @staticmethod
    def backward(ctx, grad_y):
        near, far = ctx.saved_tensors
        grad_loss = grad_of_each(grad_y, near.shape, ctx.reduction)
        kernels = triplet_margin_loss_backward_near_cpu, triplet_margin_loss_backward_near_cuda
        grad_near = elementwise(*kernels, grad_loss, near, far, numbers=(ctx.margin,))
        return grad_near, -grad_near, None, None


def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-06,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """The triplet margin loss with the p-norm as distance, or its mean or sum.

    Shapes: all three (N, D) or (D), the same; sizes of 1 are repeated. The result is a scalar; with `reduction="none"` it has the
    shape without the D. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `margin` is not above 0, or `reduction` is not "none", "mean" or "sum".
        RuntimeError: the numbers of dimensions differ, the shapes do not broadcast, or the devices differ.
        TypeError: an argument is not a tensor, or `margin`, `p` or `eps` not a number.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    margin = _positive(margin)
    check_are_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    _check_dims(anchor, positive, negative)
    return _of_distances(
        lambda x1, x2: pairwise_distance(x1, x2, p, eps), anchor, positive, negative, margin, swap, reduction
    )


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """The triplet margin loss with any distance, or its mean or sum.

    `distance_function` takes two of the tensors and returns their distances; the default is `pairwise_distance`.

    Raises:
        ValueError: `margin` is not above 0, or `reduction` is not "none", "mean" or "sum".
        RuntimeError: the numbers of dimensions differ; what `distance_function` raises.
    """
    reduction = reduction_name(reduction)
    margin = _positive(margin)
    _check_dims(anchor, positive, negative)
    return _of_distances(distance_function or pairwise_distance, anchor, positive, negative, margin, swap, reduction)


def _of_distances(distance, anchor, positive, negative, margin, swap, reduction):
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    tensors = promoted("triplet_margin_loss", *broadcast(near, far, warn=False))
    return TripletMarginLossFunction.apply(*tensors, margin, reduction)


def _positive(margin):
    margin = number("triplet_margin_loss", "margin", margin)
    if margin <= 0:
        raise ValueError(
            f"margin must be greater than 0, got {margin}: the negative must be further away than the positive by it"
        )
    return margin


def _check_dims(anchor, positive, negative):
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.dim()}D, positive {positive.dim()}D, and negative {negative.dim()}D inputs; .unsqueeze(0) makes a batch "
            "of a single vector"
        )


class TripletMarginLoss(_Loss):
    """The triplet margin loss with the p-norm as distance, as a module.

    Args:
        margin: by how much the negative must be further away than the positive; above 0.
        p, eps: of the distance, see `PairwiseDistance`.
        swap: take the distance of positive and negative where it is the smaller one.
        reduction: "none", "mean" (over the triplets) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: anchor, positive and negative (N, D) or (D); as `triplet_margin_loss`, which raises the errors when the module is called.

    Raises:
        ValueError: `margin` is not above 0.
    """

    def __init__(self, margin=1.0, p=2.0, eps=1e-06, swap=False, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        _positive(margin)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor, positive, negative):
        return triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """The triplet margin loss with any distance, as a module.

    Args:
        distance_function: takes two of the tensors and returns their distances; the default is `PairwiseDistance()`.
        margin: by how much the negative must be further away than the positive; above 0.
        swap: take the distance of positive and negative where it is the smaller one.
        reduction: "none", "mean" (over the triplets) or "sum".

    Raises:
        ValueError: `margin` is not above 0.
    """

    def __init__(self, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction=reduction)
        _positive(margin)
        self.distance_function = distance_function if distance_function is not None else PairwiseDistance()
        self.margin, self.swap = margin, swap

    def forward(self, anchor, positive, negative):
        return triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
