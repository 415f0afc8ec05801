"""A folder of submissions: everybody gets a row, whatever happens. The grader itself is replaced."""

import csv
import io
import re

import pytest
from rich.console import Console

from reftorch.course import many
from reftorch.course.assignment import read
from reftorch.course.result import CaseResult, PartResult, Result
from reftorch.course.similar import Pair, groups

SAME = """
def relu_forward_cpu({x}, {y}):
    for {i} in range({x}.size):
        if {x}[{i}] < {x}.dtype.type(0):
            {y}[{i}] = 0
        else:
            {y}[{i}] = {x}[{i}]
"""


def console(**options):
    return Console(file=io.StringIO(), width=120, highlight=False, **options)


@pytest.fixture
def assignment():
    return read("relu")


@pytest.fixture
def folder(tmp_path):
    """Four students; the third one's file lies a folder deeper."""
    for name, text in [
        ("ada", SAME.format(x="x", y="y", i="i")),
        ("ben", "# mine\n" + SAME.format(x="values", y="result", i="k")),
        ("deep/handed in", "def relu_forward_cpu(x, y): pass"),
        ("zoe", "def relu_forward_cpu(x, y)"),
    ]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "relu.py").write_text(text)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "readme.txt").write_text("not a student")
    return tmp_path


@pytest.fixture
def graded(monkeypatch):
    """The folders that were graded, by student. ben breaks the grader; zoe's note looks like a formula."""
    seen = {}

    def grade(assignment, path, student="", seed=None):
        seen[student] = path
        if student == "ben":
            raise RuntimeError("out of order")
        parts = [
            PartResult(part.name, part.points, part.points / 2, [CaseResult("a", False, True)])
            for part in assignment.parts
        ]
        return Result(assignment.name, student, seed or 0, parts, ["=1+1"] if student == "zoe" else [])

    monkeypatch.setattr(many, "grade", grade)
    return seen


def rows(file):
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))


def test_everybody_gets_a_row(assignment, folder, graded, tmp_path, capsys):
    out = tmp_path / "points.csv"
    results = many.grade_all(assignment, folder, out, 3, console())
    found = rows(out)
    assert [row["student"] for row in found] == ["ada", "ben", "deep", "zoe"] == [r.student for r in results]
    assert list(found[0]) == ["student", "earned", "points", *(part.name for part in assignment.parts), "notes"]
    ada, ben, deep, zoe = found
    assert float(ada["earned"]) == assignment.points / 2 and float(ada["points"]) == assignment.points
    assert ben["earned"] == "0" and "NOT GRADED" in ben["notes"] and "out of order" in ben["notes"]
    assert "out of order" in capsys.readouterr().err, "the instructor sees where the grader failed"
    assert graded["deep"] == folder / "deep" / "handed in" and graded["ada"] == folder / "ada"
    assert zoe["notes"] == "'=1+1", "a spreadsheet must not compute it"


def test_rows_are_kept_if_it_is_broken_off(assignment, folder, monkeypatch, tmp_path):
    def grade(assignment, path, student="", seed=None):
        if student == "ben":
            raise KeyboardInterrupt
        return Result(assignment.name, student, 0, [PartResult(p.name, p.points, 0, []) for p in assignment.parts])

    monkeypatch.setattr(many, "grade", grade)
    with pytest.raises(KeyboardInterrupt):
        many.grade_all(assignment, folder, tmp_path / "points.csv", None, console())
    assert [row["student"] for row in rows(tmp_path / "points.csv")] == ["ada"]


def test_a_bar_on_a_terminal_and_none_elsewhere(assignment, folder, graded, tmp_path):
    terminal, plain = console(force_terminal=True), console()
    for where in (terminal, plain):
        many.grade_all(assignment, folder, tmp_path / "points.csv", None, where)
    assert re.search(r"[1-4]/4", terminal.file.getvalue()) and "━" in terminal.file.getvalue()
    assert plain.file.getvalue() == ""


def test_near_identical_are_told_with_their_likeness_to_the_reference(assignment, folder, graded, tmp_path):
    alike = many.near_identical(assignment, folder, 0.9)
    assert [(group.names, group.likeness) for group in alike] == [(["ada", "ben"], 1.0)]
    assert 0 < alike[0].reference < 0.9
    where = console()
    many.show_all(many.grade_all(assignment, folder, tmp_path / "points.csv", None, console()), alike, where)
    (row,) = (line for line in where.file.getvalue().splitlines() if "100%" in line)
    assert "ada" in row and "ben" in row and f"{alike[0].reference:.0%}" in row
    assert "NOT GRADED" in where.file.getvalue()


def test_groups_and_no_more_than_twenty(assignment, tmp_path):
    """Thirty who wrote the same are one group, not 435 pairs; those unlike the reference stand first."""
    pairs = [Pair(f"s{i:02}", f"s{j:02}", 0.95, 0.9) for i in range(30) for j in range(i + 1, 30)]
    pairs += [Pair(f"a{i}", f"b{i}", 1.0, i / 100) for i in range(21)] + [Pair("b3", "c3", 0.91, 0.02)]
    found = groups(pairs)
    assert len(found) == 22 and found[-1].names == [f"s{i:02}" for i in range(30)]
    assert found[2].names == ["a2", "b2"] and (found[3].names, found[3].likeness) == (["a3", "b3", "c3"], 0.91)
    assert [group.reference for group in found] == sorted(group.reference for group in found)
    where = console()
    many.show_all([], found, where)
    shown = where.file.getvalue()
    assert "a0, b0" in shown and "s00" not in shown and "and 2 more groups" in shown


def test_only_one_place_below_a_folder_counts(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "relu.py").write_text("")
    assert many.place(tmp_path, "relu.py") == tmp_path, "two are none: the student has to choose"
    (tmp_path / "b" / "relu.py").unlink()
    assert many.place(tmp_path, "relu.py") == tmp_path / "a"
