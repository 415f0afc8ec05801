"""Ctrl-C while the command `reftorch` starts. Its imports take half a second, and Python would print a traceback of forty lines."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = "\nInterrupted: nothing was written."


def is_command() -> bool:
    """Whether this process is `reftorch` or `python -m reftorch`, not a program that imports reftorch."""
    if sys.argv[:1] == ["-m"]:  # until Python has found the module
        return any(pair == ("-m", "reftorch") for pair in zip(sys.orig_argv, sys.orig_argv[1:]))
    return bool(sys.argv) and os.path.splitext(os.path.basename(sys.argv[0]))[0] in ("reftorch", "reftorch-script")


def done() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, f"{INTERRUPTED}\n".encode())
    os._exit(130)


if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
