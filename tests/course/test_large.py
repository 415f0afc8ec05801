"""Large cases on CUDA: what small ones cannot show is found, and told with thread and block."""

import re
from dataclasses import replace

import pytest

from kept import kept_reference
from reftorch.course.assignment import AssignmentError, read, ready
from reftorch.course.cut import mutated
from reftorch.course.grade import grade

pytestmark = pytest.mark.simulator
RELU, TILED = read("relu"), read("conv2d_cuda")
HEAD = "    i = cuda.grid(1)\n    if i >= x.size:\n        return\n"
SOURCE = RELU.source.read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def one_reference():
    with kept_reference(RELU):
        yield


def only_large(assignment):
    """The assignment with its large case alone."""
    (case,) = (case for case in assignment.cases if case.large)
    parts = tuple(part for part in assignment.parts if part.name in case.parts)
    return replace(assignment, parts=parts, cases=(case,))


def said(assignment, source, tmp_path):
    """What is said about the large case; empty if it passes."""
    (tmp_path / assignment.submission).write_text(source)
    result = grade(only_large(assignment), tmp_path)
    (part,) = result.parts
    (case,) = part.cases
    assert not result.notes and case.hidden and part.earned == (part.points if case.passed else 0)
    return case.message


def relu(head=HEAD, body="    y[i] = zero if x[i] < zero else x[i]\n"):
    """The component with another forward kernel for CUDA."""
    before, kernel, after = SOURCE.partition("def relu_forward_cuda(x, y):\n")
    rest = after[after.index("\n\n\n") :]
    return f"{before}{kernel}{head}    zero = x.dtype.type(0)\n{body}{rest}"


MISTAKES = {
    "bounds check forgotten": (
        relu(head="    i = cuda.grid(1)\n"),
        r"relu.py, line LINE: relu_forward_cuda: thread \d+ of block 4\d\d reads or writes outside an array",
    ),
    "one block": (
        relu(head=HEAD.replace("cuda.grid(1)", "cuda.threadIdx.x")),
        r"y is wrong from \[0, 5, \d+\] on, which thread \d of block 1 has to write\ny64 is wrong from .* of block 1 has to write",
    ),
    "16 bits": (
        relu(head=HEAD.replace("cuda.grid(1)", "(cuda.grid(1) + 32_768 & 65_535) - 32_768")),
        r"y is wrong from .*, which thread \d+ of block 128 has to write",
    ),
    "float64 over float32": (
        relu(body="    y[i] = zero if x[i] < zero else 0.25 * x[i] + 0.75 * x[i]\n"),
        r"relu.py, line LINE: relu_forward_cuda: it computes in float64, although its arrays are float32: .*x.dtype.type\(0\)",
    ),
    "a statement that is not compiled": (
        relu(body="    y[i] = zero if x[i] < zero else x[i]\n    text = f'{x[i]:.3f}'\n"),
        r"relu.py, line \d+: relu_forward_cuda: it cannot be compiled: format spec in f-strings not supported yet.",
    ),
    "an array without room": (
        relu(body="    table = cuda.local.array(1 << 45, x.dtype)\n    table[0] = x[i]\n    y[i] = table[0]\n"),
        r"relu.py, line MADE: relu_forward_cuda: a thread makes an array for which there is no memory",
    ),
    "not compiled": (
        relu(body="    y[i] = zero if x[i] < zero else x[i].sum()\n"),
        r"relu.py, line \d+: relu_forward_cuda: it cannot be compiled: Unknown attribute 'sum' of type float32",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_thread_and_block(mistake, tmp_path):
    source, wanted = MISTAKES[mistake]
    line = source[: source.index("def relu_forward_cuda")].count("\n")  # of the decorator, above
    wanted = wanted.replace("LINE", str(line)).replace("MADE", str(line + 6))
    assert re.fullmatch(wanted, said(RELU, source, tmp_path))


def test_a_right_kernel_in_other_words_passes(tmp_path):
    assert said(RELU, relu(body="    y[i] = x[i]\n    if x[i] < zero:\n        y[i] = zero\n"), tmp_path) == ""


@pytest.mark.parametrize(
    "mistake, wanted",
    [
        (
            "threads beyond the image leave",
            r"conv2d_tiled.py, line \d+: conv2d_tiled_forward_cuda: thread \(.*\) of block .* do not reach the same barrier",
        ),
        ("the first tile everywhere", r"y is wrong from \[0, 0, 0, 8\] on"),
    ],
)
def test_kernels_with_barriers(mistake, wanted, tmp_path):
    mutant = next(mutant for mutant in TILED.mutants if mutant.name == mistake)
    source = mutated(TILED.source.read_text(encoding="utf-8"), mutant)
    assert re.fullmatch(wanted, said(TILED, source, tmp_path))


def test_shared_arrays_that_are_too_large(tmp_path):
    source = TILED.source.read_text(encoding="utf-8")
    assert source.count("shared.array((SIDE, SIDE)") == 1
    source = source.replace("shared.array((SIDE, SIDE)", "shared.array((SIDE * 999, SIDE)")
    wanted = r"conv2d_tiled.py, line \d+: conv2d_tiled_forward_cuda: the block's shared arrays take [\d,]+ bytes: it has 49,152"
    assert re.fullmatch(wanted, said(TILED, source, tmp_path))


def test_float32_in_a_float64_kernel(tmp_path):
    softmax = read("log_softmax")
    head, kernel, rest = softmax.source.read_text(encoding="utf-8").partition("def log_softmax_forward_cuda")
    rest = rest.replace("= x[n, c, d] - largest", "= np.float32(x[n, c, d] - largest)", 1)
    assert re.fullmatch(
        r"log_p64 is wrong from \[0, 0\] on, which thread 0 of block 0 has to write",
        said(softmax, head + kernel + rest, tmp_path),
    )


@pytest.mark.parametrize("change", ["hidden = false\nlarge = true", 'parts = ["values"]\nhidden = true\nlarge = true'])
def test_a_large_case_is_hidden_and_counts_for_cuda_only(change, tmp_path):
    text = RELU.file.read_text(encoding="utf-8")
    large = text.rindex("[[case]]")
    case = text[large:].replace("hidden = true\nlarge = true", change)
    case = case.replace('parts = ["cuda"]\n', "", 'parts = ["values"]' in change)
    (tmp_path / "own.toml").write_text(text[:large] + case)
    with pytest.raises(AssignmentError, match="'a hundred thousand elements' is large: it must be hidden"):
        read(tmp_path / "own.toml")


def test_each_assignment_with_cuda_kernels_has_a_large_case():
    asked = [each for each in ready() if any(name.endswith("_cuda") for name in each.cut)]
    assert len(asked) == 8
    for assignment in asked:
        assert sum(case.large for case in assignment.cases) == 1, assignment.name
