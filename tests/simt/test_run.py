"""How the runner is called, what it promises about order, and how a debugger sees a kernel in it."""

import bdb
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import traceback

import numpy as np
import pytest
from numba import cuda, float32

from planted import every_order, line_of, only, zeros
from reftorch import simt


# --------------------------------------------------------------------------------------------------------------- order
@cuda.jit
def takes_a_number(counter, y):
    y[cuda.grid(1)] = cuda.atomic.add(counter, 0, 1)


@cuda.jit
def takes_two_numbers(counter, y):
    i = cuda.grid(1)
    y[i, 0] = cuda.atomic.add(counter, 0, 1)
    cuda.syncthreads()
    y[i, 1] = cuda.atomic.add(counter, 0, 1)


def turns(kernel=takes_a_number, grid=3, block=4, columns=(), **options):
    y = zeros(grid * block, *columns, dtype=np.int64)
    simt.run(kernel, grid, block, zeros(1, dtype=np.int64), y, **options)
    return y


def test_order():
    assert list(turns()) == list(range(12))
    assert list(turns(order="descending")) == list(range(11, -1, -1))
    found = turns(order="shuffled", seed=3)
    assert sorted(found) == list(range(12)) and list(found) != sorted(found)
    blocks = [sorted(found[start : start + 4] // 4) for start in (0, 4, 8)]
    assert all(block[0] == block[3] for block in blocks)  # one block after the other
    assert list(found) == list(turns(order="shuffled", seed=3))
    assert len({tuple(turns(order="shuffled", seed=seed)) for seed in range(8)}) > 6


def test_order_between_barriers():
    """All get their first turn before any gets its second, and the second round is shuffled anew."""
    found = turns(takes_two_numbers, 1, 8, (2,), order="shuffled", seed=1)
    assert sorted(found[:, 0]) == list(range(8)) and sorted(found[:, 1]) == list(range(8, 16))
    assert list(found[:, 0] + 8) != list(found[:, 1])
    found = turns(takes_two_numbers, 2, 2, (2,), order="descending")
    assert found.tolist() == [[5, 7], [4, 6], [1, 3], [0, 2]]


@cuda.jit
def many_faults(x, y):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(16, float32)
    tile[t] = x[t + 1]
    y[t // 2] += tile[15 - t]
    if t % 3:
        cuda.syncthreads()


@every_order
def test_same_seed_same_report(order, seed):
    texts = set()
    for _ in range(3):
        report = simt.run(many_faults, 2, 16, zeros(16), zeros(16), order=order, seed=seed, strict=False)
        texts.add((str(report), str(report.to_dict())))
    assert len(texts) == 1
    assert {type(fault) for fault in report.faults} >= {simt.OutOfBounds, simt.DataRace, simt.DivergentBarrier}


def test_unknown_order():
    with pytest.raises(ValueError, match="'random'.*shuffled"):
        simt.run(takes_a_number, 1, 1, zeros(1), zeros(1), order="random")


# ------------------------------------------------------------------------------------------------------ what can be run
def plain_double(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = 2 * x[i]


def test_plain_functions_and_tuples():
    x, y = np.arange(5, dtype=np.float32), zeros(5)
    report = simt.run(plain_double, 2, 4, x, y)
    assert list(y) == [0, 2, 4, 6, 8]
    assert (report.kernel, report.file, report.grid, report.block) == ("plain_double", __file__, (2, 1, 1), (4, 1, 1))

    def sums(parts, y, scale):
        for part in parts:
            y[0] += part[0] * scale

    y[0] = 0
    simt.run(sums, 1, 1, (x[1:], x[2:]), y, np.float32(10))
    assert y[0] == 30
    with pytest.raises(TypeError, match="kernel.*found a int"):
        simt.run(3, 1, 1)


@pytest.mark.simulator
def test_device_arrays():
    x, y = cuda.to_device(np.arange(5, dtype=np.float32)), cuda.device_array(5, np.float32)
    simt.run(cuda.jit(plain_double), 2, 4, x, y, empty=[y])
    assert list(y.copy_to_host()) == [0, 2, 4, 6, 8]


WITHOUT_SIMULATOR = """
    import numpy as np
    from numba import cuda
    from reftorch import simt

    @cuda.jit(device=True)
    def twice(value):
        return value + value

    @cuda.jit
    def double(x, y):
        t = cuda.threadIdx.x
        tile = cuda.shared.array(4, np.float32)
        tile[t] = x[t]
        cuda.syncthreads()
        y[t] = twice(tile[3 - t])

    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    print(simt.run(double, 1, 4, x, y).faults, y.tolist(), type(double).__name__)
    try:
        with simt.runner():
            pass
    except RuntimeError as error:
        print(error)
"""


def test_without_the_simulator(tmp_path):
    """Kernels that were decorated for a real GPU run too, with none in the machine."""
    (tmp_path / "script.py").write_text(textwrap.dedent(WITHOUT_SIMULATOR))
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"} | {"CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], env=environment, capture_output=True, text=True)
    result, complaint = done.stdout.splitlines()
    assert result.startswith("[] [6.0, 4.0, 2.0, 0.0]") and "Fake" not in result, done.stderr
    assert "NUMBA_ENABLE_CUDASIM=1" in complaint


def test_without_checks():
    """Plain NumPy arrays: faster, and nothing is found or counted. Barriers still are barriers."""
    x = zeros(16)
    report = simt.run(many_faults, 1, 16, zeros(17), x, check=False, strict=False)
    assert {type(fault) for fault in report.faults} == {simt.DivergentBarrier}
    assert not report.counts["global reads"] and not report.lines
    assert sorted(turns(takes_two_numbers, 1, 8, (2,), check=False)[:, 0]) == list(range(8))


# ---------------------------------------------------------------------------------------------------------- exceptions
@cuda.jit
def fails(x, y):
    i = cuda.grid(1)
    cuda.syncthreads()
    y[i] = 1 // (i - 2)


@every_order
def test_exception_of_python(order, seed):
    with pytest.raises(simt.KernelFailed, match="thread 0 of block 1 raised ZeroDivisionError") as caught:
        simt.run(fails, 2, 2, zeros(4), zeros(4), order=order, seed=seed)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.line == line_of(fails, "//") == traceback.extract_tb(caught.tb)[-1].lineno
    report = simt.run(fails, 2, 2, zeros(4), zeros(4), order=order, seed=seed, strict=False)
    assert only(report, simt.KernelFailed) and not report.finished


def test_no_thread_goes_on_after_an_exception():
    y = np.full(4, 5, np.float32)
    with pytest.raises(simt.KernelFailed):
        simt.run(fails, 2, 2, zeros(4), y, check=False)
    assert no_strands() and list(y) == [-1, -1, 5, 5]


def test_a_fault_is_raised_at_its_line():
    """So that a debugger that is started after it stands in the kernel."""
    with pytest.raises(simt.NeverWritten) as caught:
        simt.run(many_faults, 1, 16, zeros(17), zeros(16))
    last = traceback.extract_tb(caught.tb)[-1]
    assert (last.filename, last.lineno) == (__file__, caught.value.line) == (__file__, line_of(many_faults, "15 - t"))


@cuda.jit
def never_ends(x, y):
    while x[0] == 0:
        y[cuda.grid(1)] = 1


@cuda.jit
def never_ends_with_barriers(x, y):
    while x[0] == 0:
        cuda.syncthreads()


@pytest.mark.parametrize("kernel", [never_ends, never_ends_with_barriers])
def test_step_limit(kernel):
    with pytest.raises(simt.StepLimit, match="1,000 steps, in thread . of block 0: does a loop never end"):
        simt.run(kernel, 1, 2, zeros(1), zeros(2), max_steps=1000)
    report = simt.run(kernel, 1, 2, zeros(1), zeros(2), max_steps=1000, strict=False)
    assert only(report, simt.StepLimit) and not report.finished


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer signal")
@pytest.mark.parametrize("kernel", [never_ends, never_ends_with_barriers])
def test_interrupt(kernel):
    """Ctrl-C ends the run, and leaves no Python thread behind."""
    gc.collect()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2, 1.0)  # again: an interrupt while Python cleans up is lost
        with pytest.raises(KeyboardInterrupt):
            simt.run(kernel, 1, 2, zeros(1), zeros(2))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert no_strands()


def no_strands():
    for thread in threading.enumerate():
        if thread.name == "CUDA thread":
            thread.join(5)
    return not any(thread.name == "CUDA thread" for thread in threading.enumerate())


def test_no_python_threads_remain():
    simt.run(takes_two_numbers, 2, 8, zeros(1), zeros(16, 2))
    with pytest.raises(simt.KernelFailed):
        simt.run(fails, 2, 8, zeros(16), zeros(16))
    assert no_strands()


# ----------------------------------------------------------------------------------------------------------- debugging
class Stops(bdb.Bdb):
    """A debugger that notes what thread and value it sees at each breakpoint."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def user_line(self, frame):
        if self.break_here(frame):
            self.seen.append((frame.f_locals["t"], frame.f_lineno, float(frame.f_locals["value"])))
        self.set_continue()


@cuda.jit
def direct(x):
    t = cuda.threadIdx.x
    value = x[t] * 2
    x[t] = value  # stop


@cuda.jit
def with_barrier(x):
    t = cuda.threadIdx.x
    value = x[3 - t]
    cuda.syncthreads()
    x[t] = value  # stop


@pytest.mark.parametrize("kernel, values", [(direct, [0, 2, 4, 6]), (with_barrier, [3, 2, 1, 0])])
def test_breakpoints_hold(kernel, values):
    """In a kernel that runs in the caller's Python thread, and in one that takes turns."""
    stops, line = Stops(), line_of(kernel, "# stop")
    stops.set_break(__file__, line)
    outer = sys.gettrace()
    try:
        stops.runcall(simt.run, kernel, 1, 4, np.arange(4, dtype=np.float32))
    finally:
        stops.clear_all_breaks()
        sys.settrace(outer)
    assert stops.seen == [(t, line, value) for t, value in enumerate(values)]
