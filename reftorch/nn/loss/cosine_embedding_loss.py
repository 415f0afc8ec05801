r"""The cosine embedding loss: vectors of a pair that belongs together should point in the same direction, all others should not.

The target is 1 for a pair that belongs together and -1 for one that does not. Only the angle counts, not the lengths.

Use it when embeddings are compared by `cosine_similarity`. `hinge_embedding_loss` takes any distance instead;
`triplet_margin_loss` compares two pairs and needs no label.

## Forward

With the cosine of the angle between the vectors $a$ and $b$ of $D$ numbers:

$$c = \frac{\sum_d a[d] \, b[d]}{\sqrt{q_a \, q_b}} \qquad q_a = \varepsilon + \sum_d a[d]^2 \qquad q_b = \varepsilon + \sum_d b[d]^2$$

$$l = \begin{cases} 1 - c & \text{if } t = 1 \\ \max(0, c - m) & \text{if } t = -1 \\ 0 & \text{otherwise} \end{cases}$$

So a pair that does not belong together costs nothing as soon as its cosine is at most the margin $m$. The constant
$\varepsilon = 10^{-12}$ keeps the quotient finite for vectors of zeros. Each of the $N$ rows is a pair; `reduction="none"` returns
all losses, "sum" their sum, "mean" (the default) the sum divided by $N$.

## Gradients

Let $g = \partial L / \partial l$ (for the mean, the upstream gradient divided by $N$). The derivative $s$ of the loss with
respect to the cosine is $-1$ for $t = 1$, 1 for $t = -1$ and $c \ge m$, and otherwise 0. The derivative of the cosine comes from
the quotient rule:

$$\frac{\partial L}{\partial a}[d] = g \, s \left( \frac{b[d]}{\sqrt{q_a \, q_b}} - c \, \frac{a[d]}{q_a} \right)$$

The gradient for $b$ is the same with $a$ and $b$ exchanged. The target has no gradient: it only selects the case.

## Cost

Three multiply-adds per element in forward, and about twice as many in backward for each of the two vectors.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a$ | `x1` | $(N, D)$ | first vectors |
| $b$ | `x2` | $(N, D)$ | second vectors |
| $t$ | `target` | $(N)$ | target: 1 if the pair belongs together; -1: it does not |
| $m$ | `margin` | -1 to 1 | cosine up to which a pair that does not belong together has no loss |
| $q_a$ | `q1` | at least $\varepsilon$ | squared length of the first vector |
| $q_b$ | `q2` | at least $\varepsilon$ | squared length of the second vector |
| $\varepsilon$ | `EPS` | $10^{-12}$ | keeps the quotient finite |
| $c$ | `cosine` | -1 to 1 | cosine of the angle |
| $s$ | `slope` | -1, 0 or 1 | derivative of the loss for the cosine |
| $l$ | `loss` | $(N)$ | loss of each pair, before the reduction |
| $g$ | `grad_loss` | $(N)$ | gradient of the reduced loss for each pair's loss |
| $\frac{\partial L}{\partial a}$ | `grad_x1` | $(N, D)$ | gradient of the loss for $a$ |
| $d$ | `d` | $0 \le d < D$ | position in the vector |

## Worked example

The cosine of (3, 4) and (4, 3) is 24 / 25. The loss is 0.04 if the pair belongs together, and 0.96 if it does not:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> a = torch.tensor([[3., 4], [3, 4]], requires_grad=True)
>>> b = torch.tensor([[4., 3], [4, 3]])
>>> loss = F.cosine_embedding_loss(a, b, torch.tensor([1, -1]), reduction="none")
>>> loss
tensor([0.0400, 0.9600], grad_fn=<CosineEmbeddingLossBackward0>)
>>> loss.sum().backward()
>>> a.grad
tensor([[-0.0448,  0.0336],
        [ 0.0448, -0.0336]])

## Questions

**What does a margin of 0.5 change for the second pair?**

Its loss is 0.96 - 0.5, and its gradient stays the same. Below a cosine of 0.5 it would have no loss.

>>> round(F.cosine_embedding_loss(a[1:], b[1:], torch.tensor([-1]), margin=0.5).item(), 4)
0.46

**Why is the margin not used for pairs that belong together?**

Their cosine should be 1. The margin says how different the other pairs must be.

**Is a target of 0 "different"?**

No, it means neither of the two. Such a pair has the loss 0 and no gradient, and no error is raised.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, flat, njit, on, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.pointwise import broadcast, check_are_tensors, promoted
from reftorch.nn.loss.reduction import _Loss, grad_of_each, reduced, reduction_name
from reftorch.ops.promotion import category, promote_types

EPS = float(np.float32(1e-12))  # PyTorch keeps this constant in float32, also for inputs of float64


# ## The loss of each pair
#
# $$l = 1 - c \text{ if } t = 1 \text{, } \max(0, c - m) \text{ if } t = -1$$
@njit(**PARALLEL)
def cosine_embedding_loss_forward_cpu(x1, x2, target, loss, margin):
    N, D = x1.shape
    for n in prange(N):
        dot = np.float64(0)
        q1 = np.float64(EPS)
        q2 = np.float64(EPS)
        for d in range(D):
            dot += x1[n, d] * x2[n, d]
            q1 += x1[n, d] * x1[n, d]
            q2 += x2[n, d] * x2[n, d]
        cosine = dot / math.sqrt(q1 * q2)
        loss[n] = 0
        if target[n] == 1:
            loss[n] = x1.dtype.type(1) - cosine
        if target[n] == -1 and not cosine < x1.dtype.type(margin):
            loss[n] = cosine - x1.dtype.type(margin)


@cuda.jit
def cosine_embedding_loss_forward_cuda(x1, x2, target, loss, margin):
    N, D = x1.shape
    n = cuda.grid(1)  # one thread per pair
    if n >= N:
        return
    dot = x1.dtype.type(0)
    q1 = x1.dtype.type(EPS)
    q2 = x1.dtype.type(EPS)
    for d in range(D):
        dot += x1[n, d] * x2[n, d]
        q1 += x1[n, d] * x1[n, d]
        q2 += x2[n, d] * x2[n, d]
    cosine = dot / math.sqrt(q1 * q2)
    loss[n] = 0
    if target[n] == 1:
        loss[n] = x1.dtype.type(1) - cosine
    if target[n] == -1 and not cosine < x1.dtype.type(margin):
        loss[n] = cosine - x1.dtype.type(margin)


# ## The gradient of the first vectors
#
# $$\frac{\partial L}{\partial a}[d] = g \, s \left( \frac{b[d]}{\sqrt{q_a \, q_b}} - c \, \frac{a[d]}{q_a} \right)$$
#
# One thread writes the gradient of a whole vector, because all its elements need the same three sums.
@njit(**PARALLEL)
def cosine_embedding_loss_backward_x1_cpu(grad_loss, x1, x2, target, grad_x1, margin):
    N, D = x1.shape
    for n in prange(N):
        dot = np.float64(0)
        q1 = np.float64(EPS)
        q2 = np.float64(EPS)
        for d in range(D):
            dot += x1[n, d] * x2[n, d]
            q1 += x1[n, d] * x1[n, d]
            q2 += x2[n, d] * x2[n, d]
        product = math.sqrt(q1 * q2)
        cosine = dot / product
        slope = 0
        if target[n] == 1:
            slope = -1
        if target[n] == -1 and cosine >= x1.dtype.type(margin):
            slope = 1
        for d in range(D):
            towards = x2[n, d] / product - cosine * x1[n, d] / q1
            grad_x1[n, d] = grad_loss[n] * x1.dtype.type(slope) * towards


@cuda.jit
def cosine_embedding_loss_backward_x1_cuda(grad_loss, x1, x2, target, grad_x1, margin):
    N, D = x1.shape
    n = cuda.grid(1)  # one thread per pair
    if n >= N:
        return
    dot = x1.dtype.type(0)
    q1 = x1.dtype.type(EPS)
    q2 = x1.dtype.type(EPS)
    for d in range(D):
        dot += x1[n, d] * x2[n, d]
        q1 += x1[n, d] * x1[n, d]
        q2 += x2[n, d] * x2[n, d]
    product = math.sqrt(q1 * q2)
    cosine = dot / product
    slope = 0
    if target[n] == 1:
        slope = -1
    if target[n] == -1 and cosine >= x1.dtype.type(margin):
        slope = 1
    for d in range(D):
        towards = x2[n, d] / product - cosine * x1[n, d] / q1
        grad_x1[n, d] = grad_loss[n] * x1.dtype.type(slope) * towards


class CosineEmbeddingLossFunction(Function):
    """The cosine embedding loss in the computation graph: x1 and x2 (N, D) of one dtype, target of N elements; the loss of `shape`."""

    @staticmethod
    def forward(ctx, x1, x2, target, margin, reduction, shape):
        ctx.save_for_backward(x1, x2, target)
        ctx.margin, ctx.reduction = margin, reduction
        loss = x1.new_empty(shape)
        kernels = cosine_embedding_loss_forward_cpu, cosine_embedding_loss_forward_cuda
        on(x1.device, *kernels, len(x1))(*arrays(x1, x2), *flat(target, loss), margin)
        return reduced(loss, reduction)

    @staticmethod
    def backward(ctx, grad_y):
        x1, x2, target = ctx.saved_tensors
        N = len(x1)
        grad_loss = grad_of_each(grad_y.reshape(N) if ctx.reduction == "none" else grad_y, (N,), ctx.reduction)
        kernels = cosine_embedding_loss_backward_x1_cpu, cosine_embedding_loss_backward_x1_cuda
        run = on(x1.device, *kernels, N)
        grad_x1 = grad_x2 = None
        if ctx.needs_input_grad[0]:
            grad_x1 = x1.new_empty(x1.shape)
            run(*flat(grad_loss), *arrays(x1, x2), *flat(target), *arrays(grad_x1), ctx.margin)
        if ctx.needs_input_grad[1]:
            grad_x2 = x1.new_empty(x1.shape)
            run(*flat(grad_loss), *arrays(x2, x1), *flat(target), *arrays(grad_x2), ctx.margin)
        return grad_x1, grad_x2, None, None, None, None


def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """The cosine embedding loss of the vectors `input1` and `input2`, or its mean or sum.

    Shapes: `input1` and `input2` (N, D), `target` (N); or (D), (D) and (). Sizes of 1 are repeated. The result is a scalar; with
    `reduction="none"` it has the shape of the target. `size_average` and `reduce` are deprecated and override `reduction`.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: the numbers of dimensions do not fit together, the shapes do not broadcast, or the devices differ.
        NotImplementedError: a tensor is complex or float16.
        TypeError: an argument is not a tensor, or `margin` not a number.
    """
    reduction = reduction_name(reduction, size_average, reduce)
    check_are_tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    margin = number("cosine_embedding_loss", "margin", margin)
    dims = target.dim() + 1
    if dims > 2 or input1.dim() != dims or input2.dim() != dims:
        wanted = (
            f"{target.dim()}D target tensor expects {dims}D input tensors"
            if dims <= 2
            else "0D or 1D target tensor expected"
        )
        raise RuntimeError(
            f"cosine_embedding_loss: {wanted}, but found inputs with sizes {list(input1.shape)} and {list(input2.shape)} and a "
            f"target of {list(target.shape)}; wanted (N, D), (N, D) and (N), or (D), (D) and ()"
        )
    x1, x2, targets = broadcast(input1, input2, target.detach().unsqueeze(-1), warn=False)
    dtype = promote_types(x1.dtype, x2.dtype)
    x1, x2 = promoted("cosine_embedding_loss", *(x if category(dtype) > 1 else x.float() for x in (x1, x2)))
    shape, D = x1.shape[:-1], x1.shape[-1]
    targets = targets[..., 0] if D else target.detach().expand(shape)
    N = shape.numel()
    return CosineEmbeddingLossFunction.apply(x1.reshape(N, D), x2.reshape(N, D), targets, margin, reduction, shape)


class CosineEmbeddingLoss(_Loss):
    """The cosine embedding loss, as a module.

    Args:
        margin: cosine up to which pairs that do not belong together have no loss.
        reduction: "none", "mean" (over the pairs) or "sum".
        size_average, reduce: deprecated spellings of `reduction`, which they override.

    Shapes: input1 and input2 (N, D), target (N); as `cosine_embedding_loss`, which raises the errors when the module is called.
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)
