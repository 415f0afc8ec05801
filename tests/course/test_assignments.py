"""Every assignment that comes with reftorch: all points for the reference, none for the stub, every known mistake told."""

import json
from dataclasses import replace

import pytest

from kept import kept_reference
from reftorch.course.assignment import Assignment, ready
from reftorch.course.check import mistakes
from reftorch.course.cut import stub, telling_lines
from reftorch.course.feedback import where_to_look
from reftorch.course.grade import grade
from reftorch.course.make import make
from reftorch.course.pages import DATA

READY = ready()
NEEDS_COMPILER = ("relu", "digits")  # the others are graded without their compiled cases: they take long, and are alike


@pytest.fixture(scope="module", params=READY, ids=lambda assignment: assignment.name)
def assignment(request):
    """Each of them, for all tests below; those of one share the process of the reference."""
    with kept_reference(request.param):
        yield request.param


def quick(assignment: Assignment) -> Assignment:
    """Without the parts that compile."""
    if assignment.name in NEEDS_COMPILER:
        return assignment
    parts = tuple(part for part in assignment.parts if part.kind not in ("compiled", "speed"))
    names = {part.name for part in parts}
    cases = [replace(case, parts=tuple(name for name in case.parts if name in names)) for case in assignment.cases]
    return replace(assignment, parts=parts, cases=tuple(case for case in cases if case.parts))


def graded(assignment, tmp_path, source):
    (tmp_path / assignment.submission).write_text(source)
    return grade(quick(assignment), tmp_path)


def test_there_are_assignments():
    names = [assignment.name for assignment in READY]
    assert len(set(names)) == len(names) >= 14
    assert names.index("tape") < names.index("relu") < names.index("conv2d_forward") < names.index("digits")
    for assignment in READY:
        assert set(assignment.needs) <= set(names[: names.index(assignment.name)])


def test_the_reference_gets_all_points(assignment, tmp_path):
    result = graded(assignment, tmp_path, assignment.source.read_text())
    assert not result.notes
    assert [part.message for part in result.parts if part.message] == []
    assert result.earned == result.points == quick(assignment).points


def test_a_stub_gets_none(assignment, tmp_path):
    result = graded(assignment, tmp_path, stub(assignment))
    assert result.earned == 0
    assert not result.notes
    said = [case.message for part in result.parts for case in part.cases]
    assert all("is not written yet" in text or "fails as plain Python" in text for text in said), said


def test_each_mistake_costs_points_and_is_named(assignment):
    """As the table on the site tells: else `reftorch course check --json docs/data/course.json` has to be run again."""
    (row,) = (row for row in json.loads(DATA.read_text(encoding="utf-8")) if row["assignment"] == assignment.name)
    found = list(mistakes(assignment))
    assert found == row["mutants"] and len(found) >= 9
    assert [each for each in found if each["earned"] >= assignment.points or not each["named"]] == []


def test_what_is_handed_out_shows_no_solution(assignment, tmp_path):
    solution = telling_lines(assignment.source.read_text(), assignment.cut)
    assert len(solution) >= len(assignment.cut)
    for file in make(assignment, tmp_path / "work"):
        if file.suffix != ".npz":
            lines = {line.strip() for line in file.read_text().splitlines()}
            assert not lines & solution, file.name


def test_points_and_cases_are_worth_it(assignment):
    assert assignment.points == 100
    assert any(not case.hidden for case in assignment.cases) and any(case.hidden for case in assignment.cases)
    assert set(assignment.asks) == set(assignment.cut)
    assert all(part.says for part in assignment.parts)
    assert {mutant.kernel for mutant in assignment.mutants} <= set(assignment.cut)


def test_links_begin_with_the_site_if_it_is_known(monkeypatch):
    monkeypatch.setenv("REFTORCH_SITE", "https://example.org/torch/")
    read_, step = where_to_look(READY[5], "relu_forward_cpu")
    assert read_ == "Read: https://example.org/torch/nn/activation/relu.html#relu-forward-cpu-L2"
    assert step == "Step: reftorch step ./relu.py:relu_forward_cpu --args example.npz"


def test_links_lead_to_lines_of_the_page(assignment):
    for name in assignment.cut:
        for line in where_to_look(assignment, name):
            assert line.startswith(("Read: ", "Step: "))
            if line.startswith("Read: "):
                number = int(line.rpartition("-L")[2])
                assert 1 <= number <= assignment.source.read_text().count("\n")
