"""Used by the visible tests in a student's folder: replaces the reference's functions by the student's, and compares the results."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from reftorch.course.assignment import is_timed, read
from reftorch.course.cases import MODES, pack, run_case, unpack
from reftorch.course.compare import difference
from reftorch.course.draw import Draw, seed_of
from reftorch.course.judge import checked
from reftorch.course.transplant import Transplant


class Visible:
    """The visible cases of an assignment, with the functions of the student's `file`. Kernels run as plain Python, as in a debugger.

    A case with its own check (such as a whole training) compiles them.
    """

    def __init__(self, assignment: str | Path, file: Path):
        self.assignment = read(assignment)
        self.module = importlib.import_module(self.assignment.module)
        self.cases = {case.name: case for case in self.assignment.cases if not case.hidden}
        self.wanted = {}
        for case in self.cases.values():
            if case.check or is_timed(self.assignment, case):
                continue  # no right result is needed, or the case is no test
            told = run_case(case.code, case.results, self._seed(case.name), "interpreted", (), self.module)
            assert not told["error"], f"{case.name}: {told['error']}"
            self.wanted[case.name] = {name: unpack(value, told["arrays"]) for name, value in told["results"].items()}
        self.name, self.draw, self.file = "", Draw(""), str(file.resolve())
        source = file.read_text(encoding="utf-8-sig")
        for note in Transplant(self.module, self.assignment.cut, source, self.file).notes:
            print(f"note: {note}")

    def case(self, name: str, *devices: str) -> Callable:
        """A decorator: the test is the case `name`, on each of `devices`."""
        import pytest  # only tests need it

        def mark(test: Callable) -> Callable:
            @functools.wraps(test)
            def run(device: str) -> None:
                __tracebackhide__ = True  # of pytest's report
                self.name, self.draw = name, Draw(self._seed(name), device)
                mode = MODES["cuda" if device == "cuda" else "compiled" if self.cases[name].check else "interpreted"]
                told: dict[str, Any] = {"strict": device == "cuda", "reads": {}}
                try:
                    with np.errstate(all="ignore"), mode(self.assignment.cut, self.module, told):
                        test(device)
                    assert not told["overwritten"], told["overwritten"][0]
                except Exception as error:
                    raise _shortened(error, (test.__code__.co_filename, self.file)) from None

            return pytest.mark.parametrize("device", devices)(run)

        return mark

    def names(self, wanted: str) -> tuple:
        """The functions that a case uses, which draw from its seed."""
        known = self.draw.names()
        return tuple(known[name] for name in wanted.split())

    def compare(self, **results: Any) -> None:
        """Raises AssertionError at the first result that differs from the reference's, with both numbers."""
        case = self.cases[self.name]
        arrays: list = []
        found_all = {name: unpack(pack(value, arrays), arrays) for name, value in results.items()}
        if case.check:
            verdict = checked(case, {"results": found_all})
            assert verdict.passed, verdict.message
            return
        for name, found in found_all.items():
            said = difference(name, found, self.wanted[case.name][name], case.rtol, case.atol)
            assert not said, said

    def _seed(self, case: str) -> str:
        return seed_of(self.assignment.name, case, False, 0)


def _shortened(error: Exception, files: tuple[str, ...]) -> Exception:
    """The exception with a traceback of these files only, without the lines of reftorch between the test and the student's function."""
    passed, trace = [], error.__traceback__
    while trace is not None:
        passed += [trace] if trace.tb_frame.f_code.co_filename in files else []
        trace = trace.tb_next
    short = None
    for each in reversed(passed):
        short = TracebackType(short, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return error.with_traceback(short)
