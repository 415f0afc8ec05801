"""Links from names in code to their definitions: a line on the same page or on another one, or a section of the guide.

Definitions are found in the AST, without running a file. A name that the enclosing function assigns is a variable; any other name is
defined or imported in its file. Imports are followed from file to file, up to the `def`, `class` or assignment.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..step.components import PACKAGE, components
from .highlight import Links, address
from .sections import relative
from .segment import segment

WORDS = {  # names of Numba: the heading in the guide, and an explanation
    "numba.njit": ("njit", "compiles this function to machine code, for the CPU"),
    "numba.prange": ("prange", "a range whose iterations may run at the same time"),
    "numba.cuda.jit": ("cudajit", "compiles this function for a GPU, where many threads run it"),
    "numba.cuda.grid": ("cudagrid", "the number of this thread among all threads"),
    "numba.cuda.gridsize": ("cudagrid", "how many threads there are"),
    "numba.cuda.threadIdx": ("blocks-of-threads", "the number of this thread in its block"),
    "numba.cuda.blockIdx": ("blocks-of-threads", "the number of this block"),
    "numba.cuda.blockDim": ("blocks-of-threads", "how many threads a block has"),
    "numba.cuda.shared": ("blocks-of-threads", "memory that all threads of a block can use"),
    "numba.cuda.local": ("blocks-of-threads", "memory that only this thread can use"),
    "numba.cuda.syncthreads": ("blocks-of-threads", "waits until all threads of the block have reached this line"),
    "numba.cuda.atomic": ("blocks-of-threads", "changes an element that other threads may change at the same time"),
}
FOLDERS = ("nn/**", "optim/**", "transforms/**", "fast", "fast/ladder", "autograd", "ops")
FILES = (
    *(f"{folder}/*.py" for folder in FOLDERS),
    "kernel.py",
    "kernel_cache.py",
    "tensor.py",
    "types.py",
)  # have a page


@dataclass(frozen=True)
class Place:
    """Where a name is defined: a file of the package and a line. Line 0 is the whole file, for a module."""

    file: Path
    line: int


@functools.cache
def helpers() -> dict[str, Path]:
    """Files that are not components, by the page of each: fast forms, and code that components share."""
    known = {component.file for component in components().values()}
    found = sorted(file for pattern in FILES for file in PACKAGE.glob(pattern))
    return {
        file.relative_to(PACKAGE).as_posix().removesuffix(".py") + ".md": file
        for file in found
        if file not in known and not file.name.startswith("_")
    }


@functools.cache
def _has_page() -> frozenset[Path]:
    return frozenset([*helpers().values(), *(component.file for component in components().values())])


def links(file: Path) -> Links:
    """By line and column of `file`: the target of a name's link, and a title or "". A name of Numba is linked once, at its first use."""
    found: Links = {}
    explained = set()
    page = _html(file)
    for line, column, thing in _named(file):
        word = "numba.njit" if thing == _njit() else thing
        if isinstance(word, str):
            if word in WORDS and word not in explained:
                explained.add(word)
                heading, sentence = WORDS[word]
                name = word.removeprefix("numba.")
                found[line, column] = (f"{relative('guide/kernels.html', page)}#{heading}", f"{name}: {sentence}")
        elif word and word.line and word.file in _has_page() | {file} and (word.file, word.line) != (file, line):
            where = "" if word.file == file else relative(_html(word.file), page)
            found[line, column] = (f"{where}#{_anchor(word)}", "")
    return found


def fast_forms(file: Path) -> dict[str, str]:
    """The functions of `fast/` that a component's file calls, in order: name and definition. A function that only says whether the
    others pay, so that its docstring begins with "Whether", is left out."""
    page, found = _html(file), {}
    for *_, thing in _named(file):
        if isinstance(thing, Place) and thing.line and thing.file.parent == PACKAGE / "fast":
            name, node = next(each for each in _defined(thing.file).items() if each[1].lineno == thing.line)
            if not isinstance(node, ast.FunctionDef) or not (ast.get_docstring(node) or "").startswith("Whether "):
                found[name] = f"{relative(_html(thing.file), page)}#{_anchor(thing)}"
    return {name: where for name, where in found.items() if not name.isupper()}


@functools.cache
def _njit() -> Place | str | None:
    """The package's own `njit`, which caches what it compiled. The site explains it like Numba's."""
    return _resolve(PACKAGE / "kernel.py", "njit")


def _html(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix().removesuffix(".py") + ".html" if PACKAGE in file.parents else file.name


def _anchor(place: Place) -> str:
    """The address of a line on its page."""
    functions = (function for block in _blocks(place.file) for function in block.functions)
    function = next(function for function in functions if function.first <= place.line <= function.last)
    return f"{address(function)}-L{place.line - function.first + 1 if function.name else place.line}"


@functools.cache
def _blocks(file: Path) -> list:
    return segment(file).blocks


# ------------------------------------------------------------------------------------------------------- what a name is
@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@functools.cache
def _defined(file: Path) -> dict[str, ast.stmt]:
    """The names of a file: what defines or imports each, also below an `if`."""
    found: dict[str, ast.stmt] = {}
    waiting = list(_tree(file).body)
    for node in waiting:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.setdefault(node.name, node)
        elif isinstance(node, (ast.If, ast.Try)):
            waiting += node.body
        else:
            found = {**dict.fromkeys(_stored(node), node), **found}
    return found


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that a statement assigns or imports, those of functions inside it, too."""
    for inside in ast.walk(node):
        if isinstance(inside, ast.Name) and isinstance(inside.ctx, ast.Store):
            yield inside.id
        elif isinstance(inside, ast.alias):
            yield inside.asname or inside.name.partition(".")[0]
        elif isinstance(inside, ast.arg):
            yield inside.arg
        elif isinstance(inside, (ast.FunctionDef, ast.ClassDef)) and inside is not node:
            yield inside.name


def _resolve(file: Path, name: str) -> Place | str | None:
    """The definition of a name of a file: a place in the package, the full name of something outside of it, or None."""
    node = _defined(file).get(name)
    if node is None:
        return _module(file.parent / name) if file.name == "__init__.py" else None
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return Place(file, node.lineno)
    if isinstance(node, ast.ImportFrom):
        return _imported(file, node, next(alias.name for alias in node.names if (alias.asname or alias.name) == name))
    if isinstance(node, ast.Import):
        whole = next(a.name for a in node.names if (a.asname or a.name.partition(".")[0]) == name)
        return whole if whole.partition(".")[0] != PACKAGE.name else _module(PACKAGE.parent.joinpath(*whole.split(".")))
    return Place(file, node.lineno)


def _imported(file: Path, node: ast.ImportFrom, name: str) -> Place | str | None:
    """The definition of a name that `from ... import name` imports."""
    parts = (node.module or "").split(".") if node.module else []
    if not node.level and parts[0] != PACKAGE.name:
        return ".".join([*parts, name])
    start = file.parents[node.level - 1] if node.level else PACKAGE.parent
    module = _module(start.joinpath(*parts))
    return _resolve(module.file, name) if module and (module.file, name) != (file, name) else None


def _module(path: Path) -> Place | None:
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.exists() and PACKAGE in file.parents:
            return Place(file, 0)
    return None


def _attribute(whole: Place | str | None, name: str) -> Place | str | None:
    """The definition of `whole.name`: a name of a module, or a longer full name of something outside."""
    if isinstance(whole, str):
        return f"{whole}.{name}"
    return _resolve(whole.file, name) if whole and not whole.line else None


def _method(file: Path, of: ast.ClassDef, name: str) -> Place | None:
    """Where a class defines a method, itself or by inheritance."""
    for node in of.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Place(file, node.lineno)
    for base in of.bases:
        place = _resolve(file, base.id) if isinstance(base, ast.Name) else None
        parent = _class(place) if isinstance(place, Place) else None
        if isinstance(place, Place) and parent:
            found = _method(place.file, parent, name)
            if found:
                return found
    return None


def _class(place: Place) -> ast.ClassDef | None:
    classes = (node for node in _tree(place.file).body if isinstance(node, ast.ClassDef))
    return next((node for node in classes if node.lineno == place.line), None)


# --------------------------------------------------------------------------------------------------- the names of a file
@functools.cache
def _named(file: Path) -> list[tuple[int, int, Place | str | None]]:
    """Every name that is used in a file, in order: line, column, definition."""
    finder = _Finder(file)
    finder.visit(_tree(file))
    return sorted(finder.found, key=lambda one: one[:2])


class _Finder(ast.NodeVisitor):
    def __init__(self, file: Path):
        self.file = file
        self.lines = file.read_text(encoding="utf-8").splitlines()
        self.variables: list[set[str]] = []  # of the enclosing functions
        self.classes: list[ast.ClassDef] = []
        self.found: list[tuple[int, int, Place | str | None]] = []

    def what(self, node: ast.expr) -> Place | str | None:
        if isinstance(node, ast.Name):
            hidden = any(node.id in variables for variables in self.variables)
            return None if hidden or isinstance(node.ctx, ast.Store) else _resolve(self.file, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        if isinstance(node.value, ast.Name) and node.value.id == "self" and self.classes:
            return _method(self.file, self.classes[-1], node.attr)
        return _attribute(self.what(node.value), node.attr)

    def keep(self, line: int, column: int, thing: Place | str | None) -> None:
        """`column` counts bytes in the AST, and characters here."""
        column = len(self.lines[line - 1].encode()[:column].decode())
        self.found.append((line, column, thing))

    def visit_Name(self, node: ast.Name) -> None:
        self.keep(node.lineno, node.col_offset, self.what(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.keep(node.end_lineno or 0, (node.end_col_offset or 0) - len(node.attr.encode()), self.what(node))
        self.visit(node.value)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            thing = _imported(self.file, node, alias.name)
            if thing != _njit():  # names of Numba are explained where they are used
                self.keep(alias.lineno, alias.col_offset, thing if isinstance(thing, Place) else None)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes.append(node)
        self.generic_visit(node)
        self.classes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for outside in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(outside)
        for annotation in [*(arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)), node.returns]:
            if annotation:
                self.visit(annotation)
        self.variables.append(set(_stored(node)))
        for inside in node.body:
            self.visit(inside)
        self.variables.pop()
