"""Products with a matrix whose panels were made once: as NumPy's, for one thread and several, slices of k, and edges of tiles."""

import numpy as np
import pytest

from reftorch.fast import repeated
from reftorch.fast.matmul import BLOCK, DEPTH
from reftorch.fast.registers import COLS, ROWS
from reftorch.fast.repeated import multiply, pack

SIZES = [(1, 1, 1), (ROWS + 1, 5, COLS + 1), (64, DEPTH + 1, 100), (5, 2 * DEPTH + 32, 3 * COLS)]
SIZES += [(BLOCK + 6 * ROWS, 20, 30), (0, 3, 4)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("M, K, N", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_the_product(monkeypatch, M, K, N, turned, dtype, workers):
    monkeypatch.setattr(repeated, "threads_for", lambda work, pieces: min(workers, pieces))
    rng = np.random.default_rng(0)
    b = rng.standard_normal((N, K)).astype(dtype).T if turned else rng.standard_normal((K, N)).astype(dtype)
    bias, panels = rng.standard_normal(N).astype(dtype), pack(b)
    for _ in range(2):  # the panels serve more than one product
        a, y = rng.standard_normal((M, K)).astype(dtype), np.full((M, N), np.nan, dtype)
        multiply(a, panels, bias, y)
        wanted = a.astype(np.float64) @ b + bias
        assert np.abs(y - wanted).max(initial=0) <= 8 * np.finfo(dtype).eps * np.sqrt(K) * max(
            np.abs(wanted).max(initial=0), 1
        )
