"""README.md tells the truth: its commands are the agreed ones, its examples run, its files exist."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMANDS = [
    "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/reftorch train",
    ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ".venv/bin/pip install -e '.[docs]' && .venv/bin/reftorch docs",
]

if not README.exists():
    pytest.skip("the tests run without the sources beside them", allow_module_level=True)


def test_the_commands():
    indented = re.findall(r"^    (.*&&.*)$", README.read_text(), re.MULTILINE)
    assert indented == COMMANDS


def test_examples_run():
    test = doctest.DocTestParser().get_doctest(README.read_text(), {}, "README.md", "README.md", 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted > 3 and not result.failed


def test_files_exist():
    named = re.findall(r"`((?:reftorch|tests|\.ci)/[^`*]*)`", README.read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named and not missing
