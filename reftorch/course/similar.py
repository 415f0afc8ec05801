"""Submissions that are nearly the same, once names, comments and layout are taken away.

Two files are compared token by token with `difflib`, and only what was asked: the functions that were cut out of the
assignment, and what a student defined besides. A small kernel can hardly be written in two ways, so likeness is a reason to
look, not a verdict: beside each pair stands how much the two are like the reference solution.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from .cut import Function, functions

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.ENCODING}
LITTLE = 20  # tokens: less than that says nothing


@dataclass(frozen=True)
class Pair:
    """Two submissions and how alike they are, 0 to 1; `reference` is the likeness of the first with the reference."""

    first: str
    second: str
    likeness: float
    reference: float


@dataclass(frozen=True)
class Group:
    """Submissions each of which is alike with another one of the group. The likeness, also with the reference, is the lowest."""

    names: list[str]
    likeness: float
    reference: float


def groups(pairs: Iterable[Pair]) -> list[Group]:
    """The groups that pairs make, those that are least like the reference first."""
    found: list[list[Pair]] = []
    for pair in pairs:
        ends = {pair.first, pair.second}
        touched = [group for group in found if any(ends & {other.first, other.second} for other in group)]
        found = [group for group in found if group not in touched]
        found.append([pair, *(other for group in touched for other in group)])
    made = [
        Group(
            sorted({name for pair in group for name in (pair.first, pair.second)}),
            min(pair.likeness for pair in group),
            min(pair.reference for pair in group),
        )
        for group in found
    ]
    return sorted(made, key=lambda group: (group.reference, group.names))


def similar(sources: Mapping[str, str], reference: str, cut: Iterable[str], least: float = 0.9) -> list[Pair]:
    """The pairs of submissions (texts by student) that are alike by at least `least`, the likest first.

    Submissions with a syntax error, and those with next to nothing in the functions asked, are left out.
    """
    known, cut = set(functions(reference)), set(cut)
    streams = {name: tokens(text, cut, known) for name, text in sources.items()}
    names = sorted(name for name, stream in streams.items() if len(stream) >= LITTLE)
    right = tokens(reference, cut, known)
    pairs = []
    for place, first in enumerate(names):
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(streams[first])  # difflib keeps what it learns of the second sequence
        with_reference = _likeness(matcher, right, 0)
        for second in names[place + 1 :]:
            likeness = _likeness(matcher, streams[second], least)
            if likeness >= least:
                pairs.append(Pair(first, second, likeness, with_reference))
    return sorted(pairs, key=lambda pair: (-pair.likeness, pair.first, pair.second))


def _likeness(matcher: SequenceMatcher, stream: list[str], least: float) -> float:
    """The ratio of difflib; 0 if it is quick to see that it is below `least`."""
    matcher.set_seq1(stream)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    return matcher.ratio()


def tokens(source: str, cut: Iterable[str], known: Iterable[str]) -> list[str]:
    """The tokens of the functions in `cut` and of definitions not in `known`, without names, comments and annotations.

    Text that Python cannot read gives none. `cut` and `known` are qualified names, as "Module.register_parameter".
    """
    wanted, known = set(cut), set(known)
    found: list[str] = []
    try:
        for name, node in functions(source).items():
            if name in wanted or name not in known:
                plain = ast.unparse(_Nameless().visit(node))
                stream = tokenize.generate_tokens(io.StringIO(plain).readline)
                found += [token.string or "end" for token in stream if token.type not in LAYOUT]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return found


class _Nameless(ast.NodeTransformer):
    """Takes docstrings, annotations and decorators away, and gives everything that the student named one name.

    Attributes keep theirs: they are named by libraries.
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._plain(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._plain(node)

    def _plain(self, node: Function) -> ast.AST:
        self.generic_visit(node)
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]
        node.name, node.returns, node.decorator_list = "f", None, []
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = "v", None
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = "v"
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign([node.target], node.value, lineno=node.lineno)
