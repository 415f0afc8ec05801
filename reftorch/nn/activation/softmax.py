r"""Softmax: it turns any numbers, one for each class, into probabilities, which are positive and sum to one.

The numbers are called logits. A larger logit gets a larger probability, and adding 1 to a logit multiplies its odds by $e$.

Use it when one of several classes is chosen, and for the weights of attention; for training a classifier use `cross_entropy`, which
takes the logits themselves, and for the logarithm of the probabilities `log_softmax`.

## Forward

One sample of $C$ classes, with logits $x[c]$:

$$y[c] = \frac{e^{x[c]}}{\sum_{c'=0}^{C-1} e^{x[c']}}$$

In general the classes lie along one dimension of a tensor; $n$ is the position in the dimensions before it, $d$ the position in
those after it. Subtracting the largest logit $m$ from all logits of a sample divides numerator and denominator by $e^m$. It
changes no probability, and no exponential overflows:

$$m[n, d] = \max_{0 \le c < C} x[n, c, d] \qquad s[n, d] = \sum_{c=0}^{C-1} e^{x[n, c, d] - m[n, d]} \qquad
y[n, c, d] = \frac{e^{x[n, c, d] - m[n, d]}}{s[n, d]}$$

A logit of $-\infty$ has probability 0. If all logits of a sample are $-\infty$, or one is $+\infty$ or NaN, the sample is NaN.

## Gradients

Every logit $x[c]$ changes every probability $y[c']$ of its sample. By the quotient rule:

$$\frac{\partial y[c']}{\partial x[c]} = y[c'] \left( [c = c'] - y[c] \right)$$

The chain rule sums over $c'$. The part without $[c = c']$ is the same for all classes: the mean $\mu$ of the upstream gradients, each
weighted by its probability.

$$\mu[n, d] = \sum_{c=0}^{C-1} \frac{\partial L}{\partial y}[n, c, d] \, y[n, c, d] \qquad
\frac{\partial L}{\partial x}[n, c, d] = y[n, c, d] \left( \frac{\partial L}{\partial y}[n, c, d] - \mu[n, d] \right)$$

A step of gradient descent raises the logits for which $\partial L / \partial y$ is below the mean $\mu$, and lowers the others.

## Cost

Forward: $N C D$ exponentials, additions and divisions; it reads $x$ twice, writes $y$, reads it and writes it again. Backward: two
multiplications, one addition and one subtraction per element; it reads $y$ and $\partial L / \partial y$ twice and writes
$\partial L / \partial x$: 20 bytes per element in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input: logits |
| $y$ | `y` | $(N, C, D)$ | output: probabilities |
| $m$ | `largest` | | largest logit of the sample |
| $s$ | `total` | $1 \le s \le C$ | sum of the exponentials |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(N, C, D)$ | gradient of the loss for $y$ |
| $\mu$ | `mean` | | mean of these gradients, weighted by the probabilities |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch: the dimensions before that of the classes |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel): the dimensions after that of the classes |

## Worked example

Two samples of three classes, with probabilities in the ratios 1 : 2 : 1 and 1 : 1 : 8. The upstream gradient is 1 for the second
probability of the first sample, and for all probabilities of the second sample. The latter sum to 1 whatever the logits are, so
the logits of the second sample get no gradient.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 1], [1, 1, 8]]).log().requires_grad_()
>>> y = F.softmax(x, dim=1)
>>> y
tensor([[0.2500, 0.5000, 0.2500],
        [0.1000, 0.1000, 0.8000]], grad_fn=<SoftmaxBackward0>)
>>> y.backward(torch.tensor([[0., 1, 0], [1, 1, 1]]))
>>> x.grad[0]
tensor([-0.1250,  0.2500, -0.1250])
>>> x.grad[1].abs().max().item() < 1e-6
True

## Questions

**What does softmax give for logits that are all equal?**

Every class gets $1 / C$, whatever the value of the logits is.

>>> F.softmax(torch.tensor([7., 7, 7, 7]), dim=0)
tensor([0.2500, 0.2500, 0.2500, 0.2500])

**What changes when all logits are multiplied by a large number?**

The largest one gets nearly all of the probability: softmax approaches 1 for the largest logit and 0 for all others.

>>> F.softmax(torch.tensor([1., 2, 3]) * 10, dim=0).round(decimals=3)
tensor([0., 0., 1.])

**Does softmax of two classes equal a sigmoid?**

Yes: $e^a / (e^a + e^b) = 1 / (1 + e^{-(a - b)}) = \sigma(a - b)$.

>>> F.softmax(torch.tensor([3., 1]), dim=0)[0]
tensor(0.8808)
>>> torch.sigmoid(torch.tensor(2.))
tensor(0.8808)

**Only one probability has an upstream gradient other than 0. How many logits get a gradient?**

All $C$ of that sample, because raising one probability lowers the others.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, cuda, njit, on, prange, shaped
from reftorch.nn.activation.along import around, chosen_dim, prepared
from reftorch.nn.module import Module
from reftorch.types import as_dtype, float16


# ## The probabilities of every sample
#
# $$y[n, c, d] = \frac{e^{x[n, c, d] - m[n, d]}}{s[n, d]}$$
#
# Three passes over the classes of one sample. A NaN is never the largest, but makes the sum NaN.
@njit(**PARALLEL)
def softmax_forward_cpu(x, y):
    N, C, D = x.shape
    for i in prange(N * D):
        d = i % D
        n = i // D
        largest = x.dtype.type(-math.inf)
        for c in range(C):
            if x[n, c, d] > largest:
                largest = x[n, c, d]
        total = np.float64(0)
        for c in range(C):
            y[n, c, d] = math.exp(x[n, c, d] - largest)
            total += y[n, c, d]
        for c in range(C):
            y[n, c, d] /= total


@cuda.jit
def softmax_forward_cuda(x, y):
    N, C, D = x.shape
    i = cuda.grid(1)  # one thread per sample: it writes the column of its C classes
    if i >= N * D:
        return
    d = i % D
    n = i // D
    largest = x.dtype.type(-math.inf)
    for c in range(C):
        if x[n, c, d] > largest:
            largest = x[n, c, d]
    total = y.dtype.type(0)
    for c in range(C):
        y[n, c, d] = math.exp(x[n, c, d] - largest)
        total += y[n, c, d]
    for c in range(C):
        y[n, c, d] /= total


# ## The gradient of the logits
#
# $$\frac{\partial L}{\partial x}[n, c, d] = y[n, c, d] \left( \frac{\partial L}{\partial y}[n, c, d] - \mu[n, d] \right)$$
#
# All classes of a sample share the mean $\mu$, so one iteration computes the gradients of all of them.
@njit(**PARALLEL)
def softmax_backward_x_cpu(y, grad_y, grad_x):
    N, C, D = y.shape
    for i in prange(N * D):
        d = i % D
        n = i // D
        mean = np.float64(0)
        for c in range(C):
            mean += grad_y[n, c, d] * y[n, c, d]
        for c in range(C):
            grad_x[n, c, d] = y[n, c, d] * (grad_y[n, c, d] - mean)


@cuda.jit
def softmax_backward_x_cuda(y, grad_y, grad_x):
    N, C, D = y.shape
    i = cuda.grid(1)  # one thread per sample: it writes the column of its C classes
    if i >= N * D:
        return
    d = i % D
    n = i // D
    mean = y.dtype.type(0)
    for c in range(C):
        mean += grad_y[n, c, d] * y[n, c, d]
    for c in range(C):
        grad_x[n, c, d] = y[n, c, d] * (grad_y[n, c, d] - mean)


class SoftmaxFunction(Function):
    """Softmax on the tape. x of any shape, the classes along dimension `dim`; y has the same shape."""

    @staticmethod
    def forward(ctx, x, dim):
        N, C, D = around(x.shape, dim)
        y = x.new_empty(x.shape)
        run = on(x.device, softmax_forward_cpu, softmax_forward_cuda, N * D, fast.softmax_forward)
        run(*shaped((N, C, D), x, y))
        ctx.save_for_backward(y)
        ctx.extents = N, C, D
        return y

    @staticmethod
    def backward(ctx, grad_y):
        (y,) = ctx.saved_tensors
        N, C, D = ctx.extents
        grad_x = y.new_empty(y.shape)
        run = on(y.device, softmax_backward_x_cpu, softmax_backward_x_cuda, N * D, fast.softmax_backward_x)
        run(*shaped((N, C, D), y, grad_y, grad_x))
        return grad_x, None


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Probabilities that sum to one along dimension `dim`: e^x of each element, divided by the sum of them.

    Shapes: any; the result has the same. With `dtype` the input is converted first; float16 is computed in float32.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: it holds no floating-point numbers.
        IndexError: there is no such dimension.
    Warns:
        UserWarning: `dim` is None, and a dimension is guessed.
    """
    x, dim = prepared("softmax", input, chosen_dim("softmax", dim, input, _stacklevel), dtype)
    y = SoftmaxFunction.apply(x, dim)
    return y.to(float16) if (as_dtype(dtype) if dtype else input.dtype) is float16 else y


class Softmax(Module):
    """Softmax along a dimension, as a layer. It has no parameters.

    Args:
        dim: the dimension along which the probabilities sum to one; None guesses, with a warning.

    Shapes: input (*), any shape; output the same. Errors as `softmax`, when the layer is called.
    """

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels of every pixel, as a layer. It has no parameters.

    Shapes: input (N, C, H, W) or (C, H, W); output the same.

    Raises:
        ValueError: another number of dimensions, when the layer is called.
    """

    def forward(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, (C, H, W) or (N, C, H, W), got {input.dim()}D instead: for other "
                "shapes use Softmax(dim)"
            )
        return softmax(input, -3, _stacklevel=5)
