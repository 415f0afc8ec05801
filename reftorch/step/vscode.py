"""The launch file of Visual Studio Code: `reftorch step --vscode` adds an entry that starts the same step under its debugger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .session import OWN


class NotChanged(Exception):
    """The launch file cannot be changed without losing text; the message says what to paste."""


def entry(arguments: list[str]) -> dict[str, Any]:
    """The entry that runs `reftorch step` with these arguments. The debugger stops at the kernel's first line."""
    hidden = [{"module": pattern.removesuffix(".*"), "include": False} for pattern in OWN]
    return {
        "name": f"reftorch step {' '.join(arguments)}",
        "type": "debugpy",
        "request": "launch",
        "module": "reftorch",
        "args": ["step", *arguments],
        "console": "integratedTerminal",
        "justMyCode": False,  # the kernels are a library's code
        "rules": hidden,
    }


def write(arguments: list[str], folder: Path) -> Path:
    """Put the entry into `.vscode/launch.json` of the folder, in place of one of the same name; returns the file.

    Raises:
        NotChanged: the file has comments, or is not a launch file.
    """
    file, new = folder / ".vscode" / "launch.json", entry(arguments)
    content: Any = {"version": "0.2.0", "configurations": []}
    if file.exists():
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            others = [known for known in content["configurations"] if known.get("name") != new["name"]]
        except (ValueError, TypeError, KeyError, AttributeError):
            text = json.dumps(new, indent=4)
            raise NotChanged(
                f"{file} was not changed: it has comments, or is not a launch file. Paste this into its configurations:\n{text}"
            ) from None
        content["configurations"] = others
    content["configurations"].append(new)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
    return file
