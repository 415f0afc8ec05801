r"""Attention in blocks: $y = \mathrm{softmax}(s \, q k^T + m) \, v$ without the matrix of all weights in memory.

The reference loop computes one query after the other, and stores the weights of all queries for the gradient. The steps
(`ladder/attention.py` has each idea alone):

1. *Online softmax*: the largest score of a query is known only after the last key. So keys are taken in blocks, with the largest
   score so far. If a later block has a larger score, the sums so far are multiplied by $e^{\text{old} - \text{new}}$. A block of
   weights stays in the cache and is overwritten by the next one.
2. *Two numbers for each query are saved* for the gradient: its largest score $\mu$ and the inverse of its sum $Z$. The gradient computes
   each block of weights again, $p_j = e^{a_j - \mu} / Z$. This is one more product, but saves $N L S$ numbers in memory.
3. *Tiles*: scores, outputs and all gradients are matrix products, computed with the tile of `tile.py`. It is COLS columns wide. Vectors
   have 32 or 64 elements, which is not a multiple of COLS. So the columns are never the elements of a vector, but queries or keys.
4. *Panels*: queries, keys and values are packed once for each sequence. Weights need no packing: forward, a tile of scores has COLS
   queries as its columns, and a column of them is what the product with the values reads as a panel. Backward, a tile has COLS keys as
   its columns, which the products for the gradients of keys and values read.
5. *The division by $Z$* is linear, so it is done before the loops, with the L D numbers of the gradient, and not with the L S weights.
6. *The mean $\nu$ needs no weights*: $\sum_j p_j \frac{\partial L}{\partial p_j} = \sum_d y_d \frac{\partial L}{\partial y_d}$, because
   $y$ is the sum of the values times the weights.
7. *Blocks that are completely masked are skipped*: with a causal mask nearly half of them. A mask of zeros is not added.
8. *Exponentials* of a whole block at once (`exponential.py`), and each thread has its own sequences.

Float32 only, and only for enough scores; otherwise the reference kernel does the work.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast.exponential import exp32
from reftorch.fast.matmul import pack_columns
from reftorch.fast.panels import (
    add_line,
    block,
    exp_line,
    multiply_line,
    multiply_panels,
    pack_all_columns,
    pack_all_rows,
    scale_line,
    take,
    unpack_columns,
    whole,
)
from reftorch.fast.registers import (
    COLS,
    INNER,
    ROWS,
    add_scaled,
    aligned,
    by_itself,
    copy_row,
    local_array,
    raise_row,
    rooms,
    scale_row,
    window,
)
from reftorch.fast.workers import threads_for
from reftorch.kernel import PARALLEL, SERIAL, njit, prange

QUERIES, KEYS = 96, 96  # of a block: whole tiles of every processor
WORTH = 2048  # scores: with more, this takes less time than the reference loops
MASKED, ZERO, ONE = np.float32(-math.inf), np.float32(0), np.float32(1)
NO_MASK, SOME_MASKED, ALL_MASKED = 0, 1, 2  # the kind of the mask in a block


def attention_in_blocks(dtype, scores):
    """Whether the blocks take less time than the reference loops, for this number of scores."""
    return dtype == np.float32 and scores >= WORTH


def attention_forward(reference, query, key, value, mask, keep, norms, y, scale):
    """y, and in `norms` (N, L, 2) for each query its largest score and 1 / the sum of its exponentials."""
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    D_rows, S_rows = whole.py_func(D, ROWS), whole.py_func(S, ROWS)
    size = (E + 2 * KEYS + D_rows + 3) * COLS + S_rows * E + D_rows * S
    rest = (
        query,
        key,
        value,
        mask,
        masked_blocks(mask, COLS),
        keep,
        bool((keep != 1).any()),
        norms,
        y,
        np.float32(scale),
    )
    run(forward_share, forward_shared, N, N * L * S * (E + D), size, *rest, lines_of(E, D))


def attention_backward(
    reference, query, key, value, mask, keep, norms, y, grad_y, grad_query, grad_key, grad_value, scale
):
    """The three gradients, from the numbers that forward has saved."""
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    E_rows, D_rows, L_rows = (whole.py_func(size, ROWS) for size in (E, D, L))
    L_columns, S_columns = whole.py_func(L, COLS), whole.py_func(S, COLS)
    of_queries = L * (D + 2) + L_rows * (E + D) + (E_rows + D_rows) * L + E_rows * L_columns
    of_keys = E_rows * S + S_columns * (E + D) + (E_rows + D_rows) * KEYS
    size = of_queries + of_keys + 4 * QUERIES * KEYS
    inputs = query, key, value, mask, masked_blocks(mask, QUERIES), keep, bool((keep != 1).any()), norms, y, grad_y
    rest = *inputs, grad_query, grad_key, grad_value, np.float32(scale)
    run(backward_share, backward_shared, N, N * L * S * (E + D), size, *rest, lines_of(E, D))


def run(share, shared, N, work, size, *rest):
    """All sequences on one thread, or a share of them on each thread."""
    workers = threads_for(work, N)
    scratch = rooms(workers, size + 20 * 16, np.float32)  # each of up to 20 windows starts with a line of the cache
    if workers == 1:
        share(0, N, *rest, scratch[0])
    else:
        shared(workers, *rest, scratch)


def lines_of(E, D):
    """The starts of the rows of a panel."""
    return np.arange(max(E, D, QUERIES, KEYS)) * COLS


# ## Idea 7: the kind of the mask in each block
def masked_blocks(mask, queries):
    """NO_MASK, SOME_MASKED or ALL_MASKED, for each mask and each block of so many queries and KEYS keys."""
    N, L, S = mask.shape
    states = np.empty((N, -(-L // queries), -(-S // KEYS)), np.int64)
    find_masked(mask, queries, states)
    return states


@njit(**SERIAL)
def find_masked(mask, queries, states):
    by_itself()
    N, L, S = mask.shape
    for n in range(N):
        for i0 in range(0, L, queries):
            for j0 in range(0, S, KEYS):
                rows, cols = min(queries, L - i0), min(KEYS, S - j0)
                zeros, hidden = np.int64(0), np.int64(0)
                for i in range(i0, i0 + rows):
                    line = window(mask[n, i], j0, cols)
                    for j in range(cols):
                        zeros += line[j] == ZERO
                        hidden += line[j] == MASKED
                state = NO_MASK if zeros == rows * cols else ALL_MASKED if hidden == rows * cols else SOME_MASKED
                states[n, i0 // queries, j0 // KEYS] = state


# ## Idea 1: the weights of COLS queries in one block, by the largest scores so far
#
# The sums so far were computed with the old largest scores: `factors` is e^(old - new).
@njit(**INNER)
def weigh(scores, tops, totals, factors):
    by_itself()
    row, shift = local_array(1, COLS, scores.dtype), local_array(1, COLS, scores.dtype)
    copy_row(row[0], tops)
    for at in range(0, scores.size, COLS):
        raise_row(row[0], window(scores, at, COLS))
    for s in range(COLS):
        top = row[0, s]
        shift[0, s] = -top if top != MASKED else ZERO
        factors[s] = exp32(tops[s] + shift[0, s])
        tops[s] = top
    for at in range(0, scores.size, COLS):
        add_scaled(window(scores, at, COLS), ONE, shift[0])
    exp_line(scores)
    for s in range(COLS):
        row[0, s] = 0
    for at in range(0, scores.size, COLS):
        add_scaled(row[0], ONE, window(scores, at, COLS))
    for s in range(COLS):
        totals[s] = totals[s] * factors[s] + row[0, s]


@njit(**SERIAL)
def forward_panel(
    panels, mask, states, keep, dropout, scale, i0, width, sizes, start, weights, others, sums, tops, totals, factors
):
    """sums[d, s] of e^(score - top) times values, for COLS queries and all keys."""
    by_itself()
    (queries, keys, values), (S, E, D) = panels, sizes
    tops[:], totals[:], sums[:] = MASKED, ZERO, ZERO
    for j0 in range(0, S, KEYS):
        cols, state = min(KEYS, S - j0), states[j0 // KEYS]
        if state == ALL_MASKED:
            continue
        scores = window(weights, 0, cols * COLS)
        multiply_panels(window(keys, j0 * E, E * KEYS), E, cols, queries, start[:E], scale, weights, False)
        if state == SOME_MASKED:
            pack_columns(mask, True, j0, cols, i0, width, others)
            add_line(scores, others)
        weigh(scores, tops, totals, factors)
        if dropout:
            pack_columns(keep, True, j0, cols, i0, width, others)
            multiply_line(scores, others)
        for d in range(D if j0 > 0 else 0):
            scale_row(window(sums, d * COLS, COLS), factors)
        multiply_panels(window(values, j0 * ROWS, D * S), S, D, weights, start[:cols], ONE, sums, True)


@njit(**SERIAL)
def forward_share(n0, n1, query, key, value, mask, states, keep, dropout, norms, y, scale, start, scratch):
    by_itself()
    (L, E), (S, D), room, line = query.shape[1:], value.shape[1:], aligned(scratch), y.reshape(y.size)
    queries, at = take(room, 0, E * COLS)
    keys, at = take(room, at, whole(S, ROWS) * E)
    values, at = take(room, at, whole(D, ROWS) * S)
    weights, at = take(room, at, KEYS * COLS)
    others, at = take(room, at, KEYS * COLS)
    sums, at = take(room, at, whole(D, ROWS) * COLS)
    tops, totals, factors = window(room, at, COLS), window(room, at + COLS, COLS), window(room, at + 2 * COLS, COLS)
    for n in range(n0, n1):
        own, kept, state = mask[n % mask.shape[0]], keep[n % keep.shape[0]], states[n % mask.shape[0]]
        pack_all_rows(key[n], False, keys)
        pack_all_rows(value[n], True, values)
        for i0 in range(0, L, COLS):
            width = min(COLS, L - i0)
            pack_columns(query[n], True, 0, E, i0, width, queries)
            forward_panel(
                (queries, keys, values), own, state[i0 // COLS], kept, dropout, scale, i0, width, (S, E, D),
                start, weights, others, sums, tops, totals, factors,
            )  # fmt: skip
            for s in range(COLS):
                some = totals[s] != 0  # not all keys are masked
                factors[s] = 1 / totals[s] if some else ONE
                if s < width:
                    norms[n, i0 + s, 0], norms[n, i0 + s, 1] = tops[s] if some else ZERO, factors[s]
            for d in range(D):
                scale_row(window(sums, d * COLS, COLS), factors)
            unpack_columns(sums, D, width, line, (n * L + i0) * D)


@njit(**PARALLEL)
def forward_shared(workers, query, key, value, mask, states, keep, dropout, norms, y, scale, start, scratch):
    for worker in prange(workers):
        w, N = np.int64(worker), len(query)
        n0, n1 = w * N // workers, (w + 1) * N // workers
        forward_share(n0, n1, query, key, value, mask, states, keep, dropout, norms, y, scale, start, scratch[w])


# ## Ideas 2, 5 and 6: the weights again, and the gradients of the scores
#
# $$Z p_j = e^{a_j - \mu} \qquad
# \frac{\partial L}{\partial a_j} = Z p_j \left( \frac{1}{Z} \frac{\partial L}{\partial p_j} - \frac{\nu}{Z} \right)$$
#
# The gradient of y has been divided by Z before, and so have the gradients of the weights and $\nu$.
@njit(**INNER)
def weigh_again(weights, grads, tops, means, keep, dropout):
    """`weights` holds scores and becomes weights after dropout; `grads` holds products with values and becomes gradients of scores."""
    by_itself()
    ones = local_array(1, COLS, weights.dtype)
    for s in range(COLS):
        ones[0, s] = 1
    for i in range(tops.size):
        add_scaled(window(weights, i * COLS, COLS), -tops[i], ones[0])
    exp_line(weights)
    if dropout:
        multiply_line(grads, keep)
    for i in range(means.size):
        row = window(grads, i * COLS, COLS)
        add_scaled(row, -means[i], ones[0])
        scale_row(row, window(weights, i * COLS, COLS))
    if dropout:
        multiply_line(weights, keep)


@njit(**SERIAL)
def backward_block(panels, mask, masked, keep, dropout, scale, tops, means, i0, j0, sizes, start, scratch, sums):
    """Adds the contributions of some queries and some keys to the gradients of queries, keys and values."""
    by_itself()
    (q_rows, g_rows, q_turned, g_turned, k_turned, k_columns, v_columns), (L, S, E, D) = panels, sizes
    (all_weights, all_grads, turned, others), (dq, dk, dv) = scratch, sums
    rows, cols = min(QUERIES, L - i0), min(KEYS, S - j0)
    for j in range(0, cols, COLS):
        at, width = j * QUERIES, min(COLS, cols - j)
        weights, grads = window(all_weights, at, rows * COLS), window(all_grads, at, rows * COLS)
        queries, grad_y = window(q_rows, i0 * E, rows * E), window(g_rows, i0 * D, rows * D)
        multiply_panels(queries, E, rows, window(k_columns, (j0 + j) * E, E * COLS), start[:E], scale, weights, False)
        multiply_panels(grad_y, D, rows, window(v_columns, (j0 + j) * D, D * COLS), start[:D], ONE, grads, False)
        if masked:
            pack_columns(mask, False, i0, rows, j0 + j, width, others)
            add_line(weights, others)
        if dropout:
            pack_columns(keep, False, i0, rows, j0 + j, width, others)
        own = window(tops, i0, rows), window(means, i0, rows)
        weigh_again(weights, grads, *own, window(others, 0, rows * COLS), dropout)
        for i in range(0, rows, COLS):
            place = window(turned, i * KEYS + j * COLS, width * COLS)
            pack_columns(block(grads, 0, rows, COLS), True, 0, width, i, min(COLS, rows - i), place)
        of_value, of_key = window(dv, j * whole(D, ROWS), D * COLS), window(dk, j * whole(E, ROWS), E * COLS)
        multiply_panels(window(g_turned, i0 * ROWS, D * L), L, D, weights, start[:rows], ONE, of_value, True)
        multiply_panels(window(q_turned, i0 * ROWS, E * L), L, E, grads, start[:rows], scale, of_key, True)
    for i in range(0, rows, COLS):
        of_query, of_scores = window(dq, (i0 + i) * whole(E, ROWS), E * COLS), window(turned, i * KEYS, cols * COLS)
        multiply_panels(window(k_turned, j0 * ROWS, E * S), S, E, of_scores, start[:cols], scale, of_query, True)


@njit(**SERIAL)
def pack_sequence(query, key, value, grad_y, y, norms, room):
    """All panels of one sequence; the largest scores and the means of its queries; and the index of the first free number of the room."""
    by_itself()
    (L, E), (S, D) = query.shape, value.shape
    divided, at = take(room, 0, L * D)
    tops, at = take(room, at, L)
    means, at = take(room, at, L)
    q_rows, at = take(room, at, whole(L, ROWS) * E)
    g_rows, at = take(room, at, whole(L, ROWS) * D)
    q_turned, at = take(room, at, whole(E, ROWS) * L)
    g_turned, at = take(room, at, whole(D, ROWS) * L)
    k_turned, at = take(room, at, whole(E, ROWS) * S)
    k_columns, at = take(room, at, whole(S, COLS) * E)
    v_columns, at = take(room, at, whole(S, COLS) * D)
    for i in range(L):
        row, out, mean = window(divided, i * D, D), window(y[i], 0, D), np.float64(0)
        scale_line(row, window(grad_y[i], 0, D), norms[i, 1])
        for d in range(D):
            mean += row[d] * out[d]
        tops[i], means[i] = norms[i, 0], mean
    pack_all_rows(query, False, q_rows)
    pack_all_rows(block(divided, 0, L, D), False, g_rows)
    pack_all_rows(query, True, q_turned)
    pack_all_rows(block(divided, 0, L, D), True, g_turned)
    pack_all_rows(key, True, k_turned)
    pack_all_columns(key, k_columns)
    pack_all_columns(value, v_columns)
    return (q_rows, g_rows, q_turned, g_turned, k_turned, k_columns, v_columns), tops, means, at


@njit(**SERIAL)
def backward_share(
    n0, n1, query, key, value, mask, states, keep, dropout, norms, y, grad_y, dq, dk, dv, scale, start, scratch
):
    by_itself()
    (L, E), (S, D), room = query.shape[1:], value.shape[1:], aligned(scratch)
    E_rows, D_rows = whole(E, ROWS), whole(D, ROWS)
    all_dq, all_dk, all_dv = dq.reshape(dq.size), dk.reshape(dk.size), dv.reshape(dv.size)
    for n in range(n0, n1):
        own, kept, state = mask[n % mask.shape[0]], keep[n % keep.shape[0]], states[n % mask.shape[0]]
        panels, tops, means, at = pack_sequence(query[n], key[n], value[n], grad_y[n], y[n], norms[n], room)
        of_query, at = take(room, at, E_rows * whole(L, COLS))
        of_key, at = take(room, at, E_rows * KEYS)
        of_value, at = take(room, at, D_rows * KEYS)
        weights, at = take(room, at, QUERIES * KEYS)
        grads, at = take(room, at, QUERIES * KEYS)
        turned, at = take(room, at, QUERIES * KEYS)
        others, at = take(room, at, QUERIES * KEYS)
        of_query[:] = 0
        for j0 in range(0, S, KEYS):
            of_key[:], of_value[:] = 0, 0
            for i0 in range(0, L, QUERIES):
                found = state[i0 // QUERIES, j0 // KEYS]
                if found != ALL_MASKED:
                    backward_block(
                        panels, own, found == SOME_MASKED, kept, dropout, scale, tops, means, i0, j0, (L, S, E, D),
                        start, (weights, grads, turned, others), (of_query, of_key, of_value),
                    )  # fmt: skip
            for j in range(0, min(KEYS, S - j0), COLS):
                width, first = min(COLS, S - j0 - j), n * S + j0 + j
                unpack_columns(window(of_key, j * E_rows, E * COLS), E, width, all_dk, first * E)
                unpack_columns(window(of_value, j * D_rows, D * COLS), D, width, all_dv, first * D)
        for i in range(0, L, COLS):
            unpack_columns(window(of_query, i * E_rows, E * COLS), E, min(COLS, L - i), all_dq, (n * L + i) * E)


@njit(**PARALLEL)
def backward_shared(
    workers, query, key, value, mask, states, keep, dropout, norms, y, grad_y, dq, dk, dv, scale, start, scratch
):
    for worker in prange(workers):
        w, N = np.int64(worker), len(query)
        n0, n1 = w * N // workers, (w + 1) * N // workers
        of_worker = norms, y, grad_y, dq, dk, dv, scale, start, scratch[w]
        backward_share(n0, n1, query, key, value, mask, states, keep, dropout, *of_worker)
