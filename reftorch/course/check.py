"""Checks an assignment: the reference must get all points, an empty stub none, and each known mistake fewer points and its name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .assignment import Assignment
from .cut import stub
from .grade import grade
from .report import number
from .result import Result
from .trial import Trial


def check(assignment: Assignment, console: Console) -> dict[str, Any]:
    """A row for docs/data/course.json: the points of the reference, of the stub and of each mistake, and whether each was named.

    The reference and the stub are graded as a student's file is; the mistakes are made in one process.
    """
    row: dict[str, Any] = {"assignment": assignment.name, "points": assignment.points}
    with console.status("") as status:
        status.update(Text(f"{assignment.name}: the reference and the stub"))
        row["reference"] = _graded(assignment, assignment.source.read_text(encoding="utf-8")).earned
        row["stub"] = _graded(assignment, stub(assignment)).earned
        row["mutants"] = []
        for mistake in mistakes(assignment):
            row["mutants"].append(mistake)
            status.update(Text(f"{assignment.name}: {len(row['mutants'])} of {len(assignment.mutants)} mistakes"))
    caught = all(mutant["earned"] < row["points"] and mutant["named"] for mutant in row["mutants"])
    return {**row, "as_it_should_be": row["reference"] == row["points"] and row["stub"] == 0 and caught}


def mistakes(assignment: Assignment) -> Iterator[dict[str, Any]]:
    """For each known mistake, in order: its name, the points that it gets, and whether the feedback names it."""
    with Trial(assignment) as trial:
        for mutant in assignment.mutants:
            name = f"{mutant.name} (CUDA)" if mutant.kernel.endswith("_cuda") else mutant.name
            result = trial.graded(mutant)
            named = any(mutant.says in part.message for part in result.parts)
            yield {"name": name, "earned": result.earned, "named": named}


def _graded(assignment: Assignment, source: str) -> Result:
    with tempfile.TemporaryDirectory(prefix="reftorch-check-") as folder:
        Path(folder, assignment.submission).write_text(source, encoding="utf-8")
        return grade(assignment, Path(folder))


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """Print one line per assignment, and each mistake that got all points or was not named."""
    table = Table()
    for column in ("assignment", "reference", "stub", "mistakes caught", "named"):
        table.add_column(column, justify="left" if column == "assignment" else "right")
    for row in rows:
        caught = sum(mutant["earned"] < row["points"] for mutant in row["mutants"])
        named = sum(mutant["named"] for mutant in row["mutants"])
        reference = f"{number(row['reference'])} of {number(row['points'])}"
        many = len(row["mutants"])
        table.add_row(row["assignment"], reference, number(row["stub"]), f"{caught} of {many}", f"{named} of {many}")
    console.print(table)
    for row in rows:
        for mutant in row["mutants"]:
            if mutant["earned"] >= row["points"]:
                console.print(Text(f"{row['assignment']}: no case notices {mutant['name']!r}"))
            elif not mutant["named"]:
                console.print(Text(f"{row['assignment']}: {mutant['name']!r} is noticed, but not named"))
