"""The names in reports: lines of code and threads."""

from __future__ import annotations

import bisect
import dis
import functools
import os
from types import CodeType, FrameType
from typing import NamedTuple


class Place(NamedTuple):
    """A line of a kernel."""

    file: str
    line: int

    def __str__(self) -> str:
        near = os.path.relpath(self.file)
        return f"{self.file if near.startswith('..') else near}:{self.line}"


class ThreadName(NamedTuple):
    """`blockIdx` and `threadIdx` of a thread, each (x, y, z); `ndim` is the number of dimensions that the launch uses."""

    block: tuple[int, int, int]
    thread: tuple[int, int, int]
    ndim: int = 1

    def __str__(self) -> str:
        return f"thread {short(self.thread, self.ndim)} of block {short(self.block, self.ndim)}"


def short(index: tuple[int, int, int], ndim: int) -> str:
    """(3, 0, 0) as "3", "(3, 0)" or "(3, 0, 0)"."""
    return str(index[0] if ndim == 1 else tuple(index[:ndim]))


def ndim_of(*extents: tuple[int, int, int]) -> int:
    """The number of dimensions that are used, of three."""
    return max(max((d + 1 for d in range(3) if sizes[d] > 1), default=1) for sizes in extents)


class Site:
    """One instruction of the code. There is one object for each, so that sites can be compared and looked up quickly."""

    __slots__ = ("code", "instruction", "place")

    def __init__(self, code: CodeType, instruction: int):
        self.code, self.instruction = code, instruction
        self.place = place_of(code, instruction)


def place_of(code: CodeType, instruction: int) -> Place:
    """The line on which an instruction stands."""
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return Place(code.co_filename, line)
    return Place(code.co_filename, code.co_firstlineno)


@functools.lru_cache(maxsize=1_000)
def starts_of(code: CodeType) -> list[int]:
    """Where the instructions of a code begin."""
    return [each.offset for each in dis.get_instructions(code)]


class Sites:
    """The sites of a launch."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], Site] = {}  # by the code's id and the frame's f_lasti

    def at(self, frame: FrameType) -> Site:
        """The current instruction of `frame`."""
        key = (id(frame.f_code), frame.f_lasti)
        return self.known.get(key) or self._add(frame.f_code, key)

    def _add(self, code: CodeType, key: tuple[int, int]) -> Site:
        # Python rewrites an instruction once it has run for a while, and f_lasti then points into its middle.
        starts = starts_of(code)
        start = starts[max(bisect.bisect_right(starts, key[1]) - 1, 0)]
        whole = (key[0], start)
        self.known[key] = self.known[whole] = self.known.get(whole) or Site(code, start)
        return self.known[key]

    def stack(self, frame: FrameType, kernel: CodeType) -> tuple[Site, ...]:
        """The line of `frame`, then the lines of its callers, up to the kernel itself."""
        stack = [self.at(frame)]
        while frame.f_code is not kernel and frame.f_back is not None:
            frame = frame.f_back
            stack.append(self.at(frame))
        return tuple(stack)
