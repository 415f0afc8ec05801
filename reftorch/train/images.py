"""Learning to classify images in ten classes: the digits that come with the package, or IDX files."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import reftorch
from reftorch import nn, optim
from reftorch.data import DataLoader, DistributedSampler, TensorDataset, hold_out, load_digits, load_idx
from reftorch.serialize import FileError
from reftorch.tensor import Tensor
from reftorch.train import ranks
from reftorch.train.loop import Run, TrainingError
from reftorch.train.network import CLASSES, SMALLEST, ConvNet
from reftorch.train.options import choose_device, data_name
from reftorch.train.report import class_table, confusion_matrix, confusion_table
from reftorch.train.weights import load_into, read


class ImageRun(Run):
    """A training on images. The right answer is a class."""

    things = "images"

    def learn(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.model(inputs)
        return self.criterion(logits, truth), logits.argmax(1)

    def judge(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.network(inputs)
        return self.criterion(logits, truth), logits.argmax(1)

    def introduction(self) -> str:
        return (
            f"{self.name}: {self.size:,} images to train on, {len(self.held_truth):,} held out, "
            f"of {self.facts['image_size']} pixels"
        )

    def results(self, answers: np.ndarray) -> Iterator[Any]:
        truth = self.held_truth.numpy()
        yield class_table(truth, answers, CLASSES)
        yield confusion_table(confusion_matrix(truth, answers, CLASSES))


def load_data(options: argparse.Namespace) -> list[Tensor]:
    """Training images and labels, held-out images and labels."""
    if options.data:
        (images, labels), (held_images, held_labels) = load_idx(options.data)
    else:
        all_images, all_labels = load_digits()
        chosen, held = hold_out(all_labels)
        images, labels, held_images, held_labels = (t[i] for i in (chosen, held) for t in (all_images, all_labels))
    height, width = images.shape[2:]
    if min(height, width) < SMALLEST:
        raise TrainingError(f"--data: expected images of at least {SMALLEST} x {SMALLEST}, found {height} x {width}")
    return [part[: options.limit] for part in (images, labels, held_images, held_labels)]


def prepare(options: argparse.Namespace, team: ranks.Team | None = None) -> ImageRun:
    """Load the data, make the network and, with --load, load its weights; on several ranks, divide the batches."""
    device = choose_device(options.device)
    arrays, loaded = read(options)
    images, labels, held_images, held_labels = load_data(options)
    pixels = images.numpy()
    mean, std = known_spread(options.load, loaded) or (
        float(pixels.mean(dtype=float)),
        float(pixels.std(dtype=float)),
    )
    if not std > 0:
        raise TrainingError("--data: expected different pixels, found that all pixels of the training images are equal")
    reftorch.manual_seed(options.seed)
    height, width = images.shape[2:]
    network = ConvNet(height, width, mean, std)
    load_into(network, options, arrays)
    network.to(device)
    generator = reftorch.Generator().manual_seed(options.seed)
    dataset = TensorDataset(images, labels)
    batches = DataLoader(dataset, options.batch_size, shuffle=True, generator=generator)
    if team:
        sampler = DistributedSampler(dataset, team.size, team.rank, seed=options.seed)
        batches = DataLoader(dataset, options.batch_size // team.size, sampler=sampler)
    return ImageRun(
        name=data_name(options),
        device=device,
        network=network,
        optimizer=optim.SGD(network.parameters(), lr=options.lr, momentum=options.momentum),
        criterion=nn.CrossEntropyLoss(),
        batches=batches,
        model=nn.parallel.DistributedDataParallel(network) if team else network,
        team=team,
        size=len(dataset),
        held_inputs=held_images,
        held_truth=held_labels,
        facts=facts(options, images, mean, std),
    )


def facts(options: argparse.Namespace, images: Tensor, mean: float, std: float) -> dict[str, str]:
    """The metadata to save with the weights: how they were trained, and how an image must be prepared for the network."""
    height, width = images.shape[2:]
    known = {
        "format": "pt",  # the arrays have PyTorch's layout; other libraries read this field
        "network": "reftorch.train.ConvNet",
        "data": data_name(options),
        "image_size": f"{height}x{width}",
        "mean": mean,
        "std": std,
        "loaded": Path(options.load).name if options.load else None,
    }
    known |= {name: getattr(options, name) for name in ("seed", "lr", "momentum", "batch_size", "limit", "ranks")}
    return {name: str(value) for name, value in known.items() if value is not None}


def known_spread(path: Any, loaded: dict[str, str]) -> tuple[float, float] | None:
    """Mean and standard deviation that loaded weights were trained with, if their file has them."""
    if "mean" not in loaded or "std" not in loaded:
        return None
    try:
        mean, std = float(loaded["mean"]), float(loaded["std"])
    except ValueError:
        mean, std = math.nan, math.nan
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        found = f"mean {loaded['mean']!r} and std {loaded['std']!r}"
        raise FileError(path, "a finite mean and a positive std among the metadata", found)
    return mean, std
