"""Loads the weights that a training starts from, and keeps older weights that it would overwrite if they took longer to train."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import reftorch
from reftorch import nn
from reftorch.serialize import FileError, check_weights, read_weights

Say = Callable[[str], None]  # prints a line


def read(options: argparse.Namespace) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the metadata of the file that --load names; two empty dictionaries without it."""
    return read_weights(options.load) if options.load else ({}, {})


def load_into(network: nn.Module, options: argparse.Namespace, arrays: dict[str, np.ndarray]) -> None:
    """Load the weights that --load names, if it is given."""
    if options.load:
        check_weights(options.load, arrays, network.state_dict())
        network.load_state_dict({name: reftorch.from_numpy(array) for name, array in arrays.items()})


def move_aside(save: Path, pictures: list[Path], coming: dict[str, str], say: Say) -> None:
    """Rename existing weights at `save`, and their pictures, if they took longer to train than the new ones will."""
    try:
        _, there = read_weights(save)
    except FileError:  # no file, or not a file of weights
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
    for picture in pictures:
        if picture.exists():
            picture.replace(picture.with_stem(f"{picture.stem}{aside.stem.removeprefix(save.stem)}"))
