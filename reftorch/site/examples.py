"""Runs the examples (`>>>` and the output of Python) while the site is built, so that no example on a page is out of date."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from .errors import SiteError


def check(text: str, file: Path, line: int) -> None:
    """Run the examples in `text`, which begins at `line` of `file`, one after the other.

    Raises:
        SiteError: an example gives another output than the text shows; with its line.
    """
    if ">>> " not in text:
        return
    test = doctest.DocTestParser().get_doctest(text, {}, "example", str(file), line - 1)
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    if runner.run(test, out=said.append).failed:
        found = re.search(r"line (\d+)", "".join(said))
        raise SiteError(file, int(found[1]) if found else line, "".join(said).strip("*\n"))


def shown(text: str) -> str:
    """The text as a reader sees it. (In an example, an empty line of output is written as <BLANKLINE>.)"""
    return re.sub(r"^[ ]*<BLANKLINE>$", "", text, flags=re.MULTILINE)
