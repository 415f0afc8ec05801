"""Measures how long a call takes, and compares it with another library's call for the same work.

The two are timed in turns, round by round, so that a disturbance affects both. The ratio is computed within each round, and the result
is the median over the rounds. The quartiles show how much the rounds differ.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

# A thread that has finished its part of a parallel loop spins for a while until the next loop comes, and would take a core from the
# other library. So there is a pause before each sample, and then a call that is not timed, which wakes the library's own threads.
SETTLE = 0.02  # seconds, where there are several threads
SAMPLE = 0.02  # a sample is several calls in a row, which take at most so many seconds


@dataclass(frozen=True)
class Budget:
    """At most `rounds` rounds and, after calibration, about `seconds` of measuring; `settle` seconds of sleep before a sample."""

    rounds: int = 15
    seconds: float = 1.0
    settle: float = 0.0


@dataclass(frozen=True)
class Spread:
    """Median and quartiles over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Timing:
    """Seconds per call; `ratio` is the other library's time divided by ours: above 1, ours is faster."""

    seconds: Spread
    torch_seconds: Spread | None
    ratio: Spread | None
    rounds: int


def measure(
    ours: Callable[[], object],
    theirs: Callable[[], object] | None,
    budget: Budget,
    wait: Callable[[], None] = lambda: None,
    their_wait: Callable[[], None] = lambda: None,
) -> Timing:
    """Time `ours`, and `theirs` if there is one, in turns. Each `wait` function returns when the device has finished its work."""
    sides = [(ours, wait)] + ([(theirs, their_wait)] if theirs else [])
    calls, rounds = [], budget.rounds
    for side in sides:
        once = seconds_of(*side, calls=1, settle=budget.settle)  # after a first call, which may compile
        share = budget.seconds / len(sides)  # of the whole time
        calls.append(max(1, int(min(share / budget.rounds, SAMPLE) / max(once, 1e-9))))
        rounds = min(rounds, max(3, int(share / max(once, 1e-9))), budget.rounds)
    samples: list[list[float]] = [[] for _ in sides]
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for i in list(range(len(sides)))[:: 1 if number % 2 else -1]:
                samples[i].append(seconds_of(*sides[i], calls=calls[i], settle=budget.settle))
    finally:
        if collecting:
            gc.enable()
    if theirs is None:
        return Timing(Spread.of(samples[0]), None, None, rounds)
    ratios = [b / a for a, b in zip(*samples)]
    return Timing(Spread.of(samples[0]), Spread.of(samples[1]), Spread.of(ratios), rounds)


def seconds_of(call: Callable[[], object], wait: Callable[[], None], calls: int, settle: float = 0.0) -> float:
    """Seconds per call, measured over `calls` calls in a row; one call before them is not counted."""
    if settle:
        time.sleep(settle)
    call()
    wait()
    start = time.perf_counter()
    for _ in range(calls):
        call()
    wait()
    return (time.perf_counter() - start) / calls
