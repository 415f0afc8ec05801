"""Runs a kernel: block after block, thread after thread, from barrier to barrier."""

from __future__ import annotations

import bdb
import random
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from .array import Array
from .device import Binder, source_of, takes_turns
from .faults import KernelFailed, LaunchFault, SimtError, StepLimit
from .intrinsics import Cuda
from .meeting import released
from .memory import SHARED_LIMIT, Space, poison
from .place import Place, Site, Sites, ThreadName, ndim_of, place_of
from .report import Report
from .thread import Strand, Thread
from .traffic import Traffic

ORDERS = ("ascending", "descending", "shuffled")
MOST_THREADS = 1024  # of a block
LARGEST_BLOCK = (1024, 1024, 64)
LARGEST_GRID = (2**31 - 1, 65535, 65535)


def run(
    kernel: Any,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    *args: Any,
    order: str = "ascending",
    seed: int = 0,
    check: bool = True,
    strict: bool = True,
    empty: Sequence[Any] = (),
    dynamic_shared: int = 0,
    max_steps: int = 2_000_000,
) -> Report:
    """Run `kernel[grid, block](*args)` one thread at a time, and return a report.

    Args:
        kernel: a function under `@cuda.jit` (on a GPU, or in Numba's simulator), or a plain function.
        grid, block: the number of blocks, and of threads per block; up to three numbers each.
        args: NumPy or device arrays, which are changed in place; numbers; tuples of these.
        order: the order of the threads: "ascending", "descending" or "shuffled", which is drawn from `seed`.
        check: False runs with plain NumPy arrays, which is faster, but finds no faults of memory and counts nothing.
        strict: raise at the first fault; otherwise continue, and list the faults in the report. After a read out of bounds, or
            of a cell that was not written, the kernel continues with NaN; a write out of bounds has no effect.
        empty: those of `args` that have no values yet. They are filled with NaN, and a read before a write is a fault.
        dynamic_shared: bytes for `cuda.shared.array(0, ...)`.
        max_steps: reads, writes, iterations and barriers of all threads together, before the run is stopped.

    Raises:
        SimtError: the first fault, if `strict`.
        ValueError: an unknown order, or a grid or block that is not one to three positive integers.
    """
    launch = Launch(kernel, grid, block, order, seed, check, strict, dynamic_shared, max_steps)
    for array in empty:
        launch.mark_empty(array)
    return launch.run(args)


def sizes(name: str, given: int | Sequence[int]) -> tuple[int, int, int]:
    """`grid` or `block` as three numbers."""
    numbers = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not 1 <= len(numbers) <= 3 or any(int(n) != n or n < 1 for n in numbers):
        raise ValueError(
            f"{name} is {given}: expected one to three whole numbers of at least 1, as in kernel[grid, block]"
        )
    x, y, z = (*map(int, numbers), 1, 1)[:3]
    return x, y, z


class Launch:
    """One run of a kernel: its grid and memory, the running thread, the counts and the faults."""

    current: Thread

    def __init__(
        self,
        kernel: Any,
        grid: Any,
        block: Any,
        order: str,
        seed: int,
        check: bool,
        strict: bool,
        dynamic: int,
        limit: int,
    ):
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}: expected one of {', '.join(ORDERS)}")
        self.grid, self.block = sizes("grid", grid), sizes("block", block)
        self.block_size = self.block[0] * self.block[1] * self.block[2]
        self.ndim = ndim_of(self.grid, self.block)
        self.order, self.seed, self.random = order, seed, random.Random(seed)
        self.check, self.strict, self.dynamic_shared, self.max_steps = check, strict, dynamic, limit
        self.steps = 0
        self.memory, self.shared = Space("global"), Space("shared")
        self.sites, self.traffic = Sites(), Traffic()
        self.faults: dict[tuple, SimtError] = {}
        self.counts: dict[int, dict[str, int]] = {}  # of each thread, by its number
        self.idle: list[Strand] = []
        self.strands: list[Strand] = []
        source = source_of(kernel)
        self.name = source.__name__
        binder = Binder(Cuda(self), self.loop if check else None)
        self.function = binder.function(source)
        self.code = {made.__code__ for made in binder.done.values()}
        self.turns = takes_turns(self.function)
        self.arguments: tuple = ()
        self.shared_arrays: dict[Site, Any] = {}
        self.dynamic_bytes: np.ndarray | None = None

    # ------------------------------------------------------------------------------------------------------- arguments
    def mark_empty(self, array: Any) -> None:
        """Fill an argument with poison, and mark its cells as not written."""
        data = getattr(array, "_ary", array)
        if not isinstance(data, np.ndarray):
            raise TypeError(
                f"`empty` names a {type(array).__name__}: expected NumPy arrays that are among the arguments"
            )
        data[...] = poison(data.dtype)
        start, strides = self.memory.locate(data), data.strides
        self.memory.empty |= {start + sum(i * s for i, s in zip(index, strides)) for index in np.ndindex(data.shape)}

    def wrap(self, given: Any, name: str, after: list[Callable[[], None]]) -> Any:
        """An argument in the form that the kernel gets."""
        if isinstance(given, tuple):
            return tuple(self.wrap(part, f"{name}[{i}]", after) for i, part in enumerate(given))
        data = getattr(given, "_ary", given)
        if not isinstance(data, np.ndarray) and hasattr(given, "copy_to_host"):  # it lies on a real GPU
            data = given.copy_to_host()
            after.append(lambda: given.copy_to_device(data))
        if not isinstance(data, np.ndarray) or not self.check:
            return data
        return Array(self, self.memory, data, self.memory.locate(data), name)

    # ---------------------------------------------------------------------------------------------------------- running
    def run(self, args: Sequence[Any]) -> Report:
        after: list[Callable[[], None]] = []
        code = self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        self.arguments = tuple(self.wrap(given, name, after) for given, name in zip(args, (*names, *[""] * len(args))))
        try:
            self.check_geometry()
            for number in self.in_order(range(self.grid[0] * self.grid[1] * self.grid[2])):
                self.run_block(number)
        except SimtError:  # it is in self.faults
            if self.strict:
                raise
        finally:
            self.max_steps = -1  # stops a strand that still runs, after Ctrl-C
            for strand in self.strands:
                strand.end()
        for back in after:
            back()
        return Report.of(self)

    def check_geometry(self) -> None:
        """Raises LaunchFault if no GPU would start this."""
        complaint = ""
        if self.block_size > MOST_THREADS:
            complaint = f"{self.block_size:,} threads in a block {self.block}: a GPU takes {MOST_THREADS:,} at most"
        for name, found, limit in (("block", self.block, LARGEST_BLOCK), ("grid", self.grid, LARGEST_GRID)):
            if any(n > most for n, most in zip(found, limit)):
                complaint = complaint or f"a {name} of {found}: a GPU takes {limit} at most"
        complaint += ". Use more blocks of fewer threads" * bool(complaint)
        if self.dynamic_shared > SHARED_LIMIT:
            complaint = f"{self.dynamic_shared:,} bytes of dynamic shared memory: a block has {SHARED_LIMIT:,}"
        if complaint:
            raise self.fault(LaunchFault, complaint, stop=True)

    def run_block(self, number: int) -> None:
        """Run all threads of a block until they wait or end; then those that may continue; and so on."""
        self.shared, self.shared_arrays, self.dynamic_bytes = Space("shared"), {}, None
        threads = [Thread(self, number, i) for i in range(self.block_size)]
        ready = threads
        while ready:
            for thread in self.in_order(ready):
                self.resume(thread)
            ready = released(self, threads)
        self.counts |= {thread.number: thread.counts for thread in threads}
        self.traffic.close()

    def in_order(self, items: Sequence) -> list:
        """The threads or blocks, in the order in which they run."""
        found = list(items)
        if self.order == "descending":
            found.reverse()
        if self.order == "shuffled":
            self.random.shuffle(found)
        return found

    def resume(self, thread: Thread) -> None:
        """Run a thread until it waits or ends."""
        self.current = thread
        if not self.turns:  # no barrier in the kernel: no need for a Python thread of its own
            thread.run()
        elif thread.strand is not None:
            thread.strand.resume()
        else:
            thread.strand = self.idle.pop() if self.idle else self.new_strand()
            thread.strand.resume(thread.run)
        if thread.done and thread.strand is not None:
            self.idle.append(thread.strand)
        if thread.error is not None:
            self.failed(thread, thread.error)

    def new_strand(self) -> Strand:
        self.strands.append(Strand())
        return self.strands[-1]

    def failed(self, thread: Thread, error: BaseException) -> None:
        """Raise a kernel's exception; Python's own exceptions get the thread's name. The traceback ends in the kernel."""
        if not isinstance(error, Exception) or isinstance(error, bdb.BdbQuit):  # Ctrl-C, or a debugger's q
            raise error
        last, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code in self.code:
                last = trace
            trace = trace.tb_next
        if last is not None:
            last.tb_next = None
        if isinstance(error, SimtError):
            raise error
        places = [place_of(last.tb_frame.f_code, last.tb_lasti)] if last is not None else []
        text = f"{thread.name} raised {type(error).__name__}: {error}"
        fault = self.fault(KernelFailed, text, places, (thread.name,), stop=True)
        raise fault.with_traceback(error.__traceback__) from error

    # ------------------------------------------------------------------------------------------------ called by kernels
    def step(self) -> None:
        """Count a step of the current thread."""
        self.steps += 1
        if self.steps > self.max_steps:
            text = f"the run was stopped after {self.max_steps:,} steps, in {self.current.name}: does a loop never end?"
            text += " If not, allow more with max_steps"
            raise self.fault(StepLimit, text, (), (self.current.name,), stop=True)

    def loop(self, *bounds: Any) -> Iterator[int]:
        """Replaces `range` in kernels, to count the iterations of a thread."""
        loops = self.current.loops
        loops.append(-1)
        try:
            for value in range(*bounds):
                loops[-1] += 1
                self.step()
                yield value
        finally:  # also after a break or return
            loops.pop()

    # ----------------------------------------------------------------------------------------------------------- faults
    def fault(
        self,
        kind: type[SimtError],
        text: str,
        places: Sequence[Place] = (),
        threads: Sequence[ThreadName] = (),
        array: str = "",
        cell: Any = None,
        stop: bool = False,
    ) -> SimtError:
        """Store a fault. In strict mode it is raised; with `stop` it is returned, and the caller raises it."""
        key = (kind, tuple(sorted(places)), array)
        known = self.faults.get(key)
        if known is not None:
            known.count += 1
            return known
        found = self.faults[key] = kind(text, places, threads, array, cell)
        if self.strict and not stop:
            raise found
        return found

    def places(self, frame: FrameType) -> tuple[tuple[Place, ...], str]:
        """The line of a frame; and, if it is in a device function, the lines of its callers, as text."""
        where, *callers = self.sites.stack(frame, self.function.__code__)
        return (where.place,), "".join(f", called from {caller.place}" for caller in callers)
