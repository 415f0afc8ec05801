"""The report of a run: faults and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .faults import SimtError
from .place import ndim_of, place_of, short
from .traffic import LineTraffic

if TYPE_CHECKING:
    from .launch import Launch

ORDER = [f"{space} {kind}" for space in ("global", "shared", "local") for kind in ("reads", "writes", "atomics")]
ORDER += ["barriers", "warp operations"]


@dataclass
class Report:
    """The report of one launch. `str(report)` is a text to read, `report.to_dict()` is for programs (JSON).

    `threads` holds the counts of each thread, in the order of the threads in the grid: {"global reads": 3, ...}; zeros are left out.
    `lines` holds the memory traffic of each line. `finished` is False if the run was stopped.
    """

    kernel: str
    file: str
    line: int
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    order: str
    seed: int
    finished: bool
    shared_bytes: int
    steps: int
    faults: list[SimtError]
    threads: list[dict[str, int]]
    lines: list[LineTraffic]

    @classmethod
    def of(cls, launch: Launch) -> Report:
        code = launch.function.__code__
        count = launch.grid[0] * launch.grid[1] * launch.grid[2] * launch.block_size
        return cls(
            launch.name,
            *place_of(code, -1),
            launch.grid,
            launch.block,
            launch.order,
            launch.seed,
            len(launch.counts) == count,
            launch.shared.top,
            launch.steps,
            list(launch.faults.values()),
            [launch.counts[number] for number in sorted(launch.counts)],
            launch.traffic.sorted(),
        )

    @property
    def counts(self) -> dict[str, int]:
        """The sum over all threads."""
        return {what: sum(thread.get(what, 0) for thread in self.threads) for what in ORDER}

    @property
    def most(self) -> dict[str, int]:
        """The largest count of a single thread."""
        return {what: max((thread.get(what, 0) for thread in self.threads), default=0) for what in ORDER}

    def traffic(self, array: str, kind: str = "reads") -> LineTraffic:
        """The sum over all lines with this kind of access to the array.

        Raises:
            KeyError: there is no such line.
        """
        found = [line for line in self.lines if line.array == array and line.kind == kind]
        if not found:
            raise KeyError(f"no {kind} of {array!r}: found {sorted({(x.array, x.kind) for x in self.lines})}")
        total = LineTraffic(found[0].file, found[0].line, found[0].space, kind, array)
        for line in found:
            total.requests += line.requests
            total.accesses += line.accesses
            total.units += line.units
            total.fewest += line.fewest
            total.ways = max(total.ways, line.ways)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers, text, lists and dictionaries."""
        return {
            "kernel": self.kernel,
            "file": self.file,
            "line": self.line,
            "grid": list(self.grid),
            "block": list(self.block),
            "order": self.order,
            "seed": self.seed,
            "finished": self.finished,
            "shared_bytes": self.shared_bytes,
            "steps": self.steps,
            "faults": [fault.to_dict() for fault in self.faults],
            "counts": self.counts,
            "most": self.most,
            "threads": self.threads,
            "lines": [line.to_dict() for line in self.lines],
        }

    def __str__(self) -> str:
        seed = f", seed {self.seed}" if self.order == "shuffled" else ""
        blocks = self.grid[0] * self.grid[1] * self.grid[2]
        threads = self.block[0] * self.block[1] * self.block[2]
        ndim = ndim_of(self.grid, self.block)
        extents = f"grid {short(self.grid, ndim)}, block {short(self.block, ndim)}"
        parts = [f"{self.kernel}: {extents}: {blocks:,} x {threads:,} threads, {self.order}{seed}"]
        if not self.finished:
            parts.append("the run was stopped before its end")
        parts += [f"  {fault}" for fault in self.faults] or ["no faults"]
        return "\n".join([*parts, *self._count_table(), *self._line_table()])

    def _count_table(self) -> list[str]:
        most = self.most
        rows = [(what, f"{total:,}", f"{most[what]:,}") for what, total in self.counts.items() if total]
        rows += [("shared bytes a block", f"{self.shared_bytes:,}", "")] * (self.shared_bytes > 0)
        return table(("", "all threads", "one thread at most"), rows)

    def _line_table(self) -> list[str]:
        rows = []
        for line in self.lines:
            unit = "sectors" if line.space == "global" else "rounds"
            each, best = f"{line.units / line.requests:.4g} {unit}", f"{line.fewest / line.requests:.4g}"
            note = f"{line.ways}-way bank conflict" if line.ways > 1 else ""
            rows.append(
                (f"line {line.line}", f"{line.space} {line.kind} {line.array}", f"{line.requests:,}", each, best, note)
            )
        return table(("", "", "requests of warps", "each takes", "at best", ""), rows)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines with columns that are aligned: the first to the left, numbers to the right."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return [
        "  ".join(text.rjust(w) if text[:1].isdigit() else text.ljust(w) for text, w in zip(row, widths)).rstrip()
        for row in (head, *rows)
    ]
