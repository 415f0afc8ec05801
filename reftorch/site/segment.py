"""Cuts a Python file into blocks: some code, and the notes that stand above it.

`ast` says where functions, classes and statements begin and end, `tokenize` which lines are comments: a `#` in a string is none.
"""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass, field
from pathlib import Path

from .errors import SiteError


@dataclass
class Function:
    """A function or class of the file, or the statements between two of them; lines count from 1, decorators included."""

    name: str
    first: int
    last: int
    device: str = ""  # "cpu" or "cuda" for a kernel
    docstring: str = ""
    docstring_lines: range = range(0)


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
    text = file.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SiteError(file, error.lineno or 1, f"not Python: {error.msg}") from None
    body, docstring = tree.body, ast.get_docstring(tree) or ""
    docstring_line = body[0].lineno if docstring else 1
    comments = _comments(text)
    blocks: list[Block] = []
    for node in body[1:] if docstring else body:
        function = _function(node)
        notes, line = _notes_above(comments, function.first)
        if not notes and blocks and _belongs(function, blocks[-1]):
            _join(blocks[-1], function)
        else:
            blocks.append(Block(notes, line, [function]))
    return Segments(file, text.splitlines(), docstring, docstring_line, blocks)


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
    return Function(node.name, first, node.end_lineno or first, device, ast.get_docstring(node) or "", lines)


def _belongs(function: Function, block: Block) -> bool:
    """Whether the code goes on in the same block: the CUDA twin of a CPU kernel, or plain statements after plain statements."""
    before = block.functions[-1]
    if function.device == "cuda" and before.device == "cpu":
        return function.name.removesuffix("_cuda") == before.name.removesuffix("_cpu")
    return not function.name and not before.name


def _join(block: Block, function: Function) -> None:
    if function.name:
        block.functions.append(function)
    else:
        block.functions[-1].last = function.last


def _comments(text: str) -> dict[int, str]:
    """The comments that stand alone at the left edge, by line, without their `#`."""
    lines = text.splitlines()
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.start[1] == 0:
            comment = lines[token.start[0] - 1][1:]
            found[token.start[0]] = comment.removeprefix(" ")
    return found


def _notes_above(comments: dict[int, str], first: int) -> tuple[str, int]:
    """The comment block that ends on the line above `first`, as text, and its first line."""
    start = first
    while start - 1 in comments:
        start -= 1
    return "\n".join(comments[line] for line in range(start, first)), start
