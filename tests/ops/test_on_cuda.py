"""The CUDA arithmetic gives what NumPy gives: values, shapes and dtypes, for views, broadcast, empty and 0-d operands."""

import math

import numpy as np
import pytest

from cuda_same import FLOATS, TYPES, each, numbers, quietly, same
from reftorch.ops import cuda_arrays, cuda_kernels
from reftorch.ops import on_cuda as xp

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.3, -2.5, 7.0, math.inf, -math.inf, math.nan]
each_type = each("dtype", TYPES)
each_float = each("dtype", FLOATS)


# ----------------------------------------------------------------------------------------- views and transfer
VIEWS = {
    "row": lambda a: a[1],
    "column": lambda a: a[:, 1],
    "last": lambda a: a[-1:],
    "step": lambda a: a[:, ::2],
    "block": lambda a: a[1:, 1:3],
    "element": lambda a: a[1, 2, ...],
    "new axis": lambda a: a[:, None, :],
    "nothing": lambda a: a[:, 1:1],
    "transpose": lambda a: a.T,
    "reshape": lambda a: a.reshape(2, 6),
    "flat": lambda a: a.reshape(-1),
    "broadcast": lambda a: np.broadcast_to(a, (2, 3, 4)),
    "broadcast column": lambda a: np.broadcast_to(a[:, :1], (3, 5)),
    "diagonal": lambda a: a.diagonal(),
    "windows": lambda a: np.lib.stride_tricks.as_strided(a, (2, 3, 2), (a.strides[0], a.strides[1], a.strides[1])),
    "chain": lambda a: a[1:].T[::2].swapaxes(0, 1)[..., None].squeeze(-1),
}
each_view = pytest.mark.parametrize("f", VIEWS.values(), ids=VIEWS)


@each_view
def test_view(f):
    host = numbers(3, 4)
    same(xp.view(xp.to_device(host), f), f(host))


@each_view
def test_view_of_a_view(f):
    """Where NumPy has to copy, as to flatten what is not contiguous, there is no view."""
    host = numbers(4, 2, 3, dtype=np.int64)
    inner = host[:, 1].T
    device = xp.view(xp.to_device(host), lambda a: a[:, 1].T)
    if f(inner).size and not np.shares_memory(f(inner), host):
        with pytest.raises(ValueError, match="found a copy"):
            xp.view(device, f)
    else:
        same(xp.view(device, f), f(inner))


def test_view_shares_memory():
    host = numbers(3, 4)
    device = xp.to_device(host)
    xp.copyto(xp.view(device, lambda a: a[1:, ::2].T), -1)
    host[1:, ::2] = -1
    same(device, host)


def test_view_refuses_copies_and_reversals():
    device = xp.to_device(numbers(3, 4))
    with pytest.raises(ValueError, match="found a copy"):
        xp.view(device, lambda a: a.T.reshape(-1))
    with pytest.raises(ValueError, match="write a\\[i, ...\\]"):
        xp.view(device, lambda a: a[1, 2])
    with pytest.raises(ValueError, match="negative strides"):
        xp.view(device, lambda a: a[::-1])
    same(xp.view(device, lambda a: a[:1][::-1]), numbers(3, 4)[:1])  # one row: nothing to reverse


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (0,), (2, 0, 3), (2, 1, 2)], ids=str)
@each_type
def test_transfer(shape, dtype):
    host = numbers(*shape, dtype=dtype, low=0)
    same(xp.to_device(host), host)
    if host.ndim:
        same(xp.to_device(host[::-1].T), host[::-1].T)


def test_to_device_copies():
    host = numbers(3)
    device = xp.to_device(host)
    host[0] = 99
    same(device, numbers(3))


def test_creation():
    same(xp.zeros((2, 3)), np.zeros((2, 3), np.float32))
    same(xp.ones(3, np.int64), np.ones(3, np.int64))
    same(xp.full((), 2.5), np.full((), 2.5))
    same(xp.full([2, 0], True), np.full([2, 0], True))
    same(xp.arange(5), np.arange(5))
    same(xp.arange(1, 2, 0.25, dtype=np.float32), np.arange(1, 2, 0.25, dtype=np.float32))
    assert tuple(xp.empty((3, 0), np.uint8).shape) == (3, 0)


def test_full_by_kernel(monkeypatch):
    monkeypatch.setattr(cuda_arrays, "SMALL", 3)
    same(xp.full((2, 3), 7, np.int32), np.full((2, 3), 7, np.int32))


def test_an_axis_of_one_entry_is_contiguous():
    """NumPy gives a new axis the stride 0, for which Numba would compile a kernel's form for any strides."""
    device = xp.to_device(numbers(2, 3))
    for f in (lambda a: a[:, None], lambda a: a[None, ..., None], lambda a: a[1:][::-1]):
        assert xp.view(device, f).flags["C_CONTIGUOUS"]
        assert 0 not in xp.view(device, f).strides


@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (2, 0), (2, 3)], ids=str)
def test_is_contiguous(shape):
    host = numbers(*shape)
    for f in (lambda a: a, lambda a: a.T, lambda a: a[..., None].swapaxes(0, -1)):
        assert xp.is_contiguous(xp.view(xp.to_device(host), f)) == f(host).flags.c_contiguous


def test_a_broadcast_view_is_not_contiguous():
    repeated = xp.view(xp.to_device(numbers(1)), lambda a: np.broadcast_to(a, (3,)))
    assert not xp.is_contiguous(repeated)
    same(xp.ascontiguousarray(repeated), np.repeat(numbers(1), 3))


def test_reshape_copies_where_it_must():
    host = numbers(2, 3)
    device = xp.to_device(host)
    same(xp.reshape(xp.view(device, np.transpose), (2, -1)), host.T.reshape(2, -1))
    xp.copyto(xp.reshape(device, -1), 5)
    same(device, np.full_like(host, 5))


# --------------------------------------------------------------------------------------------------- copies
@each("source", TYPES)
@each("target", TYPES)
def test_astype(source, target):
    host = np.array([0, 1, 2, 200], source)
    same(xp.astype(xp.to_device(host), target), host.astype(target))


def test_astype_of_fractions_and_negatives():
    host = np.array([-1.7, 0.2, 300.9])
    same(xp.astype(xp.to_device(host), np.int64), [-1, 0, 300])
    same(xp.astype(xp.to_device(host), bool), [True, True, True])
    same(xp.astype(xp.to_device(np.array([-1, 256])), np.uint8), np.array([255, 0], np.uint8))


def test_astype_without_copy():
    device = xp.to_device(numbers(3))
    assert xp.astype(device, np.float32, copy=False) is device
    assert xp.astype(device, np.float32) is not device


@pytest.mark.parametrize("source", [(3, 4), (4,), (3, 1), (1, 3, 4), ()], ids=str)
def test_copyto_broadcasts_into_a_strided_target(source):
    values = numbers(*source, dtype=np.int64)
    host = np.zeros((4, 6))
    device = xp.to_device(host)
    xp.copyto(xp.view(device, lambda a: a.T[::2, 1:].T[:, :2]), xp.to_device(numbers(3, 2)))
    host.T[::2, 1:].T[:, :2] = numbers(3, 2)
    same(device, host)
    xp.copyto(xp.view(device, lambda a: a[1:, ::2][:, :3]), 7)
    host[1:, ::2][:, :3] = 7
    same(device, host)
    wide = xp.zeros((3, 8))
    xp.copyto(xp.view(wide, lambda a: a[:, ::2]), xp.to_device(values))
    want = np.zeros((3, 8), np.float32)
    want[:, ::2] = values
    same(wide, want)


def test_copyto_refuses_other_shapes():
    with pytest.raises(ValueError, match="shape"):
        xp.copyto(xp.zeros(3), xp.zeros(4))
    with pytest.raises(ValueError, match="shape"):
        xp.copyto(xp.zeros(3), xp.zeros((2, 3)))


def test_copyto_between_overlapping_views():
    """A thread must not read what another has overwritten: with one thread a block, block 0 would finish before block 1."""
    host = numbers(300)
    device = xp.to_device(host)
    xp.copyto(xp.view(device, lambda a: a[1:]), xp.view(device, lambda a: a[:-1]))
    host[1:] = host[:-1].copy()
    same(device, host)


def test_collapse():
    assert cuda_arrays.collapse((2, 3, 4), (12, 4, 1)) == ((24,), (1,))
    assert cuda_arrays.collapse((2, 3, 4), (12, 4, 1), (4, 0, 1)) == (
        (2, 3, 4),
        (12, 4, 1),
        (4, 0, 1),
    )
    assert cuda_arrays.collapse((2, 3, 4), (3, 1, 0), (3, 1, 0)) == ((6, 4), (1, 0), (1, 0))
    assert cuda_arrays.collapse((1, 5, 1), (9, 2, 7)) == ((5,), (2,))
    assert cuda_arrays.collapse((), (), ()) == ((1,), (0,), (0,))


# -------------------------------------------------------------------------------------------------- two operands
ARITHMETIC = ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "maximum"]
ARITHMETIC += ["minimum", "power", "arctan2", "bitwise_and", "bitwise_or", "bitwise_xor"]
RELATIONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
RELATIONS += ["logical_and", "logical_or", "logical_xor"]


def operands(dtype):
    """A column and a row that meet in all pairs of special values."""
    if dtype in FLOATS:
        special = np.array(SPECIAL, dtype)
    elif dtype is np.bool_:
        special = np.array([False, True])
    else:
        special = np.array([0, 1, 2, 7, 200] if dtype is np.uint8 else [0, 1, -1, 5, -7], dtype)
    return special[:, None], special[None, :]


@each_type
@pytest.mark.parametrize("name", ARITHMETIC + RELATIONS)
def test_two_operands(name, dtype):
    a, b = operands(dtype)
    if name == "power" and np.dtype(dtype).kind == "i":
        b = abs(b)  # NumPy refuses negative powers of integers
    ours = getattr(xp, name)
    try:
        wanted = quietly(getattr(np, name), a, b)
    except TypeError:
        with pytest.raises(TypeError):
            ours(xp.to_device(a), xp.to_device(b))
        return
    if wanted.dtype.name not in ("float32", "float64", "int64", "int32", "uint8", "bool"):
        with pytest.raises(TypeError, match="no CUDA kernel"):
            ours(xp.to_device(a), xp.to_device(b))
        return
    same(
        ours(xp.to_device(a), xp.to_device(b)),
        wanted,
        ulp=4 * (name in ("power", "arctan2") and dtype in FLOATS),
    )


@each_float
def test_floor_divide_is_exact(dtype):
    a = np.array([1.0, -1.0, 7.0, 0.0, 5.0, -5.0, 0.126, 4.008], dtype)
    b = np.array([0.1, 0.1, -2.0, -3.0, np.inf, np.inf, 0.001, 0.001], dtype)
    same(xp.floor_divide(xp.to_device(a), xp.to_device(b)), np.floor_divide(a, b))
    assert np.signbit(xp.to_host(xp.floor_divide(xp.to_device(a), xp.to_device(b)))[3])


def test_integer_power_wraps_and_truncates():
    a = np.array([3, 2, 1, -1, -1, 2, 0], np.int64)
    wrapped = (3**41 + 2**63) % 2**64 - 2**63
    b = np.array([41, 63, -5, -5, -4, -1, -1], np.int64)
    same(xp.power(xp.to_device(a), xp.to_device(b)), [wrapped, -(2**63), 1, -1, 1, 0, 0])


@pytest.mark.parametrize("scalar", [2, 2.5, True, np.float32(2.5), np.int64(3), np.array(2.5)], ids=repr)
@each("dtype", [np.float32, np.int64, np.bool_])
def test_numbers_as_operands(scalar, dtype):
    host = numbers(3, dtype=dtype)
    device = xp.to_device(host)
    same(xp.add(device, scalar), np.add(host, scalar))
    same(xp.divide(scalar, device), quietly(np.divide, scalar, host))
    same(xp.less(device, scalar), np.less(host, scalar))


@pytest.mark.parametrize(
    "shapes",
    [[(2, 3), ()], [(), ()], [(3,), (2, 1)], [(2, 1, 3), (4, 1)], [(0,), (1,)], [(2, 0), (1, 1)]],
    ids=str,
)
def test_broadcasting(shapes):
    a, b = (numbers(*shape) for shape in shapes)
    same(xp.subtract(xp.to_device(a), xp.to_device(b)), a - b)


def test_operands_are_views():
    host = numbers(4, 6)
    device = xp.to_device(host)
    a = xp.view(device, lambda v: v[::2, 1:4])
    b = xp.view(device, lambda v: v.T[:3, 2:])
    same(xp.subtract(a, xp.view(b, lambda v: v[0][:, None])), host[::2, 1:4] - host.T[0, 2:4, None])
    same(xp.exp(b), np.exp(host.T[:3, 2:]), ulp=4)


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError):
        xp.add(xp.zeros(3), xp.zeros(4))


def test_out():
    host = numbers(4, 3)
    device = xp.to_device(host)
    left = xp.view(device, lambda a: a[:2])
    assert xp.add(left, 1, out=left) is left
    assert xp.negative(left, out=left) is left
    host[:2] = -(host[:2] + 1)
    same(device, host)


def test_more_threads_than_a_block():
    host = numbers(cuda_kernels.BLOCK + 3)
    same(xp.add(xp.to_device(host), 1), host + 1)


# -------------------------------------------------------------------------------------------------- one operand
UNARY = ["exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh"]
UNARY += ["cosh", "tanh", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"]
EXACT = ["floor", "ceil", "trunc", "rint", "sign", "absolute", "negative", "square", "reciprocal"]
EXACT += ["isnan", "isinf", "isfinite", "logical_not"]


@each_float
@pytest.mark.parametrize("name", UNARY + EXACT)
def test_one_operand(name, dtype):
    host = np.array([*SPECIAL, 0.5, 1.5, -0.5, 2.5, 100.0, 1e-8, -0.3], dtype)
    wanted = quietly(getattr(np, name), host)
    found = getattr(xp, name)(xp.to_device(host))
    same(found, wanted, ulp=0 if name in EXACT else 4)
    if wanted.dtype.kind == "f":
        zero = wanted == 0
        np.testing.assert_array_equal(np.signbit(xp.to_host(found))[zero], np.signbit(wanted)[zero])


@pytest.mark.parametrize("name", ["floor", "sign", "absolute", "negative", "square", "invert"])
@each("dtype", [np.int64, np.int32, np.uint8])
def test_one_integer_operand(name, dtype):
    host = np.array([0, 1, 5] if dtype is np.uint8 else [0, 1, -5], dtype)
    same(getattr(xp, name)(xp.to_device(host)), getattr(np, name)(host).astype(dtype))


def test_integers_become_float64_and_bools_invert():
    host = np.array([1, 2, 3])
    same(xp.exp(xp.to_device(host)), np.exp(host), ulp=4)
    same(xp.isfinite(xp.to_device(host)), [True] * 3)
    same(xp.invert(xp.to_device(np.array([True, False]))), [False, True])
    with pytest.raises(TypeError):
        xp.negative(xp.to_device(np.array([True])))


@each_float
def test_erf_and_sigmoid(dtype):
    host = np.array([0, 0.5, -3, 100, -1000, math.inf, -math.inf, math.nan], dtype)
    same(xp.erf(xp.to_device(host)), np.array([math.erf(v) for v in host], dtype), ulp=4)
    logistic = [1 / (1 + math.exp(-v)) if v > -700 else 0 for v in host.tolist()]
    logistic[-1] = math.nan
    same(xp.sigmoid(xp.to_device(host)), np.array(logistic, dtype), ulp=4)


def test_unary_of_nothing_and_of_0d():
    same(xp.exp(xp.zeros((2, 0))), np.zeros((2, 0), np.float32))
    same(xp.sqrt(xp.full((), 4.0)), np.array(2.0))


# ------------------------------------------------------------------------------------------------ three operands
@each_type
def test_where(dtype):
    a, b = numbers(3, 1, dtype=dtype, low=0), numbers(4, dtype=dtype, low=3)
    condition = numbers(3, 4) > 0
    same(xp.where(*map(xp.to_device, (condition, a, b))), np.where(condition, a, b))


def test_where_with_numbers():
    host = numbers(4)
    device = xp.to_device(host)
    same(xp.where(xp.less(device, 0), 0, device), np.where(host < 0, 0, host))
    same(xp.where(device, device, 1), np.where(host, host, 1))


def test_clip():
    host = np.array([-3, 0, 2, 9, math.nan], np.float32)
    device = xp.to_device(host)
    same(xp.clip(device, -1, 4), np.clip(host, -1, 4))
    same(xp.clip(device, None, 4), np.clip(host, None, 4))
    same(xp.clip(device, xp.to_device(host[::-1])), np.maximum(host, host[::-1]))
    assert xp.clip(device) is not device
