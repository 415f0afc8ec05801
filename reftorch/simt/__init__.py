"""CUDA kernels without a GPU: a runner that gives the same answer every time, and says which rule of the GPU a kernel breaks.

    report = simt.run(kernel, grid, block, x, y)                         # raises at the first fault, at the faulty line
    report = simt.run(kernel, grid, block, x, y, strict=False)           # goes on, and lists all: report.faults
    print(report)                                                        # faults, counts, memory traffic line by line

    with simt.runner(order="shuffled", seed=3) as session:               # every kernel that is launched inside the block
        loss = model(images.to("cuda")).sum()
        loss.backward()
    print(session)

`kernel` is what `@cuda.jit` made, or a plain function. Its own Python code runs, line by line, so breakpoints in it hold.

## How a kernel runs here

One CUDA thread runs until it ends or comes to a barrier; then the next one. In `order="ascending"` thread 0 goes first, in
"descending" the last, in "shuffled" the `seed` decides, anew after each barrier. Blocks run one after the other in that order
too. A GPU promises no order at all, so a right kernel gives the same result in all of them.

## What a kernel may rely on: happens-before

A GPU runs threads side by side, and of two accesses to one cell only some are known to come one before the other:

- in one thread, each line comes before the next;
- at `cuda.syncthreads()` all threads of a block meet: what any of them did before it comes before what any of them does after;
- at `cuda.syncwarp(mask)` the threads of a warp that `mask` names meet likewise. Shuffles and votes carry their values, but do
  not order memory;
- threads of different blocks never meet. Only a launch orders them: all of it comes before all of the next one. (There is one
  exception: what a thread did before a `cuda.threadfence()` comes before what other threads do after they found, by an atomic
  operation on the same cell, its later atomic operation there.)

Two accesses that nothing orders, by different threads, to one cell, at least one of them a write, are a **data race**: the
result depends on who comes first. Atomic operations do not race with each other, but they do with plain reads and writes.

The runner finds a race whether or not the order that it happened to take gave the right result. Each thread has a clock, which
ticks when it meets others, and a table with the latest tick of each other thread that it has heard of: at a barrier everybody
learns the clocks of all, and what they had learned. With each access to a cell goes the clock of the thread that made it. An
earlier access by thread a comes before one by thread b if b has heard of a's clock as it was then; if not, they race.

## What is reported

Each fault is an exception with `kind`, `file`, `line`, `threads`, `array` and `cell`:

| fault | what |
|---|---|
| `OutOfBounds` | an index beyond the array, or a negative one: Numba counts it from the end, C++ reads before the array |
| `NeverWritten` | a read of shared or local memory, or of an array that is known to be `empty`, before anybody wrote there |
| `DataRace` | see above |
| `DivergentBarrier` | a barrier that not all threads of the block reach, or that they reach on different lines |
| `WarpFault` | a warp operation whose mask names threads that do not come, or a shuffle from a thread that is not there |
| `SharedArrayFault` | two shared arrays on one line, shapes that differ between threads, more shared memory than a block has |
| `LaunchFault` | more than 1,024 threads a block, or a grid that no GPU accepts |
| `StepLimit` | more accesses than `max_steps`: most likely a loop that never ends |
| `KernelFailed` | Python itself raised an exception in the kernel |

## What is counted

Reads, writes and atomics of each thread in each kind of memory; barriers; and for the 32 threads of a warp, which do the same
line together, how many 32-byte sectors of global memory their access touches (coalescing) and how often shared memory has to
be asked because their cells lie in the same of its 32 banks. Threads belong together if they are at the same place of the code
and in the same iteration of the `for` loops around it; in a `while` loop, if they are there for the same time.

## What Numba's own simulator does not see

It runs all threads of a block as Python threads, and Python chooses the order: a missing barrier gave a wrong result in about
one of fifty runs. A barrier that only some threads reach passes. Its shared memory starts with what the memory held (often
zeros), a negative index reads from the other end, two shared arrays on one line are one and the same, 2,000 threads a block
are welcome. It has no shuffles, votes or `syncwarp`.

## What this runner does not model

Time; caches; the order in which a GPU makes writes visible other than by the rules above; integers of 32 bits that overflow in
a kernel's own variables (Python's do not); cooperative groups. Two views of one memory as different types are told apart.
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
