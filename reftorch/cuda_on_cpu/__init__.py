"""CUDA kernels compiled for the CPU: the same source at compiled speed, on a machine without a GPU.

    REFTORCH_CUDA=cpu reftorch train --device cuda        # "cuda" means this way, in the whole process

    reftorch.cuda.use("cpu")                              # the same, before CUDA is first used
    with cuda_on_cpu.order("shuffled", seed=3): ...       # or "ascending", "descending", "parallel"
    cuda_on_cpu.launch(kernel, grid, block, x, y)         # one launch, over NumPy arrays

## How a kernel runs here

`rewrite.py` reads the kernel's source and puts the thread's own numbers in place of `cuda.grid(1)`, `cuda.threadIdx` and the
like. Numba compiles that for the CPU, and `launch.py` calls it for each thread of each block, one after the other, in a loop of which
it is a part (`part.py`). So surplus
threads run as they do on a GPU, types are Numba's (float32 stays float32), and an index beyond an array is an `IndexError` that
names the thread. Lines and files are those of the kernel.

Arrays of the same sizes come again and again in a training. A kernel that has run for half a second with the same sizes is compiled
once more, with these as constants: LLVM then divides by constants, unrolls the loops over a filter, and leaves out those bounds
checks that it can show to hold. The other checks stay. The numbers are the same to the bit: nothing is reordered or fused in
either form.

A kernel with `cuda.syncthreads()` is compiled as a generator: `yield` stands in place of each barrier. The threads of a block lie in
memory as such generators. Each is resumed and runs up to its next barrier, and then all go on; the loop that resumes them is compiled
too. If they stop at different barriers, or some do not stop, that is
a `DivergentBarrier`. Shared arrays are filled with NaN at first, so what nobody wrote is seen in the result.

What cannot be compiled this way (warp operations, a barrier inside a device function, dynamic shared memory) is run by
`reftorch.simt`, in Python. A large launch says so first.

## What it does not show

Races: unless the order is "parallel", threads take turns, so an update without atomics loses nothing. `reftorch.simt` finds them.
Nor does it show time: how long a kernel takes here says nothing about a GPU.
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
