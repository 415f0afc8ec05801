"""`reftorch bench`, from the options to the files."""

from __future__ import annotations

import argparse
import contextlib
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import reftorch
from reftorch import kernel
from reftorch.bench.cases import CASES, Case
from reftorch.bench.clock import SETTLE, Budget, measure
from reftorch.bench.jobs import disagreement, find_torch, prepare
from reftorch.bench.ladder import run_ladders, write_ladders
from reftorch.bench.limits import Limits, cpu_limits, cuda_limits
from reftorch.bench.overhead import overheads
from reftorch.bench.processes import peak_memory, starts
from reftorch.bench.ranks import measured
from reftorch.bench.record import new_row, new_run, save_run, save_timeline, saved_file, write_run
from reftorch.bench.table import limits_table, plain_table, rows_table, summary_table
from reftorch.bench.worker import limit_threads, resident
from reftorch.serialize import check_writable
from reftorch.train.loop import TrainingError
from reftorch.train.options import PICTURES, choose_device

TOLERANCE = 1e-4  # between results, relative to the largest number
WIDTH = 120  # columns of output that goes to a file or a pipe

Chosen = list[tuple[Case, list[str]]]


def bench(options: argparse.Namespace, console: Console | None = None, cases: tuple[Case, ...] = CASES) -> int:
    """Run `reftorch bench` with these options; returns the exit code.

    Raises:
        FileError: a file cannot be written.
        TrainingError: an option cannot be used on this machine, or not together with another one.
    """
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDTH
    json_file, plot, saved = choose_files(options)
    device = choose_device(options.device).type
    if device == "cuda" and kernel.cuda_kind() == "simulator":
        raise TrainingError("--device cuda: this is Numba's simulator, whose times say nothing about a GPU")
    if device == "cuda" and kernel.cuda_kind() == "cpu":
        raise TrainingError("--device cuda: CUDA is compiled for the CPU here, and its times say nothing about a GPU")
    chosen = [] if options.start or options.ladder or options.ranks else choose_cases(cases, options.only)
    threads = choose_threads(options.ranks or options.threads)
    torch = prepare_torch(options, device, threads, console)
    seconds = min(options.seconds, 0.3)
    limits = cpu_limits(threads, seconds) if device == "cpu" else cuda_limits(seconds)
    run = new_run(device, threads, options.reference, torch, limits)
    console.print(introduction(run, torch), highlight=False, soft_wrap=True, markup=False)
    console.print(limits_table(run))
    if options.ladder:
        ladders = run_ladders(options, device, threads, torch, limits, budget(options, threads), console)
        written(ladders, json_file, write_ladders, console)
        return 0
    with reftorch.kernels("reference") if options.reference else contextlib.nullcontext():
        run_cases(run, chosen, torch, limits, options, console)
        if chosen and not options.only and device == "cpu":
            run["overhead"] = overheads(torch, budget(options, 1))
    if options.start:
        run["start"] = starts(threads, torch is not None)
    elif options.ranks:
        run["rows"], timeline = measured(options.ranks, torch is not None, options)
    elif not options.only and resident("VmRSS") and device == "cpu" and not options.reference:
        run["memory"] = [peak_memory(batch, threads, torch is not None) for batch in (64, 1024)]
    show(run, console)
    written(run, json_file, write_run, console)
    written(run, saved, save_run, console)
    if options.ranks and saved:
        save_timeline(timeline, run, saved.with_name("timeline.json"))
    if plot:
        from reftorch.bench.picture import draw_roofline

        written(run, plot, draw_roofline, console)
    return 0


def written(
    run: dict[str, Any], path: Path | None, write: Callable[[dict[str, Any], Path], None], console: Console
) -> None:
    """Write a file, if the options name one, and print its name."""
    if path:
        write(run, path)
        console.print(f"written: {path}", highlight=False, markup=False, soft_wrap=True)


def choose_files(options: argparse.Namespace) -> tuple[Path | None, Path | None, Path | None]:
    """The files for JSON, picture and saved run; None for one that is not written. Checks before measuring that they can be written."""
    json_file = Path(options.json) if options.json else None
    plot = Path(options.plot) if options.plot else None
    if plot and plot.suffix.lower() not in PICTURES:
        raise TrainingError(f"--plot: expected a name that ends in {', '.join(PICTURES)}, found {plot}")
    for option in ("start", "ladder", "ranks"):
        if plot and getattr(options, option):
            raise TrainingError(f"--plot: there is no roofline of --{option}, which runs no cases")
    if options.ladder:
        for option in ("start", "reference", "save"):
            if getattr(options, option):
                raise TrainingError(f"--{option}: does not go with --ladder, which measures other functions")
    for option in ("start", "ranks"):
        if getattr(options, option) and options.only:
            raise TrainingError(f"--only chooses cases, and --{option} runs none")
    for option in ("start", "ladder", "reference"):
        if options.ranks and getattr(options, option):
            raise TrainingError(
                f"--{option}: does not go with --ranks, which trains on 1 and N threads with the fast kernels"
            )
    if options.ranks and options.device != "cpu":
        raise TrainingError("--ranks measures processes on the CPU: expected --device cpu")
    saved = saved_file() if options.save else None
    for path in filter(None, (json_file, plot, saved)):
        check_writable(path)
    return json_file, plot, saved


def choose_threads(wanted: int | None) -> int:
    """Let CPU kernels run on this number of threads, or on all if it is None; returns the number."""
    most = numba.config.NUMBA_NUM_THREADS
    threads = wanted or most
    if threads > most:
        raise TrainingError(f"--threads: expected at most {most}, the number of threads here, found {threads}")
    limit_threads(reftorch, threads)
    return threads


def choose_cases(cases: tuple[Case, ...], only: re.Pattern | None) -> Chosen:
    """The cases whose names match the pattern, each with the directions that match; all of them without a pattern."""
    chosen = []
    for case in cases:
        directions = [d for d in case.directions if not only or only.search(f"{case.component} {case.name} {d}")]
        if directions:
            chosen.append((case, directions))
    if only and not chosen:
        components = ", ".join(dict.fromkeys(case.component for case in cases))
        raise TrainingError(
            f"--only: no case has {only.pattern!r} in its name. A name consists of a component ({components}), a size and a "
            "direction, as in 'Conv2d LeNet conv1 forward'"
        )
    return chosen


def prepare_torch(options: argparse.Namespace, device: str, threads: int, console: Console) -> Any:
    """PyTorch with the same number of threads; None where it is not installed, has no GPU that is needed, or is switched off."""
    if options.no_torch:
        return None
    torch = find_torch(device)
    if torch is None:
        why = "PyTorch is not installed" if find_torch() is None else "PyTorch finds no GPU"
        console.print(f"{why}: reftorch is measured alone. (pip install torch)", highlight=False)
        return None
    limit_threads(torch, threads)
    torch.backends.cudnn.allow_tf32 = False  # float32 on both sides
    return torch


def budget(options: argparse.Namespace, threads: int) -> Budget:
    return Budget(options.rounds, options.seconds, SETTLE if threads > 1 else 0.0)


def run_cases(
    run: dict[str, Any], chosen: Chosen, torch: Any, limits: Limits, options: argparse.Namespace, console: Console
) -> None:
    """Measure the cases one after the other, with a progress bar; the rows are added to the run."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[doing]}"), console=console, transient=True) as bar:
        task = bar.add_task("cases", total=len(chosen), doing="")
        for case, directions in chosen:
            name = f"{case.component} {case.name}"
            bar.update(task, doing=name)

            def told(kernel_name: str | None, name: str = name) -> None:
                bar.update(task, doing=f"{name}: compiling {kernel_name}" if kernel_name else name)

            with kernel.compiling(told):
                run["rows"] += rows_of(case, directions, torch, limits, options, run)
            bar.advance(task)


def rows_of(
    case: Case,
    directions: list[str],
    torch: Any,
    limits: Limits,
    options: argparse.Namespace,
    run: dict[str, Any],
) -> list[dict[str, Any]]:
    """The rows of one case. Its tensors are freed before the next case begins."""
    gc.collect()  # the case before
    gc.freeze()  # what compilers keep is not looked at again before each measurement, which takes longer than a small case
    device = run["device"]
    ours, theirs = prepare(reftorch, case, device), prepare(torch, case, device) if torch else None
    our_results = ours.results()  # compiles
    error = disagreement(our_results, theirs.results()) if theirs else None
    del our_results
    wait = their_wait = lambda: None
    if device == "cuda":
        wait, their_wait = reftorch.cuda.synchronize, torch.cuda.synchronize if torch else wait
    rows = []
    for direction in directions:
        other = getattr(theirs, direction) if theirs else None
        timing = measure(getattr(ours, direction), other, budget(options, run["threads"]), wait, their_wait)
        rows.append(new_row(case, direction, timing, limits, error))
    return rows


def introduction(run: dict[str, Any], torch: Any) -> str:
    machine, versions = run["machine"], run["versions"]
    where = machine["gpu"] or f"{machine['processor']}, {run['threads']} thread(s) of {run['threading_layer']}"
    against = f"PyTorch {versions['torch']}" if torch else "nothing"
    return f"reftorch {versions['reftorch']} ({run['kernels']} kernels) against {against}; {where}; float32"


def show(run: dict[str, Any], console: Console) -> None:
    """All tables of the run."""
    for component in dict.fromkeys(row["component"] for row in run["rows"]):
        console.print(rows_table(component, [row for row in run["rows"] if row["component"] == component]))
    for row in run["rows"]:
        if row["error"] is not None and row["error"] > TOLERANCE:
            name = f"{row['component']} {row['case']}"
            console.print(f"[red]{name}: differs from PyTorch by {row['error']:.1e} of the largest number[/]")
    if any(row["ratio"] for row in run["rows"]):
        console.print(summary_table(run["rows"]))
    titles = {
        "overhead": "What Python adds to a call",
        "memory": "Peak memory, in processes of their own",
        "start": "From nothing",
    }
    for part, title in titles.items():
        if run[part]:
            console.print(plain_table(title, run[part]))
