r"""Connectionist temporal classification: the loss of a sequence whose labels come in a known order, but at unknown times.

A network gives log-probabilities of classes for each time step: of a sound recording, or of a line of handwriting. The target is
a text, shorter than the recording. The loss is minus the logarithm of the probability of this text, whatever the times of its
labels are.

Use it when the target says what occurs, and in which order, but not when. If there is a label for each time step, `cross_entropy` is
enough; if the order may differ too, use a model with attention.

## Forward

One class is the blank, which means "nothing new". A path has one class at each time step. Its text follows in two steps: a class
that is repeated without a break counts once; then the blanks are removed. So with the blank `-` the paths `a-b`, `aab`, `abb`,
`ab-` and `-ab` all have the text "ab". The text "aa" needs a blank between the two labels: `a-a`.

The probability of a text is the sum over all of its paths. There are far too many to list, but many paths begin in the same way.
Put a blank before, between and after the $L$ labels: $y = (-, a, -, b, -)$ has $S = 2 L + 1$ places. A path moves from left to
right along $y$: at each time step it stays at its place, moves to the next place, or jumps over a blank between two different
labels. With $x[t, c]$ the log-probability of class $c$ at time $t$, let $\alpha[t, s]$ be the logarithm of the sum over all ways
to be at place $s$ at time $t$, in one sample:

$$\alpha[0, 0] = x[0, y[0]] \qquad \alpha[0, 1] = x[0, y[1]] \qquad \alpha[0, s] = -\infty \quad \text{for } s > 1$$

$$\alpha[t, s] = x[t, y[s]] + \log \left( e^{\alpha[t-1, s]} + e^{\alpha[t-1, s-1]} +
\left[ y[s] \ne y[s-2] \right] e^{\alpha[t-1, s-2]} \right)$$

The jump is forbidden from a blank to the next blank and between equal labels: in both cases $y[s] = y[s-2]$, one test for both. A
text is complete at its last label or at the blank after it, so with $T$ time steps:

$$l = - \log \left( e^{\alpha[T-1, S-1]} + e^{\alpha[T-1, S-2]} \right)$$

If the text does not fit into $T$ time steps, no path exists and $l = \infty$; `zero_infinity` replaces this loss, and its gradient,
by 0. `reduction="none"` returns the loss of each sample, "sum" their sum; "mean" (the default) first divides each loss by its $L$
(at least 1), then takes the mean over the $N$ samples.

## Gradients

Let $\beta[t, s]$ be the logarithm of the sum over all ways to finish from place $s$ at time $t$, the probability at time $t$
included. It is the same recursion in the opposite direction:

$$\beta[t, s] = x[t, y[s]] + \log \left( e^{\beta[t+1, s]} + e^{\beta[t+1, s+1]} +
\left[ y[s] \ne y[s+2] \right] e^{\beta[t+1, s+2]} \right)$$

Then $e^{\alpha[t, s] + \beta[t, s] - x[t, y[s]]}$ is the probability of all complete paths through place $s$ at time $t$. Divided by
$e^{-l}$, and summed over the places that hold class $c$, it is the share of the paths of the text that have class $c$ at time
$t$:

$$\gamma[t, c] = \sum_{s \,:\, y[s] = c} e^{\alpha[t, s] + \beta[t, s] - x[t, c] + l}$$

This share is the derivative of the log-probability of the text with respect to $x[t, c]$, so $\partial l / \partial x = -\gamma$.
The log-probabilities come from `log_softmax`, whose backward subtracts $e^{x}$ times the sum of the upstream gradients. This sum
is $-\sum_c \gamma[t, c] = -1$, so it would add $e^x$. PyTorch adds this $e^x$ already here. Then the sum of the upstream
gradients over the classes is 0, and `log_softmax` changes nothing more. With $g = \partial L / \partial l$:

$$\frac{\partial L}{\partial x}[t, c] = g \left( e^{x[t, c]} - \gamma[t, c] \right)$$

It is the predicted probability minus the share of the paths. So it is the right gradient for the logits before a `log_softmax`,
and only for those. Time steps beyond the length of a sample have the gradient 0.

## Output size

A number; with `reduction="none"` $(N)$, and a number for a single sample.

## Cost

For each sample $T S$ steps with up to two exponentials and two logarithms, in forward for $\alpha$ and in backward for $\beta$;
the time steps follow each other. The gradient takes two more exponentials for each class and time step. $\alpha$ and $\beta$ have
$2 N T S$ numbers.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(T, N, C)$ | input: log-probabilities; the formulas leave out the sample |
| $y$ | `label_at` | 0 to $C - 1$ | the labels with blanks between, made from `target` |
| $\alpha$ | `alpha` | $(N, T, S)$ | logarithm of the probability of all ways to reach a place |
| $\beta$ | `beta` | $(N, T, S)$ | logarithm of the probability of all ways to finish from a place |
| $l$ | `loss` | $(N)$ | loss of each sample, before the reduction |
| $g$ | `grad_loss` | $(N)$ | gradient of the reduced loss for each sample's loss |
| $\gamma$ | `share` | 0 to 1 | share of the paths that have a class at a time step |
| $\frac{\partial L}{\partial x}$ | `grad_x` | $(T, N, C)$ | gradient of the loss for $x$ |
| $t$ | `t` | $0 \le t < T$ | time step; $T$ is the sample's own number of them, `input_lengths` |
| $s$ | `s` | $0 \le s < S$ | place in the text with its blanks; $S$ is the sample's own, from `target_lengths` |
| $c$ | `c` | $0 \le c < C$ | class |

## Worked example

Three time steps, three classes: blank, a and b. The text is "ab", so the places are blank, a, blank, b, blank. All probabilities
are powers of two. The five paths have the probabilities `a-b` 1/16, `aab` 1/16, `abb` 1/8, `ab-` 1/16 and `-ab` 1/32; their sum is
11/32:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> p = torch.tensor([[1/4, 1/2, 1/4], [1/4, 1/4, 1/2], [1/4, 1/4, 1/2]])
>>> x = p.log().unsqueeze(1).requires_grad_()
>>> text = torch.tensor([[1, 2]])
>>> loss = F.ctc_loss(x, text, (3,), (2,), reduction="sum")
>>> round((-loss).exp().item() * 32, 3)
11.0
>>> loss.backward()
>>> (x.grad[:, 0] * 44).round()
tensor([[  7., -18.,  11.],
        [  3.,  -1.,  -2.],
        [  3.,  11., -14.]])

The first row: the paths with a at time 0 have the probability 10/32, the one with the blank has 1/32. So $\gamma$ is
$(1, 10, 0) / 11$, and the gradient $(1/4, 1/2, 1/4) - \gamma$, here times 44.

The table of $e^\alpha$ times 32, one row per time step. Each number is the sum of those that a path may come from, times the
probability of the class:

>>> import numpy as np
>>> from reftorch.nn.loss.ctc_loss import ctc_loss_forward_alpha_cpu
>>> alpha = np.empty((1, 3, 5))
>>> ctc_loss_forward_alpha_cpu(x.detach().double().numpy(), text.numpy(), np.array([3]), np.array([2]), alpha, 0)
>>> (np.exp(alpha[0]) * 32).round(1).tolist()
[[8.0, 16.0, 0.0, 0.0, 0.0], [2.0, 6.0, 4.0, 8.0, 0.0], [0.5, 2.0, 2.5, 9.0, 2.0]]

## Questions

**How many time steps does the text "aab" need at least?**

Four: a, blank, a, b. With three there is no path:

>>> F.ctc_loss(x, torch.tensor([[1, 1, 2]]), (3,), (3,)).item()
inf

**Why is everything computed with logarithms?**

The probability of a path is the product of as many numbers below 1 as there are time steps. After a few hundred of them it would be
0 in float32.

**Where does the network put its labels after training?**

Mostly at single time steps. Each label has a short peak of probability, and at all other time steps the blank is the most
probable class.

**What is the loss of an empty text?**

Minus the sum of the blank's log-probabilities: there is one path only.

>>> round((-F.ctc_loss(x, torch.zeros(1, 0, dtype=torch.int64), (3,), (0,))).exp().item() * 64, 3)
1.0

## Differences

- The gradient is right only for normalized log-probabilities, as explained above; `gradcheck` must go through `log_softmax`.
- A label that is not a class raises an error; PyTorch reads outside of its arrays.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch import fast
from reftorch.autograd import Function
from reftorch.kernel import PARALLEL, SERIAL, arrays, cuda, njit, on, prange
from reftorch.nn.loss.pointwise import check_are_tensors
from reftorch.nn.loss.reduction import _Loss, reduction_name
from reftorch.ops import tensor
from reftorch.tensor import Tensor
from reftorch.types import float32, float64, int64


# ## Two helpers
#
# The class at place s of the text with its blanks; and $\log(e^a + e^b)$ without overflow, where $-\infty$ stands for "no path".
@njit(**SERIAL)
def label_at(target, n, s, blank):
    if s % 2 == 0:
        return blank
    return target[n, s // 2]


@njit(**SERIAL)
def log_add(a, b):
    if a < b:
        a, b = b, a
    if b == -math.inf:
        return a
    return a + math.log1p(math.exp(b - a))


# ## All ways to reach a place
#
# $$\alpha[t, s] = x[t, y[s]] + \log \left( e^{\alpha[t-1, s]} + e^{\alpha[t-1, s-1]} +
# \left[ y[s] \ne y[s-2] \right] e^{\alpha[t-1, s-2]} \right)$$
#
# One thread computes all time steps of a sample. At the first time step only the first two places can be reached.
@njit(**PARALLEL)
def ctc_loss_forward_alpha_cpu(x, target, input_lengths, target_lengths, alpha, blank):
    N = alpha.shape[0]
    for n in prange(N):
        S = 2 * target_lengths[n] + 1
        for t in range(input_lengths[n]):
            for s in range(S):
                label = label_at(target, n, s, blank)
                ways = x.dtype.type(-math.inf)
                if t == 0 and s < 2:
                    ways = x.dtype.type(0)
                if t > 0:
                    ways = alpha[n, t - 1, s]
                    if s > 0:
                        ways = log_add(ways, alpha[n, t - 1, s - 1])
                    if s > 1 and label != label_at(target, n, s - 2, blank):
                        ways = log_add(ways, alpha[n, t - 1, s - 2])
                alpha[n, t, s] = x[t, n, label] + ways


@cuda.jit
def ctc_loss_forward_alpha_cuda(x, target, input_lengths, target_lengths, alpha, blank):
    N = alpha.shape[0]
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    S = 2 * target_lengths[n] + 1
    for t in range(input_lengths[n]):
        for s in range(S):
            label = label_at(target, n, s, blank)
            ways = x.dtype.type(-math.inf)
            if t == 0 and s < 2:
                ways = x.dtype.type(0)
            if t > 0:
                ways = alpha[n, t - 1, s]
                if s > 0:
                    ways = log_add(ways, alpha[n, t - 1, s - 1])
                if s > 1 and label != label_at(target, n, s - 2, blank):
                    ways = log_add(ways, alpha[n, t - 1, s - 2])
            alpha[n, t, s] = x[t, n, label] + ways


# ## The loss of each sample
#
# $$l = - \log \left( e^{\alpha[T-1, S-1]} + e^{\alpha[T-1, S-2]} \right)$$
#
# An empty text has one place only. Without time steps only the empty text has a path.
@njit(**PARALLEL)
def ctc_loss_forward_cpu(alpha, input_lengths, target_lengths, loss):
    N = loss.shape[0]
    for n in prange(N):
        S = 2 * target_lengths[n] + 1
        T = input_lengths[n]
        ways = loss.dtype.type(-math.inf)
        if T == 0 and S == 1:
            ways = loss.dtype.type(0)
        if T > 0:
            ways = alpha[n, T - 1, S - 1]
            if S > 1:
                ways = log_add(ways, alpha[n, T - 1, S - 2])
        loss[n] = -ways


@cuda.jit
def ctc_loss_forward_cuda(alpha, input_lengths, target_lengths, loss):
    N = loss.shape[0]
    n = cuda.grid(1)
    if n >= N:
        return
    S = 2 * target_lengths[n] + 1
    T = input_lengths[n]
    ways = loss.dtype.type(-math.inf)
    if T == 0 and S == 1:
        ways = loss.dtype.type(0)
    if T > 0:
        ways = alpha[n, T - 1, S - 1]
        if S > 1:
            ways = log_add(ways, alpha[n, T - 1, S - 2])
    loss[n] = -ways


# ## All ways to finish from a place
#
# $$\beta[t, s] = x[t, y[s]] + \log \left( e^{\beta[t+1, s]} + e^{\beta[t+1, s+1]} +
# \left[ y[s] \ne y[s+2] \right] e^{\beta[t+1, s+2]} \right)$$
#
# The same recursion in the opposite direction: `later` is the number of time steps that follow.
@njit(**PARALLEL)
def ctc_loss_backward_beta_cpu(x, target, input_lengths, target_lengths, beta, blank):
    N = beta.shape[0]
    for n in prange(N):
        S = 2 * target_lengths[n] + 1
        for later in range(input_lengths[n]):
            t = input_lengths[n] - 1 - later
            for s in range(S):
                label = label_at(target, n, s, blank)
                ways = x.dtype.type(-math.inf)
                if later == 0 and s >= S - 2:
                    ways = x.dtype.type(0)
                if later > 0:
                    ways = beta[n, t + 1, s]
                    if s < S - 1:
                        ways = log_add(ways, beta[n, t + 1, s + 1])
                    if s < S - 2 and label != label_at(target, n, s + 2, blank):
                        ways = log_add(ways, beta[n, t + 1, s + 2])
                beta[n, t, s] = x[t, n, label] + ways


@cuda.jit
def ctc_loss_backward_beta_cuda(x, target, input_lengths, target_lengths, beta, blank):
    N = beta.shape[0]
    n = cuda.grid(1)  # one thread per sample
    if n >= N:
        return
    S = 2 * target_lengths[n] + 1
    for later in range(input_lengths[n]):
        t = input_lengths[n] - 1 - later
        for s in range(S):
            label = label_at(target, n, s, blank)
            ways = x.dtype.type(-math.inf)
            if later == 0 and s >= S - 2:
                ways = x.dtype.type(0)
            if later > 0:
                ways = beta[n, t + 1, s]
                if s < S - 1:
                    ways = log_add(ways, beta[n, t + 1, s + 1])
                if s < S - 2 and label != label_at(target, n, s + 2, blank):
                    ways = log_add(ways, beta[n, t + 1, s + 2])
            beta[n, t, s] = x[t, n, label] + ways


# ## The gradient of the log-probabilities
#
# $$\frac{\partial L}{\partial x}[t, c] = g \left( e^{x[t, c]} - \gamma[t, c] \right)$$
#
# One thread owns all classes of a sample at one time. It first collects $\log \sum e^{\alpha + \beta}$ of each class in the place of
# its gradient. A sample without any path, with an infinite loss, gets NaN; with `zero_infinity` it gets 0.
@njit(**PARALLEL)
def ctc_loss_backward_x_cpu(
    grad_loss, x, target, input_lengths, target_lengths, alpha, beta, loss, grad_x, blank, zero_infinity
):
    T, N, C = x.shape
    for n in prange(N):
        for t in range(T):
            silent = t >= input_lengths[n] or (zero_infinity and loss[n] == math.inf)
            for c in range(C):
                grad_x[t, n, c] = x.dtype.type(0) if silent else x.dtype.type(-math.inf)
            if not silent:
                for s in range(2 * target_lengths[n] + 1):
                    label = label_at(target, n, s, blank)
                    grad_x[t, n, label] = log_add(grad_x[t, n, label], alpha[n, t, s] + beta[n, t, s])
                for c in range(C):
                    share = math.exp(grad_x[t, n, c] + loss[n] - x[t, n, c])
                    grad_x[t, n, c] = grad_loss[n] * (math.exp(x[t, n, c]) - share)


@cuda.jit
def ctc_loss_backward_x_cuda(
    grad_loss, x, target, input_lengths, target_lengths, alpha, beta, loss, grad_x, blank, zero_infinity
):
    T, N, C = x.shape
    i = cuda.grid(1)  # one thread per sample and time step
    if i >= N * T:
        return
    t = i % T
    n = i // T
    silent = t >= input_lengths[n] or (zero_infinity and loss[n] == math.inf)
    for c in range(C):
        grad_x[t, n, c] = x.dtype.type(0) if silent else x.dtype.type(-math.inf)
    if not silent:
        for s in range(2 * target_lengths[n] + 1):
            label = label_at(target, n, s, blank)
            grad_x[t, n, label] = log_add(grad_x[t, n, label], alpha[n, t, s] + beta[n, t, s])
        for c in range(C):
            share = math.exp(grad_x[t, n, c] + loss[n] - x[t, n, c])
            grad_x[t, n, c] = grad_loss[n] * (math.exp(x[t, n, c]) - share)


class CtcLossFunction(Function):
    """The loss of each sample in the computation graph: x (T, N, C), target (N, L) and the lengths (N) of int64."""

    @staticmethod
    def forward(ctx, x, target, input_lengths, target_lengths, blank, zero_infinity):
        T, N, C = x.shape
        alpha, loss = x.new_empty(N, T, 2 * target.shape[1] + 1), x.new_empty(N)
        run = on(x.device, ctc_loss_forward_alpha_cpu, ctc_loss_forward_alpha_cuda, N, fast.ctc_loss_forward_alpha)
        run(*arrays(x, target, input_lengths, target_lengths, alpha), blank)
        run = on(x.device, ctc_loss_forward_cpu, ctc_loss_forward_cuda, N)
        run(*arrays(alpha, input_lengths, target_lengths, loss))
        ctx.save_for_backward(x, target, input_lengths, target_lengths, alpha, loss)
        ctx.options = blank, zero_infinity
        return loss.masked_fill(loss == math.inf, 0) if zero_infinity else loss.clone()

    @staticmethod
    def backward(ctx, grad_y):
        x, target, input_lengths, target_lengths, alpha, loss = ctx.saved_tensors
        T, N, C = x.shape
        blank, zero_infinity = ctx.options
        beta, grad_x = alpha.new_empty(alpha.shape), x.new_empty(x.shape)
        run = on(x.device, ctc_loss_backward_beta_cpu, ctc_loss_backward_beta_cuda, N, fast.ctc_loss_backward_beta)
        run(*arrays(x, target, input_lengths, target_lengths, beta), blank)
        run = on(x.device, ctc_loss_backward_x_cpu, ctc_loss_backward_x_cuda, N * T, fast.ctc_loss_backward_x)
        given = arrays(grad_y, x, target, input_lengths, target_lengths, alpha, beta, loss, grad_x)
        run(*given, blank, zero_infinity)
        return grad_x, None, None, None, None, None


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """Minus the log-probability of the texts `targets`, given `log_probs` for each time step, or its mean or sum.

    Shapes: `log_probs` (T, N, C), or (T, C) for a single sample. `targets` (N, L), of which the first `target_lengths[n]` count,
    or all texts one after the other in one dimension. `input_lengths` and `target_lengths` (N): tensors of integers or tuples of
    ints. The result is a scalar; with `reduction="none"` (N), or () for a single sample.

    Raises:
        ValueError: `reduction` is not "none", "mean" or "sum".
        RuntimeError: a length or label is out of range, `blank` is not a class, shapes, dtypes or devices do not fit.
        NotImplementedError: `log_probs` is not float32 or float64.
        TypeError: `log_probs` or `targets` is not a tensor, or the lengths are neither tensors nor tuples of ints.
    """
    reduction = reduction_name(reduction)
    check_are_tensors("ctc_loss", log_probs=log_probs, targets=targets)
    single = log_probs.dim() == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    if x.dim() != 3 or x.shape[0] == 0 or x.shape[1] == 0:
        raise RuntimeError(
            f"ctc_loss: log_probs tensor must not be empty: found {list(log_probs.shape)}; wanted (T, N, C), or (T, C) for one sample"
        )
    if x.dtype not in (float32, float64):
        raise NotImplementedError(f"ctc_loss is not implemented for {x.dtype}: convert log_probs with .float()")
    T, N, C = x.shape
    if not 0 <= blank < C:
        raise RuntimeError(
            f"ctc_loss: blank must be in label range: found {blank}, wanted 0 to {C - 1}, one of the classes"
        )
    inputs = _lengths("input_lengths", input_lengths, N)
    lengths = _lengths("target_lengths", target_lengths, N)
    if max(inputs) > T:
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {T}, but got value {max(inputs)}: log_probs of shape "
            f"{list(log_probs.shape)} has {T} time steps"
        )
    texts = _padded(targets, lengths, C, blank)
    given = [tensor(values, dtype=int64, device=x.device) for values in (texts, inputs, lengths)]
    loss = CtcLossFunction.apply(x, *given, int(blank), bool(zero_infinity))
    if reduction == "mean":
        return (loss / given[2].clamp(min=1)).mean()
    return loss.sum() if reduction == "sum" else loss[0] if single else loss


def _lengths(name, given, N):
    """N lengths as a list of ints."""
    if isinstance(given, Tensor):
        if given.is_floating_point() or given.dtype.is_complex:
            raise RuntimeError(f"ctc_loss: {name} must be integral, found {given.dtype}: convert them with .long()")
        given = given.reshape(-1).tolist()
    if not isinstance(given, (list, tuple)) or any(not hasattr(length, "__index__") for length in given):
        raise TypeError(f"ctc_loss(): argument '{name}' must be a tensor of integers or a tuple of ints, not {given!r}")
    if len(given) != N:
        raise RuntimeError(
            f"ctc_loss: {name} must be of size batch_size: found {len(given)} of them for a batch of {N}"
        )
    if min(given) < 0:
        raise RuntimeError(f"ctc_loss: Expected {name} to have value at least 0, but got value {min(given)}")
    return list(given)


def _padded(targets, lengths, C, blank):
    """The texts as one array (N, L) of int64, filled up with blanks; all labels are checked."""
    N, given = len(lengths), targets.detach().cpu().numpy().astype(np.int64)
    table = np.full((N, max(lengths)), blank, np.int64)
    if given.ndim == 2:
        if given.shape[0] != N or max(lengths) > given.shape[1]:
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size at least {max(lengths)} at dimension 1 and {N} at dimension 0, but got size "
                f"{list(given.shape)} for argument #2 'targets'"
            )
        texts = [given[n, :length] for n, length in enumerate(lengths)]
    elif given.ndim <= 1:
        if given.size != sum(lengths):
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size {sum(lengths)} at dimension 0, the sum of target_lengths, but got size "
                f"{given.size} for argument #2 'targets'"
            )
        ends = [sum(lengths[: n + 1]) for n in range(N)]
        texts = [given.reshape(-1)[end - length : end] for end, length in zip(ends, lengths)]
    else:
        raise RuntimeError(f"ctc_loss: targets must be (N, L) or one row, found {list(given.shape)}")
    for n, text in enumerate(texts):
        if text.size and not 0 <= text.min() <= text.max() < C:
            raise RuntimeError(
                f"ctc_loss: text {n} has labels from {text.min()} to {text.max()}; wanted classes from 0 to {C - 1}"
            )
        table[n, : text.size] = text
    return table


class CTCLoss(_Loss):
    """Connectionist temporal classification, as a module.

    Args:
        blank: the class that means "nothing new".
        reduction: "none", "mean" (of the losses divided by the lengths of their texts) or "sum".
        zero_infinity: replace infinite losses, of texts that do not fit, and their gradients by 0.

    Shapes: as `ctc_loss`, which raises the errors when the module is called.
    """

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
