"""An assignment: the functions of a component that a student has to write, the cases that test them, and the points.

An assignment is one TOML file. Those of the package are in `reftorch/course/assignments/`; an instructor's own file may be anywhere.
`docs/guide/course-instructor.md` explains the file field by field.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from reftorch.course.cut import functions
from reftorch.course.mutants import Mutant, mutants_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(__file__).parents[1]
READY = Path(__file__).parent / "assignments"
KINDS = ("shape", "values", "gradients", "compiled", "cuda", "traffic", "speed")
MADE = {"cases", "parts", "mutants", "file"}  # fields that an assignment's file does not have under this name
ON_CUDA = ("cuda", "traffic")  # the kinds that run CUDA kernels


FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {  # type of a field: the TOML value that it expects
    "str": ("a text", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number, not negative", lambda value: type(value) is int and value >= 0),
    "float": ("a number, not negative", lambda value: type(value) in (int, float) and 0 <= value < math.inf),
    "tuple[str, ...]": ("a list of texts", lambda value: isinstance(value, list) and _texts(value)),
    "dict[str, str]": ("a table of texts", lambda value: isinstance(value, dict) and _texts(value.values())),
}


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


@dataclass(frozen=True)
class Case:
    """One script, which uses `torch` (this is reftorch), `nn`, `F`, `np`, and functions that draw numbers from the seed.

    `results` are the variables that are compared with the reference's; `parts` are the parts of the assignment that the case belongs to.
    `check`, if any, is a script that runs in the grader's own process in place of the comparison: it reads the results by their names
    and sets `passed` and `message`. A `large` case runs CUDA kernels compiled for the CPU; other cases run them thread by thread.
    """

    name: str
    code: str
    results: tuple[str, ...]
    parts: tuple[str, ...]
    hidden: bool = False
    large: bool = False
    check: str = ""
    rtol: float = 0.0  # 0: the default of the dtype
    atol: float = 0.0


@dataclass(frozen=True)
class Part:
    """A part of an assignment, with its points. `kind` (one of KINDS) says how its cases are run and judged; any name may be chosen."""

    name: str
    points: float
    kind: str
    says: str = ""  # the task, in one line
    limit: float = 0.0  # for traffic and speed: the allowed reads or time, as a multiple of the reference's


@dataclass(frozen=True)
class Limits:
    """What a submission may use: wall-clock seconds for each case (more where kernels are compiled), CPU seconds, memory in MB, output
    in KB, and processes and threads besides those that its account has already (root's are not limited)."""

    seconds: float = 20.0
    cpu_seconds: int = 60
    memory_mb: int = 2048
    output_kb: int = 64
    processes: int = 32
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
    asks: dict[str, str] = field(default_factory=dict)  # for each function: its task, which the stub shows as a comment
    allowed: tuple[str, ...] = ()  # modules that may be imported although the component does not import them
    only: str = ""  # "cpu" or "cuda": only these kernels, and the points for them

    @property
    def points(self) -> float:
        """The sum of all points, without those for speed, which are extra."""
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
    """An assignment's file is wrong; the message names the file and the mistake."""


def is_timed(assignment: Assignment, case: Case) -> bool:
    """Whether the case only measures time: it is too large to be run as plain Python."""
    return set(case.parts) <= {part.name for part in assignment.parts if part.kind == "speed"}


def ready() -> list[Assignment]:
    """The assignments that come with reftorch, in their order."""
    return [read(file) for file in sorted(READY.glob("*.toml"))]


def read(name: str | Path) -> Assignment:
    """The assignment of this name ("relu"), or in this file ("my/own.toml").

    With ":cpu" or ":cuda" at the end, the student writes only these kernels; reftorch supplies the others.

    Raises AssignmentError if there is no such assignment, or if its file is wrong.
    """
    whole, _, only = str(name).rpartition(":")
    name, only = (whole, only) if whole and only in ("cpu", "cuda") else (str(name), "")
    if name.endswith(".toml"):
        file = Path(name)
    else:
        found = [file for file in READY.glob("*.toml") if _name(file) == name]
        if not found:
            names = ", ".join(_name(file) for file in sorted(READY.glob("*.toml")))
            raise AssignmentError(f"no assignment is called {name!r}; there are {names}, or give a .toml file")
        file = found[0]
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        return _assignment({**data, "only": only} if only else data, file)
    except OSError as error:
        raise AssignmentError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise AssignmentError(f"{file} is not UTF-8 text: byte {error.start} cannot be read") from None
    except tomllib.TOMLDecodeError as error:
        raise AssignmentError(f"{file} is not TOML: {error}") from None
    except ValueError as error:
        raise AssignmentError(f"{file}: {error}") from None


def _name(file: Path) -> str:
    """02_own_function.toml is called own_function."""
    return re.sub(r"^\d+_", "", file.stem)


def _assignment(data: dict[str, Any], file: Path) -> Assignment:
    data = {"name": _name(file), "needs": [], "forbidden": [], **data}
    cases = [_record(Case, case, "case") for case in _tables(data, "case")]
    parts = [_record(Part, {"kind": part.get("name"), **part}, "part") for part in _tables(data, "part")]
    own = [_record(Mutant, mutant, "mutant") for mutant in _tables(data, "mutant")]
    left_out = data.pop("without_mutants", [])
    says, fits = FORMS["tuple[str, ...]"]
    if not fits(left_out):
        raise ValueError(f"without_mutants should be {says}")
    (limits,) = _tables({"limits": [data.get("limits", {})]}, "limits")
    made = {"cases": cases, "parts": parts, "mutants": [], "limits": _record(Limits, limits, "limits"), "file": file}
    strange = sorted(MADE & set(data))
    if strange:
        raise ValueError(
            f"there is no field {strange[0]}: cases, parts and mutants are tables [[case]], [[part]] and [[mutant]]"
        )
    assignment: Assignment = _record(Assignment, {**data, **made}, "")
    _check(assignment)
    known = _known(assignment)
    strange = [name for name in left_out if name not in {mutant.name for mutant in known}]
    if strange:
        raise ValueError(f"without_mutants: no known mistake in what is asked is called {strange[0]!r}")
    kept = [mutant for mutant in known if mutant.name not in left_out]
    found = replace(assignment, mutants=(*kept, *own), file=file.resolve())
    return _narrowed(found) if found.only else found


def _narrowed(whole: Assignment) -> Assignment:
    """The assignment without the CUDA kernels, or without the CPU kernels."""
    cuda = whole.only == "cuda"
    cut = tuple([name for name in whole.cut if name.endswith("_cuda") == cuda])
    parts = tuple([part for part in whole.parts if (part.kind in ON_CUDA) == cuda])
    names = {part.name for part in parts}
    cases = [replace(case, parts=tuple([part for part in case.parts if part in names])) for case in whole.cases]
    if whole.only not in ("cpu", "cuda") or not cut or not parts:
        raise ValueError(f"only = {whole.only!r}: nothing is asked for that; there are {', '.join(whole.cut)}")
    return replace(
        whole,
        name=f"{whole.name}:{whole.only}",
        cut=cut,
        parts=parts,
        cases=tuple([case for case in cases if case.parts]),
        mutants=tuple([mutant for mutant in whole.mutants if mutant.kernel in cut]),
        asks={name: ask for name, ask in whole.asks.items() if name in cut},
    )


def _tables(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Remove the tables [[name]] from `data`, and return them."""
    found = data.pop(name, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ValueError(f"expected tables that begin with [[{name}]], found {str(found)[:80]}")
    return found


def _known(assignment: Assignment) -> list[Mutant]:
    """The component's mistakes in the asked functions. A mistake in a CPU kernel is also made in its CUDA version."""
    found = []
    for mutant in mutants_of(assignment.component.removesuffix(".py")):
        twin = re.sub("_cpu$", "_cuda", mutant.kernel)
        names = dict.fromkeys((mutant.kernel, twin))
        found += [replace(mutant, kernel=name) for name in names if name in assignment.cut]
    return found + _unbounded(assignment)


def _unbounded(assignment: Assignment) -> list[Mutant]:
    """A mistake for each asked CUDA kernel: its first `if ...: return`, at which surplus threads end, is missing."""
    found = []
    text = assignment.source.read_text(encoding="utf-8")
    for name, function in functions(text).items():
        if name not in assignment.cut or not name.endswith("_cuda"):
            continue
        check = next((node for node in function.body if isinstance(node, ast.If)), None)
        if check is not None and isinstance(check.body[0], ast.Return):
            test = ast.get_source_segment(text, check.test)
            says = "more threads are started than there are elements: those without an element must return before they use an array"
            found.append(Mutant("bounds check forgotten", name, f"if {test}:", "if False:", says))
    return found


def _record(kind: type, given: dict[str, Any], what: str) -> Any:
    """A dataclass from a TOML table; lists become tuples. Raises ValueError for unknown names and wrong types."""
    known = {each.name for each in fields(kind)}
    strange = sorted(set(given) - known)
    where = f"[{what}]" if what else "the part above the tables"
    if strange:
        written = known if what else known - MADE
        raise ValueError(f"{where} has no field {', '.join(strange)}; the fields are {', '.join(sorted(written))}")
    free = {each.name for each in fields(kind) if each.default is not MISSING or each.default_factory is not MISSING}
    wanted = sorted(known - free - set(given))
    if wanted:
        named = f" {given['name']!r}" if what and "name" in given else ""
        raise ValueError(f"{where}{named} lacks {', '.join(wanted)}")
    for each in fields(kind):
        says, fits = FORMS.get(str(each.type), ("", None))
        if fits and each.name in given and not fits(given[each.name]):
            raise ValueError(f"{where}: {each.name} should be {says}, and is {str(given[each.name])[:80]!r}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _check(assignment: Assignment) -> None:
    """Raises ValueError where parts, cases and cut functions do not fit together."""
    if not assignment.source.is_file() or not assignment.source.resolve().is_relative_to(PACKAGE):
        raise ValueError(
            f"there is no component {assignment.component}: expected a path within reftorch, such as nn/activation/relu.py"
        )
    missing = sorted(set(assignment.cut) - set(functions(assignment.source.read_text(encoding="utf-8"))))
    if missing or not assignment.cut:
        said = f"has no function {', '.join(missing)}" if missing else "would not be changed: cut names no function"
        raise ValueError(f"{assignment.component} {said}")
    strange = sorted(set(assignment.asks) - set(assignment.cut))
    if strange:
        raise ValueError(f"[asks] has the function {strange[0]}, which is not in cut")
    names = [part.name for part in assignment.parts]
    for part in assignment.parts:
        if part.kind not in KINDS:
            raise ValueError(f"part {part.name!r} is of the unknown kind {part.kind!r}; there are {', '.join(KINDS)}")
        if not any(part.name in case.parts for case in assignment.cases):
            raise ValueError(f"part {part.name!r} has no case")
        if part.kind in ("traffic", "speed") and not part.limit:
            raise ValueError(
                f"part {part.name!r} lacks its limit: the allowed reads or time, as a multiple of the reference's"
            )
    for case in assignment.cases:
        strange = sorted(set(case.parts) - set(names))
        if strange:
            raise ValueError(f"case {case.name!r} names the part {strange[0]!r}; there are {', '.join(names)}")
        kinds = {part.kind for part in assignment.parts if part.name in case.parts}
        if case.large and (kinds != {"cuda"} or not case.hidden):
            raise ValueError(
                f"case {case.name!r} is large: it must be hidden, and all its parts must be of the kind cuda"
            )
        for code in (case.code, case.check):
            try:
                compile(code, f"<{case.name}>", "exec")
            except SyntaxError as error:
                line = f", line {error.lineno}" if error.lineno else ""
                raise ValueError(f"case {case.name!r}{line}: {error.msg}") from None
    for what, found in (("case", [case.name for case in assignment.cases]), ("part", names)):
        if not found:
            raise ValueError(f"there is no [[{what}]]")
        if len(set(found)) != len(found):
            raise ValueError(f"two {what}s have one name")
