"""Gradescope: results.json as specified, and the autograder zip unpacked and run as its documentation says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from reftorch.course import gradescope
from reftorch.course.assignment import PACKAGE, read
from reftorch.course.cut import mutated
from reftorch.course.package import package, requirements, sources
from reftorch.course.result import CaseResult, PartResult, Result

FILE = read("relu").file.name
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
TOP = {
    "score": (int, float),
    "execution_time": (int, float),
    "output": str,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": {"passed", "failed"},
    "name": str,
    "name_format": FORMATS,
    "number": str,
    "output": str,
    "output_format": FORMATS,
    "tags": list,
    "visibility": VISIBILITIES,
    "extra_data": dict,
}


def check(told):
    """Nothing but the fields of the specification, each with a value that it allows."""
    for fields, values in [(TOP, told), *((TEST, test) for test in told["tests"])]:
        for name, value in values.items():
            allowed = fields[name]
            assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), (name, value)
    assert "score" in told or all("score" in test for test in told["tests"])


@pytest.fixture
def result():
    cases = [CaseResult("one row", False, False, "y[0]: 1 instead of 2"), CaseResult("rows", True, True)]
    parts = [PartResult("values", 3.0, 1.5, cases), PartResult("gradients", 2.0, 2.0, [CaseResult("rows", True, True)])]
    return Result("relu", "ada@example.com", 3, parts)


def test_results_follow_the_specification(result):
    told = gradescope.results(result, 12.4)
    check(json.loads(json.dumps(told)))
    assert (told["score"], told["execution_time"], told["output"]) == (3.5, 12, "3.5 of 5 points")
    assert [(test["name"], test["number"], test["status"]) for test in told["tests"]] == [
        ("values", "1", "failed"),
        ("gradients", "2", "passed"),
    ]
    assert sum(test["score"] for test in told["tests"]) == told["score"]
    assert told["tests"][0]["output"].splitlines() == [
        "values, one row: failed",
        "    y[0]: 1 instead of 2",
        "values, rows (hidden): passed",
    ]


@pytest.mark.parametrize(
    "text, name",
    [
        ('{"users": [{"email": "b@x"}, {"email": "a@x"}]}', "a@x,b@x"),
        ('{"users": []}', ""),
        ("{}", ""),
        ("[1]", ""),
        ("not JSON", ""),
        (None, ""),
    ],
)
def test_whose_it_is(tmp_path, text, name):
    if text is not None:
        (tmp_path / "metadata.json").write_text(text)
    assert gradescope.student(tmp_path / "metadata.json") == name


def test_the_zip_has_what_the_documentation_asks_for(tmp_path):
    package(read("relu"), tmp_path / "a.zip", seed=5)
    package(read("relu"), tmp_path / "b.zip", seed=5)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert {"setup.sh", "run_autograder", f"assignment/{FILE}"} <= set(names), "in the root of the archive"
        modes = {name: archive.getinfo(name).external_attr >> 16 & 0o777 for name in names}
        assert modes["run_autograder"] == modes["setup.sh"] == 0o755
        assert not [name for name in names if "__pycache__" in name or ".." in name or name.startswith("/")]
        scripts = [archive.read(name).decode() for name in ("setup.sh", "run_autograder", "requirements.txt")]
    assert not any("://" in text for text in scripts), "nothing names a host"
    assert all(text.startswith("#!") for text in scripts[:2]) and "--seed 5" in scripts[1]
    inside = {Path(name).relative_to("reftorch").as_posix() for name in names if name.startswith("reftorch/")}
    assert inside == {file.relative_to(PACKAGE).as_posix() for file in sources()}
    assert scripts[2].splitlines() == requirements() and any(line.startswith("numba") for line in requirements())
    assert {"cli.py", "relu.py", FILE} <= {file.name for file in sources()}


PACKAGES = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]


def reachable():
    """A Python like this one that the account "nobody" can run, with these packages: they may lie in folders closed to others."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        try:
            packages = {"PYTHONPATH": os.pathsep.join(PACKAGES)}
            asked = [python, "-c", "import ensurepip, numpy"]
            if subprocess.run(asked, user="nobody", cwd="/", env=packages).returncode == 0:
                return python
        except (OSError, LookupError, ValueError, AttributeError):  # not there, not root, no such account, not POSIX
            continue
    return None


PYTHON = reachable()


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """A folder like /autograder, as Gradescope has it after building. Packages come from this Python, not from pip's index."""
    with tempfile.TemporaryDirectory(prefix="autograder-") as name:
        root = Path(name)
        root.chmod(0o755)  # the account without rights has to get here
        package(read("relu"), root / "autograder.zip", seed=5)
        with zipfile.ZipFile(root / "autograder.zip") as archive:
            for entry in archive.infolist():
                archive.extract(entry, root / "source")
                (root / "source" / entry.filename).chmod(entry.external_attr >> 16)
        run(root, "source/setup.sh", PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
        (inside,) = (root / "venv").rglob("site-packages")
        (inside / "here.pth").write_text("\n".join(PACKAGES) + "\n")
        shutil.copy(root / "source" / "run_autograder", root)
        yield root


def run(root, script, **environment):
    """Run a script of the autograder, with another folder for /autograder; returns its output."""
    environment = {
        **os.environ,
        "AUTOGRADER_ROOT": str(root),
        "AUTOGRADER_PYTHON": PYTHON or sys.executable,
        **environment,
    }
    environment["REFTORCH_COURSE_USER"] = "nobody" if PYTHON else ""
    environment["PYTHONPATH"] = os.pathsep.join(PACKAGES)
    done = subprocess.run([root / script], cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def submit(root, text):
    """Hand in relu.py; returns what the student and the instructor see."""
    shutil.rmtree(root / "submission", ignore_errors=True)
    (root / "submission").mkdir()
    if text is not None:
        (root / "submission" / "relu.py").write_text(text)
    users = [{"email": "ada@example.com", "id": 1, "name": "Ada"}]
    (root / "submission_metadata.json").write_text(json.dumps({"id": 1, "users": users}))
    output = run(root, "run_autograder")
    told = json.loads((root / "results" / "results.json").read_text())
    check(told)
    return told, output


def test_a_right_submission_gets_all_points(autograder):
    told, _ = submit(autograder, read("relu").source.read_text())
    assert told["score"] == read("relu").points and {test["status"] for test in told["tests"]} == {"passed"}
    assert told["extra_data"] == {"assignment": "relu", "seed": 5}


def test_a_wrong_one_is_told_why(autograder):
    wrong = mutated(
        read("relu").source.read_text(), next(m for m in read("relu").mutants if m.name == "absolute value")
    )
    told, _ = submit(autograder, wrong)
    assert 0 < told["score"] < read("relu").points
    assert any("ReLU makes it zero" in test["output"] for test in told["tests"])


def test_none_at_all_is_a_result_too(autograder):
    told, _ = submit(autograder, None)
    assert told["score"] == 0 and "relu.py" in told["output"]
    assert [test["name"] for test in told["tests"]] == [part.name for part in read("relu").parts]


def test_it_was_the_installed_package_that_graded(autograder):
    python = autograder / "venv" / "bin" / "python"
    where = subprocess.run([python, "-Ic", "import reftorch; print(reftorch.__file__)"], capture_output=True, text=True)
    assert where.stdout.startswith(str(autograder / "venv"))


def test_a_grader_that_breaks_says_so(autograder):
    file = autograder / "source" / "assignment" / FILE
    good = file.read_text()
    file.write_text("nonsense")
    try:
        with pytest.raises(AssertionError, match=FILE):
            submit(autograder, "")
    finally:
        file.write_text(good)
    told = json.loads((autograder / "results" / "results.json").read_text())
    check(told)
    assert told["score"] == 0 and "tell your instructor" in told["output"]


THIEF = """
import pathlib

def relu_forward_cpu(x, y):
    for name in ("results/results.json", "source/assignment/{toml}"):
        try:
            file = pathlib.Path({root!r}) / name
            text = file.read_text()
            file.write_text('{{"score": 1000}}')
            print("READ", name, len(text))
        except OSError:
            pass
"""


@pytest.mark.skipif(PYTHON is None, reason="wants root, and a Python that the account nobody can run")
def test_a_submission_can_neither_read_nor_write_the_autograder_s_files(autograder):
    before = (autograder / "source" / "assignment" / FILE).read_text()
    told, _ = submit(autograder, THIEF.format(root=str(autograder), toml=FILE))
    assert told["score"] == 0
    assert "READ" not in json.dumps(told) and (autograder / "source" / "assignment" / FILE).read_text() == before
