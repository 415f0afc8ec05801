"""CUDA kernels compiled for the CPU: blocks shared out among threads, and forms for sizes that come again."""

import itertools
import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from reftorch.cuda_on_cpu import launch, order
from reftorch.kernel import cuda, geometry


@cuda.jit
def histogram_cuda(x, count):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(count, x[i], 1)


@cuda.jit
def slow_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        for k in range(100):
            y[i] += math.sin(x[i] * k)


@cuda.jit
def late_fault_cuda(y):
    i = cuda.grid(1)
    if i == y.size - 1:
        y[i + 1] = 0


def test_in_parallel_each_thread_runs_once_on_several_of_the_cpu(monkeypatch):
    x, used, wanted = np.arange(5_000.0), set(), np.zeros(5_000)
    launch(slow_cuda, 20, 256, x, wanted)
    run = launch.__globals__["Sized"].__call__

    def noted(self, *arguments):
        used.add(threading.current_thread())
        run(self, *arguments)

    monkeypatch.setattr(launch.__globals__["Sized"], "__call__", noted)
    monkeypatch.setattr("numba.get_num_threads", lambda: 3)
    y = np.zeros_like(x)
    with order("parallel"):
        launch(slow_cuda, 20, 256, x, y)
        assert len(used) == 3 and np.array_equal(y, wanted)
        with pytest.raises(IndexError, match="thread 135 of block 19 "):
            launch(late_fault_cuda, *geometry(5_000), y)
        used.clear()
        count = np.zeros(10, np.int64)
        launch(histogram_cuda, 20, 256, np.arange(5_000) % 10, count)
        assert used == {threading.current_thread()} and set(count) == {500}


@cuda.jit
def of_several_cuda(xs, y, factor, power):
    i = cuda.grid(1)
    if i < y.shape[1]:
        acc = y.dtype.type(0)
        for k in range(len(xs)):
            for row in range(xs[k].shape[0]):
                acc += xs[k][row, i] / 3 * factor[0] - row**power
        y[factor[1], i] = acc


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_form_for_some_sizes_gives_the_same_bits_and_serves_no_others(monkeypatch, dtype):
    launch.__globals__["_times"].cache_clear()
    draw = np.random.default_rng(3).standard_normal
    cases = [((4, 3), 700, (3, 1), 2), ((4, 3), 700, (3, 0), 2), ((2, 2), 90, (3, 1), 2), ((2, 2), 90, (3, 1), 3)]
    given = [([draw((rows, n)).astype(dtype) for rows in many], n, f, p) for many, n, f, p in cases]
    results = []
    for seconds in (1e9, -1, -1):
        monkeypatch.setitem(launch.__globals__, "COMPILE", seconds)
        monkeypatch.setitem(launch.__globals__, "LOOK", seconds)
        results.append([np.zeros((2, n), dtype) for _, n, _, _ in given])
        for (xs, n, factor, power), y in zip(given, results[-1]):
            launch(of_several_cuda, *geometry(n), tuple(xs), y, factor, power)
    for plain, own, again in zip(*results):
        assert np.abs(plain).max() > 1 and plain.tobytes() == own.tobytes() == again.tobytes()
    forms = launch.__globals__["_times"](of_several_cuda.py_func)
    assert len(forms) == 4 and len({id(form.run) for form in forms.values()}) == 4


def test_sizes_that_come_again_get_a_form_of_their_own_once_they_have_taken_long(monkeypatch):
    launch.__globals__["_times"].cache_clear()
    monkeypatch.setitem(launch.__globals__, "is_kept", lambda kernel, arguments: False)
    ticks = itertools.count()  # each launch takes a second
    monkeypatch.setitem(launch.__globals__, "time", SimpleNamespace(thread_time=lambda: next(ticks)))
    monkeypatch.setitem(launch.__globals__, "LOOK", 0.5)
    monkeypatch.setitem(launch.__globals__, "COMPILE", 2.5)
    x, y = np.arange(5_000.0), np.zeros(5_000)
    launch(slow_cuda, 20, 256, x, y)
    (form,) = launch.__globals__["_times"](slow_cuda.py_func).values()
    form.seconds = 0  # the first launch counts, or not if it has compiled
    done = []
    for _ in range(4):
        launch(slow_cuda, 20, 256, x, y)
        done.append((form.looked, form.done))
    assert done == [(False, False), (True, False), (True, False), (True, True)]


@cuda.jit
def strided_cuda(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = x[i, 0]


def test_an_array_with_gaps(form):
    x, y = np.arange(64.0).reshape(16, 4), np.zeros(8)
    launch(strided_cuda, *geometry(8), x[::2], y)
    assert y.tolist() == x[::2, 0].tolist()
