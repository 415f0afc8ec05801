"""The command line: `reftorch train`, `step`, `bench`, `course` and the rest. Each imports what it needs when it is chosen."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Sequence

EXAMPLES = """examples:
  reftorch train                              the digits that come with the package
  reftorch train --seed 1 --epochs 20         other initial weights, more epochs
  reftorch train --data mnist                 the four files of MNIST or Fashion-MNIST in the folder mnist
  reftorch train sequences                    rewrite dates as ISO dates, with a Transformer
  reftorch train sequences --model lstm       the same with an LSTM
  reftorch train --device cuda                on the GPU
  reftorch train --epochs 0 --load runs/digits.safetensors
                                              evaluate saved weights without training
"""

STEP_EXAMPLES = """examples:
  reftorch step conv2d                        the worked example of conv2d, at the first line of the forward kernel
  reftorch step conv2d.backward_weight --cuda --thread 3
                                              one thread of a CUDA kernel; needs no GPU
  reftorch step conv2d --view                 every line, forwards and backwards, in the browser
  reftorch step my_kernel.py:function --args example.npz
                                              your own kernel; np.savez("example.npz", x=x, y=y)
"""

BENCH_EXAMPLES = """examples:
  reftorch bench                              everything, against PyTorch if it is installed: takes some ten minutes
  reftorch bench --only 'Conv2d.*both' --threads 1
                                              convolution, forwards and backwards, on one thread
  reftorch bench --reference --only Linear    the reference kernels, which the pages show
  reftorch bench --plot roofline.png          a picture of the machine's limits and the speed of the kernels
  reftorch bench --start                      the time from the start of a program to its first training step
  reftorch bench --ladder                     how much each step towards the fast kernels gains
  reftorch bench --ranks 2                    a training on two processes
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named by `arguments` (those of the process if None); returns the exit code.

    0: done. 1: the training failed. 2: an option or a file is wrong. 130: Ctrl-C.
    """
    from reftorch import starting, waiting

    starting.done()
    waiting.waiting.hide()
    try:
        options = parser().parse_args(arguments)
        options.arguments_given = list(sys.argv[1:] if arguments is None else arguments)
        return options.run(options)
    except KeyboardInterrupt:
        print(starting.INTERRUPTED, file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output has ended, as in `reftorch doctor | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="reftorch",
        description="torch.nn explained by being it: readable loops that train real networks.",
        epilog="`reftorch COMMAND --help` lists the options of a command.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=ShowVersion)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_train(commands)
    add_step(commands)
    add_launch(commands)
    add_bench(commands)
    add_compile(commands)
    add_docs(commands)
    add_course(commands)
    add_new(commands)
    add_doctor(commands)
    return top


def add_train(commands: argparse._SubParsersAction) -> None:
    """`reftorch train`"""
    train = commands.add_parser(
        "train",
        help="train a network on images of digits, or on dates",
        description="Train a convolutional network on images, or a Transformer or an LSTM on dates; evaluate it on held-out data, and "
        "save it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    train.set_defaults(run=run_train)
    text = "digits (default): classify images of ten classes; sequences: rewrite dates of many forms as ISO dates"
    train.add_argument("job", nargs="?", choices=("digits", "sequences"), default="digits", help=text)
    add_learning(train)
    add = train.add_argument_group("on what").add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    text = (
        "CPU threads (default: 1 for the embedded digits and the dates, which are too small to share; all with --data)"
    )
    add("--threads", type=whole(1), metavar="N", help=text)
    text = "processes; each computes a part of every batch (needs the extra: pip install 'reftorch[distributed]')"
    add("--ranks", type=whole(1), metavar="N", help=text)
    add = train.add_argument_group("files").add_argument
    add("--load", metavar="FILE", help="start from these weights (.safetensors)")
    text = "file for the weights (default: runs/NAME.safetensors, where NAME is the name of the data)"
    add("--save", metavar="FILE", help=text)
    add("--no-save", action="store_true", help="do not save the weights")
    text = (
        "file for the picture of the curves, .png, .svg or .pdf (default: runs/NAME.png); for dates, a second picture shows which "
        "characters of the text the network uses"
    )
    add("--plot", metavar="FILE", help=text)
    add("--no-plot", action="store_true", help="do not draw the picture")


def add_learning(train: argparse.ArgumentParser) -> None:
    """The options of `reftorch train` that change what is learned."""
    add = train.add_argument_group("what to learn from").add_argument
    text = "folder with the IDX files of MNIST or Fashion-MNIST, plain or .gz (default: the embedded digits)"
    add("--data", metavar="DIR", help=text)
    text = "use only the first N training and the first N held-out images, or N dates in an epoch and N held-out ones"
    add("--limit", type=whole(1), metavar="N", help=text)
    add = train.add_argument_group("how to learn").add_argument
    add("--model", choices=("transformer", "lstm"), help="which network learns the dates (default: transformer)")
    text = "passes over the training data (default: 15 for the digits, 3 with --data; dates: 10, for an LSTM 12)"
    add("--epochs", type=whole(0), metavar="N", help=text)
    text = "images or dates per step (default: 32 images, 128 dates)"
    add("--batch-size", type=whole(1), metavar="N", help=text)
    text = "learning rate (default: 0.02); for dates the largest one of its schedule (0.003, for an LSTM 0.005)"
    add("--lr", type=real(0, None, "above 0"), metavar="X", help=text)
    text = "the factor of the last step in the next one, for images (default: 0.9)"
    momentum = real(None, 1, "at least 0 and below 1")
    add("--momentum", type=momentum, metavar="X", help=text)
    text = "seed of the random numbers: the same seed gives the same results (default: %(default)s)"
    add("--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help=text)


def add_step(commands: argparse._SubParsersAction) -> None:
    """`reftorch step`"""
    step = commands.add_parser(
        "step",
        help="step through a kernel line by line",
        description="Step through a kernel of the package, in its worked example, or through your own kernel.",
        epilog=STEP_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    step.set_defaults(run=run_step)
    text = "a component, such as conv2d; one of its kernels, such as conv2d.backward_weight; or FILE.py:FUNCTION"
    step.add_argument("target", nargs="?", metavar="COMPONENT", help=text)
    step.add_argument("--list", action="store_true", help="list what can be stepped through")
    add = step.add_argument_group("which form").add_argument
    add("--cuda", action="store_true", help="the CUDA kernel, thread by thread; needs no GPU")
    text = "the thread of the CUDA kernel, by its number in the grid (default: 0 in a debugger, all in a recording)"
    add("--thread", type=whole(0), metavar="N", help=text)
    add = step.add_argument_group("where to (default: the debugger pdb, here)").add_argument
    text = "add an entry to .vscode/launch.json: F5 then does the same in Visual Studio Code"
    add("--vscode", action="store_true", help=text)
    add("--view", action="store_true", help="record the run, and open it in the browser")
    text = "save the recording as JSON, or as a page if FILE ends in .html"
    add("--record", metavar="FILE", help=text)
    text = "the largest number of lines in a recording (default: %(default)s)"
    add("--limit", type=whole(1), default=20_000, metavar="N", help=text)
    add = step.add_argument_group("your own kernel").add_argument
    add("--args", metavar="FILE", help="an .npz file with the arguments, under their names")
    text = "how many blocks, and threads per block (default: as many threads as the largest array has elements)"
    add("--launch", type=launch, metavar="BLOCKS,THREADS", help=text)


def add_launch(commands: argparse._SubParsersAction) -> None:
    """`reftorch launch`"""
    from reftorch.distributed.launch import add_arguments

    text = "Start a script on several processes, which torch.distributed connects by MPI, and ensure that they end together."
    start = commands.add_parser(
        "launch", help="run a script on several processes", description=text, allow_abbrev=False
    )
    add_arguments(start, whole(1))
    start.set_defaults(run=run_launch)


def add_bench(commands: argparse._SubParsersAction) -> None:
    """`reftorch bench`"""
    bench = commands.add_parser(
        "bench",
        help="measure the components and compare them with PyTorch and with the machine's limits",
        description="Time every component forwards and backwards, alternating with PyTorch if it is installed, and compare both "
        "with the limits of this machine.",
        epilog=BENCH_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    bench.set_defaults(run=run_bench)
    add = bench.add_argument_group("what").add_argument
    text = "only cases whose names match, as in 'Conv2d LeNet conv1 forward'; the rows about Python and memory are left out"
    add("--only", type=pattern, metavar="REGEX", help=text)
    add("--reference", action="store_true", help="the reference kernels, which the pages show, not the fast ones")
    add("--start", action="store_true", help="instead of all: the import and the first training step, cold and warm")
    text = "instead of all: the matrix product, the convolution and attention, step by step from the formula to the fast form"
    add("--ladder", action="store_true", help=text)
    text = "instead of all: training steps on N processes, compared with one process on one thread and on N threads"
    add("--ranks", type=whole(2), metavar="N", help=text)
    add("--no-torch", action="store_true", help="do not compare with PyTorch")
    add = bench.add_argument_group("how").add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    add("--threads", type=whole(1), metavar="N", help="CPU threads, of both libraries (default: all)")
    text = "rounds, each of which times both libraries once (default: %(default)s)"
    add("--rounds", type=whole(1), default=15, metavar="N", help=text)
    text = "time for one direction of one case; long cases get fewer rounds, at least three (default: %(default)s)"
    add("--seconds", type=real(0, None, "above 0"), default=1.0, metavar="X", help=text)
    add = bench.add_argument_group("files").add_argument
    add("--json", metavar="FILE", help="write all figures; reftorch/bench/record.py explains the fields")
    add("--plot", metavar="FILE", help="draw the roofline: .png, .svg or .pdf")
    add("--save", action="store_true", help="add the run to docs/data/benchmarks.json, from which the site is made")


def add_compile(commands: argparse._SubParsersAction) -> None:
    """`reftorch compile`"""
    text = "Compile the kernels that a training in float32 needs, and cache them, so that later runs need not wait for them."
    ahead = commands.add_parser("compile", help="compile the kernels ahead, as for a classroom", description=text)
    ahead.set_defaults(run=run_compile)


def add_docs(commands: argparse._SubParsersAction) -> None:
    """`reftorch docs`"""
    text = "Serve or build the site, which is made from the component files. The served site shows changes at once."
    docs = commands.add_parser("docs", help="read the site, or build it", description=text)
    says = "serve (default); build: into site/, any mistake on a page is an error; pages: Markdown only, into --to"
    docs.add_argument("act", nargs="?", choices=("serve", "build", "pages"), default="serve", help=says)
    docs.add_argument("--to", metavar="FOLDER", default="site-pages", help="where `pages` writes (default: site-pages)")
    docs.set_defaults(run=run_docs)


def add_course(commands: argparse._SubParsersAction) -> None:
    """`reftorch course`"""
    from reftorch.course.command import add

    add(commands)


def add_new(commands: argparse._SubParsersAction) -> None:
    """`reftorch new`"""
    text = "Write the skeleton of a new component: its file, its tests against PyTorch, its list of classic mistakes."
    new = commands.add_parser("new", help="begin a new component", description=text)
    new.set_defaults(run=run_new)
    new.add_argument("component", metavar="SECTION/NAME", help="such as nn/activation/softsign; nothing is overwritten")
    text = "the name of its module (default: the documented name, or made from NAME)"
    new.add_argument("--class", dest="class_name", default="", metavar="CLASS", help=text)


def add_doctor(commands: argparse._SubParsersAction) -> None:
    """`reftorch doctor`"""
    text = "Print versions, threads, what CUDA means here, where compiled kernels are kept, and what is missing."
    doctor = commands.add_parser("doctor", help="what is installed, and what is missing", description=text)
    doctor.set_defaults(run=run_doctor)


def run_train(options: argparse.Namespace) -> int:
    """Call `reftorch.train`; print one line if an option or a file is wrong."""
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


def run_step(options: argparse.Namespace) -> int:
    """Call `reftorch.step`."""
    from reftorch.step import main

    return main(options)


def run_launch(options: argparse.Namespace) -> int:
    """Call `reftorch.distributed.launch`."""
    from reftorch.distributed.launch import main

    return main(options)


def run_bench(options: argparse.Namespace) -> int:
    """Call `reftorch.bench`; print one line if an option or a file is wrong."""
    from reftorch.bench.command import bench
    from reftorch.serialize import FileError
    from reftorch.train import TrainingError

    try:
        return bench(options)
    except (FileError, TrainingError) as error:
        return complain(str(error), 2)


def run_compile(options: argparse.Namespace) -> int:
    """Call `reftorch.precompile`."""
    from reftorch.precompile import main

    return main()


def run_docs(options: argparse.Namespace) -> int:
    """Call `reftorch.site`."""
    from reftorch.site.command import main

    return main(options)


def run_new(options: argparse.Namespace) -> int:
    """Call `reftorch.scaffold`."""
    from reftorch.scaffold import main

    return main(options)


def run_doctor(options: argparse.Namespace) -> int:
    """Call `reftorch.doctor`."""
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


def pattern(text: str) -> re.Pattern:
    """A converter of an option's text to a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"expected a regular expression, found {text!r}: {error}") from None


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


def launch(text: str) -> tuple[int, int]:
    """A converter of "2,32" to the two numbers of a CUDA launch."""
    parts = text.split(",")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"expected BLOCKS,THREADS, two whole numbers of at least 1, found {text!r}")
    blocks, threads = map(whole(1), parts)
    return blocks, threads


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
