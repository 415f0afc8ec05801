"""Checks whether a submission overwrites data that it should only read, by comparing the data with a copy made before.

For a kernel, these data are the arguments that the reference's kernel does not write. For a case's script, they are the tensors that it
makes. The result can be right although they are overwritten, but the caller still needs them: the tape needs them for the gradient.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import reftorch
from reftorch.course.cut import Function, functions

READERS = {
    "len",
    "range",
    "prange",
    "min",
    "max",
    "abs",
    "int",
    "float",
    "bool",
    "isnan",
    "isinf",
}  # functions that change no argument
MODULES = {"np", "math"}
# Functions that make tensors in a script.
MAKERS = {"randn", "whole", "digits", "tensor", "arange", "zeros", "ones", "full", "empty"}


@functools.cache  # each case of an assignment needs it
def written(source: str) -> dict[str, set[str]]:
    """For each function of a component file, the names of the arguments that it, or a function that it calls, writes to."""
    known = {name: node for name, node in functions(source).items() if "." not in name}
    found: dict[str, set[str]] = {}

    def look(name: str) -> set[str]:
        if name not in found:
            found[name] = set()  # ends the recursion for functions that call themselves
            found[name] = _written(known[name], known, look)
        return found[name]

    return {name: look(name) for name in known}


def _written(function: Function, known: Mapping[str, Function], look: Callable[[str], set[str]]) -> set[str]:
    roots = {name: name for name in _arguments(function)}  # variable: the argument of which it is a part
    stored: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target, value in _pairs(node.targets[0], node.value):
                if isinstance(target, ast.Name) and isinstance(value, ast.Subscript | ast.Name):
                    roots.setdefault(target.id, _base(value))
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            stored.add(_base(node))
        elif isinstance(node, ast.Call):
            stored |= _given_away(node, known, look)
    arguments = set(_arguments(function))
    for _ in roots:
        stored = {roots.get(name, name) for name in stored}
    return stored & arguments


def _given_away(call: ast.Call, known: Mapping[str, Function], look: Callable[[str], set[str]]) -> set[str]:
    """The names that a call may write to; all arguments, if the called function is unknown."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    given = [_base(argument) for argument in call.args]
    if name in known:
        changed = look(name)
        return {each for each, argument in zip(given, _arguments(known[name])) if argument in changed}
    of_module = isinstance(call.func, ast.Attribute) and _base(call.func.value) in MODULES
    return (
        set()
        if of_module or name in READERS
        else {argument.id for argument in call.args if isinstance(argument, ast.Name)}
    )


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The pairs of target and value of an assignment: two pairs for param, grad = params[k], grads[k]."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts))
    return [(target, value)]


def _base(node: ast.AST) -> str:
    """The variable of which an expression is a part: x, for x[i][j]."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _arguments(function: Function) -> list[str]:
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]


# ---------------------------------------------------------------------------------------------------------- kernels
class Kernels:
    """Calls the kernels of a component. `found` holds one message for each kernel and argument that was overwritten."""

    def __init__(self, source: str, asked: tuple[str, ...]):
        self.written = {name: changed for name, changed in written(source).items() if name in asked}
        self.found: list[str] = []

    def guarded(self, kernel: Any, run: Callable) -> Callable:
        """A function that calls `run`, which runs `kernel`, and compares the arguments before and after."""
        function = getattr(kernel, "py_func", None) or getattr(kernel, "fn", kernel)  # compiled, simulated, plain
        outputs = self.written.get(function.__name__)
        if not outputs:  # the kernel is not asked, or its outputs are unknown
            return run
        names = function.__code__.co_varnames[: function.__code__.co_argcount]

        def call(*arguments: Any) -> None:
            given = [(name, array) for name, each in zip(names, arguments) for array in _arrays(each)]
            to_write = [array for name, array in given if name in outputs]
            kept = [
                (name, array, array.copy())
                for name, array in given
                if name not in outputs and not any(np.may_share_memory(array, other) for other in to_write)
            ]
            run(*arguments)
            for name, array, before in kept:
                told = f"{function.__name__} overwrites {name}, which it should only read"
                if not _same(array, before) and told not in self.found:
                    self.found.append(told)

        return call


def _arrays(given: Any) -> list[np.ndarray]:
    """The arrays in an argument, and those in the memory of the simulated GPU."""
    if isinstance(given, tuple | list):
        return [array for each in given for array in _arrays(each)]
    array = getattr(given, "_ary", given)
    return [array] if isinstance(array, np.ndarray) else []


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


# ---------------------------------------------------------------------------------------------------------- scripts
def run_script(code: str, names: dict[str, Any], changed: list[str]) -> None:
    """Execute a case's script. `changed` gets the names of the tensors that the script made and that hold other numbers at the end."""
    made: dict[str, tuple[Any, np.ndarray]] = {}
    try:
        for statement in ast.parse(code, "<case>").body:
            exec(compile(ast.Module([statement], []), "<case>", "exec"), names)
            for name in _made(statement):
                if isinstance(names.get(name), reftorch.Tensor):
                    made[name] = names[name], _numbers(names[name]).copy()
    finally:
        changed += [name for name, (tensor, before) in made.items() if not _same(_numbers(tensor), before)]


def _made(statement: ast.stmt) -> list[str]:
    """The names that a statement gives to new tensors: x, for x = randn(3)."""
    if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)):
        return []
    maker = getattr(statement.value.func, "id", getattr(statement.value.func, "attr", ""))
    return [each.id for each in statement.targets if isinstance(each, ast.Name)] if maker in MAKERS else []


def _numbers(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().numpy()
