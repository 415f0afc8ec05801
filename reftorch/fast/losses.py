r"""Losses with exponentials and logarithms, for many numbers at once.

The reference loop of such a loss spends nearly all its time in `math.exp` and `math.log`, one number after the other. The steps are
those of `activations.py`: polynomials replace these functions (`exponential.py`, `logarithm.py`), there is no branch, and each thread has
a share.

Float32 only; the reference kernel computes other dtypes. Each function computes the same as the kernel of the same name, whose file
explains the formulas: `bce_loss_forward` computes the same as `bce_loss_forward_cpu`. `_share` is serial, `_shared` distributes it.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.activations import dealt_out, piece_of, pieces_of
from reftorch.fast.curves import sigmoid32
from reftorch.fast.exponential import HALF, LARGEST, ONE, ZERO, exp32_full, log1p_unit32
from reftorch.fast.logarithm import INFINITY, log1m32, log32
from reftorch.fast.registers import INLINE, by_itself, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

LEAST = np.float32(-100)  # the smallest value of a logarithm in binary cross entropy


# ------------------------------------------------------------------------------- binary cross entropy of probabilities
@njit(**SERIAL)
def bce_loss_forward_share(x, target, loss):
    by_itself()
    for i in range(x.size):
        yes, no = log32(x[i]), log1m32(x[i])
        yes = LEAST if yes < LEAST else yes
        no = LEAST if no < LEAST else no
        loss[i] = (target[i] - ONE) * no - target[i] * yes


@njit(**PARALLEL)
def bce_loss_forward_shared(x, target, loss):
    for piece in prange(pieces_of(x)):
        bce_loss_forward_share(piece_of(x, piece), piece_of(target, piece), piece_of(loss, piece))


def bce_loss_forward(reference, x, target, loss):
    dealt_out(reference, bce_loss_forward_share, bce_loss_forward_shared, x, target, loss)


# -------------------------------------------------------------------------------------- binary cross entropy of logits
# Only with one `pos_weight` for all elements; otherwise the reference kernel does the work.
@njit(**SERIAL)
def bce_with_logits_loss_forward_share(x, target, loss, q):
    by_itself()
    for i in range(x.size):
        h = log1p_unit32(exp32_full(-abs(x[i]))) - (x[i] if x[i] < ZERO else ZERO)
        loss[i] = (ONE - target[i]) * x[i] + (ONE + (q - ONE) * target[i]) * h


@njit(**PARALLEL)
def bce_with_logits_loss_forward_shared(x, target, loss, q):
    for piece in prange(pieces_of(x)):
        bce_with_logits_loss_forward_share(piece_of(x, piece), piece_of(target, piece), piece_of(loss, piece), q)


def bce_with_logits_loss_forward(reference, x, target, pos_weight, loss):
    if pos_weight.size != 1:
        reference(x, target, pos_weight, loss)
        return
    dealt_out(
        lambda *_: reference(x, target, pos_weight, loss),
        bce_with_logits_loss_forward_share,
        bce_with_logits_loss_forward_shared,
        *(x, target, loss, pos_weight[0]),
    )


@njit(**SERIAL)
def bce_with_logits_loss_backward_x_share(grad_loss, x, target, grad_x, q):
    by_itself()
    for i in range(x.size):
        yes = q * target[i]
        grad_x[i] = grad_loss[i] * (sigmoid32(x[i]) * (ONE - target[i] + yes) - yes)


@njit(**PARALLEL)
def bce_with_logits_loss_backward_x_shared(grad_loss, x, target, grad_x, q):
    for piece in prange(pieces_of(x)):
        pieces = piece_of(grad_loss, piece), piece_of(x, piece), piece_of(target, piece), piece_of(grad_x, piece)
        bce_with_logits_loss_backward_x_share(*pieces, q)


def bce_with_logits_loss_backward_x(reference, grad_loss, x, target, pos_weight, grad_x):
    if pos_weight.size != 1:
        reference(grad_loss, x, target, pos_weight, grad_x)
        return
    dealt_out(
        lambda *_: reference(grad_loss, x, target, pos_weight, grad_x),
        bce_with_logits_loss_backward_x_share,
        bce_with_logits_loss_backward_x_shared,
        *(grad_loss, x, target, grad_x, pos_weight[0]),
    )


# ------------------------------------------------------------------------------------------------- soft margin loss
# If a score is far on the wrong side, the exponential overflows here, too: where z is infinite, so is the loss.
@njit(**SERIAL)
def soft_margin_loss_forward_share(x, target, loss):
    by_itself()
    for i in range(x.size):
        score = target[i] * x[i]
        safe = log1p_unit32(exp32_full(-abs(score))) - (score if score < ZERO else ZERO)
        z = exp32_full(-score)
        loss[i] = z if z == INFINITY else safe


@njit(**PARALLEL)
def soft_margin_loss_forward_shared(x, target, loss):
    for piece in prange(pieces_of(x)):
        soft_margin_loss_forward_share(piece_of(x, piece), piece_of(target, piece), piece_of(loss, piece))


def soft_margin_loss_forward(reference, x, target, loss):
    dealt_out(reference, soft_margin_loss_forward_share, soft_margin_loss_forward_shared, x, target, loss)


@njit(**SERIAL)
def soft_margin_loss_backward_x_share(grad_loss, x, target, grad_x):
    by_itself()
    for i in range(x.size):
        z = exp32_full(-target[i] * x[i])
        grad_x[i] = -grad_loss[i] * target[i] * (z / (ONE + z))


@njit(**PARALLEL)
def soft_margin_loss_backward_x_shared(grad_loss, x, target, grad_x):
    for piece in prange(pieces_of(x)):
        pieces = piece_of(grad_loss, piece), piece_of(x, piece), piece_of(target, piece), piece_of(grad_x, piece)
        soft_margin_loss_backward_x_share(*pieces)


def soft_margin_loss_backward_x(reference, *arguments):
    dealt_out(reference, soft_margin_loss_backward_x_share, soft_margin_loss_backward_x_shared, *arguments)


# ------------------------------------------------------------------------------------------ Kullback-Leibler divergence
@njit(**SERIAL)
def kl_div_loss_forward_share(x, target, loss, log_target):
    by_itself()
    if log_target:
        for i in range(x.size):
            loss[i] = exp32_full(target[i]) * (target[i] - x[i])
    else:
        for i in range(x.size):
            t = target[i]
            entropy = t * log32(t)
            loss[i] = (ZERO if t == ZERO else entropy) - t * x[i]


@njit(**PARALLEL)
def kl_div_loss_forward_shared(x, target, loss, log_target):
    for piece in prange(pieces_of(x)):
        kl_div_loss_forward_share(piece_of(x, piece), piece_of(target, piece), piece_of(loss, piece), log_target)


def kl_div_loss_forward(reference, *arguments):
    dealt_out(reference, kl_div_loss_forward_share, kl_div_loss_forward_shared, *arguments)


# ------------------------------------------------------------------------------------------------------ Poisson loss
# With log_input and without Stirling's term; the reference kernel computes the other cases.
@njit(**SERIAL)
def poisson_nll_loss_forward_share(x, target, loss):
    by_itself()
    for i in range(x.size):
        rate = exp32_full(x[i])
        rate = INFINITY if x[i] > LARGEST else rate  # so the rate is rounded before the subtraction
        loss[i] = rate - target[i] * x[i]


@njit(**PARALLEL)
def poisson_nll_loss_forward_shared(x, target, loss):
    for piece in prange(pieces_of(x)):
        poisson_nll_loss_forward_share(piece_of(x, piece), piece_of(target, piece), piece_of(loss, piece))


def poisson_nll_loss_forward(reference, x, target, loss, log_input, full, eps):
    if full or not log_input:
        reference(x, target, loss, log_input, full, eps)
        return
    dealt_out(
        lambda *_: reference(x, target, loss, log_input, full, eps),
        poisson_nll_loss_forward_share,
        poisson_nll_loss_forward_shared,
        *(x, target, loss),
    )


@njit(**SERIAL)
def poisson_nll_loss_backward_x_share(grad_loss, x, target, grad_x):
    by_itself()
    for i in range(x.size):
        grad_x[i] = grad_loss[i] * (exp32_full(x[i]) - target[i])


@njit(**PARALLEL)
def poisson_nll_loss_backward_x_shared(grad_loss, x, target, grad_x):
    for piece in prange(pieces_of(x)):
        pieces = piece_of(grad_loss, piece), piece_of(x, piece), piece_of(target, piece), piece_of(grad_x, piece)
        poisson_nll_loss_backward_x_share(*pieces)


def poisson_nll_loss_backward_x(reference, grad_loss, x, target, grad_x, log_input, eps):
    if not log_input:
        reference(grad_loss, x, target, grad_x, log_input, eps)
        return
    dealt_out(
        lambda *_: reference(grad_loss, x, target, grad_x, log_input, eps),
        poisson_nll_loss_backward_x_share,
        poisson_nll_loss_backward_x_shared,
        *(grad_loss, x, target, grad_x),
    )


# ------------------------------------------------------------------------------------------------------ Gaussian loss
@njit(**SERIAL)
def gaussian_nll_loss_forward_share(x, target, var, loss, eps, constant):
    by_itself()
    for i in range(x.size):
        v = eps if var[i] < eps else var[i]
        d = x[i] - target[i]
        loss[i] = HALF * (log32(v) + d * d / v) + constant


@njit(**PARALLEL)
def gaussian_nll_loss_forward_shared(x, target, var, loss, eps, constant):
    for piece in prange(pieces_of(x)):
        pieces = piece_of(x, piece), piece_of(target, piece), piece_of(var, piece), piece_of(loss, piece)
        gaussian_nll_loss_forward_share(*pieces, eps, constant)


def gaussian_nll_loss_forward(reference, x, target, var, loss, eps, constant):
    dealt_out(
        lambda *_: reference(x, target, var, loss, eps, constant),
        gaussian_nll_loss_forward_share,
        gaussian_nll_loss_forward_shared,
        *(x, target, var, loss, np.float32(eps), np.float32(constant)),
    )


# ---------------------------------------------------------------------------------------- multi-label soft margin loss
# The sum over the classes of a sample is one loop, so threads get whole samples.
WORK = 30  # multiply-adds that take as long as an element


def multi_label_soft_margin_loss_forward(reference, x, target, weight, loss):
    if x.dtype != np.float32:
        return reference(x, target, weight, loss)
    workers = threads_for(x.size * WORK, len(x))
    if workers == 1:
        multi_label_soft_margin_loss_forward_share(x, target, weight, loss, 0, len(x))
    else:
        multi_label_soft_margin_loss_forward_shared(workers, x, target, weight, loss)


@njit(**SERIAL)
def multi_label_soft_margin_loss_forward_share(x, target, weight, loss, first, last):
    by_itself()
    C = x.shape[1]
    for n in range(first, last):
        row, answers, acc = window(x[n], 0, C), window(target[n], 0, C), np.float64(0)
        if weight.size == 1:
            for c in range(C):
                acc += weight[0] * wrong_answer32(row[c], answers[c])
        else:
            weights = window(weight, n * C, C)
            for c in range(C):
                acc += weights[c] * wrong_answer32(row[c], answers[c])
        loss[n] = acc / C


@njit(**INLINE)
def wrong_answer32(x, t):
    """h + q |x| with h = log(1 + e^-|x|), and q = t where x is below 0, else 1 - t"""
    q = t if x < ZERO else ONE - t
    return log1p_unit32(exp32_full(-abs(x))) + q * abs(x)


@njit(**PARALLEL)
def multi_label_soft_margin_loss_forward_shared(workers, x, target, weight, loss):
    for worker in prange(workers):
        w, N = np.int64(worker), len(x)
        first, last = w * N // workers, (w + 1) * N // workers
        multi_label_soft_margin_loss_forward_share(x, target, weight, loss, first, last)


def multi_label_soft_margin_loss_backward_x(reference, grad_loss, x, target, weight, grad_x):
    if x.dtype != np.float32:
        return reference(grad_loss, x, target, weight, grad_x)
    workers = threads_for(x.size * WORK, len(x))
    if workers == 1:
        multi_label_soft_margin_loss_backward_x_share(grad_loss, x, target, weight, grad_x, 0, len(x))
    else:
        multi_label_soft_margin_loss_backward_x_shared(workers, grad_loss, x, target, weight, grad_x)


@njit(**SERIAL)
def multi_label_soft_margin_loss_backward_x_share(grad_loss, x, target, weight, grad_x, first, last):
    by_itself()
    C = x.shape[1]
    for n in range(first, last):
        row, answers, result = window(x[n], 0, C), window(target[n], 0, C), window(grad_x[n], 0, C)
        if weight.size == 1:
            given = grad_loss[n] * weight[0]
            for c in range(C):
                result[c] = given * (sigmoid32(row[c]) - answers[c]) / np.float32(C)
        else:
            weights = window(weight, n * C, C)
            for c in range(C):
                result[c] = grad_loss[n] * weights[c] * (sigmoid32(row[c]) - answers[c]) / np.float32(C)


@njit(**PARALLEL)
def multi_label_soft_margin_loss_backward_x_shared(workers, grad_loss, x, target, weight, grad_x):
    for worker in prange(workers):
        w, N = np.int64(worker), len(x)
        first, last = w * N // workers, (w + 1) * N // workers
        multi_label_soft_margin_loss_backward_x_share(grad_loss, x, target, weight, grad_x, first, last)
