"""The tables of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table

Row = dict[str, Any]


def limits_table(run: dict[str, Any]) -> Table:
    """The limits of the machine."""
    table = Table(title="Limits of this machine, measured", title_justify="left", box=box.SIMPLE)
    table.add_column("limit")
    table.add_column("reached", justify="right")
    table.add_row("multiply-adds", f"{run['limits']['peak'] / 1e9:,.1f} billion/s")
    for level in run["limits"]["levels"]:
        name = f"{level['name']}, {level['bytes'] / 2**20:,.1f} MiB of it"
        table.add_row(name, f"{level['bandwidth'] / 1e9:,.1f} GB/s")
    return table


def rows_table(component: str, rows: list[Row]) -> Table:
    """All cases of one component."""
    compared = any(row["ratio"] for row in rows)
    table = Table(title=component, title_justify="left", box=box.SIMPLE)
    table.add_column("case", min_width=24)
    table.add_column("elements", justify="right", min_width=10)
    table.add_column("")
    for heading in ("reftorch", *(("PyTorch", "ratio", "quartiles") if compared else ()), "of limit"):
        table.add_column(heading, justify="right")
    table.add_column("")
    before = None
    for row in rows:
        first, before = row["case"] != before, row["case"]
        cells = [row["case"], f"{row['elements']:,}"] if first else ["", ""]
        cells += [row["direction"], duration(row["seconds"]["median"])]
        if compared:
            cells += comparison(row)
        table.add_row(*cells, *([f"{row['share']:.0%}", row["limit"]] if row["share"] is not None else ["", ""]))
    return table


def comparison(row: Row) -> list[str]:
    if row["ratio"] is None:
        return ["", "", ""]
    ratio = row["ratio"]
    colour = "green" if ratio["median"] >= 1 else "yellow" if ratio["median"] >= 0.5 else "red"
    return [
        duration(row["torch_seconds"]["median"]),
        f"[{colour}]{ratio['median']:.2f}[/]",
        f"[dim]{ratio['low']:.2f}-{ratio['high']:.2f}[/]",
    ]


def summary_table(rows: list[Row]) -> Table:
    """One line of ratios for each component. A number for many sizes is their geometric mean."""
    table = Table(
        title="PyTorch's time / reftorch's: above 1, reftorch is faster", title_justify="left", box=box.SIMPLE
    )
    table.add_column("component")
    for heading in ("direction", "cases", "geometric mean", "lowest", "highest"):
        table.add_column(heading, justify="right")
    for component, direction, ratios in ratios_by_component(rows):
        numbers = (geometric_mean(ratios), min(ratios), max(ratios))
        table.add_row(component, direction, str(len(ratios)), *(f"{number:.2f}" for number in numbers))
    whole = [row["ratio"]["median"] for row in rows if row["ratio"] and in_the_mean(row)]
    if whole:
        numbers = (geometric_mean(whole), min(whole), max(whole))
        table.add_section()
        table.add_row("the components", "both", str(len(whole)), *(f"{number:.2f}" for number in numbers))
    return table


def in_the_mean(row: Row) -> bool:
    """One row for each size of each component: its forward and backward pass together, its step, its call."""
    return row["component"] not in ("matmul", "LeNet") and row["direction"] not in ("forward", "backward")


def ratios_by_component(rows: list[Row]) -> Iterator[tuple[str, str, list[float]]]:
    """Component, direction and the median ratios of its cases, in the order of the rows."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["ratio"]:
            found.setdefault((row["component"], row["direction"]), []).append(row["ratio"]["median"])
    for (component, direction), ratios in found.items():
        yield component, direction, ratios


def geometric_mean(numbers: list[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def plain_table(title: str, rows: list[Row]) -> Table:
    """Rows with a name: overhead, memory, start."""
    field, show = ("bytes", mebibytes) if "bytes" in rows[0] else ("seconds", duration)
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("")
    table.add_column("reftorch", justify="right")
    table.add_column("PyTorch", justify="right")
    kernels = "kernels" in rows[0]
    if kernels:
        table.add_column("kernels compiled", justify="right")
    for row in rows:
        theirs = row[f"torch_{field}"]
        cells = [row["name"], show(row[field]), "" if theirs is None else show(theirs)]
        table.add_row(*cells, *([str(row["kernels"])] if kernels else []))
    return table


def duration(seconds: float) -> str:
    """A time with three digits, in s, ms, us or ns."""
    unit, size = next((unit for unit in (("s", 1.0), ("ms", 1e-3)) if seconds >= unit[1]), ("us", 1e-6))
    number = seconds / size
    return f"{number:.{max(0, 2 - int(math.log10(max(number, 1))))}f} {unit}"


def mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
