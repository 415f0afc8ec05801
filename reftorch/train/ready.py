"""Kernels are compiled by processes of their own; the one that trains loads them from the cache.

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
from reftorch import kernel_cache

IN_REHEARSAL = "REFTORCH_REHEARSAL"  # set for those processes: they compile, and start no further ones
# What the first two processes compile: see `rehearsal.py`.
HALVES = {"digits": ("images", "classes"), "sequences": ()}
ENOUGH = {"digits": 2000, "sequences": 256}  # samples that lead through every kernel


def compile_apart(options: argparse.Namespace, compiling: Callable[[str | None], None]) -> None:
    """Have all kernels of this training in the cache, without compiling any here; `compiling` is told their names.

    Two processes compile at a time: one the first part of the network (the convolutions, or what reads the text), the other one what
    follows. Then the whole training is rehearsed, which finds what is still missing.
    """
    arguments = rehearsal_of(options)
    folder = kernel_cache.folder()
    if options.device != "cpu" or os.environ.get(IN_REHEARSAL) or folder is None:
        return
    mark = folder / f"trained-{_state(arguments)}"
    if mark.exists():
        return
    halves = [["reftorch.train.rehearsal", half, *arguments] for half in HALVES[options.job]]
    if _rehearse(halves, compiling) and _rehearse([["reftorch", *arguments]], compiling):
        mark.touch()


def _rehearse(modules: list[list[str]], compiling: Callable[[str | None], None]) -> bool:
    """Run these modules, each with its arguments, at once; returns whether all went well."""
    environment = {**os.environ, IN_REHEARSAL: "1", "PYTHONUNBUFFERED": "1"}
    read, write = os.pipe()
    processes: list[subprocess.Popen] = []
    running = False
    with open(read, encoding="utf-8", errors="replace") as lines:
        try:
            with open(write, "wb") as out:  # closed here, the lines end when the processes do
                for module in modules:
                    command = [sys.executable, "-m", *module]
                    processes.append(subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL))
            for line in lines:
                word, _, name = line.strip().partition(" ")
                if word == "compiling":
                    if running:
                        compiling(None)
                    compiling(name)
                    running = True
            if running:
                compiling(None)
            return all([process.wait() == 0 for process in processes])
        finally:
            for process in processes:
                process.kill()  # nothing, where it has ended
                process.wait()


def rehearsal_of(options: argparse.Namespace) -> list[str]:
    """The arguments of a short training that takes the same kernels: threads and the size of a batch decide which those are."""
    enough = ENOUGH[options.job]
    arguments = ["train", options.job, "--epochs", "1", "--no-save", "--no-plot"]
    arguments += ["--limit", str(min(enough, options.limit or enough)), "--batch-size", str(options.batch_size)]
    arguments += ["--data", str(options.data)] if options.data else []
    arguments += ["--model", options.model] if options.model else []
    return arguments + (["--threads", str(options.threads)] if options.threads else [])


def _state(arguments: list[str]) -> str:
    """What decides which machine code there is: the training, the sources, the compiler, the processor."""
    home = Path(reftorch.__file__).parent
    key = hashlib.sha256(repr((arguments, numba.__version__, llvmlite.binding.get_host_cpu_name())).encode())
    for source in sorted(home.rglob("*.py")):
        key.update(source.read_bytes())
    return key.hexdigest()[:16]
