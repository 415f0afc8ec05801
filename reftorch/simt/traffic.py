"""The memory traffic of the threads of a warp.

A GPU runs 32 threads together, as a warp. When they read x[i], there is one request to global memory for every sector of 32 bytes that
holds one of their cells: 4 sectors for 32 neighbouring float32 cells, 32 sectors if the cells are far apart. Shared memory has 32 banks,
each 4 bytes wide: the word at byte address a is in bank a / 4 modulo 32. A bank delivers one word at a time, to all threads that read this
word. If the threads read n different words of one bank, the access takes n rounds: an n-way bank conflict. Cells of 8 bytes are delivered
to half a warp at a time, cells of 16 bytes to a quarter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from .place import Site
from .thread import WARP, Thread

if TYPE_CHECKING:
    from .array import Array

SECTOR, BANKS, WORD = 32, 32, 4  # bytes, banks, bytes


class Use(NamedTuple):
    """An instruction that accesses memory, and the kind of access."""

    site: Site
    kind: str
    space: str
    itemsize: int


@dataclass
class LineTraffic:
    """The accesses of one line to one array: `requests` of warps, with `accesses` of single threads.

    Global memory: `units` counts the sectors, `fewest` the sectors if the cells were neighbours. Shared
    memory: `units` counts the rounds, `fewest` those without conflicts, `ways` the worst conflict (1: none).
    """

    file: str
    line: int
    space: str
    kind: str
    array: str
    requests: int = 0
    accesses: int = 0
    units: int = 0
    fewest: int = 0
    ways: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Traffic:
    """Combines the accesses of threads to requests of warps, and adds them by line."""

    def __init__(self) -> None:
        self.open: dict[
            tuple, dict[int, int]
        ] = {}  # of the block that runs: by warp and moment, the address of each lane
        self.names: dict[Use, str] = {}
        self.lines: dict[tuple, LineTraffic] = {}

    def note(
        self, array: Array, space: str, kind: str, thread: Thread, site: Site, address: int, frame: FrameType
    ) -> None:
        """One access by one thread."""
        use = Use(site, kind, space, array.itemsize)
        if use not in self.names:
            self.names[use] = array._name_in(frame)
        moment = (use, *thread.loops)
        visit = thread.visits[moment] = thread.visits.get(moment, 0) + 1
        self.open.setdefault((thread.warp, visit, moment), {})[thread.lane] = address

    def close(self) -> None:
        """The block has ended: add its requests to their lines."""
        for (_, _, (use, *_)), addresses in self.open.items():
            place, name = use.site.place, self.names[use]
            key = (place, use.space, use.kind, name)
            line = self.lines.setdefault(key, LineTraffic(place.file, place.line, use.space, use.kind, name))
            line.requests += 1
            line.accesses += len(addresses)
            if use.space == "global":
                line.units += len({address // SECTOR for address in addresses.values()})
                line.fewest += -(-len(set(addresses.values())) * use.itemsize // SECTOR)
            else:
                rounds = conflicts(addresses, use.itemsize)
                line.units += sum(rounds)
                line.fewest += len(rounds)
                line.ways = max(line.ways, *rounds)
        self.open = {}

    def sorted(self) -> list[LineTraffic]:
        return [self.lines[key] for key in sorted(self.lines)]


def conflicts(addresses: Mapping[int, int], itemsize: int) -> list[int]:
    """The rounds that each part of a warp needs, given the address of each lane. A part is as many lanes as fill the banks."""
    part = min(WARP, BANKS * WORD // itemsize)
    words: dict[int, set[int]] = {}
    for lane, address in addresses.items():
        words.setdefault(lane // part, set()).update(byte // WORD for byte in range(address, address + itemsize, WORD))
    return [max(Counter(word % BANKS for word in found).values()) for found in words.values()]
