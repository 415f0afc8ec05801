"""A CUDA thread, and the Python thread that it runs on if it has to wait for others."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .place import Site, ThreadName

if TYPE_CHECKING:
    from .launch import Launch

WARP = 32  # threads that a GPU runs together


class Dim3(NamedTuple):
    """The type of `cuda.threadIdx`, `cuda.blockDim` and the like."""

    x: int
    y: int
    z: int


class Wait(NamedTuple):
    """What a thread waits for: the operation "syncthreads", "shfl_down_sync", ..., its mask and value, and its line."""

    operation: str
    mask: int
    value: Any
    stack: tuple[Site, ...]

    def __str__(self) -> str:
        return ", called from ".join(str(site.place) for site in self.stack)


class Thread:
    """One CUDA thread: its index, its counts, and what it waits for."""

    def __init__(self, launch: Launch, block: int, number: int):
        self.launch = launch
        self.block = block  # number of its block in the grid
        self.number = block * launch.block_size + number  # in the grid
        self.warp, self.lane = divmod(number, WARP)
        self.blockIdx = unravel(block, launch.grid)
        self.threadIdx = unravel(number, launch.block)
        self.clock = 0  # this and the next two: see memory.py
        self.heard: dict[int, int] = {}
        self.fenced: dict[int, int] = {}
        self.counts: dict[str, int] = {}
        self.loops: list[int] = []  # which iteration it is in, of each `for` loop around
        self.visits: dict[tuple, int] = {}  # how often it has been at an instruction, in these iterations
        self.done = False
        self.wait = Wait("", 0, None, ())
        self.answer: Any = None
        self.strand: Strand | None = None
        self.error: BaseException | None = None

    @property
    def name(self) -> ThreadName:
        return ThreadName(self.blockIdx, self.threadIdx, self.launch.ndim)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def run(self) -> None:
        """Run the kernel from start to end. NumPy's warnings about overflow and NaN are off, as a GPU gives none."""
        try:
            with np.errstate(all="ignore"):
                self.launch.function(*self.launch.arguments)
        except Abandoned:
            pass
        except BaseException as error:
            self.error = error
        self.done = True

    def stand(self, operation: str, mask: int, value: Any, frame: FrameType) -> Any:
        """Wait until the others have arrived; returns the result of the operation."""
        self.launch.step()
        if self.strand is None:
            raise RuntimeError(
                f"write cuda.{operation}() in full: under another name it was not recognised as a barrier"
            )
        self.wait = Wait(operation, mask, value, self.launch.sites.stack(frame, self.launch.function.__code__))
        self.strand.pause()
        return self.answer


def unravel(number: int, extents: tuple[int, int, int]) -> Dim3:
    """(x, y, z) of the `number`th thread or block, x fastest."""
    return Dim3(number % extents[0], number // extents[0] % extents[1], number // (extents[0] * extents[1]))


class Abandoned(BaseException):
    """Ends a kernel that waits at a barrier when the run has ended. It is not an `Exception`, so that no kernel catches it."""


class Strand:
    """A Python thread that runs only between `resume` and `pause`, while the thread that called `resume` waits.

    So only one thread runs at a time, and the order is chosen here and not by Python. A debugger that traces the caller
    (`sys.gettrace`) traces the kernel, too.
    """

    def __init__(self) -> None:
        self.go, self.back = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.back.acquire()
        self.job: Callable[[], None] | None = None
        self.trace = sys.gettrace()
        self.abandoned = False
        threading.Thread(target=self._live, name="CUDA thread", daemon=True).start()

    def resume(self, job: Callable[[], None] | None = None) -> None:
        """Begin `job`, or continue the paused job; returns when it pauses or ends."""
        self.job = job or self.job
        self.go.release()
        self.back.acquire()

    def pause(self) -> None:
        """Called by the job: return to the caller of `resume`, and wait for the next `resume`."""
        self.back.release()
        self.go.acquire()
        if self.abandoned:
            raise Abandoned

    def end(self) -> None:
        """End the job, if it is paused, and the Python thread. After Ctrl-C the job may be at any line, or not have started yet."""
        self.abandoned = True
        if self.go.locked():
            self.go.release()

    def _live(self) -> None:
        while True:
            self.go.acquire()
            if self.abandoned or self.job is None:
                return
            sys.settrace(self.trace)
            self.job()
            sys.settrace(None)
            if self.abandoned:
                return
            self.back.release()
