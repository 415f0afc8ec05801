"""`reftorch step`, from the options to the debugger or the recording."""

from __future__ import annotations

import argparse
import bdb
import sys
import tempfile
import traceback
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np

from ..serialize import FileError, check_writable
from ..simt.faults import SimtError
from ..trace import Recording, RecordingLimit
from . import script, vscode
from .components import NotFound, find, listing
from .example import run_example
from .session import make_recording, run_in_debugger


def main(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. 0: done. 1: the kernel failed. 2: an option or a file is wrong."""
    try:
        return _main(options)
    except bdb.BdbQuit:  # the debugger's q
        return 0
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except (NotFound, vscode.NotChanged, FileError) as error:
        return _complain(str(error), 2)
    except (RecordingLimit, SimtError) as error:
        return _complain(str(error), 1)
    except IndexError as error:
        return _complain(f"{_place(error)}{error}", 1)


def _main(options: argparse.Namespace) -> int:
    if options.list:
        print(listing())
        return 0
    if options.target is None:
        raise NotFound(
            "expected a component, such as conv2d or conv2d.backward_weight, or FILE.py:FUNCTION; --list shows all"
        )
    if options.record:
        check_writable(Path(options.record))
    step = _own if ".py:" in options.target or options.target.endswith(".py") else _example
    if options.vscode:
        step(options, None)
        print(
            f'{vscode.write(_arguments(options), Path.cwd())}: start "{vscode.entry(_arguments(options))["name"]}" with F5'
        )
        return 0
    step(options, _record if options.view or options.record else _debug)
    return 0


def _example(options: argparse.Namespace, act: Any) -> None:
    """A kernel of the package, in its worked example."""
    component, kernel = find(options.target)
    if options.args or options.launch:
        raise NotFound("--args and --launch are for a kernel of your own, FILE.py:FUNCTION")
    if act is None:
        return

    def launched(cpu_kernel: Any, cuda_kernel: Any, threads: int, arguments: tuple) -> None:
        if _wants_cuda(options):
            block = min(256, max(threads, 1))
            launch = -(-max(threads, 1) // block), block
            act(options, cuda_kernel, arguments, launch)
        else:
            act(options, cpu_kernel, arguments, None)

    run_example(component, kernel, launched, go_on=act is _debug)


def _own(options: argparse.Namespace, act: Any) -> None:
    """A kernel of the user's own, with arguments from a file."""
    kernel = script.load(options.target)
    if options.args is None:
        raise NotFound(
            "expected --args FILE.npz with the kernel's arguments by name, as np.savez(FILE, x=x, y=y) writes it"
        )
    arguments, launch = script.read_arguments(kernel, options.args), None
    if _wants_cuda(options) or options.launch or script.is_cuda_kernel(kernel):
        size = max([value.size for value in arguments if isinstance(value, np.ndarray)], default=1)
        launch = options.launch or (-(-size // 256), min(256, max(size, 1)))
    if act is not None:
        act(options, kernel, arguments, launch)


def _wants_cuda(options: argparse.Namespace) -> bool:
    return options.cuda or options.thread is not None


def _debug(options: argparse.Namespace, kernel: Any, arguments: tuple, launch: tuple | None) -> None:
    run_in_debugger(kernel, arguments, launch, _thread(options, launch) or 0)


def _record(options: argparse.Namespace, kernel: Any, arguments: tuple, launch: tuple | None) -> None:
    recording = make_recording(kernel, arguments, launch, _thread(options, launch), options.limit)
    if options.record:
        recording.save(options.record)
        print(f"{options.record}: {len(recording.steps):,} steps, {Path(options.record).stat().st_size / 1000:,.0f} kB")
    if options.view:
        _view(recording)


def _thread(options: argparse.Namespace, launch: tuple | None) -> int | None:
    if launch is not None and options.thread is not None and options.thread >= launch[0] * launch[1]:
        raise NotFound(
            f"there is no thread {options.thread}: the launch has {launch[0] * launch[1]} threads, numbered from 0"
        )
    return options.thread


def _view(recording: Recording) -> None:
    """Open the recording in a browser. The file is not deleted, because the browser reads it after this process has ended."""
    file = Path(tempfile.mkdtemp(prefix="reftorch-step-")) / f"{recording.kernel}.html"
    recording.save(file)
    shown = webbrowser.open(file.as_uri())
    print(f"{file}" if shown else f"No browser could be started: open {file}")


def _arguments(options: argparse.Namespace) -> list[str]:
    """The command-line arguments that a launch file repeats."""
    arguments = [options.target]
    arguments += ["--cuda"] if options.cuda else []
    arguments += ["--thread", str(options.thread)] if options.thread is not None else []
    arguments += ["--args", options.args] if options.args else []
    arguments += ["--launch", ",".join(map(str, options.launch))] if options.launch else []
    return arguments


def _place(error: Exception) -> str:
    """File and line of an exception, leaving out the code of the arrays that check their indices."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent.name != "trace"]
    return f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""


def _complain(said: str, exit_code: int) -> int:
    print(f"reftorch: error: {said}", file=sys.stderr)
    return exit_code
