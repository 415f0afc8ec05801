r"""The distances of all pairs of rows of one tensor.

$N$ vectors have $N (N - 1) / 2$ pairs. The result is one row of numbers: the upper triangle of the table of distances, row by row.

Use it when each vector is compared with every other vector, as in clustering; `pairwise_distance` compares the rows of two
tensors.

## Forward

For two rows $a$ and $b$ with the difference $d = a - b$ the Euclidean distance ($p = 2$) is $\sqrt{\sum_j d[j]^2}$. In general,
for the rows $r < s$ of $x$:

$$d[j] = x[r, j] - x[s, j] \qquad y[k] = \left( \sum_j |d[j]|^p \right)^{1/p}$$

The pairs are numbered in the order 01, 02, 03, ..., 12, 13, ...: before row $r$ there are $r N - r (r + 1) / 2$ pairs, so

$$k = r N - \frac{r (r + 1)}{2} + s - r - 1$$

For $p = \infty$ the distance is the largest $|d|$, for $p = 0$ the number of differences that are not 0.

## Gradients

Let $g = \partial L / \partial y$. A row belongs to $N - 1$ pairs; each adds the derivative of its distance, as in
`pairwise_distance`. With $d$ the difference of row $r$ and any other row $s$, and $k$ their pair:

$$\frac{\partial L}{\partial x}[r, j] = \sum_{s \ne r} g[k] \, \operatorname{sign}(d[j]) \left( \frac{|d[j]|}{y[k]} \right)^{p-1}$$

Where $y[k] = 0$ or $d[j] = 0$ the term is 0. For $p = \infty$ each element that reaches the distance gets the whole gradient. For
$p = 0$ there is none.

## Output size

$N (N - 1) / 2$; nothing for fewer than two rows.

## Cost

$D N (N - 1) / 2$ differences in forward, twice as many in backward. For powers other than 0, 1, 2 and $\infty$, each costs a call
of `pow`.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, D)$ | input: vectors, one per row |
| $p$ | `p` | at least 0 | power of the norm |
| $d$ | `d` | any number | difference of two rows in one place |
| $y$ | `y` | $N (N - 1) / 2$ | output: distances |
| $g$ | `grad_y` | $N (N - 1) / 2$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, D)$ | gradient of the loss for $x$ |
| $k$ | `k` | $0 \le k < N (N - 1) / 2$ | number of the pair |
| $r$ | `r` | $0 \le r < N$ | one row of the pair |
| $s$ | `s` | $0 \le s < N$ | the other row |
| $j$ | `j` | $0 \le j < D$ | position in the vector |

## Worked example

Three corners of a rectangle: the distances 01, 02 and 12 are its sides and its diagonal.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[0., 0], [3, 0], [3, 4]], requires_grad=True)
>>> y = F.pdist(x)
>>> y
tensor([3., 5., 4.], grad_fn=<PdistBackward0>)
>>> y.sum().backward()
>>> x.grad
tensor([[-1.6000, -0.8000],
        [ 1.0000, -1.0000],
        [ 0.6000,  1.8000]])

Each pair gives opposite gradients to its two rows, so the column sums of the gradient are 0.

## Questions

**Which number does the pair of rows 2 and 4 have if there are 5 rows?**

$2 \cdot 5 - 3 + 4 - 2 - 1 = 8$. The pairs are 01 02 03 04 12 13 14 23 24 34.

>>> x = torch.tensor([[0.], [0], [1], [0], [11]])
>>> F.pdist(x)[8]
tensor(10.)

**Why is half of the table left out?**

The distance of $s$ and $r$ equals that of $r$ and $s$, and the diagonal is 0.

**What is the difference from pairwise_distance for equal rows?**

No $\varepsilon$ is added here: the distance of equal rows is 0, and so is its gradient.

## Differences

- For $p = \infty$ all elements that reach the distance get the whole gradient, as in PyTorch; `pairwise_distance` shares it among
  them.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.arguments import number
from reftorch.nn.loss.pointwise import check_are_tensors
from reftorch.types import float32, float64


# ## The steps of a norm
#
# `joined` adds one more difference to the sum, or compares it with the largest so far. `root` takes the root at the end. `slope`
# is the derivative of the distance with respect to one difference, $\operatorname{sign}(d) \, (|d| / y)^{p-1}$. A comparison with
# NaN is false, so `size != size` keeps a NaN. For p = 0 a power is 1, also that of infinity; a NaN stays. The derivative is NaN for a
# difference of NaN, and for a difference of 0 where the distance is NaN. `pair_of` is the number of the pair of two rows, in either order.
@njit(**SERIAL)
def joined(total, size, p):
    if p == math.inf:
        return size if size > total or size != size else total
    if p == 2:
        return total + size * size
    if p == 1:
        return total + size
    if p == 0:
        return total + size**p if size > 0 else total + size
    return total + size**p


@njit(**SERIAL)
def root(total, p, inverse):
    if p == 2:
        return math.sqrt(total)
    if p == 0 or p == 1 or p == math.inf:
        return total
    return total**inverse


@njit(**SERIAL)
def slope(d, y, p, one):
    size = abs(d)
    if p == 0 or y == 0 or d == 0 and (p <= 1 or y == y):
        return one - one
    if d != d or d == 0:
        return d + y
    if p == math.inf:
        below = abs(size - y)
        return one - one if below > 0 else math.copysign(one, d) + below
    if p == 2:
        return d / y
    return math.copysign((size / y) ** (p - one), d)


@njit(**SERIAL)
def pair_of(r, s, N):
    first, second = np.int64(min(r, s)), np.int64(max(r, s))
    return first * N - first * (first + 1) // 2 + second - first - 1


# ## The distance of each pair
#
# $$y[k] = \left( \sum_j |x[r, j] - x[s, j]|^p \right)^{1/p} \qquad k = r N - r (r + 1) / 2 + s - r - 1$$
#
# One thread owns all pairs of row r with later rows.
@njit(**PARALLEL)
def pdist_forward_cpu(x, y, norm):
    N, D = x.shape
    for r in prange(N):
        p = x.dtype.type(norm)
        for s in range(r + 1, N):
            acc = np.float64(0)
            for j in range(D):
                d = x[r, j] - x[s, j]
                acc = joined(acc, abs(d), p)
            k = pair_of(r, s, N)
            y[k] = root(acc, p, x.dtype.type(1) / p)


@cuda.jit
def pdist_forward_cuda(x, y, norm):
    N, D = x.shape
    r = cuda.grid(1)  # one thread per row
    if r >= N:
        return
    p = x.dtype.type(norm)
    for s in range(r + 1, N):
        acc = x.dtype.type(0)
        for j in range(D):
            d = x[r, j] - x[s, j]
            acc = joined(acc, abs(d), p)
        k = pair_of(r, s, N)
        y[k] = root(acc, p, x.dtype.type(1) / p)


# ## The gradient of the rows
#
# $$\frac{\partial L}{\partial x}[r, j] = \sum_{s \ne r} g[k] \, \operatorname{sign}(d[j]) \, (|d[j]| / y[k])^{p-1}$$
@njit(**PARALLEL)
def pdist_backward_x_cpu(grad_y, x, y, grad_x, norm):
    N, D = x.shape
    for r in prange(N):
        for j in range(D):
            p = x.dtype.type(norm)
            acc = np.float64(0)
            for s in range(N):
                if s != r:
                    k = pair_of(r, s, N)
                    d = x[r, j] - x[s, j]
                    acc += grad_y[k] * slope(d, y[k], p, x.dtype.type(1))
            grad_x[r, j] = acc


@cuda.jit
def pdist_backward_x_cuda(grad_y, x, y, grad_x, norm):
    N, D = x.shape
    i = cuda.grid(1)
    if i >= grad_x.size:
        return
    j = i % D
    r = i // D
    p = x.dtype.type(norm)
    acc = x.dtype.type(0)
    for s in range(N):
        if s != r:
            k = pair_of(r, s, N)
            d = x[r, j] - x[s, j]
            acc += grad_y[k] * slope(d, y[k], p, x.dtype.type(1))
    grad_x[r, j] = acc


class PdistFunction(Function):
    """The distances of all pairs in the computation graph: x (N, D)."""

    @staticmethod
    def forward(ctx, x, p):
        N = x.shape[0]
        y = x.new_empty(N * (N - 1) // 2)
        run = on(x.device, pdist_forward_cpu, pdist_forward_cuda, N, fast.pdist_forward)
        run(*arrays(x, y), p)
        ctx.save_for_backward(x, y)
        ctx.p = p
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, y = ctx.saved_tensors
        grad_x = x.new_empty(x.shape)
        run = on(x.device, pdist_backward_x_cpu, pdist_backward_x_cuda, x.numel(), fast.pdist_backward_x)
        run(*arrays(grad_y, x, y, grad_x), ctx.p)
        return grad_x, None


def pdist(input, p=2.0):
    """The p-norm distances of all pairs of rows of `input`.

    Shapes: `input` (N, D); result (N (N - 1) / 2).

    Raises:
        TypeError: `input` is not a tensor, or `p` not a number.
        RuntimeError: `input` does not have two dimensions, is not float32 or float64, or `p` is negative.
    """
    check_are_tensors("pdist", input=input)
    p = number("pdist", "p", p)
    if input.dim() != 2:
        raise RuntimeError(
            f"pdist only supports 2D tensors, got: {input.dim()}D, of shape {list(input.shape)}; wanted (N, D), one vector per row"
        )
    if input.dtype not in (float32, float64):
        raise RuntimeError(
            f"pdist only supports floating-point dtypes, found {input.dtype}: convert the input with .float()"
        )
    if not p >= 0:
        raise RuntimeError(f"pdist only supports non-negative p values, found {p}")
    return PdistFunction.apply(input, p)
