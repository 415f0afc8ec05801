"""Fast activations against the reference kernels in float64, rounded: a few units in the last place, NaN and infinities alike."""

import math

import numba
import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import exponential
from reftorch.fast.activations import PIECE
from reftorch.kernel import SERIAL, njit
from reftorch.nn.activation import sigmoid, tanh

FORWARD = [
    (fast.sigmoid_forward, sigmoid.sigmoid_forward_cpu, (), 2.5),
    (fast.tanh_forward, tanh.tanh_forward_cpu, (), 1.5),
]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, 1e-40, -1e-40, 3e38, -3e38, 1e-20, -1e-20]
NUMBERS = np.concatenate(
    [np.linspace(-20, 20, 2001), np.geomspace(1e-6, 86, 500), -np.geomspace(1e-6, 86, 500), SPECIAL]
)


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    yield
    numba.set_num_threads(before)


def named(rows):
    return pytest.mark.parametrize(
        "quick, reference, numbers, units", rows, ids=lambda value: getattr(value, "__name__", None)
    )


def units_off(found, wanted):
    """The largest difference, in units of the last place of the float32 wanted (or of the smallest normal number)."""
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    with np.errstate(over="ignore"):
        rounded = wanted.astype(np.float32)
    infinite = np.isinf(rounded)
    assert np.array_equal(found[infinite], rounded[infinite]) and not np.isinf(found[~infinite]).any()
    finite = np.isfinite(rounded)
    unit = np.spacing(np.maximum(np.abs(rounded[finite]), np.finfo(np.float32).tiny))
    return (np.abs(found[finite] - wanted[finite]) / unit).max()


@named(FORWARD)
@pytest.mark.parametrize("copies", [1, 2 * PIECE // len(NUMBERS) + 1], ids=["little", "much"])
def test_forward(quick, reference, numbers, units, copies):
    x = np.tile(NUMBERS.astype(np.float32), copies)
    found, wanted = np.full_like(x, 7), np.full(x.size, 8.0)
    quick(reference, x, found, *numbers)
    reference(x.astype(np.float64), wanted, *numbers)
    assert units_off(found, wanted) <= units


@named(FORWARD)
def test_float64_and_nothing(quick, reference, numbers, units):
    left = []
    quick(lambda *arguments: left.append(arguments), np.zeros(3), np.zeros(3), *numbers)
    assert len(left) == 1
    quick(reference, np.zeros(0, np.float32), np.zeros(0, np.float32), *numbers)


EXP = {
    "exp32_full": (np.exp, NUMBERS),
    "expm1_32": (np.expm1, NUMBERS),
    "log1p_unit32": (np.log1p, np.abs(NUMBERS[np.abs(NUMBERS) <= 1])),
    "tanh32": (np.tanh, NUMBERS),
    "erf32": (np.vectorize(math.erf), NUMBERS),
}


@pytest.mark.parametrize("name", EXP)
def test_functions(name):
    function = getattr(exponential, name)

    @njit(**{**SERIAL, "cache": False})
    def all_of(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    exact, numbers = EXP[name]
    x = numbers.astype(np.float32)
    y = np.empty_like(x)
    all_of(x, y)
    with np.errstate(over="ignore"):
        wanted = exact(x.astype(np.float64))
    assert units_off(y, wanted) <= 1.5


def test_exponentials_below_the_smallest_normal_number():
    @njit(**{**SERIAL, "cache": False})
    def powers(x, y):
        for i in range(x.size):
            y[i] = exponential.exp32_full(x[i])

    x = np.linspace(-110, -80, 3001).astype(np.float32)
    y = np.empty_like(x)
    powers(x, y)
    wanted = np.exp(x.astype(np.float64))
    assert (np.abs(y - wanted) <= 2 * np.spacing(wanted.astype(np.float32))).all()
    assert (y[x > -103] > 0).all() and (y[x < -104] == 0).all()
