"""What a submission overwrites costs points, whether or not its results are right; and surplus threads are really started."""

from dataclasses import replace

import pytest

from kept import kept_reference
from reftorch.course.assignment import Limits, read
from reftorch.course.grade import grade
from reftorch.course.overwritten import written

RELU, OWN = read("relu"), read("own_function")
SOURCE = RELU.source.read_text(encoding="utf-8")
LINES = {  # the line that writes the result, in both forms of each kernel
    "relu_forward_cpu": "        y[i] = zero if x[i] < zero else x[i]\n",
    "relu_forward_cuda": "    y[i] = zero if x[i] < zero else x[i]\n",
    "relu_backward_x_cpu": "        grad_x[i] = zero if y[i] <= zero else grad_y[i]\n",
    "relu_backward_x_cuda": "    grad_x[i] = zero if y[i] <= zero else grad_y[i]\n",
}


def only(assignment, *names):
    """The assignment with these cases, and without what is compiled."""
    cases = [
        replace(c, parts=tuple(p for p in c.parts if p != "compiled")) for c in assignment.cases if c.name in names
    ]
    kept = {part for case in cases for part in case.parts}
    parts = tuple(part for part in assignment.parts if part.name in kept)
    return replace(assignment, parts=parts, cases=tuple(cases), limits=Limits(seconds=20))


SMALL = only(RELU, "a row", "backward of a row", "several blocks")


def graded(tmp_path, assignment, source):
    (tmp_path / assignment.submission).write_text(source, encoding="utf-8")
    result = grade(assignment, tmp_path)
    return result, {part.name: part.earned for part in result.parts}


@pytest.mark.parametrize(
    "kernel, argument, costs",
    [
        ("relu_forward_cpu", "x", {"values": 0, "shape": 0, "gradients": 0}),  # without forward no backward
        ("relu_forward_cuda", "x", {"cuda": 0}),
        ("relu_backward_x_cpu", "grad_y", {"gradients": 0}),
        ("relu_backward_x_cpu", "y", {"gradients": 0}),
        ("relu_backward_x_cuda", "grad_y", {"cuda": 25 * 2 / 3}),
    ],
)
def test_a_kernel_that_overwrites_what_it_reads(tmp_path, kernel, argument, costs):
    line = LINES[kernel]
    start = SOURCE.index(f"def {kernel}(")
    indent = line[: len(line) - len(line.lstrip())]
    spoilt = SOURCE[:start] + SOURCE[start:].replace(line, f"{line}{indent}{argument}[i] = 5\n", 1)
    with kept_reference(RELU):
        result, earned = graded(tmp_path, SMALL, spoilt)
    full = {part.name: part.points for part in SMALL.parts}
    assert earned == {name: pytest.approx(costs.get(name, points), abs=0.01) for name, points in full.items()}
    said = "\n".join(case.message for part in result.parts for case in part.cases)
    assert f"{kernel} overwrites {argument}, which it should only read" in said
    assert not any("Known mistake" in part.message for part in result.parts)


def test_a_function_that_overwrites_its_input(tmp_path):
    source = OWN.source.read_text(encoding="utf-8")
    assignment = only(OWN, "gradients of three numbers")
    right, _ = graded(tmp_path, assignment, source)
    assert right.earned == right.points, right
    line = "        return grad_x, grad_beta, None\n"
    assert line in source
    result, _ = graded(tmp_path, assignment, source.replace(line, f"        x.data.zero_()\n{line}", 1))
    assert result.earned == 0 and "x is overwritten" in result.parts[0].cases[0].message


@pytest.mark.parametrize("kernel", ["relu_forward_cuda", "relu_backward_x_cuda"])
def test_a_bounds_check_that_was_forgotten(tmp_path, kernel):
    """Also where there are as many elements as threads of a warp: more threads are started than there are elements."""
    start = SOURCE.index(f"def {kernel}(")
    check = "    if i >= y.size:\n        return\n"
    with kept_reference(RELU):
        result, earned = graded(tmp_path, SMALL, SOURCE[:start] + SOURCE[start:].replace(check, "", 1))
    part = next(part for part in result.parts if part.name == "cuda")
    assert earned["cuda"] < part.points
    assert (
        'Known mistake "bounds check forgotten"' in part.message
        and "must return before they use an array" in part.message
    )


def test_what_a_kernel_writes_is_read_off_its_source():
    assert written("def f(x, y, n):\n    for i in range(len(x)):\n        y[i] = abs(x[i])") == {"f": {"y"}}
    assert written("def f(x, y):\n    line = y[0]\n    line[1] += x[0]")["f"] == {"y"}
    assert written("def f(a, b):\n    b[0] = 1\ndef g(x, y):\n    f(x, y[0])")["g"] == {"y"}
    assert written("def f(xs, ys):\n    x, y = xs[0], ys[0]\n    y[0] = x[0]")["f"] == {"ys"}
    assert written("def f(x, y):\n    cuda.atomic.add(y, 0, x[0])")["f"] == {"y"}
