"""The guide: its Python runs, and its commands are ones that there are."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from reftorch import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [file for file in sorted(DOCS.rglob("*.md")) if "node_modules" not in file.parts]


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_examples_give_what_they_say(file):
    said = []
    test = doctest.DocTestParser().get_doctest(file.read_text(encoding="utf-8"), {}, file.name, str(file), 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    assert runner.run(test, out=said.append).failed == 0, "".join(said)


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
