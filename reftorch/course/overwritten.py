"""Whether a submission overwrites what it should only read: everything is compared with a copy made before.

Of a kernel, these are the arguments that the reference's kernel does not write; of a case's script, the tensors that it makes.
A right result does not show it, and whoever called the kernel still needs them: the tape, for the gradient.
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
}  # they change nothing
MODULES = {"np", "math"}
MAKERS = {"randn", "whole", "digits", "tensor", "arange", "zeros", "ones", "full", "empty"}  # a script's calls


@functools.cache  # each case of an assignment needs it
def written(source: str) -> dict[str, set[str]]:
    """Of each function of a component file, the names of the arguments that it writes to, itself or by what it calls."""
    known = {name: node for name, node in functions(source).items() if "." not in name}
    found: dict[str, set[str]] = {}

    def look(name: str) -> set[str]:
        if name not in found:
            found[name] = set()  # for functions that call themselves
            found[name] = _written(known[name], known, look)
        return found[name]

    return {name: look(name) for name in known}


def _written(function: Function, known: Mapping[str, Function], look: Callable[[str], set[str]]) -> set[str]:
    roots = {name: name for name in _arguments(function)}  # of a variable, the argument that it is a piece of
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
    """The names that a call may write to: those it is known to, or all where nothing is known of it."""
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
    """What an assignment gives to what: both of param, grad = params[k], grads[k]."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts))
    return [(target, value)]


def _base(node: ast.AST) -> str:
    """The variable that an expression is a piece of: x, of x[i][j]."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _arguments(function: Function) -> list[str]:
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]


# ---------------------------------------------------------------------------------------------------------- kernels
class Kernels:
    """Calls the kernels of a component. `found` says, once each, which of them overwrote what."""

    def __init__(self, source: str, asked: tuple[str, ...]):
        self.written = {name: changed for name, changed in written(source).items() if name in asked}
        self.found: list[str] = []

    def guarded(self, kernel: Any, run: Callable) -> Callable:
        """`run`, which runs `kernel`, with a look at the arguments before and after."""
        function = getattr(kernel, "py_func", None) or getattr(kernel, "fn", kernel)  # compiled, simulated, plain
        outputs = self.written.get(function.__name__)
        if not outputs:  # nothing is asked, or nothing is known
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
    """The arrays in an argument; those of the simulated GPU lie in its memory."""
    if isinstance(given, tuple | list):
        return [array for each in given for array in _arrays(each)]
    array = getattr(given, "_ary", given)
    return [array] if isinstance(array, np.ndarray) else []


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


# ---------------------------------------------------------------------------------------------------------- scripts
def run_script(code: str, names: dict[str, Any], changed: list[str]) -> None:
    """Execute a case's script; `changed` gets the names of the tensors that it made and that hold other numbers at the end."""
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
    """The names that a statement gives to new tensors: x, of x = randn(3)."""
    if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)):
        return []
    maker = getattr(statement.value.func, "id", getattr(statement.value.func, "attr", ""))
    return [each.id for each in statement.targets if isinstance(each, ast.Name)] if maker in MAKERS else []


def _numbers(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().numpy()
