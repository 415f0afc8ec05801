"""Live examples: what `live/run.js` needs to run a kernel of a worked example in the browser, as data."""

from __future__ import annotations

import dis
import inspect
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from ..kernel import interpreted
from ..step.components import PACKAGE
from ..trace.record import Recorder
from ..trace.recording import Source, number
from ..trace.watched import Watched

SCRIPTS = Path(__file__).parent / "live"
NAMES = ("syntax.js", "values.js", "run.js")


class NotLive(ValueError):
    """The kernel uses something that the interpreter in the browser does not know."""


def launch(kernel: Any, arguments: tuple) -> dict[str, Any]:
    """A kernel with the functions and constants that it uses, and its arguments.

    Raises:
        NotLive: a value has a type that the interpreter does not know.
    """
    function: Any = interpreted(kernel)
    recorder = Recorder(function)
    watched = recorder.watch_all(function, arguments)
    functions, constants = _used(function)
    return {
        "kernel": function.__name__,
        "functions": [vars(source) for source in functions],
        "arrays": [vars(array) for _, array in recorder.arrays],
        "arguments": [_argument(value, recorder) for value in watched],
        "globals": constants,
    }


def _argument(value: Any, recorder: Recorder) -> dict[str, Any]:
    if isinstance(value, Watched):
        place = value.__array_interface__
        number = next(i for i, (data, _) in enumerate(recorder.arrays) if data.__array_interface__ == place)
        return {"array": number, "label": value.label}
    if isinstance(value, tuple):
        return {"parts": [_argument(part, recorder) for part in value]}
    return {"value": _typed(value)}


def _used(function: FunctionType) -> tuple[list[Source], dict[str, Any]]:
    """The function and those that it calls, as sources; the constants of their files that they name."""
    sources, constants = [], {}
    waiting = [function]
    while waiting:
        one = waiting.pop(0)
        lines, first = inspect.getsourcelines(one)
        if any(source.name == one.__name__ for source in sources):
            continue
        file = Path(one.__code__.co_filename).relative_to(PACKAGE.parent).as_posix()
        sources.append(Source(one.__name__, file, first, textwrap.dedent("".join(lines)).splitlines()))
        for name in dict.fromkeys(each.argval for each in dis.get_instructions(one) if each.opname == "LOAD_GLOBAL"):
            value = one.__globals__.get(name)
            if isinstance(value, FunctionType) and value.__module__.startswith(PACKAGE.name):
                waiting.append(value)
            elif isinstance(value, (bool, int, float, str, np.generic)):
                constants[name] = _typed(value)
            elif isinstance(value, tuple):
                constants[name] = [_typed(part) for part in value]
    return sources, constants


def _typed(value: Any) -> list:
    """A number with the name of its type."""
    if value is not None and not isinstance(value, (bool, int, float, str, np.generic)):
        raise NotLive(f"a value of type {type(value).__name__}")
    return [type(value).__name__, value if value is None or isinstance(value, str) else number(value)]
