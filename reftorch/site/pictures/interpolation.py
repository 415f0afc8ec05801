"""The picture of an interpolation: the weight of an input element over its distance from the output's position, with its own kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

import reftorch as torch
import reftorch.nn.functional as F

from ...kernel import debug
from ...step.components import Component
from . import window
from .curve import curves

LONGER, SHORTER = (9, 180), (107, 13)  # elements of the input and of the output
REACH = {LONGER: 3.0, SHORTER: 26.0}  # the largest distance that is drawn

# By file: extents, and the curves by mode, beginning with that of the page. The number is the dimensions that a mode needs.
MODES: dict[str, tuple[tuple[int, int], list[str]]] = {
    "upsample_nearest": (LONGER, ["nearest", "linear"]),
    "upsample_linear1d": (LONGER, ["linear", "nearest"]),
    "upsample_bilinear2d": (LONGER, ["bilinear", "nearest"]),
    "upsample_trilinear3d": (LONGER, ["trilinear", "nearest"]),
    "upsample_bicubic2d": (LONGER, ["bicubic", "bilinear"]),
    "upsample_antialias2d": (SHORTER, ["bilinear", "bicubic", "lanczos"]),
    "interpolate": (LONGER, ["nearest", "linear", "bicubic"]),
}
DIMENSIONS = {"nearest": 1, "linear": 1, "bilinear": 2, "bicubic": 2, "lanczos": 2, "trilinear": 3}


def weights(mode: str, extents: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Distances along the last dimension, in elements of the input, and the weights there.

    In each sample of a batch, another element is 1 and the others are 0, so that the output is the weight of this element.
    """
    before, after = extents
    places = [before // 2] if after > before else list(range(before // 2 - 10, before // 2 + 11))
    ones = np.eye(before)[places].reshape(len(places), 1, *[1] * (DIMENSIONS[mode] - 1), before)
    options: dict[str, Any] = {} if mode == "nearest" else {"align_corners": False}
    options |= {"antialias": True} if after < before else {}
    if mode == "lanczos":
        options.pop("align_corners")
    with debug():
        y = F.interpolate(torch.tensor(ones), size=(*[1] * (DIMENSIONS[mode] - 1), after), mode=mode, **options)
    centres = (np.arange(after) + 0.5) * before / after
    distances = np.array(places)[:, None] + 0.5 - centres
    order = np.argsort(distances, axis=None)
    return distances.ravel()[order], y.numpy().reshape(len(places), after).ravel()[order]


def picture(component: Component) -> str:
    """The weights, and below them one element of the worked example."""
    extents, modes = MODES[component.file.stem]
    found = []
    for mode in modes:
        at, weight = weights(mode, extents)
        near = abs(at) <= REACH[extents]
        found.append((mode, at[near].tolist(), weight[near].tolist()))
    where = f"when {extents[0]} elements become {extents[1]}"
    tells = "; ".join(f"{mode}: {_told(np.array(at), np.array(weight))}" for mode, at, weight in found)
    said = f"The weight of an input element over its distance from the position of the output, {where}, along one dimension. {tells}."
    axes = ("distance, in elements of the input", "")
    return curves("Weights of the interpolation", said, found, axes=axes) + window.picture(component)


def _told(at: np.ndarray, weight: np.ndarray) -> str:
    """The weight near a few distances."""
    places = (0.05, 0.4, 0.6, 1.4) if at[-1] < 4 else (0.1, 4, 8, 12)
    return ", ".join(f"{weight[abs(at - place).argmin()] + 0.0:.2f} at {place:g}" for place in places)
