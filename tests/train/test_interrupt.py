"""Ctrl-C loses nothing that was learned, and never saves half a step."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import reftorch
from reftorch.serialize import read_weights
from reftorch.train import loop
from signalling import signals_at

ROOT = Path(reftorch.__file__).parents[1]
FEW = ("--limit", 64, "--epochs", 2)


@pytest.mark.parametrize("number, exit_code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_whole_steps(train, tmp_path, monkeypatch, number, exit_code):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    signals_at(monkeypatch, 3, number)  # FEW has two steps an epoch
    code, output, errors = train(*FEW, "--save", "w.safetensors", "--plot", "c.png")
    assert (code, errors) == (exit_code, "")
    assert "Interrupted in epoch 2 of 2, after 3 steps." in output
    assert "weights: w.safetensors" in output and "curves:  c.png" in output
    _, metadata = read_weights("w.safetensors")
    assert metadata["steps"] == "3" and metadata["epochs"] == "1" and metadata["interrupted"] == "True"
    assert "held_out_accuracy" not in metadata
    assert sorted(os.listdir(tmp_path)) == ["c.png", "w.safetensors"]
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_an_interrupted_run_keeps_the_weights_of_a_complete_one(train, monkeypatch):
    assert train("--limit", 32, "--epochs", 1, "--no-plot", "--save", "w.safetensors")[0] == 0
    signals_at(monkeypatch, 3, signal.SIGINT)
    code, output, _ = train("--limit", 32, "--epochs", 9, "--no-plot", "--save", "w.safetensors")
    assert code == 130 and "kept: w-1-epoch.safetensors" in output
    assert read_weights("w.safetensors")[1]["interrupted"] == "True"
    assert read_weights("w-1-epoch.safetensors")[1]["interrupted"] == "False"


def test_ctrl_c_in_the_first_epoch_draws_nothing(train, tmp_path, monkeypatch):
    signals_at(monkeypatch, 2, signal.SIGINT)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--plot", "c.png")
    assert code == 130 and "epoch 1 of 2, after 2 steps" in output
    assert os.listdir(tmp_path) == ["w.safetensors"]


def test_ctrl_c_before_the_first_step_leaves_the_old_file(train, tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_text("old")
    signals_at(monkeypatch, 1, signal.SIGINT)
    code, _, errors = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "nothing was written" in errors
    assert (tmp_path / "w.safetensors").read_text() == "old"


def test_second_ctrl_c_stops_at_once_and_still_saves(train, monkeypatch):
    signals_at(monkeypatch, 2, signal.SIGINT, signal.SIGINT)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "after 1 steps" in output
    assert read_weights("w.safetensors")[1]["steps"] == "1"


def test_ctrl_c_while_the_network_is_judged(train, monkeypatch):
    plain_evaluate = loop.evaluate

    def interrupted(run, stop):
        os.kill(os.getpid(), signal.SIGINT)
        return plain_evaluate(run, stop)

    monkeypatch.setattr(loop, "evaluate", interrupted)
    code, output, _ = train(*FEW, "--save", "w.safetensors", "--no-plot")
    assert code == 130 and "Interrupted in epoch 1 of 2, after 2 steps." in output


def test_ctrl_c_from_outside(tmp_path):
    """A real process, a real signal."""
    call = [sys.executable, "-u", "-m", "reftorch", "train", "--epochs", "1000", "--no-plot"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        call, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not process.stdout.readline().startswith("epoch    1/1000  loss"):
                assert process.poll() is None, process.stderr.read()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130 and errors == ""
    assert "Interrupted in epoch" in output
    assert read_weights(tmp_path / "runs" / "digits.safetensors")[1]["interrupted"] == "True"
