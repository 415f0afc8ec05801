"""Checks the options of `reftorch train` before the training: defaults, files, threads, the device."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import numba

import reftorch
from reftorch.serialize import check_writable
from reftorch.train.loop import TrainingError

PICTURES = (".png", ".svg", ".pdf")

# The defaults of --epochs, --batch-size and others.
USUAL: dict[str, dict[str, Any]] = {
    "digits": dict(epochs=15, batch_size=32, lr=0.02, momentum=0.9),
    "data": dict(epochs=3, batch_size=32, lr=0.02, momentum=0.9),
    "transformer": dict(epochs=10, batch_size=128, lr=0.003),
    "lstm": dict(epochs=12, batch_size=128, lr=0.005),
}


def settle(options: argparse.Namespace) -> None:
    """Give the options that were left out their defaults.

    Raises:
        TrainingError: an option has no meaning for this kind of data.
    """
    if options.job == "sequences":
        if options.data:
            raise TrainingError("--data: the dates of `reftorch train sequences` are generated, so no data is read")
        if options.ranks:
            raise TrainingError("--ranks: only images can be trained on several processes; sequences use one")
        if options.momentum is not None:
            raise TrainingError(
                "--momentum: sequences are trained with AdamW, and its momentum follows the learning rate"
            )
        options.model = options.model or "transformer"
        usual = USUAL[options.model]
    else:
        if options.model:
            raise TrainingError("--model chooses the network of `reftorch train sequences`; images have only one")
        usual = USUAL["data" if options.data else "digits"]
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def data_name(options: argparse.Namespace) -> str:
    """The default names of the files."""
    if options.job == "sequences":
        return f"dates-{options.model}"
    return Path(options.data).resolve().name or "data" if options.data else "digits"


def choose_outputs(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """The files for weights and picture; None for one that is not written. Checks before the training that they can be written."""
    for name in ("save", "plot"):
        if getattr(options, name) and getattr(options, f"no_{name}"):
            raise TrainingError(f"--{name} and --no-{name} contradict each other")
    name = data_name(options)
    save = None if options.no_save else Path(options.save or f"runs/{name}.safetensors")
    plot = None if options.no_plot else Path(options.plot or f"runs/{name}.png")
    if options.epochs == 0:
        if options.save or options.plot:
            raise TrainingError("--epochs 0 trains nothing, so there is nothing to --save or --plot")
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
    """Run CPU kernels on the number of threads that the options name.

    The digits and the dates use one thread by default. Their kernels take microseconds: dividing them among threads takes longer if
    other programs use the cores too.

    Raises:
        TrainingError: there are fewer threads here.
    """
    most = numba.config.NUMBA_NUM_THREADS
    threads = options.threads or (most if options.data else 1)
    if threads > most:
        raise TrainingError(f"--threads: expected at most {most}, the number of threads here, found {threads}")
    numba.set_num_threads(threads)


def choose_device(name: str) -> Any:
    """The device called `name`.

    Raises:
        TrainingError: there is no CUDA here.
    """
    if name == "cuda" and not reftorch.cuda.is_available():
        raise TrainingError("--device cuda: there is no usable GPU here; `reftorch doctor` says why")
    return reftorch.device(name)
