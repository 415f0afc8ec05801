"""Prints a result on the terminal: a table of the parts, and below it the messages about each failed case."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .result import CaseResult, PartResult, Result

# All characters that a terminal, a spreadsheet or XML could take for a command. Line ends and tabs are text.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """`text` with a question mark in place of each character that should not be printed."""
    return CONTROL.sub("?", text)


def number(points: float) -> str:
    """Points without needless zeros: 2, 2.5, 0.33."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def show(result: Result, console: Console) -> None:
    """Print the table of points, then the messages."""
    console.print(summary(result))
    for part in result.parts:
        for line in lines(part):
            console.print(Text(line), soft_wrap=True)
    for note in result.notes:
        console.print(Text(f"Note: {printable(note)}"), soft_wrap=True)


def summary(result: Result) -> Table:
    """One row per part, and the sum."""
    who = f" of {result.student}" if result.student else ""
    table = Table(title=Text(printable(f"{result.assignment}{who}")), title_justify="left", show_footer=True)
    table.add_column("part", footer="all")
    table.add_column("cases", justify="right")
    table.add_column("points", justify="right", footer=f"{number(result.earned)} of {number(result.points)}")
    for part in result.parts:
        passed = sum(case.passed for case in part.cases)
        full = part.earned >= part.points
        style = "green" if full else "red" if part.earned <= 0 else "yellow"
        points = Text(f"{number(part.earned)} of {number(part.points)}", style=style)
        table.add_row(Text(printable(part.name)), f"{passed} of {len(part.cases)}", points)
    return table


def lines(part: PartResult, all_cases: bool = False) -> list[str]:
    """The messages about a part, as plain text: each case that failed (or all), then the part's own message.

    Cases that failed with the same message share it.
    """
    found = []
    for (passed, message), cases in _alike(part.cases).items():
        if passed and not (all_cases or message):
            continue
        names = ", ".join(f"{case.name} (hidden)" if case.hidden else case.name for case in cases)
        found.append(f"{part.name}, {names}: {'passed' if passed else 'failed'}")
        found += [f"    {line}" for line in message.splitlines()]
    if part.message:
        found += [f"{part.name}:", *(f"    {line}" for line in part.message.splitlines())]
    return [printable(line) for line in found]


def _alike(cases: Iterable[CaseResult]) -> dict[tuple[bool, str], list[CaseResult]]:
    groups: dict[tuple[bool, str], list[CaseResult]] = {}
    for case in cases:
        groups.setdefault((case.passed, case.message), []).append(case)
    return groups
