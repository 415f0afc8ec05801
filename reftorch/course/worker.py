"""The process that runs a submission: it reads cases from its input, and writes their results to its output, one by one.

`reftorch.course.limits.Worker` starts it, and does not trust it. So it returns numbers and no points, and it does not have the expected
numbers. The output of the submission itself is kept apart.

    python -I -c "import sys; sys.path[:] = [...]; from reftorch.course.worker import main; main()"

Without a submission, the same process computes the results of the reference and of the known mistakes.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from reftorch.course.cases import describe, run_case, to_bytes
from reftorch.course.cut import mutated
from reftorch.course.fence import fence
from reftorch.course.mutants import Mutant
from reftorch.course.transplant import Transplant
from reftorch.course.watch import Watch


def main() -> None:
    """Serve one parent until it closes the input."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    setup = json.loads(orders.readline())
    module = importlib.import_module(setup["module"])
    _limit(setup["limits"])
    if setup["file"]:
        fence(Path.cwd())
    watch = Watch(setup["file"], setup["banned"]) if setup["file"] else None
    answer(answers, _prepare(module, setup))
    reference = Reference(module)
    for line in orders:
        answer(answers, _serve(reference, setup, json.loads(line), watch))


def answer(stream: BinaryIO, told: dict) -> None:
    """Write one answer, preceded by its length."""
    data = to_bytes(told)
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def _prepare(module: Any, setup: dict) -> dict:
    """Put the submission's functions into the component."""
    if not setup["file"]:
        return {"notes": [], "error": None}
    try:
        source = Path(setup["file"]).read_text(encoding="utf-8")
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            transplant = Transplant(module, setup["cut"], source, setup["file"])
    except BaseException as error:
        return {"notes": [], "error": describe(error)}
    return {"notes": transplant.notes, "error": None}


class Reference:
    """The component, unchanged or with one known mistake, which stays until another one is set."""

    def __init__(self, module: Any):
        self.module = module
        self.mutant: dict | None = None
        self.planted: Transplant | None = None

    def have(self, mutant: dict | None) -> None:
        """Set this mistake, or none if it is None. Raises LookupError if it does not fit the source."""
        if mutant == self.mutant:
            return
        if self.planted is not None:
            self.planted.undo()
        self.mutant, self.planted = None, None
        if mutant is not None:
            file = self.module.__file__
            source = mutated(Path(file).read_text(encoding="utf-8"), Mutant(**mutant))
            self.planted = Transplant(self.module, [mutant["kernel"]], source, file)
        self.mutant = mutant


def _serve(reference: Reference, setup: dict, job: dict, watch: Watch | None) -> dict:
    """Run a case, with a known mistake in the reference if the job names one."""
    asked = tuple(setup["cut"])
    case = (job["code"], tuple(job["results"]), job["seed"], job["mode"], asked, reference.module)
    if watch is not None:
        watch.loaded = True
        with watch.calls() if job["mode"] == "interpreted" else contextlib.nullcontext():
            told = run_case(*case)
        return {**told, "forbidden": watch.found}
    try:
        reference.have(job.get("mutant"))
    except LookupError as error:  # such a mistake explains nothing; `reftorch course check` reports it
        return {"error": describe(error)}
    return run_case(*case)


def _limit(limits: dict) -> None:
    """Limits that the system enforces, if it can: CPU seconds, memory, sizes of files; no core dumps."""
    if not limits:
        return
    sys.setrecursionlimit(1000)
    try:
        import resource
    except ImportError:  # Windows has none of these limits; the parent still limits the time
        return
    wanted = {
        "RLIMIT_CPU": limits["cpu_seconds"],
        "RLIMIT_AS": limits["memory_mb"] * 2**20,
        "RLIMIT_FSIZE": limits["file_mb"] * 2**20,
        "RLIMIT_CORE": 0,
    }
    if Path("/proc/self/task").exists():
        wanted["RLIMIT_NPROC"] = _tasks() + limits["processes"]
    for name, value in wanted.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(ValueError, OSError):
                hard = resource.getrlimit(kind)[1]
                last = value + (name == "RLIMIT_CPU")  # a second after the signal that names the reason
                last = last if hard == resource.RLIM_INFINITY else min(last, hard)
                resource.setrlimit(kind, (min(value, last), last))


def _tasks() -> int:
    """The number of processes and threads of this account: the system's limit counts all of them."""
    count, own = 0, os.getuid()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == own:
                count += len(os.listdir(entry / "task"))
    return count
