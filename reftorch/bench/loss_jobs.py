"""The jobs of losses. `targets` are the arguments of a loss that get no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reftorch.bench.cases import POINTWISE_LOSSES, Case
from reftorch.bench.draw import Draw
from reftorch.bench.layer_job import LayerJob


class ClassLossJob(LayerJob):
    """A loss whose target is a class."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        target = draw.classes(case.x[:1] + case.x[2:], case.x[1])
        self.targets = [target]
        criterion, leaves = super().build(draw, case)
        return lambda x: criterion(x, target), leaves


class AdaptiveLossJob(LayerJob):
    """Class `c` occurs in proportion to about 1 / (c + 1), as words do in texts. Of the results, only the loss is used."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        classes = (case.options["n_classes"] + 1) ** draw.random.random(case.x[:1]) - 1
        target = draw.tensor(classes.astype(np.int64))
        self.targets = [target]
        layer = draw.fill(draw.library.nn.AdaptiveLogSoftmaxWithLoss(**case.options))
        return lambda x: layer(x, target).loss, [self.x, *layer.parameters()]


class PointwiseLossJob(LayerJob):
    """A loss whose target has the shape of the input, with numbers from 0 to 1, or 1 and -1."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        two_sides = case.component in ("SoftMarginLoss", "HingeEmbeddingLoss")
        target = draw.signs(case.x) if two_sides else draw.shares(case.x)
        self.targets = [target]
        criterion = getattr(draw.library.nn, case.component)(**case.options)
        if case.component == "BCELoss":  # the input, too
            self.x = draw.shares(case.x, requires_grad=True)
        return lambda x: criterion(x, target), [self.x]


class CTCJob(LayerJob):
    """All samples have as many time steps and labels; class 0 is the blank."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        (T, N, C), labels = case.x, case.options["labels"]
        texts = draw.classes((N, labels), C - 1) + 1
        criterion = draw.library.nn.CTCLoss()
        return lambda x: criterion(x, texts, (T,) * N, (labels,) * N), [self.x]


class GaussianLossJob(LayerJob):
    """The variances are a second output of the network, and leaves too."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        target = draw.normal(case.x)
        var = draw.tensor(draw.random.random(case.x, np.float32) + np.float32(0.5), requires_grad=True)
        self.targets = [target]
        criterion = draw.library.nn.GaussianNLLLoss(**case.options)
        return lambda x: criterion(x, target, var), [self.x, var]


class MultiLabelLossJob(LayerJob):
    """Each sample has the same number of right classes; -1 follows them."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        (N, C), options = case.x, dict(case.options)
        labels = options.pop("labels")
        right = draw.random.random((N, C)).argsort(1)  # every class once, so that no two labels are the same
        target = draw.tensor(np.where(np.arange(C) < labels, right, -1))
        self.targets = [target]
        criterion = draw.library.nn.MultiLabelMarginLoss(**options)
        return lambda x: criterion(x, target), [self.x]


class PairLossJob(LayerJob):
    """Two inputs of one shape, and a 1 or -1 for each pair: of numbers to be ranked, or of vectors."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        other = draw.normal(case.x, requires_grad=True)
        target = draw.signs(case.x[:1] if case.component == "CosineEmbeddingLoss" else case.x)
        self.targets = [target]
        criterion = getattr(draw.library.nn, case.component)(**case.options)
        return lambda x: criterion(x, other, target), [self.x, other]


class TripletLossJob(LayerJob):
    """Anchors, vectors that belong to them, and vectors that do not."""

    targets: list[Any] = []

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        positive, negative = (draw.normal(case.x, requires_grad=True) for _ in range(2))
        criterion = getattr(draw.library.nn, case.component)(**case.options)
        return lambda x: criterion(x, positive, negative), [self.x, positive, negative]


class LinearLossJob(LayerJob):
    """A linear layer and its loss in one."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        target = draw.classes(case.x[:1], case.options["num_classes"])
        self.targets = [target]
        criterion, leaves = super().build(draw, case)
        return lambda x: criterion(x, target), leaves


LOSS_JOBS: dict[str, Callable] = {
    **dict.fromkeys(("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"), ClassLossJob),
    **dict.fromkeys((*POINTWISE_LOSSES, "MultiLabelSoftMarginLoss"), PointwiseLossJob),
    "CTCLoss": CTCJob,
    "GaussianNLLLoss": GaussianLossJob,
    "MultiLabelMarginLoss": MultiLabelLossJob,
    **dict.fromkeys(("MarginRankingLoss", "CosineEmbeddingLoss"), PairLossJob),
    **dict.fromkeys(("TripletMarginLoss", "TripletMarginWithDistanceLoss"), TripletLossJob),
    "LinearCrossEntropyLoss": LinearLossJob,
    "AdaptiveLogSoftmaxWithLoss": AdaptiveLossJob,
}
