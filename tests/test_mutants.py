"""How a mistake is planted, and that every component file with kernels has a list of them. Each list is tried in its component's tests."""

import importlib.util
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import oracle
from reftorch.course.mutants import (
    Mutant,
    component_module,
    components,
    mutants_of,
    mutate,
    planted,
)


def load(name, file):
    """A module made from a file, once."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.mark.parametrize("component", components())
def test_lists_are_useful(component):
    found = mutants_of(component)
    assert len({mutant.name for mutant in found}) == len(found) >= 2
    assert Path(component_module(component).__file__).as_posix().endswith(f"reftorch/{component}.py")


@pytest.mark.parametrize("component", components())
def test_lists_are_tried(component):
    """The component's test file has the test that plants each mistake."""
    file = Path(__file__).parent / Path(component).parent / f"test_{Path(component).name}.py"
    assert "test_mutants" in file.read_text()


def test_a_mistake_that_no_case_notices_fails():
    case = oracle.FunctionCase("relu", [(3,)])
    unnoticed = Mutant(
        "no mistake",
        "relu_forward_cpu",
        "def relu",
        "def relu",
        "this text changes nothing at all, and no case can notice",
    )
    with pytest.raises(pytest.fail.Exception, match="no case notices"):
        oracle.check_mutant("nn/activation/relu", unnoticed, [case])


# ------------------------------------------------------------------------------------- the mechanism itself
KERNEL = """
    from numba import njit, prange

    SCALE = 2

    @njit(parallel=True)
    def double(x, y):
        for n in prange(x.size):
            position = n + 0
            y[n] = SCALE * x[position]
"""


@pytest.fixture
def toy(tmp_path):
    (tmp_path / "toy.py").write_text(textwrap.dedent(KERNEL))
    yield load("toy", tmp_path / "toy.py")
    del sys.modules["toy"]


def test_mutate_keeps_name_lines_and_globals(toy):
    wrong = mutate(toy, Mutant("off by one", "double", "n + 0", "n + 1", "reads the neighbour"))
    y = np.zeros(3)
    with pytest.raises(IndexError) as caught:
        wrong(np.array([1, 2, 3]), y)
    assert list(y) == [4, 6, 0]
    last = caught.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1, wrong.__name__) == ("toy.py", 10, "double")
    toy.SCALE = 10
    with pytest.raises(IndexError):
        wrong(np.array([1, 2, 3]), y)
    assert list(y) == [20, 30, 0]


@pytest.mark.parametrize("find, times", [("SCALES", 0), ("position", 2)])
def test_mutate_wants_exactly_one_place(toy, find, times):
    with pytest.raises(LookupError, match=f"occurs {times} times"):
        mutate(toy, Mutant("vague", "double", find, "0", "says"))


def test_mutate_wants_a_known_function(toy):
    with pytest.raises(LookupError, match="no function triple"):
        mutate(toy, Mutant("lost", "triple", "x", "y", "says"))


def test_planted_puts_the_original_back(toy):
    original = toy.double
    with pytest.raises(ZeroDivisionError):
        with planted(toy, Mutant("halved", "double", "SCALE *", "0 *", "says")) as wrong:
            assert toy.double is wrong
            raise ZeroDivisionError
    assert toy.double is original


def test_a_mutant_that_does_not_run_is_an_error():
    case = oracle.ScriptCase("broken", run=lambda torch: undefined_name)  # noqa: F821
    with pytest.raises(NameError):
        oracle.failure(case, oracle.Result({}, {}, {}))
