"""The line for who waits while kernels compile: where a person reads it, after two seconds, once."""

import io
import time

import pytest

from reftorch import waiting


class Terminal(io.StringIO):
    def isatty(self):
        return True


def compiled(seconds, screen, monkeypatch, **environment):
    """What is shown while kernels compile for so many seconds each; the patience is a tenth."""
    monkeypatch.setattr(waiting, "PATIENCE", 0.1)
    monkeypatch.setattr(waiting.sys, "stderr", screen)
    monkeypatch.delenv("REFTORCH_QUIET", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    listener = waiting.Waiting()
    for each in seconds:
        listener.on_start(None)
        listener.on_start(None)  # a kernel that it calls
        time.sleep(each)
        listener.on_end(None)
        listener.on_end(None)
    return screen.getvalue()


@pytest.mark.parametrize("seconds", [(0.4,), (0.06, 0.06, 0.06, 0.3), (0.4, 0.4)])
def test_one_line_on_a_terminal(monkeypatch, seconds):
    assert compiled(seconds, Terminal(), monkeypatch) == f"{waiting.LINE}\n"


def test_nothing_where_nobody_reads_or_nobody_waits(monkeypatch):
    assert compiled((0.4,), io.StringIO(), monkeypatch) == ""
    assert compiled((0.0,), Terminal(), monkeypatch) == ""
    assert compiled((0.4,), Terminal(), monkeypatch, REFTORCH_QUIET="1") == ""


def test_in_a_notebook(monkeypatch):
    monkeypatch.setitem(waiting.sys.modules, "ipykernel", waiting)
    assert compiled((0.4,), io.StringIO(), monkeypatch) == f"{waiting.LINE}\n"


def test_a_program_of_ones_own(tmp_path):
    """From nothing, in a terminal: the line comes before the result, and not at all in the commands."""
    terminal = pytest.importorskip("terminal")
    code = "from numba import njit; import reftorch, time\n"
    code += "reftorch.waiting.PATIENCE = 0\n"
    code += "x = reftorch.ones(3); print('result', reftorch.nn.functional.relu(x).sum().item())\n"
    environment = dict(REFTORCH_CACHE_DIR=str(tmp_path), NUMBA_ENABLE_CUDASIM="0")
    for shown in ([waiting.LINE, "result 3.0"], ["result 3.0"]):
        text = terminal.python(tmp_path, "-c", code, **environment)[1]
        assert [line for line in text.splitlines() if line.strip("\x1b[0m")] == shown
