"""Fast losses and logarithms against the reference kernels in float64, rounded: a few units in the last place, NaN and infinities alike."""

import math

import numba
import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import logarithm
from reftorch.fast.activations import PIECE
from reftorch.kernel import SERIAL, njit
from reftorch.nn.loss import (
    bce_loss,
    bce_with_logits_loss,
    gaussian_nll_loss,
    kl_div_loss,
    multi_label_soft_margin_loss,
    poisson_nll_loss,
    soft_margin_loss,
)

inf, nan = math.inf, math.nan
RNG = np.random.default_rng(0)
SIZE = 4000


def column(low, high, *special):
    return np.concatenate([RNG.uniform(low, high, SIZE - len(special)), special]).astype(np.float32)


SPECIAL = (0.0, 200.0, -200.0, inf, -inf, nan, 1e-40, 30.0)
ONES = (1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.5, 1.0)
UNIT, ANY, TARGET = column(0, 1, 0, 1, 1e-30, 1e-7), column(-20, 20, *SPECIAL), column(0, 1, *ONES)
G, Q = column(-2, 2), np.array([2.5], np.float32)
PROBABILITY = column(0, 1, nan, 0.0, -1.0, 0.0, 1e-30)
POSITIVE, COUNT = column(1e-8, 3, 0.0, 1e-9, inf, nan), column(0, 6, 0.0, 1.0)
CASES = {
    "bce_loss_forward": (bce_loss.bce_loss_forward_cpu, (UNIT, TARGET), ()),
    "bce_with_logits_loss_forward": (bce_with_logits_loss.bce_with_logits_loss_forward_cpu, (ANY, TARGET, Q), ()),
    "bce_with_logits_loss_backward_x": (
        bce_with_logits_loss.bce_with_logits_loss_backward_x_cpu,
        (G, ANY, TARGET, Q),
        (),
    ),
    "soft_margin_loss_forward": (
        soft_margin_loss.soft_margin_loss_forward_cpu,
        (column(-80, 80, nan), 2 * TARGET - 1),
        (),
    ),
    "soft_margin_loss_backward_x": (
        soft_margin_loss.soft_margin_loss_backward_x_cpu,
        (G, column(-80, 80, nan), 2 * TARGET - 1),
        (),
    ),
    "kl_div_loss_forward": (kl_div_loss.kl_div_loss_forward_cpu, (ANY, PROBABILITY), (False,)),
    "poisson_nll_loss_forward": (poisson_nll_loss.poisson_nll_loss_forward_cpu, (ANY, COUNT), (True, False, 1e-8)),
    "poisson_nll_loss_backward_x": (poisson_nll_loss.poisson_nll_loss_backward_x_cpu, (G, ANY, COUNT), (True, 1e-8)),
    "gaussian_nll_loss_forward": (gaussian_nll_loss.gaussian_nll_loss_forward_cpu, (ANY, COUNT, POSITIVE), (1e-6, 0.9)),
}


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    yield
    numba.set_num_threads(before)


def terms(found, wanted, scale):
    """The largest difference, in units of the last place of the largest term that was added up."""
    with np.errstate(over="ignore"):
        rounded = wanted.astype(np.float32)
    assert np.array_equal(found[~np.isfinite(rounded)], rounded[~np.isfinite(rounded)], equal_nan=True)
    finite = np.isfinite(rounded)
    return (np.abs(found[finite] - wanted[finite]) / np.spacing(np.maximum(scale[finite], np.float32(1e-30)))).max()


@pytest.mark.parametrize("copies", [1, 2 * PIECE // SIZE + 1], ids=["little", "much"])
@pytest.mark.parametrize("name", CASES)
def test_loss(name, copies):
    reference, columns, numbers = CASES[name]
    given = [np.tile(each, copies) if each.size > 1 else each for each in columns]
    found, wanted = np.full_like(given[0], 7), np.full(given[0].size, 8.0)
    getattr(fast, name)(reference, *given, found, *numbers)
    exact = [each.astype(np.float64) for each in given]
    reference(*exact, wanted, *numbers)
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.prod([np.maximum(np.abs(each), 1) for each in given if each.size > 1], axis=0)
    assert (
        terms(found, wanted, np.nan_to_num(np.maximum(np.abs(wanted), size), posinf=1, nan=1).astype(np.float32)) <= 4
    )


@pytest.mark.parametrize("name", CASES)
def test_float64_is_left_to_the_reference_kernel(name):
    reference, columns, numbers = CASES[name]
    left = []
    given = [each.astype(np.float64) for each in columns]
    getattr(fast, name)(lambda *arguments: left.append(arguments), *given, np.zeros(SIZE), *numbers)
    assert len(left) == 1 and len(left[0]) == len(columns) + 1 + len(numbers)


def test_what_else_is_left_to_the_reference_kernel():
    left = []
    note = lambda *arguments: left.append(arguments)  # noqa: E731
    fast.bce_with_logits_loss_forward(note, G, G, G, G)
    fast.bce_with_logits_loss_backward_x(note, G, G, G, G, G)
    fast.poisson_nll_loss_forward(note, G, G, G, True, True, 1e-8)
    fast.poisson_nll_loss_backward_x(note, G, G, G, G, False, 1e-8)
    assert [len(arguments) for arguments in left] == [4, 5, 6, 6]


def test_divergence_of_logarithms():
    target = np.clip(ANY, None, 5)
    found, wanted = np.empty_like(ANY), np.empty(SIZE)
    fast.kl_div_loss_forward(kl_div_loss.kl_div_loss_forward_cpu, ANY, target, found, True)
    kl_div_loss.kl_div_loss_forward_cpu(ANY.astype(np.float64), target.astype(np.float64), wanted, True)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_infinite_soft_margin():
    """Where exp(-t x) is infinite the loss is, too, as in the reference kernel."""
    x, target = np.array([-100, 100, -89, 0], np.float32), np.ones(4, np.float32)
    found = np.empty_like(x)
    fast.soft_margin_loss_forward(None, x, target, found)
    assert found[0] == found[2] == inf and found[3] == pytest.approx(math.log(2))
    assert 0 <= found[1] < 4e-44  # exp(-100), which some processors round to 0


MULTI = multi_label_soft_margin_loss


@pytest.mark.parametrize("N, C", [(50, 37), (1, 1), (4, 1), (2000, 40), (0, 3), (3, 0)])
@pytest.mark.parametrize("each", [False, True], ids=["one weight", "a weight for each"])
def test_multi_label_soft_margin(N, C, each):
    """Sums over the classes in float64; samples with NaN or infinities apart."""
    x, target = np.resize(column(-20, 20, 30, -200, 1e-40), (N, C)), np.resize(TARGET, (N, C))
    weight = np.resize(column(0.5, 2), x.size if each else 1)
    x[1:2, :1], x[2:3, :1], x[3:4, :1] = nan, inf, -inf
    given = np.resize(G, N)
    exact = [array.astype(np.float64) for array in (given, x, target, weight)]
    (loss, wanted), (grad_x, wanted_x) = [(np.full(shape, 7, np.float32), np.full(shape, 8.0)) for shape in (N, (N, C))]
    fast.multi_label_soft_margin_loss_forward(None, x, target, weight, loss)
    fast.multi_label_soft_margin_loss_backward_x(None, given, x, target, weight, grad_x)
    with np.errstate(all="ignore"):
        MULTI.multi_label_soft_margin_loss_forward_cpu(*exact[1:], wanted)
        MULTI.multi_label_soft_margin_loss_backward_x_cpu(*exact, wanted_x)
    finite = np.isfinite(wanted)
    assert np.array_equal(loss[~finite], wanted[~finite].astype(np.float32), equal_nan=True)
    np.testing.assert_allclose(loss[finite], wanted[finite], rtol=2.5e-7)
    scale = np.abs(given[:, None] * np.resize(weight, (N, C))) / max(C, 1)  # of s, from which the target is subtracted
    with np.errstate(invalid="ignore"):
        assert (np.abs(grad_x - wanted_x) <= 4e-7 * scale).sum() == np.isfinite(wanted_x).sum()
    assert np.array_equal(np.isnan(grad_x), np.isnan(wanted_x))


def test_multi_label_soft_margin_in_float64_is_left_to_the_reference_kernel():
    left, x = [], np.zeros((2, 3))
    fast.multi_label_soft_margin_loss_forward(lambda *arrays: left.append(arrays), x, x, x, x)
    fast.multi_label_soft_margin_loss_backward_x(lambda *arrays: left.append(arrays), x, x, x, x, x)
    assert [len(arrays) for arrays in left] == [4, 5]


LOGS = np.concatenate([np.geomspace(1e-44, 3e38, 5001), np.linspace(0.5, 2, 5001), [0.0, -0.0, -1.0, inf, -inf, nan]])
LOG = {
    "log32": (np.log, LOGS),
    "log1m32": (lambda x: np.log1p(-x), np.concatenate([np.geomspace(1e-40, 1, 5001), [0.0, 1.0]])),
}


@pytest.mark.parametrize("name", LOG)
def test_logarithms(name):
    function, (exact, numbers) = getattr(logarithm, name), LOG[name]

    @njit(**{**SERIAL, "cache": False})
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    x = numbers.astype(np.float32)
    y = np.empty_like(x)
    loop(x, y)
    with np.errstate(all="ignore"):
        wanted = exact(x.astype(np.float64))
    special = ~np.isfinite(wanted)
    assert np.array_equal(y[special], wanted[special].astype(np.float32), equal_nan=True)
    unit = np.spacing(np.maximum(np.abs(wanted[~special]), 1e-37).astype(np.float32))
    assert (np.abs(y[~special] - wanted[~special]) / unit).max() < 1.5
