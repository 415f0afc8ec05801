"""Grades a folder of submissions, with one subfolder for each student, and writes a table for a spreadsheet."""

from __future__ import annotations

import csv
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .assignment import Assignment
from .grade import grade
from .report import number, printable
from .result import PartResult, Result
from .similar import Group, groups, similar

SHOWN = 20  # groups of similar submissions that are printed
LARGEST = 1 << 20  # bytes: larger files are not compared with others


def students(folder: Path) -> dict[str, Path]:
    """The subfolders of `folder` by name, in order. Hidden ones do not count."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def place(folder: Path, file: str) -> Path:
    """The folder of a student's submission: the student's folder, or the only folder below it that holds `file`."""
    if (folder / file).exists():
        return folder
    found = [path.parent for path in folder.rglob(file) if "__MACOSX" not in path.parts]
    return found[0] if len(found) == 1 else folder


def grade_all(assignment: Assignment, folder: Path, out: Path, seed: int | None, console: Console) -> list[Result]:
    """Grade each submission, and write its row to the CSV file `out` at once, so that an interrupted run loses nothing.

    If the grader itself fails on a submission, the row has 0 points and says so.
    """
    results = []
    with open(out, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["student", "earned", "points", *(part.name for part in assignment.parts), "notes"])
        for student, path in _with_progress(students(folder), console):
            result = _graded(assignment, place(path, assignment.submission), student, seed)
            table.writerow([_cell(text) for text in _row(result)])
            file.flush()
            results.append(result)
    return results


def _graded(assignment: Assignment, path: Path, student: str, seed: int | None) -> Result:
    try:
        return grade(assignment, path, student=student, seed=seed)
    except Exception as error:  # a mistake in the grader; the other submissions are graded nevertheless
        traceback.print_exc()
        parts = [PartResult(part.name, part.points, 0.0, []) for part in assignment.parts]
        return Result(assignment.name, student, seed or 0, parts, [f"NOT GRADED, the grader failed: {error!r}"])


def _row(result: Result) -> list[str]:
    parts = [number(part.earned) for part in result.parts]
    return [result.student, number(result.earned), number(result.points), *parts, "; ".join(result.notes)]


def _cell(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    text = printable(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _with_progress(paths: dict[str, Path], console: Console) -> Iterator[tuple[str, Path]]:
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[student]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(paths), student="")
        for student, path in paths.items():
            progress.update(task, student=printable(student))
            yield student, path
            progress.advance(task)


def near_identical(assignment: Assignment, folder: Path, least: float) -> list[Group]:
    """The pairs of submissions in `folder` whose asked functions have a similarity of at least `least` (0 to 1)."""
    sources = {}
    for student, path in students(folder).items():
        file = place(path, assignment.submission) / assignment.submission
        if file.is_file() and file.stat().st_size <= LARGEST:
            sources[student] = file.read_text(encoding="utf-8-sig", errors="replace")
    return groups(similar(sources, assignment.source.read_text(encoding="utf-8"), assignment.cut, least))


def show_all(results: list[Result], alike: list[Group], console: Console) -> None:
    """Print the points of all, and the groups of similar submissions, beginning with those that are least similar to the reference."""
    table = Table(title="points", title_justify="left")
    for column in ("student", "points", "notes"):
        table.add_column(column)
    for result in results:
        points = f"{number(result.earned)} of {number(result.points)}"
        table.add_row(*(Text(printable(text)) for text in (result.student, points, "; ".join(result.notes))))
    console.print(table)
    if not alike:
        return
    table = Table(
        title="nearly identical without names and comments",
        title_justify="left",
        caption="There are few ways to write a short kernel: compare the similarity to the reference, and read the submissions.",
        caption_justify="left",
    )
    for column in ("students", "alike", "and reference"):
        table.add_column(column)
    for group in alike[:SHOWN]:
        names = Text(printable(", ".join(group.names)))
        table.add_row(names, f"{group.likeness:.0%}", f"{group.reference:.0%}")
    console.print(table)
    if len(alike) > SHOWN:
        console.print(f"and {len(alike) - SHOWN} more groups, which are more similar to the reference")
