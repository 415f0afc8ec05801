"""Runs a case with reftorch or with PyTorch. The same code serves both, because their interfaces are the same.

`prepare(library, case, device)` gives a job. Its methods `forward`, `backward`, `both`, `step` and `call` are timed.
Forward passes are recorded on the tape, as in training, and all inputs and parameters get a gradient.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from reftorch.bench.cases import CLIPPING, DROPOUTS, OPTIMIZERS, Case
from reftorch.bench.draw import Draw
from reftorch.bench.layer_job import LayerJob
from reftorch.bench.loss_jobs import LOSS_JOBS
from reftorch.bench.step_jobs import ClippingJob, LeNetJob, ModuleJob, OptimizerJob, SparseAdamJob


def find_torch(device: str = "cpu") -> ModuleType | None:
    """PyTorch, if it is installed and can use the device."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    return torch if device == "cpu" or torch.cuda.is_available() else None


def prepare(library: Any, case: Case, device: str = "cpu") -> Any:
    """The job of a case. The same numbers are drawn for every library."""
    return JOBS.get(case.component, LayerJob)(library, case, device)


class MatmulJob(LayerJob):
    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        factors = []
        for name, shape in (("a", case.x), ("b", case.options["b"])):
            turned = name in case.options["turned"]
            leaf = draw.normal(shape[::-1] if turned else shape, requires_grad=True)
            factors.append((leaf, turned))
        (self.x, a_turned), (b, b_turned) = factors
        matmul = draw.library.matmul
        return (
            lambda a: matmul(a.t() if a_turned else a, b.t() if b_turned else b),
            [self.x, b],
        )


class DropoutJob(LayerJob):
    """A layer that draws random numbers: masks, or windows."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        draw.library.manual_seed(0)  # the same in every library
        return super().build(draw, case)


class EmbeddingJob(LayerJob):
    """The input consists of indices of rows and has no gradient."""

    def __init__(self, library: Any, case: Case, device: str):
        draw = Draw(library, device)
        self.x = draw.classes(case.x, case.options["num_embeddings"])
        layer, _ = self.build(draw, case)
        self.layer, self.leaves = layer, list(layer.parameters())
        self.y = self.forward()
        self.grad_y = draw.normal(tuple(self.y.shape))


class NormalizeJob(LayerJob):
    MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        transforms = getattr(draw.library, "transforms", None)
        if transforms is not None:
            return transforms.Normalize(self.MEAN, self.STD), [self.x]
        return lambda x: self.in_torch(draw.library, x), [self.x]

    def in_torch(self, torch: Any, x: Any) -> Any:
        """PyTorch has no Normalize: this is the formula of torchvision."""
        mean = torch.as_tensor(self.MEAN, dtype=x.dtype, device=x.device).view(-1, 1, 1)
        std = torch.as_tensor(self.STD, dtype=x.dtype, device=x.device).view(-1, 1, 1)
        return x.clone().sub_(mean).div_(std)


class RecurrentJob(LayerJob):
    """The output at all time steps, without the last states."""

    def forward(self) -> Any:
        return self.layer(self.x)[0]


class CellJob(LayerJob):
    """One time step. The states before it get gradients too. An LSTMCell returns two states: the loss uses the first one, h."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        shape, lstm = (case.x[0], case.options["hidden_size"]), case.component == "LSTMCell"
        states = [draw.normal(shape, requires_grad=True) for _ in range(2 if lstm else 1)]
        cell, leaves = super().build(draw, case)
        call = (lambda x: cell(x, tuple(states))[0]) if lstm else (lambda x: cell(x, states[0]))
        return call, [*leaves, *states]


class PairJob(LayerJob):
    """A similarity or distance of two tensors of one shape."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        other = draw.normal(case.x, requires_grad=True)
        layer = getattr(draw.library.nn, case.component)(**case.options)
        return lambda x: layer(x, other), [self.x, other]


class BilinearJob(LayerJob):
    """Two inputs with the same number of rows."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        other = draw.normal((*case.x[:-1], case.options["in2_features"]), requires_grad=True)
        layer, leaves = super().build(draw, case)
        return lambda x: layer(x, other), [*leaves, other]


class AttentionJob(LayerJob):
    """Queries, keys and values of one shape."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        key, value = (draw.normal(case.x, requires_grad=True) for _ in range(2))
        attention = draw.library.nn.functional.scaled_dot_product_attention
        return lambda x: attention(x, key, value), [self.x, key, value]


class MultiheadAttentionJob(LayerJob):
    """Self-attention: queries, keys and values are one tensor. The result is the output alone, without the attention weights."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        options = dict(case.options)
        need_weights = options.pop("need_weights")
        layer = draw.fill(draw.library.nn.MultiheadAttention(**options))
        return lambda x: layer(x, x, x, need_weights=need_weights)[0], [self.x, *layer.parameters()]


class FunctionalJob(LayerJob):
    """A function of the input alone, with options."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        draw.library.manual_seed(0)  # gumbel_softmax draws random numbers: the same in every library
        function = getattr(draw.library.nn.functional, case.component)
        return lambda x: function(x, **case.options), [self.x]


class GridSampleJob(LayerJob):
    """Each output element is sampled at its own pixel's position, moved by about a pixel."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        N, C, *size = case.x
        places = [(2 * np.arange(extent, dtype=np.float32) + 1) / extent - 1 for extent in size]
        own = np.stack(np.meshgrid(*places, indexing="ij")[::-1], -1)
        moved = draw.random.standard_normal((N, *own.shape), np.float32) * np.float32(2 / max(size))
        grid = draw.tensor(own + moved, requires_grad=True)
        sample = draw.library.nn.functional.grid_sample
        return lambda x: sample(x, grid, **case.options, align_corners=False), [self.x, grid]


class LPPoolJob(LayerJob):
    """No element is below zero, as after a ReLU: so the sum of a window has a root for every norm."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        self.x = draw.shares(case.x, requires_grad=True)
        return super().build(draw, case)


class UnpoolJob(LayerJob):
    """The indices are those of the largest elements in the windows of a random input."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        nn, scale = draw.library.nn, case.options["kernel_size"]
        pool = getattr(nn, case.component.replace("Unpool", "Pool"))(**case.options, return_indices=True)
        N, C, *size = case.x
        _, index = pool(draw.normal((N, C, *(scale * extent for extent in size))))
        layer = getattr(nn, case.component)(**case.options)
        return lambda x: layer(x, index), [self.x]


class WeightJob(LayerJob):
    """A weight that is computed before each call of a layer; the layer itself only returns it. The input is the weight's shape."""

    def build(self, draw: Draw, case: Case) -> tuple[Callable, list]:
        nn, weight = draw.library.nn, self.x.detach()

        class Bare(nn.Module):  # type: ignore[name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(weight)

            def forward(self) -> Any:
                return self.weight

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are deprecated
            layer = draw.fill(getattr(nn.utils, case.component)(Bare()))
        return lambda x: layer(), list(layer.parameters())


class VectorJob(LayerJob):
    """The elements of all parameters in one vector."""

    def __init__(self, library: Any, case: Case, device: str):
        draw = Draw(library, device)
        self.x = self.leaves = [draw.normal(shape, requires_grad=True) for shape in case.options["params"]]
        self.layer = library.nn.utils.parameters_to_vector
        self.y = self.forward()
        self.grad_y = draw.normal(tuple(self.y.shape))


JOBS: dict[str, Callable] = {
    "matmul": MatmulJob,
    **dict.fromkeys((*DROPOUTS, "RReLU", "FractionalMaxPool2d", "FractionalMaxPool3d"), DropoutJob),
    **dict.fromkeys(("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"), UnpoolJob),
    **dict.fromkeys(("LPPool1d", "LPPool2d", "LPPool3d"), LPPoolJob),
    **dict.fromkeys(("affine_grid", "gumbel_softmax", "pdist"), FunctionalJob),
    "Bilinear": BilinearJob,
    "grid_sample": GridSampleJob,
    **dict.fromkeys(("weight_norm", "spectral_norm"), WeightJob),
    "parameters_to_vector": VectorJob,
    **dict.fromkeys(CLIPPING, ClippingJob),
    **dict.fromkeys(("Embedding", "EmbeddingBag"), EmbeddingJob),
    "Normalize": NormalizeJob,
    **LOSS_JOBS,
    **dict.fromkeys(("RNN", "LSTM", "GRU"), RecurrentJob),
    **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell"), CellJob),
    **dict.fromkeys(("CosineSimilarity", "PairwiseDistance"), PairJob),
    "scaled_dot_product_attention": AttentionJob,
    "MultiheadAttention": MultiheadAttentionJob,
    **dict.fromkeys(OPTIMIZERS, OptimizerJob),
    "SparseAdam": SparseAdamJob,
    "LeNet": LeNetJob,
    "Module": ModuleJob,
}


def disagreement(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest difference between two lists of results, each relative to the largest number of its array; a NaN is 1."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        scale = float(np.abs(b).max(initial=0.0)) or 1.0
        difference = float(np.abs(a - b).max(initial=0.0)) / scale
        worst = max(worst, difference if math.isfinite(difference) else 1.0)
    return worst
