r"""The loops of CTC loss in float32, all positions of the text at once.

The reference loops go through the positions one by one, and call the system's functions for each logarithm of a sum.

1. *A row at a time*: the positions of a time step depend only on those of the step before. So they are computed a register at a time, with
   the polynomials of `exponential.py`. Two positions without a path ($-\infty$) are before the first one (for $\beta$, after the last
   one), so there are no special cases.
2. *Labels once*: the log-probability of each position, and whether a path may jump over a blank, are read outside of that loop.
3. *Shares instead of logarithms*: $\alpha + \beta + l - x$ is the logarithm of a probability, the share of the paths that go through
   this position. So no largest term has to be subtracted, and the shares of the positions of one class are simply added.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import ZERO, exp32_full, log1p_unit32
from reftorch.fast.registers import INLINE
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

NONE = np.float32(-math.inf)
PLACE = 40  # multiply-adds that take as long as one position


def ctc_loss_forward_alpha(reference, x, target, input_lengths, target_lengths, alpha, blank):
    """alpha of all samples."""
    _recursion(reference, x, target, input_lengths, target_lengths, alpha, blank, False)


def ctc_loss_backward_beta(reference, x, target, input_lengths, target_lengths, beta, blank):
    """beta of all samples."""
    _recursion(reference, x, target, input_lengths, target_lengths, beta, blank, True)


def _recursion(reference, x, target, input_lengths, target_lengths, ways, blank, backwards):
    if x.dtype != np.float32:
        return reference(x, target, input_lengths, target_lengths, ways, blank)
    workers = threads_for(ways.size * PLACE, len(ways))
    run = walk_share if workers == 1 else walk_shared
    run(workers, x, places(target, blank), input_lengths, target_lengths, ways, backwards)


def ctc_loss_backward_x(
    reference, grad_loss, x, target, input_lengths, target_lengths, alpha, beta, loss, grad_x, blank, zero_infinity
):
    """grad_x of all samples."""
    given = input_lengths, target_lengths, alpha, beta, loss, grad_x
    if x.dtype != np.float32:
        return reference(grad_loss, x, target, *given, blank, zero_infinity)
    workers = threads_for((alpha.size + x.size) * PLACE // 2, len(alpha))
    run = gradient_share if workers == 1 else gradient_shared
    run(workers, grad_loss, x, places(target, blank), *given, zero_infinity)


def places(target, blank):
    """The class at each position of the texts with their blanks, (N, 2 L + 1)."""
    found = np.full((len(target), 2 * target.shape[1] + 1), blank)
    found[:, 1::2] = target
    return found


@njit(**INLINE)
def log_add32(a, b):
    """log(e^a + e^b); minus infinity stands for "no path"."""
    larger = a if a > b else b
    smaller = b if a > b else a
    both = larger + log1p_unit32(exp32_full(smaller - larger))
    return larger if smaller == NONE else both


# Element s + 2 of `before` is position s. A path may jump over position s - 1 where `skips` is 0, and not where it is minus infinity.
@njit(**SERIAL)
def step_forwards(now, before, skips, heard):
    for s in range(now.size):
        ways = log_add32(log_add32(before[s + 2], before[s + 1]), before[s] + skips[s])
        now[s] = heard[s] + ways


@njit(**SERIAL)
def step_backwards(now, after, skips, heard):
    for s in range(now.size):
        ways = log_add32(log_add32(after[s], after[s + 1]), after[s + 2] + skips[s + 2])
        now[s] = heard[s] + ways


@njit(**SERIAL)
def walk(x, labels, input_lengths, target_lengths, alpha, backwards, n0, n1):
    most = labels.shape[1]
    beside, skips, heard = np.empty(most + 2, x.dtype), np.empty(most + 2, x.dtype), np.empty(most, x.dtype)
    for n in range(n0, n1):
        S, T = 2 * target_lengths[n] + 1, input_lengths[n]
        skips[:] = NONE
        for s in range(2, S):
            if labels[n, s] != labels[n, s - 2]:
                skips[s] = ZERO
        for step in range(T):
            t = T - 1 - step if backwards else step
            for s in range(S):
                heard[s] = x[t, n, labels[n, s]]
            now = alpha[n, t, :S]
            if step == 0:
                for s in range(S):
                    near = S - 1 - s if backwards else s
                    now[s] = heard[s] + (ZERO if near < 2 else NONE)
            elif backwards:
                for s in range(S):
                    beside[s] = alpha[n, t + 1, s]
                beside[S : S + 2] = NONE
                step_backwards(now, beside, skips, heard)
            else:
                beside[:2] = NONE
                for s in range(S):
                    beside[s + 2] = alpha[n, t - 1, s]
                step_forwards(now, beside, skips, heard)


@njit(**SERIAL)
def walk_share(workers, x, labels, input_lengths, target_lengths, alpha, backwards):
    walk(x, labels, input_lengths, target_lengths, alpha, backwards, 0, len(alpha))


@njit(**PARALLEL)
def walk_shared(workers, x, labels, input_lengths, target_lengths, alpha, backwards):
    for worker in prange(workers):
        n0, n1 = worker * len(alpha) // workers, (worker + 1) * len(alpha) // workers
        walk(x, labels, input_lengths, target_lengths, alpha, backwards, n0, n1)


@njit(**SERIAL)
def gradient(grad_loss, x, labels, input_lengths, target_lengths, alpha, beta, loss, grad_x, zero_infinity, n0, n1):
    T, _, C = x.shape
    shares = np.empty(labels.shape[1], x.dtype)
    for n in range(n0, n1):
        S = 2 * target_lengths[n] + 1
        for t in range(T):
            row, out = x[t, n], grad_x[t, n]
            if t >= input_lengths[n] or (zero_infinity and loss[n] == math.inf):
                out[:] = ZERO
                continue
            for s in range(S):
                shares[s] = alpha[n, t, s] + beta[n, t, s] + loss[n] - row[labels[n, s]]
            for s in range(S):
                shares[s] = exp32_full(shares[s])
            for c in range(C):
                out[c] = exp32_full(row[c]) + ZERO * (loss[n] - row[c])  # NaN where one of them is infinite
            for s in range(S):
                out[labels[n, s]] -= shares[s]
            for c in range(C):
                out[c] *= grad_loss[n]


@njit(**SERIAL)
def gradient_share(
    workers, grad_loss, x, labels, input_lengths, target_lengths, alpha, beta, loss, grad_x, zero_infinity
):
    given = grad_loss, x, labels, input_lengths, target_lengths, alpha, beta, loss, grad_x, zero_infinity
    gradient(*given, 0, len(alpha))


@njit(**PARALLEL)
def gradient_shared(
    workers, grad_loss, x, labels, input_lengths, target_lengths, alpha, beta, loss, grad_x, zero_infinity
):
    given = grad_loss, x, labels, input_lengths, target_lengths, alpha, beta, loss, grad_x, zero_infinity
    for worker in prange(workers):
        gradient(*given, worker * len(alpha) // workers, (worker + 1) * len(alpha) // workers)
