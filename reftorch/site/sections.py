"""The sections of the site, and the links on a component's page: functions, neighbours, assignments."""

from __future__ import annotations

import functools
import json
import posixpath
import re

from ..course.pages import assignments_of
from ..step.components import PACKAGE, Component, components
from .highlight import address as line_address
from .mathematics import DOCS
from .names import public
from .segment import Segments

# Folders with components, in the documentation's order. A folder that is not in this list comes last, under its own name.
SECTIONS = {
    "nn/convolution": "Convolution",
    "nn/pooling": "Pooling",
    "nn/padding": "Padding",
    "nn/activation": "Activation",
    "nn/normalization": "Normalization",
    "nn/recurrent": "Recurrent",
    "nn/transformer": "Transformer",
    "nn/linear": "Linear",
    "nn/dropout": "Dropout",
    "nn/sparse": "Sparse",
    "nn/distance": "Distance",
    "nn/loss": "Loss",
    "nn/vision": "Vision",
    "nn/parallel": "Parallel",
    "nn/utils": "Utilities",
    "nn/utils/rnn": "Packed sequences",
    "optim": "Optimizers",
    "transforms": "Transforms",
}


def address(component: Component) -> str:
    """The path of a component's page, below the site's root."""
    return component.file.relative_to(PACKAGE).as_posix().removesuffix(".py") + ".md"


def folder(component: Component) -> str:
    """The section of a component: "nn/activation"."""
    return component.file.parent.relative_to(PACKAGE).as_posix()


@functools.cache
def sections() -> dict[str, list[Component]]:
    """The folders with components, and their components, both in the documentation's order."""
    found: dict[str, list[Component]] = {name: [] for name in SECTIONS}
    for component in sorted(components().values(), key=_rank):
        found.setdefault(folder(component), []).append(component)
    return {name: inside for name, inside in found.items() if inside}


def section_title(name: str) -> str:
    """The name of a folder on the site."""
    return SECTIONS.get(name) or name.rpartition("/")[2].capitalize()


@functools.cache
def _documented() -> dict[str, int]:
    """The place of each name in the documentation."""
    rows = json.loads((DOCS / "data" / "components.json").read_text(encoding="utf-8"))
    return {row[0]: place for place, row in reversed(list(enumerate(rows)))}


def _rank(component: Component) -> tuple[int, str]:
    """The key for sorting: names that the documentation does not have come last."""
    places = [_documented()[name] for name in public(component) if name in _documented()]
    return min(places, default=len(_documented())), component.name


def title(component: Component) -> str:
    """The class with the name of the file, or else all its classes, as in "Dropout1d, 2d, 3d", or the file's name if it has no class."""
    classes = [name.rpartition(".")[2] for name, thing in public(component).items() if isinstance(thing, type)]
    stem = component.file.stem
    families: dict[str, list[str]] = {}
    for name in classes:
        if name.lower() == stem.replace("_", ""):
            return name
        family = re.sub(r"\dd$", "", name)
        families.setdefault(family, []).append(name.removeprefix(family))
    return ", ".join(family + ", ".join(dimensions) for family, dimensions in families.items()) or stem


def link(component: Component, page: str) -> str:
    """A link to a component from the page at `page`."""
    return f"[{title(component)}]({relative(address(component), page)})"


def relative(target: str, page: str) -> str:
    """The relative path from one page to another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


# ---------------------------------------------------------------------------------------------- around a component
def functions(cut: Segments) -> str:
    """Links to the functions and classes in the file."""
    places = [block.functions[0] for block in cut.blocks if re.fullmatch(r"[A-Za-z]\w*", block.functions[0].name)]
    links = " · ".join(f"[`{function.name}`](#{line_address(function)}-L1)" for function in places)
    return f'<div class="rt-functions" markdown>\n\n{links}\n\n</div>'


def neighbours(component: Component) -> str:
    """The other components of the section, and the components before and after it in the documentation's order."""
    every = [other for inside in sections().values() for other in inside]
    at, page = every.index(component), address(component)
    lines = [f"- Section: [{section_title(folder(component))}]({relative(folder(component) + '/index.md', page)})"]
    if at:
        lines.append(f"- Before it: {link(every[at - 1], page)}")
    if at + 1 < len(every):
        lines.append(f"- After it: {link(every[at + 1], page)}")
    others = [link(other, page) for other in sections()[folder(component)] if other != component]
    if others:
        lines.append(f"- Also in {section_title(folder(component))}: {', '.join(others)}")
    asked = assignments(component.file.relative_to(PACKAGE).as_posix())
    if asked:
        lines.append(f"- Assignment: {', '.join(asked)}")
    return "\n".join(lines)


def assignments(file: str) -> list[str]:
    """Links to the assignments that are cut from a file below the package."""
    page = relative("course.md", file)
    return [f"[{one.title}]({page}) (`{one.name}`)" for one in assignments_of(file)]
