"""Cuts a Python file into blocks: some code, and the notes above it.

`ast` says where functions, classes and statements begin and end. `tokenize` says which lines are comments: a `#` in a string is not a
comment.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import SiteError

NOTES_OF_A_CLASS = 3  # a class with at least so many methods with notes is shown in parts
Comments = dict[int, tuple[int, str]]  # by line: column and text


@dataclass
class Function:
    """A function or class of the file, or the statements between two of them; lines count from 1, decorators included."""

    name: str
    first: int
    last: int
    device: str = ""  # "cpu" or "cuda" for a kernel
    docstring: str = ""
    docstring_lines: range = range(0)
    column: int = 0


@dataclass
class Block:
    """Functions that are shown together, and the Markdown above them."""

    notes: str
    notes_line: int
    functions: list[Function] = field(default_factory=list)

    @property
    def is_kernel(self) -> bool:
        return bool(self.functions[0].device)


@dataclass
class Segments:
    """A file, cut."""

    file: Path
    lines: list[str]  # lines[0] is line 1
    docstring: str
    docstring_line: int
    blocks: list[Block]


def segment(file: Path) -> Segments:
    """Cut the file into blocks.

    Raises:
        SiteError: it is not Python.
    """
    return _segments(file, file.read_text(encoding="utf-8"))


@functools.cache  # a page and the links that lead to it ask several times; a file that was edited has another text
def _segments(file: Path, text: str) -> Segments:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SiteError(file, error.lineno or 1, f"not Python: {error.msg}") from None
    body, docstring = tree.body, ast.get_docstring(tree) or ""
    docstring_line = body[0].lineno if docstring else 1
    comments = _comments(text)
    blocks: list[Block] = []
    lines = text.splitlines()
    for function in _functions(body[1:] if docstring else body, comments):
        while not lines[function.last - 1].strip():
            function.last -= 1
        notes, line = _notes_above(comments, function)
        if not notes and blocks and _belongs(function, blocks[-1]):
            _join(blocks[-1], function)
        else:
            blocks.append(Block(notes, line, [function]))
    return Segments(file, lines, docstring, docstring_line, blocks)


def _functions(body: list[ast.stmt], comments: Comments) -> Iterator[Function]:
    """The parts of the file. A class with many notes inside is split, so that each note is beside the code that it explains."""
    seen: Counter[str] = Counter()
    for node in body:
        for function in _of_class(node, comments) if isinstance(node, ast.ClassDef) else [_function(node)]:
            if function.name:
                seen[function.name] += 1  # the setter of a property is a second function of its name
                function.name += f"-{seen[function.name]}" if seen[function.name] > 1 else ""
            yield function


def _of_class(node: ast.ClassDef, comments: Comments) -> list[Function]:
    """The class as one part. If three or more methods have notes: its head, then each method, with the following ones without notes."""
    whole = _function(node)
    methods = [_function(m) for m in node.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]
    starts = [m for m in methods if m.docstring or _notes_above(comments, m)[0]]
    if len(starts) < NOTES_OF_A_CLASS:
        return [whole]
    for method in starts:
        method.name = f"{node.name}.{method.name}"
    parts = [whole, *starts]
    for part, after in zip(parts, starts):
        part.last = _notes_above(comments, after)[1] - 1
    parts[-1].last = node.end_lineno or node.lineno
    return parts


def _function(node: ast.stmt) -> Function:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return Function("", node.lineno, node.end_lineno or node.lineno)
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    device = (
        "cpu" if any(m.startswith("njit") for m in marks) else "cuda" if any("cuda.jit" in m for m in marks) else ""
    )
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    inside = node.body[0]
    lines = range(inside.lineno, (inside.end_lineno or 0) + 1) if ast.get_docstring(node) else range(0)
    docstring = ast.get_docstring(node) or ""
    return Function(node.name, first, node.end_lineno or first, device, docstring, lines, node.col_offset)


def _belongs(function: Function, block: Block) -> bool:
    """Whether the code continues the same block: the CUDA twin of a CPU kernel, or plain statements after plain statements."""
    before = block.functions[-1]
    if function.device == "cuda" and before.device == "cpu":
        return function.name.removesuffix("_cuda") == before.name.removesuffix("_cpu")
    return not function.name and not before.name


def _join(block: Block, function: Function) -> None:
    if function.name:
        block.functions.append(function)
    else:
        block.functions[-1].last = function.last


def _comments(text: str) -> Comments:
    """The comments on lines of their own, without their `#`; a comment `# ---- title` is a heading."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line, column = token.start
        if token.type == tokenize.COMMENT and not token.line[:column].strip():
            comment = token.string[1:].removeprefix(" ")
            title = comment.lstrip("- ")
            if comment.startswith("-----"):
                comment = f"## {title[0].upper()}{title[1:]}" if title else ""
            found[line] = (column, comment)
    return found


def _notes_above(comments: Comments, function: Function) -> tuple[str, int]:
    """The comment block that ends on the line above the function, with the same indent; and its first line."""
    start = function.first
    while start - 1 in comments and comments[start - 1][0] == function.column:
        start -= 1
    return "\n".join(comments[line][1] for line in range(start, function.first)), start
