"""Fast softmax, and the gradients of it and of log-softmax, against the reference kernels."""

import math

import numba
import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import log_softmax, softmax, workers
from reftorch.fast.log_softmax import BLOCK, LARGEST
from reftorch.nn.activation.log_softmax import log_softmax_backward_x_cpu, log_softmax_forward_cpu
from reftorch.nn.activation.softmax import softmax_backward_x_cpu, softmax_forward_cpu


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    """With two, even the smallest batch is shared; and no batch is too small for the fast form."""
    monkeypatch.setattr(softmax, "WORTH", 1)
    monkeypatch.setattr(log_softmax, "WORTH", 1)
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    if request.param == 2:
        monkeypatch.setattr(workers, "SHARE", 1)
    yield
    numba.set_num_threads(before)


def drawn(N, C, D, seed=0):
    return (np.random.default_rng(seed).standard_normal((N, C, D)) * 5).astype(np.float32)


def forward(x):
    """The probabilities, by the reference kernel and by the fast form."""
    reference, found = np.full_like(x, 7), np.full_like(x, 8)
    softmax_forward_cpu(x, reference)
    fast.softmax_forward(softmax_forward_cpu, x, found)
    return reference, found


# N, C, D: fewer and more classes than largest numbers side by side, a block of rows and its end, a block of pixels and its end
SIZES = [(1, 1, 1), (3, LARGEST - 1, 1), (5, 2 * LARGEST + 3, 1), (2 * (BLOCK // 10) + 1, 10, 1), (2, BLOCK + 5, 1)]
SIZES += [(2, 3, 2), (1, 4, BLOCK), (2, 3, BLOCK + 1), (0, 3, 1), (2, 3, 0)]


@pytest.mark.parametrize("size", SIZES)
def test_softmax(size):
    reference, found = forward(drawn(*size))
    assert np.allclose(reference, found, rtol=4e-7, atol=1e-37)


@pytest.mark.parametrize("D", [1, 3])
def test_special_numbers(D):
    x = np.zeros((6, 20, D), np.float32)
    x[0, 3], x[1, 3], x[2, 3], x[3], x[4, 17], x[5] = math.nan, math.inf, -math.inf, -math.inf, 3e38, 3e38
    reference, found = forward(x)
    assert np.allclose(reference, found, equal_nan=True, rtol=4e-7, atol=1e-37)
    assert np.isnan(found[[0, 1, 3]]).all() and found[2, 3, 0] == 0 and np.isfinite(found[5]).all()


GRADIENTS = [
    (fast.softmax_backward_x, softmax_backward_x_cpu, softmax_forward_cpu),
    (fast.log_softmax_backward_x, log_softmax_backward_x_cpu, log_softmax_forward_cpu),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quick, kernel, before", GRADIENTS, ids=["softmax", "log_softmax"])
def test_gradients(size, quick, kernel, before):
    y, grad_y = np.empty(size, np.float32), drawn(*size, seed=1)
    before(drawn(*size), y)
    reference, found = np.full_like(y, 7), np.full_like(y, 8)
    kernel(y, grad_y, reference)
    quick(kernel, y, grad_y, found)
    assert np.allclose(reference, found, rtol=3e-6, atol=3e-6)


def test_float64_is_left_to_the_reference_kernel():
    left = []
    for quick, count in ((fast.softmax_forward, 2), (fast.softmax_backward_x, 3), (fast.log_softmax_backward_x, 3)):
        quick(lambda *arrays: left.append(arrays), *[np.zeros((2, 3, 1))] * count)
    assert len(left) == 3
