"""The tile: compiled and plain Python agree, for each kind of processor; and the sizes that each kind gets."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit, prange

from reftorch.fast import registers
from reftorch.fast.lanes import (
    add_lanes,
    add_part,
    copy_few,
    copy_lanes,
    copy_line,
    copy_part,
    fill_lanes,
    put_sum,
    take_larger,
    turn,
)
from reftorch.fast.registers import (
    COLS,
    LANES,
    ROWS,
    TILES,
    aligned,
    raise_row,
    scale_row,
    window,
)
from reftorch.fast.tile import multiply_row, multiply_tile
from reftorch.kernel import interpreted

HERE = Path(__file__).parent


@njit
def one_tile(a, lines, start, at, part):
    multiply_tile(a, lines, start, at, part)


@njit
def one_row(a, r, lines, start, at, row):
    multiply_row(a, r, lines, start, at, row)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("depth", [0, 1, 7])
def test_tile_is_a_matrix_product(dtype, depth):
    rng = np.random.default_rng(depth)
    a = rng.integers(-9, 9, (depth, ROWS)).astype(dtype)
    lines = rng.integers(-9, 9, 300 + COLS).astype(dtype)
    start = rng.integers(0, 290, depth)
    wanted = a.T @ np.array([lines[s + 10 : s + 10 + COLS] for s in start]).reshape(depth, COLS)
    for form in (one_tile, multiply_tile.py_func):
        part = np.full((ROWS, COLS), np.nan, dtype)
        form(a.ravel(), lines, start, 10, part)
        assert np.array_equal(part, wanted)
    for form in (one_row, multiply_row.py_func):
        part = np.full((ROWS, COLS), np.nan, dtype)
        form(a.ravel(), 1, lines, start, 10, part[1])
        assert np.array_equal(part[1], wanted[1]) and np.isnan(part[[0, 2]]).all()


@njit
def move(target, source, size):
    copy_line(window(target, 2, size), window(source, 1, size))


@njit
def sum_up(target, source, size):
    put_sum(window(target, 2, size), window(source, 1, size), window(source, 0, size))


@njit
def copy_row_of_panel(target, line):
    copy_few(ROWS, target[1:], line[2:])


@njit
def add_register(target, line):
    add_lanes(target[1:], line[2:], line)


@njit
def copy_some(target, line, other, count):
    copy_part(target[1:], line, count)


@njit
def add_some(target, line, other, count):
    add_part(target[1:], line, other, count)


@njit
def turn_rows(a, target):
    turn(ROWS, a, 3, 5, target, ROWS)


@njit
def turn_columns(a, target):
    turn(LANES, a, 3, 5, target, COLS)


@njit
def fill_and_copy(target, value):
    fill_lanes(target, value)
    copy_lanes(target[LANES + 1 :], target)


@njit
def scale(row, line):
    scale_row(window(row, 1, COLS), window(line, 1, COLS))


@njit
def raise_to(row, line):
    raise_row(window(row, 1, COLS), window(line, 1, COLS))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_a_tile_are_scaled_and_raised(dtype):
    """Nothing beyond the row is touched. Of a number and NaN the row's own stays."""
    row, line = np.arange(COLS + 2.0).astype(dtype), np.resize([3, -1, np.nan, 20], COLS + 2).astype(dtype)
    row[6] = np.nan
    products, largest = row * line, np.where(line > row, line, row)
    assert np.isnan(largest[6]) and not np.isnan(largest[2])
    for kernel, wanted in ((scale, products), (raise_to, largest)):
        for form in (interpreted(kernel), kernel):
            found = row.copy()
            form(found, line)
            assert np.array_equal(found[1:-1], wanted[1:-1], equal_nan=True)
            assert found[0] == row[0] and found[-1] == row[-1]


@njit
def first_address(room):
    line = aligned(room)
    line[:] = 1
    return line.ctypes.data


@pytest.mark.parametrize("size", [0, 1, 13, 48, 300])
def test_a_line_is_copied_and_nothing_beyond_it(size):
    source = np.arange(310, dtype=np.float32)
    wanted = np.full(310, -1, np.float32)
    wanted[2 : 2 + size] = source[1 : 1 + size]
    for form in (interpreted(move), move):
        target = np.full(310, -1, np.float32)
        form(target, source, size)
        assert np.array_equal(target, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, LANES - 1, LANES, LANES + 1, COLS, 100])
def test_the_sum_of_two_lines_and_nothing_beyond_it(size, dtype):
    source, wanted = np.arange(110.0).astype(dtype), np.full(110, -1, dtype)
    wanted[2 : 2 + size] = source[1 : 1 + size] + source[:size]
    for form in (interpreted(sum_up), sum_up):
        target = np.full(110, -1, dtype)
        form(target, source, size)
        assert np.array_equal(target, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_few_numbers_and_a_register(dtype):
    line = np.arange(5.0, 25 + LANES).astype(dtype)
    for kernel, size, result in (
        (copy_row_of_panel, ROWS, line[2:]),
        (add_register, LANES, line[2:] + line[:-2]),
    ):
        wanted = np.full(30, -1, dtype)
        wanted[1 : 1 + size] = result[:size]
        for form in (interpreted(kernel), kernel):
            target = np.full(30, -1, dtype)
            form(target, line)
            assert np.array_equal(target, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, LANES - 1, LANES])
def test_no_more_than_a_part_is_read_and_written(count, dtype):
    line, other = np.arange(1, count + 1).astype(dtype), np.arange(10, 10 + count).astype(dtype)  # nothing lies beyond
    for kernel, result in ((copy_some, line), (add_some, line + other)):
        wanted = np.full(LANES + 2, -1, dtype)
        wanted[1 : 1 + count] = result
        for form in (interpreted(kernel), kernel):
            target = np.full(LANES + 2, -1, dtype)
            form(target, line, other, count)
            assert np.array_equal(target, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_block_is_turned(dtype):
    a = np.arange(40.0 * 50).reshape(40, 50).astype(dtype)
    for kernel, rows, pitch in ((turn_rows, ROWS, ROWS), (turn_columns, LANES, COLS)):
        wanted = np.full((LANES, pitch), -1, dtype)
        wanted[:, :rows] = a[3 : 3 + rows, 5 : 5 + LANES].T
        for form in (interpreted(kernel), kernel):
            target = np.full(LANES * pitch, -1, dtype)
            form(a, target)
            assert np.array_equal(target, wanted.reshape(-1))


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_register_is_filled_and_copied(dtype):
    wanted = np.full(2 * LANES + 2, -1, dtype)
    wanted[:LANES] = wanted[LANES + 1 : -1] = 7
    for form in (interpreted(fill_and_copy), fill_and_copy):
        target = np.full(2 * LANES + 2, -1, dtype)
        form(target, 7)
        assert np.array_equal(target, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", range(4))
def test_a_room_begins_with_a_cache_line(shift, dtype):
    room = np.zeros(100, dtype)[shift : 60 + shift]
    address = first_address(room)
    assert address % 64 == 0
    assert room.sum() == room.size - 16  # as many numbers as were asked for, all of them in the room


def test_a_store_into_a_window_is_kept():
    """Though nobody reads the window itself; also where the compiler puts functions into one another, as in a parallel loop."""

    def turn(a, turned):
        for r in prange(a.shape[0]):
            line = window(a[r], 0, a.shape[1])
            for k in range(a.shape[1]):
                window(turned[k], 0, a.shape[0])[r] = line[k]

    a = np.arange(6.0).reshape(2, 3)
    for form in (turn, njit(turn), njit(parallel=True)(turn)):
        turned = np.zeros((3, 2))
        form(a, turned)
        assert np.array_equal(turned, a.T)


def test_a_window_of_a_window():
    @njit
    def write(line):
        window(window(line, 2, 4), 1, 2)[1] = 7

    line = np.zeros(8)
    write(line)
    assert line.tolist() == [0, 0, 0, 0, 7, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_take_larger(step, dtype):
    """Twice: all numbers are the first, then some are larger, some NaN, some equal."""

    @njit
    def compiled(best, found, line, step):
        if step == 1:
            take_larger(best, found, line, 100, 1)
        elif step == 2:
            take_larger(best, found, line, 100, 2)
        else:
            take_larger(best, found, line, 100, step)

    rng = np.random.default_rng(step)
    lines = rng.choice([-1.0, 0.0, 1.0, np.nan, np.inf, -np.inf], (2, LANES * step)).astype(dtype)
    results = []
    for form in (compiled, lambda best, found, line, step: take_larger(best, found, line, 100, step)):
        best, found = np.full(LANES, -np.inf, dtype), np.full(LANES, -1)
        for line in lines:
            form(best, found, line, step)
        results.append((best, found))
    assert np.array_equal(results[0][0], results[1][0], equal_nan=True)
    assert np.array_equal(results[0][1], results[1][1]) and (results[0][1] >= 100).all()


def test_tiles_fit_into_the_registers():
    """A row of b and one number of a must fit beside the sums."""
    for kind, count in (("avx512", 32), ("neon", 32), ("avx2", 16), ("other", 16)):
        rows, _ = TILES[kind]
        assert 3 * rows + 3 + 1 <= count
    assert set(TILES) == {"avx512", "neon", "avx2", "other"}


def test_the_environment_names_the_kind(monkeypatch):
    for kind in TILES:
        monkeypatch.setenv("REFTORCH_TILE", kind)
        assert registers.kind_of_cpu() == kind
    monkeypatch.setenv("REFTORCH_TILE", "mmx")
    with pytest.raises(ValueError, match="'mmx'.*avx512, avx2, neon, other"):
        registers.kind_of_cpu()


def test_the_processor_names_the_kind(monkeypatch):
    monkeypatch.delenv("REFTORCH_TILE", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for features, kind in (
        ("+avx,+avx2,+fma,+avx512f", "avx512"),
        ("+avx,+avx2,+fma,-avx512f", "avx2"),
        ("+avx,+avx2,-fma", "other"),
        ("+sse2", "other"),
    ):
        monkeypatch.setattr(registers.config, "CPU_FEATURES", features)
        assert registers.kind_of_cpu() == kind
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert registers.kind_of_cpu() == "neon"


OTHERS = [kind for kind in TILES if TILES[kind] != (ROWS, COLS // 3)]


@pytest.fixture(scope="module")
def pretending():
    """The identity tests again, in processes that take this processor for another one; they compile side by side."""
    files = [str(HERE / f"test_fast_{name}.py") for name in ("matmul", "conv2d", "max_pool")]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    command += ["-k", "(borders or shapes) and one", *files]
    started = {
        kind: subprocess.Popen(
            command,
            env={**os.environ, "REFTORCH_TILE": kind},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=HERE.parent.parent,
        )
        for kind in OTHERS
    }
    yield started
    for process in started.values():
        process.kill()


@pytest.mark.parametrize("kind", OTHERS)
def test_right_results_with_the_tile_of_another_processor(kind, pretending):
    said, _ = pretending[kind].communicate()
    assert pretending[kind].returncode == 0 and " passed" in said, said
