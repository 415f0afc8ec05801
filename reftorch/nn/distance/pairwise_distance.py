r"""The distance of two vectors, row by row: the p-norm of their difference.

Each row of the two tensors is a vector. Row $n$ of the first tensor is compared with row $n$ of the second.

Use it when vectors come in pairs; `pdist` compares all rows of one tensor with each other; `cosine_similarity` compares directions.

## Forward

For one pair, with $d = a - b + \varepsilon$, the Euclidean distance ($p = 2$) is $y = \sqrt{\sum_j d[j]^2}$. In general:

$$d[n, j] = a[n, j] - b[n, j] + \varepsilon \qquad y[n] = \left( \sum_j |d[n, j]|^p \right)^{1/p}$$

The small $\varepsilon$ is added to the difference with its sign. It keeps the distance of equal vectors above 0, because the root
has no derivative at 0. For $p = \infty$ the distance is the largest $|d|$, for $p = -\infty$ the smallest, and for $p = 0$ the
number of differences that are not 0.

## Gradients

Let $g = \partial L / \partial y$. The outer power has the derivative $\frac{1}{p} (\dots)^{1/p - 1} = \frac{1}{p} \, y^{1-p}$, the
inner one $p \, |d|^{p-1}$ times the sign of $d$:

$$\frac{\partial L}{\partial a}[n, j] = g[n] \, \operatorname{sign}(d[n, j]) \, |d[n, j]|^{p-1} \, y[n]^{1-p} \qquad
\frac{\partial L}{\partial b} = - \frac{\partial L}{\partial a}$$

For $p = 2$ it is $g \, d / y$: a vector of length $g$ that points away from $b$. Where $y = 0$ or $d = 0$ the gradient is 0. For
$p = \pm\infty$ only the elements that reach the distance have a gradient; they share it equally. For $p = 0$ there is none.

## Output size

The shape of the inputs (or the shape that they broadcast to) without the last dimension; with `keepdim` it stays, with the size 1.

## Cost

Forward reads both vectors, with a subtraction and a multiply-add per element for $p = 2$; other powers cost a call of `pow` for
each element.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a$ | `x1` | $(N, D)$ | first vectors |
| $b$ | `x2` | $(N, D)$ | second vectors |
| $\varepsilon$ | `eps` | any number | added to each difference |
| $p$ | `p` | any number | power of the norm |
| $d$ | `d` | any number | difference |
| $y$ | `y` | $(N)$ | output: distance |
| $g$ | `grad_y` | $(N)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial a}$ | `grad_x1` | $(N, D)$ | gradient of the loss for $a$; minus that for $b$ |
| $n$ | `n` | $0 \le n < N$ | pair of vectors |
| $j$ | `j` | $0 \le j < D$ | position in the vector |

## Worked example

The difference is (3, -4): its length is 5, the sum of its absolute values 7, the largest of them 4.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> a = torch.tensor([[4., 1]], requires_grad=True)
>>> b = torch.tensor([[1., 5]])
>>> y = F.pairwise_distance(a, b, eps=0)
>>> y
tensor([5.], grad_fn=<PairwiseDistanceBackward0>)
>>> y.backward()
>>> a.grad
tensor([[ 0.6000, -0.8000]])
>>> [F.pairwise_distance(a, b, p=p, eps=0).item() for p in (0, 1, float("inf"))]
[2.0, 7.0, 4.0]

## Questions

**How long is the gradient for p = 2?**

Always 1 (times $g$), however far the vectors are apart: 0.6 * 0.6 + 0.8 * 0.8 = 1.

>>> round(0.6 * 0.6 + 0.8 * 0.8, 6)
1.0

**Is the distance of a and b equal to that of b and a?**

Nearly. The $\varepsilon$ is added to $a - b$, so exchanging the vectors changes the distance a little:

>>> one, two = torch.tensor([[1.0]]), torch.tensor([[0.0]])
>>> [round(F.pairwise_distance(*pair, eps=0.1).item(), 4) for pair in ((one, two), (two, one))]
[1.1, 0.9]

**What is the distance of a vector and itself?**

$\varepsilon \sqrt{D}$ for $p = 2$, not 0.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, cuda, flat, njit, on, prange, shaped
from reftorch.nn.arguments import number
from reftorch.nn.distance.pairs import broadcast_pair
from reftorch.nn.loss.pointwise import check_are_tensors
from reftorch.nn.module import Module
from reftorch.types import bool as boolean


# ## The three steps of a norm
#
# `joined` adds one more difference to the sum, or compares it with the largest or smallest so far. `root` takes the root at the
# end. `slope` is the derivative of the distance with respect to one difference, $\operatorname{sign}(d) \, (|d| / y)^{p-1}$. A
# comparison with NaN is false, so `size != size` keeps a NaN. For p = 0 a power is 1, also that of infinity and of NaN. The derivative
# for a difference of NaN is 0 if p = 1. For an infinite p, `share` is the part of the gradient of each element that reaches the distance.
@njit(**SERIAL)
def joined(total, size, p):
    if p == math.inf:
        return size if size > total or size != size else total
    if p == -math.inf:
        return size if size < total or size != size else total
    if p == 2:
        return total + size * size
    if p == 1:
        return total + size
    if p == 0:
        return total + size**p if size != 0 else total
    return total + size**p


@njit(**SERIAL)
def root(total, p, inverse):
    if p == 2:
        return math.sqrt(total)
    if p == 0 or p == 1 or abs(p) == math.inf:
        return total
    return total**inverse


@njit(**SERIAL)
def slope(d, y, p, one, share):
    size = abs(d)
    if y == 0 or p == 0:
        return one - one
    if abs(p) == math.inf:
        return math.copysign(share, d) if size == y else one - one
    if p == 2:
        return d / y
    if p == 1:
        return math.copysign(one, d) if size > 0 else one - one
    if d == 0:
        return y - y if p < 1 or y != y else one - one
    return math.copysign((size / y) ** (p - one), d)


# ## The distance of each pair
#
# $$y[n] = \left( \sum_j |d[n, j]|^p \right)^{1/p}$$
@njit(**PARALLEL)
def pairwise_distance_forward_cpu(x1, x2, y, norm, eps):
    N, D = x1.shape
    for n in prange(N):
        p = x1.dtype.type(norm)
        acc = np.float64(0)
        if p == -math.inf:
            acc -= p
        for j in range(D):
            d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
            acc = joined(acc, abs(d), p)
        y[n] = root(acc, p, x1.dtype.type(1) / p)


@cuda.jit
def pairwise_distance_forward_cuda(x1, x2, y, norm, eps):
    N, D = x1.shape
    n = cuda.grid(1)  # one thread per pair
    if n >= N:
        return
    p = x1.dtype.type(norm)
    acc = x1.dtype.type(0)
    if p == -math.inf:
        acc -= p
    for j in range(D):
        d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
        acc = joined(acc, abs(d), p)
    y[n] = root(acc, p, x1.dtype.type(1) / p)


# ## The gradient of the first vector
#
# $$\frac{\partial L}{\partial a}[n, j] = g[n] \, \operatorname{sign}(d[n, j]) \, (|d[n, j]| / y[n])^{p-1}$$
#
# For an infinite p the elements that reach the distance are counted first.
@njit(**PARALLEL)
def pairwise_distance_backward_x1_cpu(grad_y, x1, x2, y, grad_x1, norm, eps):
    N, D = x1.shape
    for n in prange(N):
        p = x1.dtype.type(norm)
        one = x1.dtype.type(1)
        ties = 0
        for j in range(D):
            d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
            if abs(d) == y[n]:
                ties += 1
        share = one / x1.dtype.type(max(ties, 1))
        for j in range(D):
            d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
            grad_x1[n, j] = grad_y[n] * slope(d, y[n], p, one, share)


@cuda.jit
def pairwise_distance_backward_x1_cuda(grad_y, x1, x2, y, grad_x1, norm, eps):
    N, D = x1.shape
    n = cuda.grid(1)  # one thread per pair
    if n >= N:
        return
    p = x1.dtype.type(norm)
    one = x1.dtype.type(1)
    ties = 0
    for j in range(D):
        d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
        if abs(d) == y[n]:
            ties += 1
    share = one / x1.dtype.type(max(ties, 1))
    for j in range(D):
        d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
        grad_x1[n, j] = grad_y[n] * slope(d, y[n], p, one, share)


class PairwiseDistanceFunction(Function):
    """The distance of rows in the computation graph. x1 and x2 (..., D) have one shape and one dtype."""

    @staticmethod
    def forward(ctx, x1, x2, p, eps):
        ctx.table = x1.shape[:-1].numel(), x1.shape[-1]
        y = x1.new_empty(x1.shape[:-1])
        run = on(x1.device, pairwise_distance_forward_cpu, pairwise_distance_forward_cuda, ctx.table[0])
        run(*shaped(ctx.table, x1, x2), *flat(y), p, eps)
        ctx.save_for_backward(x1, x2, y)
        ctx.options = p, eps
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x1, x2, y = ctx.saved_tensors
        if ctx.options[0] == 0:  # the distance is a count: it has no gradient
            return None, None, None, None
        grad_x1 = x1.new_empty(x1.shape)
        run = on(x1.device, pairwise_distance_backward_x1_cpu, pairwise_distance_backward_x1_cuda, ctx.table[0])
        run(*flat(grad_y), *shaped(ctx.table, x1, x2), *flat(y), *shaped(ctx.table, grad_x1), *ctx.options)
        return grad_x1, -grad_x1 if ctx.needs_input_grad[1] else None, None, None


def pairwise_distance(x1, x2, p=2.0, eps=1e-06, keepdim=False):
    """The p-norm of the differences of the rows of `x1` and `x2`, to which `eps` is added.

    Shapes: (N, D) or any (..., D), the same; others are broadcast. The result has the (broadcast) shape without the last
    dimension; with `keepdim` it has the size 1 there.

    Raises:
        TypeError: `x1` or `x2` is not a tensor, `p` or `eps` not a number.
        RuntimeError: the shapes do not broadcast, one is bool, the vectors are empty and `p` is infinite, or the devices differ.
    """
    check_are_tensors("pairwise_distance", x1=x1, x2=x2)
    p = number("pairwise_distance", "p", p)
    eps = number("pairwise_distance", "eps", eps)
    if boolean in (x1.dtype, x2.dtype):
        raise RuntimeError("pairwise_distance: there is no difference of bool tensors: convert them with .float()")
    if not x1.is_floating_point() and not x2.is_floating_point():
        x1 = (x1 - x2).float()  # a difference of integers, as in torch: those of uint8 wrap around
        x2 = x1.new_zeros(())
    x1, x2 = broadcast_pair("pairwise_distance", x1, x2)
    if x1.dim() == 0:
        return PairwiseDistanceFunction.apply(x1.unsqueeze(0), x2.unsqueeze(0), p, eps)
    if math.isinf(p) and x1.shape[-1] == 0:
        raise RuntimeError(
            f"pairwise_distance: vectors without elements, {list(x1.shape)}, have no largest difference (p={p})"
        )
    y = PairwiseDistanceFunction.apply(x1, x2, p, eps)
    return y.unsqueeze(-1) if keepdim else y


class PairwiseDistance(Module):
    """The distance of two vectors, row by row, as a module.

    Args:
        p: power of the norm.
        eps: added to each difference.
        keepdim: keep the last dimension, with the size 1.

    Shapes: both inputs (N, D) or (D); output (N), or () for single vectors. Errors as `pairwise_distance`, when the module is called.
    """

    def __init__(self, p=2.0, eps=1e-06, keepdim=False):
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1, x2):
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
