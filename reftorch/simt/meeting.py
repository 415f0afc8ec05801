"""Barriers and warp operations: the threads that may continue, and the result for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .faults import DivergentBarrier, WarpFault
from .memory import meet, poison
from .thread import WARP, Thread

if TYPE_CHECKING:
    from .launch import Launch


def released(launch: Launch, threads: Sequence[Thread]) -> list[Thread]:
    """Called when each thread of a block has ended or waits. Returns those that may continue, with their results."""
    waiting = [thread for thread in threads if not thread.done]
    if not waiting:
        return []
    groups, at_barrier = by_meeting(waiting)
    complete = [group for group in groups if not missing(group, threads)]
    for group in complete:
        answer_warp(launch, group)
    if complete:
        go = {thread.number for group in complete for thread in group}
        return [thread for thread in waiting if thread.number in go]
    if len(at_barrier) < len(threads) or len({thread.wait.stack for thread in at_barrier}) > 1:
        report_divergence(launch, threads, groups, at_barrier)
    # All have arrived; or some will never arrive, and the run continues as if they had, to find other faults.
    for group in groups:
        answer_warp(launch, group)
    if at_barrier:
        answer_block(at_barrier)
    return waiting


def by_meeting(waiting: Sequence[Thread]) -> tuple[list[list[Thread]], list[Thread]]:
    """Those at warp operations, in groups of one warp, operation and mask; and those at a barrier of the block."""
    groups: dict[tuple, list[Thread]] = {}
    at_barrier = []
    for thread in waiting:
        wait = thread.wait
        if wait.operation.startswith("syncthreads"):
            at_barrier.append(thread)
        else:
            groups.setdefault((thread.warp, wait.operation, wait.mask), []).append(thread)
    return list(groups.values()), at_barrier


def missing(group: Sequence[Thread], threads: Sequence[Thread]) -> list[Thread]:
    """The threads that the mask names and that have neither arrived nor ended."""
    warp, mask = group[0].warp, group[0].wait.mask
    named = [t for t in threads[warp * WARP : (warp + 1) * WARP] if mask >> t.lane & 1]
    return [thread for thread in named if not thread.done and thread not in group]


# --------------------------------------------------------------------------------------------------------------- faults
def describe(threads: Sequence[Thread]) -> str:
    """ "thread 3 of block 0" or "12 threads (the first is thread 3 of block 0)"."""
    first = threads[0].name
    return str(first) if len(threads) == 1 else f"{len(threads)} threads (the first is {first})"


def report_divergence(
    launch: Launch, threads: Sequence[Thread], groups: Sequence[Sequence[Thread]], at_barrier: Sequence[Thread]
) -> None:
    """Report threads that wait for others that will never arrive, because these have ended or wait elsewhere."""
    sites: dict[tuple, list[Thread]] = {}
    for thread in [*at_barrier, *(thread for group in groups for thread in group)]:
        sites.setdefault((thread.wait.operation, thread.wait.stack), []).append(thread)
    crowds = list(sites.values())
    told = [f"{describe(crowd)} at cuda.{crowd[0].wait.operation} in {crowd[0].wait}" for crowd in crowds]
    places, names = [crowd[0].wait.stack[0].place for crowd in crowds], [crowd[0].name for crowd in crowds]
    ended = [thread for thread in threads if thread.done]
    if ended:
        told.append(f"{describe(ended)} has returned" if len(ended) == 1 else f"{describe(ended)} have returned")
        names.append(ended[0].name)
    if at_barrier:
        text = "all threads of a block must reach the same barrier, found " + "; ".join(told)
        launch.fault(DivergentBarrier, text, places, names)
    else:
        lost = missing(groups[0], threads)
        text = f"the mask {groups[0][0].wait.mask:#x} names {describe(lost)}, which is not there: {'; '.join(told)}"
        launch.fault(WarpFault, text, places, names)


# -------------------------------------------------------------------------------------------------------------- results
def answer_block(threads: Sequence[Thread]) -> None:
    """`syncthreads` and its forms that also count."""
    meet(threads)
    votes = [bool(thread.wait.value) for thread in threads]
    answers = {"count": votes.count(True), "and": int(all(votes)), "or": int(any(votes))}
    for thread in threads:
        thread.answer = answers.get(thread.wait.operation.removeprefix("syncthreads_"))


def answer_warp(launch: Launch, group: Sequence[Thread]) -> None:
    """Each thread's result of a warp operation of the threads of `group`."""
    operation, mask = group[0].wait.operation, group[0].wait.mask
    for thread in group:
        if not mask >> thread.lane & 1:
            text = (
                f"{thread.name} is lane {thread.lane}, which its own mask {mask:#x} of cuda.{operation} does not name"
            )
            launch.fault(WarpFault, text, [thread.wait.stack[0].place], (thread.name,))
    if operation == "syncwarp":
        meet(group)
    by_lane = {thread.lane: thread for thread in group}
    for thread in group:
        if operation.startswith("shfl"):
            thread.answer = shuffled(launch, operation, thread, by_lane)
        elif operation != "syncwarp":
            thread.answer = vote(operation, thread, by_lane)


def shuffled(launch: Launch, operation: str, thread: Thread, by_lane: dict[int, Thread]) -> Any:
    """The value of another lane. Beyond the ends of the warp a thread gets its own."""
    value, by = thread.wait.value
    sources = {
        "shfl_sync": by % WARP,
        "shfl_up_sync": thread.lane - by,
        "shfl_down_sync": thread.lane + by,
        "shfl_xor_sync": thread.lane ^ by,
    }
    source = sources[operation]
    if not 0 <= source < WARP:
        return value
    if source in by_lane:
        return by_lane[source].wait.value[0]
    text = f"{thread.name} reads with cuda.{operation} the value of lane {source}, which does not take part"
    launch.fault(WarpFault, text, [thread.wait.stack[0].place], (thread.name,))
    return poison(np.asarray(value).dtype)


def vote(operation: str, thread: Thread, by_lane: dict[int, Thread]) -> Any:
    """The results of a vote over the lanes' values."""
    values = {lane: other.wait.value for lane, other in by_lane.items()}
    same = sum(1 << lane for lane, value in values.items() if value == thread.wait.value)
    yes = [bool(value) for value in values.values()]
    if operation == "match_any_sync":
        return same
    if operation == "match_all_sync":
        everyone = sum(1 << lane for lane in values)
        return (everyone, True) if same == everyone else (0, False)
    if operation == "ballot_sync":
        return sum(1 << lane for lane, value in values.items() if value)
    return {"all_sync": all(yes), "any_sync": any(yes), "eq_sync": len(set(yes)) == 1}[operation]
