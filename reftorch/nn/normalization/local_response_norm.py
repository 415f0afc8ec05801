r"""Local response normalization: each element is divided by a power of the sum of squares over neighbouring channels.

A strong response of one channel weakens those of the channels beside it, at the same position.

Use it when you rebuild the networks of 2012 to 2014, such as AlexNet; today `BatchNorm2d` takes its place.

## Forward

At one position, with the channels $c$. The window of $S$ channels (`size`) around channel $c$ reaches from $c - \lfloor S / 2 \rfloor$
to $c + \lfloor (S - 1) / 2 \rfloor$, and ends at the first and the last channel:

$$y[c] = \frac{x[c]}{s[c]^\beta} \qquad s[c] = k + \frac{\alpha}{S} \sum_{c'} x[c']^2$$

The sum is always divided by $S$, also at the ends, where the window has fewer channels. In general, with samples $n$ and positions
$d$:

$$y[n, c, d] = \frac{x[n, c, d]}{s[n, c, d]^\beta}$$

## Gradients

An element of $x$ occurs in the numerator of its own output, and in the sum $s$ of each output whose window contains it. The
derivative of $s[o]^{-\beta}$ with respect to $x[c]$ is $-\beta \, s[o]^{-\beta - 1} \cdot \frac{2 \alpha}{S} \, x[c]$, so

$$\frac{\partial L}{\partial x}[c] = \frac{\frac{\partial L}{\partial y}[c]}{s[c]^\beta} - \frac{2 \alpha \beta}{S} \, x[c] \sum_o
\frac{\partial L}{\partial y}[o] \, \frac{x[o]}{s[o]^{\beta + 1}}$$

The sum runs over the channels $o$ whose windows contain $c$. For an even $S$ that is the mirrored window, from
$c - \lfloor (S - 1) / 2 \rfloor$ to $c + \lfloor S / 2 \rfloor$.

## Cost

Forward computes about $S$ multiplications and one power per element. Backward computes about $3 S$ multiplications and divisions
and no power, since $s^\beta$ is kept. In float32 forward reads $x$ and writes $y$, $s$ and $s^\beta$: 16 bytes per element.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input, all dimensions after the channels as one |
| $y$ | `y` | $(N, C, D)$ | output |
| $s$ | `s` | $(N, C, D)$ | $k$ plus the sum of squares of the window times $\alpha / S$ |
| $s[c]^\beta$ | `power` | $(N, C, D)$ | what the element is divided by |
| $S$ | `size` | $\ge 1$ | channels of a window |
| $\alpha$ | `alpha` | any number | factor of the mean of squares |
| $\beta$ | `beta` | any number | exponent |
| $k$ | `k` | any number | what is added to the mean of squares |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | channel |
| $c'$ | `near` | $0 \le$ `near` $< C$ | channel beside it |
| $d$ | `d` | $0 \le d < D$ | position inside the channel |

## Worked example

Four channels with one element each, windows of two: a channel and the one before it. With $\alpha = 2$, $\beta = 1$, $k = 1$ each
element is divided by 1 plus the sum of the two squares:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[[1.], [0], [2], [4]]], requires_grad=True)
>>> y = F.local_response_norm(x, 2, alpha=2, beta=1, k=1)
>>> y
tensor([[[0.5000],
         [0.0000],
         [0.4000],
         [0.1905]]], grad_fn=<LocalResponseNormBackward0>)

The output of channel 2 depends on channels 1 and 2, but channel 1 is 0 and has no influence:

>>> y.backward(torch.tensor([[[0.], [0], [25], [0]]]))
>>> x.grad
tensor([[[ 0.],
         [ 0.],
         [-3.],
         [ 0.]]])

## Questions

**Which channels are in the window of channel 5, for size 5? And for size 4?**

Channels 3 to 7; channels 3 to 6.

**A window at the first or last channel has fewer than `size` channels. Is the sum divided by their number?**

No, it is always divided by `size`, as if the missing channels were 0.

**What is the output with alpha = 0 and k = 1?**

The input, because every $s$ is 1.

>>> torch.equal(F.local_response_norm(x, 3, alpha=0.0), x)
True

## Differences

For an even size, the formula in PyTorch's documentation sums over one channel more than PyTorch does. Integers raise an error
here.
"""

from __future__ import annotations

import math

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.arguments import check_tensors, number
from reftorch.nn.module import Module


# ## The output
#
# $$y[n, c, d] = \frac{x[n, c, d]}{s[n, c, d]^\beta} \qquad s[n, c, d] = k + \frac{\alpha}{S} \sum_{c'} x[n, c', d]^2$$
@njit(**PARALLEL)
def local_response_norm_forward_cpu(x, s, power, y, size, alpha, beta, k):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        first = max(0, c - size // 2)
        end = min(C, c + (size - 1) // 2 + 1)
        for d in range(D):
            acc = x.dtype.type(0)
            for near in range(first, end):
                acc += x[n, near, d] * x[n, near, d]
            s[n, c, d] = x.dtype.type(k) + x.dtype.type(alpha) * (acc / x.dtype.type(size))
            power[n, c, d] = s[n, c, d] ** x.dtype.type(beta)
            y[n, c, d] = x[n, c, d] / power[n, c, d]


@cuda.jit
def local_response_norm_forward_cuda(x, s, power, y, size, alpha, beta, k):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= x.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    first = max(0, c - size // 2)
    end = min(C, c + (size - 1) // 2 + 1)
    acc = x.dtype.type(0)
    for near in range(first, end):
        acc += x[n, near, d] * x[n, near, d]
    s[n, c, d] = x.dtype.type(k) + x.dtype.type(alpha) * (acc / x.dtype.type(size))
    power[n, c, d] = s[n, c, d] ** x.dtype.type(beta)
    y[n, c, d] = x[n, c, d] / power[n, c, d]


# ## The gradient of the input
#
# $$\frac{\partial L}{\partial x}[c] = \frac{\frac{\partial L}{\partial y}[c]}{s[c]^\beta} - \frac{2 \alpha \beta}{S} \, x[c] \sum_o
# \frac{\partial L}{\partial y}[o] \, \frac{x[o]}{s[o]^\beta \, s[o]}$$
#
# The sum runs over the mirrored window: the channels whose windows contain channel c.
@njit(**PARALLEL)
def local_response_norm_backward_x_cpu(grad_y, x, s, power, grad_x, size, alpha, beta):
    N, C, D = x.shape
    for plane in prange(N * C):
        n = plane // C
        c = plane % C
        first = max(0, c - (size - 1) // 2)
        end = min(C, c + size // 2 + 1)
        factor = x.dtype.type(2) * x.dtype.type(alpha) * x.dtype.type(beta) / x.dtype.type(size)
        for d in range(D):
            acc = x.dtype.type(0)
            for near in range(first, end):
                acc += grad_y[n, near, d] * x[n, near, d] / (power[n, near, d] * s[n, near, d])
            grad_x[n, c, d] = grad_y[n, c, d] / power[n, c, d] - factor * x[n, c, d] * acc


@cuda.jit
def local_response_norm_backward_x_cuda(grad_y, x, s, power, grad_x, size, alpha, beta):
    N, C, D = x.shape
    i = cuda.grid(1)
    if i >= x.size:
        return
    d = i % D
    plane = i // D
    n = plane // C
    c = plane % C
    first = max(0, c - (size - 1) // 2)
    end = min(C, c + size // 2 + 1)
    factor = x.dtype.type(2) * x.dtype.type(alpha) * x.dtype.type(beta) / x.dtype.type(size)
    acc = x.dtype.type(0)
    for near in range(first, end):
        acc += grad_y[n, near, d] * x[n, near, d] / (power[n, near, d] * s[n, near, d])
    grad_x[n, c, d] = grad_y[n, c, d] / power[n, c, d] - factor * x[n, c, d] * acc


class LocalResponseNormFunction(Function):
    """Local response normalization on the tape. x (N, C, *)."""

    @staticmethod
    def forward(ctx, x, size, alpha, beta, k):
        s, power, y = (x.new_empty(x.shape) for _ in range(3))
        ctx.save_for_backward(x, s, power)
        ctx.options = size, alpha, beta
        extents = x.shape[0], x.shape[1], math.prod(x.shape[2:])
        run = on(x.device, local_response_norm_forward_cpu, local_response_norm_forward_cuda, threads=x.numel())
        run(*shaped(extents, x, s, power, y), size, alpha, beta, k)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        x, s, power = ctx.saved_tensors
        grad_x = x.new_empty(x.shape)
        extents = x.shape[0], x.shape[1], math.prod(x.shape[2:])
        run = on(x.device, local_response_norm_backward_x_cpu, local_response_norm_backward_x_cuda, threads=x.numel())
        run(*shaped(extents, grad_y, x, s, power, grad_x), *ctx.options)
        return grad_x, None, None, None, None


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide each element by (k + alpha * mean of squares over a window of `size` channels) to the power of beta.

    Shapes: `input` (N, C, *) with three dimensions or more; the result has the same. An input without elements is returned as it
    is.

    Raises:
        ValueError: fewer than three dimensions.
        RuntimeError: `size` is not positive.
        NotImplementedError: `input` is not float32 or float64.
        TypeError: an argument has the wrong type.
    """
    check_tensors("local_response_norm", input=input)
    if input.ndim < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {input.ndim} dimensions): wanted (N, C, *)"
        )
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(f"local_response_norm(): argument 'size' must be int, not {type(size).__name__}")
    alpha, beta, k = (number("local_response_norm", *pair) for pair in (("alpha", alpha), ("beta", beta), ("k", k)))
    if input.numel() == 0:
        return input
    if size < 1:
        raise RuntimeError(f"local_response_norm: size should be greater than zero, but got {size}")
    return LocalResponseNormFunction.apply(input, int(size), alpha, beta, k)


class LocalResponseNorm(Module):
    """Local response normalization, as a layer. It has no parameters.

    Args:
        size: channels of a window.
        alpha: factor of the mean of squares.
        beta: exponent.
        k: what is added to the mean of squares.

    Shapes: input (N, C, *) with three dimensions or more; output the same. Errors as `local_response_norm`, when the layer is
    called.
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
