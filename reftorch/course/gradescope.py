"""Results for Gradescope, and the program that its containers run: `python -m reftorch.course.gradescope`.

Gradescope unpacks an autograder into /autograder/source and runs its setup.sh once, as root. For each submission it puts the
student's files into /autograder/submission, writes the student's name to /autograder/submission_metadata.json, runs
/autograder/run_autograder, and reads /autograder/results/results.json. That format is described at
https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import traceback
from pathlib import Path
from typing import Any

from .assignment import AssignmentError, read
from .grade import grade
from .report import lines, number, printable
from .result import PartResult, Result

BROKEN = (
    "The autograder failed before it had a result. This does not mean that your submission is wrong. Please tell your instructor, "
    "who can find the reason in the output of the autograder."
)


def results(result: Result, seconds: float | None = None) -> dict[str, Any]:
    """A result in Gradescope's format: one test for each part, whose output lists the cases.

    Nothing in it is hidden from students, because messages of hidden cases hold no numbers. If a test were hidden, Gradescope would not
    show them their score.
    """
    told = {
        "score": result.earned,
        "output": "\n".join(map(printable, result.notes))
        or f"{number(result.earned)} of {number(result.points)} points",
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"assignment": result.assignment, "seed": result.seed},
        "tests": [_test(part, str(place)) for place, part in enumerate(result.parts, 1)],
    }
    return told if seconds is None else {**told, "execution_time": round(seconds)}


def _test(part: PartResult, place: str) -> dict[str, Any]:
    return {
        "score": round(part.earned, 2),
        "max_score": part.points,
        "status": "passed" if part.earned >= part.points else "failed",
        "name": printable(part.name),
        "number": place,
        "output": "\n".join(lines(part, all_cases=True)),
        "visibility": "visible",
    }


def student(metadata: Path) -> str:
    """The students: the e-mail addresses of all who handed in the submission together, sorted. Empty if nobody is named."""
    try:
        users = json.loads(metadata.read_text(encoding="utf-8"))["users"]
        return ",".join(sorted(str(user["email"]) for user in users))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def main() -> int:
    """Grade the folder `submission`, and write results/results.json in any case."""
    parser = argparse.ArgumentParser(prog="python -m reftorch.course.gradescope", allow_abbrev=False)
    parser.add_argument("root", type=Path, help="the folder that Gradescope calls /autograder")
    parser.add_argument("--seed", type=int, help="chosen when the autograder was packaged")
    options = parser.parse_args()
    out = options.root / "results" / "results.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    _write(out, {"score": 0, "output": BROKEN, "tests": []})  # this file remains if this process is killed
    began = time.monotonic()
    try:
        (file,) = (options.root / "source" / "assignment").iterdir()
        assignment = read(file)
        who = student(options.root / "submission_metadata.json")
        result = grade(assignment, options.root / "submission", student=who, seed=options.seed)
    except (AssignmentError, OSError) as error:  # only instructors see what is printed
        print(f"reftorch: error: {error}")
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    _write(out, results(result, time.monotonic() - began))
    return 0


def _write(file: Path, content: dict[str, Any]) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, file)


if __name__ == "__main__":
    raise SystemExit(main())
