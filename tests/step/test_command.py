"""`reftorch step` without a debugger: names, recordings, pages, kernels of the user's own, mistakes."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import reftorch
from reftorch.cli import main
from reftorch.step.components import NotFound, components, find
from reftorch.trace import Recording

ROOT = Path(reftorch.__file__).parents[1]


def step(*arguments):
    return main(["step", *map(str, arguments)])


def saved(file):
    return Recording.from_json(file.read_text())


# --------------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    "target, kernel",
    [
        ("conv2d", "conv2d_forward"),
        ("Conv2d.backward_weight", "conv2d_backward_weight"),
        ("conv2d.conv2d_backward_x_cuda", "conv2d_backward_x"),
        ("ReLU.backward", "relu_backward_x"),
        ("CrossEntropyLoss", "cross_entropy_forward"),
        ("cross_entropy_loss.backward_x", "cross_entropy_backward_x"),
        ("SGD", "sgd_step"),
        ("sgd.step_many", "sgd_step_many"),
    ],
)
def test_names(target, kernel):
    assert find(target)[1] == kernel


@pytest.mark.parametrize(
    "target, message",
    [
        ("conv9d", "no component 'conv9d': did you mean .*conv2d.*--list"),
        ("conv2d.sideways", "no kernel 'sideways': there are forward, backward_x, backward_weight, backward_bias"),
        ("conv2d.backward", "no kernel 'backward': there are forward"),
    ],
)
def test_names_that_do_not_fit(target, message, capsys):
    with pytest.raises(NotFound, match=message):
        find(target)
    assert step(target) == 2 and re.search(message, capsys.readouterr().err)


def test_the_list_names_every_component_and_kernel(capsys):
    assert step("--list") == 0
    listed = capsys.readouterr().out
    assert re.search(r"^conv2d +forward  backward_x  backward_weight  backward_bias$", listed, re.MULTILINE)
    for line in listed.splitlines():
        name, *kernels = line.split()
        assert [find(f"{name}.{kernel}")[1] for kernel in kernels] == list(components()[name].kernels)


# ---------------------------------------------------------------------------------------------------------- recordings
def test_a_recording_of_the_worked_example(tmp_path, capsys):
    assert step("conv2d", "--record", tmp_path / "run.json") == 0
    recording = saved(tmp_path / "run.json")
    assert recording.kernel == "conv2d_forward_cpu" and recording.final("y") == [6, 6, 6, 15]
    assert re.fullmatch(rf".*run\.json: {len(recording.steps)} steps, \d+ kB\n", capsys.readouterr().out)


def test_a_recording_of_one_cuda_thread(tmp_path):
    assert step("conv2d.backward_weight", "--cuda", "--thread", 3, "--record", tmp_path / "run.json") == 0
    recording = saved(tmp_path / "run.json")
    assert recording.device == "cuda" and [thread for _, thread in recording.threads] == [3]
    assert recording.final("grad_weight") == [37, 47, 67, 41]
    assert step("conv2d.backward_weight", "--cuda", "--record", tmp_path / "all.json") == 0
    assert [thread for _, thread in saved(tmp_path / "all.json").threads] == [0, 1, 2, 3]


def test_the_page_opens_in_the_browser(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert step("relu", "--view") == 0
    (file,) = tmp_path.rglob("relu_forward_cpu.html")
    assert opened == [file.as_uri()] and "stepViewer" in file.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"{file}\n"
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert step("relu", "--view") == 0 and "No browser could be started: open" in capsys.readouterr().out


def test_a_page_in_a_file(tmp_path):
    assert step("relu", "--record", tmp_path / "run.html") == 0
    assert (tmp_path / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_limit(tmp_path, capsys):
    assert step("conv2d", "--limit", 10, "--record", tmp_path / "run.json") == 1
    assert "takes more than 10 steps" in capsys.readouterr().err and not (tmp_path / "run.json").exists()


# --------------------------------------------------------------------------------------------- kernels of the user's own
OWN = """
import numpy as np
from numba import cuda, njit

LIMIT = 2

@njit
def scaled(v, scale):
    return min(v * scale, LIMIT)

@njit(parallel=True)
def scale_all(x, y, scale, offset=0):
    for i in range(x.size):
        y[i] = scaled(x[i], scale) + offset

@cuda.jit
def scale_on_gpu(x, y, scale):
    i = cuda.grid(1)
    y[i] = x[i] * scale

def beyond(x, y):
    for i in range(x.size + 1):
        y[i] = x[i]

if __name__ == "__main__":
    raise SystemExit("this is not for importing")
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "my_kernel.py").write_text(OWN)
    np.savez(tmp_path / "example.npz", x=np.array([0.5, 3]), y=np.zeros(2), scale=3)
    return tmp_path


def test_a_kernel_of_ones_own(own):
    target = f"{own / 'my_kernel.py'}:scale_all"
    assert step(target, "--args", own / "example.npz", "--record", own / "run.json") == 0
    recording = saved(own / "run.json")
    assert recording.final("y") == [1.5, 2] and [source.name for source in recording.functions] == [
        "scale_all",
        "scaled",
    ]


def test_a_cuda_kernel_of_ones_own(own):
    target = f"{own / 'my_kernel.py'}:scale_on_gpu"
    assert step(target, "--args", own / "example.npz", "--record", own / "run.json") == 0
    assert saved(own / "run.json").final("y") == [1.5, 9] and saved(own / "run.json").block == [2, 1, 1]
    assert step(target, "--args", own / "example.npz", "--launch", "2,1", "--record", own / "run.json") == 0
    assert saved(own / "run.json").grid == [2, 1, 1]


def test_an_index_beyond_the_array(own, capsys):
    target = f"{own / 'my_kernel.py'}:beyond"
    assert step(target, "--args", own / "example.npz", "--record", own / "run.json") == 1
    assert "x[i]: i = 2 is outside 0..1, dimension 0 of shape (2,)" in capsys.readouterr().err


def test_mistakes_with_files(own, capsys):
    file, example = own / "my_kernel.py", own / "example.npz"
    np.savez(own / "less.npz", x=np.zeros(2))
    (own / "text.npz").write_text("no archive")
    wrong = {
        (f"{file}:scale_all",): "expected --args FILE.npz",
        (
            f"{file}:scael_all",
            "--args",
            example,
        ): "no function 'scael_all': there are scaled, scale_all, scale_on_gpu, beyond",
        (f"{own}/nothing.py:f", "--args", example): "no file '.*nothing.py'",
        (f"{file}:scale_all", "--args", own / "less.npz"): "has no array 'y', which scale_all takes",
        (f"{file}:scale_all", "--args", own / "text.npz"): "cannot read .*text.npz",
        (
            f"{file}:scale_on_gpu",
            "--args",
            example,
            "--thread",
            2,
            "--record",
            own / "r.json",
        ): "no thread 2: .* has 2 threads",
        ("relu", "--args", example): "are for a kernel of your own",
        (): "expected a component, such as conv2d",
    }
    for arguments, message in wrong.items():
        assert step(*arguments) == 2, arguments
        assert re.search(message, capsys.readouterr().err), arguments
    for text in ("2", "2,0", "a,b"):
        with pytest.raises(SystemExit):
            step(f"{file}:scale_on_gpu", "--launch", text)


# -------------------------------------------------------------------------------------------------- without any CUDA
def test_cuda_threads_need_neither_gpu_nor_simulator(tmp_path):
    """The runner is reftorch's own: a student's machine has nothing else."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "reftorch", "step", "relu", "--cuda", "--record", "run.json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run.json").read_text())["kernel"] == "relu_forward_cuda"


def test_a_folder_that_is_missing_is_made(tmp_path, capsys):
    assert step("relu", "--record", tmp_path / "new" / "relu.json") == 0
    assert saved(tmp_path / "new" / "relu.json").kernel == "relu_forward_cpu"
    (tmp_path / "file").touch()
    assert step("relu", "--record", tmp_path / "file" / "relu.json") == 2
    assert "expected to write a file there" in capsys.readouterr().err


def test_a_file_without_the_function(tmp_path, capsys):
    (tmp_path / "own.py").write_text("def double(x, y):\n    y[0] = 2 * x[0]\n")
    assert step(tmp_path / "own.py", "--args", "x.npz") == 2
    assert "own.py is a file, expected FILE.py:FUNCTION: there are double" in capsys.readouterr().err
    assert step(tmp_path / "none.py", "--args", "x.npz") == 2
    assert "none.py" in capsys.readouterr().err


def test_an_index_out_of_bounds_is_told_with_its_line(tmp_path, capsys):
    (tmp_path / "own.py").write_text("def shift(x, y):\n    y[0] = x[3]\n")
    np.savez(tmp_path / "x.npz", x=np.zeros(3), y=np.zeros(3))
    arguments = (f"{tmp_path / 'own.py'}:shift", "--args", tmp_path / "x.npz", "--record", tmp_path / "r.json")
    assert step(*arguments) == 1
    assert re.search(r"own\.py, line 2: .*3 is outside 0\.\.2", capsys.readouterr().err)
