"""CTC loss by rows of places gives what the reference loops give in float64: texts of any length, no path, infinities and NaN."""

import functools
import math

import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import ctc
from reftorch.nn.loss import ctc_loss as component

inf, nan = math.inf, math.nan


def passes(dtype, x, target, input_lengths, target_lengths, zero_infinity, is_fast):
    """alpha, beta, the losses and the gradient; what the loops leave out stays 7."""
    x, N, S = x.astype(dtype), len(target), 2 * target.shape[1] + 1
    alpha, beta = (np.full((N, len(x), S), 7, dtype) for _ in range(2))
    loss, grad_x, grad_loss = np.empty(N, dtype), np.full(x.shape, 7, dtype), np.linspace(0.5, 2, N).astype(dtype)
    given = x, target, input_lengths, target_lengths
    names = "ctc_loss_forward_alpha", "ctc_loss_backward_beta", "ctc_loss_backward_x"
    references = [getattr(component, f"{name}_cpu").py_func for name in names]
    fasts = [functools.partial(getattr(fast, name), None) for name in names]
    forwards, backwards, gradient = fasts if is_fast else references
    with np.errstate(all="ignore"):
        forwards(*given, alpha, 0)
        component.ctc_loss_forward_cpu.py_func(alpha, input_lengths, target_lengths, loss)
        backwards(*given, beta, 0)
        gradient(grad_loss, *given, alpha, beta, loss, grad_x, 0, zero_infinity)
    return alpha, beta, loss, grad_x


@pytest.fixture(autouse=True)
def as_compiled(monkeypatch):
    """The helpers of the reference in plain Python, which do not raise where compiled ones give NaN."""
    monkeypatch.setattr(component, "label_at", component.label_at.py_func)
    monkeypatch.setattr(component, "log_add", log_add)


def log_add(a, b):
    a, b = (b, a) if a < b else (a, b)
    return a if b == -inf else a + np.log1p(np.exp(b - a))


def log_probabilities(T, N, C, scale=1.0):
    x = scale * np.random.default_rng(T + C).standard_normal((T, N, C))
    return x - np.log(np.exp(x).sum(2, keepdims=True))


CASES = {
    "texts of several lengths": (log_probabilities(9, 3, 4), [[1, 2, 3], [2, 2, 1], [3, 0, 0]], [9, 7, 1], [3, 2, 0]),
    "longer than a register": (log_probabilities(50, 2, 6), np.arange(40).reshape(2, 20) % 5 + 1, [50, 45], [20, 17]),
    "no path": (log_probabilities(4, 2, 3), [[1, 1, 2], [1, 2, 1]], [3, 4], [3, 3]),
    "no time": (log_probabilities(2, 2, 3), [[1], [1]], [0, 0], [1, 0]),
    "far apart": (log_probabilities(12, 2, 5, scale=40.0), [[1, 2, 3], [4, 4, 1]], [12, 11], [3, 3]),
}
SPOILED = log_probabilities(6, 2, 4)
SPOILED[2, 0, 3], SPOILED[3, 0, 1], SPOILED[1, 1, 2] = -inf, -inf, nan
CASES["infinity and NaN"] = (SPOILED, [[1, 2], [1, 2]], [6, 6], [2, 2])


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_the_same_as_the_reference(name, workers, zero_infinity, monkeypatch):
    monkeypatch.setattr(ctc, "threads_for", lambda work, pieces: min(workers, pieces))
    x, *integers = CASES[name]
    integers = [np.asarray(each) for each in integers]
    wanted = passes(np.float64, x.astype(np.float32), *integers, zero_infinity, False)
    found = passes(np.float32, x, *integers, zero_infinity, True)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-4 if name == "far apart" else 2e-5)


def test_float64_is_left_to_the_reference():
    left, x = [], np.zeros((1, 1, 1))
    fast.ctc_loss_forward_alpha(lambda *given: left.append(given), x, None, None, None, x, 0)
    fast.ctc_loss_backward_beta(lambda *given: left.append(given), x, None, None, None, x, 0)
    fast.ctc_loss_backward_x(lambda *given: left.append(given), x, x, None, None, None, x, x, x, x, 0, False)
    assert len(left) == 3
