"""Grades a submission: its cases run in another process, and their results are judged here.

This process never imports the submission. One process computes the results of the student's code, another one those of the reference,
and this one compares them. So a submission can return wrong numbers, but it cannot return points.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reftorch.course import feedback, integrity, judge
from reftorch.course.assignment import Assignment, AssignmentError, Case, Part
from reftorch.course.draw import seed_of
from reftorch.course.limits import Died, Worker
from reftorch.course.result import CaseResult, PartResult, Result

LARGEST = 1_000_000  # bytes of a submission
# How the cases of a part run, by its kind; those of other kinds are interpreted.
MODE = {"compiled": "compiled", "speed": "speed", "cuda": "cuda", "traffic": "cuda"}
PATIENCE = {
    "interpreted": 1.0,
    "cuda": 2.0,
    "large": 6.0,
    "compiled": 6.0,
    "speed": 8.0,
}  # factors of the time limit: compiling takes time
RAISED = {  # exceptions that get a note, because they say nothing about the numbers
    "MemoryError": "it ran out of memory",
    "RecursionError": "a function called itself without end",
    "SystemExit": "it tried to end the process",
}
# If the process dies so often in one part, the rest of the part is not run. Exceeding the time limit counts as so many deaths.
DEATHS = 2


@dataclass
class Run:
    """One case in one mode: the results of the student's code (None if the process died: `died` says why), and the reference's."""

    case: Case
    mode: str
    parts: set[str]
    told: dict[str, Any] | None = None
    died: str = ""
    wanted: dict[str, Any] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)


def grade(
    assignment: Assignment, folder: Path, student: str = "", seed: int | None = None, speed: bool = False
) -> Result:
    """Grade the file `assignment.submission` in `folder`, or the file `folder` itself.

    The numbers of hidden cases are drawn from `seed`, or from the student's name if there is no seed. Speed is judged only on request,
    because it can differ from run to run. There is a result whatever the submission does.

    Raises AssignmentError if the reference itself fails a case.
    """
    seed = seed_for(student) if seed is None else seed
    parts = [part for part in assignment.parts if part.kind != "speed" or speed]
    source, trouble = _read(assignment, Path(folder))
    if source is None:
        return _nothing(assignment, student, seed, parts, trouble)
    forbidden = integrity.findings(assignment, source)
    runs, notes = runs_of(assignment, parts), []
    work = Path(tempfile.mkdtemp(prefix="reftorch-submission-"))
    try:
        file = work / assignment.submission
        file.write_text(source, encoding="utf-8")
        with Worker(assignment, None) as reference:
            notes = _run_all(assignment, file, runs, seed)
            for run in runs:
                run.wanted = {} if run.case.check else reference_of(reference, assignment, run, seed)
            ask = feedback.Ask(reference, assignment, seed)
            graded = [graded_part(assignment, part, runs, ask) for part in parts]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for run in runs:
        forbidden += [text for text in (run.told or {}).get("forbidden", []) if text not in forbidden]
    if forbidden:
        graded = [PartResult(p.name, p.points, 0.0, p.cases, p.message) for p in graded]
        notes = [f"No points, because this is not allowed: {text}" for text in forbidden] + notes
    return Result(assignment.name, student, seed, graded, notes)


def seed_for(student: str) -> int:
    """The seed of a student's hidden cases."""
    return int.from_bytes(hashlib.sha256(student.encode()).digest()[:4], "big")


def _read(assignment: Assignment, folder: Path) -> tuple[str | None, str]:
    """The text of the submission; if it cannot be read, None and the reason."""
    file = folder / assignment.submission if folder.is_dir() else folder
    if (
        file.is_symlink() or not file.is_file()
    ):  # a link may point to another student's file; reading a pipe may not end
        return None, f"there is no file {assignment.submission}"
    try:
        if file.stat().st_size > LARGEST:
            return None, f"{file.name} is larger than {LARGEST:,} bytes"
        source = file.read_text(encoding="utf-8-sig")  # Notepad writes a byte order mark at the start
    except OSError:
        return None, f"there is no file {assignment.submission}"
    except UnicodeDecodeError as error:
        return None, f"{file.name} is not UTF-8 text: byte {error.start} cannot be read; save it as UTF-8"
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        number = getattr(error, "lineno", None)
        line = f", line {number}" if number else ""
        return None, f"{file.name}{line} is not Python: {getattr(error, 'msg', error)}"
    return source, ""


def _nothing(assignment: Assignment, student: str, seed: int, parts: list[Part], why: str) -> Result:
    """A result without points."""
    graded = [
        PartResult(
            part.name, part.points, 0.0, [CaseResult(c.name, c.hidden, False, why) for c in _cases(assignment, part)]
        )
        for part in parts
    ]
    return Result(assignment.name, student, seed, graded, [why])


def _cases(assignment: Assignment, part: Part) -> list[Case]:
    return [case for case in assignment.cases if part.name in case.parts]


def runs_of(assignment: Assignment, parts: list[Part]) -> list[Run]:
    """Each case once in each mode that its parts need. Hidden cases run last, so that visible ones can learn nothing about them."""
    runs: dict[tuple[str, str], Run] = {}
    for part in parts:
        for case in _cases(assignment, part):
            mode = mode_of(part, case)
            run = runs.setdefault((case.name, mode), Run(case, mode, set()))
            run.parts.add(part.name)
            run.kinds.add(part.kind)
    order = list(PATIENCE)
    return sorted(runs.values(), key=lambda run: (run.case.hidden, order.index(run.mode)))


def mode_of(part: Part, case: Case) -> str:
    """How a case runs for a part."""
    return "large" if case.large else MODE.get(part.kind, "interpreted")


def job_of(assignment: Assignment, case: Case, mode: str, seed: int) -> dict[str, Any]:
    """A case as the worker gets it, without expected values."""
    drawn = seed_of(assignment.name, case.name, case.hidden, seed)
    return {"code": case.code, "results": case.results, "seed": drawn, "mode": mode}


def _run_all(assignment: Assignment, file: Path, runs: list[Run], seed: int) -> list[str]:
    """Fill in the results of the student's code. If the process dies, a new one runs the remaining cases. Returns notes."""
    notes: list[str] = []
    deaths: Counter[str] = Counter()
    worker, flood = None, 0
    limits = assignment.limits
    try:
        for run in runs:
            run.died = _hopeless(run, runs, deaths)
            if run.died:
                continue
            if worker is None:
                worker, why = _started(assignment, file)
                if worker is None:
                    for each in runs:
                        each.died = each.died or why
                    return [*notes, why]
                notes += [note for note in worker.ready["notes"] if note not in notes]
            try:
                run.told = worker.run(job_of(assignment, run.case, run.mode, seed), limits.seconds * PATIENCE[run.mode])
                said = RAISED.get((run.told["error"] or {}).get("type", ""), "")
                notes += [said] if said and said not in notes else []
            except Died as error:
                run.died = str(error)
                deaths.update(dict.fromkeys(run.parts, DEATHS if error.late else 1))
                notes += [run.died] if run.died not in notes else []
                flood = max(flood, worker.flood)
                worker.close()
                worker = None
    finally:
        if worker is not None:
            flood = max(flood, worker.flood)
            worker.close()
        for run in runs:
            run.died = run.died or ("" if run.told else "it was not run")
    if flood > limits.output_kb * 1024:
        notes.append(f"output after the first {limits.output_kb} KB was discarded")
    return notes


def _started(assignment: Assignment, file: Path) -> tuple[Worker | None, str]:
    """A process that has loaded the submission; otherwise None and the reason: its top level may raise, end the process, or never end."""
    try:
        worker = Worker(assignment, file)
    except Died as error:
        return None, f"{assignment.submission} cannot be loaded: {error}"
    if not worker.ready["error"]:
        return worker, ""
    worker.close()
    said = feedback.exception(worker.ready["error"], assignment.submission, hidden=False)
    return None, f"{assignment.submission} cannot be loaded: it {said}"


def _hopeless(run: Run, runs: list[Run], deaths: Counter[str]) -> str:
    """Why a case is not run: the process died earlier in its part, or the case fails as plain Python. Empty if it is run."""
    if all(deaths[part] >= DEATHS for part in run.parts):
        return "not run: an earlier case exceeded the time limit, or ended the process"
    interpreted = next((each for each in runs if each.case is run.case and each.mode == "interpreted"), None)
    if interpreted is None or run.mode not in ("compiled", "speed"):
        return ""
    failed = interpreted.told is not None and interpreted.told["error"]
    return interpreted.died or ("not compiled: it already fails as plain Python" if failed else "")


def reference_of(reference: Worker, assignment: Assignment, run: Run, seed: int) -> dict[str, Any]:
    """Fill in the right results. Those of CUDA come from the CPU kernels; only cases that count reads run the reference on CUDA."""
    mode = {"speed": "speed", "large": "usual"}.get(run.mode, "cuda" if "traffic" in run.kinds else "interpreted")
    told = reference.run(job_of(assignment, run.case, mode, seed), 600)
    if told["error"]:
        said = feedback.exception(told["error"], assignment.submission, hidden=False)
        raise AssignmentError(f"{assignment.file}: case {run.case.name!r}: the reference itself {said}")
    missing = set(run.case.results) - set(told["results"])
    if missing:
        raise AssignmentError(f"{assignment.file}: case {run.case.name!r} leaves no {', '.join(sorted(missing))}")
    return told


def graded_part(assignment: Assignment, part: Part, runs: list[Run], ask: feedback.Ask) -> PartResult:
    """Judge the cases of a part, and name the known mistake that explains the failed ones."""
    own = [run for run in runs if run.mode == mode_of(part, run.case) and part.name in run.parts]
    verdicts = [judge.verdict(assignment, part, run) for run in own]
    cases = [CaseResult(run.case.name, run.case.hidden, v.passed, v.message) for run, v in zip(own, verdicts)]
    failed = [(run, v) for run, v in zip(own, verdicts) if not v.passed]
    earned = part.points * (len(cases) - len(failed)) / len(cases)
    tried = [(run, v) for run, v in failed if run.told and "is not written yet" not in v.message and not run.case.check]
    message = feedback.advice(assignment, part, tried, ask) if tried else ""
    return PartResult(part.name, part.points, round(earned, 2), cases, message)
