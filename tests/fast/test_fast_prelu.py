"""PReLU by planes gives, to the last bit, what the reference loops give; NaN, infinities and zeros of both signs too."""

import numpy as np
import pytest

from reftorch.fast import prelu as fast
from reftorch.nn.activation import prelu

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3e38, -3e38]
SLOPES = [0.25, 0.0, -0.0, -2.0, np.inf, np.nan, 1e-45]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("N, C, D", [(2, 7, 9), (1, 7, 37), (3, 1, 50), (5, 7, 1), (9, 1, 1), (0, 7, 3), (2, 7, 0)])
def test_the_same_as_the_reference(N, C, D, workers, dtype, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work, pieces: workers)
    rng = np.random.default_rng(0)
    x, grad_y = rng.standard_normal((2, N, C, D)).astype(dtype)
    x.reshape(-1)[: len(SPECIAL)] = SPECIAL[: x.size]
    grad_y.reshape(-1)[-len(SPECIAL) :] = SPECIAL[: x.size]
    for weight in np.array([SLOPES, SLOPES[::-1]], dtype)[:, :C]:
        found, wanted = np.full((2, 2, N, C, D), 7, dtype)
        with np.errstate(all="ignore"):
            prelu.prelu_forward_cpu.py_func(x, weight, wanted[0])
            prelu.prelu_backward_x_cpu.py_func(grad_y, x, weight, wanted[1])
        fast.prelu_forward(None, x, weight, found[0])
        fast.prelu_backward_x(None, grad_y, x, weight, found[1])
        np.testing.assert_array_equal(found, wanted)
        numbers = ~np.isnan(wanted)  # the sign of a NaN means nothing
        np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])
