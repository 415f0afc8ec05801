r"""Attention, from the formula to the speed of the processor: $y_i = \sum_j p_{ij} v_j$ with $p_i = \mathrm{softmax}(s \, q_i k_j)$.

All rungs compute the same 2 N L S E multiply-adds and N L S exponentials. They differ in three points: whether all weights are stored, how
many numbers an instruction processes, and how often a key and a value are read. Arrays are C-contiguous and float32, (N, L, E) and
(N, S, E); $s = 1 / \sqrt{E}$; no mask, no dropout.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.fast import attention as finished
from reftorch.fast.attention import KEYS, weigh
from reftorch.fast.exponential import exp32
from reftorch.fast.matmul import pack_columns
from reftorch.fast.panels import exp_line, multiply_panels, pack_all_rows, unpack_columns
from reftorch.fast.registers import COLS, ROWS, scale_row, window
from reftorch.kernel import SERIAL, njit

FIRST, ONE = np.float32(-math.inf), np.float32(1)


# ## The formula
#
# Three loops for each query: the scores of all keys, and the largest one; their exponentials, and the sum; the sum of the values.
# Each loop goes over all keys, so the weights have to be stored in between. Their number is the number of queries times that of keys.
@njit(**SERIAL)
def formula(query, key, value, y):
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    scale, weights = np.float32(1 / math.sqrt(E)), np.empty((N, L, S), y.dtype)
    for n in range(N):
        for i in range(L):
            largest = FIRST
            for j in range(S):
                acc = y.dtype.type(0)
                for e in range(E):
                    acc += query[n, i, e] * key[n, j, e]
                weights[n, i, j] = acc * scale
                largest = max(largest, weights[n, i, j])
            total = np.float64(0)
            for j in range(S):
                weights[n, i, j] = math.exp(weights[n, i, j] - largest)
                total += weights[n, i, j]
            for d in range(D):
                acc = y.dtype.type(0)
                for j in range(S):
                    acc += weights[n, i, j] * value[n, j, d]
                y[n, i, d] = acc / total


# ## Loop order
#
# The sum of the values goes down a column, and reads another line of the cache at each step. With d in the innermost loop, a row of
# values, times one weight, is added to the row of y. Both are read in order, and an instruction processes as many numbers as a register
# holds. The exponentials of all keys are computed by a polynomial, also a register at a time.
@njit(**SERIAL)
def add_values(weights, values, row):
    """row += the sum of weights[j] times the row j of values"""
    for j in range(weights.size):
        weight, line = weights[j], window(values[j], 0, row.size)
        for d in range(row.size):
            row[d] += weight * line[d]


@njit(**SERIAL)
def scores_of(query, keys, scale, scores):
    """The scores of one query; returns the largest one."""
    largest = FIRST
    for j in range(scores.size):
        acc, line = np.float32(0), window(keys[j], 0, query.size)
        for e in range(query.size):
            acc += query[e] * line[e]
        scores[j] = acc * scale
        largest = max(largest, scores[j])
    return largest


@njit(**SERIAL)
def exponentials(scores, largest):
    """Each score becomes e^(score - largest); returns their sum."""
    for j in range(scores.size):
        scores[j] -= largest
    exp_line(scores)
    total = np.float64(0)
    for j in range(scores.size):
        total += scores[j]
    return total


@njit(**SERIAL)
def loop_order(query, key, value, y):
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    scale, weights = np.float32(1 / math.sqrt(E)), np.empty((N, L, S), y.dtype)
    for n in range(N):
        for i in range(L):
            own, row = window(weights[n, i], 0, S), window(y[n, i], 0, D)
            total = exponentials(own, scores_of(window(query[n, i], 0, E), key[n], scale, own))
            row[:] = 0
            add_values(own, value[n], row)
            row /= np.float32(total)


# ## Online softmax
#
# No weight is stored. A query takes one key after the other. After each key, its row of y is the result for the keys so far, times the sum
# of their exponentials. If a score is larger than all before it, the sums are multiplied by e^(old - new): then they are as if the new
# largest score had been subtracted from the start. The memory no longer grows with the square of the length. But exponentials are slow if
# they are computed one by one.
@njit(**SERIAL)
def online_softmax(query, key, value, y):
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    scale = np.float32(1 / math.sqrt(E))
    for n in range(N):
        for i in range(L):
            row, largest, total = window(y[n, i], 0, D), FIRST, np.float64(0)
            row[:] = 0
            for j in range(S):
                score = np.empty(1, y.dtype)
                top = max(largest, scores_of(window(query[n, i], 0, E), key[n, j : j + 1], scale, score))
                if top > largest:
                    factor = exp32(largest - top)
                    row *= factor
                    total, largest = total * factor, top
                score[0] = exp32(score[0] - largest)
                total += score[0]
                add_values(score, value[n, j : j + 1], row)
            row /= np.float32(total)


# ## Blocks of keys
#
# The same with KEYS keys at a time: one correction for all of them, their exponentials in one loop. A block of weights stays in the
# nearest cache.
@njit(**SERIAL)
def blocks_of_keys(query, key, value, y):
    (N, L, E), (S, D) = query.shape, value.shape[1:]
    scale, weights = np.float32(1 / math.sqrt(E)), np.empty(KEYS, y.dtype)
    for n in range(N):
        for i in range(L):
            row, largest, total = window(y[n, i], 0, D), FIRST, np.float64(0)
            row[:] = 0
            for j in range(0, S, KEYS):
                own = window(weights, 0, min(KEYS, S - j))
                top = max(largest, scores_of(window(query[n, i], 0, E), key[n, j : j + KEYS], scale, own))
                factor = exp32(largest - top)
                row *= factor
                total, largest = total * factor + exponentials(own, top), top
                add_values(own, value[n, j : j + KEYS], row)
            row /= np.float32(total)


# ## Tiles
#
# So far each query reads all keys and values. Now COLS queries are the columns of a tile, and keys are its rows: an element of a key is
# read once for COLS queries, and the sums stay in registers. Queries, keys and values are packed into panels in the order in which they are
# read. The scores are stored key by key, with COLS queries as neighbours. So they are already the panel that the product with the values
# reads, and the largest scores and the sums of COLS queries are rows.
@njit(**SERIAL)
def tiles(query, key, value, y):
    (N, L, E), (S, D), line = query.shape, value.shape[1:], y.reshape(y.size)
    scale, start = np.float32(1 / math.sqrt(E)), np.arange(max(E, KEYS)) * COLS
    keys, values = np.empty((S + ROWS) * E, y.dtype), np.empty((D + ROWS) * S, y.dtype)
    queries, weights = np.empty(E * COLS, y.dtype), np.empty(KEYS * COLS, y.dtype)
    sums = np.empty((D + ROWS) * COLS, y.dtype)
    tops, totals, factors = np.empty(COLS, y.dtype), np.empty(COLS, y.dtype), np.empty(COLS, y.dtype)
    for n in range(N):
        pack_all_rows(key[n], False, keys)
        pack_all_rows(value[n], True, values)
        for i in range(0, L, COLS):
            width = min(COLS, L - i)
            pack_columns(query[n], True, 0, E, i, width, queries)
            tops[:], totals[:], sums[:] = FIRST, 0, 0
            for j in range(0, S, KEYS):
                cols = min(KEYS, S - j)
                multiply_panels(window(keys, j * E, E * cols), E, cols, queries, start[:E], scale, weights, False)
                weigh(window(weights, 0, cols * COLS), tops, totals, factors)
                for d in range(D):
                    scale_row(window(sums, d * COLS, COLS), factors)
                multiply_panels(window(values, j * ROWS, D * S), S, D, weights, start[:cols], ONE, sums, True)
            for s in range(COLS):
                factors[s] = 1 / totals[s]
            for d in range(D):
                scale_row(window(sums, d * COLS, COLS), factors)
            unpack_columns(sums, D, width, line, (n * L + i) * D)


# ## The finished form
#
# `reftorch.fast.attention`: tiles, with masks and dropout, and the sequences divided among the cores. It saves two numbers for each
# query, from which the gradient computes the weights again.
def finished_form(query, key, value, y):
    (N, L, E), S = query.shape, key.shape[1]
    mask, keep, norms = np.zeros((1, L, S), y.dtype), np.ones((1, L, S), y.dtype), np.empty((N, L, 2), y.dtype)
    finished.attention_forward(None, query, key, value, mask, keep, norms, y, 1 / math.sqrt(E))


RUNGS = (
    ("the formula", formula),
    ("loop order", loop_order),
    ("online softmax", online_softmax),
    ("blocks of keys", blocks_of_keys),
    ("tiles", tiles),
    ("reftorch.fast", finished_form),
)
