"""Whether operations are recorded on the tape, thread by thread."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are being recorded on the tape in this thread."""
    return _mode.enabled


class _Switch:
    """A context manager and decorator that sets whether recording is on, until the end of the block or function."""

    enabled: bool

    def __init__(self) -> None:
        self.before: list[bool] = []  # one object may be entered several times, also within itself

    def __enter__(self) -> None:
        self.before.append(_mode.enabled)
        _mode.enabled = self.enabled

    def __exit__(self, *error: object) -> None:
        _mode.enabled = self.before.pop()

    def again(self) -> _Switch:
        """A switch like this one: each call of a decorated function has its own."""
        return type(self)()

    def __call__(self, function: Callable) -> Callable:
        if inspect.isgeneratorfunction(function):
            return self._generator(function)

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self.again():
                return function(*args, **kwargs)

        return inside

    def _generator(self, function: Callable) -> Callable:
        """The switch is active while the generator runs, and not while its caller runs."""

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Iterator:
            running = function(*args, **kwargs)
            try:
                with self.again():
                    item = next(running)
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        with self.again():
                            running.close()
                        raise
                    except BaseException as thrown:
                        with self.again():
                            item = running.throw(thrown)
                    else:
                        with self.again():
                            item = running.send(sent)
            except StopIteration as end:
                return end.value

        return inside


class no_grad(_Switch):
    """Context manager and decorator: nothing inside is recorded on the tape."""

    enabled = False

    def __new__(cls, function: Callable | None = None) -> Any:
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(function)  # `@no_grad` without parentheses


class enable_grad(no_grad):
    """Context manager and decorator: recording is on inside, even within `no_grad`."""

    enabled = True


class inference_mode(_Switch):
    """`no_grad` under its other name; `inference_mode(False)` changes nothing."""

    def __new__(cls, mode: Any = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True):
        super().__init__()
        self.mode = mode

    def __enter__(self) -> None:
        self.enabled = _mode.enabled and not self.mode
        super().__enter__()

    def again(self) -> inference_mode:
        return type(self)(self.mode)


class set_grad_enabled(_Switch):
    """Switch recording on or off: as a call until further notice, as a context manager until the end of the block."""

    def __init__(self, mode: bool):
        super().__init__()
        self.at_first, self.enabled = _mode.enabled, bool(mode)
        _mode.enabled = self.enabled

    def __enter__(self) -> None:
        self.before.append(self.at_first)
        _mode.enabled = self.enabled

    def again(self) -> set_grad_enabled:
        return type(self)(self.enabled)

    def __call__(self, function: Callable) -> Callable:
        _mode.enabled = self.at_first  # as a decorator it has no effect now
        return super().__call__(function)
