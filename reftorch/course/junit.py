"""Results as JUnit XML, which continuous integration can display: a suite for each part, a test case for each case."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .report import number, printable
from .result import PartResult, Result


def junit(results: Sequence[Result]) -> str:
    """The XML text of one or more results. The properties `earned` and `points` of each suite are its points."""
    cases = [case for result in results for part in result.parts for case in part.cases]
    root = Element("testsuites", {"name": "reftorch", **_counts(cases)})
    for result in results:
        for part in result.parts:
            _suite(root, result, part)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: Element, result: Result, part: PartResult) -> None:
    name = ".".join(word for word in (result.assignment, result.student, part.name) if word)
    suite = SubElement(root, "testsuite", {"name": printable(name), **_counts(part.cases)})
    properties = SubElement(suite, "properties")
    values = {"earned": number(part.earned), "points": number(part.points), "student": result.student}
    for key, value in {**values, "seed": str(result.seed)}.items():
        SubElement(properties, "property", name=key, value=printable(value))
    for case in part.cases:
        hidden = " (hidden)" if case.hidden else ""
        element = SubElement(suite, "testcase", classname=printable(name), name=printable(case.name) + hidden, time="0")
        if not case.passed:
            text = printable(case.message)
            first = text.splitlines()[0] if text else "failed"
            SubElement(element, "failure", type="failed", message=first).text = text
    if part.message:
        SubElement(suite, "system-out").text = printable(part.message)
    if result.notes:
        SubElement(suite, "system-err").text = printable("\n".join(result.notes))


def _counts(cases: Sequence) -> dict[str, str]:
    failed = sum(not case.passed for case in cases)
    return {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0", "time": "0"}
