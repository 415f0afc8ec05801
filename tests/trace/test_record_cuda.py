"""Recording CUDA kernels thread by thread: barriers, shared memory, one thread alone."""

import numpy as np
import pytest

from reftorch.kernel import cuda
from reftorch.simt import SimtError
from reftorch.trace import RecordingLimit, record_cuda
from told import told

# `reftorch.kernel.cuda` stands for whatever CUDA there is, so these kernels can be declared anywhere.


@cuda.jit(device=True)
def twice(v):
    return v * 2


@cuda.jit
def reverse_blocks(x, y):
    tile = cuda.shared.array(2, np.float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    tile[t] = twice(x[i])
    cuda.syncthreads()
    y[i] = tile[1 - t]


@cuda.jit
def count(x, total):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(total, 0, x[i])


@cuda.jit
def half_a_barrier(x):
    if cuda.threadIdx.x == 0:
        cuda.syncthreads()
        x[0] = 1


def launch(thread=None, **options):
    x, y = np.array([1, 2, 3, 4], np.float32), np.empty(4, np.float32)
    recording = record_cuda(reverse_blocks, 2, 2, x, y, thread=thread, **options)
    assert y.tolist() == [4, 2, 8, 6] == recording.final("y")
    return recording


def test_threads_hand_over_at_a_barrier():
    recording = launch()
    assert (recording.device, recording.grid, recording.block) == ("cuda", [2, 1, 1], [2, 1, 1])
    order = [thread for _, thread in recording.threads]
    assert order == [0, 1, 0, 1, 2, 3, 2, 3]  # block 0: each up to the barrier, then each to its end; then block 1
    starts = [step for step, _ in recording.threads]
    lines = [line for line, *_ in told(recording)]
    assert [lines[start - 1] for start in starts[1:4]] == [
        "cuda.syncthreads()",
        "cuda.syncthreads()",
        "y[i] = tile[1 - t]",
    ]
    assert [a.name for a in recording.arrays] == ["x", "y", "tile of block 0", "tile of block 1"]
    assert [a.space for a in recording.arrays] == ["argument", "argument", "shared", "shared"]
    assert recording.arrays[2].data == [None, None] and recording.final("tile of block 1") == [6, 8]


def test_what_a_line_of_a_thread_does():
    first, last = told(launch())[4:8], told(launch())[-1]
    assert first == [
        ("tile[t] = twice(x[i])", {}, ["x[0]"], {}),
        ("def twice(v):", {"v": 1}, [], {}),
        ("return v * 2", {}, [], {}),
        ("tile[t] = twice(x[i])", {}, [], {"tile of block 0[0]": 2}),
    ]
    assert last == ("y[i] = tile[1 - t]", {}, ["tile of block 1[0]"], {"y[3]": 6})


def test_one_thread_alone():
    """The others run too, or its result would be wrong; they show as what they wrote."""
    recording = launch(thread=2)
    rows = [step[0] for step in recording.steps]
    assert rows.count(-1) == 3 and rows[0] == -1 and rows[-1] == -1  # threads 0 and 1; then 3 to the barrier; then 3
    lines = [line for line, *_ in told(recording)]
    assert lines.count("i = cuda.grid(1)") == 1 and {"i": 2} in [names for _, names, _, _ in told(recording)]
    assert [thread for _, thread in recording.threads] == [2]
    with pytest.raises(ValueError, match="no thread 4: the launch has 4 threads, numbered from 0"):
        launch(thread=4)


def test_atomics_read_and_write():
    total = np.zeros(1)
    recording = record_cuda(count, 1, 4, np.array([1.0, 2, 3]), total)
    adds = [step for step in told(recording) if "atomic" in step[0]]
    assert adds[1] == ("cuda.atomic.add(total, 0, x[i])", {}, ["x[1]", "total[0]"], {"total[0]": 3})
    assert len(adds) == 3 and recording.final("total") == [6]


def test_faults_and_limits_come_through():
    with pytest.raises(SimtError, match="syncthreads"):
        record_cuda(half_a_barrier, 1, 2, np.zeros(1))
    with pytest.raises(RecordingLimit, match="reverse_blocks takes more than 7 steps"):
        launch(limit=7)
