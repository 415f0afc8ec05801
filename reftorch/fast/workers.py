"""Divides the work among threads.

Entering a parallel loop takes a few microseconds if the other threads are awake, and nearly a hundred if they sleep. So each fast
form has a serial function that computes a share, and the caller chooses the number of shares. A single share is called directly, several
are distributed by a `prange`. (A function for one thread only also takes half the time to compile.)
"""

from __future__ import annotations

from reftorch.fast.registers import INLINE
from reftorch.kernel import njit
from reftorch.threads import available

SHARE = 1_000_000  # a thread must have so many multiply-adds, about 25 microseconds
MEMORY = 8  # multiply-adds that take as long as reading or writing a number, in the order of memory


def threads_for(work, pieces=1 << 30):
    """The number of threads to use for this number of multiply-adds, in this number of pieces."""
    if work < 2 * SHARE:
        return 1  # without `get_num_threads`, which takes as long as some of these products
    return max(1, min(available(), work // SHARE, pieces))


@njit(**INLINE)
def share_of(worker, workers, y, height=1, width=1):
    """The worker's rows from i0 to i1 and columns from j0 to j1 of y.

    The larger dimension is divided among the workers, in whole tiles of this height and width.
    """
    i1, j1 = y.shape
    if i1 >= j1:
        tiles = (i1 + height - 1) // height
        return worker * tiles // workers * height, min((worker + 1) * tiles // workers * height, i1), 0 * j1, j1
    tiles = (j1 + width - 1) // width
    return 0 * i1, i1, worker * tiles // workers * width, min((worker + 1) * tiles // workers * width, j1)


@njit(**INLINE)
def part_of(worker, workers, tiles, by_tiles):
    """The worker's blocks of images and tiles of filters: its first block, the step to the next one, its tiles from i0 to i1.

    It computes all tiles of some blocks; or, if there are fewer blocks than workers, some tiles of all blocks.
    """
    if by_tiles:
        return 0 * worker, 1, worker * tiles // workers, (worker + 1) * tiles // workers
    return worker, workers, 0 * worker, tiles
