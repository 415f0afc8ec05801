"""Two hosts, each a network namespace: they train as one machine does, and when the cable is cut all ranks end with a message."""

import contextlib
import functools
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ddp_cases
import ranks
import reftorch
import two_hosts

LIMIT = 60  # seconds on a busy machine; on a quiet one it takes six
TRAIN = (
    f"TESTS = {str(ranks.TESTS)!r}"
    + """
import os, pickle, sys
from pathlib import Path
sys.path.insert(0, TESTS)
import ddp_cases
import reftorch, reftorch.distributed as dist
dist.init_process_group(timeout=60)
place = dist.get_rank(), dist.get_world_size()
numbers, bits = ddp_cases.trained(reftorch, reftorch.nn.parallel.DistributedDataParallel, *place)
found = numbers, bits, os.readlink("/proc/self/ns/net")
Path(__file__).with_name(f"rank {place[0]}").write_bytes(pickle.dumps(found))
"""
)
STEPS = """
import sys, time
from pathlib import Path
import reftorch as torch
import reftorch.distributed as dist
dist.init_process_group(timeout=10)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(50, 40))
here, rank = Path(__file__), dist.get_rank()
sys.stderr = here.with_name(f"said {rank}").open("w")
for step in range(1_000_000):
    model.zero_grad()
    model(torch.ones(3, 50)).sum().backward()
    if step == 20:
        here.with_name("cut").touch()
"""


@functools.cache
def refused():
    """Why there can be no such hosts here; "" if there can."""
    missing = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    if missing or not sys.platform.startswith("linux"):
        return f"no {', '.join(missing) or 'Linux'}"
    done = subprocess.run(
        [*two_hosts.APART, sys.executable, two_hosts.__file__, "try"], capture_output=True, text=True, timeout=60
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.fixture
def on_two_hosts(tmp_path):
    """`on_two_hosts(ranks, text)`: exit code of a script, seconds from the cut to the end, bytes through the cable, what was printed."""
    if refused():
        pytest.skip(f"this system allows no network namespaces: {refused()}")
    before = ranks.shared_memory()

    def run(count, text):
        script = tmp_path / "script.py"
        script.write_text(text, encoding="utf-8")
        command = [*two_hosts.APART, sys.executable, two_hosts.__file__, str(count), str(script), str(tmp_path / "cut")]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180, env=ranks.environment()
        )
        (last,) = [line.split() for line in done.stdout.splitlines() if line.startswith("ended ")]
        return int(last[1]), float(last[2]), int(last[3]), done.stdout

    yield run
    assert ranks.left_behind(before) == set()
    assert processes_of(tmp_path) == []


def processes_of(folder):
    """The processes that know the folder: the ranks, their launchers, and what started these."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [command] if str(folder) in command else []
    return found


@ranks.needs_mpi
def test_two_hosts_train_as_one_rank_does(on_two_hosts, tmp_path):
    code, _, sent, printed = on_two_hosts(4, TRAIN)
    assert code == 0, printed
    answers = [pickle.loads((tmp_path / f"rank {rank}").read_bytes()) for rank in range(4)]
    alone, _ = ddp_cases.trained(reftorch, lambda net: net, 0, 1)
    assert len({bits for _, bits, _ in answers}) == 1
    assert max(np.abs(a - b).max() for a, b in zip(answers[0][0], alone)) < 2e-6
    networks = [network for _, _, network in answers]
    assert networks[0] == networks[1] != networks[2] == networks[3]
    assert sent > ddp_cases.STEPS * sum(array.nbytes for array in alone)
    held = {os.readlink(link) for link in Path("/proc").glob("[0-9]*/ns/net") if os.access(link, os.R_OK)}
    assert not held & set(networks)


@ranks.needs_mpi
def test_a_cut_cable_ends_all_ranks_with_a_message(on_two_hosts, tmp_path):
    code, seconds, sent, printed = on_two_hosts(2, STEPS)
    assert code == 1 and sent > 20 * 4 * 40 * 51, printed
    for rank in range(2):
        said = (tmp_path / f"said {rank}").read_text()
        assert f"rank {rank} has waited 10 s for the others in collective operation number" in said
    assert re.search(r"launch: rank (0|1) ended the job: it raised RuntimeError: rank \1 has waited 10 s", printed), (
        printed
    )
    assert 10 <= seconds < LIMIT
