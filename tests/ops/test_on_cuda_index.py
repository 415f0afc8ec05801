"""Index arrays, joining, sorting on CUDA give what NumPy gives."""

import math

import numpy as np
import pytest

from cuda_same import TYPES, each, numbers, same
from reftorch.ops import cuda_index
from reftorch.ops import on_cuda as xp

MASK = np.array([[True, False, True, False], [False] * 4, [True] * 4])
KEYS = [
    1,
    (1, -1),
    (slice(None), 2),
    ...,
    (..., None, 0),
    [2, 0, -1],
    ([0, 2], [1, 3]),
    ([[0], [2]], [1, 3]),
    (slice(None), [3, 0]),
    (slice(1, None), [3, 0]),
    ([1, 2], slice(None, None, 2)),
    (0, [3, 0]),
    ([3 - 1, 0], None),
    (None, [0, 1]),
    (..., [0, 1]),
    ([0, 1], ..., [2, 3]),
    ([0, 1], None, [2, 3]),
    (np.array(1),),
    np.zeros((2, 2), int),
    np.zeros((0,), int),
    [],
    MASK,
    MASK[:, 0],
    (slice(None), MASK[0]),
    (MASK[:, 0], [1, 2, 3, 0][:2]),
    np.zeros((3, 4), bool),
    True,
    False,
    (None, True, [0, 1]),
    (np.int64(2), np.array([0, 1], np.uint8)),
]
each_key = pytest.mark.parametrize("key", KEYS, ids=repr)


@each_key
def test_getitem(key):
    host = numbers(3, 4)
    same(xp.getitem(xp.to_device(host), key), host[key])


@each_key
def test_setitem(key):
    """Different values for different elements; where a key names one twice, which of them stays is not defined."""
    host = numbers(3, 4)
    device = xp.to_device(host)
    named = np.arange(host.size).reshape(host.shape)[key]
    values = np.arange(named.size).reshape(named.shape) if np.unique(named).size == named.size else 50
    host[key] = values
    xp.setitem(device, key, values)
    same(device, host)


@each_key
def test_add_at(key):
    host = numbers(3, 4)
    device = xp.to_device(host)
    np.add.at(host, key, 2)
    xp.add_at(device, key, 2)
    same(device, host)


@each("dtype", TYPES)
def test_index_types(dtype):
    host = numbers(3, 2, dtype=dtype, low=0)
    device = xp.to_device(host)
    same(xp.getitem(device, [2, 0]), host[[2, 0]])
    xp.setitem(device, [2, 0], host[:2])
    host[[2, 0]] = host[:2].copy()
    same(device, host)
    if host.itemsize < 4:
        with pytest.raises(TypeError, match="atomically"):
            xp.add_at(device, [1, 1], 1)
    else:
        np.add.at(host, [1, 1], 1)
        xp.add_at(device, [1, 1], 1)
        same(device, host)


def test_index_arrays_on_the_device():
    host, index = numbers(4, 3), np.array([3, -1, 0])
    device = xp.to_device(host)
    same(xp.getitem(device, xp.to_device(index)), host[index])
    same(xp.getitem(device, xp.to_device(host > 0)), host[host > 0])
    same(xp.getitem(device, (slice(None), xp.to_device(index % 3))), host[:, index % 3])


def test_views_are_indexed_in_place():
    host = numbers(4, 6)
    device = xp.to_device(host)
    inner = xp.view(device, lambda a: a.T[1::2])
    same(xp.getitem(inner, (slice(None), [3, 1])), host.T[1::2][:, [3, 1]])
    xp.setitem(inner, ([0, 2], slice(1, 3)), xp.view(device, lambda a: a[:2, :2]))
    host.T[1::2][[0, 2], 1:3] = host[:2, :2].copy()
    same(device, host)


def test_values_broadcast_and_overlap():
    host = numbers(5, 2)
    device = xp.to_device(host)
    xp.setitem(device, [0, 4], np.array([[7, 8]]))
    host[[0, 4]] = [[7, 8]]
    same(device, host)
    xp.setitem(device, [1, 2, 3, 4], xp.view(device, lambda a: a[:4]))
    host[[1, 2, 3, 4]] = host[:4].copy()
    same(device, host)
    with pytest.raises(ValueError):
        xp.setitem(device, [0, 1, 2], np.zeros((2, 2)))


def test_a_basic_key_gives_a_view():
    device = xp.to_device(numbers(3, 4))
    xp.copyto(xp.getitem(device, (1, slice(2))), 9)
    xp.setitem(xp.getitem(device, (..., 3)), (), 8)
    host = numbers(3, 4)
    host[1, :2], host[:, 3] = 9, 8
    same(device, host)


@pytest.mark.parametrize(
    "key",
    [[3], ([0], [-5]), (slice(None), [4]), ([0, 1], [0, 1, 2]), ([0], [0], [0]), [0.5], MASK.T]
    + [MASK[:2, 0], (..., [0], ...), (1, 2, 3), 3, "a"],
    ids=repr,
)
def test_bad_keys(key):
    device = xp.to_device(numbers(3, 4))
    with pytest.raises(IndexError):
        numbers(3, 4)[key]
    with pytest.raises(IndexError):
        xp.getitem(device, key)


def test_an_index_out_of_bounds_is_named():
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 1 with size 4: wanted -4 to 3"):
        xp.getitem(xp.to_device(numbers(3, 4)), (slice(None), [0, 7]))


def random_key(rng, shape):
    """A key of slices, None, Ellipsis, integers, index arrays and masks that fits `shape`."""
    key, d, grid = [], 0, [(), (2,), (1,), (3, 1), (3, 2)]
    while d < len(shape):
        kind = rng.integers(8)
        if kind < 2:
            key.append(rng.integers(-shape[d], shape[d], grid[rng.integers(5)]))
        elif kind == 2:
            key.append(int(rng.integers(shape[d])))
        elif kind < 5:
            key.append(slice(int(rng.integers(2)), None, int(rng.integers(1, 3))))
        elif kind == 5:
            key.append(None)
            continue
        elif kind == 6:
            mask = np.zeros(shape[d], bool)
            mask[rng.permutation(shape[d])[: 1 + rng.integers(2)]] = True
            key.append(mask)
        elif Ellipsis not in [k for k in key if k is Ellipsis]:
            key.append(Ellipsis)
            d += rng.integers(3)
            continue
        d += 1
    return tuple(key[: rng.integers(1, len(key) + 1)])


def places_by_numpy(found, base):
    """The elements that `Places` means, read from the flat NumPy array `base` by the rule that the kernels follow."""
    place = np.zeros(found.shape, np.int64)
    look = np.zeros(found.shape, np.int64)
    for axis, (n, stride, step) in enumerate(zip(found.shape, found.strides, found.offset_strides)):
        along = np.arange(n).reshape([n if d == axis else 1 for d in range(len(found.shape))])
        place, look = place + along * stride, look + along * step
    start = xp.to_host(found.array).flat[0] if found.array.size else 0  # element k of base is k
    return base[int(start) + place + found.offsets.reshape(-1)[look]] if place.size else place


def test_random_keys():
    """The rules for where indexed axes go, on 400 keys; only the geometry, without a launch."""
    rng, tried = np.random.default_rng(0), 0
    shape = (3, 2, 4, 3)
    base = np.arange(math.prod(shape))
    device, host = xp.to_device(base.reshape(shape)), base.reshape(shape)
    while tried < 400:
        key = random_key(rng, shape)
        try:
            wanted = host[key]
        except IndexError:
            continue
        if cuda_index.is_basic(key):
            same(xp.getitem(device, key), wanted)
            continue
        tried += 1
        found = places_by_numpy(cuda_index.locate(device, key), base)
        assert found.shape == wanted.shape, key
        np.testing.assert_array_equal(found, wanted, err_msg=repr(key))


# ------------------------------------------------------------------------------------------------ along one axis
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_axis(axis):
    host = numbers(2, 3, 2)
    index = np.argsort(host, axis=axis)[:, :1] if axis != 1 else np.argsort(host, axis=axis)[:, ::2]
    device = xp.to_device(host)
    same(xp.take_along_axis(device, index, axis), np.take_along_axis(host, index, axis))
    same(xp.take_along_axis(device, xp.to_device(index), axis), np.take_along_axis(host, index, axis))
    np.put_along_axis(host, index, 50, axis)
    xp.put_along_axis(device, index, 50, axis)
    same(device, host)


def test_add_along_axis_adds_repeated_indices():
    host = numbers(2, 3)
    device = xp.to_device(host)
    xp.add_along_axis(device, np.array([[1, 1, 1], [0, 2, 0]]), xp.to_device(numbers(2, 3)), 1)
    rows = np.array([[0], [1]])
    np.add.at(host, (rows, np.array([[1, 1, 1], [0, 2, 0]])), numbers(2, 3))
    same(device, host)


@pytest.mark.parametrize("axis", [None, 0, -1], ids=str)
def test_take_repeat_flip_roll(axis):
    host = numbers(2, 3)
    device = xp.to_device(host)
    same(xp.take(device, [1, 0, 0], axis), np.take(host, [1, 0, 0], axis))
    same(xp.take(device, xp.to_device(np.array([[1], [0]])), axis), np.take(host, [[1], [0]], axis))
    same(xp.take(device, 1, axis), np.take(host, 1, axis))
    same(xp.repeat(device, 2, axis), np.repeat(host, 2, axis))
    same(xp.flip(device, axis), np.flip(host, axis))
    same(xp.roll(device, 2, axis), np.roll(host, 2, axis))


def test_several_axes_and_repeats():
    host = numbers(2, 3)
    device = xp.to_device(host)
    same(xp.flip(device, (0, 1)), np.flip(host))
    same(xp.roll(device, (1, -1), (0, 1)), np.roll(host, (1, -1), (0, 1)))
    same(xp.repeat(device, [0, 1, 2], 1), np.repeat(host, [0, 1, 2], 1))


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(k):
    host = numbers(2, 3, 4, low=1)
    same(xp.tril(xp.to_device(host), k), np.tril(host, k))
    same(xp.triu(xp.to_device(host), k), np.triu(host, k))


# ------------------------------------------------------------------------------------------------ joining, sorting
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joining(axis):
    hosts = [numbers(2, 3), numbers(2, 3, dtype=np.int64), numbers(4, 6)[::2, ::2]]
    devices = [xp.to_device(hosts[0]), xp.to_device(hosts[1])]
    devices.append(xp.view(xp.to_device(numbers(4, 6)), lambda a: a[::2, ::2]))
    same(xp.concatenate(devices, axis), np.concatenate(hosts, axis))
    same(xp.stack(devices, axis), np.stack(hosts, axis))


def test_joining_refuses():
    a, b = xp.zeros((2, 3)), xp.zeros((2, 2))
    same(xp.concatenate([a, b], 1), np.zeros((2, 5), np.float32))
    for action in (
        lambda: xp.concatenate([a, b], 0),
        lambda: xp.concatenate([a, xp.zeros(3)], 0),
        lambda: xp.concatenate([], 0),
        lambda: xp.stack([a, b]),
        lambda: xp.stack([]),
    ):
        with pytest.raises(ValueError):
            action()


def test_sorting():
    host = np.array([[3, 1, math.nan, 1], [0, -1, 5, 0]], np.float32)
    device = xp.to_device(host)
    for axis in (0, -1):
        same(xp.sort(device, axis), np.sort(host, axis))
        same(xp.argsort(device, axis), np.argsort(host, axis, kind="stable"))
    values, order = xp.topk(device, 3)
    same(values, np.array([[math.nan, 3, 1], [5, 0, 0]], np.float32))
    same(order, [[2, 0, 1], [2, 0, 3]])
    same(xp.topk(device, 2, largest=False)[1], [[1, 3], [1, 0]])
    same(xp.topk(device, 1, axis=0)[1], [[0, 0, 0, 0]])


def test_nonzero():
    host = numbers(3, 4) % 3
    for found, wanted in zip(xp.nonzero(xp.to_device(host)), np.nonzero(host)):
        same(found, wanted)
