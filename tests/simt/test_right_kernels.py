"""No false alarms: right kernels of every kind give the right numbers, without a fault, in every order."""

import numpy as np
import pytest
from numba import cuda, float32, int32

from planted import every_order, zeros
from reftorch import simt

FULL = 0xFFFFFFFF


@cuda.jit
def tree_sum(x, y):
    t = cuda.threadIdx.x
    part = cuda.shared.array(64, float32)
    part[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if t < half:
            part[t] += part[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        cuda.atomic.add(y, 0, part[0])


@cuda.jit
def warp_shuffle_sum(x, y):
    value = x[cuda.grid(1)]
    delta = 16
    while delta > 0:
        value += cuda.shfl_down_sync(FULL, value, delta)
        delta //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(y, 0, value)


@cuda.jit
def warp_memory_sum(x, y):
    """Within a warp `syncwarp` is barrier enough."""
    t = cuda.threadIdx.x
    lane = cuda.laneid
    part = cuda.shared.array(64, float32)
    part[t] = x[cuda.grid(1)]
    half = 16
    while half > 0:
        cuda.syncwarp()
        if lane < half:
            part[t] += part[t + half]
        half //= 2
    if lane == 0:
        cuda.atomic.add(y, 0, part[t])


@cuda.jit
def half_warp_sum(x, y):
    """Half of each warp has returned: a mask may still name threads that are gone."""
    value = x[cuda.grid(1)] + x[cuda.grid(1) ^ 16]
    if cuda.laneid >= 16:
        return
    cuda.syncwarp()
    delta = 8
    while delta > 0:
        value += cuda.shfl_xor_sync(FULL, value, delta)
        delta //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(y, 0, value)


@cuda.jit
def grid_stride_sum(x, y):
    total = float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        total += x[i]
    cuda.atomic.add(y, 0, total)


@cuda.jit
def last_writes(x, y):
    """The block that is last to count itself, after a barrier and a fence, adds up what all have left."""
    t, b = cuda.threadIdx.x, cuda.blockIdx.x
    flag = cuda.shared.array(1, int32)
    if t == 0:
        total = float32(0)
        for i in range(64):
            total += x[b * 64 + i]
        x[b * 64] = total
        cuda.threadfence()
        flag[0] = cuda.atomic.add(y, 1, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if flag[0] and t == 1:
        total = float32(0)
        for i in range(cuda.gridDim.x):
            total += x[i * 64]
        y[0] = total


@every_order
@pytest.mark.parametrize(
    "kernel",
    [tree_sum, warp_shuffle_sum, warp_memory_sum, half_warp_sum, grid_stride_sum, last_writes],
    ids=lambda kernel: kernel.__name__,
)
def test_sums(kernel, order, seed):
    x, y = (np.arange(192) % 17).astype(np.float32), zeros(2)
    wanted = x.sum()
    report = simt.run(kernel, 3, 64, x, y, order=order, seed=seed)
    assert not report.faults and y[0] == wanted


@cuda.jit
def scan(x, y):
    """Running sums, from one half of the shared memory to the other: one barrier a step is enough."""
    t, n = cuda.threadIdx.x, cuda.blockDim.x
    buffers = cuda.shared.array((2, 64), float32)
    now = 0
    buffers[now, t] = x[t]
    step = 1
    while step < n:
        cuda.syncthreads()
        old = buffers[now]
        new = buffers[1 - now]
        new[t] = old[t] + (old[t - step] if t >= step else float32(0))
        now = 1 - now
        step *= 2
    y[t] = buffers[now, t]


@cuda.jit
def histogram(x, y):
    t = cuda.threadIdx.x
    counts = cuda.shared.array(8, int32)
    if t < 8:
        counts[t] = 0
    cuda.syncthreads()
    cuda.atomic.add(counts, int(x[cuda.grid(1)]), 1)
    cuda.syncthreads()
    if t < 8:
        cuda.atomic.add(y, t, counts[t])


@every_order
def test_scan_and_histogram(order, seed):
    x, y = (np.arange(64) % 7).astype(np.float32), zeros(64)
    assert not simt.run(scan, 1, 64, x, y, order=order, seed=seed, empty=[y]).faults
    np.testing.assert_array_equal(y, np.cumsum(x))
    counts = zeros(8, dtype=np.int32)
    assert not simt.run(histogram, 4, 16, x, counts, order=order, seed=seed).faults
    np.testing.assert_array_equal(counts, np.bincount(x.astype(int), minlength=8))


TILE = 8


@cuda.jit
def transpose(x, y):
    tile = cuda.shared.array((TILE, TILE + 1), float32)
    j, i = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    i = cuda.blockIdx.x * TILE + ty
    j = cuda.blockIdx.y * TILE + tx
    if i < y.shape[0] and j < y.shape[1]:
        y[i, j] = tile[tx, ty]


@cuda.jit
def matmul(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    j, i = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        tile_a[ty, tx] = a[i, start + tx] if i < a.shape[0] and start + tx < a.shape[1] else float32(0)
        tile_b[ty, tx] = b[start + ty, j] if start + ty < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@every_order
def test_tiles(order, seed):
    x = np.arange(12 * 19, dtype=np.float32).reshape(12, 19)
    y = zeros(19, 12)
    assert not simt.run(transpose, (3, 2), (TILE, TILE), x, y, order=order, seed=seed, empty=[y]).faults
    np.testing.assert_array_equal(y, x.T)
    a, b, c = x[:, :10] % 5, x[:10, 5:] % 3, zeros(12, 14)
    assert not simt.run(matmul, (2, 2), (TILE, TILE), a, b, c, order=order, seed=seed, empty=[c]).faults
    np.testing.assert_array_equal(c, a @ b)


@cuda.jit
def partition(x, y, n):
    """Two arrays of different types in one piece of dynamic shared memory."""
    t = cuda.threadIdx.x
    values = cuda.shared.array(0, float32)[:n]
    places = cuda.shared.array(0, int32)[n : 2 * n]
    values[t] = x[t]
    places[t] = n - 1 - t
    cuda.syncthreads()
    y[t] = values[places[t]]


@every_order
def test_dynamic_shared_memory(order, seed):
    x, y = np.arange(8, dtype=np.float32), zeros(8)
    assert not simt.run(partition, 1, 8, x, y, 8, order=order, seed=seed, dynamic_shared=64).faults
    assert list(y) == list(x[::-1])
    x, y = np.arange(3, dtype=np.float32), zeros(3)
    assert not simt.run(partition, 1, 3, x, y, 3, order=order, seed=seed, dynamic_shared=27).faults
    assert list(y) == list(x[::-1])


@cuda.jit
def doubles_in_place(x, y):
    i = cuda.grid(1)
    y[i] = 2 * x[i]


def test_two_names_for_one_array():
    """Each thread reads and writes its own cell: no race; shifted by one cell there is one, which the names hide."""
    x = np.arange(9, dtype=np.float32)
    assert not simt.run(doubles_in_place, 2, 4, x[:8], x[:8]).faults
    assert list(x) == [0, 2, 4, 6, 8, 10, 12, 14, 8]
    for order in ("ascending", "descending"):
        report = simt.run(doubles_in_place, 2, 4, x[:8], x[1:], order=order, strict=False)
        assert {type(fault) for fault in report.faults} == {simt.DataRace}
        assert sum(fault.count for fault in report.faults) == 7


def test_launches_are_ordered():
    x = np.ones(8, np.float32)
    for _ in range(2):
        assert not simt.run(doubles_in_place, 8, 1, x, x).faults
    assert list(x) == [4] * 8
