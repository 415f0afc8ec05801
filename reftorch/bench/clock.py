"""How long a call takes, and how that compares with another library's call of the same work.

Both are timed in turns, round by round, so that a disturbance hits both; the ratio is taken within a round, and the median over
the rounds is what counts. The quartiles tell how far the rounds lie apart.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

# A thread that has done its part of a parallel loop goes on spinning for a while, in wait of the next one, and would take a core
# from the other library. So both sides sleep before a sample, and wake their own threads with a call that is not timed.
SETTLE = 0.02  # seconds, where there are several threads
SAMPLE = 0.02  # seconds of calls in a row that make a sample, at most


@dataclass(frozen=True)
class Budget:
    """At most `rounds` rounds and, after calibration, about `seconds` of measuring; `settle` seconds of sleep before a sample."""

    rounds: int = 15
    seconds: float = 1.0
    settle: float = 0.0


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of what the rounds gave."""

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
    """Seconds a call; `ratio` is the other library's time divided by ours, above 1 where we are faster."""

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
    """Time `ours`, and `theirs` if there is one, in turns. The `wait`s return when a device has done what was asked of it."""
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
    """Seconds one of `calls` calls in a row takes, after one that is not counted."""
    if settle:
        time.sleep(settle)
    call()
    wait()
    start = time.perf_counter()
    for _ in range(calls):
        call()
    wait()
    return (time.perf_counter() - start) / calls
