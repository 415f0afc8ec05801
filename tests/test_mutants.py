"""Every classic mistake in `reftorch/course/mutants/` must make one of its component's `MUTANT_CASES` fail."""

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

PAIRS = [(component, mutant) for component in components() for mutant in mutants_of(component)]


def cases_of(component):
    """`MUTANT_CASES` of the component's own test file."""
    (file,) = Path(__file__).parent.rglob(f"test_{component}.py")
    return load(f"cases_of_{component}", file).MUTANT_CASES


def load(name, file):
    """A module made from a file, once."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def healthy(case):
    """The right result: torch's, or without torch that of the unchanged kernels."""
    if importlib.util.find_spec("torch"):
        return oracle.torch_result(case, oracle.PLAIN)
    return oracle.our_result(case, oracle.PLAIN)


@pytest.mark.parametrize("component", components())
def test_unchanged_kernels_pass(component):
    cases = cases_of(component)
    assert cases and all(case.is_tiny for case in cases)
    for case in cases:
        assert oracle.failure(case, healthy(case)) is None


@pytest.mark.parametrize("component, mutant", PAIRS, ids=[f"{c}-{m.name}" for c, m in PAIRS])
def test_mutant_is_caught(component, mutant):
    results = [(case, healthy(case)) for case in cases_of(component)]
    with planted(component_module(component), mutant):
        assert any(oracle.failure(case, right) for case, right in results), (
            f"no case notices {mutant.name!r} in {mutant.kernel}: {mutant.find!r} -> {mutant.replace!r}"
        )


@pytest.mark.parametrize("component", components())
def test_lists_are_useful(component):
    mutants = mutants_of(component)
    assert len({mutant.name for mutant in mutants}) == len(mutants) >= 2
    for mutant in mutants:
        assert len(mutant.says) > 20, f"{mutant.name!r} tells a student too little"


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
