"""Pages that are made of what all files say: every symbol, and every component of the specification."""

from __future__ import annotations

import importlib
import json
from itertools import groupby
from typing import Any

from ..step.components import Component
from . import document
from .mathematics import DOCS
from .segment import segment


def notation(components: dict[str, Component]) -> str:
    """One table of all symbols; what is said of a symbol stands beside the components that say it."""
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for component in components.values():
        for symbol in document.symbols(segment(component.file)):
            said.setdefault((symbol.tex, symbol.variable), {}).setdefault(symbol.meaning, []).append(component.name)
    lines = ["# Notation", "", "Every symbol of every component, out of the symbols tables of their files.", ""]
    lines += ["| symbol | variable | meaning | in |", "|---|---|---|---|"]
    for (tex, variable), meanings in sorted(said.items(), key=lambda item: (item[0][1].lower(), item[0])):
        for meaning, names in meanings.items():
            places = ", ".join(f"[{name}]({address(components[name])})" for name in names)
            lines.append(f"| ${tex}$ | `{variable}` | {meaning} | {places} |")
    return "\n".join(lines) + "\n"


def address(component: Component) -> str:
    """Where the page of a component is, below the site's root."""
    parts = component.file.parts
    return "/".join(parts[len(parts) - parts[::-1].index("reftorch") :]).removesuffix(".py") + ".md"


def coverage() -> str:
    """Every documented name of the specification, there or not, by section."""
    rows = json.loads((DOCS / "data" / "components.json").read_text(encoding="utf-8"))
    rows = [(name, section) for name, section, documented in rows if documented]
    there = {name for name, _ in rows if _exists(name)}
    lines = ["# Coverage", "", f"{len(there)} of the {len(rows)} documented names are there.", ""]
    for section, group in groupby(sorted(rows, key=lambda row: row[1]), key=lambda row: row[1]):
        names = [name for name, _ in group]
        lines += [f"## {section}", "", f"{sum(name in there for name in names)} of {len(names)}.", ""]
        lines += [f"- {'**' + name + '**' if name in there else name + ': not yet'}" for name in names] + [""]
    return "\n".join(lines)


def _exists(name: str) -> bool:
    """Whether reftorch has what PyTorch calls `name`; torchvision's transforms are in `reftorch.transforms`."""
    parts = name.replace("torchvision.transforms", "torch.transforms").split(".")
    found: Any = importlib.import_module("reftorch")
    for part in parts[1:]:
        found = getattr(found, part, None)
        if found is None:
            return False
    return parts[0] == "torch"
