"""Who does how much of the work.

To enter a parallel loop takes a few microseconds when the other threads are awake, and near a hundred when they sleep. So each fast
form is a serial function that does a share, and the caller decides how many shares there are: one is called directly, several
are dealt out by a `prange`. (A function for one thread only is also compiled in half the time.)
"""

from __future__ import annotations

from reftorch.fast.registers import INLINE
from reftorch.kernel import njit
from reftorch.threads import available

SHARE = 1_000_000  # multiply-adds that are worth a thread: about 25 microseconds
MEMORY = 8  # multiply-adds that take as long as to read or write a number, one after the other


def threads_for(work, pieces=1 << 30):
    """How many threads it pays to use for so many multiply-adds, in so many pieces."""
    if work < 2 * SHARE:
        return 1  # without asking, which takes as long as some of these products
    return max(1, min(available(), work // SHARE, pieces))


@njit(**INLINE)
def share_of(worker, workers, y):
    """The rows from i0 to i1 and columns from j0 to j1 of y that are the worker's: all rows or all columns, if the others are more."""
    i1, j1 = y.shape
    i0, j0 = worker * i1 // workers, worker * j1 // workers
    if i1 > j1:
        return i0, (worker + 1) * i1 // workers, 0 * j1, j1
    return 0 * i1, i1, j0, (worker + 1) * j1 // workers


@njit(**INLINE)
def part_of(worker, workers, tiles, by_tiles):
    """Of blocks of images and tiles of filters, the worker's: its first block, the step to the next one, its tiles from i0 to i1.

    It takes all tiles of some blocks; or, where there are fewer blocks than workers, some tiles of all.
    """
    if by_tiles:
        return 0 * worker, 1, worker * tiles // workers, (worker + 1) * tiles // workers
    return worker, workers, 0 * worker, tiles
