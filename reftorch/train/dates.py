"""Learning to rewrite dates: texts as people write them in, ISO dates out, character by character."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

import reftorch
from reftorch import nn, optim
from reftorch.data import dates
from reftorch.optim.lr_scheduler import OneCycleLR
from reftorch.tensor import Tensor
from reftorch.train.loop import Run
from reftorch.train.options import choose_device, data_name
from reftorch.train.report import draw_evidence, score
from reftorch.train.translators import DateLSTM, DateTransformer, Translator
from reftorch.train.weights import load_into, read

MODELS = {"transformer": DateTransformer, "lstm": DateLSTM}
DATES_IN_AN_EPOCH = 8_192
RISE = 0.1
MISTAKES_SHOWN = 8
EXAMPLE = "{weekday}, {d} {month} {year}"  # the form of the date in the picture


class DateRun(Run):
    """A training on dates. The right answer is an ISO date; an answer is right only if all of its characters are."""

    network: Translator
    things = "dates"

    def learn(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.network(inputs, truth)
        return self.criterion(scores.flatten(0, 1), truth.flatten()), scores.argmax(2)

    def judge(self, inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The loss as in training; the answers by greedy decoding."""
        return self.learn(inputs, truth)[0], self.network.translate(inputs)

    def introduction(self) -> str:
        held = len(self.held_truth)
        return f"{self.name}: {self.size:,} dates in an epoch, drawn anew each time; {held:,} days held out"

    def results(self, answers: np.ndarray) -> Iterator[Any]:
        right = (answers == self.held_truth.numpy()).all(1)
        held = dates.held_out(len(right))
        yield form_table(right)
        wrong = [number for number in range(len(right)) if not right[number]]
        for number in wrong[:MISTAKES_SHOWN]:
            day, text = held[number]
            yield f"wrong: {text!r} is {day}, found {dates.decode_answer(answers[number])}"
        if wrong[MISTAKES_SHOWN:]:
            yield f"and {len(wrong) - MISTAKES_SHOWN} more"

    def pictures(self) -> dict[str, Callable[[Path], None]]:
        """The text positions that the network uses in the first held-out date of the form EXAMPLE."""
        return {"attention" if isinstance(self.network, DateTransformer) else "gradient": self.draw_example}

    def draw_example(self, path: Path) -> None:
        _, text = dates.held_out()[dates.FORMS.index(EXAMPLE)]
        self.network.eval()
        numbers = dates.encode_texts([text]).to(self.device)
        with reftorch.no_grad():
            answer = self.network.translate(numbers)
        evidence = self.network.evidence(numbers, answer).cpu().numpy()[:, : len(text)]
        what = "attention" if isinstance(self.network, DateTransformer) else "gradient of the scores"
        draw_evidence(evidence, text, dates.decode_answer(answer[0].tolist()), path, f"{self.name}: {what}")


def prepare(options: argparse.Namespace) -> DateRun:
    """Make the network and, with --load, load its weights. The dates are drawn during the training."""
    device = choose_device(options.device)
    arrays, _ = read(options)
    reftorch.manual_seed(options.seed)
    network = MODELS[options.model](len(dates.CHARACTERS), dates.LONGEST, len(dates.ANSWER), dates.ISO_LENGTH)
    load_into(network, options, arrays)
    network.to(device)
    size = options.limit or DATES_IN_AN_EPOCH
    steps = options.epochs * -(-size // options.batch_size)
    optimizer = optim.AdamW(network.parameters(), lr=options.lr)
    held = dates.held_out(options.limit)
    generator = reftorch.Generator().manual_seed(options.seed)
    return DateRun(
        name=data_name(options),
        device=device,
        network=network,
        optimizer=optimizer,
        criterion=nn.CrossEntropyLoss(),
        batches=dates.DateBatches(size, options.batch_size, generator),
        size=size,
        held_inputs=dates.encode_texts([text for _, text in held]),
        held_truth=dates.encode_days([day for day, _ in held]),
        facts=facts(options),
        schedule=OneCycleLR(optimizer, options.lr, total_steps=steps, pct_start=rise(steps)) if steps else None,
    )


def rise(steps: int) -> float:
    """The fraction of the training in which the learning rate rises. As in PyTorch, `OneCycleLR` cannot rise in exactly one step."""
    return 2 * RISE if RISE * steps == 1 else RISE


def facts(options: argparse.Namespace) -> dict[str, str]:
    """The metadata to save with the weights: how they were trained."""
    known = {
        "format": "pt",  # the arrays have PyTorch's layout; other libraries read this field
        "network": f"reftorch.train.{MODELS[options.model].__name__}",
        "data": "dates",
        "characters": dates.CHARACTERS,
        "loaded": Path(options.load).name if options.load else None,
    }
    known |= {name: getattr(options, name) for name in ("seed", "lr", "batch_size", "limit")}
    return {name: str(value) for name, value in known.items() if value is not None}


def form_table(right: np.ndarray) -> Table:
    """How many held-out dates of each form are rewritten correctly."""
    table = Table(title="Accuracy on the held-out dates", title_justify="left")
    table.add_column("form, as 29 November 2026 has it")
    for heading in ("dates", "right", "accuracy"):
        table.add_column(heading, justify="right")
    forms = np.arange(len(right)) % len(dates.FORMS)
    for number, form in enumerate(dates.FORMS):
        table.add_row(dates.write(dates.datetime.date(2026, 11, 29), form), *score(forms == number, right))
    table.add_section()
    table.add_row("all", *score(forms >= 0, right), style="bold")
    return table
