"""The launch file of Visual Studio Code, and what debugpy does with it, over its own protocol."""

import json
from pathlib import Path

import pytest

import reftorch
from reftorch.cli import main
from reftorch.nn.convolution import conv2d

pytest.importorskip("debugpy", reason="needs debugpy")
import dap

ROOT = Path(reftorch.__file__).parents[1]
LINES = Path(conv2d.__file__).read_text().splitlines()


def line_of(kernel, text):
    """The number of the first line of a kernel that contains `text`."""
    start = next(i for i, line in enumerate(LINES) if line.startswith(f"def {kernel}("))
    return next(i for i in range(start, len(LINES)) if text in LINES[i]) + 1


def entries(folder):
    return json.loads((folder / ".vscode" / "launch.json").read_text())["configurations"]


def vscode(folder, breakpoints):
    """Visual Studio Code, after F5 on the last entry of the folder's launch file."""
    return dap.Debugger(entries(folder)[-1], folder, {"PYTHONPATH": str(ROOT)}, {conv2d.__file__: breakpoints})


def place(frame):
    return frame["name"], frame["line"]


def test_into_the_forward_loop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "conv2d", "--vscode"]) == 0
    kernel = "conv2d_forward_cpu"
    inside = line_of(kernel, "acc += weight")
    with vscode(tmp_path, [inside]) as session:
        stop = session.wait_for("stopped")
        assert place(session.frames(stop)[0]) == (kernel, line_of(kernel, "= x.shape"))
        assert session.frames(stop)[0]["source"]["path"] == conv2d.__file__
        stop = session.go("continue", stop)
        assert place(session.frames(stop)[0]) == (kernel, inside)
        found = session.variables(session.frames(stop)[0])
        assert (found["h_in"], found["w_in"]) == ("0", "0") and "10.0" in found["acc"]
        stop = session.go("stepIn", stop)  # not into the arrays: the rules of the entry
        assert place(session.frames(stop)[0]) == (kernel, line_of(kernel, "for k_w in range(K_w)"))
        assert "11.0" in session.variables(session.frames(stop)[0])["acc"]


def test_into_one_cuda_thread(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "conv2d", "--cuda", "--thread", "3", "--vscode"]) == 0
    kernel = "conv2d_forward_cuda"
    with vscode(tmp_path, []) as session:
        stop = session.wait_for("stopped")
        assert place(session.frames(stop)[0]) == (kernel, line_of(kernel, "= x.shape"))
        for _ in range(4):
            stop = session.go("next", stop)
        assert place(session.frames(stop)[0]) == (kernel, line_of(kernel, "if i >= y.size"))
        found = session.variables(session.frames(stop)[0])
        assert found["i"] == "3" and found["W_out"] == "2"
        stop = session.go("stepIn", stop)
        assert place(session.frames(stop)[0]) == (kernel, line_of(kernel, "w_out = i % W_out"))


def test_entries_of_others_stay(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".vscode").mkdir()
    file = tmp_path / ".vscode" / "launch.json"
    file.write_text('{"version": "0.2.0", "compounds": [], "configurations": [{"name": "mine", "type": "x"}]}')
    for _ in range(2):  # the second time in place of the first
        assert main(["step", "relu.backward_x", "--cuda", "--thread", "1", "--vscode"]) == 0
    assert 'start "reftorch step relu.backward_x --cuda --thread 1" with F5' in capsys.readouterr().out
    assert [entry["name"] for entry in entries(tmp_path)] == ["mine", "reftorch step relu.backward_x --cuda --thread 1"]
    assert entries(tmp_path)[1]["args"] == ["step", "relu.backward_x", "--cuda", "--thread", "1"]
    assert json.loads(file.read_text())["compounds"] == []


@pytest.mark.parametrize("text", ['{\n  // mine\n  "configurations": []\n}', "[]", '{"configurations": 3}'])
def test_a_file_with_comments_is_left_alone(tmp_path, monkeypatch, capsys, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "launch.json").write_text(text)
    assert main(["step", "relu", "--vscode"]) == 2
    assert (tmp_path / ".vscode" / "launch.json").read_text() == text
    assert '"args": [' in capsys.readouterr().err  # what to paste


def test_a_wrong_name_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "relux", "--vscode"]) == 2
    assert not (tmp_path / ".vscode").exists()
