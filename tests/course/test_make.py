"""The folder that students get: complete, and its tests and commands do what README.md says."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import reftorch
from reftorch.cli import main
from reftorch.course.assignment import PACKAGE, AssignmentError, read
from reftorch.course.make import FolderExists, make

OWN = """
title = "ReLU of one's own"
summary = "A line."
minutes = 5
component = "nn/activation/relu.py"
cut = ["relu_forward_cpu"]
text = "Write it: $y$ é 😀 and \\"quotes\\"."

[asks]
relu_forward_cpu = "write y"

[[part]]
name = "values"
points = 3
says = "y"

[[case]]
name = "seen"
parts = ["values"]
results = ["y"]
code = "y = F.relu(torch.tensor([-1.0, 2.0]))"

[[case]]
name = "secret"
parts = ["values"]
results = ["y"]
hidden = true
code = "y = F.relu(randn(7))"
"""


@pytest.fixture(scope="module")
def relu(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "relu"
    make(read("relu"), folder)
    return folder


def visible_tests(folder):
    """What pytest says in the folder: the counts of its last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", "."]
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin", "HOME": str(folder.parent)}
    done = subprocess.run([*command, "test_visible.py"], cwd=folder, capture_output=True, text=True, env=environment)
    return done.stdout


def test_files(relu):
    found = sorted(file.name for file in relu.iterdir())
    assert found == [
        "README.md", "assignment.json", "example.npz", "example_relu_backward_x.npz", "relu.py", "test_visible.py",
    ]  # fmt: skip
    assert json.loads((relu / "assignment.json").read_text()) == {"assignment": "relu"}


def test_instructions(relu):
    text = (relu / "README.md").read_text()
    for part in (
        "\\max(0, x_i)",
        "pytest test_visible.py",
        "reftorch course grade .",
        "--view",
        "## Not allowed",
        "| cuda | 25 |",
    ):
        assert part in text
    assert "NaN somewhere" not in text  # a hidden case


def test_no_hidden_case_travels(relu):
    for case in read("relu").cases:
        for file in relu.glob("*.[pmj]*"):
            assert not case.hidden or case.name not in file.read_text()


def test_visible_tests_fail_for_the_stub_and_pass_for_a_solution(relu, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(relu, folder)
    told = visible_tests(folder)
    assert "6 failed" in told and "relu_forward_cpu is yours to write" in told
    assert str(PACKAGE) not in told, "a traceback goes from the test into the student's function"
    shutil.copy(Path(reftorch.__file__).parent / "nn/activation/relu.py", folder)
    assert "6 passed" in visible_tests(folder)


def test_examples_are_arguments_of_the_kernels(relu):
    with np.load(relu / "example_relu_backward_x.npz") as file:
        assert sorted(file) == ["grad_x", "grad_y", "y"]
        assert file["y"].tolist() == [0, 0, 3, 0, 7] and file["grad_y"].tolist() == [10, 20, 30, 40, 50]


def test_a_kernel_can_be_stepped_through_and_drawn(relu, tmp_path, monkeypatch, capsys):
    shutil.copy(Path(reftorch.__file__).parent / "nn/activation/relu.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^reftorch (step .*npz)$", (relu / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        arguments = command.replace("example", f"{relu}/example").split()
        assert main([*arguments, "--record", "steps.html"]) == 0
    assert "steps.html" in capsys.readouterr().out


def test_nothing_is_overwritten(relu):
    with pytest.raises(FolderExists, match="relu.py"):
        make(read("relu"), relu)


def test_an_assignment_of_ones_own_travels_without_its_hidden_cases(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    make(read(tmp_path / "own.toml"), tmp_path / "work")
    text = (tmp_path / "work" / "assignment.toml").read_text()
    assert "secret" not in text and "randn(7)" not in text
    again = read(tmp_path / "work" / "assignment.toml")
    assert again.name == "own" and again.text == 'Write it: $y$ é 😀 and "quotes".' and len(again.cases) == 1
    assert json.loads((tmp_path / "work" / "assignment.json").read_text()) == {"assignment": "assignment.toml"}
    assert "1 failed" in visible_tests(tmp_path / "work")


@pytest.mark.parametrize(
    "find, replace, said",
    [
        ('name = "values"\npoints', 'name = "values"\nkind = "guesses"\npoints', "unknown kind"),
        (
            "minutes = 5\n",
            "minutes = 5\nhours = 1\n",
            "above the tables has no field hours; the fields are allowed, asks, component, cut, forbidden, limits, "
            "minutes, name, needs, only, summary, text, title$",
        ),
        ("minutes = 5\n", "minutes = 5\ncases = 1\n", r"no field cases: .* tables \[\[case\]\]"),
        ("minutes = 5\n", "", "the part above the tables lacks minutes"),
        ("y = F.relu(randn(7))", "y = 1\\u0000", "case 'secret': source code string cannot contain null bytes"),
        (
            'parts = ["values"]\nresults = ["y"]\nhidden',
            'parts = ["prices"]\nresults = ["y"]\nhidden',
            "names the part 'prices'",
        ),
        ("relu.py", "rely.py", "no component"),
        ("y = F.relu(randn(7))", "y = = 1", "invalid syntax"),
        ('"secret"', '"seen"', "two cases"),
        ('cut = ["relu_forward_cpu"]', 'cut = ["relu_forwards_cpu"]', "relu_forwards_cpu"),
        ("minutes = 5", "minutes = ", "own.toml is not TOML"),
        ("minutes = 5", 'minutes = "five"', "minutes should be a whole number, not negative, and is 'five'"),
        ("points = 3", "points = -3", "points should be a number, not negative, and is '-3'"),
        ("hidden = true", 'hidden = "yes"', "hidden should be true or false"),
        ('cut = ["relu_forward_cpu"]', 'cut = "relu_forward_cpu"', "cut should be a list of texts"),
        ('cut = ["relu_forward_cpu"]', "cut = []", "cut names no function"),
        ("minutes = 5", 'minutes = 5\ncase = "seen"', "own.toml is not TOML"),
        ("minutes = 5", "minutes = 5\nlimits = 3", "tables that begin with .*limits"),
        (
            "minutes = 5",
            'minutes = 5\nwithout_mutants = ["none"]',
            "no known mistake in what is asked is called 'none'",
        ),
        ("minutes = 5", "minutes = 5\nwithout_mutants = 3", "without_mutants should be a list of texts"),
        ('name = "values"\npoints', 'name = "values"\nkind = "traffic"\npoints', "part 'values' lacks its limit"),
        ('"nn/activation/relu.py"', '"../tests/planted.py"', "no component"),
    ],
)
def test_a_wrong_file_is_told_in_a_line(tmp_path, find, replace, said):
    assert find in OWN
    (tmp_path / "own.toml").write_text(OWN.replace(find, replace))
    with pytest.raises(AssignmentError, match=said):
        read(tmp_path / "own.toml")


def test_a_case_that_the_reference_fails_is_told(tmp_path):
    (tmp_path / "own.toml").write_text(OWN.replace("F.relu(torch.tensor([-1.0, 2.0]))", "F.rely(3)"))
    with pytest.raises(AssignmentError, match="case 'seen': the reference itself raises AttributeError: .*rely"):
        make(read(tmp_path / "own.toml"), tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_an_unknown_assignment():
    with pytest.raises(AssignmentError, match="no assignment is called 'rely'; there are tape, "):
        read("rely")


@pytest.mark.parametrize("only, other, points", [("cpu", "cuda", 75), ("cuda", "cpu", 25)])
def test_the_kernels_for_one_device(tmp_path, only, other, points):
    """Those for the other one are in the folder, whole; what the folder says of itself is what is graded."""
    folder = tmp_path / "work"
    assert main(["course", "make", f"relu:{only}", str(folder)]) == 0
    text = (folder / "relu.py").read_text()
    assert text.count("is yours to write") == 2 and f'"relu_forward_{only} is yours' in text
    assert f'"relu_forward_{other} is yours' not in text
    assert main(["course", "grade", str(folder), "--json", str(tmp_path / "stub.json")]) == 0
    shutil.copy(PACKAGE / "nn/activation/relu.py", folder)
    assert main(["course", "grade", str(folder), "--json", str(tmp_path / "whole.json")]) == 0
    stub, whole = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("stub", "whole"))
    assert (stub["earned"], whole["earned"], whole["points"]) == (0, points, points)
    assert {part["name"] for part in whole["parts"]} & {"cuda", "traffic"} == ({"cuda"} if only == "cuda" else set())
    assert main(["course", "check", f"relu:{only}"]) == 0
    assert main(["course", "package", f"relu:{only}", str(tmp_path / "a.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "a", [name for name in archive.namelist() if name.startswith("assignment/")])
    (file,) = (tmp_path / "a" / "assignment").iterdir()
    assert read(file).cut == read(f"relu:{only}").cut and read(file).name == f"relu:{only}"
    assert f"relu:{only}" in (folder / "test_visible.py").read_text()
    assert "failed" not in visible_tests(folder)


def test_only_what_there_is(tmp_path, capsys):
    assert main(["course", "make", "tape:cuda", str(tmp_path / "work")]) == 2
    assert "only = 'cuda': nothing is asked for that; there are _Arrivals.send" in capsys.readouterr().err
    (tmp_path / "own.toml").write_text('only = "gpu"\n' + OWN)
    with pytest.raises(AssignmentError, match="only = 'gpu'"):
        read(tmp_path / "own.toml")
