"""The results of a benchmark run as JSON: its fields, and the file that the site reads.

`reftorch bench --json FILE` writes one run, an object with the fields of `RUN`. `--save` adds it to `docs/data/benchmarks.json`,
a list of runs: one for each machine, device, number of threads and kind of kernels. The file lies in docs/ because it belongs to the
site, and because an installed package should not be written to.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numba

import reftorch
from reftorch import kernel
from reftorch.bench.cases import OF_PARAMETERS, Case
from reftorch.bench.clock import Spread, Timing
from reftorch.bench.limits import Limits
from reftorch.bench.work import elements, work
from reftorch.doctor import processor
from reftorch.serialize import FileError, check_writable, write_whole

Row = dict[str, Any]
NUMBER, OPTIONAL = (int, float), (int, float, type(None))

# field: its type (for a list of objects, their fields), and what it means
SPREAD = {"median": (NUMBER, ""), "low": (NUMBER, "first quartile"), "high": (NUMBER, "third quartile")}
ROW = {
    "component": (str, "a component, or matmul, or LeNet"),
    "case": (str, "where the size comes from"),
    "direction": (str, "forward, backward, both; step of an optimizer or a training; call"),
    "shape": (list, "of the input; of every parameter for an optimizer"),
    "elements": (int, "numbers in the input, or in the parameters"),
    "operations": (int, "multiply-adds, or comparisons or exponentials in their place"),
    "bytes": (int, "that must be read or written at least"),
    "seconds": (SPREAD, "a call takes, over the rounds"),
    "torch_seconds": ((SPREAD, None), "the same for PyTorch; null without it"),
    "ratio": ((SPREAD, None), "PyTorch's time divided by ours, round by round"),
    "rounds": (int, ""),
    "share": (OPTIONAL, "of the nearer limit of the machine, by the median; null where nothing is computed"),
    "limit": ((str, type(None)), "which that is: arithmetic, L2, L3, DRAM, memory"),
    "error": (OPTIONAL, "largest difference from PyTorch's results, relative to the largest number among them"),
    "date": (str, "when it was measured"),
}
LEVEL = {
    "name": (str, "L2, L3, DRAM; memory of a GPU"),
    "bytes": (int, "used of it"),
    "bandwidth": (NUMBER, "bytes a second"),
}
PYTHON = {
    "name": (str, "what is called, with a single number"),
    "seconds": (NUMBER, ""),
    "torch_seconds": (OPTIONAL, ""),
}
MEMORY = {"name": (str, ""), "bytes": (int, "of a process of its own"), "torch_bytes": ((int, type(None)), "")}
START = {**PYTHON, "name": (str, "what is waited for"), "kernels": (int, "that were compiled")}
MACHINE = (
    {
        "processor": (str, ""),
        "cores": (int, ""),
        "system": (str, ""),
        "gpu": ((str, type(None)), "on which it ran; null for the CPU"),
    },
    "",
)
LIMITS = ({"peak": (NUMBER, "operations a second"), "levels": ([LEVEL], "of memory, nearest first")}, "")
RUN = {
    "schema": (int, "1"),
    "date": (str, "ISO 8601, in UTC"),
    "machine": MACHINE,
    "versions": (dict, "of reftorch, python, numpy, numba, llvmlite, numba-cuda, torch; null where there is none"),
    "commit": ((str, type(None)), "of the sources, with a + if they were changed since"),
    "device": (str, "cpu or cuda"),
    "threads": (int, "on both sides"),
    "threading_layer": ((str, type(None)), "Numba's"),
    "kernels": (str, "fast, or reference: those of the component files"),
    "limits": LIMITS,
    "rows": ([ROW], "one for each case and direction"),
    "overhead": ([PYTHON], "what Python adds to a call"),
    "memory": ([MEMORY], "peaks"),
    "start": ([START], "with --start"),
}


def check(value: Any, form: Any = RUN, place: str = "the run") -> None:
    """Check the fields and types of a run, or of a part of it.

    Raises:
        ValueError: a field is missing, unknown or of another type.
    """
    if isinstance(form, tuple) and dict in map(type, form):  # an object or null
        if value is None and None in form:
            return
        form = form[0]
    if isinstance(form, dict):
        if not isinstance(value, dict) or set(value) != set(form):
            found = sorted(value) if isinstance(value, dict) else type(value).__name__
            raise ValueError(f"{place}: expected the fields {sorted(form)}, found {found}")
        for name, (inner, _) in form.items():
            check(value[name], inner, f"{place}: {name}")
    elif isinstance(form, list):
        check(value, list, place)
        for number, item in enumerate(value):
            check(item, form[0], f"{place}[{number}]")
    elif not isinstance(value, form) or isinstance(value, bool):
        raise ValueError(f"{place}: expected {form}, found {value!r}")


def new_run(device: str, threads: int, reference: bool, torch: Any, limits: Limits) -> dict[str, Any]:
    """A run without rows: machine, date, versions and options."""
    levels = [{"name": level.name, "bytes": level.size, "bandwidth": level.bandwidth} for level in limits.levels]
    return {
        "schema": 1,
        "date": now(),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count() or 1,
            "system": f"{platform.system()} {platform.machine()}",
            "gpu": reftorch.cuda.get_device_name() if device == "cuda" else None,
        },
        "versions": {
            **{"reftorch": reftorch.__version__, "python": platform.python_version()},
            **{name: installed(name) for name in ("numpy", "numba", "llvmlite", "numba-cuda")},
            "torch": str(torch.__version__) if torch else None,
        },
        "commit": commit(),
        "device": device,
        "threads": threads,
        "threading_layer": threading_layer() if device == "cpu" else None,
        "kernels": "reference" if reference else "fast",
        "limits": {"peak": limits.peak, "levels": levels},
        **{"rows": [], "overhead": [], "memory": [], "start": []},
    }


def new_row(case: Case, direction: str, timing: Timing, limits: Limits, error: float | None) -> Row:
    """The row of one direction of a case."""
    cost = work(case, direction)
    share, limit = limits.share(cost, timing.seconds.median) if cost.bytes else (None, None)
    shape = case.options["params"] if case.component in OF_PARAMETERS else case.x
    return {
        **{"component": case.component, "case": case.name, "direction": direction},
        **{"shape": json.loads(json.dumps(shape)), "elements": elements(case)},
        **{"operations": cost.operations, "bytes": cost.bytes},
        **{"seconds": spread(timing.seconds), "torch_seconds": spread(timing.torch_seconds)},
        **{"ratio": spread(timing.ratio), "rounds": timing.rounds},
        **{"share": share, "limit": limit, "error": error, "date": now()},
    }


def spread(values: Spread | None) -> dict[str, float] | None:
    return dict(vars(values)) if values else None


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def threading_layer() -> str | None:
    try:
        return numba.threading_layer()
    except ValueError:  # no threading layer is chosen until a kernel has run on threads
        return None


def commit() -> str | None:
    """The commit of the sources, if they are under git."""
    folder = Path(kernel.__file__).parent
    call = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(call, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() or None


# ------------------------------------------------------------------------------------------------------------ files
def write_run(run: dict[str, Any], path: Path) -> None:
    """One run as JSON."""
    check(run)
    write_json(run, path)


def write_json(value: Any, path: Path) -> None:
    def write(draft: Path) -> None:
        draft.write_text(json.dumps(value, indent=1) + "\n")

    write_whole(path, write)


def saved_file() -> Path:
    """The file that the site reads.

    Raises:
        FileError: the package does not lie in a source tree.
    """
    docs = Path(reftorch.__file__).parents[1] / "docs"
    if not docs.parent.joinpath("pyproject.toml").is_file():
        raise FileError(docs, "the source tree of reftorch around it", "none: use --json FILE to write elsewhere")
    return docs / "data" / "benchmarks.json"


def save_run(run: dict[str, Any], path: Path) -> None:
    """Replace the run with the same setting. If the versions are the same too, keep its rows that the new run did not measure.

    Raises:
        FileError: the file holds no list of runs, or it cannot be written.
    """
    check(run)
    check_writable(path)
    known = []
    if path.exists():
        try:
            known = json.loads(path.read_text())
            for other in known:
                check(other)
        except (ValueError, TypeError) as error:
            raise FileError(path, "a list of runs", str(error)) from None
    kept = []
    for other in known:
        if setting(other) != setting(run):
            kept.append(other)
        elif other["versions"] == run["versions"]:
            run = merged(other, run)
    runs = sorted([*kept, run], key=lambda run: str(setting(run)))
    write_json(runs, path)


def save_timeline(timeline: dict[str, Any], run: dict[str, Any], path: Path) -> None:
    """Save the timeline of a step of the run, from which the site draws a picture. `bench/ranks.py` describes its fields."""
    about = {name: run[name] for name in ("date", "machine", "versions", "commit")}
    write_json({**about, **timeline}, path)


def setting(run: dict[str, Any]) -> tuple:
    """What makes two runs comparable."""
    return (*run["machine"].values(), run["device"], run["threads"], run["kernels"])


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new run, with the rows of the old one that the new one did not measure."""
    rows = {(row["component"], row["case"], row["direction"]): row for row in [*old["rows"], *new["rows"]]}
    parts = {name: new[name] or old[name] for name in ("overhead", "memory", "start")}
    return {**new, "rows": list(rows.values()), **parts}
