"""Makes a stub of a component file, without the bodies of the asked functions, or a copy of the file with one mistake."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import TYPE_CHECKING

from reftorch.course.mutants import Mutant

if TYPE_CHECKING:
    from reftorch.course.assignment import Assignment

Function = ast.FunctionDef | ast.AsyncFunctionDef
TELLS_NOTHING = {
    "else:",
    "try:",
    "finally:",
    "return",
    "return self",
    "continue",
    "break",
    "pass",
    "super().__init__()",
}


def functions(source: str) -> dict[str, Function]:
    """The functions of a file by qualified name: those at its top level, and those in its classes. Raises SyntaxError."""
    return functions_of(ast.parse(source))


def functions_of(tree: ast.Module) -> dict[str, Function]:
    """As `functions`, for a file that is already parsed."""
    found = {}
    for node in tree.body:
        if isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}": inner for inner in node.body if isinstance(inner, Function)}
    return found


def body_of(function: Function) -> list[ast.stmt]:
    """The statements of a function below its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def telling_lines(source: str, names: Collection[str]) -> set[str]:
    """The lines of these functions' bodies, without indentation: a stub must not show them. Brackets and `else:` are left out."""
    lines, found = source.splitlines(), set()
    known = functions(source)
    for name in names:
        body = body_of(known[name])
        found |= {line.strip() for line in lines[body[0].lineno - 1 : known[name].end_lineno]}
    return {line for line in found if line not in TELLS_NOTHING and any(letter.isalpha() for letter in line)}


def stub(assignment: Assignment) -> str:
    """The component file as the student gets it: each asked function has a note in place of its body.

    A function that is not asked, but shares a line with the solution (as a CUDA twin does), loses its body too. Grading takes such a
    function from reftorch.
    """
    source = assignment.source.read_text(encoding="utf-8")
    known, lines = functions(source), source.splitlines()
    solution = telling_lines(source, assignment.cut)
    replaced = {}
    for name, function in known.items():
        body = body_of(function)
        if not body:
            continue
        own = {line.strip() for line in lines[body[0].lineno - 1 : function.end_lineno]}
        indent = " " * (function.col_offset + 4)
        if name in assignment.cut:
            replaced[name] = _asked(assignment, name, function, indent)
        elif own & solution:
            replaced[name] = [f'{indent}raise NotImplementedError("{name} is not asked: reftorch supplies it")']
    for name in sorted(replaced, key=lambda name: -known[name].lineno):
        body = body_of(known[name])
        first = body[0].lineno
        while lines[first - 2].strip().startswith("#") and first - 2 >= known[name].lineno:
            first -= 1  # a comment above the first statement belongs to the solution
        lines[first - 1 : known[name].end_lineno] = replaced[name]
    return "\n".join(lines) + "\n"


def _asked(assignment: Assignment, name: str, function: Function, indent: str) -> list[str]:
    """The lines that replace the body of an asked function."""
    says = assignment.asks.get(name, "see README.md")
    note = [f"{indent}# {line}" for line in f"YOURS: {says}".splitlines()]
    return [*note, f'{indent}raise NotImplementedError("{name} is yours to write")']


def mutated(source: str, mutant: Mutant) -> str:
    """The file with the mistake. Raises LookupError unless `find` occurs exactly once in the function."""
    function = functions(source).get(mutant.kernel)
    if function is None:
        raise LookupError(f"mutant {mutant.name!r}: there is no function {mutant.kernel}")
    lines = source.splitlines(keepends=True)
    first, last = function.lineno - 1, function.end_lineno
    text = "".join(lines[first:last])
    find, replace = mutant.find, mutant.replace
    if text.count(find) != 1 and mutant.kernel.endswith("_cuda"):
        find, replace = _indented_like(text, find, replace)
    if text.count(find) != 1:
        raise LookupError(
            f"mutant {mutant.name!r}: {mutant.find!r} should occur once in {mutant.kernel}, but occurs {text.count(find)} times"
        )
    return "".join(lines[:first]) + text.replace(find, replace) + "".join(lines[last:])


def _indented_like(text: str, find: str, replace: str) -> tuple[str, str]:
    """The `find` and `replace` texts of several lines, moved to the left until they fit: a CUDA twin has its body outside of the loops."""
    for depth in range(4, 40, 4):
        moved = [part.replace("\n" + " " * depth, "\n") for part in (find, replace)]
        if text.count(moved[0]) == 1:
            return moved[0], moved[1]
    return find, replace
