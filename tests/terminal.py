"""A command in a pseudo-terminal, as a person runs it: what it shows there is another thing than what it writes into a pipe."""

import os
import sys
from pathlib import Path

import pytest

import reftorch

pexpect = pytest.importorskip("pexpect", reason="needs pexpect")
if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminal", allow_module_level=True)

ROOT = Path(reftorch.__file__).parents[1]


def start(folder, *arguments, **environment):
    """`reftorch ARGUMENTS` in a terminal, and not waited for."""
    return spawn(folder, "-m", "reftorch", *arguments, **environment)


def spawn(folder, *call, **environment):
    """Python with these arguments in a terminal of 150 columns."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
    size = dict(encoding="utf-8", timeout=300, dimensions=(40, 150))
    return pexpect.spawn(sys.executable, [*map(str, call)], cwd=str(folder), env=known, **size)


def run(folder, *arguments, **environment):
    """Its exit code, and all that it showed."""
    return python(folder, "-m", "reftorch", *arguments, **environment)


def python(folder, *call, **environment):
    """Exit code and text of Python with these arguments."""
    child = spawn(folder, *call, **environment)
    child.expect(pexpect.EOF)
    text = child.before
    child.close()
    return child.exitstatus, text
