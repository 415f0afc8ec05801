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
    """`reftorch ARGUMENTS` in a terminal of 100 columns, and not waited for."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
    call = ["-m", "reftorch", *map(str, arguments)]
    size = dict(encoding="utf-8", timeout=300, dimensions=(40, 100))
    return pexpect.spawn(sys.executable, call, cwd=str(folder), env=known, **size)


def run(folder, *arguments, **environment):
    """Its exit code, and all that it showed."""
    child = start(folder, *arguments, **environment)
    child.expect(pexpect.EOF)
    text = child.before
    child.close()
    return child.exitstatus, text
