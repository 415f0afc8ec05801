"""Who knows whom: the sentences of the design, as tests of the import statements."""

import ast
import pathlib

import pytest

import reftorch

HOME = pathlib.Path(reftorch.__file__).parent
NAMES = {
    ".".join(("reftorch", *file.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in HOME.rglob("*.py")
}


def imports(name, late):
    """The modules of reftorch that a module imports; with `late` also those that its functions import when they are called."""
    file = NAMES[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not late:
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue  # for readers and type checkers
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                parts = package.split(".")[: len(package.split(".")) - child.level + 1] if child.level else []
                base = ".".join([*parts, *([child.module] if child.module else [])])
                found.update(
                    f"{base}.{alias.name}" if f"{base}.{alias.name}" in NAMES else base for alias in child.names
                )
            visit(child)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    return {module for module in found if module in NAMES} - {name, "reftorch"}  # the front door is there before all


def circle(names, late):
    """Modules that import each other in a circle, or []."""
    graph, state, way = {name: sorted(imports(name, late) & set(names)) for name in names}, {}, []

    def visit(name):
        state[name] = "open"
        way.append(name)
        for other in graph[name]:
            if state.get(other) == "open":
                return way[way.index(other) :]
            if other not in state:
                found = visit(other)
                if found:
                    return found
        way.pop()
        state[name] = "done"
        return []

    for name in names:
        found = [] if name in state else visit(name)
        if found:
            return found
    return []


def part(*folders):
    """The modules in these folders or files."""
    return sorted(
        name for name in NAMES if any(name == f"reftorch.{f}" or name.startswith(f"reftorch.{f}.") for f in folders)
    )


def test_no_modules_import_each_other_in_a_circle():
    assert circle(sorted(NAMES), late=False) == []


def test_the_commands_do_not_know_each_other_in_a_circle_not_even_when_called():
    assert circle(part("bench", "cli", "precompile", "train", "__main__"), late=True) == []


@pytest.mark.parametrize(
    "name", part("tensor", "methods", "protocols", "types", "autograd", "kernel", "ops", "random", "threads", "fast")
)
def test_what_is_below_knows_no_component(name):
    """A method of a tensor that a component implements finds it through the front door when it is called."""
    assert not {
        other
        for other in imports(name, late=True)
        if other.startswith(("reftorch.nn", "reftorch.optim", "reftorch.transforms"))
    }


@pytest.mark.parametrize("name", part("fast"))
def test_fast_forms_know_arrays_only(name):
    known = {other for other in imports(name, late=True) if not other.startswith("reftorch.fast")}
    assert known <= {"reftorch.kernel", "reftorch.threads", "reftorch.types", "reftorch.lazy"}


@pytest.mark.parametrize("name", part("nn", "optim", "transforms", "fast", "ops", "tensor", "autograd"))
def test_no_component_knows_who_reads_it(name):
    readers = ("trace", "course", "site", "bench", "train", "step", "cli", "precompile", "doctor")
    assert not {other for other in imports(name, late=True) if other.split(".")[1] in readers}


def test_a_circle_would_be_found(monkeypatch):
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    monkeypatch.setitem(globals(), "imports", lambda name, late: graph[name])
    assert circle(["a", "b", "c", "d"], late=False) == ["b", "c"]
    graph["c"] = {"d"}
    assert circle(["a", "b", "c", "d"], late=False) == []
