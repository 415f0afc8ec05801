"""Finds forbidden calls while a submission runs, and refuses access to files. So a call is found even if the text hides it.

It sees the calls that the submission's own functions make directly, and refuses to open, change or delete files and to start processes.
It does not isolate the submission: see the guide for instructors.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = str(Path(__file__).parents[1])
LIBRARY = sysconfig.get_paths()["stdlib"]
EVENTS = (
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "shutil.",
    "import",
    "compile",
    "sys.setprofile",
    "sys.settrace",
)
HARMLESS = ("os.putenv", "os.listdir", "os.scandir")


class Watch:
    """Watches the functions of `file`. `found` lists the forbidden calls, each once."""

    def __init__(self, file: str, banned: Collection[str]):
        self.file, self.name = file, Path(file).name
        self.banned = set(banned)
        self.found: list[str] = []
        self.loaded = False
        sys.addaudithook(self._audit)

    @contextlib.contextmanager
    def calls(self) -> Iterator[None]:
        """Inside the block, calls are checked too: those of NumPy's functions, of methods, and of reftorch's own kernels."""
        usual = {name: getattr(np, name) for name in self.banned if callable(getattr(np, name, None))}
        for name, function in usual.items():
            setattr(np, name, Told(function, f"np.{name}", self))
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            for name, function in usual.items():
                setattr(np, name, function)

    def tell(self, text: str, line: int) -> None:
        """Note the text, once."""
        told = f"{self.name}, line {line}: {text}, when it ran"
        if told not in self.found and len(self.found) < 20:
            self.found.append(told)

    def _profile(self, frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            caller, code = frame.f_back, frame.f_code
            if caller is None or caller.f_code.co_filename != self.file or code.co_filename == self.file:
                return
            ready_made = code.co_filename.startswith(os.path.join(PACKAGE, "fast"))
            if ready_made or (code.co_name in self.banned and code.co_filename.startswith(PACKAGE)):
                self.tell(f"calls reftorch's {code.co_name}", caller.f_lineno)
        elif event == "c_call" and frame.f_code.co_filename == self.file:
            name = getattr(argument, "__name__", "")
            if name in self.banned:
                self.tell(f"calls {name}", frame.f_lineno)

    def _audit(self, event: str, arguments: tuple) -> None:
        if not event.startswith(EVENTS) or event in HARMLESS or not self.loaded:
            return
        frame = sys._getframe(1)
        while frame is not None and _of_library(frame.f_code.co_filename):
            frame = frame.f_back  # type: ignore[assignment]
        if frame is None or frame.f_code.co_filename != self.file:
            return
        what = str(arguments[0])[:80] if arguments and event in ("open", "import") else ""
        self.tell(f"does {event} {what}".rstrip(), frame.f_lineno)
        if event not in ("import", "compile"):
            raise PermissionError(f"{event} is not allowed here")


class Told:
    """A function of NumPy that notes when the submission calls it."""

    def __init__(self, function: Any, name: str, watch: Watch):
        self.function, self.name, self.watch = function, name, watch

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_filename == self.watch.file:
            self.watch.tell(f"calls {self.name}", caller.f_lineno)
        return self.function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


def _of_library(file: str) -> bool:
    return file.startswith("<frozen") or (file.startswith(LIBRARY) and "site-packages" not in file)
