"""A line on stderr while kernels are compiled: a program's first run compiles for half a minute, and would print nothing.

It is printed once per process, after two seconds of compiling, and only where a person reads it: on a terminal, or in a notebook.
REFTORCH_QUIET=1 in the environment hides it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from numba.core import event

PATIENCE = 2.0  # seconds
LINE = (
    "reftorch: compiling kernels for this machine. They are kept, so that later runs start at once. "
    "(REFTORCH_QUIET=1 hides this line.)"
)


def watched() -> bool:
    """Whether a person reads stderr."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


class Waiting(event.Listener):
    """Adds up the time that compiling takes; kernels that call kernels nest."""

    def __init__(self) -> None:
        self.seconds, self.depth, self.began = 0.0, 0, 0.0
        self.told = os.environ.get("REFTORCH_QUIET", "0") not in ("", "0")
        self.timer: threading.Timer | None = None

    def on_start(self, started: Any) -> None:
        self.depth += 1
        if self.depth == 1 and not self.told and watched():
            self.began = time.perf_counter()
            self.timer = threading.Timer(max(PATIENCE - self.seconds, 0.0), self.tell)
            self.timer.daemon = True
            self.timer.start()

    def on_end(self, ended: Any) -> None:
        self.depth -= 1
        if self.depth == 0 and self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.seconds += time.perf_counter() - self.began

    def tell(self) -> None:
        """Print the line, once."""
        if not self.told:
            self.told = True
            print(LINE, file=sys.stderr, flush=True)

    def hide(self) -> None:
        """Do not print it: the commands print their own messages about kernels."""
        self.told = True


waiting = Waiting()
event.register("numba:compile", waiting)
