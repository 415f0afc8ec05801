"""What kernels find under the name `cuda`, and under `math`: checked against NumPy and against what a GPU gives."""

import math
from math import exp as exponential

import numpy as np
import pytest
from numba import cuda, float32, int64

from planted import every_order, zeros
from reftorch import simt
from reftorch.ops import cuda_tables

FULL = 0xFFFFFFFF
BIAS = np.array([10, 20], np.float32)


def of_a_warp(kernel, *args, dtype=np.float64, order="ascending", seed=0):
    y = np.zeros(32, dtype)
    simt.run(kernel, 1, 32, y, *args, order=order, seed=seed)
    return list(y)


# ------------------------------------------------------------------------------------------------------------- indices
@cuda.jit
def numbers_1(y):
    i = cuda.grid(1)
    y[i] = i + 1000 * cuda.gridsize(1) + 1_000_000 * cuda.laneid + 100_000_000 * cuda.warpsize


@cuda.jit
def numbers_2(y):
    i, j = cuda.grid(2)
    n, m = cuda.gridsize(2)
    y[i, j] = i + 10 * j + 100 * n + 1000 * m


@cuda.jit
def numbers_3(y):
    i, j, k = cuda.grid(3)
    n, m, o = cuda.gridsize(3)
    assert i == cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    assert j == cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    assert k == cuda.blockIdx.z * cuda.blockDim.z + cuda.threadIdx.z
    assert (n, m, o) == (2 * cuda.gridDim.x, 3 * cuda.gridDim.y, 2 * cuda.gridDim.z)
    y[i, j, k] += 1


@every_order
def test_indices(order, seed):
    y = zeros(70, dtype=np.int64)
    simt.run(numbers_1, 2, 35, y, order=order, seed=seed)
    i = np.arange(70)
    assert list(y) == list(i + 1000 * 70 + 1_000_000 * (i % 35 % 32) + 100_000_000 * 32)
    y = zeros(6, 4)
    simt.run(numbers_2, (2, 2), (3, 2), y, order=order, seed=seed)
    i, j = np.indices((6, 4))
    np.testing.assert_array_equal(y, i + 10 * j + 600 + 4000)
    y = zeros(6, 6, 2)
    simt.run(numbers_3, (3, 2, 1), (2, 3, 2), y, order=order, seed=seed)
    assert (y == 1).all()


# ------------------------------------------------------------------------------------------------------------- atomics
@cuda.jit
def all_atomics(y, old):
    i = cuda.grid(1)
    old[i, 0] = cuda.atomic.add(y, 0, i)
    cuda.atomic.sub(y, 1, i)
    cuda.atomic.max(y, 2, i * 7 % 5)
    cuda.atomic.min(y, 3, i * 7 % 5)
    cuda.atomic.or_(y, 4, 1 << i)
    cuda.atomic.and_(y, 5, ~(1 << i))
    cuda.atomic.xor(y, 6, 1 << i)
    old[i, 1] = cuda.atomic.exch(y, 7, i)
    cuda.atomic.inc(y, 8, 4)
    cuda.atomic.dec(y, 9, 4)
    old[i, 2] = cuda.atomic.cas(y, 10, 0, i + 1)
    cuda.atomic.nanmax(y, 11, i)


@every_order
def test_atomics(order, seed):
    y, old = zeros(12, dtype=np.int64), zeros(8, 3, dtype=np.int64)
    y[3], y[5] = 100, 255
    report = simt.run(all_atomics, 4, 2, y, old, order=order, seed=seed)
    assert report.counts["global atomics"] == 12 * 8
    assert list(y[[0, 1, 2, 3, 4, 5, 6, 8, 9, 11]]) == [28, -28, 4, 0, 255, 0, 255, 8 % 5, 2, 7]
    assert sorted([*old[:, 1], y[7]]) == sorted([0, *range(8)])  # each number passes through
    (winner,) = [i for i in range(8) if old[i, 2] == 0]
    assert y[10] == winner + 1 and set(old[:, 2]) <= {0, winner + 1}
    first = {"ascending": 0, "descending": 7}.get(order, winner)
    assert winner == first and old[winner, 0] == 0


@cuda.jit
def float_atomics(x, y):
    i = cuda.grid(1)
    cuda.atomic.add(y, (0, 1), x[i])
    cuda.atomic.nanmin(y, (1, 0), x[i])
    cuda.atomic.compare_and_swap(y[1, 1:], 5, x[i])


@every_order
def test_float_atomics(order, seed):
    x, y = np.array([3, 2, 9], np.float32), np.array([[1, 2], [np.nan, 5]], np.float32)
    simt.run(float_atomics, 1, 3, x, y, order=order, seed=seed)
    assert y[0, 1] == 16 and y[1, 0] == 2 and y[1, 1] in x


# ----------------------------------------------------------------------------------------------------- warp operations
@cuda.jit
def shuffles(y, kind, by):
    t = cuda.laneid
    value = t * 10
    if kind == 0:
        y[t] = cuda.shfl_sync(FULL, value, by)
    elif kind == 1:
        y[t] = cuda.shfl_up_sync(FULL, value, by)
    elif kind == 2:
        y[t] = cuda.shfl_down_sync(FULL, value, by)
    else:
        y[t] = cuda.shfl_xor_sync(FULL, value, by)


@every_order
@pytest.mark.parametrize(
    "kind, by, source",
    [
        (0, 5, lambda t: 5),
        (0, 37, lambda t: 5),
        (1, 3, lambda t: t - 3 if t >= 3 else t),
        (2, 3, lambda t: t + 3 if t < 29 else t),
        (3, 6, lambda t: t ^ 6),
    ],
)
def test_shuffles(kind, by, source, order, seed):
    wanted = [10 * source(t) for t in range(32)]
    assert of_a_warp(shuffles, kind, by, order=order, seed=seed) == wanted


@cuda.jit
def votes(y, x):
    t = cuda.laneid
    even = t % 2 == 0
    if even:  # two groups that do not wait for each other
        mask = 0x55555555
        y[t] = cuda.ballot_sync(mask, x[t] > 3) + cuda.any_sync(mask, x[t] > 3)
    else:
        mask = 0xAAAAAAAA
        y[t] = 10 * cuda.all_sync(mask, x[t] > 3) + cuda.eq_sync(mask, x[t] > 3)


@cuda.jit
def matches(y, x):
    t = cuda.laneid
    y[t] = cuda.match_any_sync(FULL, x[t])
    everyone, same = cuda.match_all_sync(FULL, x[t])
    assert (everyone, same) == ((FULL, True) if x[0] == x[1] else (0, False))
    assert cuda.lanemask_lt() == 2**t - 1


@every_order
def test_votes(order, seed):
    x = np.zeros(32, np.float32)
    x[[2, 6, 7]] = 4
    found = of_a_warp(votes, x, dtype=np.int64, order=order, seed=seed)
    assert found == [2**2 + 2**6 + 1, 0] * 16
    assert of_a_warp(votes, x + 4, dtype=np.int64, order=order, seed=seed) == [0x55555555 + 1, 11] * 16
    x = np.arange(32) % 3
    groups = [sum(1 << lane for lane in range(32) if lane % 3 == t % 3) for t in range(32)]
    assert of_a_warp(matches, x, dtype=np.int64, order=order, seed=seed) == groups
    assert of_a_warp(matches, x * 0, dtype=np.int64, order=order, seed=seed) == [FULL] * 32


@cuda.jit
def block_votes(y, x):
    t = cuda.threadIdx.x
    y[t] = (
        cuda.syncthreads_count(x[t] > 1) + 100 * cuda.syncthreads_and(x[t] > 0) + 1000 * cuda.syncthreads_or(x[t] > 2)
    )


@every_order
def test_barriers_that_count(order, seed):
    y = zeros(40)
    simt.run(block_votes, 1, 40, y, np.arange(40) % 3 + 1, order=order, seed=seed)
    assert list(y) == [26 + 100 + 1000] * 40
    simt.run(block_votes, 1, 40, y, np.arange(40) % 3, order=order, seed=seed)
    assert list(y) == [13] * 40


# ---------------------------------------------------------------------------------------------------------- arithmetic
@cuda.jit
def bit_counting(y):
    y[0], y[1], y[2], y[3] = cuda.popc(0b1011), cuda.clz(1), cuda.ffs(8), cuda.brev(1)
    y[4], y[5], y[6], y[7] = cuda.popc(-1), cuda.clz(0), cuda.ffs(0), cuda.clz(int64(1))
    y[8], y[9] = cuda.selp(True, 3, 4), cuda.selp(False, 3, 4)


def test_bits():
    y = zeros(10, dtype=np.int64)
    simt.run(bit_counting, 1, 1, y)
    assert list(y) == [3, 31, 4, 2**31, 32, 32, 0, 63, 3, 4]


@cuda.jit
def fused(y, a, b, c):
    y[0] = cuda.fma(a[0], b[0], c[0])
    y[1] = a[0] * b[0] + c[0]
    y[2] = cuda.cbrt(float32(27))


def test_fma_rounds_once():
    a = np.array([1 + 2.0**-12], np.float32)
    y = zeros(3)
    simt.run(fused, 1, 1, y, a, a, np.array([-1], np.float32))
    assert y[0] == np.float32((1 + 2.0**-12) ** 2 - 1) != y[1]
    assert math.isclose(y[2], 3, rel_tol=1e-6)


@cuda.jit
def types(x, y, kinds):
    value = x[0] * x[1] + math.exp(x[0]) + exponential(x[1]) - math.pow(x[0], x[1]) + math.erf(x[0])
    value = value + x.dtype.type(0.5) + float32(2)
    kinds[0] = value.dtype == x.dtype
    total = cuda.local.array(1, x.dtype)
    total[0] = value
    kinds[1] = (total[0] * 2).dtype == x.dtype
    kinds[2] = math.floor(x[0]).dtype == x.dtype
    kinds[3] = math.sqrt(4) == 2 and math.pi > 3 and math.isnan(math.nan) and not math.isinf(x[0])
    y[0] = math.exp(x.dtype.type(1000)) + math.log(x.dtype.type(0)) * 0 + x[2] / x[3]


def test_arithmetic_stays_in_its_type():
    """float32 stays float32, also through `math`, and there are no exceptions where a GPU gives infinity or NaN."""
    x, y, kinds = np.array([1.5, 2, 1, 0], np.float32), zeros(1), np.zeros(4, bool)
    simt.run(types, 1, 1, x, y, kinds)
    assert kinds.all() and np.isnan(y[0])


@cuda.jit
def wraps(y):
    y[0] = 2**31 + 5
    cuda.atomic.add(y, 1, 2**31)
    y[1] += 2**31
    y[2] = (y[2] + y[2]) // 2


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
def test_integers_wrap_when_they_are_stored(dtype):
    """But not before: Numba computes in 64 bits."""
    y = np.array([0, 7, 2**31 - 1], dtype)
    simt.run(wraps, 1, 1, y)
    assert list(y) == [np.array(2**31 + 5).astype(dtype), 7, 2**31 - 1]


# ---------------------------------------------------------------------------------------------- what a kernel can call
@cuda.jit(device=True)
def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def plain_helper(x, i):
    return x[i] + cuda.grid(1)


def made_with(constant):
    @cuda.jit(device=True)
    def shift(value):
        return value + constant

    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = shift(x[i]) + constant

    return kernel


@cuda.jit
def calls(x, y):
    i = cuda.grid(1)
    constants = cuda.const.array_like(BIAS)
    y[i] = factorial(i) + plain_helper(x, i) + cuda_tables.larger(x[i], x[0]) + constants[i % 2]


def test_functions_of_all_kinds():
    """Device functions that call themselves, plain helpers, those of another module, constants, closures."""
    x, y = np.arange(4, dtype=np.float32), zeros(4)
    simt.run(calls, 2, 2, x, y)
    assert list(y) == [math.factorial(i) + 2 * i + i + BIAS[i % 2] for i in range(4)]
    simt.run(made_with(5), 2, 2, x, y)
    assert list(y) == [i + 10 for i in range(4)]


@cuda.jit
def views(x, y):
    i = cuda.grid(1)
    row = x[i]
    for j in range(len(row)):
        y[i, j] = row[j] + x[i, 1:][0] + x.T[0, i] + x.reshape(6)[0] + x.reshape((3, 2))[0, 0]
    for value in x[i, ::-1]:
        y[i, 3] += value
    y[i, 4:6] = row[:2]
    y[i, ...][6:] = i
    assert x.shape == (2, 3) and (x.size, x.ndim, x.itemsize) == (6, 2, 4) and x.strides == (12, 4)


def test_views():
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), zeros(2, 8)
    assert not simt.run(views, 1, 2, x, y).faults
    np.testing.assert_array_equal(y[:, :3], x + x[:, 1:2] + x[:, :1])
    np.testing.assert_array_equal(y[:, 3:], [[3, 0, 1, 0, 0], [12, 3, 4, 1, 1]])


@cuda.jit
def whole_array(x, y):
    y[0] = np.sum(x)


@cuda.jit
def fancy(x, y):
    y[0] = x[1.5]


@cuda.jit
def unknown(x, y):
    y[0] = cuda.cg.this_grid()


@pytest.mark.parametrize(
    "kernel, words",
    [(whole_array, "single elements, x"), (fancy, "float"), (unknown, "cuda.cg")],
    ids=["sum", "index", "cg"],
)
def test_what_kernels_cannot_do(kernel, words):
    with pytest.raises(simt.KernelFailed, match=words):
        simt.run(kernel, 1, 1, zeros(3), zeros(3))
