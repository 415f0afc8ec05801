"""Memory and its history: the cells that were not written yet, the last accesses of each cell, and whether two accesses are ordered.

The package's docstring explains clocks and races.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .place import Site

if TYPE_CHECKING:
    from .thread import Thread

SHARED_LIMIT = 48 * 1024  # bytes of shared memory that each block can have on every GPU
READ, WRITE, ATOMIC = "reads", "writes", "atomics"


@functools.cache
def poison(dtype: np.dtype) -> Any:
    """The value of memory that was not written: NaN, or an integer that no kernel would compute."""
    byte = b"\xff" if dtype.kind in "fc" else b"\x01" if dtype.kind == "b" else b"\xcd"
    return np.frombuffer(byte * dtype.itemsize, dtype)[0]


class Access(NamedTuple):
    """An access of a cell: the thread, its clock, the kind of access, and the line of code."""

    thread: Thread
    clock: int
    kind: str
    site: Site


class Cell:
    """The accesses of one cell that later ones can still race with."""

    __slots__ = ("atomics", "block", "published", "reads", "write")

    def __init__(self) -> None:
        self.write: Access | None = None
        self.reads: dict[int, Access] = {}  # since the last write, the latest of each thread
        self.atomics: dict[int, Access] = {}
        self.published: dict[int, int] = {}  # the clocks that threads made known here: fence, then atomic
        self.block = -1

    def rivals(self, kind: str) -> Iterator[Access]:
        """The accesses with which one of `kind` can race: all except reads with reads, and atomics with atomics."""
        if self.write is not None:
            yield self.write
        if kind != ATOMIC:
            yield from self.atomics.values()
        if kind != READ:
            yield from self.reads.values()

    def enter(self, access: Access) -> Access | None:
        """Store the access; returns an earlier one with which it races, if any."""
        thread, kind = access.thread, access.kind
        if self.block != thread.block:
            # Blocks run one after the other, and no block is ordered with a later one: one access of all earlier blocks is enough.
            self.block = thread.block
            self.reads, self.atomics = dict([*self.reads.items()][:1]), dict([*self.atomics.items()][:1])
        race = None
        for rival in self.rivals(kind):
            if rival.thread is not thread and thread.heard.get(rival.thread.number, -1) < rival.clock:
                race = rival
                break
        if kind == WRITE:
            self.write, self.reads, self.atomics = access, {}, {}
        else:
            (self.reads if kind == READ else self.atomics)[thread.number] = access
        return race


# ---------------------------------------------------------------------------------------------------------------- clocks
def meet(threads: Sequence[Thread]) -> None:
    """A barrier: each thread learns the clocks and the tables of all others; then their clocks increase."""
    heard: dict[int, int] = {}
    for known in {id(thread.heard): thread.heard for thread in threads}.values():
        learn(heard, known)
    for thread in threads:
        heard[thread.number] = thread.clock
        thread.clock += 1
        thread.heard = heard


def learn(heard: dict[int, int], news: dict[int, int]) -> None:
    """Take over the clocks in `news` that are later."""
    for number, clock in news.items():
        if heard.get(number, -1) < clock:
            heard[number] = clock


def publish(thread: Thread) -> None:
    """A fence: the thread's next atomic operations publish its accesses until now."""
    thread.fenced = {**thread.heard, thread.number: thread.clock}
    thread.clock += 1


def exchange(cell: Cell, thread: Thread) -> None:
    """An atomic operation: learn what others have published at this cell, and publish the accesses before the last fence."""
    if cell.published:
        thread.heard = dict(thread.heard)
        learn(thread.heard, cell.published)
    if thread.fenced:
        learn(cell.published, thread.fenced)


# --------------------------------------------------------------------------------------------------------------- spaces
class Space:
    """One memory: "global", the "shared" memory of a block, or the "local" memory of a thread. Addresses count bytes.

    They start from 0 and depend only on the arrays' sizes, so that the same launch has the same addresses in each run.
    """

    def __init__(self, name: str):
        self.name = name
        self.counters = {kind: f"{name} {kind}" for kind in (READ, WRITE, ATOMIC)}
        self.top = 0
        self.cells: dict[int, Cell] = {}
        self.empty: set[int] = set()  # addresses of the cells that were not written yet
        self.owners: dict[int, int] = {}  # where the memory of a NumPy array, known by its id, lies

    def reserve(self, nbytes: int, alignment: int) -> int:
        """The address of `nbytes` new bytes."""
        start = -(-self.top // alignment) * alignment
        self.top = start + nbytes
        return start

    def locate(self, data: np.ndarray) -> int:
        """The address of an array's first element. The array that owns its memory lies as on a GPU, at a multiple of 256."""
        owner = owner_of(data)
        if id(owner) not in self.owners:
            self.owners[id(owner)] = self.reserve(owner.nbytes, 256)
        return self.owners[id(owner)] + first_byte(data) - first_byte(owner)


def first_byte(data: Any) -> int:
    """The machine address of an array's first element."""
    return data.__array_interface__["data"][0]


def owner_of(data: np.ndarray) -> np.ndarray:
    """The array that `data` is a view of, or itself."""
    owner, base = data, data.base
    while base is not None:
        owner = base if isinstance(base, np.ndarray) else owner
        base = getattr(base, "base", None)
    return owner
