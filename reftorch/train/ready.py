"""Kernels are compiled by a process of their own; the one that trains loads them from the cache.

Numba optimises the body of a parallel loop once in the process that compiles it, and once more where it comes from the cache: sums
may then be added in another order, and the last bits differ. So that a first run gives the same numbers as every later one, no
training runs what it has compiled itself.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding
import numba

import reftorch
from reftorch import kernel

IN_REHEARSAL = "REFTORCH_REHEARSAL"  # set for that process: it compiles, and starts no further one
ENOUGH = 2000  # images that lead through every kernel


def compile_apart(options: argparse.Namespace, compiling: Callable[[str | None], None]) -> None:
    """Have all kernels of this training in the cache, without compiling any here; `compiling` is told their names."""
    command = [sys.executable, "-m", "reftorch", *rehearsal_of(options)]
    mark = Path(kernel.cache_dir) / f"trained-{_state(command)}"
    if options.device != "cpu" or os.environ.get(IN_REHEARSAL) or mark.exists():
        return
    environment = {**os.environ, IN_REHEARSAL: "1", "PYTHONUNBUFFERED": "1"}
    running = False
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as rehearsal:
        assert rehearsal.stdout is not None
        for line in rehearsal.stdout:
            word, _, name = line.strip().partition(" ")
            if word == "compiling":
                if running:
                    compiling(None)
                compiling(name)
                running = True
    if running:
        compiling(None)
    if rehearsal.returncode == 0:
        mark.touch()


def rehearsal_of(options: argparse.Namespace) -> list[str]:
    """The arguments of a short training that takes the same kernels: threads and the size of a batch decide which those are."""
    arguments = ["train", "--epochs", "1", "--no-save", "--no-plot"]
    arguments += ["--limit", str(min(ENOUGH, options.limit or ENOUGH)), "--batch-size", str(options.batch_size)]
    arguments += ["--data", str(options.data)] if options.data else []
    return arguments + (["--threads", str(options.threads)] if options.threads else [])


def _state(command: list[str]) -> str:
    """What decides which machine code there is: the command, the sources, the compiler, the processor."""
    home = Path(reftorch.__file__).parent
    key = hashlib.sha256(repr((command, numba.__version__, llvmlite.binding.get_host_cpu_name())).encode())
    for source in sorted(home.rglob("*.py")):
        key.update(source.read_bytes())
    return key.hexdigest()[:16]
