"""Fast activations against the reference kernels in float64, rounded: two units in the last place, NaN and infinities alike."""

import math

import numba
import numpy as np
import pytest

from reftorch import fast
from reftorch.fast import exponential
from reftorch.fast.activations import PIECE
from reftorch.kernel import SERIAL, njit
from reftorch.nn.activation import (
    celu,
    elu,
    gelu,
    glu,
    log_sigmoid,
    mish,
    selu,
    sigmoid,
    silu,
    softplus,
    tanh,
    tanhshrink,
)

# the fast form, the kernel, its numbers
FORWARD = [
    (fast.sigmoid_forward, sigmoid.sigmoid_forward_cpu, ()),
    (fast.tanh_forward, tanh.tanh_forward_cpu, ()),
    (fast.log_sigmoid_forward, log_sigmoid.log_sigmoid_forward_cpu, ()),
    (fast.softplus_forward, softplus.softplus_forward_cpu, (1.0, 20.0)),
    (fast.softplus_forward, softplus.softplus_forward_cpu, (0.5, 1e9)),
    (fast.softplus_forward, softplus.softplus_forward_cpu, (3.0, 20.0)),
    (fast.elu_forward, elu.elu_forward_cpu, (1.0,)),
    (fast.elu_forward, elu.elu_forward_cpu, (-0.75,)),
    (fast.selu_forward, selu.selu_forward_cpu, ()),
    (fast.celu_forward, celu.celu_forward_cpu, (2.0,)),
    (fast.celu_forward, celu.celu_forward_cpu, (0.3,)),
    (fast.silu_forward, silu.silu_forward_cpu, ()),
    (fast.mish_forward, mish.mish_forward_cpu, ()),
]
BACKWARD = [
    (fast.log_sigmoid_backward_x, log_sigmoid.log_sigmoid_backward_x_cpu, ()),
    (fast.softplus_backward_x, softplus.softplus_backward_x_cpu, (1.0, 20.0)),
    (fast.softplus_backward_x, softplus.softplus_backward_x_cpu, (3.0, 20.0)),
    (fast.elu_backward_x, elu.elu_backward_x_cpu, (1.5,)),
    (fast.selu_backward_x, selu.selu_backward_x_cpu, ()),
    (fast.celu_backward_x, celu.celu_backward_x_cpu, (0.3,)),
    (fast.tanhshrink_backward_x, tanhshrink.tanhshrink_backward_x_cpu, ()),
]
# these subtract numbers that are close to each other: they are exact relative to the largest term, |x| or 1
CANCELLING = [
    (fast.tanhshrink_forward, tanhshrink.tanhshrink_forward_cpu),
    (fast.gelu_forward, gelu.gelu_forward_cpu),
    (fast.gelu_tanh_forward, gelu.gelu_tanh_forward_cpu),
    (fast.gelu_backward_x, gelu.gelu_backward_x_cpu),
    (fast.gelu_tanh_backward_x, gelu.gelu_tanh_backward_x_cpu),
    (fast.silu_backward_x, silu.silu_backward_x_cpu),
    (fast.mish_backward_x, mish.mish_backward_x_cpu),
]
SMALLEST = np.finfo(np.float32).tiny
UNITS = 2  # in the last place, by which a result may be off
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, 1e-40, -1e-40, 3.4e38, -3.4e38, 1e-20, -1e-20, 88.72284, -87.33655]
EVERY = (
    np.arange(0, 2**32, 2**32 // 20_011, dtype=np.uint64).astype(np.uint32).view(np.float32)
)  # 40 of each power of two
with np.errstate(invalid="ignore"):
    NUMBERS = np.concatenate(
        [
            np.linspace(-20, 20, 8001),
            np.linspace(-110, 95, 8001),
            np.linspace(-1, 1, 4001),
            EVERY.astype(np.float64),
            SPECIAL,
        ]
    )


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    yield
    numba.set_num_threads(before)


def named(rows):
    return pytest.mark.parametrize("quick, kernel, numbers", rows, ids=lambda value: getattr(value, "__name__", None))


def units_off(found, wanted, least=SMALLEST):
    """The largest difference, in units of the last place of the float32 wanted, or of `least` if that is larger."""
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    with np.errstate(over="ignore"):
        rounded = wanted.astype(np.float32)
    infinite = np.isinf(rounded)
    assert np.array_equal(found[infinite], rounded[infinite]) and not np.isinf(found[~infinite]).any()
    finite = np.isfinite(rounded)
    unit = np.spacing(np.maximum(np.abs(rounded), least).astype(np.float32)[finite])
    return (np.abs(found[finite] - wanted[finite]) / unit).max()


@named(FORWARD)
@pytest.mark.parametrize("copies", [1, 2 * PIECE // len(NUMBERS) + 1], ids=["little", "much"])
def test_forward(quick, kernel, numbers, copies):
    x = np.tile(NUMBERS.astype(np.float32), copies)
    found, wanted = np.full_like(x, 7), np.full(x.size, 8.0)
    quick(kernel, x, found, *numbers)
    kernel(x.astype(np.float64), wanted, *numbers)
    assert units_off(found, wanted) <= UNITS


@named(BACKWARD)
@pytest.mark.parametrize("copies", [1, 2 * PIECE // len(NUMBERS) + 1], ids=["little", "much"])
def test_backward(quick, kernel, numbers, copies):
    x = np.tile(NUMBERS.astype(np.float32), copies)
    grad_y = np.random.default_rng(1).uniform(0.5, 2, x.size).astype(np.float32)
    found, wanted = np.full_like(x, 7), np.full(x.size, 8.0)
    quick(kernel, x, grad_y, found, *numbers)
    kernel(x.astype(np.float64), grad_y.astype(np.float64), wanted, *numbers)
    assert units_off(found, wanted) <= UNITS


@pytest.mark.parametrize("quick, kernel", CANCELLING, ids=lambda value: value.__name__)
@pytest.mark.parametrize("copies", [1, 2 * PIECE // len(NUMBERS) + 1], ids=["little", "much"])
def test_cancelling(quick, kernel, copies):
    # beyond 1e19 the square of x is infinite, and the slope of gelu_tanh NaN, as PyTorch's is; float64 would not show it
    x = np.tile(NUMBERS[np.abs(NUMBERS) < 1e12].astype(np.float32), copies)
    grads = [np.ones_like(x)] if "backward" in quick.__name__ else []
    found, wanted = np.full_like(x, 7), np.full(x.size, 8.0)
    quick(kernel, x, *grads, found)
    kernel(x.astype(np.float64), *[grad.astype(np.float64) for grad in grads], wanted)
    assert units_off(found, wanted, np.maximum(np.abs(x), 1)) <= UNITS
    extreme, reference = np.array([math.nan, math.inf, -math.inf], np.float32), np.empty(3, np.float32)
    result = np.empty_like(extreme)
    quick(kernel, extreme, *[np.ones_like(extreme)] * len(grads), result)
    kernel(extreme, *[np.ones_like(extreme)] * len(grads), reference)
    assert np.array_equal(result, reference, equal_nan=True)


@pytest.mark.parametrize("shape", [(3, 2, 5), (1, 2, 70), (40, 2, 1000), (2, 2, 0)], ids=str)
def test_glu(shape):
    rng = np.random.default_rng(2)
    x, grad_y = (
        rng.standard_normal(shape).astype(np.float32) * 5,
        rng.standard_normal((shape[0], shape[2])).astype(np.float32),
    )
    found, wanted = np.empty_like(grad_y), np.empty_like(grad_y)
    fast.glu_forward(glu.glu_forward_cpu, x, found)
    glu.glu_forward_cpu(x, wanted)
    assert np.allclose(found, wanted, rtol=5e-7, atol=1e-37)
    found, wanted = np.empty_like(x), np.empty_like(x)
    fast.glu_backward_x(glu.glu_backward_x_cpu, x, grad_y, found)
    glu.glu_backward_x_cpu(x, grad_y, wanted)
    assert np.allclose(found, wanted, rtol=2e-6, atol=2e-6)  # 1 - s of a gate that is open has few digits


@named(FORWARD)
def test_float64_and_nothing(quick, kernel, numbers):
    left = []
    quick(lambda *arguments: left.append(arguments), np.zeros(3), np.zeros(3), *numbers)
    assert len(left) == 1
    quick(kernel, np.zeros(0, np.float32), np.zeros(0, np.float32), *numbers)


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
