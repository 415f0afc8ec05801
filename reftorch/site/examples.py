"""Examples, `>>>` and what Python answers: run while the site is built, so that none on a page is out of date."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from .errors import SiteError


def check(text: str, file: Path, line: int) -> None:
    """Run the examples in `text`, which stands at `line` of `file`, one after the other.

    Raises:
        SiteError: an example gives something else than the text says; with its line.
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
    """The text as a reader sees it: an empty line of what Python answers is written as <BLANKLINE> in an example."""
    return re.sub(r"^[ ]*<BLANKLINE>$", "", text, flags=re.MULTILINE)
