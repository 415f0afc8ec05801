"""The training loop, the evaluation on held-out samples after each epoch, and how to interrupt the training."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import reftorch
from reftorch import nn, optim
from reftorch.data import DataLoader, TensorDataset
from reftorch.tensor import Tensor
from reftorch.train.report import Epoch, Progressing

JUDGED_AT_ONCE = 256  # held-out samples


class TrainingError(Exception):
    """The options cannot be used, or the training failed; the message says what to do."""

    def __init__(self, message: str, exit_code: int = 2):
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class Run:
    """The objects of one training. A subclass for each kind of data defines the loss and the output."""

    name: str
    device: Any
    network: nn.Module
    optimizer: optim.Optimizer
    criterion: nn.CrossEntropyLoss
    batches: Any  # iterated over once per epoch; gives pairs of inputs and right answers
    size: int  # samples of an epoch
    held_inputs: Tensor
    held_truth: Tensor
    facts: dict[str, str]  # saved with the weights
    schedule: Any = None  # of the learning rate; it takes one step for each step of the optimizer
    model: Any = None  # the network, or the wrapper that averages its gradients over several ranks
    team: Any = None  # the ranks, if there are several; the batches then have a DistributedSampler
    steps: int = 0

    things = "samples"  # the name of the samples in the output

    def learn(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and the network's answers."""
        raise NotImplementedError

    def judge(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The same for held-out samples."""
        return self.learn(inputs, truth)

    def introduction(self) -> str:
        """One line: the network and the data."""
        raise NotImplementedError

    def results(self, answers: np.ndarray) -> Iterator[Any]:
        """What to print about the answers to the held-out samples."""
        raise NotImplementedError

    def pictures(self) -> dict[str, Callable[[Path], None]]:
        """A picture to draw beside the curves: its name, and a function that draws it into a file."""
        return {}


def fit(run: Run, epochs: int, show: Progressing, stop: Stop) -> Iterator[Epoch]:
    """Train, one epoch at a time. An interrupted epoch is not yielded.

    Raises:
        TrainingError: the loss became infinite or NaN.
        KeyboardInterrupt: the training was interrupted.
    """
    for epoch in range(1, epochs + 1):
        show.start(epoch)
        run.network.train()
        ranks = run.team.size if run.team else 1
        if run.team:
            run.batches.sampler.set_epoch(epoch)
        seen, right, total = 0, 0, 0.0
        for inputs, truth in run.batches:
            run.optimizer.zero_grad()
            loss, answers = run.learn(inputs.to(run.device), truth.to(run.device))
            loss.backward()
            run.optimizer.step()
            run.steps += 1
            if run.schedule:
                run.schedule.step()

            seen += len(truth)
            total += loss.item() * len(truth)
            right += int(_right(answers.cpu().numpy(), truth.numpy()).sum())
            if not math.isfinite(total):
                raise TrainingError(f"the loss became {total} in epoch {epoch}: try a smaller --lr", 1)
            show.step(min(seen * ranks, run.size), total / seen, right / seen)
            stop.check()
        if run.team:
            seen, right, total = run.team.total(seen, right, total)
        result = Epoch(epoch, total / seen, right / seen, *evaluate(run, stop))
        show.end(result)
        yield result


def evaluate(run: Run, stop: Stop) -> tuple[float, float, np.ndarray]:
    """Loss and accuracy on the held-out samples, and the network's answer to each of them."""
    run.network.eval()
    total, parts = 0.0, []
    held_out = TensorDataset(run.held_inputs, run.held_truth)
    with reftorch.no_grad():
        for inputs, truth in DataLoader(held_out, JUDGED_AT_ONCE):
            loss, answers = run.judge(inputs.to(run.device), truth.to(run.device))
            total += loss.item() * len(truth)
            parts.append(answers.cpu().numpy())
            stop.check()
    found = np.concatenate(parts)
    return total / len(held_out), float(_right(found, run.held_truth.numpy()).mean()), found


def _right(answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which samples are answered correctly; an answer of several parts is correct if all of them are."""
    return (answers == truth).reshape(len(truth), -1).all(1)


class Stop:
    """Within the block, Ctrl-C (or SIGTERM) is only noted, and the next `check` raises KeyboardInterrupt.

    So the weights are never saved in the middle of an update. Before the first step, and at the second Ctrl-C, the exception is
    raised at once.
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
        """Stop here if an interrupt was noted. All ranks stop after the same step; otherwise they would wait for each other.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM was noted.
        """
        if self.run.team:
            self.asked = self.run.team.largest(self.asked)
        if self.asked:
            raise KeyboardInterrupt
