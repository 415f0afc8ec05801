"""Alpha dropout by planes gives what the reference loops give with a mask for each element."""

import numpy as np
import pytest

from reftorch.fast import alpha_dropout as fast
from reftorch.nn.dropout import alpha_dropout

NUMBERS = 0.9, 1.6, 0.3  # scale, low, lift


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 3, 4, 5), (1, 1, 9), (2, 2, 1, 1, 3)])
def test_the_same_as_the_reference(shape, workers, dtype, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: workers)
    rng = np.random.default_rng(0)
    x, mask = rng.standard_normal(shape).astype(dtype), rng.integers(0, 2, (*shape[:2], *[1] * (len(shape) - 2)))
    mask = mask.astype(dtype)
    mask.reshape(-1)[0] = 0
    x.reshape(-1)[:3] = np.nan, np.inf, -np.inf
    each = np.broadcast_to(mask, shape).reshape(-1)
    wanted = np.empty((2, x.size), dtype)
    with np.errstate(all="ignore"):
        alpha_dropout.alpha_dropout_forward_cpu.py_func(x.reshape(-1), each, wanted[0], *NUMBERS)
        alpha_dropout.alpha_dropout_backward_x_cpu.py_func(x.reshape(-1), each, wanted[1], NUMBERS[0])
        found = fast.drop_planes(x, mask, *NUMBERS), fast.scale_planes(x, mask, NUMBERS[0])
    for y, exact in zip(found, wanted):
        assert y.dtype == dtype and y.flags.c_contiguous
        np.testing.assert_allclose(y, exact.reshape(shape), rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-7)


def test_a_strided_view():
    x, mask = np.arange(12, dtype=np.float32).reshape(2, 2, 3).transpose(0, 2, 1), np.ones((2, 3, 1), np.float32)
    np.testing.assert_array_equal(fast.drop_planes(x, mask, 2.0, 1.0, 0.5), 2 * x + 0.5)
