"""All CUDA kernels of the package, compiled for the CPU, against their CPU kernels at realistic sizes.

Each file with CUDA kernels runs large cases of its own tests, and of `large_cases.py`, until all its kernels have run: 1,000 to
1,000,000 numbers in and out, forward and backward, in float32. In float64 the tests of each component run the kernels as Python, in
Numba's simulator: a number that is held in another type than the arrays' shows there.
"""

import ast
import importlib.util
import math
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import oracle
import reftorch as torch
from large_cases import MORE, WITHOUT
from reftorch import cuda_on_cpu
from reftorch.course.components.conv2d_tiled import conv2d_tiled
from reftorch.cuda_on_cpu.launch import coordinates
from reftorch.cuda_on_cpu.rewrite import rewritten, source_function
from reftorch.fast.ladder import conv2d_cuda, matmul_cuda
from reftorch.kernel import compiled_cuda, configured, interpreted, launching
from reftorch.nn.functional import conv2d
from reftorch.simt.launch import sizes
from reftorch.simt.session import patched
from reftorch.trace.interpreted import AS_COMPILED

pytestmark = pytest.mark.simulator
TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "reftorch"
LEAST, MOST = 1_000, 1_000_000  # numbers of a case
TRIED = 5  # threads of a launch whose terms are counted


# --------------------------------------------------------------------------------------------------- kernels and cases
def kernels_of(component):
    """The names of a file's CUDA kernels, without device functions."""
    found = []
    for node in ast.parse((PACKAGE / f"{component}.py").read_text(encoding="utf-8")).body:
        marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
        found += [node.name for mark in marks if mark.startswith("cuda.jit") and "device=True" not in mark]
    return found


FILES = sorted(file.relative_to(PACKAGE).with_suffix("").as_posix() for file in PACKAGE.rglob("*.py"))
COMPONENTS = [file for file in FILES if kernels_of(file)]


def large_cases(component):
    """The large cases of a component's own tests, and then those that are here for it."""
    file = TESTS / Path(component).parent / f"test_{Path(component).name}.py"
    cases = []
    if file.exists():
        spec = importlib.util.spec_from_file_location(f"compiled_cases_of_{component.replace('/', '_')}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases = [case for case in getattr(module, "CASES", []) if not case.is_tiny and is_large(case)]
    return cases + MORE.get(component, [])


def is_large(case):
    """Not one of a few numbers that is only too slow for the simulator."""
    rng = np.random.default_rng(0)
    elements = sum(oracle.as_spec(given).draw(rng).size for given in case.inputs)
    return elements >= LEAST or case.id.startswith("large")


# -------------------------------------------------------------------------------------------------- launches and terms
@contextmanager
def watched(monkeypatch):
    """How often each kernel is launched inside the block, and how many terms the longest sum of one of its threads has."""
    launched, terms = Counter(), {}
    usual = cuda_on_cpu.configured

    def noting(kernel, grid, block, dynamic_shared):
        name = source_function(kernel).__name__

        def run(*arguments):
            launched[name] += 1
            if name not in terms:
                terms[name] = longest_sum(
                    source_function(kernel), sizes("grid", grid), sizes("block", block), arguments
                )
            usual(kernel, grid, block)(*arguments)

        return run

    with monkeypatch.context() as patch, compiled_cuda():
        patch.setattr(cuda_on_cpu, "configured", noting)
        yield launched, terms


def longest_sum(function, grid, block, arguments):
    """How often a thread runs the line that it runs most often, at most: tried with some threads, as plain Python on copies."""
    form = rewritten(function)
    given = tuple(copied(cuda_on_cpu.unwrapped(argument)) for argument in arguments)
    if form.barriers:  # its threads share a sum
        return max(array.size for array in given if isinstance(array, np.ndarray))
    code, lines, most = form.function.__code__, Counter(), 0

    def trace(frame, event, _):
        lines[frame.f_lineno] += event == "line"
        return trace if frame.f_code is code else None

    threads = math.prod(grid) * math.prod(block)
    for number in {threads * part // TRIED for part in range(TRIED)}:
        b, t = divmod(number, math.prod(block))
        where = tuple(map(np.int32, (*coordinates(t, block), *coordinates(b, grid), *block, *grid)))
        lines.clear()
        sys.settrace(trace)
        try:
            interpreted(form.function, AS_COMPILED)(where, *given)
        finally:
            sys.settrace(None)
        most = max(most, *lines.values())
    return most


def copied(argument):
    """An argument whose arrays may be written to."""
    if isinstance(argument, tuple):
        return tuple(map(copied, argument))
    return argument.copy() if isinstance(argument, np.ndarray) else argument


# --------------------------------------------------------------------------------------------------------------- tests
def on_the_cpu(case):
    """The result of CPU kernels, and the names of the CUDA kernels beside them."""
    beside = set()

    def choose(device, cpu_kernel, cuda_kernel, threads):
        beside.add(source_function(cuda_kernel).__name__)

    with launching(choose):
        return oracle.our_result(case, oracle.Run("compiled", "float32")), beside


@pytest.mark.parametrize("component", [each for each in COMPONENTS if each not in WITHOUT])
def test_component(component, monkeypatch):
    missing = set(kernels_of(component))
    for case in large_cases(component):
        wanted, beside = on_the_cpu(case)
        if beside.isdisjoint(missing) and case not in MORE.get(component, []):
            continue
        with watched(monkeypatch) as (launched, terms):
            found = oracle.our_result(case, oracle.Run("cuda", "float32"), wanted.state)
        numbers = sum(value.size for value in wanted.values.values())
        assert LEAST <= numbers <= MOST, f"{case} has {numbers} numbers"
        added = sum(launched[name] * terms[name] for name in launched)
        oracle.compare(case, found, wanted, who="the CPU", terms=added)
        missing -= set(launched)
        if not missing:
            return
    assert not missing, f"no large case launches {sorted(missing)}: add one to its tests, or to large_cases.py"


def test_reasons_are_given_for_files_that_have_kernels():
    assert set(WITHOUT) <= set(COMPONENTS) and set(MORE) <= set(COMPONENTS) - set(WITHOUT)
    assert len(COMPONENTS) > 120


# --------------------------------------------------------------------------------------------- called with their arrays
def compiled(function, *arguments):
    """What a function gives that launches kernels by `kernel[grid, block]`."""
    start = lambda kernel, where: configured(kernel, *where[:2])  # noqa: E731
    with compiled_cuda(), patched(type(matmul_cuda.plain_kernel), "__getitem__", start):
        return function(*arguments)


def whole_numbers(*shape):
    return np.random.default_rng(len(shape)).integers(-9, 10, shape).astype(np.float32)


@pytest.mark.parametrize("rung", [pytest.param(rung, id=name) for name, rung in matmul_cuda.RUNGS])
def test_rungs_of_the_matrix_product(rung):
    a, b, y = whole_numbers(70, 90), whole_numbers(90, 50), np.full((70, 50), np.nan, np.float32)
    compiled(rung, a, b, y)
    np.testing.assert_array_equal(y, a @ b)


@pytest.mark.parametrize("rung", [pytest.param(rung, id=name) for name, rung in conv2d_cuda.RUNGS])
def test_rungs_of_the_convolution(rung):
    x, weight, y = whole_numbers(2, 3, 30, 25), whole_numbers(4, 3, 3, 3), np.full((2, 4, 30, 25), np.nan, np.float32)
    compiled(rung, x, weight, y, 1)
    np.testing.assert_array_equal(y, conv2d(torch.tensor(x), torch.tensor(weight), padding=1).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_tiled_convolution_of_the_course(dtype):
    given = [torch.tensor(whole_numbers(*shape).astype(dtype)) for shape in ((2, 3, 30, 25), (4, 3, 3, 2), (4,))]
    y = compiled(conv2d_tiled, *(tensor.to("cuda") for tensor in given))
    np.testing.assert_array_equal(y.cpu().numpy(), conv2d(*given).numpy())
