"""Runs a function on several ranks, each a process of its own: the tests of reftorch.distributed and of what is built on it."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reftorch.distributed import engine

TESTS = Path(__file__).parent
NEEDED = "mpi4py or mpiexec is missing: pip install 'reftorch[distributed]'"
needs_mpi = pytest.mark.skipif(not engine.is_available() or engine.find_mpiexec() is None, reason=NEEDED)

BODY = """
import pickle, sys
sys.path.insert(0, {tests!r})
import reftorch.distributed as dist
from {module} import {name}
dist.init_process_group("mpi", timeout=60)
answer = {name}(*{args!r})
with open({folder!r} + f"/{{dist.get_rank()}}", "wb") as file:
    pickle.dump(answer, file)
"""


def run_on(ranks, function, folder, *args, timeout=300):
    """What `function(*args)` returned on each rank. The function stands in a module in the folder of the tests."""
    text = BODY.format(
        tests=str(TESTS), module=function.__module__, name=function.__name__, args=args, folder=str(folder)
    )
    code, printed, _ = launch(ranks, text, folder, timeout=timeout)
    assert code == 0, printed[-4000:]
    return [pickle.loads((folder / str(rank)).read_bytes()) for rank in range(ranks)]


def launch(ranks, text, folder, *arguments, timeout=120):
    """Run a script; returns the exit code, what was printed, and how many seconds it took."""
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "reftorch.distributed.launch", "-n", str(ranks), str(script), *arguments]
    begun = time.monotonic()
    job = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, env=environment()
    )
    return job.returncode, job.stdout, time.monotonic() - begun


def environment():
    """Of a job: the sources are found, and a rank computes on one thread."""
    path = [str(TESTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "NUMBA_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def open_mpi():
    """Whether the MPI that pip installed is Open MPI; as a rule it is MPICH."""
    return engine.installed("/libmpi.so.12") is None and engine.installed("/libmpi.so.40") is not None


def shared_memory():
    """MPI's files in memory."""
    names = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
    return {name for name in names if f"/dev/shm/{name}".startswith(engine.IN_MEMORY)}


def left_behind(before, patience=10):
    """MPI's files in memory that were not there before and that no process uses; a launcher has a moment to remove them."""
    until = time.monotonic() + patience
    left = shared_memory() - before - used_memory()
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left &= shared_memory() - used_memory()
    return left


def used_memory():
    processes = [name for name in os.listdir("/proc") if name.isdecimal()] if os.path.isdir("/proc") else []
    return {os.path.basename(file) for process in processes for file in engine.shared_memory(process)}
