"""Arrays that check their indices, for kernels that run as plain Python.

In a compiled kernel, a negative index counts from the end, and an index past the end reads other memory. In both cases a wrong border
is not noticed. A checked array has the same memory, but raises an exception:

    IndexError: x[n, c_in, h_in, w_in]: w_in = -1 is outside 0..3, dimension 3 of shape (1, 1, 4, 4); the index is (0, 0, 0, -1)

The names are those of the line with the wrong index.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from types import CodeType, FrameType
from typing import Any

import numpy as np


class Checked(np.ndarray):
    """A view of an array whose integer indices must be from 0 to the extent minus 1; slices are NumPy's.

    One element is returned as a NumPy scalar, a part of the array as a checked view.
    """

    unchecked: np.ndarray  # the same memory; indexing it takes half the time of super().__getitem__

    def __getattr__(self, name: str) -> Any:
        if name != "unchecked":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.unchecked = self.view(np.ndarray)
        return self.unchecked

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if array.ndim == 0 else checked(array)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's own functions may count from the end."""
        return checked(function(*_unchecked(args), **_unchecked(kwargs)))

    def __repr__(self) -> str:
        return repr(self.unchecked)

    def __str__(self) -> str:
        return str(self.unchecked)

    def __getitem__(self, index: Any) -> Any:
        try:
            if (min(index) if type(index) is tuple else index) < 0:
                check(self, index, sys._getframe(1))
            found = self.unchecked[index]
        except (TypeError, ValueError, IndexError):  # slices, or an index that is too large
            check(self, index, sys._getframe(1))
            found = self.unchecked[index]
        return found if type(found) is not np.ndarray else checked(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        try:
            if (min(index) if type(index) is tuple else index) < 0:
                check(self, index, sys._getframe(1))
            self.unchecked[index] = value
        except (TypeError, ValueError, IndexError):
            check(self, index, sys._getframe(1))
            self.unchecked[index] = value


def checked(value: Any) -> Any:
    """A checked view of an array; a tuple with checked arrays; any other value unchanged."""
    if isinstance(value, np.ndarray):
        return value.view(Checked)
    return tuple(map(checked, value)) if type(value) is tuple else value


def _unchecked(value: Any) -> Any:
    if isinstance(value, Checked):
        return value.unchecked
    if isinstance(value, dict):
        return {key: _unchecked(part) for key, part in value.items()}
    return type(value)(map(_unchecked, value)) if type(value) in (tuple, list) else value


def check(array: Any, index: Any, frame: FrameType) -> None:
    """Raise IndexError if an integer of `index`, used in the current line of `frame`, is outside `array`."""
    parts = index if isinstance(index, tuple) else (index,)
    rest = array.ndim - sum(part is not None and part is not Ellipsis for part in parts)
    dimension = 0
    for place, part in enumerate(parts):
        if isinstance(part, (int, np.integer)) and not 0 <= part < array.shape[dimension : dimension + 1][0]:
            raise IndexError(_message(array, index, place, dimension, frame)) from None
        dimension += rest if part is Ellipsis else part is not None
        if dimension >= array.ndim:
            return  # too many indices: NumPy says so


def _message(array: Any, index: Any, place: int, dimension: int, frame: FrameType) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    spelled = _spelled(array, index, frame)
    number, name = str(int(parts[place])), "the array"
    where = f"index {number}"
    if spelled is not None:
        name = ast.unparse(spelled)
        inside = spelled.slice.elts if isinstance(spelled.slice, ast.Tuple) else [spelled.slice]
        text = ast.unparse(inside[place]) if len(inside) == len(parts) else number
        where = number if text == number else f"{text} = {number}"
    shown = ", ".join(str(int(part)) if isinstance(part, np.integer) else repr(part) for part in parts)
    extent = array.shape[dimension]
    limits = f"outside 0..{extent - 1}, dimension {dimension}" if extent else f"outside the empty dimension {dimension}"
    return f"{name}: {where} is {limits} of shape {array.shape}; the index is ({shown})"


def _spelled(array: Any, index: Any, frame: FrameType) -> ast.Subscript | None:
    """The expression `x[n, c]` in the frame's line that is `array` at `index`.

    The expressions are computed again from the frame's variables. An expression with a call is skipped; only arithmetic is computed.
    """
    known = {**frame.f_globals, **frame.f_locals}
    for node in subscripts(frame.f_code).get(frame.f_lineno, ()):
        try:
            found = _value(node.value, known)
            if (found is array or _alike(found, array)) and _value(node.slice, known) == index:
                return node
        except Exception:  # a name that has no value yet, or whatever else: it is another expression
            continue
    return None


def _alike(a: Any, b: Any) -> bool:
    """Whether two arrays are the same view of the same memory."""
    return a.__array_interface__ == b.__array_interface__


def _value(node: ast.expr, known: dict) -> Any:
    if any(isinstance(part, (ast.Call, ast.NamedExpr, ast.Await)) for part in ast.walk(node)):
        raise ValueError("a call may have side effects")
    return eval(compile(ast.Expression(node), "<index>", "eval"), known)


@functools.lru_cache(maxsize=64)
def subscripts(code: CodeType) -> dict[int, list[ast.Subscript]]:
    """The subscript expressions of a function by line; one of several lines stands under each."""
    found: dict[int, list[ast.Subscript]] = {}
    tree = parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Subscript):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, []).append(node)
    return found


@functools.lru_cache(maxsize=64)
def parsed(code: CodeType) -> ast.FunctionDef | None:
    """The syntax tree of the function with this code, with the line numbers of its file; None if there is no source."""
    try:
        lines, first = inspect.getsourcelines(code)
        indent = len(lines[0]) - len(lines[0].lstrip())
        tree = ast.parse("".join(line[indent:] if line.strip() else "\n" for line in lines))
    except (OSError, SyntaxError, IndentationError):
        return None
    ast.increment_lineno(tree, first - 1)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return functions[0] if functions else None
