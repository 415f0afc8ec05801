r"""A step of RMSprop without options.

The reference loop has five arrays and may write to four of them. A loop over whole registers needs a test that the arrays do not
overlap. For so many arrays LLVM does not generate the test, and the loop computes one element after the other, with a root and a division
for each. Without weight decay, momentum and centering a step has three arrays, so a register of elements is computed at once. With one of
these options, or `maximize`, the reference kernel does the work.

The compiler keeps the order of products, as in the reference kernel: $(1 - \alpha) \, g \cdot g$ fits into float32 where $g \cdot g$ does not.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.registers import by_itself, window
from reftorch.fast.workers import MEMORY, threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange


def rmsprop_step(reference, param, grad, square_avg, *others):
    """One step of one parameter, whose arrays are rows."""
    *_, lr, alpha, new, eps, weight_decay, momentum, centered, maximize = others
    if weight_decay != 0 or momentum > 0 or centered or maximize:
        return reference(param, grad, square_avg, *others)
    workers = threads_for(3 * param.size * MEMORY)
    if workers == 1:
        plain_step(param, grad, square_avg, lr, alpha, new, eps)
    else:
        plain_step_shared(workers, param, grad, square_avg, lr, alpha, new, eps)


IN_ORDER = {"fastmath": {"contract"}}


@njit(**{**SERIAL, **IN_ORDER})
def plain_step(param, grad, square_avg, lr, alpha, new, eps):
    by_itself()
    for i in range(param.size):
        g = grad[i]
        s = alpha * square_avg[i] + new * g * g
        square_avg[i] = s
        param[i] -= lr * (g / (math.sqrt(s) + eps))


@njit(**{**PARALLEL, **IN_ORDER})
def plain_step_shared(workers, param, grad, square_avg, lr, alpha, new, eps):
    size = param.size
    for worker in prange(workers):
        w = np.int64(worker)
        at, count = w * size // workers, (w + 1) * size // workers - w * size // workers
        part, given, state = window(param, at, count), window(grad, at, count), window(square_avg, at, count)
        plain_step(part, given, state, lr, alpha, new, eps)
