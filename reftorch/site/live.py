"""Live examples: the data with which `live/run.js` runs a kernel of a worked example in the browser."""

from __future__ import annotations

import dis
import inspect
import re
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from ..course.mutants import mutants_of
from ..kernel import interpreted
from ..step.components import PACKAGE
from ..trace.record import Recorder
from ..trace.recording import Array, Source, number
from ..trace.watched import Watched

SCRIPTS = Path(__file__).parent / "live"
NAMES = ("syntax.js", "values.js", "run.js")  # the interpreter; panel.js and panel.css show it


class NotLive(ValueError):
    """The kernel uses something that the interpreter in the browser does not support."""


def example(kernel: Any, arguments: tuple, arrays: list[Array]) -> dict[str, Any]:
    """The data that a page needs to run a kernel: its launch, the arrays whose sizes follow from the options, and its known mistakes.

    `arrays`: as in a recording, where an array that is only written to has no values.
    """
    made = {**launch(kernel, arguments), "arrays": [vars(array) for array in arrays]}
    file = Path(made["functions"][0]["file"]).with_suffix("").relative_to(PACKAGE.name)
    names = {function["name"] for function in made["functions"]}
    mistakes = [
        {
            "kernel": mutant.kernel,
            "find": mutant.find,
            "replace": mutant.replace,
            "name": mutant.name,
            "says": mutant.says,
        }
        for mutant in mutants_of(file.as_posix())
        if mutant.kernel in names
    ]
    return {**made, "sizes": sizes(kernel, arguments), "mistakes": mistakes}


def sizes(kernel: Any, arguments: tuple) -> dict[str, Any] | None:
    """For a sliding window: the arguments from which the extents of the output follow, and the arrays with these extents.

    None if the kernel has no stride, or if the formula (extent + 2 pad - dil (K - 1) - 1) // stride + 1 does not give the extents.
    """
    code = interpreted(kernel).__code__
    given = dict(zip(code.co_varnames, arguments))
    axes = [name.removeprefix("stride") for name in given if re.fullmatch(r"stride(_[dhw])?", name)]
    image = next((name for name in ("x", "grad_x") if name in given), "")
    window = next((name for name in ("weight", "grad_weight") if name in given), "")
    if not axes or not image or not (window or f"K{axes[0]}" in given):
        return None
    extents = []
    for i, axis in enumerate(axes, -len(axes)):
        extent = given[f"K{axis}"] if f"K{axis}" in given else given[window].shape[i]
        room = given[image].shape[i] + 2 * given.get(f"pad{axis}", 0) - given.get(f"dil{axis}", 1) * (extent - 1) - 1
        extents.append(room // given[f"stride{axis}"] + 1)
    arrays = [
        name
        for name, array in given.items()
        if name not in (image, window) and getattr(array, "shape", ())[-len(axes) :] == tuple(extents)
    ]
    return {"axes": axes, "image": image, "window": window, "arrays": arrays} if {"y", "grad_y"} & set(arrays) else None


def launch(kernel: Any, arguments: tuple) -> dict[str, Any]:
    """A kernel with the functions and constants that it uses, and its arguments.

    Raises:
        NotLive: the interpreter does not support the type of a value.
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
    """The sources of the function and of those that it calls, and the constants of their files that they use."""
    sources: list[Source] = []
    constants: dict[str, Any] = {}
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
