"""Fast log-probabilities and gradients of cross entropy against the reference kernels."""

import math

import numba
import numpy as np
import pytest

import reftorch as torch
from reftorch import fast
from reftorch.fast import log_softmax, workers
from reftorch.fast.exponential import exp32
from reftorch.fast.log_softmax import BLOCK, LARGEST
from reftorch.kernel import SERIAL, kernels, njit
from reftorch.nn import functional as F
from reftorch.nn.activation.log_softmax import log_softmax_forward_cpu
from reftorch.nn.loss.classes import class_extents
from reftorch.nn.loss.cross_entropy_loss import cross_entropy_backward_x_cpu


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    """With two, even the smallest batch is shared; and no batch is too small for the fast form."""
    monkeypatch.setattr(log_softmax, "WORTH", 1)
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    if request.param == 2:
        monkeypatch.setattr(workers, "SHARE", 1)
    yield
    numba.set_num_threads(before)


def logits(N, C, D, seed=0):
    return (np.random.default_rng(seed).standard_normal((N, C, D)) * 5).astype(np.float32)


def both(x):
    """The log-probabilities, by the reference kernel and by the fast form."""
    reference, found = np.full_like(x, 7), np.full_like(x, 8)
    log_softmax_forward_cpu(x, reference)
    fast.log_softmax_forward(log_softmax_forward_cpu, x, found)
    return reference, found


# N, C, D: fewer and more classes than largest numbers side by side, a block of rows and its end, a block of pixels and its end
SIZES = [(1, 1, 1), (3, LARGEST - 1, 1), (5, 2 * LARGEST + 3, 1), (2 * (BLOCK // 10) + 1, 10, 1), (2, BLOCK + 5, 1)]
SIZES += [(2, 3, 2), (1, 4, BLOCK), (2, 3, BLOCK + 1)]


@pytest.mark.parametrize("size", SIZES)
def test_log_probabilities(size):
    reference, found = both(logits(*size))
    assert np.allclose(reference, found, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize("D", [1, 3])
def test_special_numbers(D):
    x = np.zeros((6, 20, D), np.float32)
    x[0, 3] = math.nan
    x[1, 3] = math.inf
    x[2, 3] = -math.inf
    x[3] = -math.inf
    x[4, 17] = 3e38
    x[5] = 3e38
    reference, found = both(x)
    assert np.allclose(reference, found, equal_nan=True, rtol=3e-7, atol=3e-7)
    assert np.isnan(found[[0, 1, 3]]).all() and found[2, 3, 0] == -math.inf and np.isfinite(found[5]).all()


def test_no_samples():
    for shape in ((0, 3, 1), (2, 3, 0), (0, 3, 4)):
        assert both(np.zeros(shape, np.float32))[1].shape == shape


@pytest.mark.parametrize("size", [size for size in SIZES if size[1] > 1])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_gradient(size, smoothing):
    N, C, D = size
    rng = np.random.default_rng(1)
    log_p, _ = both(logits(*size))
    target, weight = rng.integers(0, C, (N, D)), rng.random(C, np.float32) + np.float32(0.5)
    target[rng.random((N, D)) < 0.2] = -100  # outside the classes: must not be looked up
    grad_loss = rng.standard_normal((N, D)).astype(np.float32)
    rest = 1 - smoothing, smoothing / C, -100
    reference, found = np.full_like(log_p, 7), np.full_like(log_p, 8)
    cross_entropy_backward_x_cpu(grad_loss, log_p, target, weight, reference, *rest)
    fast.cross_entropy_backward_x(cross_entropy_backward_x_cpu, grad_loss, log_p, target, weight, found, *rest)
    assert np.allclose(reference, found, rtol=1e-6, atol=1e-6)
    assert (found[target[:, None].repeat(C, 1) == -100] == 0).all()


def loss_and_gradient(shape, smoothing, ignored):
    rng = np.random.default_rng(2)
    C = shape[min(1, len(shape) - 1)]
    x = torch.tensor(rng.standard_normal(shape).astype(np.float32) * 5, requires_grad=True)
    labels = rng.integers(0, C, shape[:1] + shape[2:] if len(shape) > 1 else ())
    labels = np.where(rng.random(labels.shape) < ignored, -100, labels)
    weight = torch.tensor(rng.random(C, np.float32) + np.float32(0.5))
    loss = F.cross_entropy(x, torch.tensor(labels), weight, label_smoothing=smoothing)
    loss.backward(torch.tensor(2.5))
    return loss.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("shape", [(7,), (5, 3), (4, 5, 1), (2 * (BLOCK // 10) + 1, 10), (2, BLOCK + 5)], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
def test_mean_and_its_gradient_in_one_kernel_each(shape, smoothing, ignored, monkeypatch):
    calls = []
    for name in ("mean_of_rows", "gradient_of_mean"):
        kernel = getattr(log_softmax, name)
        monkeypatch.setattr(log_softmax, name, lambda *given, kernel=kernel: (calls.append(kernel), kernel(*given)))
    alone = fast.suits_mean_cross_entropy(np.zeros(class_extents(shape), np.float32))
    assert alone or workers.SHARE == 1  # where a thread takes less, several share the rows
    found = loss_and_gradient(shape, smoothing, ignored)
    with kernels("reference"):
        reference = loss_and_gradient(shape, smoothing, ignored)
    assert len(calls) == (2 if alone else 0)
    for a, b in zip(found, reference):
        assert a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True)
    assert ignored < 1 or np.isnan(found[0])


def test_mean_of_other_kinds_is_not_taken_by_one_kernel():
    suits = fast.suits_mean_cross_entropy
    assert not suits(np.zeros((4, 3, 2), np.float32)) and not suits(np.zeros((4, 3, 1)))


def test_float64_is_left_to_the_reference_kernel():
    left = []
    fast.log_softmax_forward(lambda *arrays: left.append(arrays), np.zeros((2, 3, 1)), np.zeros((2, 3, 1)))
    assert len(left) == 1


def test_exponential():
    @njit(**{**SERIAL, "cache": False})
    def powers(x, y):
        for i in range(x.size):
            y[i] = exp32(x[i])

    x = np.concatenate([np.linspace(-87.3, 88, 200_001), [0, -0.0, 1e-30, -1e-30]]).astype(np.float32)
    y = np.empty_like(x)
    powers(x, y)
    wanted = np.exp(x.astype(np.float64))
    assert np.abs(y / wanted - 1).max() < 1.3e-7
    edge = np.array([-math.inf, -1e30, -87.4, math.nan], np.float32)
    powers(edge, y[:4])
    assert (y[:3] == 0).all() and np.isnan(y[3])
