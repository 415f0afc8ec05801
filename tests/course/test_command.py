"""`reftorch course` from the command line: every command once, and what it says when an option or a file is wrong."""

import csv
import io
import json
import zipfile
from xml.etree import ElementTree

import pytest

from reftorch import cli
from reftorch.course import many
from reftorch.course.assignment import read, ready
from reftorch.course.cut import mutated
from reftorch.course.result import PartResult, Result

OWN = """
title = "The mean of two"
summary = "One loop."
minutes = 10
component = "nn/activation/leaky_relu.py"
cut = ["leaky_relu_forward_cpu"]
text = "Write it."
without_mutants = ["no leak", "slope on the wrong side", "absolute value"]

[[part]]
name = "values"
points = 4

[[case]]
name = "a row"
parts = ["values"]
results = ["y"]
code = "y = F.leaky_relu(torch.tensor([-2.0, 3.0]), 0.5)"

[[case]]
name = "a steep slope"
parts = ["values"]
results = ["y"]
hidden = true
code = "y = F.leaky_relu(randn(9), SLOPE)"
"""


@pytest.fixture
def command(capsys):
    """Exit code, output and error output of `reftorch course ARGUMENTS`, in this process."""

    def run(*arguments):
        try:
            code = cli.main(["course", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def relu(tmp_path):
    """A folder with a submission that drops the sign, as `make` would name it."""
    assignment = read("relu")
    mistake = next(m for m in assignment.mutants if m.name == "absolute value" and m.kernel.endswith("_cpu"))
    (tmp_path / "relu.py").write_text(mutated(assignment.source.read_text(), mistake))
    (tmp_path / "assignment.json").write_text('{"assignment": "relu"}')
    return tmp_path


def test_list_tells_all(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, text, _ = command("list")
    assert code == 0
    for assignment in ready():
        (row,) = (line for line in text.splitlines() if line.split()[:1] == [assignment.name])
        assert f" {assignment.points:g} " in row and f" {assignment.minutes} " in row
        assert all(need in row for need in assignment.needs)


def test_make_fills_an_empty_folder_and_no_other(command, tmp_path):
    code, text, _ = command("make", "relu", tmp_path / "new")
    assert code == 0 and "README.md" in text
    assert {"relu.py", "README.md", "test_visible.py", "assignment.json"} <= {
        f.name for f in (tmp_path / "new").iterdir()
    }
    before = (tmp_path / "new" / "relu.py").read_text()
    assert before and "is yours to write" in before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("three years")
    for folder in (tmp_path / "new", tmp_path / "other"):
        code, text, error = command("make", "relu", folder)
        assert code == 2 and text == "" and "is not empty" in error and str(folder) in error
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["thesis.tex"]
    (tmp_path / "there").mkdir()
    assert command("make", "relu", tmp_path / "there")[0] == 0


def test_grade_in_every_form(command, relu, tmp_path):
    files = [tmp_path / name for name in ("out.json", "out.xml", "results.json")]
    code, text, _ = command(
        "grade", relu, "--student", "ada", "--json", files[0], "--junit", files[1], "--gradescope", files[2]
    )
    assert (code, text) == (0, ""), "what is written to files is not shown"
    result = Result.from_json(files[0].read_text())
    assert 0 < result.earned < result.points and result.student == "ada"
    assert "ReLU makes it zero" in files[0].read_text()
    cases = sum(len(part.cases) for part in result.parts)
    assert ElementTree.parse(files[1]).getroot().get("tests") == str(cases)
    assert json.loads(files[2].read_text())["score"] == result.earned


def test_grade_on_the_terminal(command, relu):
    (relu / "relu.py").write_text("def relu_forward_cpu(x, y) y[:] = x")
    code, text, _ = command("grade", relu)
    assert code == 0 and "0 of 100" in text and "line 1 is not Python" in text


def test_json_goes_to_the_terminal_too(command, relu):
    (relu / "relu.py").unlink()
    code, text, _ = command("grade", relu, "--json", "-")
    assert code == 0 and Result.from_json(text).earned == 0


@pytest.fixture
def graded(monkeypatch):
    """A grader that gives nobody anything, at once."""

    def grade(assignment, path, student="", seed=None):
        return Result(assignment.name, student, 0, [PartResult(p.name, p.points, 0.0, []) for p in assignment.parts])

    monkeypatch.setattr(many, "grade", grade)


def test_grade_many(command, tmp_path, graded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    source = read("relu").source.read_text()
    for student in ("ada", "ben"):
        (tmp_path / "all" / student).mkdir(parents=True)
        (tmp_path / "all" / student / "relu.py").write_text(source)
    table, out = tmp_path / "points.csv", tmp_path / "all.json"
    code, text, _ = command("grade", tmp_path / "all", "--assignment", "relu", "--csv", table, "--json", out)
    assert code == 0 and "nearly identical" in text and "100%" in text and str(table) in text.replace("\n", "")
    assert [row["student"] for row in csv.DictReader(io.StringIO(table.read_text()))] == ["ada", "ben"]
    assert [each["student"] for each in json.loads(out.read_text())] == ["ada", "ben"]


def test_package(command, tmp_path):
    code, text, _ = command(
        "package", "relu", tmp_path / "relu.zip", "--seed", "3", "--site", "https://example.org/a b"
    )
    assert code == 0 and "relu.zip" in text
    with zipfile.ZipFile(tmp_path / "relu.zip") as archive:
        script = archive.read("run_autograder")
        assert archive.testzip() is None and b"--seed 3" in script
        assert b"export REFTORCH_SITE='https://example.org/a b'\n" in script


def test_check_an_assignment_of_one_s_own(command, tmp_path):
    """Of two assignments that differ in one number, one has a case for the mistake and the other has not."""
    for name, slope in (("good", "2.0"), ("bad", "0.5")):
        (tmp_path / f"{name}.toml").write_text(OWN.replace("SLOPE", slope))
    out = tmp_path / "course.json"
    code, text, _ = command("check", tmp_path / "good.toml", "--json", out)
    assert code == 0 and "4 of 4" in text and "1 of 1" in text
    (row,) = json.loads(out.read_text())
    assert (row["reference"], row["stub"], row["points"]) == (4, 0, 4)
    (mutant,) = row["mutants"]
    assert mutant == {"name": "maximum of both sides", "earned": 2.0, "named": True}
    code, text, _ = command("check", tmp_path / "bad.toml")
    assert code == 1 and "no case notices 'maximum of both sides'" in text


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["make", "nonsense", "DIR"], "no assignment is called 'nonsense'"),
        (["make", "DIR/none.toml", "DIR/x"], "none.toml"),
        (["make", "relu", "DIR/file"], "file is a file"),
        (["make", "relu", "DIR/file/x"], "file/x: Not a directory"),
        (["make", "DIR/file", "DIR/x"], "or give a .toml file"),
        (["grade", "DIR/nowhere", "--assignment", "relu"], "does not exist: expected the folder that `make` wrote"),
        (["grade", "DIR/file"], "is a file: expected the folder"),
        (["grade", "DIR"], "add --assignment NAME"),
        (
            ["grade", "DIR", "--assignment", "relu", "--csv", "DIR/x.csv"],
            "expected that it holds a folder for each student",
        ),
        (["grade", "DIR", "--assignment", "relu", "--csv", "x", "--gradescope", "y"], "--csv grades many"),
        (["package", "relu", "DIR/none/x.zip"], "x.zip"),
        (["grade", "DIR", "--alike", "90"], "expected a number from 0 to 1, found '90'"),
        ([], "COMMAND"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(command, tmp_path, arguments, words):
    (tmp_path / "file").write_text("no TOML")
    code, text, error = command(*(argument.replace("DIR", str(tmp_path)) for argument in arguments))
    assert code == 2 and text == "" and words in error
    assert error.count("\n") == 1 or error.startswith("usage:")


@pytest.mark.parametrize("options", [(), ("--assignment", "relu")])
def test_a_folder_of_submissions_without_csv(command, tmp_path, options):
    """It is not one submission with 0 points."""
    for student in ("ada", "ben/deeper"):
        (tmp_path / "all" / student).mkdir(parents=True)
        (tmp_path / "all" / student / "relu.py").write_text("")
    code, text, said = command("grade", tmp_path / "all", *options)
    assert code == 2 and "holds a folder for each of 2 students: add --csv FILE to grade them all" in said
    assert text == ""
