"""Finds what a submission may not use, in its text: other libraries, ready-made sums of products, ways around the rules.

Only the parts that grading takes from the file are searched: the asked functions, helpers, constants and imports. If anything is found,
the submission gets no points, and the message names the line. `reftorch.course.watch` checks the calls while the submission runs.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from reftorch.course.assignment import Assignment
from reftorch.course.cut import Function, functions_of

LIBRARIES = {"math", "numpy", "numba", "typing", "collections", "itertools", "functools", "dataclasses", "operator"}
LIBRARIES |= {"__future__", "contextlib", "copy", "heapq", "warnings", "weakref", "abc", "enum", "numbers"}
PRODUCTS = {"dot", "matmul", "einsum", "tensordot", "inner", "outer", "vdot", "kron", "convolve", "correlate"}
PRODUCTS |= {"linalg", "fft"}
WAYS_OUT = {"eval", "exec", "compile", "open", "__import__", "globals", "vars", "locals", "breakpoint", "input"}
WAYS_OUT |= {"exit", "quit"}
ATTRIBUTES = {"__globals__", "__code__", "__builtins__", "__subclasses__", "__closure__", "__loader__", "py_func"}
ATTRIBUTES |= {"f_globals"}
# the statements that grading takes from the top level of a file
TAKEN = Function | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign


def findings(assignment: Assignment, source: str) -> list[str]:
    """The forbidden things in the parts of `source` that grading uses, each with its line."""
    theirs, ours = ast.parse(source), ast.parse(assignment.source.read_text(encoding="utf-8"))
    known = functions_of(ours)
    ignored = {id(node) for name, node in functions_of(theirs).items() if name in known and name not in assignment.cut}
    nodes = _nodes(theirs, ignored)
    allowed, banned = _imports_of(ours), banned_names(assignment, ours)
    given = _given(nodes) - {node.name for node in ours.body if isinstance(node, ast.ClassDef)}
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in given:
            continue
        for text in _of_node(node, banned, allowed, assignment.allowed):
            found.append(f"{assignment.submission}, line {node.lineno}: {text}")  # type: ignore[attr-defined]
    return list(dict.fromkeys(found))


def banned_names(assignment: Assignment, ours: ast.Module | None = None) -> set[str]:
    """The names that the assignment's functions must not call: those that the reference does not need, and those its file forbids."""
    ours = ours or ast.parse(assignment.source.read_text(encoding="utf-8"))
    known = functions_of(ours)
    nodes = [node for name in assignment.cut for node in ast.walk(known[name])]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.id for node in nodes if isinstance(node, ast.Name)}
    products = set() if any(isinstance(node, ast.MatMult) for node in nodes) else PRODUCTS
    banned = products | WAYS_OUT | ATTRIBUTES | _supplied(ours)
    if all(
        name.endswith(("_cpu", "_cuda")) for name in assignment.cut
    ):  # a kernel must not call Python functions that launch kernels
        banned |= {n.name for n in ours.body if isinstance(n, Function | ast.ClassDef) and not n.decorator_list}
    return banned - used | set(assignment.forbidden)


def _given(nodes: list[ast.AST]) -> set[str]:
    """Names that the student's file defines itself, such as an argument `input` or a helper `inner`."""
    found = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    found |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return found | {node.name for node in nodes if isinstance(node, Function | ast.ClassDef)}


def _nodes(tree: ast.AST, ignored: set[int]) -> list[ast.AST]:
    """All nodes except those in functions that grading ignores, and in `if __name__ == "__main__":`, which it does not run."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for child in ast.iter_child_nodes(node):
            if id(child) not in ignored and (node is not tree or isinstance(child, TAKEN)):
                waiting.append(child)
    return sorted((n for n in found if hasattr(n, "lineno")), key=lambda n: n.lineno)


def _of_node(node: ast.AST, banned: Collection[str], allowed: set[tuple[str, str]], more: Collection[str]) -> list[str]:
    if isinstance(node, ast.Import):
        names = [a.name for a in node.names if (a.name, "") not in allowed]
        return [f"imports {name}" for name in names if _refused(name, more)]
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        names = [a.name for a in node.names if (module, a.name) not in allowed]
        return [f"imports {n} from {module}" for n in names if n in banned or _refused(module, more)]
    if isinstance(node, ast.Attribute) and node.attr in banned:
        return [f"uses {ast.unparse(node)}"[:120]]
    if isinstance(node, ast.Name) and node.id in banned and isinstance(node.ctx, ast.Load):
        return [f"uses {node.id}"]
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult) and "matmul" in banned:
        return ["uses the operator @"]
    return []


def _refused(module: str, more: Collection[str]) -> bool:
    return module not in more and module.split(".")[0] not in LIBRARIES


def _imports_of(tree: ast.Module) -> set[tuple[str, str]]:
    """The imports of the reference."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {("." * node.level + (node.module or ""), alias.name) for alias in node.names}
    return found


def _supplied(tree: ast.Module) -> set[str]:
    """Ready-made arithmetic that the component imports for functions that are not asked: fast kernels, other components."""
    found = set()
    for node in tree.body:
        path = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
        for alias in node.names if path and path[0] == "reftorch" else ():  # type: ignore[attr-defined]
            if alias.name == "fast" or {"fast", "functional"} & set(path):
                found.add(alias.asname or alias.name)
    return found
