"""Faults of whole blocks and warps: barriers that not all reach, shared arrays, launches. Each in every order."""

import numpy as np
import pytest
from numba import cuda, float32, float64

from planted import every_order, line_of, lines_of, only, threads_of, zeros
from reftorch import simt


# ------------------------------------------------------------------------------------------------------------ barriers
@cuda.jit
def returns_early(x, y):
    i = cuda.grid(1)
    tile = cuda.shared.array(8, float32)
    if i >= x.size:
        return
    tile[cuda.threadIdx.x] = x[i]
    cuda.syncthreads()  # fault
    y[i] = tile[cuda.threadIdx.x]


@every_order
def test_early_return_before_a_barrier(order, seed):
    report = simt.run(returns_early, 2, 8, zeros(14), zeros(14), order=order, seed=seed, strict=False)
    fault = only(report, simt.DivergentBarrier)
    assert (fault.line, fault.count) == (line_of(returns_early, "# fault"), 1)
    assert threads_of(fault) == {(1, 0), (1, 6)}
    assert "6 threads" in fault.text and "2 threads (the first is thread 6 of block 1) have returned" in fault.text
    with pytest.raises(simt.DivergentBarrier):
        simt.run(returns_early, 2, 8, zeros(14), zeros(14), order=order, seed=seed)


@cuda.jit
def half_takes_a_barrier(y):
    t = cuda.threadIdx.x
    if t < 4:
        cuda.syncthreads()  # fault
    y[t] = t


@cuda.jit
def one_goes_round_once_more(y):
    t = cuda.threadIdx.x
    for _ in range(3 if t == 2 else 2):
        cuda.syncthreads()  # fault
    y[t] = t


@every_order
@pytest.mark.parametrize(
    "kernel, threads", [(half_takes_a_barrier, {(0, 0), (0, 4)}), (one_goes_round_once_more, {(0, 2), (0, 0)})]
)
def test_barrier_that_some_skip(kernel, threads, order, seed):
    fault = only(simt.run(kernel, 1, 8, zeros(8), order=order, seed=seed, strict=False), simt.DivergentBarrier)
    assert fault.line == line_of(kernel, "# fault")
    assert threads_of(fault) == threads


@cuda.jit
def two_barriers(y):
    t = cuda.threadIdx.x
    if t % 2:
        y[t] = 1
        cuda.syncthreads()  # odd
    else:
        cuda.syncthreads()  # even
    y[t] = t


@every_order
def test_different_barriers(order, seed):
    """All threads come to a barrier, but not to the same one."""
    fault = only(simt.run(two_barriers, 1, 8, zeros(8), order=order, seed=seed, strict=False), simt.DivergentBarrier)
    assert lines_of(fault) == {line_of(two_barriers, "# odd"), line_of(two_barriers, "# even")}
    assert threads_of(fault) == {(0, 0), (0, 1)}


@cuda.jit(device=True)
def meets():
    cuda.syncthreads()


@cuda.jit
def calls_from_two_lines(y):
    t = cuda.threadIdx.x
    if t % 2:
        meets()  # odd
    else:
        meets()  # even
    y[t] = t


@every_order
def test_different_calls_of_one_barrier(order, seed):
    report = simt.run(calls_from_two_lines, 1, 4, zeros(4), order=order, seed=seed, strict=False)
    fault = only(report, simt.DivergentBarrier)
    assert lines_of(fault) == {line_of(meets, "syncthreads")}
    for mark in ("# odd", "# even"):
        assert f":{line_of(calls_from_two_lines, mark)}" in fault.text


@cuda.jit
def barrier_against_shuffle(y):
    t = cuda.threadIdx.x
    if t < 16:
        cuda.syncthreads()  # barrier
    else:
        cuda.shfl_sync(0xFFFFFFFF, t, 0)  # shuffle
    y[t] = t


@every_order
def test_barrier_against_shuffle(order, seed):
    report = simt.run(barrier_against_shuffle, 1, 32, zeros(32), order=order, seed=seed, strict=False)
    fault = next(fault for fault in report.faults if isinstance(fault, simt.DivergentBarrier))
    marks = ("# barrier", "# shuffle")
    assert lines_of(fault) == {line_of(barrier_against_shuffle, mark) for mark in marks}


# ---------------------------------------------------------------------------------------------------------------- warps
@cuda.jit
def mask_names_absent(y):
    t = cuda.threadIdx.x
    if t < 3:
        y[t] = cuda.ballot_sync(0b1111, 1)  # three
    else:
        cuda.ballot_sync(0b1000, 1)
        cuda.any_sync(0b1001, 1)  # the fourth


@every_order
def test_mask_names_threads_that_do_not_come(order, seed):
    report = simt.run(mask_names_absent, 1, 4, zeros(4), order=order, seed=seed, strict=False)
    fault = only(report, simt.WarpFault)
    marks = ("# three", "# the fourth")
    assert lines_of(fault) == {line_of(mask_names_absent, mark) for mark in marks}
    assert "0xf" in fault.text and "thread 3 of block 0" in fault.text


@cuda.jit
def not_in_its_own_mask(y):
    t = cuda.threadIdx.x
    y[t] = cuda.any_sync(0b0111, t == 3)  # fault


@every_order
def test_thread_outside_its_own_mask(order, seed):
    fault = only(simt.run(not_in_its_own_mask, 1, 4, zeros(4), order=order, seed=seed, strict=False), simt.WarpFault)
    assert (fault.line, threads_of(fault)) == (line_of(not_in_its_own_mask, "# fault"), {(0, 3)})


@cuda.jit
def shuffles_from_nobody(y):
    t = cuda.threadIdx.x
    y[t] = cuda.shfl_down_sync(0xFFFFFFFF, float32(t), 4)  # fault


@every_order
def test_shuffle_from_a_thread_that_is_not_there(order, seed):
    """A block of 20 threads is a warp with 12 places empty: what they hold is not defined."""
    y = zeros(20)
    fault = only(simt.run(shuffles_from_nobody, 1, 20, y, order=order, seed=seed, strict=False), simt.WarpFault)
    assert (fault.line, fault.count) == (line_of(shuffles_from_nobody, "# fault"), 4)
    assert threads_of(fault) <= {(0, 16), (0, 17), (0, 18), (0, 19)}
    assert list(y[:16]) == list(range(4, 20)) and np.isnan(y[16:]).all()


# -------------------------------------------------------------------------------------------------------- shared arrays
@cuda.jit
def two_on_a_line(y):
    t = cuda.threadIdx.x
    a, b = cuda.shared.array(4, float32), cuda.shared.array(4, float32)  # fault
    a[t] = 1
    b[t] = 2
    y[t] = a[t] + b[t]


@every_order
def test_two_shared_arrays_on_a_line(order, seed):
    y = zeros(4)
    fault = only(simt.run(two_on_a_line, 1, 4, y, order=order, seed=seed, strict=False), simt.SharedArrayFault)
    assert fault.line == line_of(two_on_a_line, "# fault")
    assert list(y) == [3] * 4  # they are two here, as on a GPU


@cuda.jit
def large(y):
    tile = cuda.shared.array(4096, float64)
    more = cuda.shared.array(2049, float64)  # fault
    tile[0] = more[0] = 1
    y[0] = 1


def test_too_much_shared_memory():
    report = simt.run(large, 1, 1, zeros(1), strict=False)
    fault = only(report, simt.SharedArrayFault)
    assert fault.line == line_of(large, "# fault")
    assert "49,160 bytes" in fault.text and report.shared_bytes == 49160
    with pytest.raises(simt.LaunchFault, match="49,153"):
        simt.run(uses_dynamic, 1, 1, zeros(4), zeros(4), 1, dynamic_shared=49153)


@cuda.jit
def uses_dynamic(x, y, n):
    t = cuda.threadIdx.x
    whole = cuda.shared.array(0, float32)
    mine = whole[:n]
    others = cuda.shared.array(0, float32)[n:]
    mine[t] = x[t]
    others[t] = 1
    cuda.syncthreads()
    y[t] = whole[t] + others[n - 1 - t]


@cuda.jit
def shape_of_each(y):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(4 + t // 3, float32)  # fault
    tile[t] = 1
    y[t] = tile[t]


@every_order
def test_shape_that_differs(order, seed):
    fault = only(simt.run(shape_of_each, 1, 4, zeros(4), order=order, seed=seed, strict=False), simt.SharedArrayFault)
    assert fault.line == line_of(shape_of_each, "# fault")


# --------------------------------------------------------------------------------------------------------------- launches
@cuda.jit
def nothing(y):
    pass


@pytest.mark.parametrize(
    "grid, block, words",
    [
        (1, 1025, "1,025 threads"),
        (1, (32, 33), "1,056 threads"),
        (1, (1, 1, 65), r"\(1024, 1024, 64\)"),
        ((1, 65536), 1, r"65536"),
    ],
)
def test_launches_that_no_gpu_accepts(grid, block, words):
    with pytest.raises(simt.LaunchFault, match=words):
        simt.run(nothing, grid, block, zeros(1))
    report = simt.run(nothing, grid, block, zeros(1), strict=False)
    assert isinstance(only(report, simt.LaunchFault), simt.LaunchFault) and not report.finished


def test_1024_threads_are_allowed():
    assert simt.run(nothing, 2, (32, 32), zeros(1)).finished


@pytest.mark.parametrize("grid, block", [(0, 1), (1, -1), ((1, 1, 1, 1), 1), (1.5, 1), (1, ())])
def test_sizes_that_make_no_sense(grid, block):
    with pytest.raises(ValueError, match="grid|block"):
        simt.run(nothing, grid, block, zeros(1))
