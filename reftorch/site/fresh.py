"""Makes the pages of the site in a new Python process, so that changed files are imported again.

While the site is served, files change that the server has already imported. A new process imports the new files, and an error in them
does not stop the server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .errors import SiteError


def made(quick: bool = False) -> dict[str, Any]:
    """`build.navigation()`, `build.pages()` and `build.prose()`, by the names of the functions.

    `quick`: worked examples are recorded, which runs plain Python, but their output is not checked: for this, all kernels would have
    to be compiled again after each change of a file.

    Raises:
        RuntimeError: a page has a mistake; the message begins with file and line.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "made.json")
        command = [
            sys.executable,
            "-B",
            "-m",
            __name__,
            str(file),
            "quick" if quick else "all",
        ]  # -B: writes no __pycache__
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return json.loads(file.read_text(encoding="utf-8"))


def _main(file: Path, how: str) -> None:
    from ..course.assignment import AssignmentError
    from . import build
    from .page import Page

    Page.checks_examples = how == "all"
    try:
        pages = build.pages(os.cpu_count() or 1)
        parts = {"navigation": build.navigation(), "pages": pages, "prose": build.prose()}
    except (SiteError, RuntimeError, AssignmentError) as error:
        sys.exit(str(error))
    file.write_text(json.dumps(parts), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
