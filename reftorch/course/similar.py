"""Finds submissions that are nearly the same, apart from names, comments and layout.

Two files are compared token by token with `difflib`. Only the asked functions are compared, and what a student defined besides them.
There are few ways to write a small kernel, so similarity alone proves nothing: it is a reason to read the two files. The similarity
to the reference solution is given beside each pair.
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
LITTLE = 20  # tokens: shorter texts are not compared


@dataclass(frozen=True)
class Pair:
    """Two submissions and their similarity, 0 to 1; `reference` is the similarity of the first to the reference."""

    first: str
    second: str
    likeness: float
    reference: float


@dataclass(frozen=True)
class Group:
    """A group of submissions: each is similar to another one of the group. The two similarities are the lowest among its pairs."""

    names: list[str]
    likeness: float
    reference: float


def groups(pairs: Iterable[Pair]) -> list[Group]:
    """The groups that the pairs form, beginning with those that are least similar to the reference."""
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
    """The pairs of submissions (texts by student) with a similarity of at least `least`, the most similar first.

    Submissions with a syntax error, and those with almost no text in the asked functions, are left out.
    """
    known, cut = set(functions(reference)), set(cut)
    streams = {name: tokens(text, cut, known) for name, text in sources.items()}
    names = sorted(name for name, stream in streams.items() if len(stream) >= LITTLE)
    right = tokens(reference, cut, known)
    pairs = []
    for place, first in enumerate(names):
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(streams[first])  # difflib analyses the second sequence once
        with_reference = _likeness(matcher, right, 0)
        for second in names[place + 1 :]:
            likeness = _likeness(matcher, streams[second], least)
            if likeness >= least:
                pairs.append(Pair(first, second, likeness, with_reference))
    return sorted(pairs, key=lambda pair: (-pair.likeness, pair.first, pair.second))


def _likeness(matcher: SequenceMatcher, stream: list[str], least: float) -> float:
    """The ratio of difflib; 0 if one of its upper bounds, which are quick to compute, is below `least`."""
    matcher.set_seq1(stream)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    return matcher.ratio()


def tokens(source: str, cut: Iterable[str], known: Iterable[str]) -> list[str]:
    """The tokens of the functions in `cut` and of definitions not in `known`, without names, comments and annotations.

    For text that Python cannot parse there are no tokens. `cut` and `known` are qualified names, such as "Module.register_parameter".
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
    """Removes docstrings, annotations and decorators, and replaces every name that the student chose by the same name.

    Attributes keep their names, because libraries define them.
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
