"""A group of processes, and how one of them waits for the others.

MPI transfers the data. This file does the waiting. A blocking call of MPI cannot be interrupted, waits forever for a rank that has
ended, and keeps its core busy meanwhile. So every operation is started without blocking, and `Work.wait` tests again and again whether
it is done. In between it lets other processes use the core, and after a moment it checks whether a rank that it needs has ended.

Each rank that ends sends a last message, its farewell, to all others, with the number of collective operations that it has begun in
each group. A rank that ended after 7 operations never takes part in number 8, so waiting for it would never end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

BUSY = 0.001  # seconds of waiting without sleep: a small all-reduce takes 0.00001
PATIENCE = 0.2  # seconds of waiting before it is checked whether a rank has ended
LATE = 1.0  # seconds after which a message of a rank that has ended is no longer expected
FAREWELL = 7  # the tag of these messages


class ProcessGroup:
    """Some of the processes, and the connection among them."""

    def __init__(self, comm: Any, timeout: float, ranks: Sequence[int], home: Home):
        self.comm, self.timeout, self.ranks, self.home = comm, timeout, list(ranks), home
        self.begun = 0  # collective operations
        self.number = len(home.groups)  # the same on all ranks, since all make their groups in the same order
        home.groups.append(self)

    def rank(self) -> int:
        return self.comm.rank

    def size(self) -> int:
        return self.comm.size

    def start(self, request: Any, then: Callable[[], None] | None = None, keep: Any = None) -> Work:
        """A collective operation that has just begun. `then` runs when it is done; `keep` stays in memory until then."""
        self.begun += 1
        return Work(self, request, self.begun, then, keep)


class Home:
    """What a process knows about all others: its groups, and which ranks have sent their farewell."""

    def __init__(self, control: Any):
        self.control = control  # a separate connection, so that farewells are not mixed with other messages
        self.groups: list[ProcessGroup] = []
        self.left: dict[int, list[int]] = {}  # rank: how many collective operations it had begun, group by group

    def look_for_farewells(self) -> None:
        while self.control.Iprobe(tag=FAREWELL):
            rank, begun = self.control.recv(tag=FAREWELL)
            self.left[rank] = begun

    def leave(self) -> None:
        """Send the farewell to all others, and wait for theirs: MPI ends when all have finished."""
        others = [rank for rank in range(self.control.size) if rank != self.control.rank]
        begun = [group.begun for group in self.groups]
        sent = [self.control.isend((self.control.rank, begun), rank, FAREWELL) for rank in others]
        while len(self.left) < len(others):
            self.look_for_farewells()
            time.sleep(0.001)
        for request in sent:
            request.wait()


class Work:
    """An operation that has been started. Number 0 is a message between two ranks, which are `partners`."""

    def __init__(
        self,
        group: ProcessGroup,
        request: Any,
        number: int,
        then: Callable[[], None] | None = None,
        keep: Any = None,
        partners: Sequence[int] = (),
    ):
        self.group, self.request, self.number, self.partners = group, request, number, partners
        self.then, self.keep, self.done = then, keep, False

    def is_completed(self) -> bool:
        """Whether it is done. MPI makes progress only while it is called, so this call also makes progress."""
        if not self.done and self.request.Test():
            self.done, self.keep = True, None
            if self.then:
                self.then()
        return self.done

    def wait(self, timeout: Any = None) -> bool:
        """Wait until it is done.

        Raises:
            RuntimeError: a rank that it needs has ended, or the time is over.
        """
        begun = time.monotonic()
        limit = self.group.timeout if timeout is None else seconds(timeout)
        while not self.is_completed():
            waited = time.monotonic() - begun
            if waited > PATIENCE:
                self._check(waited, limit)
                time.sleep(0.001)
            elif waited > BUSY:
                time.sleep(0.00005)  # the rank that it waits for may need this core
            else:
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)
        return True

    def _check(self, waited: float, limit: float) -> None:
        group, home = self.group, self.group.home
        home.look_for_farewells()
        me = f"rank {home.control.rank}"
        for other, begun in home.left.items():
            count = begun[group.number] if group.number < len(begun) else 0
            if self.number and other in group.ranks and count < self.number:
                raise RuntimeError(
                    f"rank {other} has ended after {count} collective operations, and {me} waits for it in number "
                    f"{self.number}: all ranks must make the same number of steps. Do they have the same number of batches "
                    "(DistributedSampler ensures it)?"
                )
            if other in self.partners and waited > LATE:
                raise RuntimeError(f"rank {other} has ended, and {me} waits for a message from or to it")
        if waited > limit:
            what = f"collective operation number {self.number}" if self.number else "a message"
            raise RuntimeError(
                f"{me} has waited {waited:.0f} s for the others in {what}: is one of them stuck, or computing something else?"
            )


def seconds(time_: Any) -> float:
    """A number of seconds, or a timedelta, as seconds."""
    return float(time_.total_seconds()) if hasattr(time_, "total_seconds") else float(time_)
