"""The course's pages: the list of assignments, the table of mistakes, and the guide's own assignment."""

import io
import json
import re

import pytest
from rich.console import Console

from reftorch.course import pages
from reftorch.course.assignment import read, ready
from reftorch.course.check import check

GUIDE = pages.FRONT.parent / "guide" / "course-instructor.md"


def test_the_front_page_lists_every_assignment():
    text = pages.course_page()
    assert "[[" not in text, "a place was not filled"
    for assignment in ready():
        (row,) = re.findall(rf"^\| `{assignment.name}` \| \[.*\|$", text, re.MULTILINE)
        assert f"| {assignment.points:g} | {assignment.minutes} |" in row
        assert all(f"`{name}`" in row for name in assignment.needs)


def test_its_links_lead_to_pages_that_there_are():
    for assignment in ready():
        for target in re.findall(r"\]\(([^)]*)\)", pages.assignments_table([assignment])):
            assert (pages.PACKAGE / target).with_suffix(".py").is_file(), target


@pytest.mark.parametrize("component, names", [("nn/activation/relu.py", ["relu"]), ("nn/activation/prelu.py", [])])
def test_assignments_of_a_component(component, names):
    assert [assignment.name for assignment in pages.assignments_of(component)] == names


def test_needs_are_assignments_that_come_before():
    before = set()
    for assignment in ready():
        assert set(assignment.needs) <= before, assignment.name
        before.add(assignment.name)


def rows():
    return json.loads(pages.DATA.read_text(encoding="utf-8"))


def test_the_table_of_mistakes_is_of_these_assignments():
    """Else `reftorch course check --json docs/data/course.json` has to be run again."""
    assert [row["assignment"] for row in rows()] == [assignment.name for assignment in ready()]
    for row, assignment in zip(rows(), ready()):
        names = [m.name + (" (CUDA)" if m.kernel.endswith("_cuda") else "") for m in assignment.mutants]
        assert [mutant["name"] for mutant in row["mutants"]] == names and row["points"] == assignment.points


def test_every_mistake_costs_points_and_is_told_by_name():
    for row in rows():
        assert (row["reference"], row["stub"]) == (row["points"], 0), row["assignment"]
        wrong = [m["name"] for m in row["mutants"] if m["earned"] >= row["points"] or not m["named"]]
        assert row["as_it_should_be"] and not wrong, (row["assignment"], wrong)


def test_the_table_counts():
    mutants = [{"name": "a", "earned": 1, "named": True}, {"name": "b", "earned": 2, "named": False}]
    row = {"assignment": "x", "points": 2, "reference": 2, "stub": 0, "mutants": mutants}
    assert pages.mistakes_table([row]).splitlines()[-1] == "| `x` | 2 of 2 | 0 | 2 | 1 | 1 |"


def test_the_guide_s_own_assignment_is_as_it_should_be(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "leaky.toml").write_text(text, encoding="utf-8")
    assignment = read(tmp_path / "leaky.toml")
    assert any(mutant.name == "slope squared" for mutant in assignment.mutants) and len(assignment.mutants) > 4
    row = check(assignment, Console(file=io.StringIO()))
    assert row["as_it_should_be"], row
