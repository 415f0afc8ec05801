"""A fault of every kind is planted, and found: every time, in every order, with its line, its threads and its cell."""

import numpy as np
import pytest
from numba import cuda, float32, int32

from planted import every_order, line_of, lines_of, only, threads_of, zeros
from reftorch import simt


# ------------------------------------------------------------------------------------------------------- out of bounds
@cuda.jit
def reads_beyond(x, y):
    i = cuda.grid(1)
    y[i] = x[i + 1]  # fault


@cuda.jit
def writes_beyond(x, y):
    i = cuda.grid(1)
    y[i if i != 2 else i + 6] = x[i]  # fault


@cuda.jit
def reads_before(x, y):
    i = cuda.grid(1)
    left = x[i - 1]  # fault
    y[i] = left


@every_order
@pytest.mark.parametrize(
    "kernel, thread, array, cell",
    [(reads_beyond, 3, "x", (8,)), (writes_beyond, 2, "y", (8,)), (reads_before, 0, "x", (-1,))],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_out_of_bounds(kernel, thread, array, cell, order, seed):
    x, y = np.arange(8, dtype=np.float32), zeros(8)
    offset = {"reads_beyond": 4}.get(kernel.__name__, 0)  # its last thread is in block 1
    report = simt.run(kernel, 2, 4, x, y, order=order, seed=seed, strict=False)
    fault = only(report, simt.OutOfBounds)
    assert (fault.line, fault.array, fault.cell, fault.count) == (line_of(kernel, "# fault"), array, cell, 1)
    assert threads_of(fault) == {(1 if offset else 0, thread)}
    assert fault.file == __file__
    with pytest.raises(IndexError, match=rf"{array}\[{cell[0]}\].*shape \(8,\)"):
        simt.run(kernel, 2, 4, x, y, order=order, seed=seed)


@cuda.jit
def walks_off_an_axis(x, y):
    i, j = cuda.grid(2)
    row = x[i]
    y[i, j] = row[j + 1]  # fault of the row
    y[i, j] += x[i, j + 1]  # fault of the whole


@every_order
def test_out_of_bounds_of_one_axis(order, seed):
    """The cell exists in memory, as the start of the next row: only the index shows it."""
    report = simt.run(walks_off_an_axis, 1, (2, 3), zeros(2, 3), zeros(2, 3), order=order, seed=seed, strict=False)
    first, second = sorted(report.faults, key=lambda fault: fault.line)
    assert (first.array, first.cell, first.count) == ("row", (3,), 2)
    assert (second.array, second.cell[1], second.count) == ("x", 3, 2)
    assert all(name.thread[1] == 2 for fault in report.faults for name in fault.threads)


@cuda.jit
def takes_a_row_that_is_not_there(x, y, step):
    i = cuda.grid(1)
    row = x[i + step, 1:]  # fault
    y[i] = row[0]


@every_order
@pytest.mark.parametrize("step, cell, thread", [(1, (3, None), 2), (-1, (-1, None), 0)])
def test_part_out_of_bounds(step, cell, thread, order, seed):
    kernel = takes_a_row_that_is_not_there
    report = simt.run(kernel, 1, 3, zeros(3, 2), zeros(3), step, order=order, seed=seed, strict=False)
    fault = next(fault for fault in report.faults if isinstance(fault, simt.OutOfBounds))
    assert (fault.line, fault.cell, fault.array) == (line_of(kernel, "# fault"), cell, "x")
    assert threads_of(fault) == {(0, thread)}


# ------------------------------------------------------------------------------------------------------- never written
@cuda.jit
def reads_empty_shared(y):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(8, float32)
    if t != 5:
        tile[t] = t
    cuda.syncthreads()
    y[t] = tile[t]  # fault


@cuda.jit
def reads_empty_shared_int(y):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(8, int32)
    if t != 5:
        tile[t] = t
    cuda.syncthreads()
    y[t] = tile[t]  # fault


@cuda.jit
def reads_empty_local(y):
    t = cuda.threadIdx.x
    mine = cuda.local.array(2, float32)
    mine[t // 5] = 1
    y[t] = mine[0]  # fault


@every_order
@pytest.mark.parametrize(
    "kernel, array, cell, threads",
    [
        (reads_empty_shared, "tile", (5,), {(0, 5)}),
        (reads_empty_shared_int, "tile", (5,), {(0, 5)}),
        (reads_empty_local, "mine", (0,), {(0, 5), (0, 6), (0, 7)}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_never_written(kernel, array, cell, threads, order, seed):
    y = zeros(8)
    fault = only(simt.run(kernel, 1, 8, y, order=order, seed=seed, strict=False), simt.NeverWritten)
    assert (fault.line, fault.array, fault.cell) == (line_of(kernel, "# fault"), array, cell)
    assert threads_of(fault) < threads or threads_of(fault) == threads
    assert fault.count == len(threads)
    assert not y[5] == 5  # NaN, or an integer that nobody would compute
    with pytest.raises(simt.NeverWritten, match=rf"{array}\[{cell[0]}\]"):
        simt.run(kernel, 1, 8, y, order=order, seed=seed)


@cuda.jit
def adds_to_empty(x, y):
    i = cuda.grid(1)
    y[i] += x[i]


def test_read_of_an_output():
    """`y[i] += ...` where y holds nothing yet: on a GPU it adds to what some earlier kernel left there."""
    x, y = np.ones(4, np.float32), zeros(4)
    assert not simt.run(adds_to_empty, 1, 4, x, y).faults
    report = simt.run(adds_to_empty, 1, 4, x, y, empty=[y], strict=False)
    fault = only(report, simt.NeverWritten)
    assert (fault.array, fault.cell, fault.count, fault.line) == ("y", (0,), 4, line_of(adds_to_empty, "+="))
    assert np.isnan(y).all()


# ---------------------------------------------------------------------------------------------------------- data races
@cuda.jit
def all_write_one(y):
    y[3] = cuda.grid(1)  # both


@cuda.jit
def sum_without_atomic(y):
    i = cuda.grid(1)
    if i == 1 or i == 6:
        y[3] += 1  # both


@cuda.jit
def reads_the_neighbour(y):
    i = cuda.grid(1)
    if i == 2:
        y[3] = 1  # first
    if i == 3:
        y[0] = y[3]  # second


@cuda.jit
def atomic_and_plain(y):
    i = cuda.grid(1)
    if i == 4:
        cuda.atomic.add(y, 3, 1)  # first
    if i == 5:
        y[0] = y[3]  # second


@cuda.jit
def atomic_and_write(y):
    i = cuda.grid(1)
    if i == 4:
        cuda.atomic.max(y, 3, 1)  # first
    if i == 5:
        y[3] = 0  # second


@cuda.jit
def too_late_a_barrier(y):
    i = cuda.grid(1)
    if i == 1:
        y[3] = 1  # first
    value = y[3] if i == 2 else y[0]  # second
    cuda.syncthreads()
    y[i + 8] = value


RACES = [
    (sum_without_atomic, {1, 6}),
    (reads_the_neighbour, {2, 3}),
    (atomic_and_plain, {4, 5}),
    (atomic_and_write, {4, 5}),
    (too_late_a_barrier, {1, 2}),
]


@every_order
@pytest.mark.parametrize("block", [8, 1], ids=["one block", "blocks of one"])
@pytest.mark.parametrize("kernel, threads", RACES, ids=[kernel.__name__ for kernel, _ in RACES])
def test_race(kernel, threads, block, order, seed):
    """In one block and, between blocks, where no barrier helps."""
    report = simt.run(kernel, 8 // block, block, zeros(16), order=order, seed=seed, strict=False)
    for fault in report.faults:
        assert isinstance(fault, simt.DataRace)
        assert (fault.array, fault.cell) == ("y", (3,))
        assert {name.block[0] * block + name.thread[0] for name in fault.threads} == threads
    marks = ["# both"] * 2 if kernel is sum_without_atomic else ["# first", "# second"]
    (pair,) = {tuple(sorted(place.line for place in fault.places)) for fault in report.faults}
    assert pair == tuple(line_of(kernel, mark) for mark in marks)
    with pytest.raises(simt.DataRace, match=r"y\[3\]"):
        simt.run(kernel, 8 // block, block, zeros(16), order=order, seed=seed)


@every_order
def test_race_of_all(order, seed):
    fault = only(simt.run(all_write_one, 2, 4, zeros(4), order=order, seed=seed, strict=False), simt.DataRace)
    assert fault.count == 7 and fault.cell == (3,)
    assert fault.places == (fault.places[0],) * 2 and fault.line == line_of(all_write_one, "# both")


@cuda.jit
def tree_sum(x, y, late):
    t = cuda.threadIdx.x
    part = cuda.shared.array(64, float32)
    part[t] = x[t]
    if not late:
        cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if t < half:
            part[t] += part[t + half]  # folds
        half //= 2
        if late != 2:
            cuda.syncthreads()
    if t == 0:
        y[0] = part[0]


@every_order
@pytest.mark.parametrize("late, cell", [(1, None), (2, None)], ids=["before the loop", "in the loop"])
def test_missing_barrier_of_a_reduction(late, cell, order, seed):
    """Whether the result happens to be right or not."""
    y = zeros(1)
    report = simt.run(tree_sum, 1, 64, np.ones(64, np.float32), y, late, order=order, seed=seed, strict=False)
    races = [fault for fault in report.faults if isinstance(fault, simt.DataRace)]
    assert races and {fault.array for fault in races} == {"part"}
    lines = set().union(*map(lines_of, races))
    writes = line_of(tree_sum, "part[t] = x[t]"), line_of(tree_sum, "# folds")
    assert lines == {*writes} if late == 1 else lines <= {*writes, line_of(tree_sum, "y[0] = part")}


@cuda.jit
def warp_sum_without_syncwarp(x, y):
    t = cuda.threadIdx.x
    part = cuda.shared.array(32, float32)
    part[t] = x[t]
    cuda.syncwarp()
    if t < 16:
        part[t] += part[t + 16]  # first
    if t < 8:
        part[t] += part[t + 8]  # second
    y[t] = part[t]


@every_order
def test_threads_of_a_warp_race_too(order, seed):
    """ "They run in step anyway" was true of old GPUs."""
    report = simt.run(
        warp_sum_without_syncwarp, 1, 32, np.ones(32, np.float32), zeros(32), order=order, seed=seed, strict=False
    )
    fault = only(report, simt.DataRace)
    assert lines_of(fault) == {
        line_of(warp_sum_without_syncwarp, "# first"),
        line_of(warp_sum_without_syncwarp, "# second"),
    }
    (one, other), (cell,) = sorted(name.thread[0] for name in fault.threads), fault.cell
    assert (one, other) == (cell - 8, cell) and 8 <= cell < 16


@cuda.jit
def shuffle_is_no_barrier(y):
    t = cuda.threadIdx.x
    part = cuda.shared.array(32, float32)
    part[t] = t
    cuda.shfl_down_sync(0xFFFFFFFF, t, 1)
    y[t] = part[31 - t]  # fault


@every_order
def test_shuffles_do_not_order_memory(order, seed):
    report = simt.run(shuffle_is_no_barrier, 1, 32, zeros(32), order=order, seed=seed, strict=False)
    fault = only(report, simt.DataRace)
    assert fault.line == line_of(shuffle_is_no_barrier, "# fault")
    assert fault.count == 32


@cuda.jit
def last_block_sums(x, parts, counter, y, fence):
    b = cuda.blockIdx.x
    if fence == "early":
        cuda.threadfence()
    parts[b] = x[b]
    if fence == "right":
        cuda.threadfence()
    before = cuda.atomic.add(counter, 0, 1)
    if before == cuda.gridDim.x - 1:
        total = x[0] - x[0]
        for i in range(cuda.gridDim.x):
            total += parts[i]  # reads others
        y[0] = total


@every_order
def test_fence_and_atomic_order_blocks(order, seed):
    x, parts, counter = np.arange(5, dtype=np.float32), zeros(5), zeros(1, dtype=np.int32)
    y = zeros(1)
    assert not simt.run(last_block_sums, 5, 1, x, parts, counter, y, "right", order=order, seed=seed).faults
    assert y[0] == 10
    for fence in ("none", "early"):
        counter[0] = 0
        report = simt.run(last_block_sums, 5, 1, x, parts, counter, y, fence, order=order, seed=seed, strict=False)
        fault = only(report, simt.DataRace)
        assert (fault.count, fault.line) == (4, line_of(last_block_sums, "# reads others"))
