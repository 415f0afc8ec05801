"""Records a run of a kernel: lines and variables with Python's tracing, and cells with watched arrays."""

from __future__ import annotations

import fnmatch
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..kernel import interpreted
from .checked import parsed
from .interpreted import AS_COMPILED, HIDDEN
from .recording import Array, Recording, Source, Variable, number, numbers
from .watched import Watched

LIMIT = 20_000
ELSEWHERE = -1  # the row of steps that stand for threads whose lines are not recorded
SMALL = 64  # elements: a larger array of the kernel's own is not shown among the variables


class RecordingLimit(RuntimeError):
    """The kernel takes more steps than the recording may have."""


def record(kernel: Callable, *arguments: Any, limit: int = LIMIT) -> Recording:
    """Run a CPU kernel as plain Python on `arguments`, which it changes in place, and record every step.

    Args:
        kernel: a function under `@njit`, or a plain one.
        arguments: NumPy arrays, numbers, tuples of these.
        limit: the most steps.

    Raises:
        RecordingLimit: there are more.
        IndexError: an index outside its array.
    """
    function = interpreted(kernel, AS_COMPILED)
    recorder = Recorder(function, limit)
    given = recorder.watch_all(function, arguments)
    with np.errstate(all="ignore"):
        recorder.run(lambda: function(*given))
    return recorder.recording("cpu")


class Recorder:
    """Collects steps while `run` is running. It is also the `Watcher` of the arrays."""

    def __init__(self, function: Callable, limit: int = LIMIT, thread: Callable[[], int] | None = None):
        self.function, self.limit = function, limit
        self.thread = thread  # tells which CUDA thread is running
        self.only: int | None = None  # the one whose steps are recorded; None: all
        self.arrays: list[tuple[np.ndarray, Array]] = []
        self.size = 0  # cells of all arrays
        self.first_touch: dict[int, str] = {}
        self.functions: dict[CodeType, tuple[int, int]] = {}  # its number, and the row of its first line
        self.sources: list[Source] = []
        self.rows = 0
        self.variables: dict[tuple[int, str], int] = {}
        self.kinds: list[Variable] = []
        self.steps: list[list] = []
        self.threads: list[list[int]] = []
        self.known: dict[FrameType, dict[tuple[int, str], Any]] = {}  # the variables of the frames under way
        self.row, self.owner = ELSEWHERE, 0  # the line that is running, and the thread that runs it
        self.frame: FrameType | None = None
        self.again = False  # it goes on after a function that it called
        self.reads: dict[int, None] = {}
        self.writes: dict[int, Any] = {}

    # ------------------------------------------------------------------------------------------------------- arrays
    def watch_all(self, function: Callable, arguments: Sequence[Any]) -> tuple:
        """The arguments with watched arrays, which have the names of the parameters."""
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        return tuple(self.watch(value, name) for value, name in zip(arguments, (*names, *["?"] * len(arguments))))

    def watch(self, value: Any, name: str, space: str = "argument") -> Any:
        if isinstance(value, tuple):
            return tuple(self.watch(part, f"{name}[{i}]", space) for i, part in enumerate(value))
        if not isinstance(value, np.ndarray):
            return value
        first = 0
        for data, known in self.arrays:
            if data.__array_interface__ == value.__array_interface__:
                known.name += f" = {name}" if value.size else ""
                break
            if np.shares_memory(data, value):
                raise ValueError(f"{known.name} and {name} overlap, but are not the same array: pass copies")
            first += data.size
        else:
            self.arrays.append((value, Array(name, list(value.shape), value.dtype.name, space, numbers(value))))
            self.size += value.size
        return Watched(value, np.arange(first, first + value.size).reshape(value.shape), self, name)

    def read(self, cells: Any) -> None:
        self._accessed("read", np.ravel(cells).tolist())

    def wrote(self, cells: Any, values: Any) -> None:
        places = np.ravel(cells).tolist()
        self._accessed("written", places)
        self.writes.update(zip(places, numbers(values)))

    def _accessed(self, how: str, cells: list[int]) -> None:
        if self.row != ELSEWHERE and self._current() != self.owner:
            self._finish()  # a thread that is not recorded
        for cell in cells:
            self.first_touch.setdefault(cell, how)
            if how == "read":
                self.reads[cell] = None

    # ------------------------------------------------------------------------------------------------------ tracing
    def run(self, job: Callable[[], Any]) -> None:
        """Call `job` and record the kernel's lines."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            job()
        finally:
            sys.settrace(before)
        self._finish()

    def _current(self) -> int:
        return self.thread() if self.thread is not None else 0

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Callable | None:
        """Called by Python when a function begins. Follow it if it is the kernel, or called by it."""
        code = frame.f_code
        if code is not self.function.__code__ and (frame.f_back not in self.known or is_hidden(frame)):
            return None
        if self.row != ELSEWHERE:
            self._finish()
        if self.only is not None and self._current() != self.only:
            return None
        self._finish()
        self.known[frame] = {}
        tree = parsed(code)
        self._begin(frame, tree.lineno if tree else code.co_firstlineno)
        self._finish()
        return self._follow

    def _follow(self, frame: FrameType, event: str, argument: Any) -> Callable | None:
        """Called by Python before each line of a function, and when it ends."""
        if event == "line":
            self._finish()
            self._begin(frame, frame.f_lineno)
        elif event == "return":
            self._finish()
            del self.known[frame]
            if frame.f_back in self.known:
                self._begin(frame.f_back, frame.f_back.f_lineno)
                self.again = True
        return self._follow

    def _begin(self, frame: FrameType, line: int) -> None:
        number, offset = self._function(frame.f_code)
        self.row, self.frame, self.owner, self.again = offset + line, frame, self._current(), False

    def _finish(self) -> None:
        """Store the effects of the line that has just run."""
        changes = self._changes(self.frame) if self.frame is not None and self.frame in self.known else []
        reads = list(self.reads) if self.row != ELSEWHERE else []
        writes = [part for pair in self.writes.items() for part in pair]
        if changes or reads or writes or (self.row != ELSEWHERE and not self.again):
            if len(self.steps) >= self.limit:
                raise RecordingLimit(
                    f"{self.function.__name__} takes more than {self.limit:,} steps here: record it with smaller arrays, "
                    "or raise the limit; if it should be short, a loop may never end"
                )
            if self.thread is not None and self.row != ELSEWHERE and self.owner != (self.threads or [[0, -1]])[-1][1]:
                self.threads.append([len(self.steps), self.owner])
            step = [self.row, changes, reads, writes]
            while not step[-1] and len(step) > 1:
                step.pop()
            self.steps.append(step)
        self.row, self.frame = ELSEWHERE, None
        self.reads, self.writes = {}, {}

    def _changes(self, frame: FrameType) -> list:
        """The variables of a frame that have a new value: number, value, number, value, ..."""
        known, function = self.known[frame], self._function(frame.f_code)[0]
        changes = []
        for name, value in frame.f_locals.items():
            shown = _shown(name, value)
            key = (function, name)
            if shown is NOTHING or (key in known and known[key] == shown and type(known[key]) is type(shown)):
                continue
            known[key] = shown
            if key not in self.variables:
                self.variables[key] = len(self.kinds)
                kind = "array" if isinstance(value, (Watched, np.ndarray)) else type(value).__name__
                self.kinds.append(Variable(name, function, kind))
            changes += [self.variables[key], shown]
        return changes

    def _function(self, code: CodeType) -> tuple[int, int]:
        """The number of a function, and the offset from the line numbers of its file to rows."""
        if code not in self.functions:
            try:
                lines, first = inspect.getsourcelines(code)
            except OSError:  # typed at a prompt: the lines are there, their text is not
                first = code.co_firstlineno
                lines = ["\n"] * (max(line or first for _, _, line in code.co_lines()) - first + 1)
            text = textwrap.dedent("".join(lines)).splitlines()
            self.functions[code] = len(self.sources), self.rows - first
            self.sources.append(Source(code.co_name, _short(code.co_filename), first, text))
            self.rows += len(text)
        return self.functions[code]

    # -------------------------------------------------------------------------------------------------- the result
    def recording(self, device: str, grid: Sequence[int] = (), block: Sequence[int] = ()) -> Recording:
        """The recording. An array that is only written to has no values at the start."""
        first = 0
        for data, array in self.arrays:
            touches = {self.first_touch.get(cell) for cell in range(first, first + data.size)}
            if "written" in touches and "read" not in touches:
                array.data = [None] * data.size
            elif array.space != "argument":
                array.data = [None] * data.size
            first += data.size
        return Recording(
            kernel=self.function.__name__,
            device=device,
            functions=self.sources,
            arrays=[array for _, array in self.arrays],
            variables=self.kinds,
            steps=self.steps,
            threads=self.threads,
            grid=list(grid),
            block=list(block),
        )


NOTHING = object()  # no value that could be shown


def _shown(name: str, value: Any) -> Any:
    """A variable's value for the recording: a number, a list of numbers, or a text that names the array."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value if value is None or isinstance(value, str) else number(value)
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return number(value)
    if isinstance(value, Watched):
        return NOTHING if value.label == name else f"{value.label} {list(value.shape)}"
    if isinstance(value, tuple):
        parts = [_shown("", part) for part in value]
        return NOTHING if any(part is NOTHING or isinstance(part, str) for part in parts) else parts
    if isinstance(value, np.ndarray) and value.size <= SMALL:
        return numbers(value)
    return NOTHING


def is_hidden(frame: FrameType) -> bool:
    """Whether a function that a kernel calls is not recorded: code of the runner, or a part of the kernel's line."""
    module = frame.f_globals.get("__name__", "")
    return frame.f_code.co_name.startswith("<") or any(fnmatch.fnmatch(module, pattern) for pattern in HIDDEN)


def _short(file: str) -> str:
    """The path of a file of the package from its root, so that it is the same everywhere; the name of any other."""
    home = Path(__file__).parents[2]
    path = Path(file)
    return path.relative_to(home).as_posix() if path.is_relative_to(home / "reftorch") else path.name
