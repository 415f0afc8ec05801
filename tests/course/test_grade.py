"""Grading: points, seeds, what is said about visible and about hidden cases, and what is not allowed."""

import re
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from kept import kept_reference
from reftorch.course.assignment import Case, Limits, Part, read
from reftorch.course.cases import Array, Other, from_bytes, to_bytes
from reftorch.course.compare import difference
from reftorch.course.cut import mutated
from reftorch.course.draw import Draw, seed_of
from reftorch.course.grade import grade, seed_for
from reftorch.course.integrity import findings
from reftorch.course.mutants import Mutant
from reftorch.course.result import Result

RELU = read("relu")
SOURCE = RELU.source.read_text()
BODY = "    for i in prange(x.size):\n        zero = x.dtype.type(0)\n        y[i] = zero if x[i] < zero else x[i]\n"


@pytest.fixture(scope="module", autouse=True)
def one_reference():
    with kept_reference(RELU):
        yield


def plain(*kinds):
    """The assignment relu with these parts only."""
    parts = tuple(part for part in RELU.parts if part.kind in kinds)
    cases = [replace(case, parts=tuple(name for name in case.parts if name in kinds)) for case in RELU.cases]
    return replace(RELU, parts=parts, cases=tuple(case for case in cases if case.parts), limits=Limits(seconds=10))


VALUES = plain("values")


def graded(tmp_path, source, assignment=VALUES, **options):
    (tmp_path / "relu.py").write_text(source)
    return grade(assignment, tmp_path, **options)


def forward(body):
    assert BODY in SOURCE
    return SOURCE.replace(BODY, body, 1)


def test_partial_credit_and_what_is_said(tmp_path):
    result = graded(tmp_path, forward(BODY.replace("x[i] < zero", "x[i] < zero or x[i] != x[i]")))
    (part,) = result.parts
    assert part.earned == pytest.approx(30 * 3 / 5) and not result.notes
    said = {case.name: case.message for case in part.cases if not case.passed}
    assert said["NaN and infinity"] == "y[0] is 0, and should be nan (2 of 5 elements are wrong; this is the first)"
    assert said["NaN somewhere"] == "y is wrong"
    assert 'Known mistake "NaN becomes 0" in relu_forward_cpu: NaN became 0' in part.message
    assert "Read: nn/activation/relu.html#relu-forward-cpu-L5" in part.message
    assert "Step: reftorch step ./relu.py:relu_forward_cpu --args example.npz" in part.message


def test_hidden_cases_reveal_nothing(tmp_path):
    """Neither by prints, nor by exceptions, nor by their types."""
    body = "    print('seen', x)\n    class E4711(Exception): pass\n    raise E4711(f'secret {x}')\n"
    result = graded(tmp_path, forward(body))
    for case in result.parts[0].cases:
        assert ("secret" in case.message) == ("seen" in case.message) == (not case.hidden)
        assert "E4711" not in case.message and re.search(
            r"raised an exception \(relu\.py, line \d+, in relu_forward_cpu\)", case.message
        )


def test_same_submission_same_result(tmp_path):
    source = forward("    for i in prange(x.size):\n        y[i] = x[i] * x.dtype.type(0.5)\n")
    first, second = (graded(tmp_path, source, student="ann") for _ in range(2))
    assert first.to_json() == second.to_json() and Result.from_json(first.to_json()) == first


def test_seeds():
    assert seed_for("ann") != seed_for("bob")
    hidden = [Draw(seed_of("relu", "a", True, seed)).randn(3).tolist() for seed in (1, 1, 2)]
    visible = [Draw(seed_of("relu", "a", False, seed)).randn(3).tolist() for seed in (1, 2)]
    assert hidden[0] == hidden[1] != hidden[2] and visible[0] == visible[1] != hidden[0]


def test_a_mistake_of_ones_own_is_not_taken_for_a_known_one(tmp_path):
    result = graded(tmp_path, forward("    for i in prange(x.size):\n        y[i] = x[i] * x.dtype.type(0.5)\n"))
    assert result.earned == 0 and "Known mistake" not in result.parts[0].message
    assert "Step: " in result.parts[0].message


def test_two_mistakes_are_told_apart(tmp_path):
    conv = read("conv2d_gradients")
    keep = ("gradient of x", "gradient of the weight")
    cases = [replace(case, parts=tuple(name for name in case.parts if name in keep)) for case in conv.cases]
    parts = tuple(part for part in conv.parts if part.name in keep)
    conv = replace(conv, parts=parts, cases=tuple(case for case in cases if case.parts))
    source = conv.source.read_text()
    for name in ("gradient with a flipped kernel", "weight gradient of the last image"):
        source = mutated(source, next(mutant for mutant in conv.mutants if mutant.name == name))
    (tmp_path / "conv2d.py").write_text(source)
    x, weight = grade(conv, tmp_path).parts
    assert '"gradient with a flipped kernel"' in x.message and '"weight gradient of the last image"' not in x.message
    assert '"weight gradient of the last image"' in weight.message


def test_cuda_faults_are_told_with_their_line(tmp_path):
    source = SOURCE.replace("    if i >= x.size:\n        return\n", "", 1)
    result = graded(tmp_path, source, plain("cuda"))
    line = source.splitlines().index("    y[i] = zero if x[i] < zero else x[i]") + 1
    said = {case.name: case.message for case in result.parts[0].cases if not case.passed}
    assert re.match(rf"relu.py, line {line}: out of bounds: thread ", said["several blocks"]) is None
    assert said["several blocks"].startswith(f"relu.py, line {line}: out of bounds on ")
    assert not re.search(r"\d", said["several blocks"].split("out of bounds")[1].split("(and")[0])


def test_reads_of_global_memory_are_counted(tmp_path):
    tiled = read("conv2d_cuda")
    (case,) = (case for case in tiled.cases if case.name == "reads of one tile")
    (part,) = (part for part in tiled.parts if part.kind == "traffic")
    (greedy,) = (mutant for mutant in tiled.mutants if mutant.name == "every thread for itself")
    (tmp_path / "conv2d_tiled.py").write_text(mutated(tiled.source.read_text(), greedy))
    (result,) = grade(replace(tiled, cases=(case,), parts=(part,)), tmp_path).parts
    assert result.earned == 0 and greedy.says in result.message
    assert result.cases[0].message == "33.11 reads of global memory per output, the reference needs 6.109"


@pytest.mark.parametrize("rounds, earned", [(1, 5), (400, 0)])
def test_speed_is_a_ratio_to_the_reference(tmp_path, rounds, earned):
    """Needless work, which the compiler cannot know to be needless. Without being asked for, nothing of it is graded."""
    case = Case("many", "y = F.relu(randn(50_000))", ("y",), ("speed",), hidden=True)
    assignment = replace(RELU, cases=(case,), parts=(Part("speed", 5, "speed", limit=4),))
    needless = (
        f"acc = x[i] * x[i]\nfor again in range({rounds}):\n    acc = acc / (acc + 2)\nif acc > 1000:\n    y[i] = acc\n"
    )
    (tmp_path / "relu.py").write_text(forward(BODY + textwrap.indent(needless, " " * 8)))
    (part,) = grade(assignment, tmp_path, speed=True).parts
    assert part.earned == earned and "times the reference's time; at most 4 times is allowed" in part.cases[0].message
    assert grade(assignment, tmp_path).parts == []


def test_compiled_must_be_the_same(tmp_path):
    """What Numba cannot compile is right as plain Python only."""
    source = forward("    for i, number in enumerate(x.tolist()):\n        y[i] = max(number, 0)\n")
    assignment = plain("compiled")
    cases = tuple(case for case in assignment.cases if case.name == "a row")
    result = graded(tmp_path, source, replace(assignment, cases=cases))
    assert result.earned == 0 and "raised " in result.parts[0].cases[0].message


def test_special_cases_for_visible_numbers_do_not_help(tmp_path):
    body = "    known = {-2.0: 0.0, 0.0: 0.0, 3.0: 3.0, -0.5: 0.0, 7.0: 7.0}\n"
    body += "    for i in range(x.size):\n        y[i] = known.get(float(x[i]), 0)\n"
    result = graded(tmp_path, forward(body))
    assert {case.name for case in result.parts[0].cases if case.passed} == {"a row"}


# -------------------------------------------------------------------------------------------------- not allowed
@pytest.mark.parametrize(
    "body, said",
    [
        ("    y[:] = np.maximum(x, 0)\n", "uses np.maximum"),
        ("    y[:] = x @ x\n", "uses the operator @"),
        ("    eval('1')\n", "uses eval"),
        ("    from torch import relu\n", "imports relu from torch"),
        ("    import reftorch.fast\n", "imports reftorch.fast"),
        ("    y[:] = relu_forward_cpu.py_func\n", "uses relu_forward_cpu.py_func"),
        ("    y[:] = relu(Tensor(x))\n", "uses relu"),
        ("    y[:] = ReluFunction.apply(Tensor(x), False)\n", "uses ReluFunction"),
    ],
)
def test_what_the_text_shows(body, said):
    (found,) = {text.partition(": ")[2] for text in findings(RELU, forward(body)) if said in text}
    assert found == said or found.startswith(said)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        SOURCE + "\nimport math\nimport numpy as np\n",
        SOURCE + "\nif __name__ == '__main__':\n    import torch\n    print(torch.dot)\n",
        SOURCE.replace("return relu(input, inplace=True)", "return eval('relu')(input)"),  # not taken
        forward("    outer = len(x)\n    for inner in range(outer):\n        y[inner] = x[inner]\n"),
    ],
)
def test_what_is_allowed(source):
    assert findings(RELU, source) == []


def test_what_only_running_shows(tmp_path):
    source = "import numpy as np\n" + forward(BODY + "    getattr(np, 'd' + 'ot')(x, x)\n").replace(
        "from __future__ import annotations\n", ""
    )
    result = graded(tmp_path, source)
    assert result.earned == 0 and "calls np.dot, when it ran" in result.notes[0]
    assert all(case.passed for case in result.parts[0].cases)  # right, but not one's own work


# --------------------------------------------------------------------------------------------- packing, comparing
def test_results_travel_as_data():
    numbers = np.array([[1.5, np.nan]], np.float32)
    told = {"results": {"a": {"tensor": 0, "dtype": "torch.float32"}, "b": {"list": [{"value": 3}, {"other": "set"}]}}}
    back = from_bytes(to_bytes({**told, "arrays": [numbers]}))["results"]
    assert back["a"].dtype == "torch.float32" and np.array_equal(back["a"].numbers, numbers, equal_nan=True)
    assert back["b"][0] == 3 and back["b"][1].kind == "set"


@pytest.mark.parametrize(
    "data", [b"", b"x" * 100, (10**9).to_bytes(8, "big") + b"{}", (2).to_bytes(8, "big") + b"{}zip"]
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match="not a result"):
        from_bytes(data)


def test_objects_do_not_travel():
    told = to_bytes({"results": {"a": {"tensor": 0, "dtype": "numpy"}}, "arrays": [np.array([print], object)]})
    assert from_bytes(told)["results"]["a"].numbers.size == 0


def array(*numbers, dtype=np.float32):
    return Array(np.array(numbers, dtype), f"torch.{np.dtype(dtype)}")


@pytest.mark.parametrize(
    "found, wanted, said",
    [
        (array(1, np.nan), array(1 + 1e-6, np.nan), ""),
        (array(1, 2), array(1, 2.5), "y[1] is 2, and should be 2.5 (1 of 2 elements are wrong; this is the first)"),
        (array(1), array(1, 2), "y has shape (1,), and should have (2,)"),
        (array(1, dtype=np.float64), array(1), "y is torch.float64, and should be torch.float32"),
        (1.0, array(1), "y is 1.0, and should be a tensor of shape (1,)"),
        (array(1), 1.0, "y is a tensor, and should be 1.0"),
        ([1, True], [1, 1], "y[1] is True, and should be 1"),
        ([1], [1, 2], "y has 1 items, and should have 2"),
        ({"a": 1}, {"b": 1}, "y has the keys ['a'], and should have ['b']"),
        (Other("set"), 3, "y is a set, and should be 3"),
        (0.1 + 0.2, 0.3, ""),
        ("abc", "abc", ""),
    ],
)
def test_differences(found, wanted, said):
    assert difference("y", found, wanted) == said


def test_a_mutant_of_ones_own(tmp_path):
    own = Mutant("halved", "relu_forward_cpu", "else x[i]", "else x[i] / 2", "the output was halved")
    result = graded(tmp_path, mutated(SOURCE, own), replace(VALUES, mutants=(*VALUES.mutants, own)))
    assert '"halved" in relu_forward_cpu: the output was halved.' in result.parts[0].message


def test_a_mutant_that_does_not_fit_hides_no_other(tmp_path):
    strange = Mutant("strange", "relu_forward_cpu", "not in it", "", "this is never told")
    negative = next(m for m in VALUES.mutants if m.name == "absolute value")
    mutants = (strange, *VALUES.mutants)
    result = graded(tmp_path, mutated(SOURCE, negative), replace(VALUES, mutants=mutants))
    assert negative.says in result.parts[0].message and strange.says not in result.parts[0].message
