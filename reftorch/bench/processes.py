"""Measurements that need a fresh process: peak memory, the time of the import, and the first training step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import reftorch

Row = dict[str, Any]


def peak_memory(batch: int, threads: int, torch: bool) -> Row:
    """Bytes of a process that trains LeNet: a row `name`, `bytes` and `torch_bytes`; None where the system does not report them."""
    found = [run("peak", library, batch, threads)["peak"] for library in libraries(torch)]
    name = f"LeNet training, batch {batch}: peak of the process"
    return {"name": name, "bytes": found[0], "torch_bytes": found[1] if torch else None}


def starts(threads: int, torch: bool, repeats: int = 3) -> list[Row]:
    """How long a program takes to start: rows `name`, `seconds`, `torch_seconds`, `kernels` (how many were compiled)."""
    with tempfile.TemporaryDirectory() as cache:
        cold = run("start", "reftorch", threads, REFTORCH_CACHE_DIR=cache)
        warm = [run("start", "reftorch", threads, REFTORCH_CACHE_DIR=cache) for _ in range(repeats)]
    with tempfile.TemporaryDirectory() as cache:
        first = training(threads, REFTORCH_CACHE_DIR=cache)
        later = [training(threads, REFTORCH_CACHE_DIR=cache) for _ in range(repeats)]
    theirs = [run("start", "torch", threads) for _ in range(repeats + 1)][1:] if torch else []

    def row(name: str, field: str, ours: list[Row]) -> Row:
        other = median(process[field] for process in theirs) if theirs and field in theirs[0] else None
        seconds, kernels = median(process[field] for process in ours), max(process["kernels"] for process in ours)
        return {
            "name": name,
            "seconds": seconds,
            "torch_seconds": other,
            "kernels": 0 if field == "imported" else kernels,
        }

    return [
        row("import", "imported", warm),
        row("import and first training step, nothing compiled", "seconds", [cold]),
        row("import and first training step, compiled before", "seconds", warm),
        row("`reftorch train`, one epoch, nothing compiled", "trained", [first]),
        row("`reftorch train`, one epoch, compiled before", "trained", later),
    ]


def training(threads: int, **environment: str) -> Row:
    """How long `reftorch train` takes for one epoch of the digits, and how many kernels it compiles, in separate processes.

    Raises:
        RuntimeError: a process failed.
    """
    command = [
        sys.executable,
        "-m",
        "reftorch",
        "train",
        "--epochs",
        "1",
        "--no-save",
        "--no-plot",
        "--threads",
        str(threads),
    ]
    began = time.perf_counter()
    said = output_of(command, **environment)
    seconds = time.perf_counter() - began
    return dict(trained=seconds, kernels=sum(line.startswith("compiling ") for line in said.splitlines()))


def libraries(torch: bool) -> tuple[str, ...]:
    return ("reftorch", "torch") if torch else ("reftorch",)


def run(task: str, *arguments: Any, **environment: str) -> Row:
    """Run a function of `worker.py` in a process of its own; returns its result.

    Raises:
        RuntimeError: the process failed; the message is the end of its error output.
    """
    worker = Path(__file__).with_name("worker.py").read_text()
    said = output_of([sys.executable, "-c", worker, task, *map(str, arguments)], **environment)
    return json.loads(said.strip().splitlines()[-1])


def output_of(command: list[str], **environment: str) -> str:
    """Run a command; returns its output.

    Raises:
        RuntimeError: the command failed; the message is the end of its error output.
    """
    path = os.pathsep.join(filter(None, (str(Path(reftorch.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path, **environment}, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"the measured process failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
