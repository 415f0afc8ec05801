"""`reftorch train --ranks 2`: one bar, one file, and a network that has learned."""

import os
import signal
import subprocess
import sys

import ranks
from reftorch.serialize import read_weights


def train(folder, *arguments):
    command = [sys.executable, "-m", "reftorch", "train", *map(str, arguments)]
    clean = {name: value for name, value in ranks.environment().items() if name != "NUMBA_ENABLE_CUDASIM"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=clean, cwd=folder)


@ranks.needs_mpi
def test_two_ranks_train_one_network(tmp_path):
    done = train(tmp_path, "--ranks", 2, "--limit", 256, "--epochs", 3, "--batch-size", 16, "--no-plot")
    assert done.returncode == 0, done.stderr
    assert "on 2 ranks of 1 CPU thread" in done.stdout
    assert [line[:9] for line in done.stdout.splitlines() if line.startswith("epoch")] == [
        f"epoch {e}/3" for e in (1, 2, 3)
    ]
    _, metadata = read_weights(tmp_path / "runs" / "digits.safetensors")
    assert (metadata["steps"], metadata["ranks"], metadata["interrupted"]) == ("48", "2", "False")
    assert float(metadata["held_out_accuracy"]) > 0.5
    assert os.listdir(tmp_path / "runs") == ["digits.safetensors"]


def test_what_cannot_be_divided(tmp_path):
    done = train(tmp_path, "--ranks", 3)
    assert done.returncode == 2 and "--ranks: expected a number that divides the 32 images" in done.stderr
    done = train(tmp_path, "sequences", "--ranks", 2)
    assert done.returncode == 2 and "only images can be trained on several processes; sequences use one" in done.stderr


@ranks.needs_mpi
def test_ctrl_c_keeps_what_was_trained(tmp_path):
    command = [sys.executable, "-m", "reftorch", "train", "--ranks", "2", "--epochs", "500", "--no-plot"]
    clean = {name: value for name, value in ranks.environment().items() if name != "NUMBA_ENABLE_CUDASIM"}
    job = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean, cwd=tmp_path
    )
    try:
        assert any(line.startswith("epoch") for line in job.stdout)
        job.send_signal(signal.SIGINT)
        printed, _ = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode == 130 and "Interrupted in epoch" in printed
    _, metadata = read_weights(tmp_path / "runs" / "digits.safetensors")
    assert metadata["interrupted"] == "True" and int(metadata["steps"]) > 0
