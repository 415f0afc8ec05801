"""Debug mode: the kernels as plain Python, with checked arrays, in silence, and with a word before a long wait."""

import linecache
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import reftorch as torch
import reftorch.nn.functional as F
from reftorch.course.mutants import Mutant, planted
from reftorch.kernel import SERIAL, interpreted, njit, on
from reftorch.nn.convolution import conv2d
from reftorch.trace import estimate
from reftorch.trace.interpreted import AS_COMPILED, stepped

CPU = torch.device("cpu")
PACKAGE = Path(torch.__file__).parent


def whole_numbers(*shape, low=-4, high=5, seed=0):
    return torch.tensor(np.random.default_rng(seed).integers(low, high, shape).astype(np.float32))


# ------------------------------------------------------------------------------------------------------------- indices
def test_a_forgotten_border_raises_with_the_names_of_the_line():
    """conv2d without `0 <= w_in`: compiled, it would read the other end of the row."""
    mistake = Mutant("border", "conv2d_forward_cpu", "if 0 <= w_in < W_in:", "if w_in < W_in:", "no left border")
    with torch.debug(), planted(conv2d, mistake), pytest.raises(IndexError) as caught:
        F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), padding=(0, 1))
    assert str(caught.value) == (
        "x[n, c_in, h_in, w_in]: w_in = -1 is outside 0..3, dimension 3 of shape (1, 1, 4, 4); the index is (0, 0, 0, -1)"
    )
    (place,) = [entry for entry in caught.traceback if entry.name == "conv2d_forward_cpu"]
    assert linecache.getline(str(place.path), place.lineno + 1).strip().startswith("acc += weight")


@njit(**SERIAL)
def third(v):
    return v[2]


@njit(**SERIAL)
def thirds_cpu(x, y):
    for i in range(x.shape[0]):
        y[i] = third(x[i])


def test_nested_kernels_are_checked():
    with torch.debug():
        run = on(CPU, thirds_cpu, None, 1)
    y = np.zeros(2)
    run(np.arange(6.0).reshape(2, 3), y)
    assert y.tolist() == [2, 5]
    with pytest.raises(IndexError, match=r"v\[2\]: 2 is outside 0\.\.1, dimension 0 of shape \(2,\)"):
        run(np.zeros((2, 2)), y)


# ------------------------------------------------------------------------------------------------------------- numbers
def test_whole_numbers_are_the_same_to_the_bit():
    x, weight, bias = whole_numbers(2, 4, 5, 4), whole_numbers(6, 2, 3, 2), whole_numbers(6)
    options = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    compiled = F.conv2d(x, weight, bias, **options)
    with torch.debug():
        stepped_through = F.conv2d(x, weight, bias, **options)
    assert compiled.tolist() == stepped_through.tolist()


@njit(**SERIAL)
def wrap_cpu(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i] + x[i]


def test_integers_overflow_as_compiled():
    x = np.array([2**31 - 1, -(2**31), 7], np.int32)
    compiled, plainly = np.zeros(3, np.int32), np.zeros(3, np.int32)
    wrap_cpu(x, compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stepped(wrap_cpu)(x, plainly)
    assert compiled.tolist() == plainly.tolist()


@njit(**SERIAL)
def functions_cpu(x, y):
    for i in range(x.size):
        y[0, i] = math.exp(x[i])
        y[1, i] = math.log(x[i])
        y[2, i] = math.sqrt(x[i])
        y[3, i] = x[i] / x[1]
        y[4, i] = math.pow(x[i], 3)


def test_nan_and_infinity_arise_as_compiled_and_in_silence():
    x = np.array([-1, 0, 1000, np.inf, -np.inf, np.nan, 1e200])
    compiled, plainly = np.zeros((5, x.size)), np.zeros((5, x.size))
    functions_cpu(x, compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stepped(functions_cpu)(x, plainly)
    np.testing.assert_allclose(plainly, compiled, rtol=1e-15)
    assert plainly[1, 1] == -math.inf and plainly[0, 2] == math.inf and math.isnan(plainly[1, 0])


def test_functions_of_math_are_exchanged_wherever_they_come_from():
    exp, whole = AS_COMPILED[id(math.exp)], AS_COMPILED[id(math)]
    assert exp(1e4) == math.inf and whole.log(0) == -math.inf and whole.lgamma(0.0) == math.inf
    assert whole.pi == math.pi and whole.isnan is math.isnan and not {id(math.pi), id(math.isnan)} & {*AS_COMPILED}


# ------------------------------------------------------------------------------------------------------------ debuggers
def test_lines_and_names_stay():
    form = interpreted(conv2d.conv2d_forward_cpu, AS_COMPILED)
    assert form.__code__ is conv2d.conv2d_forward_cpu.py_func.__code__
    line = form.__code__.co_firstlineno
    assert "@njit" in linecache.getline(form.__code__.co_filename, line)


def test_breakpoint_stays_out_of_the_machinery(monkeypatch):
    opened = []
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)
    monkeypatch.setattr("pdb.Pdb.set_trace", lambda self, frame: opened.append((self.skip, frame.f_code.co_name)))

    def kernel_with_breakpoint(x):
        breakpoint()

    stepped(kernel_with_breakpoint)(np.zeros(1))
    ((skipped, where),) = opened
    assert where == "kernel_with_breakpoint" and {"reftorch.trace.*", "numba.*"} <= set(skipped)
    assert sys.breakpointhook is sys.__breakpointhook__


def test_another_debugger_keeps_its_place(monkeypatch):
    called = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: called.append(1))

    def kernel_with_breakpoint(x):
        breakpoint()

    stepped(kernel_with_breakpoint)(np.zeros(1))
    assert called == [1]


def lines_before(kernel, call):
    """The lines that run from the call until the kernel begins: of each file, their numbers."""
    lines = {}

    def trace(frame, event, argument):
        if frame.f_code is kernel.py_func.__code__:
            sys.settrace(before)
        elif event == "line":
            lines.setdefault(Path(frame.f_code.co_filename), set()).add(frame.f_lineno)
        return trace if sys.gettrace() is trace else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    lines.pop(Path(__file__))
    return lines


def test_the_way_from_a_module_to_its_loop_is_short():
    """What a student sees who presses "step into" until the loop of conv2d is there: the call is checked, recorded, computed."""
    layer, x = torch.nn.Conv2d(2, 3, 3), whole_numbers(1, 2, 5, 4)
    with torch.debug():
        layer(x)  # the checks of sizes and options run once for each combination
        lines = lines_before(conv2d.conv2d_forward_cpu, lambda: layer(x))
    own = {file: lines[file] for file in lines if file.is_relative_to(PACKAGE)}
    assert len(own) <= 7 and sum(map(len, own.values())) <= 60, own
    assert all("numpy" in file.parts for file in lines.keys() - own.keys()), lines  # which is silenced for the kernel


def test_the_first_way_is_not_much_longer():
    layer, x = torch.nn.Conv2d(2, 3, 3), whole_numbers(1, 2, 5, 4)
    conv2d.conv2d_geometry.cache_clear()
    with torch.debug():
        lines = lines_before(conv2d.conv2d_forward_cpu, lambda: layer(x))
    own = {file: lines[file] for file in lines if file.is_relative_to(PACKAGE)}
    assert len(own) <= 9 and sum(map(len, own.values())) <= 92, own


# ----------------------------------------------------------------------------------------------------- long runs
def product_cpu(a, b, c):
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            acc = c.dtype.type(0)
            for k in range(a.shape[1]):
                acc += a[i, k] * b[k, j]
            c[i, j] = acc


def triangle_cpu(x, y):
    (N,) = x.shape
    for i in range(N):
        if i >= 0:
            for j in range(i):
                y[i] += x[j]
        else:
            y[i] = 0


def steps_of(kernel, *arguments):
    """How many lines really ran."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: trace if frame.f_code is kernel.__code__ else None)
    try:
        kernel(*arguments)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize(
    "kernel, arguments",
    [
        (product_cpu, (np.ones((7, 5)), np.ones((5, 6)), np.ones((7, 6)))),
        (triangle_cpu, (np.ones(31), np.ones(31))),
        (
            conv2d.conv2d_forward_cpu.py_func,
            (np.ones((2, 3, 6, 6)), np.ones((4, 3, 3, 3)), np.ones(4), np.ones((2, 4, 4, 4)), 1, 1, 0, 0, 1, 1, 1),
        ),
    ],
)
def test_statements_are_counted_without_running(kernel, arguments):
    before = [value.copy() for value in arguments if isinstance(value, np.ndarray)]
    estimated = estimate.statements(kernel, arguments)
    for old, value in zip(before, arguments):
        np.testing.assert_array_equal(old, value)
    assert estimated == pytest.approx(steps_of(kernel, *arguments), rel=0.3)


def test_a_hopeless_run_says_so_first_and_once(monkeypatch):
    monkeypatch.setattr(estimate, "_warned", set())
    monkeypatch.setattr(estimate, "seconds_a_statement", lambda: 1e-6)
    big = np.zeros((1000, 1000), np.float32)

    def product_cpu_alone(a, b, c):
        for i in range(c.shape[0]):
            for j in range(c.shape[1]):
                for k in range(a.shape[1]):
                    raise KeyboardInterrupt(i, j, k)

    with pytest.warns(
        UserWarning, match=r"product_cpu_alone runs as plain Python.* 2\.0e\+09 statements, some 33 minutes"
    ):
        with pytest.raises(KeyboardInterrupt):
            stepped(product_cpu_alone)(big, big, big)
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("error")
        stepped(product_cpu_alone)(big, big, big)


def test_a_short_run_says_nothing():
    x = np.zeros(300_000, np.float32)  # large enough to be looked at, and done in a fraction of a second

    def first_cpu(x, y):
        y[0] = x[0]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stepped(first_cpu)(x, x)


@pytest.mark.parametrize(
    "seconds, text", [(11, "11 seconds"), (150, "2 minutes"), (8000, "2 hours"), (1e6, "12 days"), (1e9, "32 years")]
)
def test_durations_in_words(seconds, text):
    assert estimate.duration(seconds) == text
