"""What a recording holds, on kernels small enough to know it by heart."""

import json
import sys

import numpy as np
import pytest

from reftorch.kernel import SERIAL, njit
from reftorch.nn.convolution.conv2d import conv2d_forward_cpu
from reftorch.trace import Recording, RecordingLimit, record
from reftorch.trace.recording import array, number
from told import told


def running_sum(x, y, scale):
    acc = y.dtype.type(0)
    for i in range(x.size):
        acc += x[i]
        y[i] = scale * acc


def test_every_line_with_what_it_did():
    y = np.empty(2, np.float32)
    recording = record(running_sum, np.array([3, 4], np.float32), y, 2)
    assert told(recording) == [
        ("def running_sum(x, y, scale):", {"scale": 2}, [], {}),
        ("acc = y.dtype.type(0)", {"acc": 0}, [], {}),
        ("for i in range(x.size):", {"i": 0}, [], {}),
        ("acc += x[i]", {"acc": 3}, ["x[0]"], {}),
        ("y[i] = scale * acc", {}, [], {"y[0]": 6}),
        ("for i in range(x.size):", {"i": 1}, [], {}),
        ("acc += x[i]", {"acc": 7}, ["x[1]"], {}),
        ("y[i] = scale * acc", {}, [], {"y[1]": 14}),
        ("for i in range(x.size):", {}, [], {}),
    ]
    assert y.tolist() == [6, 14] and recording.final("y") == [6, 14]
    x, out = recording.arrays
    assert (x.name, x.shape, x.dtype, x.space, x.data) == ("x", [2], "float32", "argument", [3, 4])
    assert out.data == [None, None]  # only written to: what it held before means nothing
    assert [(v.name, v.type) for v in recording.variables] == [("scale", "int"), ("acc", "float32"), ("i", "int")]
    name, line = recording.line(0)
    assert name == "running_sum" and line == running_sum.__code__.co_firstlineno
    assert recording.functions[0].file == "test_record.py"


def accumulate(x, y):
    y[0] += x[1]
    y[1:] = x[1:] * 2
    row = y[1:]
    row += 1
    row[0] = x.sum()


def test_views_know_their_cells():
    y = np.array([1.0, 0, 0])
    steps = told(record(accumulate, np.array([1.0, 2, 3]), y))
    assert steps[1:] == [
        ("y[0] += x[1]", {}, ["y[0]", "x[1]"], {"y[0]": 3}),
        ("y[1:] = x[1:] * 2", {}, ["x[1]", "x[2]"], {"y[1]": 4, "y[2]": 6}),
        ("row = y[1:]", {"row": "part of y [2]"}, [], {}),
        ("row += 1", {}, ["y[1]", "y[2]"], {"y[1]": 5, "y[2]": 7}),
        ("row[0] = x.sum()", {}, ["x[0]", "x[1]", "x[2]"], {"y[1]": 6}),
    ]
    assert y.tolist() == [3, 6, 7]


def many_views(x, y):
    y[...] = x.T
    y[0] = np.maximum(y[0], y[1])
    np.add(y[0], 1, out=y[1])
    y[1, [0, 1]] = x[0][[1, 0]]
    y.reshape(4)[3] = x[1, 1] + float(x[0, 0])


def test_numpys_functions_read_and_write_cells():
    x, y, wanted = np.array([[1.0, 2], [3, 4]]), np.zeros((2, 2)), np.zeros((2, 2))
    many_views(x, wanted)
    recording = record(many_views, x, y)
    np.testing.assert_array_equal(y, wanted)
    assert recording.final("y") == wanted.reshape(-1).tolist()
    assert [len(reads) for _, _, reads, _ in told(recording)[1:]] == [4, 4, 2, 2, 2]


@njit(**SERIAL)
def square(v):
    w = v * v
    return w


@njit(**SERIAL)
def squares(x, y):
    for i in range(x.size):
        y[i] = square(x[i]) + 1


def test_kernels_that_call_kernels():
    recording = record(squares, np.array([3.0]), np.zeros(1))
    assert [source.name for source in recording.functions] == ["squares", "square"]
    assert told(recording)[1:-1] == [
        ("for i in range(x.size):", {"i": 0}, [], {}),
        ("y[i] = square(x[i]) + 1", {}, ["x[0]"], {}),
        ("def square(v):", {"v": 3}, [], {}),
        ("w = v * v", {"w": 9}, [], {}),
        ("return w", {}, [], {}),
        ("y[i] = square(x[i]) + 1", {}, [], {"y[0]": 10}),
    ]
    assert recording.line(3) == ("square", square.py_func.__code__.co_firstlineno + 1)


def pairs(params, limit):
    for k in range(len(params)):
        param = params[k]
        if param.size > limit:
            param[0] = -1


def test_tuples_and_arrays_that_are_one():
    a, empty = np.zeros(2), np.zeros(0)
    recording = record(pairs, (a, empty, a), 1)
    assert [known.name for known in recording.arrays] == ["params[0] = params[2]", "params[1]"]
    texts = [names["param"] for _, names, _, _ in told(recording) if "param" in names]
    assert texts == ["params[0] [2]", "params[1] [0]", "params[2] [2]"]
    with pytest.raises(ValueError, match=r"params\[0\] and params\[1\] overlap"):
        record(pairs, (a, a[1:]), 1)


def odd_numbers(x, y):
    window = np.zeros(2)
    window[1] = x[0]
    found, size, name = True, (x.size, 2), None
    y[0] = x[0] / 0 if found and name is None else size[0]


def test_numbers_that_json_does_not_have():
    x, y = np.array([np.inf, np.nan, -0.0, 0.1], np.float32), np.zeros(2, np.float32)
    recording = record(odd_numbers, x, y)
    assert recording.arrays[0].data[:3] == ["inf", "nan", 0] and recording.arrays[0].data[3] == 0.1
    assert np.signbit(recording.arrays[0].data[2])
    assert told(recording)[2][1] == {"window": [0, "inf"]}  # the kernel's own arrays are shown among its variables
    assert told(recording)[3][1] == {"found": True, "size": [4, 2], "name": None}
    again = Recording.from_json(recording.to_json())
    assert again == recording and "NaN" not in recording.to_json() and "Infinity" not in recording.to_json()
    np.testing.assert_array_equal(array(again.arrays[0].data, np.float32), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_come_back_to_the_bit(dtype):
    values = np.random.default_rng(0).standard_normal(200).astype(dtype) * dtype(1e-20)
    assert [dtype(v) for v in json.loads(json.dumps([number(v) for v in values]))] == values.tolist()


def one_too_many(x):
    for i in range(x.size + 1):
        x[i] = 0


def test_an_index_outside_raises():
    before = sys.gettrace()
    with pytest.raises(IndexError, match=r"x\[i\]: i = 1 is outside 0\.\.0"):
        record(one_too_many, np.zeros(1))
    assert sys.gettrace() is before


def endless(x):
    while x[0] == 0:
        pass


def test_never_hangs():
    with pytest.raises(RecordingLimit, match="endless takes more than 500 steps here: .*smaller arrays.*may never end"):
        record(endless, np.zeros(1), limit=500)


def test_a_tracer_that_was_there_stays():
    calls = []

    def tracer(frame, event, argument):
        calls.append(frame.f_code.co_name)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        record(running_sum, np.zeros(1), np.zeros(1), 1)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_a_filter_of_3x3_over_an_image_of_4x4():
    """The size that the step viewer is made for; equal runs give equal files."""
    texts = []
    for _ in range(2):
        x, weight = np.arange(16.0, dtype=np.float32).reshape(1, 1, 4, 4), np.ones((1, 1, 3, 3), np.float32)
        y = np.random.default_rng().normal(size=(1, 1, 4, 4)).astype(np.float32)  # memory is never the same
        recording = record(conv2d_forward_cpu, x, weight, np.zeros(1, np.float32), y, 1, 1, 1, 1, 1, 1, 1)
        texts.append(recording.to_json())
    assert 700 < len(recording.steps) < 1000 and len(texts[0]) < 18_000
    assert texts[0] == texts[1]
    assert recording.final("y") == y.reshape(-1).tolist() and recording.final("y")[0] == 0 + 1 + 4 + 5
    with pytest.raises(KeyError, match="no array 'z': there are x, weight, bias, y"):
        recording.final("z")


def test_files(tmp_path):
    recording = record(running_sum, np.array([3, 4], np.float32), np.empty(2, np.float32), 2)
    recording.save(tmp_path / "run.json")
    assert Recording.from_json((tmp_path / "run.json").read_text()) == recording
    for text in ('{"format": "other", "version": 1}', '{"format": "reftorch recording", "version": 2}', "[]"):
        with pytest.raises(ValueError, match="expected a reftorch recording of version 1"):
            Recording.from_json(text)
