"""Four ways to add arrays over all ranks, as loops over arrays in one process. The guide "How an all-reduce works" explains them.

`ranks[r]` is the array of rank r. Each function writes the sum of all arrays into each of them. Messages go through a `Network`,
which counts rounds and bytes. For real ranks MPI does this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Message = tuple[int, int, np.ndarray]  # sender, receiver, numbers


class Network:
    """Counts what the busiest rank has to do, one round after the other."""

    def __init__(self) -> None:
        self.rounds = 0
        self.bytes = 0  # of the largest message of each round, added up

    def exchange(self, messages: list[Message]) -> dict[int, np.ndarray]:
        """One round: all messages are sent at the same time. Returns what arrives at each receiver.

        Raises:
            ValueError: a rank sends or receives two messages in one round.
        """
        for role, found in (("sends", [m[0] for m in messages]), ("receives", [m[1] for m in messages])):
            if len(set(found)) != len(found):
                raise ValueError(f"a rank {role} two messages in one round: {sorted(found)}")
        self.rounds += 1
        self.bytes += max(numbers.nbytes for _, _, numbers in messages)
        return {receiver: numbers.copy() for _, receiver, numbers in messages}


def everybody_to_everybody(ranks: list[np.ndarray], network: Network) -> None:
    """Each rank sends its array to each other rank."""
    W = len(ranks)
    own = [array.copy() for array in ranks]
    for distance in range(1, W):
        arrived = network.exchange([(r, (r + distance) % W, own[r]) for r in range(W)])
        for r in range(W):
            ranks[r] += arrived[r]


def through_rank_0(ranks: list[np.ndarray], network: Network) -> None:
    """Rank 0 gets all arrays, adds them, and sends the sum back."""
    W = len(ranks)
    for r in range(1, W):
        ranks[0] += network.exchange([(r, 0, ranks[r])])[0]
    for r in range(1, W):
        ranks[r][:] = network.exchange([(0, r, ranks[0])])[r]


def ring(ranks: list[np.ndarray], network: Network) -> None:
    """Chunks go round: each rank sends to the next one only."""
    W = len(ranks)
    chunk = [np.array_split(array, W) for array in ranks]  # chunk[r][c] is a view of the array of rank r
    for step in range(W - 1):  # after this, rank r has the sum of chunk r + 1
        arrived = network.exchange([(r, (r + 1) % W, chunk[r][(r - step) % W]) for r in range(W)])
        for r in range(W):
            chunk[r][(r - 1 - step) % W] += arrived[r]
    for step in range(W - 1):  # the sums go round once more
        arrived = network.exchange([(r, (r + 1) % W, chunk[r][(r + 1 - step) % W]) for r in range(W)])
        for r in range(W):
            chunk[r][(r - step) % W][:] = arrived[r]


def halving_and_doubling(ranks: list[np.ndarray], network: Network) -> None:
    """Pairs exchange halves, then quarters, ...; then back. The number of ranks is a power of two.

    Raises:
        ValueError: it is not.
    """
    W = len(ranks)
    if W & (W - 1):
        raise ValueError(f"halving and doubling needs 2, 4, 8, ... ranks, found {W}")
    part = [slice(0, len(ranks[0]))] * W
    distance = W // 2
    while distance >= 1:  # each rank keeps one half of its part, and sends the other one to its partner
        kept, sent = zip(*(halves(part[r], upper=bool(r & distance)) for r in range(W)))
        arrived = network.exchange([(r, r ^ distance, ranks[r][sent[r]]) for r in range(W)])
        part = list(kept)
        for r in range(W):
            ranks[r][part[r]] += arrived[r]
        distance //= 2
    distance = 1
    while distance < W:  # each pair exchanges the sums that it has
        arrived = network.exchange([(r, r ^ distance, ranks[r][part[r]]) for r in range(W)])
        for r in range(W):
            ranks[r][part[r ^ distance]] = arrived[r]
        part = [union(part[r], part[r ^ distance]) for r in range(W)]
        distance *= 2


def halves(part: slice, upper: bool) -> tuple[slice, slice]:
    """The half that is kept, and the other one."""
    middle = (part.start + part.stop) // 2
    low, high = slice(part.start, middle), slice(middle, part.stop)
    return (high, low) if upper else (low, high)


def union(a: slice, b: slice) -> slice:
    """Two neighbouring parts as one."""
    return slice(min(a.start, b.start), max(a.stop, b.stop))


def seconds(network: Any, alpha: float, beta: float) -> float:
    """The time that the counted messages take: alpha seconds for each round, beta for each byte."""
    return network.rounds * alpha + network.bytes * beta
