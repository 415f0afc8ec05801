"""CUDA kernels without their bounds check. A launch has more threads than elements, so that the test of each kernel must notice."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from reftorch.kernel import cuda, geometry, interpreted, launching, simulated
from reftorch.simulator import meets
from reftorch.trace.interpreted import AS_COMPILED

# Without its check, a surplus thread of this one has an empty loop: there is nothing to notice.
HARMLESS = {"pdist_forward_cuda"}


def without_guard(function: FunctionType) -> FunctionType | None:
    """The kernel without the `if` that stops threads beyond the last element; None if it has none, or its threads meet.

    That is `if i >= n: return`, or an `if i < n:` without `else` that is the last statement.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition: Any = tree.body[0]
    definition.decorator_list, body = [], definition.body
    for place, statement in enumerate(body):
        if not isinstance(statement, ast.If) or statement.orelse or meets(function):
            continue
        if isinstance(statement.body[0], ast.Return) and statement.body[0].value is None:
            del body[place]
        elif statement is body[-1]:
            body[place:] = statement.body
        else:
            continue
        ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
        made: dict = {}
        exec(compile(tree, function.__code__.co_filename, "exec", dont_inherit=True), {**function.__globals__}, made)
        return made[function.__name__]
    return None


def guarded(module: ModuleType) -> dict[str, Any]:
    """The module's own CUDA kernels that have a bounds check: name, and the kernel without it."""
    found = {}
    for name, kernel in vars(module).items():
        function = getattr(kernel, "py_func", kernel)
        if name.endswith("_cuda") and name not in HARMLESS and getattr(function, "__module__", None) == module.__name__:
            wrong = without_guard(function)
            if wrong is not None:
                found[name] = cuda.jit(interpreted(wrong, AS_COMPILED))
    return found


class Watch:
    """Launches everything twice: first a kernel without its bounds check, over copies, to see whether it fails; then as it is."""

    def __init__(self, module: ModuleType):
        self.unnoticed = guarded(module)

    def choose(self, device: Any, cpu_kernel: Any, cuda_kernel: Any, threads: int) -> Any:
        name = getattr(cuda_kernel, "__name__", None)
        wrong = self.unnoticed.get(name)
        if device.type == "cpu" or wrong is None:
            return None
        usual = simulated(cuda_kernel)[geometry(threads)]

        def run(*arguments: Any) -> None:
            try:
                with np.errstate(all="ignore"):
                    wrong[geometry(threads)](*map(copied, arguments))
            except IndexError:
                self.unnoticed.pop(name, None)
            with np.errstate(all="ignore"):
                usual(*arguments)

        return run


def copied(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(copied, argument))
    return argument if not hasattr(argument, "_ary") else type(argument)(argument._ary.copy())


def unnoticed(module: ModuleType, cases: Iterable[Callable]) -> list[str]:
    """The module's CUDA kernels whose missing bounds check none of the calls notices; `cases` are functions without arguments."""
    watch = Watch(module)
    with launching(watch.choose):
        for case in cases:
            if not watch.unnoticed:
                break
            case()
    return sorted(watch.unnoticed)
