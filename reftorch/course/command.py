"""`reftorch course`: its commands and options. Each imports what it needs when it is chosen."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from .assignment import Assignment
    from .result import Result

EXAMPLES = """examples:
  reftorch course list                        the assignments
  reftorch course make relu my-relu           make a folder to work in
  reftorch course make relu:cpu my-relu       the same, with the CUDA kernels supplied
  reftorch course grade my-relu               points, and advice
  reftorch course grade submissions --assignment relu --csv points.csv
                                              grade a folder that holds one folder for each student
  reftorch course package relu relu.zip       an autograder to upload to Gradescope
  reftorch course check my-own.toml           check an assignment of your own with its known mistakes
"""
ASSIGNMENT = (
    "a name from `reftorch course list`, or an assignment's .toml file; with :cpu or :cuda, only the kernels for that"
)


def add(commands: argparse._SubParsersAction) -> None:
    """Add `course` and its commands to the commands of `reftorch`."""
    course = commands.add_parser(
        "course",
        help="assignments made from the component files, and their grader",
        description="Make assignments from the component files, and grade them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    acts = course.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(acts, "list", run_list, "list the assignments, with points, prerequisites and time")
    make = _add(acts, "make", run_make, "write a folder for students to work in")
    make.add_argument("assignment", metavar="ASSIGNMENT", help=ASSIGNMENT)
    make.add_argument("folder", type=Path, metavar="DIR", help="the folder to write; it must be empty or not exist")
    _add_grade(acts)
    package = _add(acts, "package", run_package, "write an autograder for Gradescope")
    package.add_argument("assignment", metavar="ASSIGNMENT", help=ASSIGNMENT)
    package.add_argument("zip", type=Path, metavar="ZIP", help="the file to write")
    package.add_argument("--seed", type=int, metavar="N", help="the seed of the hidden cases' numbers")
    text = "the address of your copy of the site that `reftorch docs` builds: feedback then links to it"
    package.add_argument("--site", default="", metavar="URL", help=text)
    check = _add(
        acts, "check", run_check, "check assignments with the reference, an empty stub and every known mistake"
    )
    check.add_argument("assignment", nargs="*", metavar="ASSIGNMENT", help=f"{ASSIGNMENT} (default: all)")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the table, as for docs/data/course.json")


def _add_grade(acts: argparse._SubParsersAction) -> None:
    grade = _add(acts, "grade", run_grade, "grade a submission, or a folder of them")
    grade.add_argument("folder", type=Path, metavar="DIR", help="the folder that `make` wrote, with your solution")
    text = f"{ASSIGNMENT} (default: the one that the folder names)"
    grade.add_argument("--assignment", metavar="ASSIGNMENT", help=text)
    grade.add_argument("--student", default="", metavar="NAME", help="each student's hidden cases have other numbers")
    grade.add_argument("--seed", type=int, metavar="N", help="the seed of the hidden cases' numbers")
    text = "grade speed, too, if the assignment has points for it; the result depends on other programs on the machine"
    grade.add_argument("--speed", action="store_true", help=text)
    add = grade.add_argument_group("instead of a table on the terminal").add_argument
    add("--json", type=Path, metavar="FILE", help="the result as JSON; - for the terminal")
    add("--junit", type=Path, metavar="FILE", help="as JUnit XML, for continuous integration; - for the terminal")
    add("--gradescope", type=Path, metavar="FILE", help="as Gradescope's results.json; - for the terminal")
    add = grade.add_argument_group("many submissions").add_argument
    add("--csv", type=Path, metavar="FILE", help="DIR holds a folder for each student: grade all into this table")
    text = "report submissions whose similarity is at least this, without names and comments (default: %(default)s)"
    add("--alike", type=_fraction, default=0.9, metavar="X", help=text)


def _add(acts: argparse._SubParsersAction, name: str, run, text: str) -> argparse.ArgumentParser:
    parser = acts.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
    parser.set_defaults(run=lambda options: _guarded(run, options))
    return parser


def _fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, found {text!r}")
    return number


def _guarded(run, options: argparse.Namespace) -> int:
    """Run a command; print one line if an option or a file is wrong."""
    from reftorch.serialize import FileError

    from .assignment import AssignmentError
    from .limits import Died

    try:
        return run(options)
    except (AssignmentError, FileError) as error:
        said = str(error)
    except Died as error:
        said = f"the process that computes the reference did not answer: {error}"
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    print(f"reftorch: error: {said}", file=sys.stderr)
    return 2


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def run_list(options: argparse.Namespace) -> int:
    """A table of the assignments that come with reftorch."""
    from rich.table import Table

    from .assignment import ready
    from .report import number

    table = Table(box=None)
    for column in ("assignment", "points", "minutes", "needs", "what"):
        table.add_column(column, justify="right" if column in ("points", "minutes") else "left")
    for assignment in ready():
        needs = ", ".join(assignment.needs)
        table.add_row(assignment.name, number(assignment.points), str(assignment.minutes), needs, assignment.title)
    _console().print(table)
    return 0


def run_make(options: argparse.Namespace) -> int:
    """Write the folder of an assignment."""
    from .assignment import AssignmentError, read
    from .make import make

    assignment = read(options.assignment)
    if options.folder.is_file():
        raise AssignmentError(f"{options.folder} is a file: choose another name for the folder; nothing was written")
    if options.folder.is_dir() and any(options.folder.iterdir()):
        raise AssignmentError(f"{options.folder} is not empty: choose another folder; nothing was written")
    made = make(assignment, options.folder)
    print(f"Wrote {', '.join(file.name for file in made)} into {options.folder}. Begin with README.md.")
    return 0


def run_package(options: argparse.Namespace) -> int:
    """Write an autograder."""
    from .assignment import read
    from .package import package

    package(read(options.assignment), options.zip, options.seed, options.site)
    print(f"Wrote {options.zip}. On Gradescope: Configure Autograder, Zip file upload.")
    return 0


def run_grade(options: argparse.Namespace) -> int:
    """Grade one submission, or many. The exit code is 0 for any number of points: a low result is not an error."""
    from .assignment import AssignmentError
    from .grade import grade

    if not options.folder.is_dir():
        what = "is a file" if options.folder.exists() else "does not exist"
        raise AssignmentError(f"{options.folder} {what}: expected the folder that `make` wrote, with your solution")
    many = _holds_many(options)
    if many and not options.csv:
        said = f"{options.folder} holds a folder for each of {many} students: add --csv FILE to grade them all"
        raise AssignmentError(said)
    assignment = _assignment(options)
    if options.csv:
        return _grade_many(options, assignment)
    result = grade(assignment, options.folder, student=options.student, seed=options.seed, speed=options.speed)
    if not _write(options, [result]):
        from .report import show

        show(result, _console())
    return 0


def _holds_many(options: argparse.Namespace) -> int:
    """The number of submissions in subfolders; 0 if the folder itself is a submission."""
    from .assignment import AssignmentError, ready
    from .many import place, students

    try:
        wanted = [_assignment(options).submission]
    except AssignmentError:  # the folder does not name its assignment
        if options.assignment:
            raise
        wanted = [assignment.submission for assignment in ready()]
    if any((options.folder / name).exists() for name in wanted):
        return 0
    folders = students(options.folder).values()
    return sum(any((place(folder, name) / name).is_file() for name in wanted) for folder in folders)


def _assignment(options: argparse.Namespace) -> Assignment:
    from .assignment import AssignmentError, read

    if options.assignment:
        return read(options.assignment)
    try:
        name = str(json.loads((options.folder / "assignment.json").read_text(encoding="utf-8"))["assignment"])
    except (OSError, ValueError, KeyError, TypeError):
        raise AssignmentError(f"{options.folder} does not name its assignment: add --assignment NAME") from None
    return read(options.folder / name if ".toml" in name else name)


def _grade_many(options: argparse.Namespace, assignment: Assignment) -> int:
    from .assignment import AssignmentError
    from .many import grade_all, near_identical, show_all, students

    if options.gradescope:
        raise AssignmentError("--gradescope writes the result of one submission, and --csv grades many")
    if not students(options.folder):
        raise AssignmentError(f"{options.folder}: expected that it holds a folder for each student, found none")
    console = _console()
    results = grade_all(assignment, options.folder, options.csv, options.seed, console)
    show_all(results, near_identical(assignment, options.folder, options.alike), console)
    _write(options, results)
    print(f"Wrote {options.csv}.")
    return 0


def _write(options: argparse.Namespace, results: list[Result]) -> bool:
    """Write the files that the options name; returns whether there are any. Several results make a JSON list."""
    from . import gradescope
    from .junit import junit

    texts = [
        (options.json, lambda: _json([result.to_json() for result in results], bool(options.csv))),
        (options.junit, lambda: junit(results)),
        (options.gradescope, lambda: json.dumps(gradescope.results(results[0]), indent=2, ensure_ascii=False) + "\n"),
    ]
    for file, text in texts:
        if file is not None and str(file) == "-":
            sys.stdout.write(text())
        elif file is not None:
            file.write_text(text(), encoding="utf-8")
    return any(file is not None for file, _ in texts)


def _json(results: list[str], many: bool) -> str:
    return ("[\n" + ",\n".join(results) + "\n]" if many else results[0]) + "\n"


def run_check(options: argparse.Namespace) -> int:
    """Check assignments; the exit code is 1 if one of them fails."""
    from .assignment import read, ready
    from .check import check, show

    console = _console()
    assignments = [read(name) for name in options.assignment] or ready()
    rows = [check(assignment, console) for assignment in assignments]
    show(rows, console)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(row["as_it_should_be"] for row in rows) else 1
