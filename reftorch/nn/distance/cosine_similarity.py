r"""Cosine similarity: how much two vectors point in the same direction, from -1 (opposite) to 1 (the same).

The lengths of the vectors do not count, only the angle between them.

Use it when you compare vectors whose length has no meaning, such as embeddings of words; `pairwise_distance` compares positions,
and `cosine_embedding_loss` is a loss that uses this similarity.

## Forward

For two vectors $a$ and $b$ of $D$ numbers it is the cosine of their angle, the dot product divided by the lengths:

$$y = \frac{\sum_d a[d] \, b[d]}{m_a \, m_b} \qquad m_a = \max(\lvert a \rvert, \varepsilon) \qquad \lvert a \rvert = \sqrt{\sum_d a[d]^2}$$

and $m_b$ likewise. A vector of zeros has no direction. For it, $\varepsilon$ keeps the quotient finite, and the similarity is 0.
In general the vectors lie along one dimension `dim` of a tensor; $n$ is the position in the dimensions before it, $k$ the
position in those after it:

$$y[n, k] = \frac{\sum_d a[n, d, k] \, b[n, d, k]}{m_a[n, k] \, m_b[n, k]}$$

## Gradients

Let $g = \partial L / \partial y$. The dot product has the derivative $b[d]$ with respect to $a[d]$. The length has the derivative
$a[d] / \lvert a \rvert$, and occurs in the denominator, so the quotient rule gives:

$$\frac{\partial L}{\partial a}[d] = g \left( \frac{b[d]}{m_a \, m_b} - \frac{y}{m_a} \, \frac{a[d]}{\lvert a \rvert} \right)$$

For a vector of zeros, $a[d] / \lvert a \rvert$ is replaced by 0. The maximum with $\varepsilon$ is treated as if it were the
length. A step along $a$ does not change the angle, so the gradient is orthogonal to $a$. The gradient for $b$ is the same with
$a$ and $b$ exchanged.

## Output size

The shape of the inputs (or the shape that they broadcast to) without dimension `dim`.

## Cost

Forward reads both vectors twice, once for the lengths and once for the dot product, with 3 multiply-adds and 2 divisions per
element. Backward reads them twice for each of the two gradients.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $a$ | `x1` | $(N, D, K)$ | first vectors |
| $b$ | `x2` | $(N, D, K)$ | second vectors |
| $y$ | `y` | $(N, K)$, -1 to 1 | output: similarity |
| $\varepsilon$ | `eps` | above 0 | smallest length that is used |
| $\lvert a \rvert$ | `length1` | at least 0 | length of the first vector |
| $m_a$ | `m1` | at least $\varepsilon$ | length of the first vector as divisor |
| $m_b$ | `m2` | at least $\varepsilon$ | length of the second vector as divisor |
| $g$ | `grad_y` | $(N, K)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial a}$ | `grad_x1` | $(N, D, K)$ | gradient of the loss for $a$ |
| $n$ | `n` | $0 \le n < N$ | position in the dimensions before that of the vectors |
| $d$ | `d` | $0 \le d < D$ | position in the vector |
| $k$ | `k` | $0 \le k < K$ | position in the dimensions after that of the vectors |

## Worked example

The vectors (3, 4) and (4, 3) have the length 5 and the dot product 24; (3, 4) and (-4, 3) are orthogonal:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> a = torch.tensor([[3., 4], [3, 4], [0, 0]], requires_grad=True)
>>> b = torch.tensor([[4., 3], [-4, 3], [1, 1]])
>>> y = F.cosine_similarity(a, b)
>>> y
tensor([0.9600, 0.0000, 0.0000], grad_fn=<CosineSimilarityBackward0>)
>>> y[:2].sum().backward()
>>> a.grad
tensor([[ 0.0448, -0.0336],
        [-0.1600,  0.1200],
        [ 0.0000,  0.0000]])

## Questions

**What is the dot product of the first gradient and the first vector?**

3 * 0.0448 - 4 * 0.0336 = 0: the gradient is orthogonal to the vector.

>>> round(3 * 0.0448 - 4 * 0.0336, 6)
0.0

**What changes if a is multiplied by 10?**

The similarity stays the same. The gradient becomes ten times smaller: a longer vector must move further to change the angle as
much.

>>> c = torch.tensor([[30., 40]], requires_grad=True)
>>> F.cosine_similarity(c, b[:1]).backward()
>>> c.grad
tensor([[ 0.0045, -0.0034]])

**Why is the gradient of a vector of zeros so large?**

It is the other vector, divided by its length and by $\varepsilon = 10^{-8}$. A very small step from 0 already decides the
direction.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import number
from reftorch.nn.distance.pairs import broadcast_pair, position_of
from reftorch.nn.module import Module


# ## The similarity of each pair of vectors
#
# $$y[n, k] = \frac{\sum_d a[n, d, k] \, b[n, d, k]}{m_a \, m_b}$$
#
# Each element is divided before it is multiplied, so that the products stay between -1 and 1 and cannot overflow.
@njit(**PARALLEL)
def cosine_similarity_forward_cpu(x1, x2, y, eps):
    N, D, K = x1.shape
    for n in prange(N):
        for k in range(K):
            square1 = np.float64(0)
            square2 = np.float64(0)
            for d in range(D):
                square1 += x1[n, d, k] * x1[n, d, k]
                square2 += x2[n, d, k] * x2[n, d, k]
            m1 = max(x1.dtype.type(math.sqrt(square1)), x1.dtype.type(eps))
            m2 = max(x1.dtype.type(math.sqrt(square2)), x1.dtype.type(eps))
            acc = np.float64(0)
            for d in range(D):
                acc += x1[n, d, k] / m1 * (x2[n, d, k] / m2)
            y[n, k] = acc


@cuda.jit
def cosine_similarity_forward_cuda(x1, x2, y, eps):
    N, D, K = x1.shape
    i = cuda.grid(1)  # one thread per pair
    if i >= y.size:
        return
    k = i % K
    n = i // K
    square1 = x1.dtype.type(0)
    square2 = x1.dtype.type(0)
    for d in range(D):
        square1 += x1[n, d, k] * x1[n, d, k]
        square2 += x2[n, d, k] * x2[n, d, k]
    m1 = max(x1.dtype.type(math.sqrt(square1)), x1.dtype.type(eps))
    m2 = max(x1.dtype.type(math.sqrt(square2)), x1.dtype.type(eps))
    acc = x1.dtype.type(0)
    for d in range(D):
        acc += x1[n, d, k] / m1 * (x2[n, d, k] / m2)
    y[n, k] = acc


# ## The gradient of the first vector
#
# $$\frac{\partial L}{\partial a}[d] = g \left( \frac{b[d]}{m_a \, m_b} - \frac{y}{m_a} \, \frac{a[d]}{\lvert a \rvert} \right)$$
#
# One thread writes the gradient of a whole vector, because all its elements need both lengths.
@njit(**PARALLEL)
def cosine_similarity_backward_x1_cpu(grad_y, x1, x2, y, grad_x1, eps):
    N, D, K = x1.shape
    for n in prange(N):
        for k in range(K):
            square1 = np.float64(0)
            square2 = np.float64(0)
            for d in range(D):
                square1 += x1[n, d, k] * x1[n, d, k]
                square2 += x2[n, d, k] * x2[n, d, k]
            length1 = x1.dtype.type(math.sqrt(square1))
            m1 = max(length1, x1.dtype.type(eps))
            m2 = max(x1.dtype.type(math.sqrt(square2)), x1.dtype.type(eps))
            along = x1.dtype.type(0)  # what is multiplied with a[d]
            if length1 > x1.dtype.type(0):
                along = y[n, k] / m1 / length1
            for d in range(D):
                grad_x1[n, d, k] = grad_y[n, k] * (x2[n, d, k] / m1 / m2 - along * x1[n, d, k])


@cuda.jit
def cosine_similarity_backward_x1_cuda(grad_y, x1, x2, y, grad_x1, eps):
    N, D, K = x1.shape
    i = cuda.grid(1)  # one thread per pair
    if i >= grad_y.size:
        return
    k = i % K
    n = i // K
    square1 = x1.dtype.type(0)
    square2 = x1.dtype.type(0)
    for d in range(D):
        square1 += x1[n, d, k] * x1[n, d, k]
        square2 += x2[n, d, k] * x2[n, d, k]
    length1 = x1.dtype.type(math.sqrt(square1))
    m1 = max(length1, x1.dtype.type(eps))
    m2 = max(x1.dtype.type(math.sqrt(square2)), x1.dtype.type(eps))
    along = x1.dtype.type(0)  # what is multiplied with a[d]
    if length1 > x1.dtype.type(0):
        along = y[n, k] / m1 / length1
    for d in range(D):
        grad_x1[n, d, k] = grad_y[n, k] * (x2[n, d, k] / m1 / m2 - along * x1[n, d, k])


class CosineSimilarityFunction(Function):
    """Cosine similarity in the computation graph. x1 and x2 have one shape and dtype; the vectors lie along dimension `dim`."""

    @staticmethod
    def forward(ctx, x1, x2, dim, eps):
        before, behind = x1.shape[:dim], x1.shape[dim + 1 :]
        ctx.table = before.numel(), x1.shape[dim], behind.numel()
        N, D, K = ctx.table
        y = x1.new_empty(before + behind)
        run = on(x1.device, cosine_similarity_forward_cpu, cosine_similarity_forward_cuda, N * K)
        run(*shaped(ctx.table, x1, x2), *shaped((N, K), y), eps)
        ctx.save_for_backward(x1, x2, y)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x1, x2, y = ctx.saved_tensors
        N, D, K = ctx.table
        grad_x1 = grad_x2 = None
        run = on(x1.device, cosine_similarity_backward_x1_cpu, cosine_similarity_backward_x1_cuda, N * K)
        if ctx.needs_input_grad[0]:
            grad_x1 = x1.new_empty(x1.shape)
            run(
                *shaped((N, K), grad_y),
                *shaped(ctx.table, x1, x2),
                *shaped((N, K), y),
                *shaped(ctx.table, grad_x1),
                ctx.eps,
            )
        if ctx.needs_input_grad[1]:
            grad_x2 = x1.new_empty(x1.shape)
            run(
                *shaped((N, K), grad_y),
                *shaped(ctx.table, x2, x1),
                *shaped((N, K), y),
                *shaped(ctx.table, grad_x2),
                ctx.eps,
            )
        return grad_x1, grad_x2, None, None


def cosine_similarity(x1, x2, dim=1, eps=1e-08):
    """The cosine of the angle between the vectors of `x1` and `x2` along dimension `dim`.

    Shapes: any, the same; others are broadcast. The result has the (broadcast) shape without dimension `dim`.

    Raises:
        TypeError: an argument is not a tensor, `dim` not an int or `eps` not a number.
        IndexError: there is no dimension `dim`.
        RuntimeError: `eps` is negative or NaN, the shapes do not broadcast, neither tensor is floating point, or the devices differ.
    """
    eps = number("cosine_similarity", "eps", eps)
    if not eps >= 0:
        raise RuntimeError(
            f"cosine_similarity: eps must be non-negative, got: {eps}; it is the smallest length to divide by"
        )
    x1, x2 = broadcast_pair("cosine_similarity", x1, x2)
    dim = position_of("cosine_similarity", dim, x1)
    if x1.dim() == 0:  # vectors of one number
        x1, x2 = x1.unsqueeze(0), x2.unsqueeze(0)
    return CosineSimilarityFunction.apply(x1, x2, dim, eps)


class CosineSimilarity(Module):
    """Cosine similarity, as a module.

    Args:
        dim: the dimension along which the vectors lie.
        eps: smallest length that is used.

    Shapes: both inputs (*, D, *), the same, with D at `dim`; output (*, *). Errors as `cosine_similarity`, when the module is called.
    """

    def __init__(self, dim=1, eps=1e-08):
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1, x2):
        return cosine_similarity(x1, x2, self.dim, self.eps)
