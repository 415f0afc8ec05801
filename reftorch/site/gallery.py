"""Helps to choose among the components of a section: a card for each, with its picture, its properties and when to use it."""

from __future__ import annotations

import re

from ..step.components import Component
from . import document, pictures, sections
from .segment import segment

CURVES = {
    "nn/activation": "A function of single elements is drawn through, and its derivative with dashes.",
    "nn/loss": "The curves are the loss of one element; the dashes stand for another target or option, which the page names.",
}


def gallery(folder: str, inside: list[Component]) -> list[str]:
    """The cards for a section's page; none if the section has one component."""
    if len(inside) < 2:
        return []
    cards = [_card(component, f"{folder}/index.md") for component in inside]
    curves = [CURVES[folder], ""] if folder in CURVES else []
    return ["## Choosing", "", *curves, '<div class="rt-gallery" markdown>', *cards, "</div>", ""]


def _card(component: Component, page: str) -> str:
    drawn = pictures.small(component)
    lines = ['<div class="rt-card" markdown>', ""]
    lines += [f"<figure>{drawn}</figure>", ""] if drawn else []
    traits = pictures.traits(component)
    lines += [
        f"**{sections.link(component, page)}**{': ' + traits if traits else ''}",
        "",
        use(component),
        "",
        *([f"Cost: {cost(component)}.", ""] if traits and cost(component) else []),
        "</div>",
    ]
    return "\n".join(lines)


def use(component: Component) -> str:
    """The paragraph that begins with "Use it when", as one line; the first paragraph if there is none."""
    docstring = segment(component.file).docstring
    found = re.search(r"^Use it when .*?(?=\n\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return " ".join((found[0] if found else docstring.partition("\n\n")[0]).split())


def cost(component: Component) -> str:
    """What the section "Cost" says first, of the arithmetic; nothing if there is none."""
    said = {section.heading: section.text for section in document.sections(segment(component.file))}.get("Cost", "")
    first = re.split(r"[.;](?:\s|\Z)", " ".join(said.split()))[0]
    return first[:1].lower() + first[1:]
