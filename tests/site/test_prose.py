"""The guide: its Python runs, and its commands are ones that there are."""

import re
import shlex
from pathlib import Path

import pytest

from reftorch import cli
from reftorch.site import build, examples

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [file for file in sorted(DOCS.rglob("*.md")) if "node_modules" not in file.parts]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_examples_give_what_they_say(file):
    examples.check(file.read_text(encoding="utf-8"), file, 1)


def test_an_empty_line_of_an_answer_is_shown_as_one():
    assert "<BLANKLINE>" in (DOCS / "guide" / "tape.md").read_text(encoding="utf-8")
    assert not [page for page, text in build.prose().items() if "BLANKLINE" in text]
    assert "from dL/dL = 1:\n\n  1. SumBackward0" in build.prose()["guide/tape.md"]


def commands():
    for file in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                found = re.search(r"(?:^|/)reftorch (.*)", line)
                if found:
                    yield pytest.param(shlex.split(found[1], comments=True), id=f"{file.stem}: {line[-60:]}")


@pytest.mark.parametrize("arguments", list(commands()))
def test_commands_are_understood(arguments):
    options = cli.parser().parse_args(arguments)
    assert callable(options.run)


def test_there_are_such():
    assert len(PAGES) >= 5 and len(list(commands())) >= 8
