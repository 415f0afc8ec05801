r"""Normalize: each vector of a tensor is divided by its length, so that it gets the length 1.

Only the direction of a vector remains. There are no statistics and no learned numbers.

Use it when only the directions of vectors matter, as with embeddings that are compared by their cosine; to bring activations
inside a network to a common scale use `LayerNorm` or `RMSNorm`.

## Forward

One vector of $D$ elements; its length $\ell$ is the p-norm, by default with $p = 2$:

$$y[d] = \frac{x[d]}{\max(\ell, \varepsilon)} \qquad \ell = \left( \sum_d |x[d]|^p \right)^{1/p}$$

$\varepsilon$ keeps a vector of zeros from a division by 0. In general the vectors lie along dimension `dim`, here the middle one of
three:

$$y[n, d, k] = \frac{x[n, d, k]}{\max(\ell[n, k], \varepsilon)}$$

With $p = \infty$ the length is the largest magnitude, with $p = -\infty$ the smallest, with $p = 0$ the number of elements that are
not 0. If `dim` names several dimensions, they count as one.

## Gradients

Where $\ell$ is below $\varepsilon$, the divisor is a constant, and the gradient of $x$ is that of $y$ divided by $\varepsilon$.
Otherwise $x$ also occurs in the divisor. The derivative of $1 / \ell$ is $-1 / \ell^2$ times the derivative of $\ell$, and the
chain rule sums over all outputs of the vector:

$$\frac{\partial L}{\partial x}[d] = \frac{1}{\ell} \, \frac{\partial L}{\partial y}[d] - \frac{q}{\ell^2} \,
\frac{\partial \ell}{\partial x[d]} \qquad q = \sum_e \frac{\partial L}{\partial y}[e] \, x[e]$$

The power rule gives the derivative of the length, with the sign of $x[d]$:

$$\frac{\partial \ell}{\partial x[d]} = \pm \left( \frac{|x[d]|}{\ell} \right)^{p - 1}$$

For $p = 2$ it is $x[d] / \ell$, and what is subtracted is the part of the gradient along $x$: a change of the length has no effect. For
$p = \pm \infty$ the derivative is 1, with the sign, at the element that determines the length; if there are several such
elements, they share it equally. For $p = 0$ it is 0.

## Cost

For $p = 2$ about 3 operations per element in forward and 6 in backward. In float32 forward reads $x$ and writes $y$: 8 bytes per
element, if a vector fits into the cache; backward reads $x$ and the gradient of $y$ and writes that of $x$: 12 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, D, K)$ | input; the dimensions before the vectors as one, and those after them |
| $y$ | `y` | $(N, D, K)$ | output |
| $\ell$ | `length` | $(N, K)$ | length of each vector, its p-norm |
| $p$ | `p` | any number | kind of norm |
| $\varepsilon$ | `eps` | $> 0$ | smallest divisor |
| $q$ | `q` | any number | product of the gradient and the vector |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, D, K)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, D, K)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | index before the vectors |
| $d$ | `d` | $0 \le d < D$ | element of a vector |
| $k$ | `k` | $0 \le k < K$ | index after the vectors |

## Worked example

Two vectors of length 5 and 8, and one of length 0:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[3., 4],
...                   [0, 8],
...                   [0, 0]], requires_grad=True)
>>> y = F.normalize(x)
>>> y
tensor([[0.6000, 0.8000],
        [0.0000, 1.0000],
        [0.0000, 0.0000]], grad_fn=<NormalizeBackward0>)

The part of the gradient along the vector is removed, as for the second vector. The part orthogonal to the vector is divided by
the length:

>>> y.backward(torch.tensor([[1., 0],
...                          [5, 7],
...                          [0, 0]]))
>>> x.grad
tensor([[ 0.1280, -0.0960],
        [ 0.6250,  0.0000],
        [ 0.0000,  0.0000]])

## Questions

**What is the product of each row of y with itself?**

1, the square of its length; 0 for the row of zeros.

>>> y.square().sum(1)
tensor([1., 1., 0.], grad_fn=<SumBackward1>)

**How do you normalize the columns of a matrix?**

With dim=0.

>>> F.normalize(torch.tensor([[3., 0], [4, 2]]), dim=0)
tensor([[0.6000, 0.0000],
        [0.8000, 1.0000]])

**Which p makes the magnitudes of each row sum to 1?**

$p = 1$:

>>> F.normalize(torch.tensor([[1., -3]]), p=1)
tensor([[ 0.2500, -0.7500]])

## Differences

Complex numbers raise an error here.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function, is_grad_enabled
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import number
from reftorch.ops.reduce import reduced_dims
from reftorch.tensor import Tensor
from reftorch.types import float32, float64


# ## The norm, element by element
#
# `joined` adds one more element, and `completed` takes the root at the end. For an infinite p the norm is the largest or smallest
# magnitude, for p = 0 the number of elements that are not 0, else the root of the sum of |x|^p.
@njit(**SERIAL)
def joined(acc, value, p, one):
    size = abs(value)
    if math.isinf(p):
        further = size > acc if p > one else size < acc
        return size if further or size != size else acc
    if p == one + one:
        return acc + size * size
    if p == one:
        return acc + size
    if p == one - one:
        return acc + one if size != one - one else acc
    return acc + size**p


@njit(**SERIAL)
def completed(acc, p, one):
    if p == one + one:
        return math.sqrt(acc)
    if math.isinf(p) or p == one or p == one - one:
        return acc
    return acc ** (one / p)


# ## The derivative of the norm with respect to one element
#
# (|x| / length)^(p - 1) with the sign of x; for an infinite p the elements that determine the norm share it: `equal` is their
# number.
@njit(**SERIAL)
def slope_of_norm(value, length, p, equal, one):
    zero = one - one
    if value == zero or p == zero:
        return zero
    sign = one if value > zero else -one
    if math.isinf(p):
        return sign / equal if abs(value) == length else zero
    if p == one + one:
        return value / length
    if p == one:
        return sign
    return sign * (abs(value) / length) ** (p - one)


# ## The output
#
# $$y[n, d, k] = \frac{x[n, d, k]}{\max(\ell[n, k], \varepsilon)} \qquad
# \ell[n, k] = \left( \sum_d |x[n, d, k]|^p \right)^{1/p}$$
@njit(**PARALLEL)
def normalize_forward_cpu(x, length, y, exponent, start, eps):
    N, D, K = x.shape
    for vector in prange(N * K):
        n = vector // K
        k = vector % K
        one = x.dtype.type(1)
        p = x.dtype.type(exponent)
        acc = np.float64(start)
        for d in range(D):
            acc = joined(acc, x[n, d, k], p, one)
        length[n, k] = completed(acc, p, one)
        bound = x.dtype.type(eps) if length[n, k] < x.dtype.type(eps) else length[n, k]
        for d in range(D):
            y[n, d, k] = x[n, d, k] / bound


@cuda.jit
def normalize_forward_cuda(x, length, y, exponent, start, eps):
    N, D, K = x.shape
    vector = cuda.grid(1)
    if vector >= length.size:
        return
    n = vector // K
    k = vector % K
    one = x.dtype.type(1)
    p = x.dtype.type(exponent)
    acc = x.dtype.type(start)
    for d in range(D):
        acc = joined(acc, x[n, d, k], p, one)
    length[n, k] = completed(acc, p, one)
    bound = x.dtype.type(eps) if length[n, k] < x.dtype.type(eps) else length[n, k]
    for d in range(D):
        y[n, d, k] = x[n, d, k] / bound


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[d] = \frac{1}{\ell} \, \frac{\partial L}{\partial y}[d] - \frac{q}{\ell^2} \,
# \frac{\partial \ell}{\partial x[d]} \qquad q = \sum_e \frac{\partial L}{\partial y}[e] \, x[e]$$
@njit(**PARALLEL)
def normalize_backward_x_cpu(grad_y, x, length, grad_x, exponent, eps):
    N, D, K = x.shape
    for vector in prange(N * K):
        n = vector // K
        k = vector % K
        one = x.dtype.type(1)
        p = x.dtype.type(exponent)
        size = length[n, k]
        acc = np.float64(0)
        equal = x.dtype.type(0)
        for d in range(D):
            acc += grad_y[n, d, k] * x[n, d, k]
            if abs(x[n, d, k]) == size:
                equal += one
        q = x.dtype.type(acc)
        for d in range(D):
            if size < x.dtype.type(eps):
                grad_x[n, d, k] = grad_y[n, d, k] / x.dtype.type(eps)
            else:
                slope = slope_of_norm(x[n, d, k], size, p, equal, one)
                grad_x[n, d, k] = (grad_y[n, d, k] - q / size * slope) / size


@cuda.jit
def normalize_backward_x_cuda(grad_y, x, length, grad_x, exponent, eps):
    N, D, K = x.shape
    vector = cuda.grid(1)
    if vector >= length.size:
        return
    n = vector // K
    k = vector % K
    one = x.dtype.type(1)
    p = x.dtype.type(exponent)
    size = length[n, k]
    acc = x.dtype.type(0)
    equal = x.dtype.type(0)
    for d in range(D):
        acc += grad_y[n, d, k] * x[n, d, k]
        if abs(x[n, d, k]) == size:
            equal += one
    q = x.dtype.type(acc)
    for d in range(D):
        if size < x.dtype.type(eps):
            grad_x[n, d, k] = grad_y[n, d, k] / x.dtype.type(eps)
        else:
            slope = slope_of_norm(x[n, d, k], size, p, equal, one)
            grad_x[n, d, k] = (grad_y[n, d, k] - q / size * slope) / size


class NormalizeFunction(Function):
    """Normalize on the tape. x of any shape, read as (N, D, K) with the vectors along D."""

    @staticmethod
    def forward(ctx, x, extents, p, eps):
        N, D, K = extents
        length, y = x.new_empty(N, K), x.new_empty(x.shape)
        ctx.save_for_backward(x, length)
        ctx.extents, ctx.options = extents, (p, eps)
        run = on(x.device, normalize_forward_cpu, normalize_forward_cuda, threads=N * K)
        vectors, result = shaped(extents, x, y)
        run(vectors, *arrays(length), result, p, math.inf if p == -math.inf else 0.0, eps)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, length = ctx.saved_tensors
        grad_x = x.new_empty(x.shape)
        run = on(x.device, normalize_backward_x_cpu, normalize_backward_x_cuda, threads=length.numel())
        given, vectors, result = shaped(ctx.extents, grad_y, x, grad_x)
        run(given, vectors, *arrays(length), result, *ctx.options)
        return grad_x, None, None, None


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Divide each vector along `dim` by its p-norm, or by `eps` if that is larger.

    Shapes: any; the result has the same. `dim` is a dimension, a tuple of them, or None for all; `out` is a tensor that becomes the
    result.

    Raises:
        IndexError: there is no such dimension; for a tensor with one dimension write dim=0.
        RuntimeError: the input is not float32 or float64; a dimension is named twice; no largest element; `out` does not fit.
        TypeError: an argument has the wrong type.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"normalize(): argument 'input' must be Tensor, not {type(input).__name__}")
    if input.dtype not in (float32, float64):
        raise RuntimeError(f"normalize: expected a floating point tensor as input, but got {input.dtype}: use .float()")
    p = 2.0 if p is None or p == "fro" else _exponent(p)
    eps = number("normalize", "eps", eps)
    dims = reduced_dims(input, dim)
    if math.isinf(p) and 0 in [input.shape[d] for d in dims]:
        raise RuntimeError(
            f"normalize: the largest magnitude of a vector without elements is not defined: dim is {dim}"
        )
    y = _along(input, dims, p, eps)
    return y if out is None else _into(out, y, input)


def _exponent(p):
    if isinstance(p, str):
        raise RuntimeError(f"normalize: Order {p} not supported: p is a number, for example 2 for the usual length")
    return number("normalize", "p", p)


def _along(input, dims, p, eps):
    """The result for vectors along these dimensions; several of them are moved to the end, where they count as one."""
    if input.numel() == 0:
        return input.clone()
    shape = input.shape
    if len(dims) == 1:
        extents = math.prod(shape[: dims[0]]), shape[dims[0]], math.prod(shape[dims[0] + 1 :])
        return NormalizeFunction.apply(input, extents, p, eps)
    others = [d for d in range(input.ndim) if d not in dims]
    order = [*others, *dims]
    extents = math.prod(shape[d] for d in others), math.prod(shape[d] for d in dims), 1
    y = NormalizeFunction.apply(input.permute(order), extents, p, eps)
    return y.permute([order.index(d) for d in range(input.ndim)])


def _into(out, y, input):
    """Copy y into `out`, which must have its shape and a floating-point dtype."""
    if input.requires_grad and is_grad_enabled():
        raise RuntimeError(
            "normalize(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad: use y = normalize(x)"
        )
    if not out.dtype.is_floating_point:
        raise RuntimeError(f"normalize: the result has fractions, which can't be cast to the dtype of out, {out.dtype}")
    if out.shape != y.shape:
        raise RuntimeError(f"normalize: out has shape {list(out.shape)}, but the result has {list(y.shape)}")
    return out.copy_(y)
