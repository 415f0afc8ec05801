"""Kernels with barriers and shared arrays, compiled for the CPU: sizes, types, orders, and what is wrong with a kernel."""

import numpy as np
import pytest
from numba import float32, float64, int8, int32
from numba.core.errors import UnsupportedError

from reftorch import simt
from reftorch.cuda_on_cpu import OutOfMemory, launch, order
from reftorch.kernel import compiled_cuda, configured, cuda, geometry

WIDE = 40
MANY_BYTES = 49_153


@cuda.jit
def column_sums_cuda(x, y, rounds):
    """A block for each column: threads add up parts, in a tree, and then the mean is subtracted."""
    flags = cuda.shared.array(3, int8)
    part = cuda.shared.array((2, WIDE), x.dtype)
    sums = cuda.shared.array(1, float64)
    t, column = cuda.threadIdx.x, cuda.blockIdx.x
    acc = x.dtype.type(0)
    for row in range(t, x.shape[0], WIDE):
        acc += x[row, column]
    part[0, t] = acc
    if t < 3:
        flags[t] = t + 1
    for turn in range(rounds):
        cuda.syncthreads()
        part[(turn + 1) % 2, t] = part[turn % 2, (t + 1) % WIDE]
    cuda.syncthreads()
    if t == 0:
        total = float64(0)
        for k in range(WIDE):
            total += part[rounds % 2, k]
        sums[0] = total + flags[0] - flags[2] + flags[1]
    cuda.syncthreads()
    for row in range(t, x.shape[0], WIDE):
        y[row, column] = x[row, column] - sums[0] / x.shape[0]


@pytest.mark.parametrize("which", ["ascending", "descending", "shuffled", "parallel"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_block_with_several_shared_arrays_of_several_types(which, dtype, form):
    x = np.random.default_rng(0).integers(-9, 10, (128, 7)).astype(dtype)
    for rounds in (0, 1, 6):
        y = np.full_like(x, np.nan)
        with order(which, seed=rounds):
            launch(column_sums_cuda, 7, WIDE, x, y, rounds)
        np.testing.assert_array_equal(y, x - x.mean(0, dtype=np.float64).astype(dtype))


@cuda.jit
def grid_of_planes_cuda(y):
    tile = cuda.shared.array((2, 3, 4), float32)
    x_, y_, z_ = cuda.threadIdx.x, cuda.threadIdx.y, cuda.threadIdx.z
    tile[z_, y_, x_] = cuda.blockIdx.x + 10 * cuda.blockIdx.y + 100 * cuda.blockIdx.z
    cuda.syncthreads()
    y[cuda.blockIdx.z, cuda.blockIdx.y, cuda.blockIdx.x, z_, y_, x_] = tile[1 - z_, 2 - y_, 3 - x_] + x_


@pytest.mark.parametrize("which", ["ascending", "descending", "shuffled"])
def test_barriers_in_a_grid_of_three_dimensions(which, form):
    y = np.zeros((2, 3, 5, 2, 3, 4), np.float32)
    with order(which, seed=3):
        launch(grid_of_planes_cuda, (5, 3, 2), (4, 3, 2), y)
    z, y_, x = np.indices((2, 3, 5))
    np.testing.assert_array_equal(
        y, (x + 10 * y_ + 100 * z)[..., None, None, None] + np.arange(4) + np.zeros((2, 3, 4))
    )


@cuda.jit
def reversed_cuda(x, y, rows):
    """A block reverses one row. Its numbers and their places lie behind each other in dynamic shared memory."""
    fixed = cuda.shared.array(3, int8)
    values = cuda.shared.array(0, x.dtype)
    places = cuda.shared.array(0, int32)
    t, n = cuda.threadIdx.x, cuda.blockDim.x
    first = n * x.itemsize // 4
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        fixed[t % 3] = 1
        values[t] = x[row, t]
        places[first + t] = n - 1 - t
        cuda.syncthreads()
        y[row, t] = values[places[first + t]] * fixed[0]
        cuda.syncthreads()


@pytest.mark.parametrize("which", ["ascending", "descending", "shuffled", "parallel"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_of_several_types_in_dynamic_shared_memory(which, dtype, form):
    for columns in (1, 7, 40):
        x = np.random.default_rng(0).standard_normal((11, columns)).astype(dtype)
        y = np.full_like(x, np.nan)
        with order(which, seed=columns):
            launch(reversed_cuda, 4, columns, x, y, 11, dynamic_shared=columns * (x.itemsize + 4))
        np.testing.assert_array_equal(y, x[:, ::-1])


@cuda.jit
def same_bytes_cuda(y):
    numbers = cuda.shared.array(0, float32)
    words = cuda.shared.array((0,), int32)
    if cuda.threadIdx.x == 0:
        y[0, 0], y[0, 1] = numbers.size, words.size
        y[0, 2] = numbers[1] != numbers[1]
        numbers[1] = -2
    cuda.syncthreads()
    y[cuda.threadIdx.x, 3] = words[1]


def test_all_arrays_of_dynamic_shared_memory_begin_at_the_same_byte(form):
    word = int(np.float32(-2).view(np.int32))
    for given in (20, 23):  # three bytes are too few for one more
        y = np.zeros((2, 4), np.int32)
        launch(same_bytes_cuda, 1, 2, y, dynamic_shared=given)
        assert y.tolist() == [[5, 5, 1, word], [0, 0, 0, word]]


def test_dynamic_shared_memory_of_a_kernel_that_starts_itself():
    """`kernel[grid, block, stream, bytes]`, in a process where CUDA is compiled for the CPU."""
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 3), np.float32)
    with compiled_cuda():
        configured(reversed_cuda, 2, 3, 0, 24)(x, y, 2)
    np.testing.assert_array_equal(y, x[:, ::-1])


# -------------------------------------------------------------------------------------------------------------- mistakes
@pytest.mark.parametrize("given", [0, 24, 27])
def test_an_index_outside_dynamic_shared_memory(given, form):
    line = reversed_cuda.py_func.__code__.co_firstlineno + 4
    wanted = rf"reversed_cuda.*thread \d of block 0 .* the array in line {line} is too small: .* gives {given} bytes"
    with pytest.raises(IndexError, match=wanted):
        launch(reversed_cuda, 1, 4, np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32), 1, dynamic_shared=given)


def test_more_dynamic_shared_memory_than_a_block_of_a_gpu_has():
    arrays = np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32)
    most = 49_152 - 64  # behind the array of fixed size
    launch(reversed_cuda, 1, 4, *arrays, 1, dynamic_shared=most)
    with pytest.raises(simt.SharedArrayFault, match="take 49,153 bytes: it has 49,152"):
        launch(reversed_cuda, 1, 4, *arrays, 1, dynamic_shared=most + 1)


@cuda.jit
def late_divergence_cuda(y):
    for turn in range(4):
        cuda.syncthreads()
        if turn == 2 and cuda.threadIdx.x == 5 and cuda.blockIdx.x == 1:
            return
    y[cuda.grid(1)] = 1


@pytest.mark.parametrize("which", ["ascending", "descending"])
def test_a_thread_that_ends_before_the_others(which, form):
    line = late_divergence_cuda.py_func.__code__.co_firstlineno + 3
    first = 0 if which == "ascending" else 7
    with (
        order(which),
        pytest.raises(
            simt.DivergentBarrier, match=f"thread {first} of block 1 is in line {line}, thread 5 of block 1 at the end"
        ) as caught,
    ):
        launch(late_divergence_cuda, 3, 8, np.zeros(24))
    assert caught.value.line == line and [thread.thread[0] for thread in caught.value.threads] == [first, 5]


@cuda.jit
def two_places_cuda(y):
    if cuda.threadIdx.x % 2:
        cuda.syncthreads()
    else:
        cuda.syncthreads()
    y[cuda.grid(1)] = 1


def test_threads_that_wait_at_different_barriers(form):
    first = two_places_cuda.py_func.__code__.co_firstlineno
    with pytest.raises(simt.DivergentBarrier, match=f"thread 0 .* line {first + 5}, thread 1 .* in line {first + 3}"):
        launch(two_places_cuda, 1, 4, np.zeros(4))


@cuda.jit
def outside_the_tile_cuda(y):
    tile = cuda.shared.array(6, float32)
    cuda.syncthreads()
    if cuda.threadIdx.x < 7:
        tile[cuda.threadIdx.x] = 1
    y[cuda.grid(1)] = 1


def test_an_index_outside_a_shared_array(form):
    with pytest.raises(IndexError, match=r"outside_the_tile_cuda.*thread 6 of block 0"):
        launch(outside_the_tile_cuda, 2, 8, np.zeros(16))


@cuda.jit
def too_much_cuda(y):
    tile = cuda.shared.array(MANY_BYTES, int8)
    cuda.syncthreads()
    y[0] = tile[0]


def test_more_shared_memory_than_a_block_of_a_gpu_has():
    with pytest.raises(simt.SharedArrayFault, match=r"take 49,\d+ bytes: it has 49,152") as caught:
        launch(too_much_cuda, 1, 1, np.zeros(1))
    assert caught.value.line == too_much_cuda.py_func.__code__.co_firstlineno + 2


@cuda.jit
def large_array_cuda(x, y):
    i = cuda.grid(1)
    if 3 <= i < x.size:
        table = np.empty(x[i], np.float64)
        y[i] = table.size


def test_an_array_for_which_there_is_no_memory():
    y = np.zeros(5)
    with pytest.raises(OutOfMemory, match=r"large_array_cuda.*thread 4 of block 0 .*no memory \(line \d+\)") as caught:
        launch(large_array_cuda, 1, 32, np.array([0, 0, 0, 7, 1 << 45]), y)
    assert caught.value.line == large_array_cuda.py_func.__code__.co_firstlineno + 4
    assert isinstance(caught.value, MemoryError) and y.tolist() == [0, 0, 0, 7, 0]


@cuda.jit
def named_within_cuda(x, y):
    if (i := cuda.grid(1)) < x.size:
        y[i] = x[i]


@cuda.jit(device=True)
def squared(x, i):
    return (v := x[i]) * v


@cuda.jit
def through_a_helper_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = squared(x, i)


@pytest.mark.parametrize("kernel, at", [(named_within_cuda, named_within_cuda), (through_a_helper_cuda, squared)])
def test_an_assignment_within_an_expression(kernel, at):
    line = at.py_func.__code__.co_firstlineno + 2
    with pytest.raises(UnsupportedError, match=rf"`:=`.*on a line of its own(.|\n)*line {line}:"):
        launch(kernel, *geometry(5), np.zeros(5), np.zeros(5))
