"""Public names: the object and the file of each, and arguments, shapes and errors from its docstring."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from typing import Any

from ..step.components import PACKAGE, Component
from .document import described

HOMES = {  # folder: the modules that have the public names of its files, as PyTorch spells them
    "nn": ("torch.nn", "torch.nn.functional", "torch.nn.utils", "torch.nn.init", "torch.nn.parallel"),
    "optim": ("torch.optim",),
    "transforms": ("torchvision.transforms", "torchvision.transforms.functional"),
}
OLDER = {
    "torch.nn.DistributedDataParallel",
    "torch.nn.DistributedDataParallelCPU",
}  # names in old examples; pages show the newer ones


def look_up(name: str) -> Any:
    """The object of reftorch with a name of PyTorch's, or None; torchvision's transforms are in `reftorch.transforms`."""
    first, *parts = name.replace("torchvision.transforms", "torch.transforms").split(".")
    found: Any = importlib.import_module("reftorch") if first == "torch" else None
    for part in parts:
        if _has_not(found, part):
            return None
        declared = inspect.get_annotations(found).get(part) if inspect.isclass(found) else None
        found = getattr(found, part, declared)  # an attribute of instances is declared in its class
    return found


def _has_not(package: Any, name: str) -> bool:
    """Whether a package's list of names lacks this name. (`getattr` would also search for similar names, to suggest one.)"""
    known = vars(package) if inspect.ismodule(package) else {}
    return "__getattr__" in known and name not in known and name not in known.get("__all__", (name,))


def file_of(thing: Any) -> str:
    """The file that defines a class or function, below the package: "nn/activation/relu.py"; "" for anything else."""
    module = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    path = PACKAGE.parent.joinpath(*str(module).split("."))
    found = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    inside = found.exists() and found.is_relative_to(PACKAGE)
    return found.relative_to(PACKAGE).as_posix() if inside else ""


@functools.cache  # every page names its neighbours
def public(component: Component) -> dict[str, Any]:
    """The classes and functions of a component that are PyTorch's, by PyTorch's names; classes first."""
    module = component.module()
    room = component.file.relative_to(PACKAGE).parts[0]
    found = {}
    for name, thing in vars(module).items():
        if callable(thing) and getattr(thing, "__module__", "") == module.__name__:
            for home in HOMES[room]:
                if f"{home}.{name}" not in OLDER and look_up(f"{home}.{name}") is thing:
                    found[f"{home}.{name}"] = thing
                    break
    return dict(sorted(found.items(), key=lambda pair: not inspect.isclass(pair[1])))


def call(name: str, thing: Any) -> str:
    """The call: "ReLU(inplace=False)", in lines of at most 90 characters, without the `*args, **kwargs` of a parent class."""
    given = list(inspect.signature(thing).parameters.values())
    shown = [p.replace(annotation=inspect.Parameter.empty) for p in given]
    if {p.kind for p in given} == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        shown = []
    lines = [f"{name}("]
    for i, parameter in enumerate(shown):
        part = _by_name(str(parameter)) + "," * (i + 1 < len(shown))
        if len(lines[-1]) + len(part) > 90:
            lines.append(" " * len(name))
        lines[-1] += part if lines[-1].endswith("(") else f" {part}"
    return "\n".join(lines) + ")"


def entry(name: str, thing: Any) -> str:
    """Markdown: the call, and the arguments, attributes, shapes and errors that the docstring describes."""
    inherits = inspect.isclass(thing) and not vars(thing).get("__doc__")
    text = "" if inherits else inspect.getdoc(thing) or ""
    lines = ["```python", call(name.replace("torchvision", "torch"), thing), "```", ""]
    defaults = {p.name: p.default for p in inspect.signature(thing).parameters.values()}
    for heading, body in described(text):
        if isinstance(body, str):
            lines.append(f"**{heading}:** {body}" if heading else body)
        elif heading == "Args":
            lines += ["| argument | default | meaning |", "|---|---|---|"]
            for argument, meaning in body:
                lines.append(f"| `{argument}` | {_default(argument, defaults)} | {_cell(meaning)} |")
        elif heading == "Raises":
            lines += ["| error | when |", "|---|---|"]
            lines += [f"| `{error}` | {_cell(when)} |" for error, when in body]
        else:
            lines += [f"**{heading}:**", "", *(f"- `{item}`: {meaning}" for item, meaning in body)]
        lines.append("")
    return "\n".join(lines)


def _default(argument: str, defaults: dict[str, Any]) -> str:
    """The default as Python writes it; for several names, `a, b`, the default of each."""
    known = [defaults[name] for name in re.split(r",\s*", argument) if name in defaults]
    return ", ".join(f"`{_by_name(repr(value))}`" for value in known if value is not inspect.Parameter.empty)


def _by_name(text: str) -> str:
    """Functions by their names, without the address that they have in this process."""
    return re.sub(r"<(?:built-in )?function (\w+)(?: at \w+)?>", r"\1", text)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)
