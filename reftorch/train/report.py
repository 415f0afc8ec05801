"""The output of a training: a progress bar on a terminal, plain lines elsewhere, tables, and a picture of the curves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from reftorch.serialize import write_whole

LINE_EVERY = 10.0  # seconds between plain lines within an epoch


@dataclass
class Epoch:
    """The results of one epoch. Accuracies are fractions; `answers` are the network's answers to the held-out samples."""

    number: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float
    answers: np.ndarray


class Progressing:
    """Shows the progress of the training. Used as a context manager; `compiling` is a callback for `reftorch.kernel.compiling`.

    Time spent compiling does not count in samples per second. `things` is the name of the samples, such as "images".
    """

    def __init__(self, console: Console, epochs: int, samples: int, things: str = "images"):
        self.console, self.epochs, self.samples, self.things = console, epochs, samples, things
        self.live = console.is_terminal and not console.is_dumb_terminal
        self.kernels, self.compile_seconds = 0, 0.0
        self._depth, self._began = 0, 0.0
        self._numbers = ""
        self.epoch, self.done, self.seen = 0, 0, 0  # kernels are compiled before the first epoch begins

    def __enter__(self) -> Progressing:
        if self.live:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=14),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[doing]}"),
            )
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.task = self.bar.add_task("", total=max(self.epochs * self.samples, 1), doing="")
            self.bar.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.live:
            self.bar.stop()

    def say(self, text: str) -> None:
        """Print a line that stays above the progress bar."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def start(self, epoch: int) -> None:
        """Called when epoch number `epoch`, counted from 1, begins."""
        self.epoch, self.done, self.seen = epoch, (epoch - 1) * self.samples, 0
        self._start, self._compiled_before = time.perf_counter(), self.compile_seconds
        self._last_line = self._start
        self._show()

    def step(self, seen: int, loss: float, accuracy: float) -> None:
        """Called when `seen` samples of this epoch are done, with their mean loss and accuracy."""
        self.seen = seen
        speed = self.speed()
        pace = f"{speed:6,.0f}" if speed >= 10 else f"{speed:6.1f}"
        self._numbers = f"loss {loss:6.4f}  accuracy {accuracy:6.1%}  {pace} {self.things}/s"
        self._show()
        if not self.live and time.perf_counter() - self._last_line > LINE_EVERY:
            self._last_line = time.perf_counter()
            self.say(f"{self._epoch()}  {seen / self.samples:4.0%}  {self._numbers}")

    def end(self, epoch: Epoch) -> None:
        """Called when the epoch has ended and the held-out samples have been evaluated."""
        if self.kernels:
            self.say(f"kernels compiled: {self.kernels}, in {self.compile_seconds:.1f} s; the next run loads them")
            self.kernels, self.compile_seconds = 0, 0.0
        self.say(f"{self._epoch()}  {self._numbers}  held out: {epoch.held_out_accuracy:6.1%}")

    def speed(self) -> float:
        """Samples per second in this epoch."""
        compiling = self.compile_seconds - self._compiled_before
        return self.seen / max(time.perf_counter() - self._start - compiling, 1e-9)

    def compiling(self, kernel: str | None) -> None:
        """Called when `kernel` begins to compile, and with None when it is done. Calls nest where kernels call kernels."""
        self._depth += 1 if kernel else -1
        if kernel and self._depth == 1:
            self._began = time.perf_counter()
            self.kernels += 1
            self._show(kernel)
            if not self.live:
                self.say(f"compiling {kernel}")
        elif self._depth == 0:
            self.compile_seconds += time.perf_counter() - self._began
            self._show()

    def _epoch(self) -> str:
        return f"epoch {self.epoch:{len(str(self.epochs))}}/{self.epochs}" if self.epoch else "before epoch 1"

    def _show(self, kernel: str = "") -> None:
        if self.live:
            doing = f"compiling {kernel}" if kernel else self._numbers
            done = self.done + self.seen
            self.bar.update(self.task, completed=done, description=self._epoch(), doing=doing)


def class_table(labels: np.ndarray, predictions: np.ndarray, classes: int) -> Table:
    """How many images of each class are classified correctly."""
    table = Table(title="Accuracy on the held-out images", title_justify="left")
    for heading in ("class", "images", "right", "accuracy"):
        table.add_column(heading, justify="right")
    for c in range(classes):
        table.add_row(str(c), *score(labels == c, predictions == labels))
    table.add_section()
    table.add_row("all", *score(labels >= 0, predictions == labels), style="bold")
    return table


def score(chosen: np.ndarray, right: np.ndarray) -> tuple[str, str, str]:
    """For the chosen samples: their number, the number of right answers, and the quotient of the two."""
    samples, hits = int(chosen.sum()), int((chosen & right).sum())
    return f"{samples:,}", f"{hits:,}", f"{hits / samples:.1%}" if samples else "-"


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """counts[t, p]: the number of images of class t for which the answer was class p."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def confusion_table(counts: np.ndarray) -> Table:
    """The confusion matrix as a table: mistakes are highlighted, zeros are dots."""
    table = Table(title="Confusion matrix (row: truth, column: answer)", title_justify="left")
    table.add_column("")
    for p in range(len(counts)):
        table.add_column(str(p), justify="right")
    for t, row in enumerate(counts):
        styles = ["green" if p == t else "bold red" for p in range(len(row))]
        cells = [f"[{styles[p]}]{n}[/]" if n else "[dim].[/]" for p, n in enumerate(row)]
        table.add_row(str(t), *cells)
    return table


def draw_curves(history: Sequence[Epoch], path: Path, title: str) -> None:
    """Write a picture of loss and accuracy over the epochs to `path`; the file's extension chooses the format.

    Raises:
        FileError: `path` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    epochs = [epoch.number for epoch in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        values = [[getattr(e, name), getattr(e, f"held_out_{name}")] for e in history]
        for curve, label, colour in zip(zip(*values), ("training", "held out"), ("#0072b2", "#d55e00")):
            axes.plot(epochs, curve, marker="o", markersize=3.5, color=colour, label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        if name == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    write_whole(path, lambda draft: figure.savefig(draft, dpi=150))


def draw_evidence(evidence: np.ndarray, text: str, answer: str, path: Path, title: str) -> None:
    """Write a picture of `evidence` (characters of the answer, characters of the text) to `path`; the extension chooses the format.

    Raises:
        FileError: `path` cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots()
    picture = axes.imshow(evidence, cmap="Blues", vmin=0, aspect="auto")
    axes.set_xticks(range(len(text)), [character if character != " " else "\u2423" for character in text])
    axes.set_yticks(range(len(answer)), list(answer))
    axes.set(xlabel="characters of the text", ylabel="characters of the answer")
    axes.tick_params(length=0)
    figure.colorbar(picture, label="share of a row")
    write_whole(path, lambda draft: figure.savefig(draft, dpi=150))
