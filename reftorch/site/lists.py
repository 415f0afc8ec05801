"""Pages that are made from all files, or from data: every symbol, every component of the specification, every measurement."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import re
from collections.abc import Collection
from itertools import groupby
from typing import Any

from markdown.extensions.toc import slugify

from ..bench.record import setting
from ..step.components import Component, components
from . import document
from .gallery import gallery
from .mathematics import DOCS
from .names import file_of, look_up
from .sections import address, link, section_title, title
from .segment import Segments, segment


def section(folder: str, inside: list[Component]) -> str:
    """The page of a section: its components in a table, their common symbols, and the formula of each."""
    page = f"{folder}/index.md"
    package = importlib.import_module("reftorch." + folder.replace("/", "."))
    lines = [f"# {section_title(folder)}", "", (package.__doc__ or "").strip(), "", *gallery(folder, inside)]
    lines += ["## All files", ""] if len(inside) > 1 else []
    lines += ["| file | in a sentence | kernels |", "|---|---|---|"]
    cuts = {component: segment(component.file) for component in inside}
    for component, cut in cuts.items():
        kernels = ", ".join(f"`{component.short(kernel)}`" for kernel in component.kernels)
        lines.append(f"| {link(component, page)} | {cut.docstring.partition(chr(10))[0].rstrip('.')} | {kernels} |")
    if len(inside) > 1:
        lines += ["", *_in_common(cuts, page), "", "## What varies", ""]
        for component, cut in cuts.items():
            found = document.first_formula(cut)
            lines += [f"{link(component, page)}:" if found else f"{title(component)}: no formula.", "", found, ""]
    return "\n".join(lines) + "\n"


def _in_common(cuts: dict[Component, Segments], page: str) -> list[str]:
    """The symbols that several of these files have, with the same variable and the same meaning."""
    having: dict[tuple[str, str, str], list[str]] = {}
    for component, cut in cuts.items():
        for symbol in document.symbols(cut):
            having.setdefault((symbol.tex, symbol.variable, symbol.meaning), []).append(link(component, page))
    shared = {symbol: links for symbol, links in having.items() if len(links) > 1}
    if not shared:
        return []
    lines = ["## What is common", "", "| symbol | variable | meaning | in |", "|---|---|---|---|"]
    for (tex, variable, meaning), links in shared.items():
        lines.append(
            f"| ${tex}$ | `{variable}` | {meaning} | {'all' if len(links) == len(cuts) else ', '.join(links)} |"
        )
    return lines


def notation(every: dict[str, Component]) -> str:
    """One table of all symbols; each meaning stands beside the components that use it."""
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for component in every.values():
        for symbol in document.symbols(segment(component.file)):
            said.setdefault((symbol.tex, symbol.variable), {}).setdefault(symbol.meaning, []).append(component.name)
    lines = ["# Notation", "", "Every symbol of every component, from the symbols tables of their files.", ""]
    lines += ["| symbol | variable | meaning | in |", "|---|---|---|---|"]
    for (tex, variable), meanings in sorted(said.items(), key=lambda item: (item[0][1].lower(), item[0])):
        for meaning, names in meanings.items():
            places = ", ".join(f"[{name}]({address(every[name])})" for name in names)
            lines.append(f"| ${tex}$ | `{variable}` | {meaning} | {places} |")
    return "\n".join(lines) + "\n"


def coverage(pages: Collection[str]) -> str:
    """Every documented name of the specification, implemented or not, by section; a name with one of the `pages` is linked to it."""
    rows = [(name, section) for name, section, documented in _specification() if documented]
    there = {name for name, _ in rows if look_up(name) is not None}
    lines = ["# Coverage", "", f"{len(there)} of the {len(rows)} documented names are there.", ""]
    table = ["| section | there | of |", "|---|--:|--:|"]
    lists = []
    for section, group in groupby(sorted(rows, key=lambda row: row[1]), key=lambda row: row[1]):
        names = [name for name, _ in group]
        table.append(
            f"| [{section}](#{slugify(section, '-')}) | {sum(name in there for name in names)} | {len(names)} |"
        )
        lists += [f"## {section}", "", '<div class="rt-names" markdown>', ""]
        lists += [f"- {_linked(name, pages) if name in there else name + ': not yet'}" for name in names]
        lists += ["", "</div>", ""]
    return "\n".join([*lines, *table, "", *lists])


def _linked(name: str, pages: Collection[str]) -> str:
    """A name, as a link to the page of the file that it comes from, if that has one."""
    page = file_of(look_up(name)).removesuffix(".py") + ".md"
    if page not in pages:
        page = file_of(look_up(name.rpartition(".")[0])).removesuffix(".py") + ".md"  # a method's file is its class's
    return f"**[{name}]({page})**" if page in pages else f"**{name}**"


FUNCTIONS = """# Functions

`torch.nn.functional` only collects functions from other files: each function is in the file of its component, below the kernels that
it calls.
"""


def functional(pages: Collection[str]) -> str:
    """Every function of `torch.nn.functional`, with its file, and the functions that are not implemented yet."""
    import reftorch.nn.functional as F

    lines = [FUNCTIONS, "| function | in a sentence | in |", "|---|---|---|"]
    for name in sorted(F.__all__, key=lambda name: name.strip("_")):
        thing = getattr(F, name)
        said = document.described(inspect.getdoc(thing) or "")
        sentence = re.split(r"(?<=[.:]) ", str(said[0][1]))[0].rstrip(".:") if said else ""
        page = file_of(thing).removesuffix(".py") + ".md"
        if page in pages:
            called, place = f"[`{name}`]({page}#{name.replace('_', '-')}-L1)", f"[{_title(page)}]({page})"
        else:
            called, place = f"`{name}`", f"`{file_of(thing)}`"
        lines.append(f"| {called} | {sentence} | {place} |")
    specified = [name.split(".") for name, _, documented in _specification() if documented]
    wanted = {parts[-1] for parts in specified if "functional" in parts[:-1]}
    missing = sorted(wanted - set(F.__all__))
    lines += ["", f"Not yet: {', '.join(f'`{name}`' for name in missing)}." if missing else ""]
    return "\n".join(lines)


def _title(page: str) -> str:
    """The title of the component with this page."""
    return next((title(component) for component in components().values() if address(component) == page), page)


def _specification() -> list[tuple[str, str, bool]]:
    """The names of the specification: name, section, whether it is documented."""
    return json.loads((DOCS / "data" / "components.json").read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------------------------------- measurements
BENCHMARKS = """# Benchmarks

*Ratio* is PyTorch's time divided by reftorch's time, measured in turns in the same process: above 1, reftorch was faster. There are two
limits, the processor's multiply-adds per second and the memory's bytes per second, both measured in the same run. *Share* says how much
of the nearer limit was reached. `reftorch bench` makes such a table on your machine.
"""


def benchmarks() -> str:
    """The runs that `reftorch bench --save` has saved; if there are none, the page says so."""
    lines = [BENCHMARKS]
    runs = _data("benchmarks.json")
    for run in runs or []:
        lines += _run(run)
    return "\n".join(lines if runs else [*lines, "No run has been saved yet."]) + "\n"


WHOLE = ("both", "step")  # forward and backward together
COLUMNS = {
    "component": "---",
    "case": "---",
    "direction": "---",
    "reftorch": "--:",
    "PyTorch": "--:",
    "ratio": "--:",
    "share": "--:",
    "reference": "--:",
    "its ratio": "--:",
}
Case = tuple[str, str, str]  # component, case, direction


def _about(run: dict[str, Any]) -> str:
    """The date, the machine and the versions of a run."""
    place = run["machine"]["gpu"] or run["machine"]["processor"]
    versions = ", ".join(f"{name} {run['versions'][name]}" for name in ("numba", "torch") if run["versions"][name])
    return f"{run['date'][:10]}, {place}, {_threads(run)}, {versions}."


def _threads(run: dict[str, Any]) -> str:
    return f"{run['threads']} thread" + "s" * (run["threads"] > 1)


def _timed(rows: list[dict[str, Any]], reference: dict[Case, dict[str, Any]] | None = None) -> list[str]:
    """A table of the times, and of the reference kernels' times, without columns that have the same value in every row."""
    table = []
    for row in rows:
        other, slower = row["torch_seconds"], (reference or {}).get(_case(row))
        cells = [*_case(row), _time(row["seconds"]["median"]), _time(other["median"]) if other else "", _ratio(row)]
        cells += [f"{row['share']:.0%} of {row['limit']}" if row["share"] is not None else ""]
        cells += [_time(slower["seconds"]["median"]), _ratio(slower)] if slower else ["", ""]
        table.append(dict(zip(COLUMNS, cells)))
    same = {name for name in ("component", "direction") if len({row[name] for row in table}) == 1}
    kept = [name for name in COLUMNS if name not in same and any(row[name] for row in table)]
    lines = [f"| {' | '.join(kept)} |", f"|{'|'.join(COLUMNS[name] for name in kept)}|"]
    return [*lines, *(f"| {' | '.join(row[name] for name in kept)} |" for row in table)]


def _case(row: dict[str, Any]) -> Case:
    return row["component"], row["case"], row["direction"]


def _ratio(row: dict[str, Any]) -> str:
    return f"{row['ratio']['median']:.2f}" if row["ratio"] else ""


def _run(run: dict[str, Any]) -> list[str]:
    lines = [f"## {_threads(run)} on {run['device']}, {run['kernels']} kernels", "", _about(run), ""]
    lines += ["| component | geometric mean of the ratios, both directions together |", "|---|--:|"]
    measured = [row for row in run["rows"] if row["ratio"] and row["direction"] in WHOLE]
    for name in dict.fromkeys(row["component"] for row in measured):
        logs = [math.log(row["ratio"]["median"]) for row in measured if row["component"] == name]
        lines.append(f"| {name} | {math.exp(sum(logs) / len(logs)):.2f} |")
    return [*lines, "", *_timed(run["rows"]), ""]


def agreement(names: set[str]) -> str:
    """The differences of these names' results from PyTorch's, as measured by the tests; empty if they were not measured."""
    measured = _data("agreement.json")
    rows = [row for row in measured["components"] if row["component"] in names] if measured else []
    if not rows:
        return "Not measured.\n"
    lines = [
        f"Largest difference in all cases of the tests, relative to the largest number of the result: {measured['date']}, "
        f"PyTorch {measured['torch']} on the CPU.",
        "",
        "| name | dtype | cases | forward | backward |",
        "|---|---|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| `{row['component']}` | {row['dtype']} | {row['cases']} | {_error(row['forward'])} | {_error(row['backward'])} |"
        )
    return "\n".join([*lines, ""])


def _error(value: float | None) -> str:
    """The difference as text; an optimizer has no backward pass to compare."""
    return "" if value is None else f"{value:.1e}" if value else "0"


BESIDE = {"DistributedDataParallel": "one process"}  # rows that are shown with those of a component


def speed(names: set[str]) -> str:
    """The latest run that timed these names, forward and backward, together with PyTorch; and the reference kernels, if they were timed
    on the same machine with the same number of threads."""
    names = names | {BESIDE[name] for name in names & set(BESIDE)}
    runs = sorted(_data("benchmarks.json") or [], key=lambda run: run["date"], reverse=True)
    for run in [run for run in runs if run["kernels"] == "fast"]:
        rows = [row for row in run["rows"] if row["component"] in names]
        rows = [row for row in rows if row["direction"] in WHOLE] or rows
        if rows:
            whole = " Forward and backward together." * all(row["direction"] == "both" for row in rows)
            said = f"{_about(run)}{whole} *Ratio*: PyTorch's time divided by reftorch's; above 1, reftorch was faster."
            beside = _reference(run, runs)
            timed = {_case(row): row for row in beside["rows"]} if beside else {}
            if beside and any(_case(row) in timed for row in rows):
                when = _about(beside)
                said += " *Reference*: the time of the reference kernels, which this page shows."
                said += f" It was measured in another run: {when}" * (when != _about(run))
            return "\n".join([said, "", *_timed(rows, timed), ""])
    return "Not measured.\n"


def _reference(run: dict[str, Any], runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The run of the reference kernels that can be compared with a run of the fast ones."""
    wanted = (*setting(run)[:-1], "reference")
    return next((other for other in runs if setting(other) == wanted), None)


def rungs(ladder: str) -> str:
    """The results of `reftorch bench --ladder` for a ladder, as Markdown; if it was not measured, a sentence says so."""
    runs = [_data(file.name) for file in sorted((DOCS / "data").glob("ladder*.json"))]
    lines: list[str] = []
    for run, found in [(one, each) for one in runs for each in one["ladders"]]:
        if found["rungs"][0]["function"].split(":")[0].rpartition(".")[2] == ladder:
            lines += [
                f"{_about(run)} {found['size']}; the measured peak is {run['peak_gflops']:,.0f} GFLOP/s.",
                "",
            ]
            lines += ["| rung | time | GFLOP/s | of the peak |", "|---|--:|--:|--:|"]
            for row in found["rungs"]:
                time = _time(row["seconds"]["median"])
                lines.append(f"| {row['rung']} | {time} | {row['gflops']:,.1f} | {row['share']:.1%} |")
            lines.append("")
    return "\n".join([*lines, ""]) if lines else "Not measured yet: `reftorch bench --ladder` measures it.\n"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def _data(name: str) -> Any:
    file = DOCS / "data" / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
