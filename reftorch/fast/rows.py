"""Rows of a table, chosen and summed: whole rows are read and added, while the reference kernels go through single elements.

The loop over the elements of a row is innermost. These are neighbours in memory, so several elements are added at once. Sums are in
the data's type, as in PyTorch. The names are those of `nn/sparse/embedding.py` and `embedding_bag.py`.
"""

from __future__ import annotations

import numpy as np

from reftorch.kernel import PARALLEL, njit, prange
from reftorch.threads import by_size


def embedding_forward(reference, ids, weight, y):
    """y[n] = weight[ids[n]]: NumPy copies whole rows. The ids were checked before, so "clip" changes none, and avoids a second check."""
    np.take(weight, ids, axis=0, out=y, mode="clip")


@njit(**PARALLEL)
def _sums_of_segments(grad_y, order, start, grad_weight, by_frequency):
    V, D = grad_weight.shape
    for v in prange(V):
        total = grad_weight[v]
        for d in range(D):
            total[d] = 0
        for k in range(start[v], start[v + 1]):
            row = grad_y[order[k]]
            for d in range(D):
                total[d] += row[d]
        if by_frequency and start[v + 1] > start[v]:
            count = grad_y.dtype.type(start[v + 1] - start[v])
            for d in range(D):
                total[d] /= count


def embedding_backward_weight(reference, *arrays):
    by_size(_sums_of_segments)(*arrays)


@njit(**PARALLEL)
def _sums_of_bags(ids, first, share, weight, y):
    B, D = y.shape
    for b in prange(B):
        total = y[b]
        for d in range(D):
            total[d] = 0
        for n in range(first[b], first[b + 1]):
            row, factor = weight[ids[n]], share[n]
            for d in range(D):
                total[d] += factor * row[d]


def embedding_bag_forward(reference, *arrays):
    by_size(_sums_of_bags)(*arrays)


@njit(**PARALLEL)
def _sums_of_shares(grad_y, order, start, bag, share, grad_weight):
    V, D = grad_weight.shape
    for v in prange(V):
        total = grad_weight[v]
        for d in range(D):
            total[d] = 0
        for k in range(start[v], start[v + 1]):
            row, factor = grad_y[bag[order[k]]], share[order[k]]
            for d in range(D):
                total[d] += factor * row[d]


def embedding_bag_backward_weight(reference, *arrays):
    by_size(_sums_of_shares)(*arrays)
