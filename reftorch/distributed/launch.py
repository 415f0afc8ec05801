"""`reftorch launch -n 4 script.py`: starts a script on several ranks, and ensures that they end together.

`mpiexec` starts the ranks; this file does the rest. It finds the right mpiexec and gives each rank its part of the cores. When a rank
ends with an error, the last line says which one it was and why. A rank that ends without `init_process_group`, while others wait
for it there, ends the job; Ctrl-C does so too. If the launcher itself is killed, a second process, its guard, ends the job.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reftorch.distributed import engine

GRACE = 5.0  # seconds that ranks have to end after Ctrl-C
NAMES = {number.value: number.name for number in signal.Signals}


class LaunchError(Exception):
    """The ranks cannot be started; the message says what to do."""


def launch(ranks: int, command: Sequence[str], variables: dict[str, str] | None = None) -> int:
    """Run `script.py arguments` or `-m module arguments` on `ranks` ranks; returns the exit code.

    Raises:
        LaunchError: mpi4py or mpiexec is missing, or there is no such script.
    """
    if not engine.is_available():
        raise LaunchError(engine.EXTRA)
    mpiexec = engine.find_mpiexec()
    if mpiexec is None:
        raise LaunchError("there is no mpiexec, which starts the ranks: pip install mpich")
    if command[0] != "-m" and not Path(command[0]).is_file():
        raise LaunchError(f"there is no script {command[0]}")
    with interrupted(), tempfile.TemporaryDirectory(prefix="reftorch-ranks-") as folder:
        program = [str(mpiexec), "-n", str(ranks), sys.executable, str(Path(__file__).with_name("rank.py")), *command]
        environment = {**for_ranks(ranks), **(variables or {}), engine.RANKS: folder}
        job = Job(subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL, start_new_session=True), folder)
        try:
            job.start_guard()
            return job.run()
        finally:
            job.tidy_up()


def for_ranks(ranks: int) -> dict[str, str]:
    """The environment of a rank: its part of the cores, without the variables of another job."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, cores // ranks))
    return {"NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, **engine.clean_environment()}


class Job:
    """The ranks that mpiexec runs; their state is known from their notes and from the system."""

    def __init__(self, process: subprocess.Popen, folder: str):
        self.process, self.folder = process, Path(folder)
        self.poll: Any = select.poll() if hasattr(os, "pidfd_open") and hasattr(select, "poll") else None
        self.watched: dict[int, int] = {}  # descriptor of a process: its rank
        self.known: set[int] = set()
        self.ended: list[int] = []  # ranks, in the order in which they ended
        self.shared: set[str] = set()  # files of MPI's to be removed
        self.guard = self.alive = 0  # a process, and the end of the pipe to it that this one holds

    def run(self) -> int:
        """Wait for the end; returns the exit code."""
        try:
            while self.process.poll() is None:
                self.look(0.1)
                waiting = self.waits_for_ever()
                if waiting:
                    self.say(waiting)
                    self.stop(signal.SIGTERM)
                    return 1
        except KeyboardInterrupt:
            self.stop(signal.SIGINT)
            self.say("interrupted: all ranks have ended")
            return 130
        self.look(0)
        broken_off = [rank for rank in self.ended or sorted(self.known) if not (self.folder / f"{rank}.done").exists()]
        if self.process.returncode:
            self.say(self.cause())
        elif broken_off:
            self.say(f"rank {broken_off[0]} ended before its script did: was os._exit called?")
        return self.process.returncode or int(bool(broken_off))

    def look(self, seconds: float) -> None:
        """Watch the processes of new ranks, and note which ones have ended."""
        self.note_files([file for file in self.folder.glob("*.pid") if not file.with_suffix(".shm").exists()])
        if self.poll is None:
            time.sleep(seconds)
            return
        for file in self.folder.glob("*.pid"):
            rank, number = int(file.stem), file.read_text()
            if rank not in self.known and number:  # the file may be there before its contents
                self.known.add(rank)
                try:
                    descriptor = os.pidfd_open(int(number))
                except ProcessLookupError:
                    self.ended.append(rank)
                    continue
                self.watched[descriptor] = rank
                self.poll.register(descriptor, select.POLLIN)
        for descriptor, _ in self.poll.poll(seconds * 1000):
            self.ended.append(self.watched.pop(descriptor))
            self.poll.unregister(descriptor)
            os.close(descriptor)

    def waits_for_ever(self) -> str:
        """Who waits in init_process_group for a rank that has ended without it; "" if nobody does."""
        here = sorted(int(file.stem) for file in self.folder.glob("*.here"))
        gone = [rank for rank in self.ended if rank not in here]
        waiting = [rank for rank in here if rank not in self.ended]
        if not (waiting and gone):
            return ""
        return f"rank {gone[0]} has ended without init_process_group, in which rank {waiting[0]} waits for it"

    def cause(self) -> str:
        """Which rank ended the job, and how."""
        notes = sorted(self.folder.glob("*.end"), key=lambda file: file.stat().st_mtime_ns)
        if notes:
            return f"rank {notes[0].stem} ended the job: {notes[0].read_text(encoding='utf-8')}"
        code, who = self.process.returncode, f"rank {self.ended[0]}" if self.ended else "a rank"
        if code < 0:
            return f"mpiexec was killed by signal {-code} ({NAMES.get(-code, 'unknown')}), and the ranks with it"
        number = code - 128 if code > 128 else code  # Open MPI adds 128, as shells do
        if number in (4, 6, 7, 8, 9, 11, 15):
            return f"{who} was killed by signal {number} ({NAMES[number]})"
        return f"{who} ended before its script did, with exit code {code}"

    def stop(self, number: int) -> None:
        """End the job: first with a signal that lets the ranks print tracebacks, then by force."""
        # a rank that continued could make files in memory after they have been listed
        self.send(getattr(signal, "SIGSTOP", 0))
        self.note_files()
        self.process.send_signal(number)
        until = time.monotonic() + GRACE
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)  # in which mpiexec passes the signal on
            self.send(getattr(signal, "SIGCONT", 0))
            self.note_files()
        if self.process.poll() is None:
            self.process.kill()  # its ranks notice that, and end
            self.process.wait()

    def send(self, number: int) -> None:
        """Send a signal to the ranks that have not ended."""
        for descriptor in self.watched:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)

    def note_files(self, ranks: Iterable[Path] | None = None) -> None:
        """Note MPI's files in memory. A rank notes its own when MPI has started; one that ends before that leaves no note."""
        for file in self.folder.glob("*.pid") if ranks is None else ranks:
            self.shared |= set(engine.shared_memory(file.read_text()))

    def tidy_up(self) -> None:
        """Leave no process and no shared memory behind, whatever happened."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)
        for descriptor in self.watched:
            os.close(descriptor)
        self.remove_files()
        if self.guard:
            os.write(self.alive, b".")
            os.close(self.alive)
            os.waitpid(self.guard, 0)

    def remove_files(self) -> None:
        """Remove MPI's files in memory."""
        for file in self.folder.glob("*.shm"):
            self.shared |= set(file.read_text().split())
        for name in self.shared:
            with contextlib.suppress(OSError):
                os.unlink(name)

    def start_guard(self) -> None:
        """Start a process that ends the job if this one is killed: the system then closes the pipe to it, and nothing was written."""
        if not hasattr(os, "fork"):
            return
        end, self.alive = os.pipe()
        with warnings.catch_warnings():  # Python warns of locks that other threads hold: the guard takes none
            warnings.simplefilter("ignore", DeprecationWarning)
            self.guard = os.fork()
        if self.guard:
            os.close(end)
            return
        try:
            os.setsid()  # what is sent to the launcher's group or from its terminal does not come here
            os.close(self.alive)
            if not os.read(end, 1):
                self.end_alone()
        finally:
            os._exit(0)

    def end_alone(self) -> None:
        """End the job without the launcher, and leave nothing behind."""
        self.note_files()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)  # its ranks notice that, and end
        ranks = [int(file.read_text()) for file in self.folder.glob("*.pid")]
        until = time.monotonic() + GRACE
        while any(map(runs, ranks)) and time.monotonic() < until:
            time.sleep(0.1)
            self.note_files()
        for rank in filter(runs, ranks):
            os.kill(rank, signal.SIGKILL)
        self.remove_files()
        shutil.rmtree(self.folder, ignore_errors=True)

    def say(self, text: str) -> None:
        print(f"reftorch launch: {text}", file=sys.stderr, flush=True)


def runs(process: int) -> bool:
    """Whether there is a process with this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def interrupted() -> Iterator[None]:
    """Inside the block, the first Ctrl-C, SIGTERM or end of the terminal raises KeyboardInterrupt. Those after it change nothing: the
    job is being ended, and a launcher that breaks off here would leave stopped ranks behind."""
    came: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup and signal.getsignal(hangup) != signal.SIG_IGN:  # which nohup sets
        numbers.append(hangup)
    before = {each: signal.signal(each, interrupt) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def add_arguments(parser: argparse.ArgumentParser, number: Any = int) -> None:
    """The options of `reftorch launch`."""
    names = ("-n", "--ranks", "--nproc_per_node", "--nproc-per-node")
    parser.add_argument(*names, dest="ranks", type=number, default=2, metavar="N", help="how many (default: 2)")
    parser.add_argument("-m", dest="module", action="store_true", help="SCRIPT is the name of a module")
    parser.add_argument("script", metavar="SCRIPT")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="arguments of the script")


def main(options: argparse.Namespace | None = None) -> int:
    """`reftorch launch` and `python -m reftorch.distributed.launch`."""
    if options is None:
        parser = argparse.ArgumentParser(
            prog="python -m reftorch.distributed.launch", description=__doc__.split("\n")[0]
        )
        add_arguments(parser)
        options = parser.parse_args()
    command = [*(["-m"] if options.module else []), options.script, *options.arguments]
    try:
        return launch(options.ranks, command)
    except LaunchError as error:
        print(f"reftorch: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
