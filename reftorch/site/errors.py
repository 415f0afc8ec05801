"""The error that stops a build."""

from __future__ import annotations

from pathlib import Path


class SiteError(Exception):
    """A page has a mistake. The message begins with file and line, as in messages of compilers."""

    def __init__(self, file: Path | str, line: int, text: str):
        super().__init__(file, line, text)
        self.file, self.line, self.text = file, line, text

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"
