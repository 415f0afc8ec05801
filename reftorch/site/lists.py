"""Pages that are made of what all files say, or of data: every symbol, every component of the specification, every measurement."""

from __future__ import annotations

import importlib
import json
import math
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


# ---------------------------------------------------------------------------------------------------- measurements
def benchmarks() -> str:
    """The runs that `reftorch bench --save` has kept; absent ones are said to be absent."""
    lines = [
        "# Benchmarks",
        "",
        "Time of PyTorch divided by the time of reftorch, in the same process, in turns: above 1, reftorch",
    ]
    lines += [
        "was faster. *Share* is how much of the nearer limit was used, the processor's multiply-adds or the memory's bytes a"
    ]
    lines += ["second, as measured in that run. `reftorch bench` makes such a table on your machine.", ""]
    runs = _data("benchmarks.json")
    for run in runs or []:
        lines += _run(run)
    return "\n".join(lines if runs else [*lines, "No run is kept here yet."]) + "\n"


def _run(run: dict[str, Any]) -> list[str]:
    threads = f"{run['threads']} thread" + "s" * (run["threads"] > 1)
    place = run["machine"]["gpu"] or run["machine"]["processor"]
    versions = ", ".join(f"{name} {run['versions'][name]}" for name in ("numba", "torch") if run["versions"][name])
    lines = [
        f"## {threads} on {run['device']}, {run['kernels']} kernels",
        "",
        f"{run['date'][:10]}, {place}, {versions}.",
        "",
    ]
    lines += ["| component | case | direction | reftorch | PyTorch | ratio | share |", "|---|---|---|--:|--:|--:|--:|"]
    for row in run["rows"]:
        other, ratio = row["torch_seconds"], row["ratio"]
        cells = [row["component"], row["case"], row["direction"], _time(row["seconds"]["median"])]
        cells += [_time(other["median"]) if other else "", f"{ratio['median']:.2f}" if ratio else ""]
        cells += [f"{row['share']:.0%} of {row['limit']}" if row["share"] is not None else ""]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| component | geometric mean of the ratios, both directions together |", "|---|--:|"]
    measured = [row for row in run["rows"] if row["ratio"] and row["direction"] in ("both", "step")]
    for name in dict.fromkeys(row["component"] for row in measured):
        logs = [math.log(row["ratio"]["median"]) for row in measured if row["component"] == name]
        lines.append(f"| {name} | {math.exp(sum(logs) / len(logs)):.2f} |")
    return [*lines, ""]


def agreement(names: set[str]) -> str:
    """How far what these names stand for is from PyTorch, as the tests have measured it; that is absent if it was not."""
    measured = _data("agreement.json")
    rows = [row for row in measured["components"] if row["component"] in names] if measured else []
    if not rows:
        return "Not measured.\n"
    lines = [
        f"Largest difference in all cases of the tests, relative to the largest number of the result: {measured['date']},"
    ]
    lines += [
        f"PyTorch {measured['torch']} on the CPU.",
        "",
        "| | dtype | cases | forward | backward |",
        "|---|---|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| `{row['component']}` | {row['dtype']} | {row['cases']} | {row['forward']:.1e} | {row['backward']:.1e} |"
        )
    return "\n".join([*lines, ""])


def rungs(ladder: str) -> str:
    """What `reftorch bench --ladder` measured of a ladder, as Markdown; empty if nothing was."""
    run = _data("ladder.json")
    lines: list[str] = []
    for found in run["ladders"] if run else []:
        if found["rungs"][0]["function"].split(":")[0].rpartition(".")[2] == ladder:
            lines += [f"Measured on {run['date'][:10]}, {run['machine']['processor']}, {run['threads']} threads:", ""]
            lines += ["| rung | time | GFLOP/s | of the peak |", "|---|--:|--:|--:|"]
            for row in found["rungs"]:
                time = _time(row["seconds"]["median"])
                lines.append(f"| {row['rung']} | {time} | {row['gflops']:,.1f} | {row['share']:.1%} |")
    return "\n".join([*lines, ""])


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def _data(name: str) -> Any:
    file = DOCS / "data" / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
