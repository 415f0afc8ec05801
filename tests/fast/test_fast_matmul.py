"""Fast matrix products against NumPy and the reference kernels of Linear. With whole numbers sums are exact, and results equal."""

import concurrent.futures

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reftorch import fast
from reftorch.fast import workers
from reftorch.fast.matmul import BLOCK, DEPTH, LINE, matmul
from reftorch.fast.registers import COLS, ROWS
from reftorch.nn.linear import linear
from reftorch.threads import on_one_thread


@pytest.fixture(autouse=True, params=[1, 2], ids=["one thread", "two threads"])
def threads(request, monkeypatch):
    """With two, even the smallest product is shared."""
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    if request.param == 2:
        monkeypatch.setattr(workers, "SHARE", 1)
    yield
    numba.set_num_threads(before)


def whole(rng, *shape, dtype="float32"):
    return rng.integers(-9, 10, shape).astype(dtype)


def lay(matrix, how):
    """The same matrix, otherwise in memory."""
    if how == "turned":
        return np.ascontiguousarray(matrix.T).T
    if how == "strided":
        return np.repeat(matrix, 2, axis=1)[:, ::2]
    return matrix


def agree(M, K, N, how_a="rows", how_b="rows", dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    a, b, bias = whole(rng, M, K, dtype=dtype), whole(rng, K, N, dtype=dtype), whole(rng, N, dtype=dtype)
    y = np.full((M, N), np.nan, dtype)
    matmul(lay(a, how_a), lay(b, how_b), y, bias)
    assert np.array_equal(y, a @ b + bias), (M, K, N, how_a, how_b)
    matmul(lay(a, how_a), lay(b, how_b), y)
    assert np.array_equal(y, a @ b), (M, K, N, how_a, how_b)


BORDERS = [
    (1, 1, 1),
    (ROWS, 5, COLS),
    (ROWS - 1, 6, COLS - 1),
    (ROWS + 1, 7, COLS + 1),
    (3 * ROWS + 2, 40, 2 * COLS + 5),
    (20, DEPTH, 20),
    (20, DEPTH - 1, 20),
    (20, DEPTH + 1, 20),
    (20, 2 * DEPTH + 1, COLS + 3),
    (BLOCK + 1, 3, 17),
    (2 * BLOCK + 3, 2, 3),
    (3 * LINE + 2 * ROWS + 1, 33, 30),
    (5, 5, 300),
    (1, 30, 40),
    (2, 30, 40),
    (4, 30, 41),
    (5, 30, 43),
    (40, 300, 16),
    (40, 300, 17),
    (41, 300, 3),
    (30, 1, 40),
    (30, 2, 40),
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (20, 0, 30),
]


@pytest.mark.parametrize("M, K, N", BORDERS)
def test_borders(M, K, N):
    for how_a in ("rows", "turned"):
        for how_b in ("rows", "turned"):
            agree(M, K, N, how_a, how_b)


@settings(max_examples=100, deadline=None)
@given(
    *[st.integers(1, 120)] * 3,
    *[st.sampled_from(["rows", "turned", "strided"])] * 2,
    st.sampled_from(["float32", "float64"]),
    st.integers(0, 999),
)
def test_any_size_and_layout(M, K, N, how_a, how_b, dtype, seed):
    agree(M, K, N, how_a, how_b, dtype, seed)


@pytest.mark.parametrize("sizes", [(20, 30, 40), (1, 700, 30), (2, 30, 700), (64, 784, 10), (64, 10, 300)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding(sizes, dtype):
    """No more than a random walk of the roundings of each product, as for any order of the sum."""
    M, K, N = sizes
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((N, K)).astype(dtype)
    y = np.empty((M, N), dtype)
    matmul(a, b.T, y)
    exact = a.astype(np.longdouble) @ b.T.astype(np.longdouble)
    spread = np.sqrt((a.astype(np.longdouble) ** 2) @ (b.T.astype(np.longdouble) ** 2))
    assert (abs(y - exact) <= 4 * np.finfo(dtype).eps * np.sqrt(K) * spread).all()


def test_nan_and_infinity_stay_where_they_belong():
    rng = np.random.default_rng(0)
    for M, K, N in ((20, 30, 60), (1, 30, 60), (60, 30, 5), (3, 500, 40)):
        for how_a, how_b in (("rows", "rows"), ("rows", "turned"), ("turned", "rows")):
            a, b = whole(rng, M, K), whole(rng, K, N)
            a[-1, -1], b[0, -1], b[1, 0] = np.nan, np.inf, -np.inf
            y = np.empty((M, N), "float32")
            matmul(lay(a, how_a), lay(b, how_b), y)
            with np.errstate(invalid="ignore"):
                assert np.array_equal(y, np.einsum("ik,kj->ij", a, b), equal_nan=True)


# ------------------------------------------------------------------------------------------------------------- Linear
def reference_and_fast(name, arguments, result):
    """What the reference kernel and the fast form write. With threads in float32, else in the form that other tests compile, too."""
    reference, results = getattr(linear, f"linear_{name}_cpu"), []
    reference = reference if result.dtype == np.float32 else on_one_thread(reference)
    for run in (reference, lambda *given: getattr(fast, f"linear_{name}")(reference, *given)):
        result[...] = 7
        run(*arguments, result)
        results.append(result.copy())
    return results


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize(
    "N, D_in, D_out", [(8, 400, 120), (3, 5, 4), (1, 1, 1), (300, 7, 5), (3, 700, 5), (64, 84, 10)]
)
def test_linear_equals_its_reference_kernels(N, D_in, D_out, dtype):
    rng = np.random.default_rng(0)
    x, weight, bias = (whole(rng, *shape, dtype=dtype) for shape in ((N, D_in), (D_out, D_in), (D_out,)))
    grad_y = whole(rng, N, D_out, dtype=dtype)
    for name, arguments, like in (
        ("forward", (x, weight, bias), grad_y),
        ("backward_x", (grad_y, weight), x),
        ("backward_weight", (grad_y, x), weight),
        ("backward_bias", (grad_y,), bias),
    ):
        reference, result = reference_and_fast(name, arguments, np.empty_like(like))
        assert np.array_equal(reference, result), name


def test_long_columns_are_summed_in_float64():
    ones = np.ones((2**24 + 2, 1), np.float32)
    sums = np.empty(1, np.float32)
    fast.linear_backward_bias(None, ones, sums)
    assert sums[0] == 2**24 + 2


def test_python_threads_at_once():
    """Each call has its own panels."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sizes = [(30 + i % 7, 50 + i, 60 - i % 5) for i in range(40)]
        for done in [pool.submit(agree, *size, seed=i) for i, size in enumerate(sizes)]:
            done.result()
