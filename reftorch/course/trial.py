"""Grades many known mistakes in one process. They are the package's own code, so they need no limits."""

from __future__ import annotations

from copy import copy

from reftorch.course import feedback
from reftorch.course.assignment import Assignment, AssignmentError
from reftorch.course.cut import mutated
from reftorch.course.grade import Run, graded_part, reference_of, runs_of
from reftorch.course.limits import Worker
from reftorch.course.mutants import Mutant
from reftorch.course.result import Result


class Trial:
    """The result that `grade` would give to the reference with one mistake. The results of compiled cases are taken from interpreted
    ones, which they equal. Large cases, and those with their own check (such as a whole training), are left out; so is a part that has
    no other cases.

    with Trial(assignment) as trial:
        result = trial.graded(mutant)

    Raises AssignmentError if a mistake does not fit the source, or the reference fails a case.
    """

    def __init__(self, assignment: Assignment, seed: int = 0):
        self.assignment, self.seed = assignment, seed
        source = assignment.source.read_text(encoding="utf-8")
        for mutant in assignment.mutants:
            try:
                mutated(source, mutant)
            except LookupError as error:
                raise AssignmentError(f"{assignment.file}: {error}") from None
        compared = {name for case in assignment.cases if not case.check and not case.large for name in case.parts}
        self.parts = [part for part in assignment.parts if part.kind != "speed" and part.name in compared]
        self.reference = Worker(assignment, None)
        self.ask = feedback.Ask(self.reference, assignment, seed)
        self.runs = [run for run in runs_of(assignment, self.parts) if not run.case.check and not run.case.large]
        for run in self.runs:
            run.wanted = reference_of(self.reference, assignment, run, seed)

    def graded(self, mutant: Mutant) -> Result:
        """The points of the reference with this mistake, and the messages."""
        runs = [self._run(run, mutant) for run in self.runs]
        parts = [graded_part(self.assignment, part, runs, self.ask) for part in self.parts]
        return Result(self.assignment.name, "", self.seed, parts)

    def _run(self, run: Run, mutant: Mutant) -> Run:
        """One case, with the mistake. A mistake in a CPU kernel has no effect on CUDA, and a mistake in a CUDA kernel none on the CPU."""
        run = copy(run)
        untouched = mutant.kernel.endswith("_cpu" if run.mode == "cuda" else "_cuda")
        run.told = run.wanted if untouched else self.ask.told(mutant, run.case, run.mode)
        run.died = "" if run.told else "the process ended"
        return run

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self.reference.close()
