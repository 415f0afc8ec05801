r"""Attention in blocks: $y = \mathrm{softmax}(s \, q k^T + m) \, v$ without the matrix of all weights in memory.

The reference loop takes one query after the other, and stores the weights of all of them for the gradient. The way up:

1. *Blocks*: QUERIES queries and KEYS keys at a time. Scores and outputs of a block are matrix products, by the tiles of `matmul.py`; a
   block of weights stays in the cache and is overwritten by the next one.
2. *Online softmax*: the largest score of a query is not known before the last block. So each block is computed with the largest score
   so far; when a later block has a larger one, what was summed up is multiplied by $e^{\text{old} - \text{new}}$.
3. *Two numbers for each query are kept* for the gradient, its largest score $\mu$ and the inverse of its sum $Z$. The gradient computes each
   block of weights again, $p_j = e^{a_j - \mu} / Z$: a product more, for $N L S$ numbers less.
4. *The mean $\nu$ needs no weights*: $\sum_j p_j \frac{\partial L}{\partial p_j} = \sum_d y_d \frac{\partial L}{\partial y_d}$, because
   $y$ is the sum of the values times the weights.
5. *Blocks that are masked as a whole are left out*: with a causal mask nearly half of them.
6. *Exponentials* of a whole row at once (`exponential.py`), and each thread has its own sequences.

Float32 only, and not for a few numbers; else the work is left to the reference kernel.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import exp32
from reftorch.fast.log_softmax import largest_of
from reftorch.fast.matmul import DEPTH, PANEL, multiply_share
from reftorch.fast.registers import COLS, INLINE, INNER, by_itself, rooms, window
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

QUERIES, KEYS = 64, 192
WORTH = 2048  # scores from which on this takes less time than the reference loops
MASKED = np.float32(-math.inf)


def attention_in_blocks(dtype, scores):
    """Whether the blocks pay for so many scores."""
    return dtype == np.float32 and scores >= WORTH


def attention_forward(reference, query, key, value, mask, keep, norms, y, scale):
    """y, and in `norms` (N, L, 2) for each query its largest score and 1 / the sum of its exponentials."""
    workers, of_a, scratch, panels = _rooms(query, key, value)
    rest = query, key, value, mask, keep, norms, y, np.float32(scale), PANEL, of_a
    if workers == 1:
        forward_share(0, len(query), *rest, scratch[0], panels[0])
    else:
        forward_shared(workers, *rest, scratch, panels)


def attention_backward(
    reference, query, key, value, mask, keep, norms, y, grad_y, grad_query, grad_key, grad_value, scale
):
    """The three gradients, from what forward has kept."""
    workers, of_a, scratch, panels = _rooms(query, key, value)
    inputs = query, key, value, mask, keep, norms, y, grad_y
    rest = *inputs, grad_query, grad_key, grad_value, np.float32(scale), PANEL, of_a
    if workers == 1:
        backward_share(0, len(query), *rest, scratch[0], panels[0])
    else:
        backward_shared(workers, *rest, scratch, panels)


def _rooms(query, key, value):
    """How many threads, and for each of them room for blocks of scores and products, and for the panels of a product."""
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    workers = threads_for(N * L * S * (E + D), N)
    depth = min(DEPTH, max(E, D, KEYS))
    of_a = KEYS * depth  # KEYS rows are whole tiles
    scratch = np.empty((workers, 2 * QUERIES * KEYS + KEYS * max(E, D)), np.float32)
    return workers, of_a, scratch, rooms(workers, of_a + depth * COLS, np.float32)


# ## Rung 1: products of blocks
@njit(**INLINE)
def block(line, start, rows, cols):
    """The matrix that begins at number `start` of the line."""
    return window(line, start, rows * cols).reshape(rows, cols)


@njit(**INLINE)
def add_block(y, product, scale):
    for i in range(y.shape[0]):
        row, line = window(y[i], 0, y.shape[1]), window(product[i], 0, y.shape[1])
        for d in range(row.size):
            row[d] += scale * line[d]


@njit(**INNER)
def scores_of(q, k, zeros, start, of_a, panels, scores):
    multiply_share(q, False, k, True, zeros, scores, 0, len(q), 0, len(k), start, panels, of_a)


# ## Rung 5: blocks that are masked as a whole
@njit(**INLINE)
def all_masked(mask, i0, rows, j0, cols):
    for i in range(i0, i0 + rows):
        line = window(mask[i], j0, cols)
        for j in range(cols):
            if line[j] != MASKED:
                return False
    return True


# ## Rung 2: the weights of a query in one block, by the largest score so far
#
# What is summed up in `y` and `totals` belongs to the largest score before; it is multiplied by e^(old - new).
@njit(**INLINE)
def weigh(row, mask, keep, scale, i, tops, totals, y):
    for j in range(row.size):
        row[j] = row[j] * scale + mask[j]
    top = max(tops[i], largest_of(row))
    shift = top if top != MASKED else np.float32(0)
    factor = exp32(tops[i] - shift)
    for j in range(row.size):
        row[j] = exp32(row[j] - shift)
    total = np.float64(0)
    for j in range(row.size):
        total += row[j]
        row[j] *= keep[j]
    tops[i], totals[i] = top, totals[i] * factor + total
    for d in range(y.size):
        y[d] *= factor


@njit(**SERIAL)
def forward_share(n0, n1, query, key, value, mask, keep, norms, y, scale, start, of_a, room, panels):
    by_itself()
    (L, E), (S, D) = query.shape[1:], value.shape[1:]
    q, k, v, out = query.reshape(query.size), key.reshape(key.size), value.reshape(value.size), y.reshape(y.size)
    zeros, tops, totals = np.zeros(max(KEYS, E, D), np.float32), np.empty(QUERIES, np.float32), np.empty(QUERIES)
    for n in range(n0, n1):
        own, kept = mask[n % mask.shape[0]], keep[n % keep.shape[0]]
        for i0 in range(0, L, QUERIES):
            rows = min(QUERIES, L - i0)
            sums = block(out, (n * L + i0) * D, rows, D)
            tops[:], totals[:], sums[:] = MASKED, 0, 0
            for j0 in range(0, S, KEYS):
                cols = min(KEYS, S - j0)
                if all_masked(own, i0, rows, j0, cols):
                    continue
                scores, product = block(room, 0, rows, cols), block(room, 2 * QUERIES * KEYS, rows, D)
                queries, keys = block(q, (n * L + i0) * E, rows, E), block(k, (n * S + j0) * E, cols, E)
                scores_of(queries, keys, zeros, start, of_a, panels, scores)
                for i in range(rows):
                    line, factors = window(own[i0 + i], j0, cols), window(kept[i0 + i], j0, cols)
                    weigh(window(scores[i], 0, cols), line, factors, scale, i, tops, totals, window(sums[i], 0, D))
                values = block(v, (n * S + j0) * D, cols, D)
                multiply_share(scores, False, values, False, zeros, product, 0, rows, 0, D, start, panels, of_a)
                add_block(sums, product, np.float32(1))
            for i in range(rows):
                some = totals[i] != 0  # not all keys are masked
                norms[n, i0 + i, 0] = tops[i] if some else 0
                norms[n, i0 + i, 1] = 1 / totals[i] if some else 1
                sums[i] *= norms[n, i0 + i, 1]


@njit(**PARALLEL)
def forward_shared(workers, query, key, value, mask, keep, norms, y, scale, start, of_a, scratch, panels):
    for worker in prange(workers):
        w, N = np.int64(worker), len(query)
        n0, n1 = w * N // workers, (w + 1) * N // workers
        forward_share(n0, n1, query, key, value, mask, keep, norms, y, scale, start, of_a, scratch[w], panels[w])


# ## Rungs 3 and 4: the weights again, and the gradients of the scores
#
# $$p_j = \frac{e^{a_j - \mu}}{Z} \qquad \frac{\partial L}{\partial a_j} = p_j \left( \frac{\partial L}{\partial p_j} - \nu \right)$$
@njit(**INLINE)
def weigh_again(weights, grad, mask, keep, scale, norm, y, grad_y):
    """`weights` holds dot products and becomes weights after dropout; `grad` holds dot products with values and becomes gradients."""
    mean = np.float64(0)
    for d in range(y.size):
        mean += y[d] * grad_y[d]
    nu, top, inverse = np.float32(mean), norm[0], norm[1]
    for j in range(weights.size):
        p = exp32(weights[j] * scale + mask[j] - top) * inverse
        grad[j] = p * (keep[j] * grad[j] - nu)
        weights[j] = p * keep[j]


@njit(**SERIAL)
def backward_block(q, k, v, grad, mask, keep, norms, y, i0, j0, scale, zeros, start, of_a, room, panels, dq, dk, dv):
    """Adds to the gradients of some queries, keys and values what they get from each other."""
    by_itself()
    (rows, E), (cols, D) = q.shape, v.shape
    scores, grads = block(room, 0, rows, cols), block(room, QUERIES * KEYS, rows, cols)
    scores_of(q, k, zeros, start, of_a, panels, scores)
    scores_of(grad, v, zeros, start, of_a, panels, grads)
    for i in range(rows):
        line, factors = window(mask[i0 + i], j0, cols), window(keep[i0 + i], j0, cols)
        row, row_grad = window(scores[i], 0, cols), window(grads[i], 0, cols)
        out, out_grad = window(y[i], 0, D), window(grad[i], 0, D)
        weigh_again(row, row_grad, line, factors, scale, norms[i0 + i], out, out_grad)
    product = block(room, 2 * QUERIES * KEYS, cols, D)
    multiply_share(scores, True, grad, False, zeros, product, 0, cols, 0, D, start, panels, of_a)
    add_block(dv, product, np.float32(1))
    product = block(room, 2 * QUERIES * KEYS, cols, E)
    multiply_share(grads, True, q, False, zeros, product, 0, cols, 0, E, start, panels, of_a)
    add_block(dk, product, scale)
    product = block(room, 2 * QUERIES * KEYS, rows, E)
    multiply_share(grads, False, k, False, zeros, product, 0, rows, 0, E, start, panels, of_a)
    add_block(dq, product, scale)


@njit(**SERIAL)
def backward_share(
    n0, n1, query, key, value, mask, keep, norms, y, grad_y, dq, dk, dv, scale, start, of_a, room, panels
):
    by_itself()
    (L, E), (S, D) = query.shape[1:], value.shape[1:]
    q, k, v, out = query.reshape(query.size), key.reshape(key.size), value.reshape(value.size), y.reshape(y.size)
    grad, all_dq = grad_y.reshape(grad_y.size), dq.reshape(dq.size)
    all_dk, all_dv = dk.reshape(dk.size), dv.reshape(dv.size)
    zeros = np.zeros(max(KEYS, E, D), np.float32)
    for n in range(n0, n1):
        own, kept, own_norms = mask[n % mask.shape[0]], keep[n % keep.shape[0]], norms[n]
        dq[n], dk[n], dv[n] = 0, 0, 0
        for i0 in range(0, L, QUERIES):
            rows, i = min(QUERIES, L - i0), n * L + i0
            for j0 in range(0, S, KEYS):
                cols, j = min(KEYS, S - j0), n * S + j0
                if all_masked(own, i0, rows, j0, cols):
                    continue
                backward_block(
                    block(q, i * E, rows, E), block(k, j * E, cols, E), block(v, j * D, cols, D),
                    block(grad, i * D, rows, D), own, kept, own_norms, block(out, i * D, rows, D),
                    i0, j0, scale, zeros, start, of_a, room, panels,
                    block(all_dq, i * E, rows, E), block(all_dk, j * E, cols, E), block(all_dv, j * D, cols, D),
                )  # fmt: skip


@njit(**PARALLEL)
def backward_shared(
    workers, query, key, value, mask, keep, norms, y, grad_y, dq, dk, dv, scale, start, of_a, scratch, panels
):
    for worker in prange(workers):
        w, N = np.int64(worker), len(query)
        n0, n1 = w * N // workers, (w + 1) * N // workers
        backward_share(
            n0,
            n1,
            query,
            key,
            value,
            mask,
            keep,
            norms,
            y,
            grad_y,
            dq,
            dk,
            dv,
            scale,
            start,
            of_a,
            scratch[w],
            panels[w],
        )
