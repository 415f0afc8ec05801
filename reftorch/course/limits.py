"""The parent of the process that runs a submission: starts it, sends it cases, and ends it when the time is over.

A submission may loop for ever, crash, use up memory, print without end, or leave processes behind. In each case, `Worker.run` returns
an answer, or raises `Died` with the reason why there is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reftorch.course.account import somebody_else
from reftorch.course.assignment import PACKAGE, Assignment
from reftorch.course.cases import from_bytes
from reftorch.course.integrity import banned_names

START = "import sys; sys.path[:] = {path!r}; from reftorch.course.worker import main; main()"
START_SECONDS = 60  # to import reftorch and the submission
MARK = "REFTORCH_GRADING"
LARGEST_ANSWER = 256 * 2**20


class Died(Exception):
    """The process ended, or was ended, before it answered. The text says why, without any numbers of the case."""

    def __init__(self, why: str, late: bool = False):
        super().__init__(why)
        self.late = late  # it exceeded the time limit


class Worker:
    """One process for one submission (`file`), or for the reference (`file` is None), which only has time limits."""

    def __init__(self, assignment: Assignment, file: Path | None):
        self.assignment, self.limits = assignment, assignment.limits
        self.mark = uuid.uuid4().hex
        self.folder = Path(tempfile.mkdtemp(prefix="reftorch-grade-"))
        self.flood = 0  # bytes that were written to the process's output
        self.answers: queue.Queue[bytes | None] = queue.Queue()
        own = file is not None
        path = [str(PACKAGE.parent), *(p for p in sys.path if p and Path(p).resolve() != Path.cwd())]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-X", "faulthandler=0", "-c", START.format(path=path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self._environment(self.folder / "cache" if own else None),
            start_new_session=os.name == "posix",
            **(somebody_else(self.folder, file) if file is not None else {}),
        )
        for target in (self._listen, self._drain):
            threading.Thread(target=target, daemon=True).start()
        setup = {
            "module": assignment.module,
            "cut": assignment.cut,
            "banned": sorted(banned_names(assignment)),
            "file": str(file) if file else "",
            "limits": asdict(self.limits) if own else {},
        }
        try:
            self.ready = self._ask(setup, START_SECONDS)
        except BaseException:
            self.close()
            raise

    def run(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The results of the case. Raises Died."""
        return self._ask(job, seconds)

    def close(self) -> None:
        """End the process and everything that it started."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        self._end_strays()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.close()  # type: ignore[union-attr]
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------------------------------------- talking
    def _ask(self, what: dict[str, Any], seconds: float) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(what).encode() + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        try:
            data = self.answers.get(timeout=seconds)
        except queue.Empty:
            raise Died(f"it took longer than {seconds:g} seconds", late=True) from None
        if data is None:
            self.answers.put(None)  # for the next call
            raise Died(self._cause())
        try:
            return from_bytes(data)
        except ValueError:
            raise Died("the process that ran it gave an answer that cannot be read") from None

    def _cause(self) -> str:
        """Why the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        code = self.process.returncode
        if code is not None and code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            if name == "SIGXCPU":
                return f"it used more than {self.limits.cpu_seconds} seconds of CPU time"
            said = {"SIGSEGV": " (it accessed memory that is not its own)", "SIGKILL": " (perhaps for lack of memory)"}
            return f"the process was ended by {name}{said.get(name, '')}"
        return f"the process ended itself with exit code {code}"

    def _listen(self) -> None:
        """Read answers from the pipe, until it closes or an answer is not valid."""
        stream = self.process.stdout
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while True:
                size = int.from_bytes(stream.read(8), "big")
                if not 0 < size <= LARGEST_ANSWER:
                    break
                data = stream.read(size)
                if len(data) < size:
                    break
                self.answers.put(data)
        self.answers.put(None)

    def _drain(self) -> None:
        """Read and discard the process's output, and count its bytes."""
        stream = self.process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while chunk := stream.read1(2**16):  # type: ignore[attr-defined]
                self.flood += len(chunk)
                if os.environ.get("REFTORCH_COURSE_DEBUG"):
                    sys.stderr.buffer.write(chunk)

    # ------------------------------------------------------------------------------------------------ processes
    def _environment(self, cache: Path | None) -> dict[str, str]:
        """A small set of environment variables: one thread, and a folder for temporary files and compiled kernels."""
        kept = (
            "PATH",
            "SYSTEMROOT",
            "LD_LIBRARY_PATH",
            "DYLD_LIBRARY_PATH",
            "REFTORCH_CACHE_DIR",
            "XDG_CACHE_HOME",
            "HOME",
        )
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        made = {name: os.environ[name] for name in kept if name in os.environ}
        made |= dict.fromkeys(threads, "1")
        made |= {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONHASHSEED": "0", "TMPDIR": str(self.folder), MARK: self.mark}
        if cache is not None:
            made |= {"REFTORCH_CACHE_DIR": str(cache), "HOME": str(self.folder)}
        return made

    def _end_strays(self) -> None:
        """Processes that left the group, found by their environment variables; only on Linux."""
        if not Path("/proc/self/environ").exists():
            return
        wanted = f"{MARK}={self.mark}".encode()
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError, ValueError):
                if wanted in entry.read_bytes().split(b"\0"):
                    os.kill(int(entry.parent.name), signal.SIGKILL)
