"""NumPy's functions over CUDA arrays: `xp = on_cuda` and then `xp.add(a, b)`, `xp.sum(a, axis=0)`, as with `xp = numpy`.

Operands are device arrays, or Python and NumPy numbers beside one; they broadcast, and may be views with any strides that are
not negative. Results are new contiguous arrays, whose dtype is the one that NumPy gives (sums of small integers are int64).
Nothing here is on the tape.

| file | what it holds |
|---|---|
| `cuda_tables.py` | the operations themselves, by number |
| `cuda_kernels.py` | what one thread does |
| `cuda_arrays.py` | views, creation, transfer, copies |
| `cuda_map.py` | arithmetic element by element |
| `cuda_reduce.py` | sums, extremes, matrix products |
| `cuda_index.py` | index arrays, joining, sorting |
"""

from .cuda_arrays import *  # noqa: F403
from .cuda_index import *  # noqa: F403
from .cuda_map import *  # noqa: F403
from .cuda_reduce import *  # noqa: F403
