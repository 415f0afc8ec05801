"""Feedback on failed cases: the known mistake, the lines to read, and the command to step through the function."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from typing import Any

from reftorch.course.assignment import Assignment, Case, Part
from reftorch.course.compare import same
from reftorch.course.cut import functions
from reftorch.course.draw import seed_of
from reftorch.course.limits import Died, Worker
from reftorch.course.mutants import Mutant
from reftorch.site.highlight import address
from reftorch.site.segment import segment

PAGES = ("autograd/", "nn/", "optim/", "transforms/", "course/components/")  # files that have a page on the site
SITE = "REFTORCH_SITE"  # environment variable: the address of that site, for links
MOST = 3  # mistakes in one message, at most


class Ask:
    """The results that the known mistakes would give. They are computed when they are needed, and kept."""

    def __init__(self, reference: Worker, assignment: Assignment, seed: int):
        self.reference, self.assignment, self.seed = reference, assignment, seed
        self.known: dict[tuple[str, str, str, str], dict[str, Any] | None] = {}

    def told(self, mutant: Mutant, case: Case, mode: str) -> dict[str, Any] | None:
        """The results of the reference with this mistake in the case; None if it ends the process."""
        mode = "cuda" if mode == "cuda" else "interpreted"
        key = (mutant.kernel, mutant.name, case.name, mode)
        if key not in self.known:
            drawn = seed_of(self.assignment.name, case.name, case.hidden, self.seed)
            job = {"code": case.code, "results": case.results, "seed": drawn, "mode": mode, "mutant": asdict(mutant)}
            try:
                self.known[key] = self.reference.run(job, 120)
            except Died:
                self.known[key] = None
        return self.known[key]


def exception(error: dict[str, Any], file: str, hidden: bool) -> str:
    """An exception in words; for a hidden case without its message, which may hold numbers."""
    own = [f"line {line}, in {function}" for name, line, function in error["where"] if name == file and line]
    where = f" ({file}, {own[-1]})" if own else ""
    if error["type"] == "NotImplementedError" and "is yours to write" in error["message"]:
        return error["message"].replace("is yours to write", "is not written yet")
    message = f": {error['message']}" if error["message"] and not hidden else ""
    return f"raised {error['type']}{where}{message}"


def advice(assignment: Assignment, part: Part, failed: list[tuple[Any, Any]], ask: Ask) -> str:
    """Advice on the failed cases of a part, which are pairs of a `grade.Run` and a `judge.Verdict`; each was run."""
    small = [(run, said) for run, said in failed if not run.case.large]  # known mistakes are tried on these only
    mistakes = known_mistakes(assignment, small, ask) if small else []
    lines = [f'Known mistake "{mutant.name}" in {mutant.kernel}: {mutant.says}.' for mutant in mistakes]
    kernels = list(dict.fromkeys(mutant.kernel for mutant in mistakes)) or _suspects(assignment, part, failed)
    for kernel in kernels[:MOST]:
        at = next((mutant for mutant in mistakes if mutant.kernel == kernel), None)
        lines += where_to_look(assignment, kernel, at)
    return "\n".join(lines)


def known_mistakes(assignment: Assignment, failed: list[tuple[Any, Any]], ask: Ask) -> list[Mutant]:
    """The mistakes that give the student's results in all failed cases; if there are none, those that give one of the results."""
    cuda = failed[0][0].mode == "cuda"
    mutants = [m for m in assignment.mutants if not m.kernel.endswith("_cpu" if cuda else "_cuda")]
    whole = [m for m in mutants if all(_equal(run, ask.told(m, run.case, run.mode)) for run, _ in failed)]
    if whole:
        return _one_each(whole)
    names = list(dict.fromkeys(name for _, verdict in failed for name in verdict.wrong))
    partly = []
    for name in names:
        those = [run for run, verdict in failed if name in verdict.wrong]
        partly += [m for m in mutants if all(_equal(run, ask.told(m, run.case, run.mode), name) for run in those)]
    return _one_each(list(dict.fromkeys(partly)))


def _one_each(mutants: list[Mutant]) -> list[Mutant]:
    """At most MOST mistakes, each with another sentence."""
    return list({mutant.says: mutant for mutant in mutants}.values())[:MOST]


def _equal(run: Any, mutant: dict[str, Any] | None, only: str = "") -> bool:
    """Whether the student's code and the mistake give the same: results, kind of exception, and faults."""
    if mutant is None:
        return False
    found, case = run.told, run.case
    if not only:
        for what in ("error", "faults"):
            if _kinds(found[what]) != _kinds(mutant[what]):
                return False
        if (found["overwritten"], found["changed"]) != (mutant["overwritten"], mutant["changed"]):
            return False
        if set(found["results"]) != set(mutant["results"]):
            return False
        if run.mode == "cuda" and not found["faults"] and run.wanted.get("reads") and "traffic" in run.kinds:
            return sum(found["reads"].values()) == sum(mutant["reads"].values())
    names = [only] if only else list(found["results"])
    return all(
        name in found["results"]
        and name in mutant["results"]
        and same(found["results"][name], mutant["results"][name], case.rtol, case.atol)
        for name in names
    )


def _kinds(what: Any) -> set[str]:
    return {each["type"] for each in what} if isinstance(what, list) else {what["type"]} if what else set()


def _suspects(assignment: Assignment, part: Part, failed: list[tuple[Any, Any]]) -> list[str]:
    """If no known mistake fits, the asked functions of this part: those that ran, or the one that raised an exception."""
    for run, _ in failed:
        error = (run.told or {}).get("error")
        inside = [function for name, _, function in (error or {}).get("where", []) if name == assignment.submission]
        for name in assignment.cut:
            if name.split(".")[-1] in inside:
                return [name]
    cuda = part.kind in ("cuda", "traffic")
    names = [name for name in assignment.cut if not name.endswith("_cpu" if cuda else "_cuda")]
    wrong = {name for _, verdict in failed for name in verdict.wrong}
    backward = any("grad" in name for name in wrong) or (part.kind == "gradients" and not wrong)
    return [name for name in names if ("backward" in name) == backward][:1] or names[:1]


def where_to_look(assignment: Assignment, name: str, mutant: Mutant | None = None) -> list[str]:
    """The address of the function on its page, and the command that steps through it."""
    lines = []
    if has_page(assignment):
        site, page = os.environ.get(SITE, "").rstrip("/"), page_line(assignment, name, mutant)
        lines.append(f"Read: {site}/{page}" if site else f"Read: {page}")
    if steppable(assignment, name):
        lines.append(f"Step: reftorch step ./{assignment.submission}:{name} --args {example_of(assignment, name)}")
    return lines


def has_page(assignment: Assignment) -> bool:
    """Whether the component has a page on the site."""
    return assignment.component.startswith(PAGES)


def page_line(assignment: Assignment, name: str, mutant: Mutant | None = None) -> str:
    """The address of a line on the component's page: nn/activation/relu.html#relu-forward-cpu-L5."""
    function = functions(assignment.source.read_text(encoding="utf-8"))[name]
    cut = segment(assignment.source)
    line = function.lineno
    if mutant is not None:
        before, found, _ = "\n".join(cut.lines[line - 1 : function.end_lineno]).partition(mutant.find)
        line += before.count("\n") if found else 0
    part = next(part for block in cut.blocks for part in block.functions if part.first <= line <= part.last)
    page = assignment.component.removesuffix(".py") + ".html"
    return f"{page}#{address(part)}-L{line - part.first + 1}"


def steppable(assignment: Assignment, name: str) -> bool:
    """Whether it is a CPU kernel, or a CUDA kernel with a CPU form; the two take the same arguments."""
    known = functions(assignment.source.read_text(encoding="utf-8"))
    return re.search("_(cpu|cuda)$", name) is not None and re.sub("_cuda$", "_cpu", name) in known


def example_of(assignment: Assignment, name: str) -> str:
    """The file with a kernel's arguments in the student's folder. For the first kernel it is example.npz."""
    kernels = [each for each in assignment.cut if steppable(assignment, each)]
    same = [re.sub("_(cpu|cuda)$", "", each) for each in kernels]
    own = re.sub("_(cpu|cuda)$", "", name)
    return "example.npz" if own == same[0] else f"example_{own}.npz"
