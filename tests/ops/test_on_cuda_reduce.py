"""Reductions, running sums and matrix products on CUDA give what NumPy gives, however many threads share an output element."""

import math

import numpy as np
import pytest

from cuda_same import FLOATS, TYPES, each, numbers, same
from reftorch.ops import cuda_reduce
from reftorch.ops import on_cuda as xp

AXES = [None, 0, 1, -1, (0, 2), (2, 0), (), (0, 1, 2)]
FOLDS = ["sum", "prod", "amax", "amin", "all", "any", "mean"]


def wanted_of(name, host, **options):
    """NumPy's result, in the dtype that we sum in: integers and bools in int64."""
    if name in ("sum", "prod") and host.dtype.kind in "biu":
        options["dtype"] = np.int64
    return getattr(np, name)(host, **options)


# ------------------------------------------------------------------------------------------------ folding
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", FOLDS)
def test_axes(name, axis, keepdims):
    host = numbers(2, 3, 2)
    found = getattr(xp, name)(xp.to_device(host), axis=axis, keepdims=keepdims)
    same(found, wanted_of(name, host, axis=axis, keepdims=keepdims), ulp=name == "mean")


@each("dtype", TYPES)
@pytest.mark.parametrize("name", [*FOLDS, "count_nonzero", "argmax", "argmin"])
def test_types(name, dtype):
    host = numbers(2, 3, dtype=dtype, low=0)
    same(getattr(xp, name)(xp.to_device(host), axis=1), wanted_of(name, host, axis=1))


@pytest.mark.parametrize("name", ["sum", "amin", "argmax", "count_nonzero"])
def test_views(name):
    host = numbers(4, 6)
    device = xp.to_device(host)
    for f in (lambda a: a.T, lambda a: a[::2, 1:4], lambda a: np.broadcast_to(a[0], (2, 6))):
        for axis in (None, 0, 1):
            same(getattr(xp, name)(xp.view(device, f), axis=axis), getattr(np, name)(f(host), axis=axis))


def test_sum_in_another_type():
    host = np.full(3, 2.0**24 + 2, np.float32)
    same(xp.sum(xp.to_device(host), dtype=np.float64), host.sum(dtype=np.float64))
    same(xp.sum(xp.to_device(host), dtype=np.int64), np.int64(3 * (2**24 + 2)))


@pytest.mark.parametrize("name", [*FOLDS, "argmax", "argmin", "count_nonzero"])
def test_0d(name):
    host = np.array(3.0)
    same(getattr(xp, name)(xp.to_device(host)), getattr(np, name)(host))


@pytest.mark.parametrize("axis", [None, 0, 1], ids=str)
def test_of_nothing(axis):
    host = np.zeros((0, 2), np.float32)
    device = xp.to_device(host)
    for name in ("sum", "prod", "all", "any", "count_nonzero"):
        same(getattr(xp, name)(device, axis=axis), getattr(np, name)(host, axis=axis))
    for name in ("amax", "amin", "argmax", "argmin"):
        if axis == 1:
            same(getattr(xp, name)(device, axis=axis), getattr(np, name)(host, axis=axis))
        else:
            with pytest.raises(ValueError, match="no elements"):
                getattr(xp, name)(device, axis=axis)
    assert np.isnan(xp.to_host(xp.mean(device, axis=0))).all()


def test_refused():
    device = xp.to_device(numbers(2, 3))
    for axis in (2, -3, (0, 5)):
        with pytest.raises(IndexError, match="out of bounds"):
            xp.sum(device, axis=axis)
    with pytest.raises(ValueError, match="each axis once"):
        xp.sum(device, axis=(0, -2))
    with pytest.raises(ValueError, match="one axis"):
        xp.argmax(device, axis=(0, 1))
    with pytest.raises(TypeError, match="no CUDA kernel"):
        xp.sum(device, dtype=np.float16)


@each("dtype", FLOATS)
def test_nan_and_infinity(dtype):
    host = np.array(
        [[1, math.nan, 3], [math.nan, 5, math.nan], [-math.inf, 2, math.inf], [7, 7, 1], [0, -0.0, 0]], dtype
    )
    device = xp.to_device(host)
    for name in ("amax", "amin", "argmax", "argmin", "all", "any"):
        for axis in (None, 0, 1):
            same(getattr(xp, name)(device, axis=axis), getattr(np, name)(host, axis=axis))


# ------------------------------------------------------------------------------- several threads an output element
@pytest.mark.parametrize("terms", [1, 31, 32, 63, 64, 100, 257])
def test_any_number_of_terms(terms):
    """From 32 terms on there are barriers; no power of two divides 31, 63 or 257."""
    host = numbers(2, terms)
    device = xp.to_device(host)
    for name in ("sum", "amax", "argmin"):
        same(getattr(xp, name)(device, axis=1), getattr(np, name)(host, axis=1))


def test_widths():
    assert [cuda_reduce._threads(n) for n in (1, 31, 32, 63, 64, 4095, 4096, 10**9)] == [
        1, 1, 2, 2, 4, 128, 256, 256,
    ]  # fmt: skip
    assert cuda_reduce._parts(10**9, outputs=1) == 256
    assert cuda_reduce._parts(10**9, outputs=100) == 4
    assert cuda_reduce._parts(10**9, outputs=256) == cuda_reduce._parts(100, outputs=1) == 1


@pytest.mark.parametrize("width", [2, 8])
@pytest.mark.parametrize("outputs", [1, 3, 9])
def test_wide_rows_in_several_blocks(monkeypatch, width, outputs):
    """Blocks of 8 threads: with outputs that fill the last block and outputs that do not."""
    monkeypatch.setattr(cuda_reduce, "BLOCK", 8)
    monkeypatch.setattr(cuda_reduce, "_threads", lambda terms: min(width, terms))
    host = numbers(11, outputs)
    host[5] = host[3]
    device = xp.to_device(host)
    for name in ("sum", "amin", "argmax", "argmin"):
        same(getattr(xp, name)(device, axis=0), getattr(np, name)(host, axis=0))


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "all"])
def test_parts(monkeypatch, name):
    """With blocks of 4 threads, 300 terms are folded by two rows of threads, and their results by a second launch."""
    monkeypatch.setattr(cuda_reduce, "BLOCK", 4)
    assert cuda_reduce._parts(300, outputs=2) > 1
    host = numbers(2, 300) / np.float32(8) if name != "prod" else np.full((2, 300), -1, np.float32)
    same(getattr(xp, name)(xp.to_device(host), axis=1), getattr(np, name)(host, axis=1))


def test_ties_go_to_the_first(monkeypatch):
    monkeypatch.setattr(cuda_reduce, "_threads", lambda terms: 4)
    late = np.zeros(9)
    late[[1, 4]] = math.nan  # thread 0 holds 4, thread 1 holds 1
    for host in (np.zeros(9), np.array([0.0, 5, 1, 1, 5, 0, 0, 5, 0]), np.full(9, math.nan), late):
        same(xp.argmax(xp.to_device(host)), np.argmax(host))
        same(xp.argmin(xp.to_device(host)), np.argmin(host))


def test_the_same_bits_twice():
    host = np.random.default_rng(0).normal(size=(1, 200)).astype(np.float32)
    device = xp.to_device(host)
    first, second = xp.to_host(xp.sum(device)), xp.to_host(xp.sum(device))
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first, host.sum(dtype=np.float64), rtol=200 * 6e-8)


# ------------------------------------------------------------------------------------------------ running sums
@pytest.mark.parametrize("axis", [None, 0, 1, -1], ids=str)
def test_cumsum_axes(axis):
    host = numbers(3, 2, 4)
    same(xp.cumsum(xp.to_device(host), axis=axis), np.cumsum(host, axis=axis))
    same(
        xp.cumsum(xp.view(xp.to_device(host), np.transpose), axis=axis),
        np.cumsum(host.transpose(), axis=axis),
    )


@each("dtype", TYPES)
def test_cumsum_types(dtype):
    host = numbers(4, dtype=dtype, low=0)
    wanted = np.cumsum(host, dtype=None if dtype in FLOATS else np.int64)
    same(xp.cumsum(xp.to_device(host), axis=0), wanted)


def test_cumsum_of_nothing():
    same(xp.cumsum(xp.zeros((0, 2)), axis=0), np.zeros((0, 2), np.float32))


# ------------------------------------------------------------------------------------------------ matrix product
SHAPES = [
    [(3,), (3,)],
    [(3,), (3, 2)],
    [(2, 3), (3,)],
    [(2, 3), (3, 4)],
    [(1, 1), (1, 1)],
    [(2, 2, 3), (3, 2)],
    [(2, 3), (2, 3, 2)],
    [(2, 1, 2, 3), (3, 3, 1)],
    [(3,), (2, 3, 2)],
    [(2, 2, 3), (3,)],
    [(2, 0), (0, 3)],
    [(0, 2), (2, 3)],
    [(0,), (0,)],
    [(0, 2, 2), (2, 2)],
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matmul_shapes(shapes):
    a, b = (numbers(*shape) for shape in shapes)
    same(xp.matmul(xp.to_device(a), xp.to_device(b)), a @ b)


@each("dtype", [*FLOATS, np.int64, np.int32, np.uint8])
def test_matmul_types(dtype):
    a, b = numbers(2, 3, dtype=dtype, low=0), numbers(3, 2, dtype=dtype, low=200)
    same(xp.matmul(xp.to_device(a), xp.to_device(b)), a @ b)


def test_matmul_of_views():
    host = numbers(4, 6)
    device = xp.to_device(host)
    same(xp.matmul(xp.view(device, np.transpose), device), host.T @ host)
    a, b = (lambda v: v[::2, 1:4]), (lambda v: v.T[3:, :3])
    same(xp.matmul(xp.view(device, a), xp.view(device, b)), a(host) @ b(host))
    mixed = xp.matmul(device, xp.to_device(numbers(6, 1, dtype=np.int64)))
    same(mixed, (host @ numbers(6, 1)).astype(np.float64))


def test_matmul_refuses():
    for a, b in [((2, 3), (2, 3)), ((3,), (2,)), ((), (2,)), ((2, 2, 2), (3, 2, 2))]:
        with pytest.raises(ValueError):
            xp.matmul(xp.zeros(a), xp.zeros(b))
    with pytest.raises(TypeError, match="bool"):
        xp.matmul(xp.full((1, 1), True), xp.full((1, 1), True))
