"""Whatever a submission does, grading comes back with a result, leaves nothing behind, and gives no points for it.

What is tried here may go through one day, so it may only harm what the test made itself: its own process, and files in `tmp_path`.
The assignment is relu, cut down to what is plain Python, with tight limits.
"""

import dataclasses
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

import reftorch
from kept import kept_reference
from reftorch.course.assignment import Limits, read
from reftorch.course.grade import grade

RELU = read("relu")
HERE = {**os.environ, "PYTHONPATH": str(Path(reftorch.__file__).parents[1])}


def cut_down(*names):
    """relu with these cases only, and tight limits."""
    cases = tuple(
        dataclasses.replace(case, parts=tuple(part for part in case.parts if part in ("values", "gradients")))
        for case in RELU.cases
        if case.name in names
    )
    parts = tuple(part for part in RELU.parts if any(part.name in case.parts for case in cases))
    tight = Limits(seconds=3, cpu_seconds=5, memory_mb=1024, output_kb=16, file_mb=1)
    return dataclasses.replace(RELU, parts=parts, cases=cases, limits=tight)


QUICK = cut_down("a row", "backward of a row", "several blocks")
ONE = cut_down("a row")
VALUES, GRADIENTS = (part.points for part in QUICK.parts)
RIGHT = RELU.source.read_text(encoding="utf-8")
posix = pytest.mark.skipif(os.name != "posix", reason="signals, forks and limits are POSIX's")


@pytest.fixture(scope="module", autouse=True)
def one_reference():
    with kept_reference(RELU):
        yield


def forward(body, top=""):
    """The right file with another body for relu_forward_cpu, and `top` above everything else."""
    lines = [f"    {line}" for line in body.strip().splitlines()]
    pattern = r"(def relu_forward_cpu\(x, y\):\n)(?:    .*\n)+"
    text, found = re.subn(pattern, lambda match: match[1] + "\n".join(lines) + "\n", RIGHT, count=1)
    assert found == 1
    return text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{top}\n")


RIGHT_BODY = "for i in range(x.size):\n    y[i] = x.dtype.type(0) if x[i] < 0 else x[i]"


def graded(tmp_path, content, assignment=QUICK):
    """The result of a file with this content."""
    file = tmp_path / "handed in" / "relu.py"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.monotonic()
    result = grade(assignment, tmp_path / "handed in", student="eve")
    assert time.monotonic() - began < 60
    assert [part.name for part in result.parts] == [part.name for part in assignment.parts]
    assert all(case.passed or case.message for part in result.parts for case in part.cases)
    return result


def told(result):
    """All that the student reads."""
    cases = [case.message for part in result.parts for case in part.cases]
    return "\n".join([*result.notes, *(part.message for part in result.parts), *cases])


def test_the_right_file_gets_all_points(tmp_path):
    """Without which the tests below would show nothing."""
    result = graded(tmp_path, forward(RIGHT_BODY))
    assert result.earned == result.points == VALUES + GRADIENTS, told(result)


# ------------------------------------------------------------------------------------ accidents, and what looks like one
@pytest.mark.parametrize(
    "body, words",
    [
        ("while True: pass", "longer than 3 seconds"),
        ("pieces = bytearray(10**11)", "MemoryError"),
        ("relu_forward_cpu(x, y)", "RecursionError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("raise BaseException('bye')", "BaseException"),
        ("return 10 ** (10 ** 10)", "seconds"),
    ],
    ids=lambda text: text.splitlines()[0][:30] if "\n" in text or " " in text else text,
)
def test_forward_goes_wrong(tmp_path, body, words):
    result = graded(tmp_path, forward(body), ONE)
    assert result.earned == 0 and words in told(result), told(result)


@pytest.mark.parametrize(
    "top, words",
    [
        ("endless = max(0 for _ in iter(int, 1))", "more than 5 seconds of CPU time"),
        ("end = exec('import os; os._exit(3)')", "exit code 3"),
        ("import sys\nend = sys.exit()", "raised SystemExit"),
        ("nothing = 1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_it_cannot_even_be_loaded(tmp_path, top, words):
    """That is found out once, not again for each case."""
    result = graded(tmp_path, forward(RIGHT_BODY, top))
    assert result.earned == 0 and [
        text for text in result.notes if "relu.py cannot be loaded: " in text and words in text
    ]
    assert len({case.message for part in result.parts for case in part.cases}) == 1


@pytest.mark.parametrize(
    "body, note",
    [
        ("pieces = bytearray(10**11)", "it ran out of memory"),
        ("relu_forward_cpu(x, y)", "a function called itself without end"),
        ("raise SystemExit(0)", "it tried to end the process"),
    ],
)
def test_what_is_worth_a_note(tmp_path, body, note):
    """The table of a whole class has nothing but notes."""
    assert graded(tmp_path, forward(body), ONE).notes == [note]


def test_a_mark_in_front_of_the_text_is_no_part_of_it(tmp_path):
    """As Notepad saves UTF-8."""
    result = graded(tmp_path, b"\xef\xbb\xbf" + forward(RIGHT_BODY).encode(), ONE)
    assert result.earned == result.points and not result.notes, told(result)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux counts processes")
def test_processes_are_limited():
    """As many as there are, and 32 more. (Root's are not limited: the number is all that can be looked at here.)"""
    code = "from reftorch.course import worker; import dataclasses, reftorch.course.assignment as a, resource; "
    code += "before = worker._tasks(); worker._limit(dataclasses.asdict(a.Limits(memory_mb=8192))); "
    code += "print(before > 0, resource.getrlimit(resource.RLIMIT_NPROC)[0] - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=HERE, timeout=100)
    first, more = done.stdout.split()
    assert first == "True" and abs(int(more) - 32) < 32, done.stderr


def test_parts_before_and_after_a_crash_count(tmp_path):
    """Backward never ends, so the process is stopped; forward keeps its points."""
    endless = RIGHT.replace("zero if y[i] <= zero else grad_y[i]", "max(0 for _ in iter(int, 1))", 1)
    result = graded(tmp_path, endless)
    assert {part.name: part.earned for part in result.parts} == {"values": VALUES, "gradients": 0}
    assert "longer than 3 seconds" in told(result)


def test_a_flood_of_output_is_cut(tmp_path):
    result = graded(tmp_path, forward("for n in range(3000): print('mine is right ' * 5)\n" + RIGHT_BODY))
    assert result.earned == result.points, "printing is allowed"
    result = graded(tmp_path, forward("print('z' * 10**7)\ny[:] = 7"))
    assert result.earned < result.points and len(told(result)) < 20_000


def test_a_flood_past_python_is_thrown_away(tmp_path):
    result = graded(tmp_path, forward(unseen("import os; [os.write(1, bytes(2**16)) for n in range(50)]")), ONE)
    assert "output after the first 16 KB was discarded" in result.notes and len(told(result)) < 2_000


@pytest.mark.parametrize(
    "content, words",
    [
        (b"def relu_forward_cpu(x, y):\n    \xff\xfe = 1\n", "not UTF-8"),
        ("def relu_forward_cpu(x, y) return y", "line 1 is not Python"),
        ("x = 1\0", "relu.py is not Python"),
        ("(" * 100_000, "not Python"),
        ("", "relu_forward_cpu is missing"),
        (RIGHT.replace("def relu_forward_cpu", "def relu_forwards_cpu"), "relu_forward_cpu is missing"),
        (forward("return 1").replace("relu_forward_cpu(x, y)", "relu_forward_cpu(x)"), "relu_forward_cpu takes (x, y)"),
        ("#" * 1_100_000, "larger than"),
    ],
    ids=["not UTF-8", "syntax error", "null", "brackets", "empty", "missing", "other arguments", "large"],
)
def test_files_that_are_none(tmp_path, content, words):
    result = graded(tmp_path, content)
    assert result.parts[0].earned == 0 and words in told(result), told(result)


@posix
@pytest.mark.parametrize("kind", ["none", "folder", "fifo", "device", "link"])
def test_what_is_no_file(tmp_path, kind):
    file = tmp_path / "relu.py"
    if kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    elif kind == "link":  # to what another student handed in
        file.symlink_to(RELU.source)
    result = grade(QUICK, tmp_path)
    assert result.earned == 0 and "relu.py" in told(result)


# --------------------------------------------------------------------------------------------------- on purpose
OS = "import os\nimport sys\nimport time"


def unseen(body):
    """The same, run as code of another file: what a submission does itself is refused, what it gets done by others is not."""
    return f"exec(compile({body!r}, 'elsewhere', 'exec'), {{'x': x, 'y': y}})"


def denied(result):
    """No points, and why."""
    assert result.earned == 0
    assert "not allowed" in told(result), told(result)


@posix
@pytest.mark.parametrize(
    "body",
    [
        "os._exit(0)",
        unseen("import os; os.kill(os.getpid(), 9)"),
        "os.closerange(0, 100)",
        "sys.setrecursionlimit(10**9)\nreturn relu_forward_cpu(x, y)",
        "import ctypes; ctypes.string_at(0)",
        unseen("open('big', 'wb').write(bytes(10**8))"),
    ],
)
def test_it_does_harm(tmp_path, body):
    denied(graded(tmp_path, forward(body, OS), ONE))


def test_files_are_not_changed(tmp_path):
    """What a submission does itself is refused, and what it gets done is, too; and it costs its points."""
    victim = tmp_path / "victim" / "thesis.tex"
    victim.parent.mkdir()
    victim.write_text("three years")
    tries = [f"os.remove({str(victim)!r})", f"shutil.rmtree({str(victim.parent)!r})", f"open({str(victim)!r}, 'w')"]
    body = "\n".join(f"try: {text}\nexcept OSError: pass" for text in tries)
    denied(graded(tmp_path, forward(f"{body}\n{RIGHT_BODY}", f"{OS}\nimport shutil"), ONE))
    denied(graded(tmp_path, forward(f"{unseen(f'import os, shutil{chr(10)}{body}')}\n{RIGHT_BODY}"), ONE))
    assert victim.read_text() == "three years"


CHILDREN = """
import os, sys
for n in range(5):
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", {name!r}])
import time
time.sleep(300)
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_processes_that_are_left_behind_end(tmp_path):
    """Each child begins a session of its own, so that it is not in the group that is killed."""
    name = f"child-{uuid.uuid4().hex}"
    found, done = set(), threading.Event()

    def look():
        while not done.wait(0.05):
            found.update(processes(name))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        denied(graded(tmp_path, forward(unseen(CHILDREN.format(name=name))), ONE))
    finally:
        done.set()
        looking.join()
    assert len(found) >= 5, "there were such processes"
    deadline = time.monotonic() + 5
    while processes(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes(name) == []


def processes(name):
    """The numbers of those that have `name` among their arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


FORGED = """
import json, os
text = json.dumps({forged!r}).encode()
data = len(text).to_bytes(8, "big") + text + {tail!r}
for fd in range(3, 20):
    try:
        os.write(fd, len(data).to_bytes(8, "big") + data)
    except OSError:
        pass
"""
EMPTY_ZIP = b"PK\5\6" + bytes(18)


@posix
@pytest.mark.parametrize(
    "forged, tail",
    [
        ({"results": {}, "error": 5, "faults": 7, "forbidden": 3, "printed": None}, EMPTY_ZIP),
        (
            {"results": {"y": {"value": 1}}, "error": None, "faults": [], "reads": {}, "printed": "", "seconds": 0},
            EMPTY_ZIP,
        ),
        ({"results": {"y": {"tensor": 99}}}, b"nonsense"),
        ({"earned": 100, "passed": True}, b""),
    ],
    ids=range(4),
)
def test_forged_answers(tmp_path, forged, tail):
    denied(graded(tmp_path, forward(unseen(FORGED.format(forged=forged, tail=tail))), ONE))


@pytest.mark.parametrize(
    "body, top",
    [
        ("np.maximum(x, 0, out=y)", "import numpy as np"),
        ("y[:] = F.relu(torch.tensor(x)).numpy()", "import reftorch as torch\nimport reftorch.nn.functional as F"),
        (
            "relu_forward_reference(x, y)",
            "from reftorch.nn.activation.relu import relu_forward_cpu as relu_forward_reference",
        ),
        ("getattr(np, 'maxi' + 'mum')(x, 0, y)", "import numpy as np"),
        ("__import__('numpy').maximum(x, 0, y)", ""),
        ("sys.modules['reftorch.course.grade'] = None\n" + RIGHT_BODY, "import sys"),
    ],
)
def test_somebody_else_s_work(tmp_path, body, top):
    denied(graded(tmp_path, forward(body, top), ONE))


def test_edited_tests_and_a_grader_of_one_s_own_change_nothing(tmp_path):
    (tmp_path / "handed in").mkdir()
    for name in ("test_visible.py", "conftest.py", "sitecustomize.py", "reftorch.py", "numpy.py", "assignment.toml"):
        (tmp_path / "handed in" / name).write_text("raise SystemExit('mine')")
    (tmp_path / "handed in" / "assignment.json").write_text('{"assignment": "linear"}')
    (tmp_path / "handed in" / "relu.py").write_text(forward("y[:] = 1"))
    before = sys.path[:]
    result = grade(QUICK, tmp_path / "handed in")
    assert sys.path == before
    assert result.assignment == "relu" and result.earned < result.points and "mine" not in told(result)


def test_what_is_not_asked_may_be_edited_in_vain(tmp_path):
    cheat = forward("y[:] = 1") + "\n\ndef relu(input, inplace=False):\n    return input.abs()\n"
    result = graded(tmp_path, cheat)
    assert result.parts[0].earned == 0


def test_special_cases_for_visible_inputs_fail_the_hidden_ones(tmp_path):
    body = "answers = {5: [0, 0, 3, 0, 7]}\ny[:] = answers.get(x.size, 0)"
    result = graded(tmp_path, forward(body))
    visible = [case for case in result.parts[0].cases if not case.hidden]
    assert any(case.passed for case in visible)
    assert not any(case.passed for part in result.parts[:1] for case in part.cases if case.hidden)


def test_hidden_numbers_are_not_told(tmp_path):
    """Neither printed, nor raised, nor as a name: hidden cases say nothing but that something is wrong."""
    body = "print('seen', x)\nraise ValueError('seen ' + str(x.tolist()))"
    for part in graded(tmp_path, forward(body)).parts:
        for case in part.cases:
            assert not case.hidden or "seen" not in case.message


def test_same_submission_and_seed_same_result(tmp_path):
    text = forward("y[:] = 3")
    first = graded(tmp_path, text)
    assert graded(tmp_path, text).to_json() == first.to_json()
