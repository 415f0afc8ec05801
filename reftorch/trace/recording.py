"""The contents of a recording, and how it is written to a file. The package's docstring describes the format."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FORMAT, VERSION = "reftorch recording", 1


@dataclass
class Source:
    """A function whose lines occur in a recording; `line` is the number, in `file`, of the first of them."""

    name: str
    file: str
    line: int
    source: list[str]


@dataclass
class Array:
    """An array of a kernel. `data` is flat, with the values at the start; None where the memory had no value yet."""

    name: str
    shape: list[int]
    dtype: str
    space: str  # "argument", or "shared" by the threads of a CUDA block
    data: list


@dataclass
class Variable:
    """A scalar: its name, the number of its function, its type when it was first seen."""

    name: str
    function: int
    type: str


@dataclass
class Recording:
    """One run of a kernel, step by step: see the docstring of `reftorch.trace`."""

    kernel: str
    device: str  # "cpu" or "cuda"
    functions: list[Source]
    arrays: list[Array]
    variables: list[Variable]
    steps: list[list]
    threads: list[list[int]] = field(default_factory=list)  # CUDA: [first step, thread], for each change of threads
    grid: list[int] = field(default_factory=list)
    block: list[int] = field(default_factory=list)

    # ------------------------------------------------------------------------------------------------------ asking
    def line(self, step: int) -> tuple[str, int]:
        """The function that a step belongs to, and the line number in its file."""
        row = self.steps[step][0]
        for source in self.functions:
            if row < len(source.source):
                return source.name, source.line + row
            row -= len(source.source)
        raise IndexError(f"step {step} has row {self.steps[step][0]}, beyond the functions' lines")

    def final(self, name: str) -> list:
        """The numbers of an array after the last step, flat; None where nothing was written."""
        first = 0
        for array in self.arrays:
            if array.name == name:
                return self._played()[first : first + len(array.data)]
            first += len(array.data)
        raise KeyError(f"no array {name!r}: there are {', '.join(array.name for array in self.arrays)}")

    def _played(self) -> list:
        """The numbers of all cells after the last step."""
        cells = [number for array in self.arrays for number in array.data]
        for step in self.steps:
            writes = step[3] if len(step) > 3 else []
            for cell, value in zip(writes[::2], writes[1::2]):
                cells[cell] = value
        return cells

    # ------------------------------------------------------------------------------------------------------ writing
    def to_json(self) -> str:
        """The recording as JSON, compact: no spaces, short numbers."""
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        content["variables"] = [[v.name, v.function, v.type] for v in self.variables]
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """The recording that `to_json` wrote.

        Raises:
            ValueError: it is something else, or of a later version.
        """
        content = json.loads(text)
        found = (content.pop("format", None), content.pop("version", None)) if isinstance(content, dict) else None
        if found != (FORMAT, VERSION):
            raise ValueError(f"expected a {FORMAT} of version {VERSION}, found {found}")
        content["functions"] = [Source(**part) for part in content["functions"]]
        content["arrays"] = [Array(**part) for part in content["arrays"]]
        content["variables"] = [Variable(*part) for part in content["variables"]]
        return cls(**content)

    def save(self, file: str | os.PathLike) -> None:
        """Write the recording as JSON, or, if the name ends in .html, as a page that steps through it."""
        from .page import page

        text = page(self) if Path(file).suffix in (".html", ".htm") else self.to_json() + "\n"
        Path(file).write_text(text, encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------- numbers
def number(value: Any) -> Any:
    """A scalar for JSON: whole floats as integers, float32 with few digits, "nan", "inf" and "-inf" as text."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    exact = float(value)
    if not math.isfinite(exact):
        return str(exact)
    if exact.is_integer() and abs(exact) < 2**53 and not (exact == 0 and math.copysign(1, exact) < 0):
        return int(exact)
    return exact if isinstance(value, (float, np.float64)) else float(str(value))


def numbers(data: np.ndarray) -> list:
    """An array as a flat list of JSON's numbers."""
    return [number(value) for value in np.asarray(data).reshape(-1)]


def array(data: list, dtype: Any) -> np.ndarray:
    """The inverse: a flat list of JSON's numbers as an array of `dtype`. None becomes 0."""
    return np.array([0 if value is None else float(value) if type(value) is str else value for value in data], dtype)
