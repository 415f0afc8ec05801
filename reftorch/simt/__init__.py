"""CUDA kernels without a GPU: a runner that gives the same result every time, and reports each rule of the GPU that a kernel breaks.

    report = simt.run(kernel, grid, block, x, y)                         # raises at the first fault, at the faulty line
    report = simt.run(kernel, grid, block, x, y, strict=False)           # goes on, and lists all: report.faults
    print(report)                                                        # faults, counts, memory traffic line by line

    with simt.runner(order="shuffled", seed=3) as session:               # every kernel that is launched inside the block
        loss = model(images.to("cuda")).sum()
        loss.backward()
    print(session)

`kernel` is a function under `@cuda.jit`, or a plain function. Its own Python code runs, line by line, so breakpoints in it work.

## How a kernel runs here

One CUDA thread runs until it ends or reaches a barrier; then the next one runs. With `order="ascending"` thread 0 runs first, with
"descending" the last thread; with "shuffled" the order is drawn from `seed`, again after each barrier. Blocks run one after the other in
the same order. A GPU guarantees no order, so a correct kernel gives the same result with all of them.

## What a kernel may rely on: happens-before

A GPU runs threads at the same time. Two accesses to the same cell have a known order only in these cases:

- in one thread, each line comes before the next;
- `cuda.syncthreads()` is a barrier for all threads of a block: every access before it comes before every access after it;
- `cuda.syncwarp(mask)` is a barrier for the threads of a warp that `mask` names. Shuffles and votes exchange values, but do not order
  accesses to memory;
- threads of different blocks have no common barrier. Only launches order them: all accesses of a launch come before those of the next
  one. (There is one exception. A thread calls `cuda.threadfence()` and then makes an atomic operation on a cell. If another thread reads
  the result by an atomic operation on the same cell, the accesses before the fence come before that thread's later accesses.)

Two accesses by different threads to the same cell, of which at least one is a write, are a **data race** if their order is not known: the
result depends on which comes first. Atomic operations do not race with each other, but they race with plain reads and writes.

The runner finds a race even if the result was right in the order of this run. Each thread has a clock, which increases at each barrier,
and a table with the latest known clock of each other thread. At a barrier, each thread learns the clocks and the tables of all others.
Each access to a cell is stored with the clock of its thread. An earlier access by thread a comes before one by thread b if b's table has
at least the clock of that access; otherwise the two race.

## What is reported

Each fault is an exception with `kind`, `file`, `line`, `threads`, `array` and `cell`:

| fault | what |
|---|---|
| `OutOfBounds` | an index beyond the array, or a negative one: Numba counts it from the end, C++ reads before the array |
| `NeverWritten` | a read of shared or local memory, or of an array that is known to be `empty`, before any thread has written there |
| `DataRace` | see above |
| `DivergentBarrier` | a barrier that not all threads of the block reach, or that they reach on different lines |
| `WarpFault` | a warp operation whose mask names threads that do not reach it, or a shuffle from a thread that does not take part |
| `SharedArrayFault` | two shared arrays on one line, shapes that differ between threads, more shared memory than a block has |
| `LaunchFault` | more than 1,024 threads per block, or a grid that no GPU accepts |
| `StepLimit` | more accesses than `max_steps`: most likely a loop that never ends |
| `KernelFailed` | Python itself raised an exception in the kernel |

## What is counted

Reads, writes and atomics of each thread in each kind of memory, and barriers. The 32 threads of a warp run each line together: for their
access, the number of 32-byte sectors of global memory is counted (coalescing), and the number of accesses to shared memory that are needed
because their cells are in the same of its 32 banks. Threads are counted together if they are at the same instruction and in the same
iteration of the enclosing `for` loops; in a `while` loop, if each has run the instruction equally often.

## What Numba's own simulator does not see

It runs all threads of a block as Python threads, and Python chooses the order: a missing barrier gave a wrong result in about
one of fifty runs. It reports no barrier that only some threads reach. Its shared memory is not initialised (and often holds zeros), a
negative index reads from the other end, two shared arrays on one line are the same array, and blocks of 2,000 threads are accepted. It
has no shuffles, votes or `syncwarp`.

## What this runner does not model

Time; caches; the order in which a GPU makes writes visible, apart from the rules above; overflow of 32-bit integers in a kernel's own
variables (Python's integers do not overflow); cooperative groups. Two views of one memory with different types count as different memory.
"""

from .faults import (
    DataRace,
    DivergentBarrier,
    KernelFailed,
    LaunchFault,
    NeverWritten,
    OutOfBounds,
    SharedArrayFault,
    SimtError,
    StepLimit,
    WarpFault,
)
from .launch import run
from .place import Place, ThreadName
from .report import Report
from .session import Session, runner

__all__ = [
    "DataRace", "DivergentBarrier", "KernelFailed", "LaunchFault", "NeverWritten", "OutOfBounds", "Place", "Report", "Session",
    "SharedArrayFault", "SimtError", "StepLimit", "ThreadName", "WarpFault", "run", "runner",
]  # fmt: skip
