"""The loops over the threads of a launch. Each kernel gets loops of its own, compiled together with it."""

# mypy: disable-error-code="name-defined,no-untyped-def"

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

import numpy as np

from .rewrite import compiled, rewritten
from .thread import borrowed, bytes_of, keep, kept, numbers_of_thread


# `one_thread` is the kernel. `place` says afterwards in which block and thread it was.
def all_threads(place, grid, block, blocks, threads, arguments):
    """Every thread of some blocks; `blocks` and `threads` hold first and step of their order, and how many there are."""
    given = borrowed(arguments)
    number_of_blocks = grid[0] * grid[1] * grid[2]
    number_of_threads = block[0] * block[1] * block[2]
    b = blocks[0]
    for _ in range(blocks[2]):
        place[0] = b
        t = threads[0]
        for _ in range(number_of_threads):
            place[1] = t
            one_thread(*((numbers_of_thread(b, t, grid, block),) + given))  # noqa: F821
            t += threads[1]
            if t >= number_of_threads:
                t -= number_of_threads
        b += blocks[1]
        if b >= number_of_blocks:
            b -= number_of_blocks
    return True


# Here it is a generator, which yields the line of each barrier.
def threads_that_meet(place, grid, block, blocks, threads, arguments, shared, memory, unwritten):
    """Every thread of some blocks, all up to a barrier, then all up to the next one.

    The arrays in `shared` lie in `memory`, which holds `unwritten` when a block begins. The result is whether all threads of a block
    stop at the same barriers; if not, place[2:] holds the first thread, its line (0 if it has ended), and the line of the one that
    differs.
    """
    given = borrowed(arguments) + borrowed(shared)
    number_of_blocks = grid[0] * grid[1] * grid[2]
    number_of_threads = block[0] * block[1] * block[2]
    pattern = one_thread(*((numbers_of_thread(blocks[0], threads[0], grid, block),) + given))  # noqa: F821
    waiting = np.empty(number_of_threads * bytes_of(pattern), np.uint8)
    b = blocks[0]
    for _ in range(blocks[2]):
        place[0] = b
        # for `memory[:] = unwritten`, Numba would compile the text of an error, for seconds
        for k in range(memory.size):
            memory[k] = unwritten[k]
        for t in range(number_of_threads):
            keep(waiting, t, one_thread(*((numbers_of_thread(b, t, grid, block),) + given)))  # noqa: F821
        place[3] = 1
        while place[3]:
            t = threads[0]
            for k in range(number_of_threads):
                place[1] = t
                line = 0
                for line in kept(waiting, t, pattern):  # noqa: B007
                    break
                if k == 0:
                    place[2] = t
                    place[3] = line
                elif line != place[3]:
                    place[4] = line
                    return False
                t += threads[1]
                if t >= number_of_threads:
                    t -= number_of_threads
        b += blocks[1]
        if b >= number_of_blocks:
            b -= number_of_blocks
    return True


@functools.cache
def loops(kernel: FunctionType, sizes: tuple = ()) -> Any:
    """The loops for a kernel; for arguments of these sizes only, if there are any."""
    form = rewritten(kernel, True, sizes)
    code = (threads_that_meet if form.barriers else all_threads).__code__
    own = FunctionType(code, {**globals(), "one_thread": form.compiled})
    own.__module__, own.__qualname__ = __name__, f"{kernel.__module__}.{form.function.__qualname__}"
    # its own indices are right; the kernel, a function of its own, checks those that it uses
    return compiled(own, form.text, nogil=True, forceinline=False, boundscheck=False)
