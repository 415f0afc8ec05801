r"""Cross entropy whose targets are probabilities: each sample belongs to several classes, to each with a share.

`F.cross_entropy` uses this form if the target is floating point and has the shape of the input. Examples are blended images
(mixup), soft labels of a teacher network, and uncertain annotations.

Use it when a target is a distribution over the classes; class indices (`cross_entropy_loss`) are faster if there is one
class per sample.

## Forward

The simplest case is one sample with target $t$ and no smoothing: $l = - \sum_c t[c] \log p[c]$. In general the target $t$
may be smoothed: a share $\varepsilon$ of it is spread over all $C$ classes.

$$q[n, c, d] = a \, t[n, c, d] + b \qquad a = 1 - \varepsilon \qquad b = \varepsilon / C$$

$$l[n, d] = - \sum_{c=0}^{C-1} w[c] \, q[n, c, d] \, \log p[n, c, d]$$

`reduction="sum"` gives $\sum_{n,d} l[n, d]$, and "mean" divides it by $N D$, the number of samples, whatever the weights.

## Gradients

With $g = \partial L / \partial l$, the upstream gradient of each sample, and $M$, the mass of its weighted target:

$$M[n, d] = \sum_{c=0}^{C-1} w[c] \, q[n, c, d] \qquad
\frac{\partial L}{\partial x}[n, c, d] = g[n, d] \left( M[n, d] \, p[n, c, d] - w[c] \, q[n, c, d] \right)$$

$$\frac{\partial L}{\partial t}[n, c, d] = - g[n, d] \, a \, w[c] \, \log p[n, c, d] \qquad
\frac{\partial L}{\partial w}[c] = - \sum_{n=0}^{N-1} \sum_{d=0}^{D-1} g[n, d] \, q[n, c, d] \, \log p[n, c, d]$$

The first one follows from $\partial \log p[c'] / \partial x[c] = [c = c'] - p[c]$; without weights $M = 1$, and it is $p - q$.

## Cost

After $\log p$: about $3 N C D$ multiply-adds in forward and $4 N C D$ in backward for $x$, with $N C D$ exponentials. Each pass
reads $\log p$ and $t$ once (twice $t$ for $M$); a gradient writes $N C D$ elements.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $t$ | `target` | $(N, C, D)$ | target: share of each class in the sample |
| $\log p$ | `log_p` | $(N, C, D)$ | logarithm of the probability that the logits give each class |
| $w$ | `weight` | $(C)$ | weight: how much each class counts; all 1 if none are given |
| $q$ | `q` | | smoothed target |
| $a$ | `a` | $0 \le a \le 1$ | share of the target that stays after smoothing |
| $b$ | `b` | $0 \le b \le 1 / C$ | what smoothing gives to each class |
| $l$ | `loss` | $(N, D)$ | loss of each sample, before the reduction |
| $g$ | `grad_loss` | $(N, D)$ | gradient of the reduced loss for each sample's loss |
| $M$ | `mass` | | sum of the weighted target over the classes |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(N, C, D)$ | gradient of the loss for $x$ |
| $\frac{\partial L}{\partial t}$ | `grad_target` | $(N, C, D)$ | gradient of the loss for $t$ |
| $\frac{\partial L}{\partial w}$ | `grad_weight` | $(C)$ | gradient of the loss for $w$ |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel); $D = 1$ if there is only one |

## Worked example

The probabilities are in the ratio 1 : 2 : 1. The sample belongs half to class 0 and half to class 2. The gradient for the logits
is $p - q$, $[1/4, 1/2, 1/4] - [1/2, 0, 1/2]$; that for the target is $-\log p = [\log 4, \log 2, \log 4]$:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 1]]).log().requires_grad_()
>>> target = torch.tensor([[0.5, 0.0, 0.5]], requires_grad=True)
>>> loss = F.cross_entropy(x, target)
>>> loss
tensor(1.3863, grad_fn=<DivBackward1>)
>>> loss.backward()
>>> x.grad
tensor([[-0.2500,  0.5000, -0.2500]])
>>> target.grad
tensor([[1.3863, 0.6931, 1.3863]])

The gradient of a class weight is what its class adds to the loss, $-q \log p$:

>>> weight = torch.tensor([1., 2, 1], requires_grad=True)
>>> F.cross_entropy(x, target, weight).backward()
>>> weight.grad
tensor([0.6931, 0.0000, 0.6931])

## Questions

**What is the smallest loss for a target of one half and one half?**

$\log 2$, the entropy of the target, where the probabilities equal it:

>>> half = torch.tensor([[0.5, 0.5]])
>>> round(F.cross_entropy(half.log(), half).item(), 4)
0.6931

**What is the gradient there?**

0: it is $p - q$.

**How does label smoothing change a target of class indices?**

It becomes a distribution: each class gets $\varepsilon / C$, and the class of the index gets $1 - \varepsilon$ in addition.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.activation.log_softmax import log_softmax_forward_cpu, log_softmax_forward_cuda
from reftorch.nn.loss.classes import class_extents, label_shape
from reftorch.nn.loss.reduction import loss_sum


# ## The loss of each sample
#
# $$l[n, d] = - \sum_c w[c] \, q[n, c, d] \, \log p[n, c, d]$$
#
# A class of probability 0 ($\log p = -\infty$) and share 0 makes the loss NaN, as in PyTorch: 0 times infinity.
@njit(**PARALLEL)
def soft_cross_entropy_forward_cpu(log_p, target, weight, loss, keep, spread):
    N, C, D = log_p.shape
    for n in prange(N):
        for d in range(D):
            a = loss.dtype.type(keep)
            b = loss.dtype.type(spread)
            acc = np.float64(0)
            for c in range(C):
                q = a * target[n, c, d] + b
                acc -= weight[c] * q * log_p[n, c, d]
            loss[n, d] = acc


@cuda.jit
def soft_cross_entropy_forward_cuda(log_p, target, weight, loss, keep, spread):
    N, C, D = log_p.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= loss.size:
        return
    d = i % D
    n = i // D
    a = loss.dtype.type(keep)
    b = loss.dtype.type(spread)
    acc = loss.dtype.type(0)
    for c in range(C):
        q = a * target[n, c, d] + b
        acc -= weight[c] * q * log_p[n, c, d]
    loss[n, d] = acc


# ## The gradient for the logits
#
# $$\frac{\partial L}{\partial x}[n, c, d] = g[n, d] \left( M[n, d] \, p[n, c, d] - w[c] \, q[n, c, d] \right)$$
#
# All classes of a sample share its mass, so one thread computes the mass and then the gradient of each class.
@njit(**PARALLEL)
def soft_cross_entropy_backward_x_cpu(grad_loss, log_p, target, weight, grad_x, keep, spread):
    N, C, D = grad_x.shape
    for n in prange(N):
        for d in range(D):
            a = grad_x.dtype.type(keep)
            b = grad_x.dtype.type(spread)
            mass = np.float64(0)
            for c in range(C):
                mass += weight[c] * (a * target[n, c, d] + b)
            for c in range(C):
                q = a * target[n, c, d] + b
                pull = mass * math.exp(log_p[n, c, d]) - weight[c] * q
                grad_x[n, c, d] = grad_loss[n, d] * pull


@cuda.jit
def soft_cross_entropy_backward_x_cuda(grad_loss, log_p, target, weight, grad_x, keep, spread):
    N, C, D = grad_x.shape
    i = cuda.grid(1)  # one thread per sample
    if i >= grad_loss.size:
        return
    d = i % D
    n = i // D
    a = grad_x.dtype.type(keep)
    b = grad_x.dtype.type(spread)
    mass = grad_x.dtype.type(0)
    for c in range(C):
        mass += weight[c] * (a * target[n, c, d] + b)
    for c in range(C):
        q = a * target[n, c, d] + b
        pull = mass * math.exp(log_p[n, c, d]) - weight[c] * q
        grad_x[n, c, d] = grad_loss[n, d] * pull


# ## The gradient for the target
#
# $$\frac{\partial L}{\partial t}[n, c, d] = - g[n, d] \, a \, w[c] \, \log p[n, c, d]$$
@njit(**PARALLEL)
def soft_cross_entropy_backward_target_cpu(grad_loss, log_p, weight, grad_target, keep):
    N, C, D = grad_target.shape
    for n in prange(N):
        for c in range(C):
            for d in range(D):
                a = grad_target.dtype.type(keep)
                grad_target[n, c, d] = -grad_loss[n, d] * a * weight[c] * log_p[n, c, d]


@cuda.jit
def soft_cross_entropy_backward_target_cuda(grad_loss, log_p, weight, grad_target, keep):
    N, C, D = grad_target.shape
    i = cuda.grid(1)
    if i >= grad_target.size:
        return
    d = i % D
    c = i // D % C
    n = i // (D * C)
    a = grad_target.dtype.type(keep)
    grad_target[n, c, d] = -grad_loss[n, d] * a * weight[c] * log_p[n, c, d]


# ## The gradient for the weights
#
# $$\frac{\partial L}{\partial w}[c] = - \sum_{n,d} g[n, d] \, q[n, c, d] \, \log p[n, c, d]$$
@njit(**PARALLEL)
def soft_cross_entropy_backward_weight_cpu(grad_loss, log_p, target, grad_weight, keep, spread):
    N, C, D = target.shape
    for c in prange(C):
        a = grad_weight.dtype.type(keep)
        b = grad_weight.dtype.type(spread)
        acc = np.float64(0)
        for n in range(N):
            for d in range(D):
                q = a * target[n, c, d] + b
                acc -= grad_loss[n, d] * q * log_p[n, c, d]
        grad_weight[c] = acc


@cuda.jit
def soft_cross_entropy_backward_weight_cuda(grad_loss, log_p, target, grad_weight, keep, spread):
    N, C, D = target.shape
    c = cuda.grid(1)
    if c >= grad_weight.size:
        return
    a = grad_weight.dtype.type(keep)
    b = grad_weight.dtype.type(spread)
    acc = grad_weight.dtype.type(0)
    for n in range(N):
        for d in range(D):
            q = a * target[n, c, d] + b
            acc -= grad_loss[n, d] * q * log_p[n, c, d]
    grad_weight[c] = acc


class SoftCrossEntropyFunction(Function):
    """Cross entropy on the tape, for a target of class probabilities. `keep` and `spread` are a and b of the formulas."""

    @staticmethod
    def forward(ctx, x, target, weight, keep, spread, reduction):
        N, C, D = class_extents(x.shape)
        target = target.reshape(N, C, D)
        log_p, loss = x.new_empty(N, C, D), x.new_empty(N, D)
        if C:  # without classes there are no probabilities
            run = on(x.device, log_softmax_forward_cpu, log_softmax_forward_cuda, N * D)
            run(*arrays(x.reshape(N, C, D), log_p))
        run = on(x.device, soft_cross_entropy_forward_cpu, soft_cross_entropy_forward_cuda, N * D)
        run(*arrays(log_p, target, weight, loss), keep, spread)
        ctx.save_for_backward(log_p, target, weight)
        ctx.torch_name = {"none": "NegBackward0", "sum": "NegBackward0", "mean": "DivBackward1"}[reduction]
        ctx.shape, ctx.keep, ctx.spread, ctx.reduction = x.shape, keep, spread, reduction
        if reduction == "none":
            return loss.reshape(label_shape(x.shape))
        ctx.divisor = (N * D if N * C * D else math.nan) if reduction == "mean" else 1  # the mean of no elements is NaN
        return loss_sum(loss) / ctx.divisor

    @staticmethod
    def backward(ctx, grad_y):
        log_p, target, weight = ctx.saved_tensors
        N, C, D = log_p.shape
        if ctx.reduction == "none":
            grad_loss = grad_y.reshape(N, D)
        else:
            grad_loss = (grad_y / ctx.divisor).expand(N, D).contiguous()
        grad_x = grad_target = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = log_p.new_empty(N, C, D)
            run = on(log_p.device, soft_cross_entropy_backward_x_cpu, soft_cross_entropy_backward_x_cuda, N * D)
            run(*arrays(grad_loss, log_p, target, weight, grad_x), ctx.keep, ctx.spread)
            grad_x = grad_x.reshape(ctx.shape)
        if ctx.needs_input_grad[1]:
            grad_target = log_p.new_empty(N, C, D)
            run = on(
                log_p.device, soft_cross_entropy_backward_target_cpu, soft_cross_entropy_backward_target_cuda, N * C * D
            )
            run(*arrays(grad_loss, log_p, weight, grad_target), ctx.keep)
            grad_target = grad_target.reshape(ctx.shape)
        if ctx.needs_input_grad[2]:
            grad_weight = log_p.new_empty(C)
            run = on(log_p.device, soft_cross_entropy_backward_weight_cpu, soft_cross_entropy_backward_weight_cuda, C)
            run(*arrays(grad_loss, log_p, target, grad_weight), ctx.keep, ctx.spread)
        return grad_x, grad_target, grad_weight, None, None, None
