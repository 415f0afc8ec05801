"""The four algorithms of the guide "How an all-reduce works", recorded for the step viewer: the elements that are sent, and the sums."""

from __future__ import annotations

import functools
from types import FrameType
from typing import Any

import numpy as np

from ..distributed import ladder
from ..trace import Recording
from ..trace.record import ELSEWHERE, Recorder

RANKS, ELEMENTS = 4, 8
WAYS = ("everybody_to_everybody", "through_rank_0", "ring", "halving_and_doubling")


@functools.cache
def recorded(way: str) -> Recording:
    """All elements of rank r are 10 ** r at first, so a sum shows which ranks' numbers it contains."""
    ranks = [np.full(ELEMENTS, 10**r) for r in range(RANKS)]
    function = getattr(ladder, way)
    recorder = OfRanks(function, ranks)
    recorder.run(lambda: function(ranks, Messages(recorder)))
    return recorder.recording("cpu")


class OfRanks(Recorder):
    """Records after each line which elements of which rank have changed. Elements that are sent count as read."""

    def __init__(self, function: Any, ranks: list[np.ndarray]):
        super().__init__(function)
        self.ranks, self.before = ranks, [array.copy() for array in ranks]
        for r, array in enumerate(ranks):
            self.watch(array, f"ranks[{r}]")
        self.first_touch = dict.fromkeys(range(self.size), "read")  # all have numbers at the start

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The code of the network is not recorded."""
        return None if frame.f_code.co_name in ("exchange", "sent") else super()._enter(frame, event, argument)

    def _finish(self) -> None:
        if self.row != ELSEWHERE:
            for r, (array, before) in enumerate(zip(self.ranks, self.before)):
                (changed,) = np.nonzero(array != before)
                self.wrote(r * ELEMENTS + changed, array[changed])
                before[changed] = array[changed]
        super()._finish()

    def sent(self, sender: int, part: np.ndarray) -> None:
        """These elements of a rank are sent. If a copy of the whole array is sent, these are all elements."""
        array = self.ranks[sender]
        offset = part.__array_interface__["data"][0] - array.__array_interface__["data"][0]
        first = offset // array.itemsize if np.shares_memory(part, array) else 0
        self.read(np.arange(first, first + part.size) + sender * ELEMENTS)


class Messages(ladder.Network):
    """A network that reports to the recorder what is sent."""

    def __init__(self, recorder: OfRanks):
        super().__init__()
        self.recorder = recorder

    def exchange(self, messages: list[ladder.Message]) -> dict[int, np.ndarray]:
        for sender, _, part in messages:
            self.recorder.sent(sender, part)
        return super().exchange(messages)
