"""pdb, driven in a pseudo-terminal as a person would: to a line inside a kernel's loop, look at a variable, step on."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import reftorch
from reftorch.nn.convolution import conv2d

pexpect = pytest.importorskip("pexpect", reason="needs pexpect")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")

ROOT = Path(reftorch.__file__).parents[1]
PROMPT = r"\(Pdb\) "


def line_of(kernel, text):
    """The number of the first line of a kernel that contains `text`."""
    lines = Path(conv2d.__file__).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"def {kernel}("))
    return next(i for i in range(start, len(lines)) if text in lines[i]) + 1


class Terminal:
    """A command in a terminal; `say` types a line and returns what appears before the next prompt."""

    def __init__(self, folder, *command, **environment):
        known = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "TERM": "dumb", "PYTHON_COLORS": "0", **environment}
        known = {k: v for k, v in {**os.environ, **known}.items() if k not in ("PYTHONBREAKPOINT", "REFTORCH_DEBUG")}
        known |= environment
        self.child = pexpect.spawn(
            sys.executable, list(command), cwd=str(folder), env=known, encoding="utf-8", timeout=90
        )
        self.child.setwinsize(60, 200)

    def __enter__(self):
        self.child.expect(PROMPT)
        self.start = self.child.before
        return self

    def __exit__(self, *error):
        self.child.close(force=True)

    def say(self, command):
        self.child.sendline(command)
        self.child.expect(PROMPT)
        return self.child.before

    def end(self, command):
        """The last command: what appears until the process ends, and its exit code."""
        self.child.sendline(command)
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return self.child.before, self.child.exitstatus


def place(shown):
    """The line number and function that pdb shows."""
    number, function = re.search(r"> \S+conv2d\.py\((\d+)\)(\w+)\(\)", shown).groups()
    return int(number), function


def test_into_the_forward_loop(tmp_path):
    with Terminal(tmp_path, "-m", "reftorch", "step", "conv2d") as pdb:
        assert "x (1, 1, 3, 3), weight (1, 1, 2, 2), bias (1,), y (1, 1, 2, 2)" in pdb.start
        assert place(pdb.start) == (line_of("conv2d_forward_cpu", "= x.shape"), "conv2d_forward_cpu")
        inside = line_of("conv2d_forward_cpu", "acc += weight")
        assert place(pdb.say(f"until {inside}")) == (inside, "conv2d_forward_cpu")
        assert "10.0" in pdb.say("p acc") and "(0, 0)" in pdb.say("p (h_in, w_in)")
        shown = pdb.say("s")  # a step, not a step into the arrays or the loop's range
        assert place(shown) == (line_of("conv2d_forward_cpu", "for k_w in range(K_w)"), "conv2d_forward_cpu")
        assert "11.0" in pdb.say("p acc")
        text, code = pdb.end("c")
        assert code == 0 and "conv2d_forward_cpu has ended." in text
        assert re.search(r"y = tensor\(\[\[\[\[ ?6\., +6\.\],\s+\[ ?6\., +15\.\]\]\]\]\)", text)


def test_into_one_cuda_thread(tmp_path):
    with Terminal(tmp_path, "-m", "reftorch", "step", "conv2d.backward_weight", "--cuda", "--thread", "3") as pdb:
        kernel = "conv2d_backward_weight_cuda"
        assert f"{kernel} thread 3 of 4" in pdb.start and place(pdb.start) == (line_of(kernel, "= x.shape"), kernel)
        inside = line_of(kernel, "acc += grad_y")
        assert place(pdb.say(f"until {inside}")) == (inside, kernel)
        assert "3" in pdb.say("p i").splitlines()[1] and "(1, 1)" in pdb.say("p (k_h, k_w)")
        assert place(pdb.say("s"))[1] == kernel
        assert "5.0" in pdb.say("p acc")
        text, code = pdb.end("c")
        assert code == 0 and "67., 41.]" in text


@pytest.mark.parametrize("options", [(), ("--cuda", "--thread", "1")], ids=["cpu", "cuda"])
def test_quit_is_no_error(tmp_path, options):
    with Terminal(tmp_path, "-m", "reftorch", "step", "relu", *options) as pdb:
        text, code = pdb.end("q")
        assert code == 0 and "Traceback" not in text and "error" not in text


SHIFT = """
def shift(x, y):
    for i in range(x.size):
        y[i] = x[i + 1]
"""


@pytest.mark.parametrize("options", [(), ("--launch", "1,3")], ids=["cpu", "cuda"])
def test_an_index_out_of_bounds_stops_there(tmp_path, options):
    """With the variables as they are, and with the line in the message at the end."""
    text = SHIFT.replace("for i in range(x.size):", "if (i := cuda.grid(1)) < x.size:") if options else SHIFT
    (tmp_path / "own.py").write_text(f"from numba import cuda\n{text}")
    np.savez(tmp_path / "x.npz", x=np.arange(3.0), y=np.zeros(3))
    with Terminal(tmp_path, "-m", "reftorch", "step", "own.py:shift", "--args", "x.npz", *options) as pdb:
        shown = pdb.say("c")
        for _ in range(3):
            if "own.py(5)shift()" in shown:
                break
            shown = pdb.say("c")
        assert "own.py(5)shift()" in shown and "y[i] = x[i + 1]" in shown
        assert re.search(r"(IndexError|OutOfBounds): ", shown)
        assert pdb.say("p i").splitlines()[1].strip() == "2"
        text, code = pdb.end("q")
        assert code == 1 and re.search(r"reftorch: error: .*own\.py(, line |:)5", text), text


SCRIPT = """
import reftorch as torch
import reftorch.nn.functional as F

x = torch.ones(1, 1, 3, 3)
print(F.conv2d(x, torch.ones(1, 1, 2, 2)).sum().item())
"""


def test_debug_mode_under_an_ordinary_pdb(tmp_path):
    """REFTORCH_DEBUG=1 python -m pdb: a breakpoint on a line of the kernel's file holds."""
    (tmp_path / "script.py").write_text(SCRIPT)
    inside = line_of("conv2d_forward_cpu", "acc += weight")
    with Terminal(tmp_path, "-m", "pdb", "script.py", REFTORCH_DEBUG="1") as pdb:
        assert "Breakpoint 1" in pdb.say(f"b {conv2d.__file__}:{inside}")
        assert place(pdb.say("c")) == (inside, "conv2d_forward_cpu")
        assert "0.0" in pdb.say("p acc")
        assert place(pdb.say("n"))[0] == line_of("conv2d_forward_cpu", "for k_w in range(K_w)")
        assert "1.0" in pdb.say("p acc")
        pdb.end("q")


OWN = """
import numpy as np
from numba import njit
import reftorch

@njit
def own_cpu(x):
    for i in range(x.size):
        breakpoint()
        x[i] = x[i] + 1
        x[i] *= 2

with reftorch.debug():
    reftorch.kernel.on(reftorch.device("cpu"), own_cpu, None, 1)(np.zeros(2))
"""


def test_breakpoint_in_a_script_of_ones_own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    with Terminal(tmp_path, "own.py") as pdb:
        while "x[i] = x[i] + 1" not in pdb.start:  # from Python 3.13 on, breakpoint() stops on its own line
            pdb.start = pdb.say("n")
        assert "own.py(11)own_cpu()" in pdb.say("s")
        pdb.end("q")
