"""Nothing hangs: however a rank ends, all end within seconds, and the message names the rank and the cause."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ranks
from reftorch.distributed import engine, launch

LIMIT = 60  # seconds on a busy machine; on a quiet one each takes two to four
SCRIPT = """
import os, sys, time
how, rank = sys.argv[1], int(os.environ["RANK"])
if how == "never" and rank == 1:
    sys.exit(0)
if how == "late" and rank == 1:
    time.sleep(600)
import reftorch as torch
import reftorch.distributed as dist
dist.init_process_group(timeout=2 if how == "late" else 300)
group = dist.new_group(timeout=2) if how == "stuck" else None
x = torch.ones(2)
dist.all_reduce(x, group=group)
if rank == 1:
    if how == "raise":
        raise ValueError("no more")
    if how == "sys.exit":
        sys.exit(3)
    if how == "one step less":
        sys.exit(0)
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "os._exit":
        os._exit(0)
    if how == "stuck":
        time.sleep(600)
    if how == "no message":
        sys.exit(0)
if how == "Ctrl-C":
    print("here", flush=True)
    if rank == 0:
        dist.recv(x, 1)
    time.sleep(600)
if how == "no message":
    dist.recv(x, 1)
dist.all_reduce(x, group=group)
print(f"rank {rank} is done", x.tolist(), os.environ["NUMBA_NUM_THREADS"])
"""
ENDS = {
    "raise": (
        1,
        ["rank 1 of 2:", "ValueError: no more", "launch: rank 1 ended the job: it raised ValueError: no more"],
    ),
    "sys.exit": (
        1,
        [
            "rank 1 has ended after 1 collective operations, and rank 0 waits",
            "rank 1 ended the job: it called sys.exit(3)",
        ],
    ),
    "one step less": (1, ["rank 1 has ended after 1 collective operations, and rank 0 waits for it in number 2"]),
    "no message": (1, ["rank 1 has ended, and rank 0 waits for a message from or to it"]),
    "kill": (9, ["launch: rank 1 was killed by signal 9 (SIGKILL)"]),
    "os._exit": (1, ["launch: rank 1 ended before its script did"]),
    "stuck": (1, ["rank 0 has waited 2 s for the others in collective operation number 2"]),
    "never": (1, ["launch: rank 1 has ended without init_process_group, in which rank 0 waits for it"]),
    "late": (1, ["rank 0 has waited 2 s in init_process_group for the other ranks: rank 1 has not called it"]),
}


@ranks.needs_mpi
@pytest.mark.parametrize("how", ENDS)
def test_a_bad_end_ends_all(how, tmp_path):
    before = ranks.shared_memory()
    code, printed, seconds = ranks.launch(2, SCRIPT, tmp_path, how)
    wanted, words = ENDS[how]
    missing = [word for word in words if word not in printed]
    codes = (wanted, wanted + 128) if ranks.open_mpi() else (wanted,)  # it adds 128 to the number of a signal
    assert missing == [] and code in codes, printed
    assert "is done" not in printed and seconds < LIMIT
    assert ranks.left_behind(before) == set()


@ranks.needs_mpi
def test_an_end_within_mpi_init_leaves_no_memory(tmp_path):
    """MPI has made its file, and the rank could not note it any more."""
    name = f"/dev/shm/mpich_shm_{tmp_path.name}"
    text = f"import os, signal, time; held = open({name!r}, 'w'); time.sleep(1); os.kill(os.getpid(), signal.SIGKILL)"
    code, printed, _ = ranks.launch(1, text, tmp_path)
    assert code in (9, 128 + 9) and "rank 0 was killed by signal 9" in printed
    assert not os.path.exists(name)


@ranks.needs_mpi
def test_a_good_end(tmp_path):
    code, printed, _ = ranks.launch(3, SCRIPT, tmp_path, "well")
    assert code == 0 and sorted(printed.splitlines()) == [f"rank {r} is done [9.0, 9.0] 1" for r in range(3)]


@ranks.needs_mpi
@pytest.mark.parametrize("signals", ["SIGINT", "SIGINT " * 8, "SIGTERM SIGINT", "SIGHUP"])
def test_ctrl_c(signals, tmp_path):
    """Also pressed again and again, and where the terminal is closed."""
    before = ranks.shared_memory()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-m", "reftorch.distributed.launch", "-n", "2", str(script), "Ctrl-C"]
    job = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ranks.environment()
    )
    try:
        assert [job.stdout.readline(), job.stdout.readline()] == ["here\n"] * 2
        begun = time.monotonic()
        for name in signals.split():
            job.send_signal(getattr(signal, name))
            time.sleep(0.05)
        printed, _ = job.communicate(timeout=LIMIT)
    finally:
        job.kill()
    assert job.returncode == 130 and "launch: interrupted: all ranks have ended" in printed
    assert "launch.py" not in printed and ranks.left_behind(before) == set()
    assert time.monotonic() - begun < LIMIT
    if not ranks.open_mpi():  # which ends the ranks at once
        assert "KeyboardInterrupt" in printed


@ranks.needs_mpi
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc, which tells what runs")
def test_a_killed_launcher_leaves_nothing_behind(tmp_path):
    """Neither ranks nor mpiexec, MPI's files in memory or the folder of the notes."""
    before = ranks.shared_memory()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace('"here"', "os.getpid(), os.environ['REFTORCH_RANKS']"), encoding="utf-8")
    command = [sys.executable, "-m", "reftorch.distributed.launch", "-n", "2", str(script), "Ctrl-C"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ranks.environment()) as job:
        lines = [job.stdout.readline().split() for _ in range(2)]
        job.kill()
    processes, folders = [line[0] for line in lines], {line[1] for line in lines}
    until = time.monotonic() + LIMIT
    while (any(map(running, processes)) or any(map(os.path.exists, folders))) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(running, processes)) and len(folders) == 1 and not os.path.exists(*folders)
    assert ranks.left_behind(before) == set()


def running(process):
    """Whether there is a process with this number that has not ended; of one that has, nobody may have asked for its exit code yet."""
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    return False


@ranks.needs_mpi
def test_a_world_of_one_needs_no_launcher(tmp_path):
    code = (
        "import reftorch as t; t.distributed.init_process_group(); x = t.ones(1); t.distributed.all_reduce(x); print(x)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, env=ranks.environment()
    )
    assert done.stdout == "tensor([1.])\n", done.stderr


@ranks.needs_mpi
def test_a_world_of_another_size_is_refused():
    code = "import reftorch as t; t.distributed.init_process_group(world_size=4)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, env=ranks.environment()
    )
    assert "ValueError: world_size=4, but MPI says 1" in done.stderr and "reftorch launch -n 4" in done.stderr


# ------------------------------------------------------------------------------------------------ before anything starts
def test_what_cannot_be_started(monkeypatch, tmp_path):
    with monkeypatch.context() as changed:
        changed.setattr(engine, "is_available", lambda: False)
        with pytest.raises(launch.LaunchError, match=r"reftorch\[distributed\]"):
            launch.launch(2, ["script.py"])
    monkeypatch.setattr(engine, "is_available", lambda: True)
    with monkeypatch.context() as changed:
        changed.setattr(engine, "find_mpiexec", lambda: None)
        with pytest.raises(launch.LaunchError, match="no mpiexec.*pip install mpich"):
            launch.launch(2, ["script.py"])
    monkeypatch.setattr(engine, "find_mpiexec", lambda: tmp_path / "mpiexec")
    with pytest.raises(launch.LaunchError, match="no script .*script.py"):
        launch.launch(2, [str(tmp_path / "script.py")])


def test_each_rank_gets_its_part_of_the_cores(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: set(range(8)), raising=False)
    monkeypatch.setenv("PMI_RANK", "0")
    assert launch.for_ranks(3)["NUMBA_NUM_THREADS"] == "2" and launch.for_ranks(16)["NUMBA_NUM_THREADS"] == "1"
    assert "PMI_RANK" not in launch.for_ranks(2)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "5")
    assert launch.for_ranks(2)["NUMBA_NUM_THREADS"] == "5"
