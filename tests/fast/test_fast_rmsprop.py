"""A plain step of RMSprop gives what the reference kernel gives; with an option it is left to that."""

import numpy as np
import pytest

from reftorch.fast import rmsprop as fast
from reftorch.optim import rmsprop

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40, 3e38]
FAR = [1e-30, 2e19, -1e20, 1e25]  # squares that float32 cannot hold


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 37, 64])
def test_the_same_as_the_reference(size, workers, dtype, monkeypatch):
    monkeypatch.setattr(fast, "threads_for", lambda work: workers)
    rng = np.random.default_rng(0)
    param, grad, square_avg = (rng.standard_normal(size).astype(dtype) for _ in range(3))
    square_avg = square_avg**2
    grad[12 : 12 + len(FAR)] = FAR[: max(size - 12, 0)]
    grad[:7], square_avg[5:12] = SPECIAL[:size], np.abs(SPECIAL[: max(size - 5, 0)])
    results = []
    for step in (rmsprop.rmsprop_step_cpu.py_func, lambda *given: fast.rmsprop_step(None, *given)):
        given = param.copy(), grad.copy(), square_avg.copy()
        numbers = map(param.dtype.type, (0.01, 0.9, 1 - 0.9, 1e-8, 0, 0))
        with np.errstate(all="ignore"):
            step(*given, given[2], given[2], *numbers, False, False)
        results.append(given)
    for found, wanted in zip(*results):
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("name, value", [("weight_decay", 0.1), ("momentum", 0.9), ("centered", 1), ("maximize", 1)])
def test_options_are_left_to_the_reference(name, value):
    options, left = dict(weight_decay=0, momentum=0, centered=False, maximize=False), []
    options[name] = value
    row = np.ones(3)
    arguments = row, row, row, row, row, 0.01, 0.9, 0.1, 1e-8, *options.values()
    fast.rmsprop_step(lambda *given: left.append(given), *arguments)
    assert len(left) == 1 and all(a is b for a, b in zip(left[0], arguments, strict=True))
