"""Replaces functions of the component by the student's.

Only the asked functions are taken from the student's file, with its helpers, constants and imports. Everything else in the file is
ignored: reftorch's own version is used. The functions keep the student's file name and line numbers, so debuggers, tracebacks and the
CUDA runner show the student's lines.

    from reftorch.course.transplant import install
    install("relu", "relu.py")                  # from here on F.relu runs the functions of that file
"""

from __future__ import annotations

import ast
import copy
import importlib
import linecache
import sys
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

from reftorch.course.assignment import read
from reftorch.course.cut import Function, functions_of


class Transplant:
    """Replaces the functions `names` of `module` by those of `source`, until `undo`. `notes` list what is wrong with `source`.

    Raises SyntaxError if `source` does not parse, and any exception that its imports and constants raise.
    """

    def __init__(self, module: ModuleType, names: Collection[str], source: str, file: str):
        self.module = module
        self.notes: list[str] = []
        self.places: list[tuple[Any, str, Any]] = []  # owner, name, and the old value
        self.exchanged: list[tuple[Any, Any]] = []  # the new and the old object
        assert module.__spec__ is not None and module.__spec__.origin is not None
        self.reference = ast.parse(Path(module.__spec__.origin).read_text(encoding="utf-8"))
        self.theirs = ast.parse(source, file)
        self.file = file
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        self.places.append((module, "__file__", module.__file__))
        module.__file__ = file  # the path that a submission reads as its own
        self._bring_along()
        for name in names:
            self._exchange(name)

    def undo(self) -> None:
        """Restore the reference's functions."""
        for owner, name, before in reversed(self.places):
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        for new, old in self.exchanged:  # files that were imported meanwhile use the student's functions
            for place, name in _where(new):
                setattr(place, name, old)
        self.places, self.exchanged = [], []

    # ------------------------------------------------------------------------------------ helpers, constants, imports
    def _bring_along(self) -> None:
        """Run those statements at the top level of the file that define a name which the reference does not have."""
        known = set(vars(self.module))
        for statement in self.theirs.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                statement = self._new_imports(statement, known)
            elif not isinstance(statement, Function | ast.ClassDef | ast.Assign | ast.AnnAssign):
                continue
            names = _names_given(statement)
            if names and not names & known:
                self._run([statement])

    def _new_imports(self, statement: ast.Import | ast.ImportFrom, known: set[str]) -> Any:
        kept = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) not in known]
        if isinstance(statement, ast.Import):
            return ast.copy_location(ast.Import(kept), statement)
        return ast.copy_location(ast.ImportFrom(statement.module, kept, statement.level), statement)

    def _run(self, statements: list[ast.stmt]) -> None:
        before = dict(vars(self.module))
        tree = ast.fix_missing_locations(ast.Module(statements, []))
        exec(compile(tree, self.file, "exec", dont_inherit=True, flags=_ANNOTATIONS), vars(self.module))
        for name in set(vars(self.module)) - set(before):
            self.places.append((self.module, name, _ABSENT))

    # ------------------------------------------------------------------------------------------- what was asked
    def _exchange(self, name: str) -> None:
        ours, theirs = functions_of(self.reference)[name], functions_of(self.theirs).get(name)
        if theirs is None:
            self.notes.append(f"{name} is missing")
            theirs = _raising(ours, f"{name} is missing")
        elif _arguments(theirs) != _arguments(ours):
            self.notes.append(f"{name} takes ({_arguments(ours)}), but here ({_arguments(theirs)})")
        line = min(node.lineno for node in (theirs, *theirs.decorator_list))
        theirs.decorator_list = [_moved(mark, line) for mark in ours.decorator_list]
        if "." in name:
            owner, method = name.split(".")
            self._exchange_method(owner, method, theirs)
            return
        scratch: dict[str, Any] = {}
        exec(self._compiled([theirs]), vars(self.module), scratch)
        self._put(self.module, name, scratch[name])

    def _exchange_method(self, owner: str, name: str, theirs: Function) -> None:
        """A method is compiled inside a class of the same name, so that Python mangles names with two underscores in the same way."""
        kind = getattr(self.module, owner)
        shell = ast.ClassDef(owner, [], [], [theirs], [])
        if sys.version_info >= (3, 12):
            shell.type_params = []
        shell.body += self._helpers_of(owner, kind)
        scratch: dict[str, Any] = {}
        exec(self._compiled([ast.copy_location(shell, theirs)]), vars(self.module), scratch)
        for each, value in vars(scratch[owner]).items():
            if each != name and (each in vars(kind) or each.startswith("__")):
                continue
            _belong(value, kind)
            self._put(kind, each, value)

    def _helpers_of(self, owner: str, kind: type) -> list[ast.stmt]:
        """Methods of the student's class that the reference's does not have."""
        found: list[ast.stmt] = []
        for node in self.theirs.body:
            if isinstance(node, ast.ClassDef) and node.name == owner:
                found += [n for n in node.body if isinstance(n, Function) and n.name not in vars(kind)]
        return found

    def _compiled(self, statements: list[ast.stmt]) -> Any:
        tree = ast.fix_missing_locations(ast.Module(statements, []))
        return compile(tree, self.file, "exec", dont_inherit=True, flags=_ANNOTATIONS)

    def _put(self, owner: Any, name: str, new: Any) -> None:
        """Set the value, also in other modules of the package that have imported it by name."""
        old = vars(owner).get(name, _ABSENT)
        self.places.append((owner, name, old))
        setattr(owner, name, new)
        if old is _ABSENT:
            return
        self.exchanged.append((new, old))
        for place, other in _where(old):
            self.places.append((place, other, old))
            setattr(place, other, new)


_ABSENT = object()
_ANNOTATIONS = 0x1000000  # the flag of `from __future__ import annotations`, which all files of the package have


def _where(thing: Any) -> list[tuple[Any, str]]:
    """The modules and classes of the package that hold this value, with its name in each."""
    modules = [module for key, module in list(sys.modules.items()) if key.split(".")[0] == "reftorch" and module]
    places = [place for module in modules for place in (module, *_classes_of(module))]
    return [(place, name) for place in places for name, value in list(vars(place).items()) if value is thing]


def _names_given(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top of a file defines."""
    if isinstance(statement, Function | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return set()
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _raising(function: Function, message: str) -> Function:
    """A function of this signature that raises NotImplementedError."""
    body = ast.parse(f"raise NotImplementedError({message!r})").body
    new = type(function)(function.name, function.args, body, [], None, lineno=function.lineno, col_offset=0)
    return ast.parse(ast.unparse(ast.fix_missing_locations(new))).body[0]  # type: ignore[return-value]


def _moved(mark: ast.expr, line: int) -> ast.expr:
    """A decorator with this line number. The source of the function, as `inspect` sees it, begins there."""
    mark = copy.deepcopy(mark)
    for node in ast.walk(mark):
        if isinstance(node, ast.expr | ast.keyword):
            node.lineno = node.end_lineno = line
    return mark


def _arguments(function: Function) -> str:
    """The names of the arguments; annotations and defaults may differ."""
    given = function.args
    names = [arg.arg for arg in [*given.posonlyargs, *given.args]]
    names += [f"*{given.vararg.arg}"] if given.vararg else []
    names += [arg.arg for arg in given.kwonlyargs] + ([f"**{given.kwarg.arg}"] if given.kwarg else [])
    return ", ".join(names)


def _belong(value: Any, kind: type) -> None:
    """Let `super()` in a method mean the reference's class, and not the class that it was compiled in."""
    function = getattr(value, "__func__", getattr(value, "fget", value))
    for name, cell in zip(
        getattr(getattr(function, "__code__", None), "co_freevars", ()), getattr(function, "__closure__", None) or ()
    ):
        if name == "__class__":
            cell.cell_contents = kind


def _classes_of(module: ModuleType) -> list[type]:
    return [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]


def install(assignment: str | Path, file: str | Path) -> list[str]:
    """From this call on, the asked functions of `assignment` are those of the student's `file`. Returns notes on what is wrong in it.

    Raises AssignmentError for an unknown assignment, OSError or SyntaxError if the file cannot be read.
    """
    asked = read(assignment)
    module = importlib.import_module(asked.module)
    path = Path(file).resolve()
    return Transplant(module, asked.cut, path.read_text(encoding="utf-8-sig"), str(path)).notes
