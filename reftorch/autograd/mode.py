"""Whether operations are recorded on the tape, thread by thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are being recorded on the tape in this thread."""
    return _mode.enabled


class set_grad_enabled(contextlib.ContextDecorator):
    """Switch recording on or off: at once as a call, and until the end of the block as a context manager."""

    def __init__(self, mode: bool):
        self.before, self.mode = _mode.enabled, bool(mode)
        _mode.enabled = self.mode

    def __enter__(self) -> None:
        _mode.enabled = self.mode

    def __exit__(self, *error: object) -> None:
        _mode.enabled = self.before


class _GradBlock(contextlib.ContextDecorator):
    mode: bool

    def __new__(cls, function: Callable | None = None) -> Any:
        block = super().__new__(cls)
        return block if function is None else block(function)  # `@no_grad` without parentheses

    def __init__(self, function: Callable | None = None):
        self.before: list[bool] = []

    def _recreate_cm(self) -> _GradBlock:
        return type(self)()

    def __enter__(self) -> None:
        self.before.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(self, *error: object) -> None:
        _mode.enabled = self.before.pop()


class no_grad(_GradBlock):
    """Context manager and decorator: nothing inside is recorded on the tape."""

    mode = False


class enable_grad(_GradBlock):
    """Context manager and decorator: recording is on inside, even within `no_grad`."""

    mode = True
