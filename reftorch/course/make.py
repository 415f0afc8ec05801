"""Writes an assignment's folder: the stub, the instructions, visible tests, and arguments for stepping through the kernels."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reftorch.course.assignment import READY, Assignment, AssignmentError, Case, is_timed
from reftorch.course.cut import stub
from reftorch.course.draw import Draw, seed_of
from reftorch.course.feedback import example_of, steppable
from reftorch.kernel import launching
from reftorch.trace.interpreted import stepped

LARGEST_EXAMPLE = 4_000  # elements of a kernel's arguments, at most: with more, stepping through it takes too long


class FolderExists(FileExistsError):
    """The folder already holds the student's file, which is not overwritten."""


def make(assignment: Assignment, folder: Path) -> list[Path]:
    """Write the assignment into `folder`, which is created if it does not exist; returns the files that were written.

    Raises FolderExists if it already holds the file that students edit; OSError if the folder cannot be written to;
    AssignmentError if the reference fails a visible case.
    """
    folder = Path(folder)
    arguments_of = examples(assignment)
    if (folder / assignment.submission).exists():
        raise FolderExists(f"{folder / assignment.submission} exists already: choose another folder, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    own = assignment.file.parent != READY
    texts = {
        assignment.submission: stub(assignment),
        "README.md": instructions(assignment),
        "test_visible.py": visible_tests(assignment),
        "assignment.json": json.dumps({"assignment": "assignment.toml" if own else assignment.name}) + "\n",
    }
    if own:  # reftorch on the student's machine does not have it
        texts["assignment.toml"] = visible_toml(assignment)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    written = [folder / name for name in texts]
    for name, arguments in arguments_of.items():
        np.savez(folder / name, **arguments)
        written.append(folder / name)
    return written


# ------------------------------------------------------------------------------------------------- instructions
def instructions(assignment: Assignment) -> str:
    """README.md: the task, the mathematics, how to run, step and draw, what is not allowed, and the points."""
    return "\n\n".join(filter(None, _chapters(assignment))) + "\n"


def _chapters(assignment: Assignment) -> list[str]:
    file, name = assignment.submission, assignment.name
    yours = "\n".join(f"- `{cut}`: {' '.join(assignment.asks.get(cut, '').split())}" for cut in assignment.cut)
    cuda = any(cut.endswith("_cuda") for cut in assignment.cut)
    simulator = 'import os\nos.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # "cuda" without a GPU\n\n' if cuda else ""
    needs = f" It helps to have done: {', '.join(assignment.needs)}." if assignment.needs else ""
    return [
        f"# {assignment.title}",
        f"{assignment.summary} Planned for {assignment.minutes} minutes, {assignment.points:g} points.{needs}",
        assignment.text.strip(),
        f"## What you write\n\nIn `{file}`, marked `YOURS`:\n\n{yours}",
        f"You only read the rest of the file: grading takes it from reftorch, and changes to it have no effect. You may add helper "
        f"functions and constants, and you may use `print`. Hand in `{file}`.",
        "## Run\n\n```\npytest test_visible.py\n```\n\nor, with points and hints (and with hidden cases, if your teacher "
        "grades the same way):\n\n```\nreftorch course grade .\n```",
        f"To try your functions in Python or a notebook:\n\n```python\n{simulator}"
        "from reftorch.course.transplant import install\n"
        f'install("{name}", "{file}")      # from here on reftorch runs your functions\n\n'
        "import reftorch as torch\nimport reftorch.nn.functional as F\n```",
        _step(assignment),
        _draw(assignment),
        _points(assignment),
        _not_allowed(assignment),
    ]


def _step(assignment: Assignment) -> str:
    kernels = _kernels(assignment)
    if not kernels:
        return (
            "## Step\n\nPut `breakpoint()` into your function and run `pytest -s test_visible.py`: the debugger stops "
            "there. `n` goes to the next line, `p x` prints x, `c` continues. Remove the line before you hand in."
        )
    lines = [
        f"reftorch step ./{assignment.submission}:{kernel} --args {example_of(assignment, kernel)}"
        for kernel in kernels
    ]
    return (
        "## Step\n\nEach of these commands stops at the first line of a kernel, with the arguments of a visible case (`n`: next line, "
        "`p i`: print, `q`: quit):\n\n```\n" + "\n".join(lines) + "\n```"
    )


def _draw(assignment: Assignment) -> str:
    kernels = _kernels(assignment)
    if not kernels:
        return ""
    command = f"reftorch step ./{assignment.submission}:{kernels[0]} --args {example_of(assignment, kernels[0])} --view"
    return (
        "## Draw\n\nWith `--view` at the end, such a command runs the kernel and draws each of its steps in the browser, line by line "
        f"and cell by cell:\n\n```\n{command}\n```"
    )


def _points(assignment: Assignment) -> str:
    rows = [f"| {part.name} | {part.points:g} | {part.says} |" for part in assignment.parts]
    return (
        "## Points\n\n| part | points | what |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n\nThe points of a part are shared out equally among its "
        "cases. `test_visible.py` holds the visible cases. The hidden cases are of the same kind, with other numbers "
        "and sizes for each student."
    )


def _not_allowed(assignment: Assignment) -> str:
    names = ", ".join(f"`{name}`" for name in assignment.forbidden)
    also = f" In this assignment these names are not allowed either: {names}." if names else ""
    return (
        "## Not allowed\n\nYou have to write the computation yourself. A submission gets no points if it uses other libraries than "
        "NumPy, Numba and those that the file already imports, ready-made products (`np.dot`, `@`, `einsum`, ...), `eval`, `exec` or "
        f"`open`.{also}"
    )


def _kernels(assignment: Assignment) -> list[str]:
    """The asked kernels that `reftorch step` can run with one example: those that `on` launches."""
    return [name for name in assignment.cut if steppable(assignment, name)]


# ------------------------------------------------------------------------------------------------ visible tests
def visible_tests(assignment: Assignment) -> str:
    """test_visible.py: each visible case as a test, compared with reftorch's own result."""
    head = (
        f'"""Visible cases of the assignment {assignment.name}: run `pytest test_visible.py`.\n\n'
        "Your functions replace those of reftorch, and the results are compared with the results of reftorch's own functions.\n"
        "Kernels run as plain Python, and CUDA kernels thread by thread: so breakpoints work, and no GPU is needed.\n"
        "Editing this file does not change the grade: grading has its own copy.\n"
        '"""\n\nimport os\nfrom pathlib import Path\n\nos.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")\n\n'
        "from reftorch.course.visible import Visible  # noqa: E402\n\n"
        "here = Path(__file__).parent\n"
        f'visible = Visible({_reference_to(assignment)}, here / "{assignment.submission}")\n'
    )
    cases = [case for case in assignment.cases if not case.hidden and not is_timed(assignment, case)]
    return head + "".join(_test(assignment, case) for case in cases)


def _reference_to(assignment: Assignment) -> str:
    return f'"{assignment.name}"' if assignment.file.parent == READY else 'here / "assignment.toml"'


def _test(assignment: Assignment, case: Case) -> str:
    """One test: the case's script, unchanged, so that it can be read and stepped through."""
    kinds = {part.kind for part in assignment.parts if part.name in case.parts}
    devices = ["cuda"] if kinds and kinds <= {"cuda", "traffic"} else ["cpu", "cuda"] if "cuda" in kinds else ["cpu"]
    used = [name for name in Draw("").names() if re.search(rf"\b{name}\b", case.code) and name != "device"]
    lines = [f'{", ".join(used)}{"," * (len(used) == 1)} = visible.names("{" ".join(used)}")'] if used else []
    lines += case.code.strip().splitlines()
    lines.append(f"visible.compare({', '.join(f'{result}={result}' for result in case.results)})")
    name = re.sub(r"\W+", "_", case.name.lower()).strip("_")
    marks = ", ".join(json.dumps(text) for text in (case.name, *devices))
    body = textwrap.indent("\n".join(lines), "    ")
    return f"\n\n@visible.case({marks})\ndef test_{name}(device):\n{body}\n"


def visible_toml(assignment: Assignment) -> str:
    """The assignment's file without its hidden cases and mistakes, for the student's machine. A text in JSON is also valid TOML."""
    head = {
        name: getattr(assignment, name)
        for name in ("name", "title", "summary", "minutes", "needs", "text", "component")
    }
    head |= {name: getattr(assignment, name) for name in ("cut", "forbidden", "allowed")}
    cases = [case for case in assignment.cases if not case.hidden]
    parts = [part for part in assignment.parts if any(part.name in case.parts for case in cases)]
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in head.items()]
    lines += [
        "",
        "[asks]",
        *(f"{json.dumps(name)} = {json.dumps(says, ensure_ascii=False)}" for name, says in assignment.asks.items()),
    ]
    lines += [
        "",
        "[limits]",
        *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in asdict(assignment.limits).items()),
    ]
    for what, records in (("part", parts), ("case", cases)):
        for record in records:
            lines += [
                "",
                f"[[{what}]]",
                *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in asdict(record).items()),
            ]
    return "\n".join(lines) + "\n"


# ----------------------------------------------------------------------------------------------------- examples
def examples(assignment: Assignment) -> dict[str, dict[str, Any]]:
    """The arguments of each asked kernel in a visible case, by file name: `reftorch step --args` reads them."""
    module = importlib.import_module(assignment.module)
    wanted = {getattr(module, name): name for name in _kernels(assignment)}
    found: dict[str, dict[str, Any]] = {}

    def choose(device: Any, cpu: Any, cuda: Any, threads: int) -> Any:
        def run(*arguments: Any) -> Any:
            for kernel in (cpu, cuda):
                if kernel in wanted:
                    _remember(found, example_of(assignment, wanted[kernel]), cpu, arguments)
            return stepped(cpu)(*arguments)

        return run

    for case in assignment.cases:
        if not case.hidden and not case.check and not is_timed(assignment, case):
            names = Draw(seed_of(assignment.name, case.name, False, 0)).names()
            try:
                with launching(choose), np.errstate(all="ignore"):
                    exec(compile(case.code, "<case>", "exec"), names)
            except Exception as error:
                said = f"the reference itself raises {type(error).__name__}: {error}"
                raise AssignmentError(f"{assignment.file}: case {case.name!r}: {said}") from None
    return found


def _remember(found: dict[str, dict[str, Any]], file: str, kernel: Any, arguments: tuple) -> None:
    """Keep the first arguments that are neither empty nor large, as they were before the kernel ran. Pure outputs become zeros."""
    size = sum(value.size for value in arguments if isinstance(value, np.ndarray))
    if file in found or not 0 < size <= LARGEST_EXAMPLE or any(isinstance(value, tuple) for value in arguments):
        return
    names = inspect.signature(getattr(kernel, "py_func", kernel)).parameters
    kept = [np.zeros_like(a) if _is_output(kernel, arguments, i) else np.array(a) for i, a in enumerate(arguments)]
    found[file] = dict(zip(names, kept))


def _is_output(kernel: Any, arguments: tuple, index: int) -> bool:
    """Whether the values in this array before the call have no effect."""
    if not isinstance(arguments[index], np.ndarray):
        return False
    results = []
    for value in (0, 1):
        given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        given[index] = np.full_like(given[index], value)
        stepped(kernel)(*given)
        results.append([a for a in given if isinstance(a, np.ndarray)])
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*results))
