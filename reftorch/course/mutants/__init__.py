"""Mutants: the classic mistakes of each component, as data, and the function that puts one into a kernel.

`reftorch/course/mutants/nn/convolution/conv2d.py` belongs to the component file `reftorch/nn/convolution/conv2d.py` and holds a list

    MUTANTS = [Mutant(name="flipped kernel", kernel="conv2d_forward_cpu",
                      find="weight[c_out, c_in, k_h, k_w]",
                      replace="weight[c_out, c_in, K_h - 1 - k_h, K_w - 1 - k_w]",
                      says="this is convolution with a flipped kernel; torch computes cross-correlation")]

The tests must catch each of them. The course uses the same list to tell students which mistake they made.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType


@dataclass(frozen=True)
class Mutant:
    """One mistake: in the source of `kernel`, the text `find` (which occurs there once) becomes `replace`.

    `kernel` is a function at the top level of the component file, usually a `_cpu` kernel. `says` explains the mistake to the person
    who made it.
    """

    name: str
    kernel: str
    find: str
    replace: str
    says: str


def components() -> list[str]:
    """The components that have a list of mutants, by their paths: "nn/convolution/conv2d"."""
    here = Path(__file__).parent
    files = (file.relative_to(here).with_suffix("") for file in here.glob("*/**/*.py"))
    return sorted(file.as_posix() for file in files)


def component_module(component: str) -> ModuleType:
    """The component file, imported: "nn/convolution/conv2d" gives `reftorch.nn.convolution.conv2d`."""
    return importlib.import_module("reftorch." + component.replace("/", "."))


def mutants_of(component: str) -> list[Mutant]:
    """The list of mistakes of this component; an empty one if it has none."""
    if not (Path(__file__).parent / f"{component}.py").exists():
        return []
    return importlib.import_module(f"{__name__}.{component.replace('/', '.')}").MUTANTS


def mutate(module: ModuleType, mutant: Mutant) -> FunctionType:
    """The interpreted form of the mutant's kernel, with the mistake.

    It has the original's file name and line numbers, and reads the same module globals. Raises LookupError if the
    module has no such function, or if `find` does not occur exactly once in its source.
    """
    original = getattr(module, mutant.kernel, None)
    if original is None:
        raise LookupError(f"mutant {mutant.name!r}: {module.__name__} has no function {mutant.kernel}")
    function = getattr(original, "py_func", original)
    lines, first_line = inspect.getsourcelines(function)
    source = "".join(lines)
    if source.count(mutant.find) != 1:
        raise LookupError(
            f"mutant {mutant.name!r}: {mutant.find!r} should occur once in {mutant.kernel}, "
            f"but occurs {source.count(mutant.find)} times"
        )
    tree = ast.parse(textwrap.dedent(source.replace(mutant.find, mutant.replace)))
    for definition in tree.body:
        assert isinstance(definition, ast.FunctionDef)
        definition.decorator_list = []
    ast.increment_lineno(tree, first_line - 1)
    # dont_inherit: the flags are the component's (its own __future__ imports), not this file's
    compiled = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    scratch: dict = {}
    exec(compiled, vars(module).copy(), scratch)
    code = scratch[mutant.kernel].__code__
    wrong = FunctionType(code, vars(module), function.__name__, function.__defaults__)
    wrong.__kwdefaults__ = function.__kwdefaults__
    return wrong


@contextmanager
def planted(module: ModuleType, mutant: Mutant) -> Iterator[FunctionType]:
    """Within the `with` block the module uses the mutated kernel in place of its own."""
    original = getattr(module, mutant.kernel, None)
    wrong = mutate(module, mutant)
    setattr(module, mutant.kernel, wrong)
    try:
        yield wrong
    finally:
        setattr(module, mutant.kernel, original)
