"""Decides whether a case passed, and what the student is told: with numbers for a visible case, without them for a hidden one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import reftorch
from reftorch.course.assignment import Assignment, Part
from reftorch.course.cases import Array
from reftorch.course.compare import difference, wrong_elements
from reftorch.course.feedback import exception
from reftorch.course.large import thread_of

SHOWN = 600  # characters that are shown of the output of a visible case


@dataclass(frozen=True)
class Verdict:
    """`wrong`: the names of the results that differ from the reference's."""

    passed: bool
    message: str = ""
    wrong: list[str] = field(default_factory=list)


def verdict(assignment: Assignment, part: Part, run: Any) -> Verdict:
    """Judge the results of a case (`run`, a `grade.Run`); the kind of the part decides how."""
    said = _verdict(assignment, part, run)
    printed = (run.told or {}).get("printed", "")
    if said.passed or run.case.hidden or not printed.strip():
        return said
    cut = printed[:SHOWN] + ("..." if len(printed) > SHOWN else "")
    return Verdict(False, f"{said.message}\nprinted: {cut.rstrip()}", said.wrong)


def _verdict(assignment: Assignment, part: Part, run: Any) -> Verdict:
    told, case = run.told, run.case
    if told is None:
        return Verdict(False, run.died)
    if told["error"]:
        return Verdict(False, exception(told["error"], assignment.submission, case.hidden))
    faults = [fault for fault in told["faults"] if fault["file"] == assignment.submission]
    if faults:
        return Verdict(False, _fault(faults[0], len(faults), case.hidden))
    if told["overwritten"]:
        return Verdict(False, f"{told['overwritten'][0]}: whoever called it still needs that")
    if case.check:
        return checked(case, told)
    changed = [name for name in told["changed"] if name not in run.wanted["changed"]]
    if changed and part.kind != "shape":
        return Verdict(False, f"{changed[0]} is overwritten: whoever passed it still needs it", changed[:1])
    said = {}
    for name in case.results:
        if name not in told["results"]:
            said[name] = f"{name} has no value"
            continue
        found, wanted = told["results"][name], run.wanted["results"][name]
        shape = difference(name, found, wanted, shape_only=True)
        if shape:
            said[name] = f"{name} has a wrong shape or dtype" if case.hidden else shape
        elif part.kind != "shape":
            text = difference(name, found, wanted, case.rtol, case.atol)
            if text:
                said[name] = f"{name} is wrong{_where(run, found, wanted)}" if case.hidden else text
    if said:
        return Verdict(False, "\n".join(said.values()), list(said))
    if part.kind == "traffic":
        return _traffic(part, run)
    if part.kind == "speed":
        return _speed(part, run)
    return Verdict(True)


def _where(run: Any, found: Any, wanted: Any) -> str:
    """For a large case: the first wrong element and its thread, without numbers."""
    if run.mode != "large" or not isinstance(wanted, Array) or wanted.numbers.ndim == 0:
        return ""
    wrong = wrong_elements(found.numbers, wanted.numbers, run.case.rtol, run.case.atol)
    element = int(wrong.ravel().argmax())
    place = ", ".join(str(int(i)) for i in np.unravel_index(element, wrong.shape))
    thread = thread_of(element, wrong.shape, run.told["launches"])
    return f" from [{place}] on" + (f", which {thread} has to write" if thread else "")


def _fault(fault: dict[str, Any], count: int, hidden: bool) -> str:
    """The message about a broken rule of the GPU."""
    if "is yours to write" in fault["text"]:
        return f"{fault['text'].split(': ')[-1].replace('is yours to write', 'is not written yet')}"
    more = f" (and {count - 1} more)" if count > 1 else ""
    text = "" if hidden else f": {fault['text']}"
    array = f" on {fault['array']}" if hidden and fault["array"] else ""
    return f"{fault['file']}, line {fault['line']}: {fault['kind']}{array}{text}{more}"


def _traffic(part: Part, run: Any) -> Verdict:
    """Reads of global memory per output, compared with the reference's."""
    first = run.wanted["results"][run.case.results[0]]
    outputs = max(first.numbers.size if isinstance(first, Array) else 1, 1)
    found, wanted = sum(run.told["reads"].values()) / outputs, sum(run.wanted["reads"].values()) / outputs
    text = f"{found:.4g} reads of global memory per output, the reference needs {wanted:.4g}"
    return Verdict(
        0 < found <= wanted * part.limit, "more reads of global memory than needed" if run.case.hidden else text
    )


def _speed(part: Part, run: Any) -> Verdict:
    """Time compared with the reference's, on the same machine."""
    ratio = run.told["seconds"] / max(run.wanted["seconds"], 1e-9)
    return Verdict(
        ratio <= part.limit, f"{ratio:.2g} times the reference's time; at most {part.limit:g} times is allowed"
    )


def checked(case: Any, told: dict[str, Any]) -> Verdict:
    """The case's own check, in place of the comparison."""
    missing = [name for name in case.results if name not in told["results"]]
    if missing:
        return Verdict(False, f"{missing[0]} has no value", missing)
    names: dict[str, Any] = {"torch": reftorch, "nn": reftorch.nn, "F": reftorch.nn.functional, "np": np}
    names |= {name: _live(told["results"][name]) for name in case.results} | {"passed": False, "message": ""}
    try:
        exec(compile(case.check, f"<check of {case.name}>", "exec"), names)
    except Exception as error:  # the check expects other results, such as a tensor of another shape
        return Verdict(False, f"the results are not as expected: {type(error).__name__}", list(case.results))
    passed = bool(names["passed"])
    message = "not reached" if case.hidden else str(names["message"])
    return Verdict(passed, "" if passed else message, [] if passed else list(case.results))


def _live(value: Any) -> Any:
    """A result as a tensor of this process."""
    if isinstance(value, Array):
        return value.numbers if value.dtype == "numpy" else reftorch.tensor(value.numbers)
    if isinstance(value, list):
        return [_live(inner) for inner in value]
    return {key: _live(inner) for key, inner in value.items()} if isinstance(value, dict) else value
