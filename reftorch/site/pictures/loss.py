"""The picture of a loss: its value over the prediction, for each kind of target, computed with its own kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import reftorch as torch
import reftorch.nn.functional as F

from ...kernel import debug
from ...step.components import Component
from .curve import Curve, curves, samples

Each = Callable[[Any], Any]


def _against(function: Callable[..., Any], target: float, x: Any) -> Any:
    """The loss of each element with this target."""
    return function(x, torch.full_like(x, target), reduction="none")


def _targets(function: Callable[..., Any], *targets: float) -> dict[str, Each]:
    return {f"target {target:g}": partial(_against, function, target) for target in targets}


def _first(function: Callable[..., Any], x: Any, **options: Any) -> Any:
    """Two classes with the scores x and 0; the first is the right one."""
    scores = torch.stack([x, torch.zeros_like(x)], 1)
    return function(scores, torch.zeros_like(x).long(), reduction="none", **options)


def _variance(variance: float, x: Any) -> Any:
    return F.gaussian_nll_loss(x, torch.zeros_like(x), torch.full_like(x, variance), reduction="none")


def _ranking(x: Any, target: Any, reduction: str) -> Any:
    return F.margin_ranking_loss(x, torch.zeros_like(x), target, margin=0.5, reduction=reduction)


def _cosine(x: Any, target: Any, reduction: str) -> Any:
    """Pairs of unit vectors in the plane with the cosines x."""
    first = torch.stack([torch.ones_like(x), torch.zeros_like(x)], 1)
    second = torch.stack([x, (1 - x * x).sqrt()], 1)
    return F.cosine_embedding_loss(first, second, target, reduction=reduction)


def _divergence(x: Any, target: Any, reduction: str) -> Any:
    return F.kl_div(x.log(), target, reduction=reduction)


def _likelihood(x: Any) -> Any:
    return F.nll_loss(torch.stack([x.log(), (1 - x).log()], 1), torch.zeros_like(x).long(), reduction="none")


def _in_one(x: Any) -> Any:
    """The scores are the input itself: the weight of the linear layer is the identity."""
    scores = torch.stack([x, torch.zeros_like(x)], 1)
    weight = torch.eye(2, dtype=x.dtype)
    return F.linear_cross_entropy(scores, weight, torch.zeros_like(x).long(), reduction="none")


def _lists(x: Any) -> Any:
    """Two classes with the scores x and 0; the list of right classes has only the first."""
    scores = torch.stack([x, torch.zeros_like(x)], 1)
    target = torch.stack([torch.zeros_like(x), -torch.ones_like(x)], 1).long()
    return F.multilabel_margin_loss(scores, target, reduction="none")


def _labels(x: Any, target: Any, reduction: str) -> Any:
    return F.multilabel_soft_margin_loss(x.unsqueeze(1), target.unsqueeze(1), reduction=reduction)


def _triplet(x: Any) -> Any:
    """An anchor at 0, the positive one at distance x, the negative one at distance 2, in one dimension."""
    zero = torch.zeros_like(x).unsqueeze(1)
    return F.triplet_margin_loss(zero, x.unsqueeze(1), zero + 2, reduction="none")


DISTANCE = "prediction - target"
# By file: the name of the axis, its range, and the curves by their names.
LOSSES: dict[str, tuple[str, float, float, dict[str, Each]]] = {
    "mse_loss": (DISTANCE, -3, 3, {"loss": partial(_against, F.mse_loss, 0)}),
    "l1_loss": (DISTANCE, -3, 3, {"loss": partial(_against, F.l1_loss, 0)}),
    "huber_loss": (DISTANCE, -3, 3, {"loss": partial(_against, F.huber_loss, 0)}),
    "smooth_l1_loss": (
        DISTANCE,
        -3,
        3,
        {f"beta = {beta:g}": partial(_against, partial(F.smooth_l1_loss, beta=beta), 0) for beta in (1.0, 2.0)},
    ),
    "bce_loss": ("predicted probability", 0.01, 0.99, _targets(F.binary_cross_entropy, 1, 0)),
    "bce_with_logits_loss": ("logit", -4, 4, _targets(F.binary_cross_entropy_with_logits, 1, 0)),
    "soft_margin_loss": ("prediction", -4, 4, _targets(F.soft_margin_loss, 1, -1)),
    "hinge_embedding_loss": ("distance", -2, 3, _targets(F.hinge_embedding_loss, 1, -1)),
    "margin_ranking_loss": ("first input - second input", -3, 3, _targets(_ranking, 1, -1)),
    "cosine_embedding_loss": ("cosine of the two inputs", -0.999, 0.999, _targets(_cosine, 1, -1)),
    "poisson_nll_loss": ("logarithm of the predicted rate", -2, 2, _targets(F.poisson_nll_loss, 0, 2)),
    "gaussian_nll_loss": (DISTANCE, -3, 3, {f"variance {v:g}": partial(_variance, v) for v in (0.5, 2.0)}),
    "kl_div_loss": ("predicted probability", 0.01, 0.99, _targets(_divergence, 0.8, 0.3)),
    "cross_entropy_loss": (
        "logit of the right class - logit of the other",
        -4,
        4,
        {
            "loss": partial(_first, F.cross_entropy),
            "label_smoothing = 0.2": partial(_first, F.cross_entropy, label_smoothing=0.2),
        },
    ),
    "nll_loss": ("predicted probability of the right class", 0.01, 0.99, {"loss": _likelihood}),
    "multi_margin_loss": (
        "score of the right class - score of the other",
        -3,
        3,
        {f"p = {p}": partial(_first, F.multi_margin_loss, p=p) for p in (1, 2)},
    ),
    "linear_cross_entropy_loss": ("logit of the right class - logit of the other", -4, 4, {"loss": _in_one}),
    "multi_label_margin_loss": ("score of the right class - score of the wrong one", -3, 3, {"loss": _lists}),
    "multi_label_soft_margin_loss": ("score of the one class", -4, 4, _targets(_labels, 1, 0)),
    "triplet_margin_loss": ("distance of the positive; the negative has distance 2", 0, 4, {"loss": _triplet}),
}


def values(component: Component) -> list[Curve]:
    """The curves; a single one over the distance from the target has its derivative beside it."""
    axis, low, high, each = LOSSES[component.file.stem]
    at = samples(low, high)
    found: list[Curve] = []
    with debug():
        for name, loss in each.items():
            x = torch.tensor(at, requires_grad=True)
            y = loss(x)
            found.append((name, list(at), list(y.detach().numpy())))
            if axis == DISTANCE and len(each) == 1:
                y.backward(torch.ones_like(y))
                found.append(("derivative", list(at), list(x.grad.numpy())))
    return found


def picture(component: Component, small: bool = False) -> str:
    """The curves over their axis."""
    axis = LOSSES[component.file.stem][0]
    found = values(component)
    title = f"{component.file.stem.replace('_', ' ')} over the {axis}"
    tells = "; ".join(f"{name}: {_told(xs, ys)}" for name, xs, ys in found)
    return curves(title, f"Curves over the {axis}. {tells}.", found, small, (axis, ""))


def _told(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Its value at the ends and in the middle."""
    return ", ".join(f"{ys[i]:.3g} at {xs[i]:.2g}" for i in np.linspace(0, len(xs) - 1, 3).astype(int))
