"""CUDA kernels compiled for the CPU: the same source at compiled speed, on a machine without a GPU.

    REFTORCH_CUDA=cpu reftorch train --device cuda        # "cuda" means these kernels, in the whole process

    reftorch.cuda.use("cpu")                              # the same, before CUDA is first used
    with cuda_on_cpu.order("shuffled", seed=3): ...       # or "ascending", "descending", "parallel"
    cuda_on_cpu.launch(kernel, grid, block, x, y)         # one launch, over NumPy arrays
    cuda_on_cpu.launch(kernel, grid, block, x, dynamic_shared=1024)  # with bytes for `cuda.shared.array(0, dtype)`

## How a kernel runs here

`rewrite.py` reads the kernel's source and replaces `cuda.grid(1)`, `cuda.threadIdx` and the like by the thread's own numbers. Numba
compiles the result for the CPU, together with a loop that runs it for each thread of each block, one after the other (`launch.py`,
`part.py`). So surplus threads run as on a GPU, types are Numba's (float32 stays float32), and an index outside an array is an `IndexError`
that names the thread. Lines and files are those of the kernel.

A training uses arrays of the same sizes many times. A kernel that has run for half a second with the same sizes is compiled again, with
the sizes as constants. Then LLVM divides by constants, unrolls the loops over a filter, and removes those bounds checks that it can prove
to hold. The other checks stay. Both forms give the same numbers to the last bit, because no operation is reordered or fused.

A kernel with `cuda.syncthreads()` is compiled as a generator: `yield` replaces each barrier. The threads of a block are such generators
in memory. Each is resumed and runs up to its next barrier, and then all continue; the loop that resumes them is compiled, too. If they stop
at different barriers, or some do not stop, this is a `DivergentBarrier`. Shared arrays are filled with NaN at first, so reading an element
that no thread has written gives NaN. Arrays of dynamic shared memory, `cuda.shared.array(0, dtype)`, lie over one another, and
`kernel[grid, block, stream, bytes]` gives their size.

Kernels that cannot be compiled in this way (with warp operations, or a barrier inside a device function) are run by `reftorch.simt`, in
Python. Before a large launch, a warning says so.

## What it does not show

Races: unless the order is "parallel", threads run one after the other, so updates without atomics are not lost. `reftorch.simt` finds
races. Speed: the time of a kernel here says nothing about its time on a GPU.
"""

from .array import Array
from .float64 import float64_arithmetic
from .launch import OutOfMemory, OutsideArray, configured, launch, order, unwrapped
from .rewrite import NotCompiled

__all__ = [
    "Array",
    "NotCompiled",
    "OutOfMemory",
    "OutsideArray",
    "configured",
    "float64_arithmetic",
    "launch",
    "order",
    "unwrapped",
]
