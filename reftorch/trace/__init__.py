"""Recording a kernel: every line that ran, every variable that changed, every cell that was read or written.

    from reftorch.trace import record, record_cuda

    recording = record(conv2d_forward_cpu, x, weight, bias, y, 1, 1, 0, 0, 1, 1, 1)        # NumPy arrays; y is written
    recording = record_cuda(conv2d_forward_cuda, 1, 16, x, weight, bias, y, ...)           # 1 block of 16 threads; no GPU
    recording.save("conv2d.json")
    recording.save("conv2d.html")                                                          # a page that steps through it

The kernel's own Python code runs, unchanged; only its arrays are replaced by arrays that record their accesses (`watched.py`).
A recording is for tiny arrays: a 3x3 filter over a 4x4 image takes 800 steps and 10 kB.

## The format

One JSON object. Numbers are written short: a whole float as an integer, a float32 with the fewest digits that distinguish it from
its neighbours; NaN and infinity are the strings "nan", "inf" and "-inf". Its keys:

- `format`, `version`: "reftorch recording", 1
- `kernel`: the function's name; `device`: "cpu" or "cuda"
- `grid`, `block`: for CUDA the number of blocks, and of threads per block, three numbers each; otherwise empty
- `functions`: the kernel, and the functions that it called, each with `name`, `file` (from the package's root), `line` (where in
  that file the text begins) and `source`, a list of lines
- `arrays`: in the order of the arguments, then shared arrays of CUDA blocks, each with `name` ("params[0]" in a tuple, "a = b" if
  two arguments are one array), `shape`, `dtype`, `space` ("argument" or "shared"), and `data`: its numbers before the first
  step, row by row, null where the array had no value yet
- `variables`: the kernel's scalars, each [name, number of the function, type]
- `threads`: for CUDA [step, thread] where the thread changes: from that step on `thread` runs, a number in the whole grid
- `steps`: the effects of each line, one after the other

All cells of all arrays are numbered consecutively from 0, in the order of `arrays`. So are the lines of all functions: such a number is a
**row**.
A step is

    [row, [variable, value, variable, value, ...], [cell, cell, ...], [cell, value, cell, value, ...]]
     the line   variables that have a new value        cells read        cells written, and their values

with empty lists left out at the end: `[16]` is a line that changed nothing. A variable's value is a number, true, false, null, a
list of numbers (a tuple, or an array of the kernel's own), or a text (the name and shape of an array: "params[0] [4]").

- The step on the row of a `def` is a call: it gives the arguments their values, and all older values of that function's variables
  are void.
- After a call the caller's line appears a second time, if it does more with the result.
- The loop variable changes on the row of the `for`; the last visit of that row, which ends the loop, changes nothing.
- Row -1 stands for CUDA threads that are not recorded (`record_cuda(thread=...)`): it has only what they wrote.

So the state after step k is: `data`, then the writes of steps 0 to k in order; and for each thread and function the values of
the variables since the call. After the last step the arrays are what the kernel has computed.
"""

from .record import LIMIT, RecordingLimit, record
from .recording import Array, Recording, Source, Variable
from .threads import record_cuda

__all__ = ["LIMIT", "Array", "Recording", "RecordingLimit", "Source", "Variable", "record", "record_cuda"]
