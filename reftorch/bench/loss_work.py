"""The least cost of the losses, forward and backward: this is the part of `work.py` about losses.

A target is an index where it names a class; otherwise it consists of float32 numbers. The losses before the reduction are counted.
"""

from __future__ import annotations

import math

from reftorch.bench.cases import POINTWISE_LOSSES, Case
from reftorch.bench.costs import FLOAT, INDEX, Work


def cross_entropy(case: Case) -> tuple[Work, Work]:
    x, samples = math.prod(case.x), math.prod(case.x) // case.x[1]
    return Work(x, 2 * FLOAT * x + INDEX * samples), Work(x, 2 * FLOAT * x + INDEX * samples)


def pointwise_loss(case: Case) -> tuple[Work, Work]:
    x = math.prod(case.x)
    return Work(2 * x, 3 * FLOAT * x), Work(2 * x, 4 * FLOAT * x)


def ctc(case: Case) -> tuple[Work, Work]:
    (T, N, C), places = case.x, 2 * case.options["labels"] + 1
    x, steps = T * N * C, T * N * places
    return Work(3 * steps, FLOAT * (x + steps)), Work(4 * steps + x, FLOAT * (2 * x + 2 * steps))


def adaptive_loss(case: Case) -> tuple[Work, Work]:
    """A linear layer for all samples, and two layers for the samples of each cluster: about as many as `AdaptiveLossJob` draws."""
    (N, D), n_classes, cutoffs = case.x, case.options["n_classes"], case.options["cutoffs"]
    weights = D * (cutoffs[0] + len(cutoffs))
    operations = N * weights
    for i, (low, high) in enumerate(zip(cutoffs, (*cutoffs[1:], n_classes)), 1):
        fewer = D // 4**i
        cluster, part = fewer * (D + high - low), math.log((high + 1) / (low + 1)) / math.log(n_classes + 1)
        weights, operations = weights + cluster, operations + round(N * part) * cluster
    moved = FLOAT * (N * D + weights)
    return Work(operations, moved + FLOAT + INDEX * N), Work(2 * operations, 2 * moved + INDEX * N)


def nll(case: Case) -> tuple[Work, Work]:
    """Forward one number of each sample is read; backward all gradients are written."""
    x, samples = math.prod(case.x), math.prod(case.x) // case.x[1]
    return Work(samples, (2 * FLOAT + INDEX) * samples), Work(x, FLOAT * (x + samples) + INDEX * samples)


def multi_margin(case: Case) -> tuple[Work, Work]:
    """The score of each class is compared with that of the right one."""
    x, N = math.prod(case.x), case.x[0]
    return Work(2 * x, FLOAT * (x + N) + INDEX * N), Work(2 * x, FLOAT * (2 * x + N) + INDEX * N)


def multi_label_margin(case: Case) -> tuple[Work, Work]:
    """Each right class is compared with each wrong one."""
    (N, C), labels = case.x, case.options["labels"]
    pairs, x = N * labels * (C - labels), N * C
    return Work(2 * pairs, FLOAT * (x + N) + INDEX * x), Work(2 * pairs, FLOAT * (2 * x + N) + INDEX * x)


def multi_label_soft_margin(case: Case) -> tuple[Work, Work]:
    """Exponentials and logarithms as for single elements, and one loss for each sample."""
    x, N = math.prod(case.x), case.x[0]
    return Work(2 * x, FLOAT * (2 * x + N)), Work(2 * x, FLOAT * (3 * x + N))


def three_inputs(case: Case) -> tuple[Work, Work]:
    """Two leaves and a target, all of one shape, and as many losses; backward two gradients."""
    x = math.prod(case.x)
    return Work(3 * x, 4 * FLOAT * x), Work(4 * x, 6 * FLOAT * x)


def cosine_embedding(case: Case) -> tuple[Work, Work]:
    """Three sums of products for each pair of vectors; both gradients use them."""
    x, N = math.prod(case.x), case.x[0]
    return Work(3 * x, FLOAT * (2 * x + 2 * N)), Work(6 * x, FLOAT * (4 * x + 2 * N))


def triplet(case: Case) -> tuple[Work, Work]:
    """Two distances, and from them a number for each triplet."""
    x, N = math.prod(case.x), case.x[0]
    return Work(4 * x, FLOAT * (3 * x + N)), Work(6 * x, FLOAT * (6 * x + N))


def linear_cross_entropy(case: Case) -> tuple[Work, Work]:
    """A matrix product, and the loss of its elements, which need not be stored."""
    (N, D), C = case.x, case.options["num_classes"]
    operations, tensors = N * D * C, N * D + C * D
    return (
        Work(operations + N * C, FLOAT * (tensors + N) + INDEX * N),
        Work(2 * operations + N * C, FLOAT * (2 * tensors + N) + INDEX * N),
    )


LOSS_PARTS = {
    "CrossEntropyLoss": cross_entropy,
    **dict.fromkeys(POINTWISE_LOSSES, pointwise_loss),
    "CTCLoss": ctc,
    "NLLLoss": nll,
    "MultiMarginLoss": multi_margin,
    "MultiLabelMarginLoss": multi_label_margin,
    "MultiLabelSoftMarginLoss": multi_label_soft_margin,
    **dict.fromkeys(("GaussianNLLLoss", "MarginRankingLoss"), three_inputs),
    "CosineEmbeddingLoss": cosine_embedding,
    **dict.fromkeys(("TripletMarginLoss", "TripletMarginWithDistanceLoss"), triplet),
    "LinearCrossEntropyLoss": linear_cross_entropy,
    "AdaptiveLogSoftmaxWithLoss": adaptive_loss,
}
