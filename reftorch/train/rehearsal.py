"""Compiles the kernels of a training before it begins. `ready.py` starts it in separate processes; no module imports this one."""

from __future__ import annotations

import sys

import reftorch
from reftorch import kernel
from reftorch.cli import parser
from reftorch.precompile import Count
from reftorch.train.command import prepare
from reftorch.train.loop import JUDGED_AT_ONCE, Run
from reftorch.train.options import settle, use_threads


def rehearse_images(run: Run) -> None:
    """The layers before the linear layers, forward and backward, on the images of a batch."""
    images = run.batches.dataset[: run.batches.batch_size][0]
    run.network.features(images).sum().backward()


def rehearse_classes(run: Run) -> None:
    """Steps of the linear layers, the loss and the optimizer, with the batch sizes of the training."""
    for images, batch, learns in (
        (run.size, run.batches.batch_size, True),
        (len(run.held_truth), JUDGED_AT_ONCE, False),
    ):
        size_of_a_batch = batch or images  # None: all at once
        for size in {min(size_of_a_batch, images), images % size_of_a_batch or size_of_a_batch}:
            features = reftorch.randn(size, run.network.linear1.in_features, requires_grad=learns)
            with reftorch.set_grad_enabled(learns):
                logits = run.network.classes(features)
                loss = run.criterion(logits, reftorch.zeros(size, dtype=reftorch.int64))
            if learns:
                loss.backward()
                run.optimizer.step()


PARTS = {"images": rehearse_images, "classes": rehearse_classes}


def main(half: str, *arguments: str) -> None:
    """Run the part of the training that this process compiles."""
    options = parser().parse_args(arguments)
    settle(options)
    use_threads(options)
    count = Count()
    with kernel.compiling(lambda name: print(f"compiling {name}") if count.told(name) else None):
        PARTS[half](prepare(options))


if __name__ == "__main__":
    main(*sys.argv[1:])
