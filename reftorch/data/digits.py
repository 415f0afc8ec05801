"""The 8 by 8 handwritten digits that come with the package; `digits.md` beside this file names their source and licence."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import reftorch
from reftorch.tensor import Tensor

INK = 16  # the darkest pixel


def load_digits() -> tuple[Tensor, Tensor]:
    """The images, float32 (1797, 1, 8, 8) from 0 (background) to 1 (ink), and the labels, int64 (1797,) from 0 to 9.

    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits. UCI Machine Learning Repository, 1998. CC BY 4.0.
    """
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        images, labels = file["images"], file["labels"]
    return as_tensors(images, labels, INK)


def as_tensors(images: np.ndarray, labels: np.ndarray, white: int) -> tuple[Tensor, Tensor]:
    """Bytes (N, H, W) from 0 to `white` and (N,) as a network takes them: float32 (N, 1, H, W) from 0 to 1, and int64."""
    pixels = images[:, None].astype(np.float32)
    pixels /= np.float32(white)
    return reftorch.from_numpy(pixels), reftorch.from_numpy(labels.astype(np.int64))


def hold_out(labels: Tensor, every: int = 5) -> tuple[Tensor, Tensor]:
    """Which images to train on and which to keep for judging: two int64 tensors of indices in ascending order.

    The fifth, tenth, ... image of each class is kept, so every class is held out in proportion. No seed is involved: two
    runs with different seeds can be compared, and weights that are loaded have never seen the images they are judged by.
    """
    classes = labels.numpy()
    kept = np.zeros(classes.shape, bool)
    for c in np.unique(classes):
        kept[np.flatnonzero(classes == c)[every - 1 :: every]] = True
    return reftorch.from_numpy(np.flatnonzero(~kept)), reftorch.from_numpy(np.flatnonzero(kept))
