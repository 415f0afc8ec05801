"""The command line: `reftorch train`, `reftorch doctor`. Each command imports what it needs when it is chosen."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence

EXAMPLES = """examples:
  reftorch train                              the digits that come with the package
  reftorch train --seed 1 --epochs 20         other initial weights, more rounds
  reftorch train --data mnist                 the four files of MNIST or Fashion-MNIST in the folder mnist
  reftorch train --device cuda                on the GPU
  reftorch train --epochs 0 --load runs/digits.safetensors
                                              judge saved weights without training
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named by `arguments` (those of the process if None); returns the exit code.

    0: done. 1: the training failed. 2: an option or a file is wrong. 130: Ctrl-C.
    """
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nInterrupted: nothing had been trained, nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone, as in `reftorch doctor | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="reftorch",
        description="torch.nn explained by being it: readable loops that train real networks.",
        epilog="`reftorch COMMAND --help` tells the options of a command.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=ShowVersion)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_train(commands)
    add_doctor(commands)
    return top


def add_train(commands: argparse._SubParsersAction) -> None:
    """`reftorch train`"""
    train = commands.add_parser(
        "train",
        help="train a convolutional network on images of digits",
        description="Train a convolutional network on images, judge it on images it has not seen, and save it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    train.set_defaults(run=run_train)
    add = train.add_argument
    data = train.add_argument_group("what to learn from")
    data.add_argument(
        "--data",
        metavar="DIR",
        help="folder with the IDX files of MNIST or Fashion-MNIST, plain or .gz (default: 1,797 embedded 8x8 digits)",
    )
    data.add_argument(
        "--limit",
        type=whole(1),
        metavar="N",
        help="use only the first N training and N held-out images",
    )
    add = train.add_argument_group("how to learn").add_argument
    add(
        "--epochs",
        type=whole(0),
        metavar="N",
        help="rounds over the training images (default: 15; 3 with --data)",
    )
    add(
        "--batch-size",
        type=whole(1),
        default=32,
        metavar="N",
        help="images per step (default: %(default)s)",
    )
    add(
        "--lr",
        type=real(0, None, "above 0"),
        default=0.02,
        help="learning rate (default: %(default)s)",
    )
    add(
        "--momentum",
        type=real(None, 1, "at least 0 and below 1"),
        default=0.9,
        help="(default: %(default)s)",
    )
    add(
        "--seed",
        type=whole(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="same seed, same numbers (default: %(default)s)",
    )
    add = train.add_argument_group("on what").add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu", help="(default: %(default)s)")
    add("--threads", type=whole(1), metavar="N", help="CPU threads (default: all)")
    add = train.add_argument_group("files").add_argument
    add("--load", metavar="FILE", help="start from these weights (.safetensors)")
    add(
        "--save",
        metavar="FILE",
        help="where the weights go (default: runs/NAME.safetensors, NAME the data's)",
    )
    add("--no-save", action="store_true", help="do not save the weights")
    add(
        "--plot",
        metavar="FILE",
        help="where the picture of the curves goes: .png, .svg or .pdf (default: runs/NAME.png)",
    )
    add("--no-plot", action="store_true", help="do not draw the picture")


def add_doctor(commands: argparse._SubParsersAction) -> None:
    """`reftorch doctor`"""
    text = "Print versions, threads, what CUDA means here, where compiled kernels are kept, and what is missing."
    doctor = commands.add_parser("doctor", help="what is installed, and what is missing", description=text)
    doctor.set_defaults(run=run_doctor)


def run_train(options: argparse.Namespace) -> int:
    """Leave the work to `reftorch.train`; say in one line what is wrong with an option or a file."""
    try:
        from reftorch.train import TrainingError, train
    except ModuleNotFoundError as error:
        return complain(f"the package {error.name} is missing: pip install {error.name}", 2)
    from reftorch.serialize import FileError

    try:
        return train(options)
    except FileError as error:
        return complain(str(error), 2)
    except TrainingError as error:
        return complain(str(error), error.exit_code)


def run_doctor(options: argparse.Namespace) -> int:
    """Leave the work to `reftorch.doctor`."""
    from reftorch.doctor import main

    return main()


def complain(message: str, exit_code: int) -> int:
    """Print `message` as argparse prints its own; returns `exit_code`."""
    print(f"reftorch: error: {message}", file=sys.stderr)
    return exit_code


class ShowVersion(argparse.Action):
    """`--version`, looked up only when asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: object):
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from reftorch import __version__

        print(f"reftorch {__version__}")
        parser.exit()


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A converter of an option's text to a whole number from `low` to `high`."""
    wanted = f"a whole number from {low} to {high}" if high is not None else f"a whole number of at least {low}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"expected {wanted}, found {text!r}")
        return number

    return convert


def real(above: float | None, below: float | None, wanted: str) -> Callable[[str], float]:
    """A converter of an option's text to a finite number, > `above` if given, else >= 0; < `below` if given."""

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        inside = number > above if above is not None else number >= 0
        if not (inside and math.isfinite(number) and (below is None or number < below)):
            raise argparse.ArgumentTypeError(f"expected a number {wanted}, found {text!r}")
        return number

    return convert
