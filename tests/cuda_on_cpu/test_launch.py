"""CUDA kernels compiled for the CPU: every thread of every block runs, with Numba's types, and mistakes are found."""

import inspect
import math

import numpy as np
import pytest
from numba import float32, njit
from numba.core.errors import TypingError

from reftorch import cuda_on_cpu, simt
from reftorch.cuda_on_cpu import float64_arithmetic, launch, order
from reftorch.cuda_on_cpu.launch import steps
from reftorch.cuda_on_cpu.rewrite import NotCompiled, definition_of
from reftorch.kernel import cuda, geometry
from reftorch.ops.backend import quietly

SIZE = 1_000
ORDERS = ("ascending", "descending", "shuffled", "parallel")
TENTH = 0.1


@cuda.jit(device=True)
def place_of_thread():
    return cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x


@cuda.jit(device=True)
def larger(a, b):
    return a if a > b else b


@njit
def squared(v):
    return v * v


# ---------------------------------------------------------------------------------------------------------- geometry
@cuda.jit
def numbers_cuda(y):
    x_, y_, z_ = cuda.grid(3)
    X, Y, Z = cuda.gridsize(3)
    y[z_, y_, x_] += (z_ * Y + y_) * X + x_ + 1


@pytest.mark.parametrize("which", ORDERS)
def test_each_thread_of_a_grid_in_three_dimensions_runs_once(which, form):
    y = np.zeros((4, 6, 10))
    with order(which, seed=2):
        launch(numbers_cuda, (2, 3, 4), (5, 2, 1), y)
    assert y.ravel().tolist() == list(range(1, 241))


@cuda.jit
def flat_numbers_cuda(y):
    i, j = cuda.grid(2)
    width, _ = cuda.gridsize(2)
    if cuda.threadIdx.y == 0 and cuda.blockIdx.y == 0 and j == 0:
        y[i] = place_of_thread() * cuda.gridDim.x * cuda.blockDim.y * width + cuda.gridsize(1) + cuda.warpsize


def test_numbers_of_threads_and_blocks():
    y = np.zeros(6)
    launch(flat_numbers_cuda, (2, 2), (3, 4), y)
    assert y.tolist() == [i * 2 * 4 * 6 + 6 + 32 for i in range(6)]


@pytest.mark.parametrize("count", [1, 2, 7, 12, 256])
@pytest.mark.parametrize("which", ORDERS)
def test_an_order_holds_each_number_once(which, count):
    first, step = steps(count, which, seed=5)
    taken = [(first + k * step) % count for k in range(count)]
    assert sorted(taken) == list(range(count))
    if count > 2:
        assert (taken == sorted(taken)) == (which in ("ascending", "parallel"))


def test_an_unknown_order_and_a_block_that_is_too_large():
    with pytest.raises(ValueError, match="'random'.*ascending"), order("random"):
        pass
    with pytest.raises(ValueError, match="1,024"):
        launch(numbers_cuda, 1, 2_048, np.zeros(1))


# --------------------------------------------------------------------------------------------------- types and functions
@cuda.jit
def formula_cuda(x, y, scale, extents):
    i = cuda.grid(1)
    if i >= x.size:
        return
    local = cuda.local.array(2, float32)
    local[0] = math.floor(x[i])
    local[1] = math.exp(x[i])
    y[i] = larger(local[0], local[1]) + squared(x[i]) * x.dtype.type(scale) + extents[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_helpers_local_arrays_tuples_and_types(dtype, form):
    x = np.linspace(-3, 3, SIZE).astype(dtype)
    y = np.zeros_like(x)
    launch(formula_cuda, *geometry(SIZE), x, y, 0.25, (1, 2))
    wanted = np.maximum(np.floor(x), np.exp(x)) + x * x * np.asarray(0.25, dtype) + 2
    np.testing.assert_allclose(y, wanted, rtol=1e-6)


def kernel_with_defaults(given, share=0.5):
    @cuda.jit(device=True)
    def part(v, times=given, by=share):
        return v * times * by

    @cuda.jit
    def parts_cuda(x, y, more=given):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = part(x[i]) + more

    return parts_cuda


def test_values_that_arguments_have_if_they_are_not_given(form):
    for given in (2.0, 3.0):
        y = np.zeros(4)
        launch(kernel_with_defaults(given), *geometry(4), np.full(4, 7.0), y)
        assert y.tolist() == [7 * given * 0.5 + given] * 4


@cuda.jit
def rounded_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[0, i] = math.floor(x[i])
        y[1, i] = math.ceil(x[i])
        y[2, i] = math.trunc(x[i])
        y[3, i] = math.fmod(x[i], x.dtype.type(2))


def test_rounding_keeps_nan_and_infinity():
    x = np.array([-2.5, 2.5, 1e30, np.inf, -np.inf, np.nan], np.float32)
    y = np.zeros((4, x.size), np.float32)
    launch(rounded_cuda, *geometry(x.size), x, y)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y, [np.floor(x), np.ceil(x), np.trunc(x), np.fmod(x, np.float32(2))])


@cuda.jit
def histogram_cuda(x, count, most, least, total):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(count, x[i], 1)
        cuda.atomic.max(most, 0, x[i])
        cuda.atomic.min(least, (0, 0), x[i])
        cuda.atomic.sub(total, 0, x[i])


@pytest.mark.parametrize("which", ORDERS)
def test_atomics(which, form):
    x = np.random.default_rng(0).integers(2, 9, SIZE)
    count, most, least, total = np.zeros(10, np.int64), np.zeros(1, int), np.full((1, 1), 99), np.zeros(1, int)
    with order(which):
        launch(histogram_cuda, *geometry(SIZE), x, count, most, least, total)
    assert count.tolist() == np.bincount(x, minlength=10).tolist()
    assert (most[0], least[0, 0], total[0]) == (x.max(), x.min(), -x.sum())


# ------------------------------------------------------------------------------------------------------------ barriers
@cuda.jit
def reversed_cuda(x, y):
    tile = cuda.shared.array(64, x.dtype)
    t = cuda.threadIdx.x
    tile[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    for _ in range(2):
        v = tile[63 - t]
        cuda.syncthreads()
        tile[t] = v
        cuda.syncthreads()
    y[cuda.grid(1)] = tile[63 - t]


@pytest.mark.parametrize("which", ORDERS)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_threads_meet_at_barriers(which, dtype):
    x = np.arange(192).astype(dtype)
    y = np.zeros_like(x)
    with order(which, seed=1):
        launch(reversed_cuda, 3, 64, x, y)
    np.testing.assert_array_equal(y, x.reshape(3, 64)[:, ::-1].ravel())


@cuda.jit
def unwritten_cuda(y):
    tile = cuda.shared.array(32, float32)
    y[cuda.grid(1)] = tile[cuda.threadIdx.x]
    tile[cuda.threadIdx.x] = y[0]


def test_shared_memory_that_nobody_wrote_is_nan_in_each_block():
    y = np.zeros(64, np.float32)
    launch(unwritten_cuda, 2, 32, y)
    assert np.isnan(y).all()


WEIGHTS = np.array([1.0, 10.0, 100.0])


@cuda.jit
def talking_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        if x[i] < 0:
            raise ValueError("negative", i)
        if i == 2:
            print("thread", i)
        y[i] = x[i] * WEIGHTS[i % 3]


def test_constant_arrays_prints_and_exceptions(form, capfd):
    x, y = np.arange(5.0), np.zeros(5)
    launch(talking_cuda, 1, 32, x, y)
    assert y.tolist() == [0, 10, 200, 3, 40] and capfd.readouterr().out == "thread 2\n"
    x[4] = -1
    with pytest.raises(ValueError, match=r"'negative', 4"):
        launch(talking_cuda, 1, 32, x, y)


@cuda.jit
def divergent_cuda(y):
    if cuda.threadIdx.x < 3:
        cuda.syncthreads()
    y[cuda.threadIdx.x] = 1


def test_a_barrier_that_some_threads_do_not_reach():
    line = divergent_cuda.py_func.__code__.co_firstlineno + 3
    with pytest.raises(simt.DivergentBarrier, match=f"thread 0 of block 0 is in line {line}, thread 3 .* at the end"):
        launch(divergent_cuda, 1, 8, np.zeros(8))


@cuda.jit
def outside_after_a_barrier_cuda(x):
    cuda.syncthreads()
    x[cuda.threadIdx.x] = 1


def test_an_index_outside_after_a_barrier():
    with pytest.raises(IndexError, match=r"outside_after_a_barrier_cuda.*thread 5 of block 0"):
        launch(outside_after_a_barrier_cuda, 1, 8, np.zeros(5))


@cuda.jit
def first_lane_cuda(x, y):
    y[cuda.threadIdx.x] = cuda.shfl_sync(0xFFFFFFFF, x[cuda.threadIdx.x], 0)


def test_what_cannot_be_compiled_runs_in_python():
    y = np.zeros(32)
    launch(first_lane_cuda, 1, 32, np.arange(3.0, 35), y)
    assert (y == 3).all()


def test_a_large_launch_in_python_says_so(monkeypatch):
    monkeypatch.setitem(launch.__globals__, "MANY", 16)
    with pytest.warns(RuntimeWarning, match=r"first_lane_cuda.*cuda.shfl_sync.*32 threads"):
        launch(first_lane_cuda, 1, 32, np.arange(32.0), np.zeros(32))


# ------------------------------------------------------------------------------------------------------- planted faults
@cuda.jit
def unguarded_cuda(x, y):
    i = cuda.grid(1)
    y[i] = x[i] + x[i]


@pytest.mark.parametrize("size", [32, 1_000, 65_536])
def test_a_missing_bounds_check_is_found(size, form):
    x = np.zeros(size, np.float32)
    with pytest.raises(IndexError, match=f"thread {size % geometry(size)[1]} of block {size // geometry(size)[1]} "):
        launch(unguarded_cuda, *geometry(size), x, np.zeros_like(x))


@cuda.jit
def typed_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * x.dtype.type(TENTH)


@cuda.jit
def float64_constant_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * TENTH


def test_a_float64_constant_in_a_float32_kernel_is_seen_in_the_code():
    x, y = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)
    assert not float64_arithmetic(typed_cuda, x, y) and float64_arithmetic(float64_constant_cuda, x, y)


@cuda.jit
def narrow_cuda(x, y):
    i = np.int16(cuda.grid(1))
    if i < x.size:
        y[i] = x[i]


def test_an_index_that_is_too_narrow_gives_a_wrong_result_at_a_realistic_size(form):
    x = np.arange(1, 100_001, dtype=np.float32)
    y = np.zeros_like(x)
    launch(narrow_cuda, *geometry(x.size), x, y)
    assert not np.array_equal(x, y)


@cuda.jit
def twice_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] + x[i]


def test_float16_which_numba_has_for_gpus_only(form):
    """Its kernels run in Python, with the rounding of float16."""
    x = np.array([0.1, 2049, 40_000], np.float16)
    y = np.zeros_like(x)
    launch(twice_cuda, 1, 32, x, y)
    with np.errstate(over="ignore"):
        assert y.tolist() == (x + x).tolist() and y[2] == np.inf


@cuda.jit
def neighbour_cuda(y):
    i = cuda.grid(1)
    if 0 < i < y.size:
        y[i] = y[i - 1] + 1


def test_a_result_that_depends_on_the_order_differs_between_orders():
    found = []
    for which in ORDERS:
        y = np.zeros(SIZE)
        with order(which, seed=4):
            launch(neighbour_cuda, *geometry(SIZE), y)
        found.append(y.tolist())
    assert found[0] != found[1] != found[2] != found[0]


def test_the_order_holds_where_tensor_arithmetic_launches_too():
    """It runs in a context of its own, so that NumPy does not warn."""
    found = []
    for which in ("ascending", "descending"):
        y = np.zeros(SIZE)
        with order(which):
            quietly(launch, neighbour_cuda, *geometry(SIZE), y)
        found.append(y.tolist())
    assert found[0] != found[1]


def test_a_device_array_is_none_of_numpys():
    held = cuda_on_cpu.Array(np.arange(6.0))
    for convert in (np.asarray, np.sum, lambda a: np.add(a, 1), squared):
        with pytest.raises((TypeError, TypingError)):
            convert(held)
    assert held.reshape(2, 3).ravel().shape == (6,) and held.copy_to_host().tolist() == [0, 1, 2, 3, 4, 5]
    assert "compiled on the CPU" in repr(held)


# ------------------------------------------------------------------------------------------------- another function's source
def sum_of_two(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = x[i] + x[i]


@pytest.mark.parametrize(
    "change", [("x[i] + x[i]", "x[i] - x[i]"), ("i < y", "i <= y"), ("x[i] + x", "y[i] + x"), ("1", "2")]
)
def test_a_kernel_that_is_not_the_one_in_its_file_is_not_compiled(change):
    """Only an operator differs, say: the source that is read would be that of the unchanged kernel."""
    source, first = "".join(inspect.getsourcelines(sum_of_two)[0]), inspect.getsourcelines(sum_of_two)[1]
    made = {}
    for text in (source, source.replace(*change)):
        exec(compile("\n" * (first - 1) + text, __file__, "exec"), globals(), made)
        if text == source:
            assert definition_of(made["sum_of_two"]).name == "sum_of_two"
        else:
            with pytest.raises(NotCompiled, match="source has changed"):
                definition_of(made["sum_of_two"])
