"""Estimates how long a kernel would take as plain Python: the iterations of its loops, counted from its arrays, times a measured time.

The loops are not run. Their bounds are computed if they follow from the arguments (`N, C, H, W = x.shape` and arithmetic on such
numbers). A loop variable is set to the middle of its range, both branches of an `if` count, and a loop of unknown length counts
once. This is right for nested loops with fixed extents, and close for triangular ones.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .checked import checked, parsed

PATIENCE = 10.0  # seconds without a warning
SMALL = 200_000  # if the product of two array sizes is below this, nothing is estimated,
FEW = math.isqrt(SMALL)  # so nothing is estimated if all arrays have at most so many elements

_warned: set = set()


def warn_if_slow(function: Callable, arguments: tuple) -> None:
    """Warn, once per kernel, if running it as plain Python would take longer than `PATIENCE`."""
    sizes = sorted(part.size for part in _arrays(arguments))
    if math.prod(sizes[-2:]) < SMALL or function.__code__ in _warned:
        return
    steps = statements(function, arguments)
    seconds = steps * seconds_a_statement()
    if seconds < PATIENCE:
        return
    _warned.add(function.__code__)
    warnings.warn(
        f"{function.__name__} runs as plain Python (debug mode): about {steps:.1e} statements, some {duration(seconds)} "
        "here. Debug mode is for tiny tensors: shrink the input, or leave debug mode (REFTORCH_DEBUG, reftorch.debug())",
        stacklevel=3,
    )


def statements(function: Callable, arguments: tuple) -> float:
    """The approximate number of statements that the kernel executes; 0 if its source cannot be read."""
    tree = parsed(function.__code__)
    if tree is None:
        return 0
    given = inspect.signature(function).bind(*arguments)
    given.apply_defaults()
    return _count(tree.body, dict(given.arguments), function.__globals__)


def duration(seconds: float) -> str:
    """A number of seconds in the largest unit that fits: "40 seconds", "12 minutes", "3 days"."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} seconds"


@functools.cache
def seconds_a_statement() -> float:
    """Measured once: a multiply-add of two elements of checked arrays, and the loop around it."""
    a, b, total = checked(np.ones((20, 20), np.float32)), checked(np.ones((20, 20), np.float32)), np.float32(0)
    start = time.perf_counter()
    for i in range(20):
        for j in range(20):
            total += a[i, j] * b[j, i]
    return (time.perf_counter() - start) / 400 / 2  # the loop's line is a statement too


def _arrays(value: Any) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    return [array for part in value for array in _arrays(part)] if isinstance(value, tuple) else []


def _count(body: list[ast.stmt], known: dict, module: dict) -> float:
    """Statements executed by `body`; its assignments change `known`."""
    total = 0.0
    for statement in body:
        total += 1
        if isinstance(statement, ast.For):
            total += _loop(statement, known, module)
        elif isinstance(statement, ast.Assign):
            _assign(statement.targets[0], _value(statement.value, known, module), known)
        elif isinstance(statement, ast.If):
            total += max(_count(branch, known, module) for branch in (statement.body, statement.orelse))
        elif isinstance(statement, (ast.While, ast.With)):
            total += _count(statement.body, known, module)
    return total


def _loop(loop: ast.For, known: dict, module: dict) -> float:
    """Statements executed by a loop, its own line included."""
    bounds: list = loop.iter.args if isinstance(loop.iter, ast.Call) else [None]
    values = [_value(bound, known, module) for bound in bounds]
    if None in values:
        _assign(loop.target, None, known)
        return 1 + _count(loop.body, known, module)
    numbers = range(*map(int, values))
    if not numbers:
        return 0.0
    _assign(loop.target, numbers[len(numbers) // 2], known)
    return len(numbers) * (1 + _count(loop.body, known, module))


def _assign(target: ast.expr, value: Any, known: dict) -> None:
    if isinstance(target, ast.Name):
        known[target.id] = value
    elif isinstance(target, ast.Tuple):
        values = list(value) if isinstance(value, tuple) else [None] * len(target.elts)
        for part, found in zip(target.elts, values):
            _assign(part, found, known)


def _value(node: ast.expr | None, known: dict, module: dict) -> Any:
    """The value of an expression without elements of arrays; None if it depends on something unknown, or calls a function."""
    allowed = {"min": min, "max": max, "len": len, "abs": abs, "int": int}
    if node is None:
        return None
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and not (isinstance(part.func, ast.Name) and part.func.id in allowed):
            return None
        if isinstance(part, ast.Name) and known.get(part.id, module.get(part.id, allowed.get(part.id))) is None:
            return None
    try:
        return eval(compile(ast.Expression(node), "<extent>", "eval"), {**module, **allowed}, known)
    except Exception:  # an index at the middle of its range may be outside an array
        return None
