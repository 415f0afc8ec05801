"""The progress bar, the plain lines, the tables and the picture."""

import io

import numpy as np
import pytest
from rich.console import Console

from reftorch.train import report
from reftorch.train.report import Epoch, Progressing


def epoch(number, accuracy=0.5):
    return Epoch(number, 1.5, 0.25, 1.25, accuracy, np.zeros(3, int))


@pytest.mark.parametrize("live", [False, True])
def test_progress(live, monkeypatch):
    out = io.StringIO()
    console = Console(file=out, force_terminal=live, width=100, color_system=None)
    now = [100.0]
    monkeypatch.setattr(report.time, "perf_counter", lambda: now[0])
    with Progressing(console, epochs=2, samples=100) as show:
        show.compiling("early")  # as all kernels do in a first run
        if live:
            show.bar.refresh()
        show.compiling(None)
        show.start(1)
        show.compiling("outer")
        show.compiling("inner")
        now[0] += 2
        if live:
            show.bar.refresh()
        show.compiling(None)
        show.compiling(None)
        now[0] += 20
        show.step(50, 1.5, 0.25)
        now[0] += 5
        show.step(100, 1.5, 0.25)
        if live:
            show.bar.refresh()
        show.end(epoch(1))
    text = out.getvalue()
    assert "compiling early" in text and "compiling outer" in text and "inner" not in text
    assert ("before epoch 1" in text) == live
    assert "kernels compiled: 2, in 2.0 s" in text
    assert "loss 1.5000  accuracy  25.0%     4.0 images/s" in text  # 100 in 25 s: compiling does not count
    assert "held out:  50.0%" in text
    assert ("\x1b[2K" in text) == live
    if not live:  # one line within the epoch: the first came after 20 s, the second 5 s later
        assert text.count("epoch 1/2   50%") == 1 and "100%" not in text


def test_confusion_matrix_and_table():
    truth, answers = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    counts = report.confusion_matrix(truth, answers, 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    console = Console(file=io.StringIO(), width=80)
    console.print(report.class_table(truth, answers, 4))
    console.print(report.confusion_table(counts))
    rows = [
        line.strip("│ ").replace(" ", "").split("│") for line in console.file.getvalue().splitlines() if line[:1] == "│"
    ]
    assert rows[:5] == [
        ["0", "2", "1", "50.0%"],
        ["1", "1", "1", "100.0%"],
        ["2", "3", "2", "66.7%"],
        ["3", "0", "0", "-"],
    ] + [["all", "6", "4", "66.7%"]]
    assert rows[5:] == [
        ["0", "1", "1", ".", "."],
        ["1", ".", "1", ".", "."],
        ["2", "1", ".", "2", "."],
        ["3", ".", ".", ".", "."],
    ]


@pytest.mark.parametrize(
    "epochs, ending, start", [(1, ".png", b"\x89PNG"), (3, ".pdf", b"%PDF"), (3, ".svg", b"<?xml")]
)
def test_curves(tmp_path, epochs, ending, start):
    path = tmp_path / f"c{ending}"
    report.draw_curves([epoch(n, n / 4) for n in range(1, epochs + 1)], path, "a title")
    assert path.read_bytes().startswith(start)
