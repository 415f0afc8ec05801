"""The window: the elements from which one element of the result is computed, found in the recording of the worked example.

It can draw every kernel that gathers: convolution, pooling, padding, interpolation. It needs no description of the kernel: the marked
elements are those that the kernel has read before it wrote the element of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...step.components import Component
from ...trace import Recording
from ..recordings import first_recording
from .svg import CELL, arrow, drawing, grid, label, number

RESULTS = ("y", "w", "loss", "grad_x")  # names of the result, for kernels that write several arrays
BETWEEN = ("total", "length", "norm", "s")  # names of arrays that a kernel computes before the result
ROOM = 9  # rows or columns of an array that are shown at most
PLANES = 3  # planes of an array that are shown at most


@dataclass
class Matrix:
    """The two-dimensional part of an array that is shown, and its marked elements."""

    name: str
    rows: np.ndarray
    marked: set[tuple[int, int]]
    written: bool

    @property
    def width(self) -> float:
        return max(self.rows.shape[1] * CELL, 7 * len(self.name))

    def turned(self) -> Matrix:
        """A column as a row."""
        return Matrix(self.name, self.rows.T, {(c, r) for r, c in self.marked}, self.written)


def picture(component: Component, names: dict[str, str] | None = None, place: float = 0.5) -> str:
    """The arrays that are read, an arrow, and the array that is written; one of its elements, and the elements it depends on, are marked.

    The marked element is one of those that depend on the most elements: the one in the middle, or at another `place` (0 is the first).
    `names`: names of arrays that differ from those in the kernel.
    """
    recording = first_recording(component)
    if recording is None:
        return ""
    windows = _windows(recording)
    if not windows:
        return ""
    read = max(windows.values(), key=len)
    most = [cell for cell, found in windows.items() if len(found) == len(read)]
    finals = {array.name: recording.final(array.name) for array in recording.arrays}
    values = [value for final in finals.values() for value in final]
    most = [cell for cell in most if values[cell] != 0] or most  # a zero shows little of its computation
    target = most[int(len(most) * place)]
    read = windows[target]
    before: list[Matrix] = []
    between: list[Matrix] = []
    after: list[Matrix] = []
    names = names or {}
    for name, shape, first in _places(recording):
        inside = sorted(cell - first for cell in read if first <= cell < first + int(np.prod(shape)))
        is_target = first <= target < first + int(np.prod(shape))
        if not (inside or is_target) or 0 in shape:
            continue
        data = np.array([np.nan if v is None else float(v) for v in finals[name]]).reshape(shape)
        shown = list(_planes(names.get(name, name), data, [target - first] if is_target else inside, is_target))
        if any(max(matrix.rows.shape) > ROOM for matrix in shown):
            return ""
        (after if is_target else between if name in BETWEEN else before).extend(shown)
    return _drawn(component, before, between, after)


def _places(recording: Recording) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """For each array: its name, its shape, and the number of its first cell."""
    first = 0
    for array in recording.arrays:
        yield array.name, tuple(array.shape), first
        first += len(array.data)


def _windows(recording: Recording) -> dict[int, list[int]]:
    """For each cell of the result: the cells that were read or computed since the previous cell of the result was written."""
    spans = {name: range(first, first + int(np.prod(shape))) for name, shape, first in _places(recording)}
    written = [cell for step in recording.steps if len(step) > 3 for cell in step[3][::2]]
    arrays = [name for name, span in spans.items() if any(cell in span for cell in written[:1])]
    arrays = [name for name in RESULTS if name in spans and any(cell in spans[name] for cell in written)] or arrays
    result = spans[arrays[0]] if arrays else range(0)
    between = [cell for name in BETWEEN if name in spans for cell in spans[name]]
    others = set(written) - set(between)
    found: dict[int, dict[int, None]] = {}
    since: dict[int, None] = {}
    for step in recording.steps:
        made = step[3][::2] if len(step) > 3 else []
        since.update(dict.fromkeys(step[2] if len(step) > 2 else []))
        since.update(dict.fromkeys(cell for cell in made if cell in between))
        for cell in made:
            if cell in result:
                found.setdefault(cell, {}).update(since)
                since = {}
    return {cell: [c for c in read if c not in others] for cell, read in found.items()}


def _planes(name: str, data: np.ndarray, cells: list[int], written: bool) -> Iterator[Matrix]:
    """The planes, the last two dimensions, in which these cells are, at most `PLANES` of them."""
    shape = (1, 1, *data.shape)[-max(2, data.ndim) :]
    whole = data.reshape(-1, *shape[-2:])
    places = [np.unravel_index(cell, whole.shape) for cell in cells]
    for plane in list(dict.fromkeys(int(p[0]) for p in places))[:PLANES]:
        index = ", ".join(map(str, np.unravel_index(plane, shape[:-2]))) if len(whole) > 1 else ""
        marked = {(int(r), int(c)) for p, r, c in places if p == plane}
        yield Matrix(f"{name}[{index}]" if index else name, whole[plane], marked, written)


def _drawn(component: Component, before: list[Matrix], between: list[Matrix], after: list[Matrix]) -> str:
    if not before or not after:
        return ""
    if all(matrix.rows.shape[1] == 1 for matrix in [*before, *between, *after]):  # columns are drawn as rows
        before, between, after = ([m.turned() for m in part] for part in (before, between, after))
    gap, top = 30, 24
    height = max(m.rows.shape[0] for m in [*before, *between, *after]) * CELL
    parts, x = [], 2.0
    for matrix in [*before, *between, *after]:
        if matrix is after[0] or matrix in between[:1]:
            parts.append(arrow(x - gap + 8, top + height / 2, x + gap - 8, top + height / 2))
            x += gap + 6
        y = top + (height - matrix.rows.shape[0] * CELL) / 2
        css = (
            "rt-is-written"
            if matrix.written
            else "rt-third"
            if matrix.name.partition("[")[0] in BETWEEN
            else "rt-is-read"
        )
        parts.append(label(x, y - 12, matrix.name, "rt-italic", "start"))
        parts.append(grid(x, y, matrix.rows.tolist(), dict.fromkeys(matrix.marked, css)))
        x += matrix.width + gap
    title = f"The elements from which one element of the result of {component.file.stem} is computed"
    return drawing(x - gap + 2, top + height + 4, title, " ".join(map(_told, [*after, *before, *between])), parts)


def _told(matrix: Matrix) -> str:
    """In words: which elements, and their values."""
    found = [f"{number(float(matrix.rows[r, c]))} in row {r}, column {c}" for r, c in sorted(matrix.marked)]
    between = matrix.name.partition("[")[0] in BETWEEN
    what = "the elements that are read" if not between else "computed before the result"
    what = "the element that is written" if matrix.written else what
    return f"{matrix.name}, {matrix.rows.shape[0]} by {matrix.rows.shape[1]}: {what}: {'; '.join(found)}."
