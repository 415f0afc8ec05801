"""Results on the terminal, as JSON and as JUnit XML. The results are made by hand."""

import io
from xml.etree import ElementTree

import pytest
from rich.console import Console

from reftorch.course import report
from reftorch.course.junit import junit
from reftorch.course.result import CaseResult, PartResult, Result

FLIPPED = "first wrong at y[0, 0, 1, 2]: 3.0 instead of 4.0\nthis equals convolution with the kernel flipped"
HOSTILE = "a\x1b[31m\x00b & <c> [bold]d[/bold] ]]> \ud800"


@pytest.fixture
def result():
    values = [
        CaseResult("two rows", False, False, FLIPPED),
        CaseResult("stride", True, False, "wrong"),
        CaseResult("padding", True, False, "wrong"),
        CaseResult("empty batch", True, True),
    ]
    parts = [
        PartResult("shape", 2.0, 2.0, [CaseResult("two rows", False, True)]),
        PartResult("values", 5.0, 1.25, values),
        PartResult("cuda", 3.0, 0.0, [], message="not run: the time was up"),
    ]
    return Result("conv2d_forward", "ada", 7, parts, ["output was cut after 64 KB"])


def shown(result):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    report.show(result, console)
    return console.file.getvalue()


def test_terminal_tells_points_and_messages(result):
    text = shown(result)
    assert "conv2d_forward of ada" in text and "3.25 of 10" in text
    (row,) = (line for line in text.splitlines() if "values" in line and "│" in line)
    assert "1 of 4" in row and "1.25 of 5" in row
    assert "values, two rows: failed\n    first wrong at y[0, 0, 1, 2]: 3.0 instead of 4.0\n    this equals" in text
    assert "values, stride (hidden), padding (hidden): failed\n    wrong\n" in text
    assert "cuda:\n    not run: the time was up" in text and "Note: output was cut after 64 KB" in text
    assert "empty batch" not in text, "a case that passed needs no line"


def test_nothing_in_a_result_commands_the_terminal():
    hostile = PartResult(HOSTILE, 1.0, 0.0, [CaseResult(HOSTILE, False, False, HOSTILE)], HOSTILE)
    text = shown(Result("relu", HOSTILE, 0, [hostile], [HOSTILE]))
    assert "\x1b" not in text and "\x00" not in text
    assert text.count("a?[31m?b & <c> [bold]d[/bold] ]]> ?") >= 4, "markup is shown, not obeyed"


@pytest.mark.parametrize("points, text", [(2.0, "2"), (2.5, "2.5"), (1 / 3, "0.33"), (0.0, "0"), (10.0, "10")])
def test_numbers(points, text):
    assert report.number(points) == text


def test_json_and_back(result):
    assert Result.from_json(result.to_json()) == result


def test_junit_has_every_case(result):
    root = ElementTree.fromstring(junit([result]))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "5", "3")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == [f"conv2d_forward.ada.{part}" for part in ("shape", "values", "cuda")]
    values = suites["conv2d_forward.ada.values"]
    assert (values.get("tests"), values.get("failures")) == ("4", "3")
    properties = {entry.get("name"): entry.get("value") for entry in values.iter("property")}
    assert properties == {"earned": "1.25", "points": "5", "student": "ada", "seed": "7"}
    failure = values.find("testcase[@name='two rows']/failure")
    assert failure.text == FLIPPED and failure.get("message") == FLIPPED.splitlines()[0]
    assert values.find("testcase[@name='empty batch (hidden)']/failure") is None
    assert suites["conv2d_forward.ada.cuda"].findtext("system-out") == "not run: the time was up"


def test_junit_of_anything_can_be_read():
    part = PartResult(HOSTILE, 1.0, 0.0, [CaseResult(HOSTILE, False, False, HOSTILE)], HOSTILE)
    root = ElementTree.fromstring(junit([Result("relu", HOSTILE, 0, [part], [HOSTILE])]))
    assert root.find(".//failure").text == "a?[31m?b & <c> [bold]d[/bold] ]]> ?"
