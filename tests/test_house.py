"""The rules of the house hold in every file, and each rule can be broken: small bad examples show it."""

import doctest
import functools
import importlib
import re
import textwrap
from pathlib import Path

import pytest

import house
import reftorch
import vocabulary
from reftorch.course.mutants import components, mutants_of

PACKAGE = Path(reftorch.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("nn", "optim", "transforms")  # where components live


def names(files):
    return [str(file.relative_to(PACKAGE.parent)) for file in files]


WITH_KERNELS = [file for file in FILES if house.kernels(file.read_text())]
PLUMBING = [PACKAGE / "nn/loss/reduction.py"]  # a kernel that all losses share, and no page of its own
WITHOUT_KERNELS = [
    file
    for file in FILES
    if file.relative_to(PACKAGE).parts[0] in ROOMS
    and file not in WITH_KERNELS
    and "\n## Worked example" in file.read_text()
]
COMPONENTS = [file for file in WITH_KERNELS if file.relative_to(PACKAGE).parts[0] in ROOMS and file not in PLUMBING]
each_file = pytest.mark.parametrize("file", FILES, ids=names(FILES))
each_with_kernels = pytest.mark.parametrize("file", WITH_KERNELS, ids=names(WITH_KERNELS))
each_component = pytest.mark.parametrize("file", COMPONENTS, ids=names(COMPONENTS))


def module_of(file):
    dotted = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    return importlib.import_module(dotted.removesuffix(".__init__"))


def complain(complaints):
    assert not complaints, "\n".join(complaints)


def test_the_eight_are_here():
    """Module has no arithmetic of its own; the other seven have kernels."""
    wanted = {"conv2d", "max_pool2d", "linear", "relu", "normalize", "cross_entropy_loss", "sgd"}
    assert wanted <= {file.stem for file in COMPONENTS}


# ----------------------------------------------------------------------------------------------- every file
@each_file
def test_sizes(file):
    complain(house.sizes(file.read_text()))


@each_file
def test_nothing_is_left_to_be_written(file):
    if file.relative_to(PACKAGE).parts[0] != "scaffold":
        assert not re.search(r"\bTODO:", file.read_text())


@each_file
def test_imports_no_torch(file):
    assert not house.imports(file.read_text()) & {"torch", "torchvision"}


@each_file
def test_has_a_docstring(file):
    module = module_of(file)
    assert module.__doc__ and module.__doc__.strip()


def modules_with_examples():
    return [file for file in FILES if re.search(r"^ *>>> ", file.read_text(), re.MULTILINE)]


@pytest.mark.parametrize("file", modules_with_examples(), ids=names(modules_with_examples()))
def test_examples_run(file):
    with reftorch.debug():  # nothing is compiled for them: that compiled and interpreted agree is tested elsewhere
        result = doctest.testmod(module_of(file))
    assert result.attempted and not result.failed


# ------------------------------------------------------------------------------------------------- kernels
@each_with_kernels
def test_numbers_have_types(file):
    complain([line for node in house.kernels(file.read_text()).values() for line in house.untyped_numbers(node)])


@each_component
def test_kernel_names_and_order(file):
    passes = "step" if file.relative_to(PACKAGE).parts[0] == "optim" else "forward|backward"
    complain(house.names_and_order(file.read_text(), passes))


@each_component
def test_cuda_twin_is_the_same_text(file):
    kernels = house.kernels(file.read_text())
    for name, cpu in kernels.items():
        if name.endswith("_cpu"):
            complain(house.twins(cpu, kernels[name.removesuffix("cpu") + "cuda"]))


@each_component
def test_docstring_sections(file):
    module = module_of(file)
    complain(house.sections(module.__doc__))


@each_component
def test_questions(file):
    complain(house.questions(module_of(file).__doc__))


@pytest.mark.parametrize("file", WITHOUT_KERNELS, ids=names(WITHOUT_KERNELS))
def test_questions_without_kernels(file):
    complain(house.questions(module_of(file).__doc__))


@pytest.mark.parametrize("file", WITHOUT_KERNELS, ids=names(WITHOUT_KERNELS))
def test_docstring_sections_without_kernels(file):
    complain(house.sections(module_of(file).__doc__, house.OPTIONAL | {"Gradients", "Cost", "Symbols"}))


@each_component
def test_symbols_occur_in_formulas_and_kernels(file):
    complain(house.symbols(file.read_text()))


@each_component
def test_symbols_are_those_of_the_shared_vocabulary(file):
    complain(vocabulary.complaints(house.symbol_rows(module_of(file).__doc__)))


@functools.cache
def mutated():
    """The kernels with a classic mistake."""
    return {mutant.kernel for component in components() for mutant in mutants_of(component)}


@each_component
@pytest.mark.parametrize("direction", ["_forward", "_backward", "_step"])
def test_classic_mistakes_are_listed(file, direction):
    """Some kernel of each direction that a file has is the place of a classic mistake."""
    names = house.kernels(file.read_text())
    kernels = {name for name in names if direction in name and name.endswith("_cpu")}
    assert not kernels or kernels & mutated(), f"no mutant in any of {sorted(kernels)}"


@pytest.mark.parametrize("file", sorted(TESTS.rglob("*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_sizes_of_tests(file):
    complain(house.sizes(file.read_text()))


# ------------------------------------------------------------------------------- the rules themselves can fail
GOOD = """
    @njit(**PARALLEL)
    def scale_forward_cpu(x, y):
        N, C = x.shape
        for n in prange(N):
            for c in range(C):
                acc = np.float64(0)
                acc += x[n, c]
                y[n, c] = acc


    @cuda.jit
    def scale_forward_cuda(x, y):
        N, C = x.shape
        i = cuda.grid(1)
        if i >= y.size:
            return
        c = i % C
        n = i // C
        acc = y.dtype.type(0)
        acc += x[n, c]
        y[n, c] = acc
"""


def twin_complaints(source):
    cpu, cuda = house.kernels(textwrap.dedent(source)).values()
    return house.twins(cpu, cuda)


def test_good_twins_pass():
    assert twin_complaints(GOOD) == []
    assert house.names_and_order(textwrap.dedent(GOOD)) == []


@pytest.mark.parametrize(
    "find, replace",
    [
        (
            "= x[n, c]\n        y[n, c] = acc\n",
            "= x[c, n]\n        y[n, c] = acc\n",
        ),  # another index in CUDA
        ("        y[n, c] = acc\n'''", "'''"),
        ("acc = y.dtype.type(0)", "acc = y.dtype.type(1)"),
        ("acc = y.dtype.type(0)", "acc = np.float32(0)"),
        ("acc = np.float64(0)", "acc = np.float64(2)"),
        ("        if i >= y.size:\n            return\n", ""),
        ("        if i >= y.size:", "        if i > y.size:"),
        ("        c = i % C\n", ""),
        ("        c = i % C\n", "        c = i % C\n        extra = 2\n"),
        ("        c = i % C\n", "        c = i % C\n        y[0, 0] = 1\n"),
        ("        i = cuda.grid(1)\n", "        i = 3\n"),
        ("scale_forward_cuda(x, y)", "scale_forward_cuda(y, x)"),
        ("        N, C = x.shape\n        i =", "        C, N = x.shape\n        i ="),
    ],
)
def test_unequal_twins_are_found(find, replace):
    last = GOOD.rindex("@cuda.jit")
    bad = GOOD[:last] + (GOOD[last:] + "'''").replace(find, replace).removesuffix("'''")
    if bad == GOOD:
        bad = GOOD.replace(find, replace)
    assert bad != GOOD
    assert twin_complaints(bad)


@pytest.mark.parametrize(
    "find, replace, complaint",
    [
        ("scale_forward_cpu", "scale_cpu", "is called"),
        ("scale_forward_cuda", "scale_forward_gpu", "is called"),
        ("scale_forward_cuda", "scale_forward_twice_cuda", "directly below"),
        ("scale_forward_cpu", "scale_backward_cpu", "which tensor"),
        ("@cuda.jit", "@njit", "decorated with"),
        ("scale_forward_cpu", "scale_forward_y_cpu", "has no CPU form"),
    ],
)
def test_bad_names_are_found(find, replace, complaint):
    assert complaint in "\n".join(house.names_and_order(textwrap.dedent(GOOD.replace(find, replace))))


@pytest.mark.parametrize(
    "body, complaints",
    [
        ("acc = 0.0", 1),
        ("acc = 0\n    acc += x[0]", 1),
        ("acc = x.dtype.type(0.5)\n    acc += x[0]", 0),
        ("y[0] = 0.5 * x[0]", 1),
        ("acc = 0\n    value = x[0] * 2\n    acc += value", 1),
        ("count = 0\n    count += 1", 0),
        ("place = 0\n    place += i % x.shape[0] * strides[0]", 0),
        ("acc = np.float64(0)", 0),
        ("y[0] = 1 if x[0] > 0.0 else 2", 1),
    ],
)
def test_untyped_numbers_are_found(body, complaints):
    (kernel,) = house.kernels(f"@njit\ndef f_forward_cpu(x, y):\n    {body}\n").values()
    assert len(house.untyped_numbers(kernel)) == complaints


def test_long_kernels_functions_and_files_are_found():
    def function(lines, decorator=""):
        return f"{decorator}\ndef f():\n" + "    x = 1\n" * (lines - 1)

    assert house.sizes(function(60)) == house.sizes(function(40, "@njit")) == []
    assert "60" in house.sizes(function(61))[0]
    assert "40" in house.sizes(function(41, "@njit"))[0]
    assert house.sizes("x = 1\n" * 400) == []
    assert "401 lines" in house.sizes("x = 1\n" * 401)[0]


def test_imports_are_found_anywhere():
    source = "import numpy as np\ndef f():\n    from torch.nn import Linear\n"
    assert house.imports(source) == {"numpy", "torch"}


def document(*sections):
    return "What it is.\n\nUse it when it fits.\n\n" + "\n".join(f"## {name}\n\ntext\n" for name in sections)


def test_missing_unknown_and_misplaced_sections_are_found():
    right = ["Forward", "Gradients", "Cost", "Symbols", "Worked example", "Questions"]
    assert house.sections(document(*right)) == []
    assert house.sections(document(*right, "Differences")) == []
    assert house.sections(document(*right[:-1])) == ["no section 'Questions'"]
    assert house.sections(document(*right, "Remarks")) == ["unknown section 'Remarks'"]
    assert "order" in house.sections(document("Gradients", "Forward", *right[2:]))[0]
    assert "opening" in house.sections(document(*right).removeprefix("What it is.\n\nUse it when it fits."))[0]
    assert "Use it when" in house.sections(document(*right).replace("Use it when", "It serves where"))[0]


def test_missing_questions_answers_and_examples_are_found():
    one = "**How much is a half of 3?**\n\n$3 / 2 = 1.5$\n\n>>> 3 / 2\n1.5\n\n"
    said = f"Scaling.\n\n## Questions\n\n{3 * one}## Differences\n\nNone.\n"
    assert house.questions(said) == []
    assert house.questions(said.replace(3 * one, 2 * one)) == ["2 questions, wanted three to five"]
    assert "no question mark" in house.questions(said.replace("of 3?", "of 3"))[0]
    assert "no answer" in house.questions(said.replace(3 * one, 3 * one + "**Why?**\n\n"))[0]
    assert "no example computes '2 = 1.5'" in house.questions(said.replace(">>> 3 / 2\n1.5\n", ""))[0]


TABLE = '''r"""Scaling.

## Forward

$$y_{n} = \\\\alpha \\\\, x_{n}$$

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x_{n}$ | `x[n]` | any | input |
| $\\\\alpha$ | `alpha` | any | factor |
"""
@njit
def scale_forward_cpu(x, y, alpha):
    for n in range(x.size):
        y[n] = alpha * x[n]
'''.replace("\\\\", "\\")


def test_symbols_are_looked_up():
    assert house.symbols(TABLE) == []
    assert "beta occurs in no formula" in house.symbols(TABLE.replace("| $\\alpha$", "| $\\beta$"))[0]
    assert "a occurs in no formula" in house.symbols(TABLE.replace("| $\\alpha$", "| $a$"))[0]
    assert "`beta`".strip("`") in house.symbols(TABLE.replace("`alpha`", "`beta`"))[0]
    assert "wanted |" in house.symbols(TABLE.replace("| any | factor |", "| factor |"))[0]
    assert "empty" in house.symbols(TABLE.partition("| $x")[0] + '"""\n')[0]
    assert house.symbols(TABLE.replace("| $x_{n}$", "| $x_{n}, y_{n}$").replace("`x[n]`", "`x[n]`, `y`")) == []
    assert "z occurs in no formula" in house.symbols(TABLE.replace("| $x_{n}$", "| $x_{n}, z$"))[0]
    assert "$...$" in house.symbols(TABLE.replace("`alpha`", "alpha"))[0]


@pytest.mark.parametrize(
    "row, complaint",
    [
        (["$x_i$", "`x`", "any", "input, one number"], ""),
        (["$s_h, s_w$", "`stride_h`, `stride_w`", "any", "steps from one window to the next"], "wanted: (columns"),
        (["$u$", "`x`", "any", "input"], "`x` is $u$ here"),
        (["$x$", "`z`", "any", "a score"], "it stands for ['ids', 'x'] alone"),
        (["$y$", "`y`", "any", "the result"], "`y` means 'the result'"),
        (["$\\hat x$", "`x_hat`", "any", "normalized input"], ""),
        (["$q$", "`grad_q`", "any", "slope"], "gradient of the loss for"),
        (["$h_{out}$", "`h_out`", "any", "column of the output"], "wanted: row of"),
    ],
)
def test_the_shared_vocabulary_is_looked_up(row, complaint):
    found = vocabulary.complaints([row])
    assert (found == []) if not complaint else complaint in found[-1]
