"""What an assignment is: which functions of which component are asked, on which cases, for how many points.

An assignment is one TOML file. The ready ones lie in `reftorch/course/assignments/`; an instructor's own may lie anywhere.
`docs/guide/course-instructor.md` explains the file field by field.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from reftorch.course.mutants import Mutant, components, mutants_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(__file__).parents[1]
READY = Path(__file__).parent / "assignments"
KINDS = ("shape", "values", "gradients", "compiled", "cuda", "traffic", "speed")


@dataclass(frozen=True)
class Case:
    """One script over `torch` (which is reftorch), `nn`, `F`, `np`, and functions that draw numbers from the seed.

    `results` are the names it leaves for comparison with the reference; `parts` the parts of the assignment that it counts for.
    `check`, if any, is a script for the grader's own process in place of the comparison: it finds the results by their names
    and sets `passed` and `message`.
    """

    name: str
    code: str
    results: tuple[str, ...]
    parts: tuple[str, ...]
    hidden: bool = False
    check: str = ""
    rtol: float = 0.0  # 0: what the dtype allows
    atol: float = 0.0


@dataclass(frozen=True)
class Part:
    """What points are given for. `kind` (one of KINDS) says how its cases are run and judged; the name is free."""

    name: str
    points: float
    kind: str
    says: str = ""  # what it asks, in a line
    limit: float = 0.0  # traffic and speed: as many times the reference's reads, or its time


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds of wall clock for each case (compiling gets more), seconds of CPU, memory in MB, output in KB."""

    seconds: float = 20.0
    cpu_seconds: int = 60
    memory_mb: int = 2048
    output_kb: int = 64
    file_mb: int = 16


@dataclass(frozen=True)
class Assignment:
    """An assignment as read from its file. `cut` are qualified names: "conv2d_forward_cpu", "Module.register_parameter"."""

    name: str
    title: str
    summary: str
    minutes: int
    needs: tuple[str, ...]
    text: str
    component: str
    cut: tuple[str, ...]
    cases: tuple[Case, ...]
    parts: tuple[Part, ...]
    mutants: tuple[Mutant, ...]
    limits: Limits
    forbidden: tuple[str, ...]
    file: Path
    asks: dict[str, str] = field(
        default_factory=dict
    )  # what a function has to do, in a line or two: its note in the stub
    allowed: tuple[str, ...] = ()  # modules that may be imported although the component does not

    @property
    def points(self) -> float:
        """All points that can be had, without those for speed, which are extra."""
        return sum(part.points for part in self.parts if part.kind != "speed")

    @property
    def source(self) -> Path:
        """The component file."""
        return PACKAGE / self.component

    @property
    def module(self) -> str:
        """The component's name for `import`: reftorch.nn.activation.relu."""
        return ".".join(("reftorch", *Path(self.component).with_suffix("").parts))

    @property
    def submission(self) -> str:
        """The name of the file that a student hands in: relu.py."""
        return Path(self.component).name


class AssignmentError(ValueError):
    """An assignment's file is not as it should be; the message names the file and what is wrong."""


def is_timed(assignment: Assignment, case: Case) -> bool:
    """Whether the case is there for its time only: too large to be run as plain Python."""
    return set(case.parts) <= {part.name for part in assignment.parts if part.kind == "speed"}


def ready() -> list[Assignment]:
    """The assignments that come with reftorch, in their order."""
    return [read(file) for file in sorted(READY.glob("*.toml"))]


def read(name: str | Path) -> Assignment:
    """The assignment of this name ("relu"), or in this file ("my/own.toml").

    Raises AssignmentError if there is none, or if its file is not as it should be.
    """
    if str(name).endswith(".toml"):
        file = Path(name)
    else:
        found = [file for file in READY.glob("*.toml") if _name(file) == str(name)]
        if not found:
            names = ", ".join(_name(file) for file in sorted(READY.glob("*.toml")))
            raise AssignmentError(f"no assignment is called {str(name)!r}; there are {names}, or give a .toml file")
        file = found[0]
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssignmentError(f"{file}: {error}") from None
    try:
        return _assignment(data, file)
    except (KeyError, TypeError, ValueError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else error
        raise AssignmentError(f"{file}: {said}") from None


def _name(file: Path) -> str:
    """02_own_function.toml is called own_function."""
    return re.sub(r"^\d+_", "", file.stem)


def _assignment(data: dict[str, Any], file: Path) -> Assignment:
    data = {"name": _name(file), "needs": [], "forbidden": [], **data}
    data["cases"] = [_record(Case, case, "case") for case in data.pop("case")]
    data["parts"] = [_record(Part, {"kind": part["name"], **part}, "part") for part in data.pop("part")]
    data["limits"] = _record(Limits, data.get("limits", {}), "limits")
    own = [_record(Mutant, mutant, "mutant") for mutant in data.pop("mutant", [])]
    left_out = set(data.pop("without_mutants", []))
    known = [mutant for mutant in _known(Path(data["component"]).stem, data["cut"]) if mutant.name not in left_out]
    assignment: Assignment = _record(
        Assignment, {**data, "mutants": [*known, *own], "file": file.resolve()}, "assignment"
    )
    _check(assignment)
    return assignment


def _known(component: str, cut: list[str]) -> list[Mutant]:
    """The component's mistakes in the functions that are asked; one in a CPU kernel is one in its CUDA twin too."""
    if component not in components():
        return []
    found = []
    for mutant in mutants_of(component):
        twin = re.sub("_cpu$", "_cuda", mutant.kernel)
        found += [replace(mutant, kernel=name) for name in dict.fromkeys((mutant.kernel, twin)) if name in cut]
    return found


def _record(kind: type, given: dict[str, Any], what: str) -> Any:
    """A dataclass out of a TOML table; lists become tuples. Raises ValueError for names it does not have."""
    known = {each.name for each in fields(kind)}
    strange = sorted(set(given) - known)
    if strange:
        raise ValueError(f"[{what}] has no field {', '.join(strange)}; the fields are {', '.join(sorted(known))}")
    free = {each.name for each in fields(kind) if each.default is not MISSING or each.default_factory is not MISSING}
    wanted = sorted(known - free - set(given))
    if wanted:
        raise ValueError(f"[{what}] {given.get('name', '')!r} lacks {', '.join(wanted)}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _check(assignment: Assignment) -> None:
    """Raises ValueError where parts, cases and cut functions do not fit together."""
    if not assignment.source.is_file():
        raise ValueError(f"there is no component {assignment.component} below {PACKAGE}")
    missing = sorted(set(assignment.cut) - _functions_in(assignment.source))
    if missing:
        raise ValueError(f"{assignment.component} has no function {', '.join(missing)}")
    strange = sorted(set(assignment.asks) - set(assignment.cut))
    if strange:
        raise ValueError(f"[asks] speaks of {strange[0]}, which is not in cut")
    names = [part.name for part in assignment.parts]
    for part in assignment.parts:
        if part.kind not in KINDS:
            raise ValueError(f"part {part.name!r} is of the unknown kind {part.kind!r}; there are {', '.join(KINDS)}")
        if not any(part.name in case.parts for case in assignment.cases):
            raise ValueError(f"part {part.name!r} has no case")
    for case in assignment.cases:
        strange = sorted(set(case.parts) - set(names))
        if strange:
            raise ValueError(f"case {case.name!r} names the part {strange[0]!r}; there are {', '.join(names)}")
        for code in (case.code, case.check):
            try:
                compile(code, f"<{case.name}>", "exec")
            except SyntaxError as error:
                raise ValueError(f"case {case.name!r}, line {error.lineno}: {error.msg}") from None
    if len({case.name for case in assignment.cases}) != len(assignment.cases):
        raise ValueError("two cases have one name")


def _functions_in(file: Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        path = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        found |= {path + each.name for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return found
