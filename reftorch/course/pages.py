"""The course on the site: its front page as Markdown, and the assignments of each component."""

from __future__ import annotations

import functools
import json
from typing import Any

from .assignment import PACKAGE, Assignment, ready
from .feedback import has_page
from .report import number

FRONT = PACKAGE.parent / "docs" / "course.md"
DATA = PACKAGE.parent / "docs" / "data" / "course.json"
LIST, MISTAKES = "[[assignments]]", "[[mistakes]]"


def course_page() -> str:
    """docs/course.md, with the list of assignments and the table of mistakes inserted."""
    text = FRONT.read_text(encoding="utf-8")
    rows = json.loads(DATA.read_text(encoding="utf-8"))
    return text.replace(LIST, assignments_table(ready())).replace(MISTAKES, mistakes_table(rows))


def assignments_of(component: str) -> list[Assignment]:
    """The assignments cut from a file below reftorch/, as "nn/convolution/conv2d.py"."""
    return [assignment for assignment in _ready() if assignment.component == component]


_ready = functools.cache(ready)  # the files are read once, and not for each page of the site


def assignments_table(assignments: list[Assignment]) -> str:
    """One row per assignment, in order."""
    lines = ["| assignment | what | points | minutes | better after |", "|---|---|---|---|---|"]
    for assignment in assignments:
        title, page = _cell(assignment.title), assignment.component.removesuffix(".py") + ".md"
        link = f"[{title}]({page})" if has_page(assignment) else title
        needs = ", ".join(f"`{name}`" for name in assignment.needs)
        points = number(assignment.points)
        what = f"{link}: {_cell(assignment.summary)}"
        lines.append(f"| `{assignment.name}` | {what} | {points} | {assignment.minutes} | {needs} |")
    return "\n".join(lines)


def mistakes_table(rows: list[dict[str, Any]]) -> str:
    """The points that the grader gave to the reference, to an empty stub, and to each known mistake."""
    lines = [
        "| assignment | reference | empty stub | known mistakes | got less than all points | told by name |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        caught = sum(mutant["earned"] < row["points"] for mutant in row["mutants"])
        named = sum(mutant["named"] for mutant in row["mutants"])
        reference = f"{number(row['reference'])} of {number(row['points'])}"
        cells = (f"`{row['assignment']}`", reference, number(row["stub"]), len(row["mutants"]), caught, named)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
