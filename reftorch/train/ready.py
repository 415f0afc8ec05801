"""Kernels are compiled in separate processes. The training process loads them from the cache.

Numba optimises the body of a parallel loop once in the process that compiles it, and once more when it is loaded from the cache. Then
the order of a sum can change, and the last bits differ. A first run must give the same numbers as every later one, so no training
process runs kernels that it has compiled itself.
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

IN_REHEARSAL = "REFTORCH_REHEARSAL"  # set for the compiling processes, so that they start no further ones
# What the first two processes compile: see `rehearsal.py`.
HALVES = {"digits": ("images", "classes"), "sequences": ()}
ENOUGH = {"digits": 2000, "sequences": 256}  # a training on so many samples launches every kernel


def compile_apart(options: argparse.Namespace, compiling: Callable[[str | None], None]) -> None:
    """Put all kernels of this training into the cache, without compiling any in this process; calls `compiling` with their names.

    Two processes compile at the same time: one compiles the first part of the network (the convolutions, or the encoder of the text),
    the other one the rest. Then a short training compiles the kernels that are still missing.
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
    """Run these modules in parallel, each with its arguments; returns whether all succeeded."""
    environment = {**os.environ, IN_REHEARSAL: "1", "PYTHONUNBUFFERED": "1"}
    read, write = os.pipe()
    processes: list[subprocess.Popen] = []
    running = False
    with open(read, encoding="utf-8", errors="replace") as lines:
        try:
            with open(write, "wb") as out:  # closed in this process, so that reading ends when the processes end
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
                process.kill()  # has no effect if it has ended
                process.wait()


def rehearsal_of(options: argparse.Namespace) -> list[str]:
    """The arguments of a short training with the same kernels. They depend on the threads and on the batch size, so these are kept."""
    enough = ENOUGH[options.job]
    arguments = ["train", options.job, "--epochs", "1", "--no-save", "--no-plot"]
    arguments += ["--limit", str(min(enough, options.limit or enough)), "--batch-size", str(options.batch_size)]
    arguments += ["--data", str(options.data)] if options.data else []
    arguments += ["--model", options.model] if options.model else []
    return arguments + (["--threads", str(options.threads)] if options.threads else [])


def _state(arguments: list[str]) -> str:
    """Everything that the machine code depends on: the training, the sources, the compiler, the processor."""
    home = Path(reftorch.__file__).parent
    key = hashlib.sha256(repr((arguments, numba.__version__, llvmlite.binding.get_host_cpu_name())).encode())
    for source in sorted(home.rglob("*.py")):
        key.update(source.read_bytes())
    return key.hexdigest()[:16]
