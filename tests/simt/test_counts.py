"""Counts and memory traffic, on kernels where both can be worked out by hand."""

import json

import numpy as np
import pytest
from numba import cuda, float32, float64, int32, uint8

from planted import every_order, line_of, zeros
from reftorch import simt


# ---------------------------------------------------------------------------------------------------------- coalescing
@cuda.jit
def gather(x, places, y):
    i = cuda.grid(1)
    y[i] = x[places[i]]


LANES = np.arange(32)


@every_order
@pytest.mark.parametrize(
    "places, dtype, sectors, fewest",
    [
        (LANES, np.float32, 4, 4),
        (LANES[::-1], np.float32, 4, 4),
        (LANES ^ 5, np.float32, 4, 4),
        (LANES + 1, np.float32, 5, 4),  # starts within a sector
        (LANES * 2, np.float32, 8, 4),
        (LANES * 8, np.float32, 32, 4),
        (LANES * 100, np.float32, 32, 4),
        (LANES * 0 + 77, np.float32, 1, 1),  # all read one cell
        (LANES // 16 * 500, np.float32, 2, 1),
        (LANES, np.float64, 8, 8),
        (LANES, np.uint8, 1, 1),
        (LANES * 2, np.uint8, 2, 1),
    ],
)
def test_sectors_of_a_warp(places, dtype, sectors, fewest, order, seed):
    x, y = np.zeros(4096, dtype), np.zeros(32, dtype)
    report = simt.run(gather, 1, 32, x, places, y, order=order, seed=seed)
    line = report.traffic("x")
    assert (line.requests, line.accesses, line.units, line.fewest) == (1, 32, sectors, fewest)
    assert (line.line, line.space, line.array) == (line_of(gather, "places[i]"), "global", "x")
    assert report.traffic("y", "writes").units == report.traffic("y", "writes").fewest


def test_sectors_of_a_grid():
    """Four warps; those of 40 threads are one of 32 and one of 8."""
    report = simt.run(gather, 2, 64, zeros(128), np.arange(128), zeros(128))
    assert (report.traffic("x").requests, report.traffic("x").units) == (4, 16)
    report = simt.run(gather, 2, 40, zeros(80), np.arange(80), zeros(80))
    assert (report.traffic("x").requests, report.traffic("x").units) == (4, 4 + 1 + 4 + 1)


@cuda.jit
def add_rows(x, y):
    i = cuda.grid(1)
    total = float32(0)
    for j in range(x.shape[1]):
        total += x[i, j]
    y[i] = total


def test_rows_and_columns():
    """A thread for each row reads 32 rows at a time; over the transposed array, neighbours."""
    x = zeros(32, 32)
    by_rows, by_columns = simt.run(add_rows, 1, 32, x, zeros(32)), simt.run(add_rows, 1, 32, x.T, zeros(32))
    assert (by_rows.traffic("x").requests, by_rows.traffic("x").units) == (32, 32 * 32)
    assert (by_columns.traffic("x").requests, by_columns.traffic("x").units) == (32, 32 * 4)


def test_addresses_do_not_depend_on_the_machine():
    """The array that owns the memory starts a sector; a view of it may start within one."""
    memory = zeros(100)
    assert simt.run(gather, 1, 32, memory[4:], LANES, zeros(32)).traffic("x").units == 5
    assert simt.run(gather, 1, 32, memory[8:], LANES, zeros(32)).traffic("x").units == 4
    assert simt.run(gather, 1, 32, zeros(34), LANES, zeros(32)).traffic("places").units == 8  # not right behind the 34


@cuda.jit
def skips_the_border(x, y):
    t = cuda.grid(1)
    total = float32(0)
    for k in range(4):
        if t + k >= 3:
            total += x[32 * k + t]
    for k in range(8):
        if k > t % 3:
            break
        total += x[32 * k + t + 200]  # until a break
    y[t] = total


def test_threads_are_compared_in_the_same_iteration():
    """Threads 0 to 2 skip up to three iterations; what they read in the last one is read together with the others."""
    report = simt.run(skips_the_border, 1, 32, zeros(600), zeros(32))
    inner, until_break = [line for line in report.lines if line.array == "x"]
    assert (inner.requests, inner.accesses, inner.units) == (4, 29 + 30 + 31 + 32, 16)
    assert until_break.line == line_of(skips_the_border, "# until a break")
    assert (until_break.requests, until_break.accesses, until_break.units) == (3, 32 + 21 + 10, 12)
    assert report.traffic("y", "writes").requests == 1  # after the loops they are together again


# ------------------------------------------------------------------------------------------------------- bank conflicts
@cuda.jit
def strided_floats(y, stride):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(33 * 32, float32)
    tile[t * stride] = t
    cuda.syncthreads()
    y[t] = tile[t * stride]


@cuda.jit
def strided_doubles(y, stride):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(33 * 32, float64)
    tile[t * stride] = t
    cuda.syncthreads()
    y[t] = tile[t * stride]


@cuda.jit
def strided_bytes(y, stride):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(33 * 32, uint8)
    tile[t * stride] = t
    cuda.syncthreads()
    y[t] = tile[t * stride]


@every_order
@pytest.mark.parametrize(
    "kernel, stride, ways, rounds, fewest",
    [
        (strided_floats, 1, 1, 1, 1),
        (strided_floats, 2, 2, 2, 1),
        (strided_floats, 3, 1, 1, 1),  # odd strides visit every bank
        (strided_floats, 4, 4, 4, 1),
        (strided_floats, 32, 32, 32, 1),
        (strided_floats, 33, 1, 1, 1),
        (strided_doubles, 1, 1, 2, 2),  # half a warp at a time
        (strided_doubles, 2, 2, 4, 2),
        (strided_doubles, 16, 16, 32, 2),
        (strided_bytes, 1, 1, 1, 1),  # four threads want one word
        (strided_bytes, 4, 1, 1, 1),
        (strided_bytes, 8, 2, 2, 1),
    ],
)
def test_bank_conflicts(kernel, stride, ways, rounds, fewest, order, seed):
    report = simt.run(kernel, 1, 32, zeros(32), stride, order=order, seed=seed)
    for kind in ("reads", "writes"):
        line = report.traffic("tile", kind)
        assert (line.space, line.requests, line.accesses) == ("shared", 1, 32)
        assert (line.ways, line.units, line.fewest) == (ways, rounds, fewest)
    assert (f"{ways}-way bank conflict" in str(report)) == (ways > 1)


@cuda.jit
def all_read_one(y):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(64, int32)
    tile[t] = t
    cuda.syncthreads()
    y[t] = tile[5] + tile[t % 2 * 32]


def test_one_word_for_many_threads_is_no_conflict():
    """All want word 5: one round for each of two warps. Half want word 0 and half word 32, of the same bank: two rounds."""
    line = simt.run(all_read_one, 1, 64, zeros(64)).traffic("tile")
    assert (line.requests, line.units, line.fewest, line.ways) == (4, 2 * 1 + 2 * 2, 4, 2)


# --------------------------------------------------------------------------------------------------------------- counts
TILE = 4


@cuda.jit
def naive_matmul(a, b, c):
    j, i = cuda.grid(2)
    total = float32(0)
    for k in range(a.shape[1]):
        total += a[i, k] * b[k, j]
    c[i, j] = total


@cuda.jit
def tiled_matmul(a, b, c):
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    j, i = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        tile_a[ty, tx] = a[i, start + tx]
        tile_b[ty, tx] = b[start + ty, j]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    c[i, j] = total


def test_tiles_save_reads():
    """A product of n terms: 2n reads of global memory for each output, or 2n / TILE and the rest from shared memory."""
    n, outputs = 12, 8 * 8
    a, b, c = np.ones((8, n), np.float32), np.ones((n, 8), np.float32), zeros(8, 8)
    naive = simt.run(naive_matmul, (2, 2), (TILE, TILE), a, b, c)
    assert naive.counts["global reads"] == 2 * n * outputs
    tiled = simt.run(tiled_matmul, (2, 2), (TILE, TILE), a, b, c)
    assert tiled.counts == {
        **dict.fromkeys(tiled.counts, 0),
        "global reads": 2 * n // TILE * outputs,
        "global writes": outputs,
        "shared reads": 2 * n * outputs,
        "shared writes": 2 * n // TILE * outputs,
        "barriers": 2 * n // TILE * outputs,
    }
    assert tiled.shared_bytes == 2 * TILE * TILE * 4
    assert all(thread["shared reads"] == 2 * n and thread["barriers"] == 6 for thread in tiled.threads)
    assert tiled.most["global reads"] == 6


@cuda.jit
def does_much(x, y):
    i = cuda.grid(1)
    mine = cuda.local.array(2, float32)
    mine[0] = 1
    for _ in range(i):
        mine[0] += x[i]
    cuda.syncwarp()
    cuda.shfl_sync(0xFFFFFFFF, i, 0)
    cuda.syncthreads_or(i)
    cuda.atomic.add(y, 0, mine[0])


def test_counts_of_each_thread():
    report = simt.run(does_much, 2, 3, np.ones(6, np.float32), zeros(1), order="shuffled")
    for i, thread in enumerate(report.threads):
        wanted = {"local writes": 1 + i, "local reads": i + 1, "global atomics": 1, "warp operations": 2, "barriers": 1}
        assert thread == wanted | ({"global reads": i} if i else {})
    assert report.counts["global reads"] == 15 and report.most["global reads"] == 5


@every_order
def test_traffic_does_not_depend_on_the_order(order, seed):
    a, b = np.ones((8, 12), np.float32), np.ones((12, 8), np.float32)
    usual = simt.run(tiled_matmul, (2, 2), (TILE, TILE), a, b, zeros(8, 8)).to_dict()
    found = simt.run(tiled_matmul, (2, 2), (TILE, TILE), a, b, zeros(8, 8), order=order, seed=seed).to_dict()
    assert found == usual | {"order": order, "seed": seed}
    assert json.loads(json.dumps(found)) == found


def test_the_report_can_be_read():
    a, b = np.ones((8, 12), np.float32), np.ones((12, 8), np.float32)
    text = str(simt.run(tiled_matmul, (2, 2), (TILE, TILE), a, b, zeros(8, 8)))
    assert "tiled_matmul: grid (2, 2), block (4, 4): 4 x 16 threads, ascending" in text
    for words in ("no faults", "global reads", "384", "shared bytes a block", "global writes c", "sectors", "rounds"):
        assert words in text
    text = str(simt.run(naive_matmul, 1, (4, 3), a, b, zeros(3, 3), strict=False))
    assert "out of bounds" in text and f"test_counts.py:{line_of(naive_matmul, 'c[i, j]')}" in text
    with pytest.raises(KeyError, match="'q'"):
        simt.run(naive_matmul, 1, 1, a, b, zeros(8, 8)).traffic("q")
