"""The machine's limits, and what share of them is reached."""

import numpy as np
import pytest

from bench_cases import LIMITS
from reftorch.bench import limits
from reftorch.bench.work import Work


def test_the_level_is_the_nearest_that_holds_it():
    assert LIMITS.level(2**21).name == "L2" and LIMITS.level(2**21 + 1).name == "DRAM"
    assert LIMITS.level(2**40).name == "DRAM"


def test_share_of_the_nearer_limit():
    """100e9 operations a second; 50e9 bytes a second of L2."""
    assert LIMITS.share(Work(10**6, 1000), 1e-4) == (pytest.approx(0.1), "arithmetic")
    assert LIMITS.share(Work(1000, 10**6), 1e-4) == (pytest.approx(0.2), "L2")
    assert LIMITS.share(Work(1000, 10**9), 1.0) == (pytest.approx(0.1), "DRAM")


def test_the_kernels_compute_what_they_should():
    from reftorch.fast.registers import COLS, ROWS

    a, line, start = np.full((ROWS, 3), 2, np.float32), np.arange(COLS, dtype=np.float32), np.zeros(3, np.int64)
    sums = np.zeros((2, ROWS, COLS), np.float32)
    limits.multiply_add_cpu(a.reshape(-1), line, start, sums, 2)
    assert np.array_equal(sums, np.broadcast_to(3 * 2 * line, sums.shape))  # 3 multiply-adds for each number
    x, y, z = (np.array(v, np.float32) for v in ([1, 2], [10, 20], [0, 0]))
    limits.triad_cpu(x, y, z, np.float32(0.5))
    assert z.tolist() == [6, 12]


def test_limits_of_this_machine():
    found = limits.cpu_limits(1, seconds=0.0, scale=0.001)
    assert 1e8 < found.peak < 1e13
    assert [level.name for level in found.levels] == ["L2", "L3", "DRAM"]
    assert all(1e7 < level.bandwidth < 1e14 for level in found.levels)


@pytest.mark.simulator
def test_limits_of_a_gpu():
    found = limits.cuda_limits(seconds=0.0, n=40, repeats=1)
    (memory,) = found.levels
    assert memory.name == "memory" and memory.size == 480 and found.peak > 0 and memory.bandwidth > 0


def test_best_is_the_shortest_call(monkeypatch):
    times = iter([0, 5, 5, 7, 7, 11])  # starts and ends of three calls
    monkeypatch.setattr(limits.time, "perf_counter", lambda: next(times))
    calls = []
    assert limits.best(lambda: calls.append(1), seconds=0.0) == 2
    assert len(calls) == 4  # one to compile
