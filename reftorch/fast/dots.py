r"""Products in which each number is used only a few times: a matrix times a vector, or a few; the gradient of a few filters.

There the memory sets the speed, and what counts is that it is read in order and that the processor has several sums under way:
a sum must wait for its last addition, four sums do not wait for each other.

`dot_rows` is $\sum_t \text{line}[t] \, \text{lines}[\text{start}[j] + t]$, along the rows of both, for four j at once. `add_rows` is
for a matrix that is not turned: to walk down its columns would touch a line of the cache for each number, so four rows of it at
once, each times a number, are added to the row of results.
"""

from __future__ import annotations

import numpy as np

from reftorch.fast.tile import by_itself, window
from reftorch.kernel import PARALLEL, SERIAL, njit, prange
