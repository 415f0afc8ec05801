"""What can only be seen from outside: peak memory, the time of an import, and the first training step of a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import reftorch

Row = dict[str, Any]


def peak_memory(batch: int, threads: int, torch: bool) -> Row:
    """Bytes of a process that trains LeNet: a row `name`, `bytes` and `torch_bytes`; None where the system does not tell."""
    found = [run("peak", library, batch, threads)["peak"] for library in libraries(torch)]
    name = f"LeNet training, batch {batch}: peak of the process"
    return {"name": name, "bytes": found[0], "torch_bytes": found[1] if torch else None}


def starts(threads: int, torch: bool, repeats: int = 3) -> list[Row]:
    """How long it takes to begin: rows `name`, `seconds`, `torch_seconds`, `kernels` (how many were compiled)."""
    with tempfile.TemporaryDirectory() as cache:
        cold = run("start", "reftorch", threads, REFTORCH_CACHE_DIR=cache)
        warm = [run("start", "reftorch", threads, REFTORCH_CACHE_DIR=cache) for _ in range(repeats)]
    theirs = [run("start", "torch", threads) for _ in range(repeats + 1)][1:] if torch else []

    def row(name: str, field: str, ours: list[Row]) -> Row:
        other = median(process[field] for process in theirs) if theirs else None
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
    ]


def libraries(torch: bool) -> tuple[str, ...]:
    return ("reftorch", "torch") if torch else ("reftorch",)


def run(task: str, *arguments: Any, **environment: str) -> Row:
    """What a function of `worker.py` returns, run in a process of its own.

    Raises:
        RuntimeError: the process failed; the message is the end of what it said.
    """
    path = os.pathsep.join(filter(None, (str(Path(reftorch.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", Path(__file__).with_name("worker.py").read_text(), task, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the process that was to be measured failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
