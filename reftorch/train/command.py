"""`reftorch train`, from the options to the files."""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from rich.console import Console

import reftorch
from reftorch import kernel, nn, optim
from reftorch.data import DataLoader, TensorDataset, hold_out, load_digits, load_idx
from reftorch.serialize import FileError, check_weights, check_writable, read_weights, save_weights
from reftorch.tensor import Tensor
from reftorch.train.loop import Run, Stop, TrainingError, evaluate, fit
from reftorch.train.network import CLASSES, SMALLEST, ConvNet
from reftorch.train.ready import compile_apart
from reftorch.train.report import (
    Epoch,
    Progressing,
    class_table,
    confusion_matrix,
    confusion_table,
    draw_curves,
)

PICTURES = (".png", ".svg", ".pdf")
Say = Callable[[str], None]  # prints a line


def train(options: argparse.Namespace) -> int:
    """Do what the options of `reftorch train` ask for; returns the exit code.

    Raises:
        FileError: a file cannot be read, written or understood.
        TrainingError: an option cannot be met here, or the training failed.
    """
    console = Console()
    save, plot = choose_outputs(options)
    use_threads(options)
    run = prepare(options)
    epochs = options.epochs if options.epochs is not None else (3 if options.data else 15)
    history: list[Epoch] = []
    with Stop(run) as stop:
        try:
            with Progressing(console, epochs, len(run.batches.dataset)) as show:
                with kernel.compiling(show.compiling):
                    show.say(introduction(run, options))
                    compile_apart(options, show.compiling)
                    for epoch in fit(run, epochs, show, stop):
                        history.append(epoch)
                    answers = history[-1].answers if history else evaluate(run, stop)[2]
        except KeyboardInterrupt:
            if run.steps == 0:
                raise
            show.say(f"Interrupted in epoch {len(history) + 1} of {epochs}, after {run.steps} steps.")
            keep(run, history, save, plot, show.say, interrupted=True)
            return 128 + stop.asked
        truth = run.held_labels.numpy()
        console.print(class_table(truth, answers, CLASSES))
        console.print(confusion_table(confusion_matrix(truth, answers, CLASSES)))
        keep(run, history, save, plot, show.say, interrupted=False)
    return 0


def choose_outputs(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where weights and picture go, None for nowhere. Finds out before the training whether that will work."""
    for name in ("save", "plot"):
        if getattr(options, name) and getattr(options, f"no_{name}"):
            raise TrainingError(f"--{name} and --no-{name} contradict each other")
    name = data_name(options)
    save = None if options.no_save else Path(options.save or f"runs/{name}.safetensors")
    plot = None if options.no_plot else Path(options.plot or f"runs/{name}.png")
    if options.epochs == 0:
        if options.save or options.plot:
            raise TrainingError("--epochs 0 trains nothing: there is nothing to --save or --plot")
        return None, None
    if save and save.suffix != ".safetensors":
        raise TrainingError(f"--save: expected a name that ends in .safetensors, the format it writes, found {save}")
    if plot and plot.suffix.lower() not in PICTURES:
        raise TrainingError(f"--plot: expected a name that ends in {', '.join(PICTURES)}, found {plot}")
    if plot and importlib.util.find_spec("matplotlib") is None:
        raise TrainingError("the picture needs matplotlib: pip install matplotlib, or use --no-plot")
    for path in filter(None, (save, plot)):
        check_writable(path)
    return save, plot


def use_threads(options: argparse.Namespace) -> None:
    """Run CPU kernels on as many threads as the options ask for.

    The digits get one unless told otherwise: their kernels take microseconds, less than it takes to share them out where
    other programs want the cores too.

    Raises:
        TrainingError: there are not so many.
    """
    most = numba.config.NUMBA_NUM_THREADS
    threads = options.threads or (most if options.data else 1)
    if threads > most:
        raise TrainingError(f"--threads: expected at most {most}, as many as there are here, found {threads}")
    numba.set_num_threads(threads)


def choose_device(name: str) -> Any:
    """The device called `name`.

    Raises:
        TrainingError: there is no CUDA here.
    """
    if name == "cuda" and not reftorch.cuda.is_available():
        raise TrainingError("--device cuda: there is no usable GPU here; `reftorch doctor` says why")
    return reftorch.device(name)


def data_name(options: argparse.Namespace) -> str:
    return Path(options.data).resolve().name or "data" if options.data else "digits"


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


def prepare(options: argparse.Namespace) -> Run:
    """Load the data, make the network and, with --load, fill it."""
    device = choose_device(options.device)
    arrays, loaded = read_weights(options.load) if options.load else ({}, {})
    images, labels, held_images, held_labels = load_data(options)
    pixels = images.numpy()
    mean, std = known_spread(options.load, loaded) or (
        float(pixels.mean(dtype=float)),
        float(pixels.std(dtype=float)),
    )
    if not std > 0:
        raise TrainingError("--data: expected images that differ, found all pixels of the training images equal")
    reftorch.manual_seed(options.seed)
    height, width = images.shape[2:]
    network = ConvNet(height, width, mean, std)
    if options.load:
        check_weights(options.load, arrays, network.state_dict())
        network.load_state_dict({name: reftorch.from_numpy(array) for name, array in arrays.items()})
    network.to(device)
    generator = reftorch.Generator().manual_seed(options.seed)
    return Run(
        name=data_name(options),
        device=device,
        network=network,
        optimizer=optim.SGD(network.parameters(), lr=options.lr, momentum=options.momentum),
        criterion=nn.CrossEntropyLoss(),
        batches=DataLoader(TensorDataset(images, labels), options.batch_size, shuffle=True, generator=generator),
        held_images=held_images,
        held_labels=held_labels,
        facts=facts(options, images, mean, std),
    )


def facts(options: argparse.Namespace, images: Tensor, mean: float, std: float) -> dict[str, str]:
    """What to save beside the weights: how they came about, and what an image needs before it enters the network."""
    height, width = images.shape[2:]
    known = {
        "format": "pt",  # whose layout the arrays have; other libraries ask
        "network": "reftorch.train.ConvNet",
        "data": data_name(options),
        "image_size": f"{height}x{width}",
        "mean": mean,
        "std": std,
        "loaded": Path(options.load).name if options.load else None,
    }
    known |= {name: getattr(options, name) for name in ("seed", "lr", "momentum", "batch_size", "limit")}
    return {name: str(value) for name, value in known.items() if value is not None}


def known_spread(path: Any, loaded: dict[str, str]) -> tuple[float, float] | None:
    """Mean and standard deviation that loaded weights were trained with, if their file tells."""
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


def introduction(run: Run, options: argparse.Namespace) -> str:
    """What is about to happen, in a line or two."""
    weights = sum(p.numel() for p in run.network.parameters())
    threads = numba.get_num_threads()
    where = f"{threads} CPU thread{'s' if threads > 1 else ''}"
    if run.device.type == "cuda":
        kinds = {"device": "a GPU", "cpu": "CUDA compiled for the CPU, one thread"}
        where = kinds.get(kernel.cuda_kind(), "a simulated GPU")
    text = (
        f"{run.name}: {len(run.batches.dataset):,} images to train on, {len(run.held_labels):,} held out, "
        f"of {run.facts['image_size']} pixels; {weights:,} weights; on {where}; seed {options.seed}"
    )
    if "simulated" in where and options.limit is None:
        text += "\nThe simulator takes a millisecond a thread: try --limit 8 --batch-size 8 --epochs 1."
    return text


def keep(run: Run, history: list[Epoch], save: Path | None, plot: Path | None, say: Say, interrupted: bool) -> None:
    """Write the weights, if they have been trained, and the picture, if an epoch was finished."""
    if save and run.steps:
        results: dict[str, object] = {"steps": run.steps, "epochs": len(history), "interrupted": interrupted}
        if history and not interrupted:
            results["held_out_accuracy"] = history[-1].held_out_accuracy
        metadata = run.facts | {name: str(value) for name, value in results.items()}
        move_aside(save, plot if history else None, metadata, say)
        save_weights(run.network.state_dict(), save, metadata)
        say(f"weights: {save}")
    if plot and history:
        last = history[-1].held_out_accuracy
        draw_curves(
            history,
            plot,
            f"{run.name}: {last:.1%} of held-out images right after epoch {len(history)}",
        )
        say(f"curves:  {plot}")


def move_aside(save: Path, plot: Path | None, coming: dict[str, str], say: Say) -> None:
    """Rename the weights in the way of `save`, and their picture, if they took longer to train than those that are coming."""
    try:
        _, there = read_weights(save)
    except FileError:  # nothing, or no weights
        return
    name, what = "before", "other weights, which were there before"
    figures = [there.get(figure, "") for figure in ("epochs", "steps")]
    if there.get("network") == coming["network"] and all(map(str.isdecimal, figures)):
        epochs, steps = map(int, figures)
        complete = there.get("interrupted") == "False"
        if steps <= int(coming["steps"]) and not (complete and coming["interrupted"] == "True"):
            return
        many = f"{epochs} epoch{'' if epochs == 1 else 's'}"
        name = many.replace(" ", "-")
        what = f"the weights of {many}{'' if complete else ' and part of another'}, which were there before"
    number = 1
    while (aside := save.with_stem(f"{save.stem}-{name}" + (f"-{number}" if number > 1 else ""))).exists():
        number += 1
    save.replace(aside)
    say(f"kept: {aside}, {what}")
    if plot and plot.exists():
        plot.replace(plot.with_stem(f"{plot.stem}{aside.stem.removeprefix(save.stem)}"))
