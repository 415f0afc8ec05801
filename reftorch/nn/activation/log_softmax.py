r"""The logarithm of softmax: the log-probability of each class, computed so that no exponential can overflow.

The logits are numbers of any size, one for each class; softmax turns them into probabilities $p$ that sum to one. The logarithm of a
probability that was rounded to 0 would be $-\infty$. So softmax and logarithm are computed in one step.

Use it when a loss needs log-probabilities (`nll_loss`, `kl_div`, `ctc_loss`); `cross_entropy` contains it, and `softmax` gives the
probabilities themselves.

## Forward

One sample of three classes, with logits $x[c]$: $\log p[c] = x[c] - \log \sum_{c'} e^{x[c']}$. In general the classes lie along
one dimension of a tensor; $n$ is the position in the dimensions before it, $d$ the position in those after it.

Adding a number to all logits of a sample changes no probability. So the largest logit, $m$, is subtracted first: the largest
exponential is then $e^0 = 1$, none overflows, and the sum $s$ is at least 1, so that its logarithm is safe.

$$m[n, d] = \max_{0 \le c < C} x[n, c, d] \qquad s[n, d] = \sum_{c=0}^{C-1} e^{x[n, c, d] - m[n, d]}$$

$$\log p[n, c, d] = x[n, c, d] - m[n, d] - \log s[n, d]$$

A logit of $-\infty$ has probability 0. If all logits of a sample are $-\infty$, or one is $+\infty$ or NaN, the sample is NaN.

## Gradients

Every logit $x[c]$ changes every log-probability $\log p[c']$ of its sample: by 1 if $c = c'$, and by the derivative of
$-\log \sum_{c''} e^{x[c'']}$, which is $-e^{x[c]} / \sum_{c''} e^{x[c'']} = -p[c]$. The chain rule sums over $c'$:

$$\frac{\partial L}{\partial x}[n, c, d] = \sum_{c'=0}^{C-1} \left( [c = c'] - p[n, c, d] \right) \frac{\partial L}{\partial \log p}[n, c', d]$$

The sum $g$ of the upstream gradients is the same for all classes of a sample:

$$g[n, d] = \sum_{c=0}^{C-1} \frac{\partial L}{\partial \log p}[n, c, d] \qquad
\frac{\partial L}{\partial x}[n, c, d] = \frac{\partial L}{\partial \log p}[n, c, d] - e^{\log p[n, c, d]} \, g[n, d]$$

## Cost

Forward: $N C D$ exponentials and $N D$ logarithms; it reads $x$ twice, once for the largest and once for the differences, writes
$\log p$, reads it and writes it again. Backward: $N C D$ exponentials; it reads $\partial L / \partial \log p$ twice and $\log p$
once, and writes $\partial L / \partial x$: 16 bytes per element in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | input: logits |
| $\log p$ | `log_p` | $(N, C, D)$ | logarithm of the probability of each class |
| $m$ | `largest` | | largest logit of the sample |
| $s$ | `total` | $1 \le s \le C$ | sum of the exponentials |
| $\log s$ | `log_total` | | what is subtracted from each difference |
| $\frac{\partial L}{\partial \log p}$ | `grad_log_p` | $(N, C, D)$ | gradient of the loss for the log-probabilities |
| $g$ | `g` | | sum of these gradients over the classes |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch: the dimensions before that of the classes |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel): the dimensions after that of the classes |

## Worked example

Three classes with probabilities in the ratio 1 : 2 : 1. The upstream gradient is 1 for the first log-probability and 0 for the others. So
the first logit gets the gradient $1 - p$, every other logit gets $-p$.

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 1]]).log().requires_grad_()
>>> log_p = F.log_softmax(x, dim=1)
>>> log_p.exp()
tensor([[0.2500, 0.5000, 0.2500]], grad_fn=<ExpBackward0>)
>>> log_p.backward(torch.tensor([[1., 0, 0]]))
>>> x.grad
tensor([[ 0.7500, -0.5000, -0.2500]])

With 1000 added to each logit, $e^{1000}$ would overflow; the result stays the same:

>>> F.log_softmax(x.detach() + 1000, dim=1).exp().round(decimals=2)
tensor([[0.2500, 0.5000, 0.2500]])

## Questions

**What is the sum of the gradients of one sample's logits?**

0: $\sum_c p[c] = 1$, so $g - g = 0$. Adding the same number to all logits changes nothing.

>>> abs(x.grad.sum().item()) < 1e-6
True

**Why is $m + \log s$ not subtracted in one step?**

With a huge $m$ the sum $m + \log s$ is rounded to $m$, and $\log s$ is lost. So the kernel subtracts $m$ first and then $\log s$.

>>> F.log_softmax(torch.tensor([1e9, 1e9]), dim=0)
tensor([-0.6931, -0.6931])

**What is the result where a logit is so small that its probability is rounded to 0?**

The log-probability is exact, while the logarithm of the probability is $-\infty$:

>>> x = torch.tensor([0., -200])
>>> F.log_softmax(x, dim=0)
tensor([   0., -200.])
>>> F.softmax(x, dim=0).log()
tensor([0., -inf])
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


# ## Log-probabilities of every sample
#
# $$\log p[n, c, d] = x[n, c, d] - m[n, d] - \log s[n, d]$$
#
# Three passes over the classes of one sample. The differences are stored before $\log s$ is subtracted: with a huge $m$, the sum
# $m + \log s$ would round to $m$, and `x - (m + log s)` would lose $\log s$. A NaN is never the largest, but makes the sum NaN.
@njit(**PARALLEL)
def log_softmax_forward_cpu(x, log_p):
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
            log_p[n, c, d] = x[n, c, d] - largest
            total += math.exp(log_p[n, c, d])
        log_total = math.log(total)
        for c in range(C):
            log_p[n, c, d] -= log_total


@cuda.jit
def log_softmax_forward_cuda(x, log_p):
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
    total = log_p.dtype.type(0)
    for c in range(C):
        log_p[n, c, d] = x[n, c, d] - largest
        total += math.exp(log_p[n, c, d])
    log_total = math.log(total)
    for c in range(C):
        log_p[n, c, d] -= log_total


# ## The gradient of the logits
#
# $$\frac{\partial L}{\partial x}[n, c, d] = \frac{\partial L}{\partial \log p}[n, c, d] - e^{\log p[n, c, d]} \, g[n, d]$$
#
# All classes of a sample share the sum $g$, so one iteration computes the gradients of all of them.
@njit(**PARALLEL)
def log_softmax_backward_x_cpu(log_p, grad_log_p, grad_x):
    N, C, D = log_p.shape
    for i in prange(N * D):
        d = i % D
        n = i // D
        g = np.float64(0)
        for c in range(C):
            g += grad_log_p[n, c, d]
        for c in range(C):
            grad_x[n, c, d] = grad_log_p[n, c, d] - math.exp(log_p[n, c, d]) * g


@cuda.jit
def log_softmax_backward_x_cuda(log_p, grad_log_p, grad_x):
    N, C, D = log_p.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= N * D:
        return
    d = i % D
    n = i // D
    g = grad_x.dtype.type(0)
    for c in range(C):
        g += grad_log_p[n, c, d]
    for c in range(C):
        grad_x[n, c, d] = grad_log_p[n, c, d] - math.exp(log_p[n, c, d]) * g


class LogSoftmaxFunction(Function):
    """The logarithm of softmax on the tape. x of any shape, the classes along dimension `dim`; the result has the same shape."""

    @staticmethod
    def forward(ctx, x, dim):
        N, C, D = around(x.shape, dim)
        log_p = x.new_empty(x.shape)
        run = on(x.device, log_softmax_forward_cpu, log_softmax_forward_cuda, N * D, fast.log_softmax_forward)
        run(*shaped((N, C, D), x, log_p))
        ctx.save_for_backward(log_p)
        ctx.extents = N, C, D
        return log_p

    @staticmethod
    def backward(ctx, grad_log_p):
        (log_p,) = ctx.saved_tensors
        N, C, D = ctx.extents
        grad_x = log_p.new_empty(log_p.shape)
        run = on(
            log_p.device, log_softmax_backward_x_cpu, log_softmax_backward_x_cuda, N * D, fast.log_softmax_backward_x
        )
        run(*shaped((N, C, D), log_p, grad_log_p, grad_x))
        return grad_x, None


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of `softmax` along dimension `dim`.

    Shapes: any; the result has the same. With `dtype` the input is converted first; float16 is computed in float32.

    Raises:
        TypeError: `input` is not a tensor.
        NotImplementedError: it holds no floating-point numbers.
        IndexError: there is no such dimension.
    Warns:
        UserWarning: `dim` is None, and a dimension is guessed.
    """
    x, dim = prepared("log_softmax", input, chosen_dim("log_softmax", dim, input, _stacklevel), dtype)
    log_p = LogSoftmaxFunction.apply(x, dim)
    return log_p.to(float16) if (as_dtype(dtype) if dtype else input.dtype) is float16 else log_p


class LogSoftmax(Module):
    """The logarithm of softmax along a dimension, as a layer. It has no parameters.

    Args:
        dim: the dimension along which the probabilities sum to one; None guesses, with a warning.

    Shapes: input (*), any shape; output the same. Errors as `log_softmax`, when the layer is called.
    """

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self):
        return f"dim={self.dim}"
