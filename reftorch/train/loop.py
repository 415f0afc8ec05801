"""The loop that teaches a network, the examination it takes after each round, and how to stop in between."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

import reftorch
from reftorch import nn, optim
from reftorch.data import DataLoader, TensorDataset
from reftorch.tensor import Tensor
from reftorch.train.network import ConvNet
from reftorch.train.report import Epoch, Progressing

JUDGED_AT_ONCE = 256  # held-out images


class TrainingError(Exception):
    """What the user asked for cannot be done, or failed; the message says what to do."""

    def __init__(self, message: str, exit_code: int = 2):
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class Run:
    """All that one training works with."""

    name: str
    device: Any
    network: ConvNet
    optimizer: optim.SGD
    criterion: nn.CrossEntropyLoss
    batches: DataLoader
    held_images: Tensor
    held_labels: Tensor
    facts: dict[str, str]  # saved with the weights
    steps: int = 0


def fit(run: Run, epochs: int, show: Progressing, stop: Stop) -> Iterator[Epoch]:
    """Train, one epoch at a time. An epoch that was broken off is not yielded.

    Raises:
        TrainingError: the loss became infinite or NaN.
        KeyboardInterrupt: `stop` was asked for.
    """
    for epoch in range(1, epochs + 1):
        show.start(epoch)
        run.network.train()
        seen, right, total = 0, 0, 0.0
        for images, labels in run.batches:
            images, labels = images.to(run.device), labels.to(run.device)
            run.optimizer.zero_grad()
            logits = run.network(images)
            loss = run.criterion(logits, labels)
            loss.backward()
            run.optimizer.step()
            run.steps += 1

            seen += len(labels)
            total += loss.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum().item())
            if not math.isfinite(total):
                raise TrainingError(f"the loss became {total} in epoch {epoch}: try a smaller --lr", 1)
            show.step(seen, total / seen, right / seen)
            stop.check()
        result = Epoch(epoch, total / seen, right / seen, *evaluate(run, stop))
        show.end(result)
        yield result


def evaluate(run: Run, stop: Stop) -> tuple[float, float, np.ndarray]:
    """Loss and accuracy on the held-out images, and the class that the network takes each of them for."""
    run.network.eval()
    total, answers = 0.0, []
    held_out = TensorDataset(run.held_images, run.held_labels)
    with reftorch.no_grad():
        for images, labels in DataLoader(held_out, JUDGED_AT_ONCE):
            logits = run.network(images.to(run.device))
            total += run.criterion(logits, labels.to(run.device)).item() * len(labels)
            answers.append(logits.argmax(1).cpu().numpy())
            stop.check()
    right = np.concatenate(answers) == run.held_labels.numpy()
    return total / len(held_out), float(right.mean()), np.concatenate(answers)


class Stop:
    """While it is entered, Ctrl-C (and SIGTERM) is kept until `check`, which raises KeyboardInterrupt.

    So the weights are never saved in the middle of an update. Before the first step, and at the second Ctrl-C, the exception
    comes at once.
    """

    def __init__(self, run: Run):
        self.run, self.asked = run, 0

    def __enter__(self) -> Stop:
        self.before = {number: signal.signal(number, self.ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def ask(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, number
        if again or self.run.steps == 0:
            raise KeyboardInterrupt

    def check(self) -> None:
        """The place to stop at.

        Raises:
            KeyboardInterrupt: it was asked for.
        """
        if self.asked:
            raise KeyboardInterrupt
