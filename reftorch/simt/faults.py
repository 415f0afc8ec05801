"""The faults of a kernel. A fault is an exception that holds the lines, the threads, and the cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .place import Place, ThreadName


class SimtError(RuntimeError):
    """A rule that a kernel broke.

    `threads` are the threads of the fault (`ThreadName`), `places` the line of each (`Place`), `array` and `cell` what they accessed.
    `count` is the number of equal faults on the same lines, with any threads and cells; the message describes the first one.
    """

    kind = "fault"

    def __init__(
        self,
        text: str,
        places: Sequence[Place] = (),
        threads: Sequence[ThreadName] = (),
        array: str = "",
        cell: Any = None,
    ):
        super().__init__(text)
        self.text = text
        self.places, self.threads = tuple(places), tuple(threads)
        self.array, self.cell = array, cell
        self.count = 1

    @property
    def file(self) -> str | None:
        """The file of the first place."""
        return self.places[0].file if self.places else None

    @property
    def line(self) -> int | None:
        """The line of the first place."""
        return self.places[0].line if self.places else None

    def __str__(self) -> str:
        where = f"{self.places[0]}: " if self.places else ""
        again = f" ({self.count} times on these lines; this was the first)" if self.count > 1 else ""
        return f"{where}{self.kind}: {self.text}{again}"

    def to_dict(self) -> dict[str, Any]:
        """The fault as numbers and text."""
        return {
            "kind": self.kind,
            "text": self.text,
            "places": [place._asdict() for place in self.places],
            "threads": [thread._asdict() for thread in self.threads],
            "array": self.array,
            "cell": self.cell,
            "count": self.count,
        }


class OutOfBounds(SimtError, IndexError):
    """An index outside of the array."""

    kind = "out of bounds"


class NeverWritten(SimtError):
    """A read of a cell that has not been written yet."""

    kind = "read of memory that nobody wrote"


class DataRace(SimtError):
    """Two accesses whose order is not known. `threads` and `places` are those of the later access, then those of the earlier one."""

    kind = "data race"


class DivergentBarrier(SimtError):
    """A barrier that not all threads of a block reach together."""

    kind = "divergent barrier"


class WarpFault(SimtError):
    """A warp operation without the threads that it needs."""

    kind = "warp operation"


class SharedArrayFault(SimtError):
    """A shared array that a GPU or Numba would not allow."""

    kind = "shared array"


class LaunchFault(SimtError):
    """A launch that no GPU would accept; nothing is run."""

    kind = "launch"


class StepLimit(SimtError):
    """More steps than allowed; the run is stopped."""

    kind = "too many steps"


class KernelFailed(SimtError):
    """Python raised an exception in the kernel (`__cause__`); the run is stopped."""

    kind = "exception"
