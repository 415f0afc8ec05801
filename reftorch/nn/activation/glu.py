r"""The gated linear unit: one half of the input is multiplied by the sigmoid of the other half.

The second half is a gate: it decides, per element, how much of the first half passes. The output is half as long as the input along
one dimension.

Use it when a layer should learn which elements to pass on, as in convolutions for sequences and in Transformers' feed-forward layers;
`silu` is the case where an element is its own gate.

## Forward

Two elements, $a$ and its gate $b$: $y = a \, \sigma(b)$; with the gate $0$, half of $a$ passes. In general the halves lie along one
dimension of a tensor: $n$ is the position in the dimensions before it, $k$ the position in one half and in the dimensions after it.

$$y[n, k] = x[n, 0, k] \, \sigma(x[n, 1, k]) \qquad \sigma(b) = \frac{1}{1 + e^{-b}}$$

The kernel computes $\sigma$ from $e = e^{-|b|}$, which never overflows, as `sigmoid` does.

## Gradients

$y[n, k]$ depends on two inputs, and each input occurs in one output. With $g = \frac{\partial L}{\partial y}[n, k]$, and
$\sigma' = \sigma (1 - \sigma)$:

$$\frac{\partial L}{\partial x}[n, 0, k] = g \, \sigma(x[n, 1, k])$$

$$\frac{\partial L}{\partial x}[n, 1, k] = g \, x[n, 0, k] \, \sigma(x[n, 1, k]) \, (1 - \sigma(x[n, 1, k]))$$

## Output size

The dimension is halved, so it must be even.

## Cost

One exponential and one division per element of the output, in forward and in backward. Forward reads two elements and writes one,
12 bytes per element of the output in float32; backward reads three and writes two, 20 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, 2, K)$ | input: two halves |
| $y$ | `y` | $(N, K)$ | output |
| $\sigma$ | `s` | $0 \le \sigma \le 1$ | sigmoid of the gate |
| $e$ | `e` | $0 \le e \le 1$ | exponential of minus the absolute value of the gate |
| $b$ | `b` | any number | the gate, before the sigmoid |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, K)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, 2, K)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | position in the dimensions before the one that is halved |
| $k$ | `k` | $0 \le k < K$ | position in one half and in the dimensions after it |

## Worked example

The gates are $0$ and $-2$: the first passes one half of $6$, the second about an eighth of $8$.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[6., 8, 0, -2]], requires_grad=True)
>>> y = F.glu(x)
>>> y
tensor([[3.0000, 0.9536]], grad_fn=<GluBackward0>)
>>> y.backward(torch.tensor([[1., 1]]))
>>> x.grad
tensor([[0.5000, 0.1192, 1.5000, 0.8399]])

## Questions

**Which shape does the output have for an input of shape (5, 8, 3) and dim 1?**

>>> F.glu(torch.zeros(5, 8, 3), dim=1).shape
torch.Size([5, 4, 3])

**Why does the gradient of the first half not vanish?**

The output is linear in the first half. Where the gate is open ($\sigma \approx 1$), the first half gets the gradient nearly unchanged.

**With which gate does exactly half of an element pass?**

0, since $\sigma(0) = \frac{1}{2}$.
"""

from __future__ import annotations

import math

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors
from reftorch.nn.module import Module
from reftorch.ops.arguments import wrap_dim


# ## The output
#
# $$y[n, k] = x[n, 0, k] \, \sigma(x[n, 1, k])$$
@njit(**PARALLEL)
def glu_forward_cpu(x, y):
    N, K = y.shape
    for i in prange(N * K):
        k = i % K
        n = i // K
        b = x[n, 1, k]
        e = math.exp(-abs(b))
        s = (x.dtype.type(1) if b >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        y[n, k] = x[n, 0, k] * s


@cuda.jit
def glu_forward_cuda(x, y):
    N, K = y.shape
    i = cuda.grid(1)  # one thread per element of the output
    if i >= N * K:
        return
    k = i % K
    n = i // K
    b = x[n, 1, k]
    e = math.exp(-abs(b))
    s = (x.dtype.type(1) if b >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    y[n, k] = x[n, 0, k] * s


# ## The gradients of both halves
#
# $$\frac{\partial L}{\partial x}[n, 0, k] = g \, \sigma(b) \qquad
# \frac{\partial L}{\partial x}[n, 1, k] = g \, x[n, 0, k] \, \sigma(b) \, (1 - \sigma(b))$$
#
# Both gradients need the same sigmoid, so one iteration computes both.
@njit(**PARALLEL)
def glu_backward_x_cpu(x, grad_y, grad_x):
    N, K = grad_y.shape
    for i in prange(N * K):
        k = i % K
        n = i // K
        b = x[n, 1, k]
        e = math.exp(-abs(b))
        s = (x.dtype.type(1) if b >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
        grad_x[n, 0, k] = grad_y[n, k] * s
        grad_x[n, 1, k] = grad_y[n, k] * x[n, 0, k] * s * (x.dtype.type(1) - s)


@cuda.jit
def glu_backward_x_cuda(x, grad_y, grad_x):
    N, K = grad_y.shape
    i = cuda.grid(1)  # one thread per element of the output
    if i >= N * K:
        return
    k = i % K
    n = i // K
    b = x[n, 1, k]
    e = math.exp(-abs(b))
    s = (x.dtype.type(1) if b >= x.dtype.type(0) else e) / (x.dtype.type(1) + e)
    grad_x[n, 0, k] = grad_y[n, k] * s
    grad_x[n, 1, k] = grad_y[n, k] * x[n, 0, k] * s * (x.dtype.type(1) - s)


class GluFunction(Function):
    """The gated linear unit on the tape. x of any shape, halved along `dim`; y has half its size there."""

    @staticmethod
    def forward(ctx, x, dim):
        shape = [*x.shape]
        shape[dim] //= 2
        y = x.new_empty(shape)
        N, K = math.prod(shape[:dim]), math.prod(shape[dim:])
        dense, result = shaped((-1,), x, y)
        run = on(x.device, glu_forward_cpu, glu_forward_cuda, N * K, fast.glu_forward)
        run(dense.reshape(N, 2, K), result.reshape(N, K))
        ctx.save_for_backward(x)
        ctx.extents = N, K
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (x,) = ctx.saved_tensors
        N, K = ctx.extents
        grad_x = x.new_empty(x.shape)
        dense, grad, result = shaped((-1,), x, grad_y, grad_x)
        run = on(x.device, glu_backward_x_cpu, glu_backward_x_cuda, N * K, fast.glu_backward_x)
        run(dense.reshape(N, 2, K), grad.reshape(N, K), result.reshape(N, 2, K))
        return grad_x, None


def glu(input, dim=-1):
    """The first half of the input along `dim`, times the sigmoid of the second half.

    Shapes: any with at least one dimension; the result has half the size along `dim`.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: `input` is not float32 or float64.
        RuntimeError: the size along `dim` is odd; `input` has no dimensions.
        IndexError: there is no such dimension.
    """
    check_tensors("glu", input=input)
    if input.dim() == 0:
        raise RuntimeError(
            "glu does not support scalars because halving size must be even: give a tensor with a dimension"
        )
    dim = wrap_dim(dim, input.dim())
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"glu: Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}: one half is the gate of the other"
        )
    return GluFunction.apply(input, dim)


class GLU(Module):
    """The gated linear unit, as a layer. It has no parameters.

    Args:
        dim: the dimension that is halved.

    Shapes: input (*, 2 K, *); output (*, K, *). Errors as `glu`, when the layer is called.
    """

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"
