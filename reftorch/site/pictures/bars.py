"""Bars: numbers before and after a function along a dimension, such as softmax."""

from __future__ import annotations

import reftorch as torch

from ...kernel import debug
from ...step.components import Component
from .svg import arrow, drawing, element, label, line, number

GIVEN = [2.0, 1.0, 0.0, -1.0]
WIDTH, HIGH = 40, 110


def picture(component: Component) -> str:
    """Four logits as bars, and the function's outputs."""
    name = component.file.stem
    function = getattr(component.module(), name)
    with debug():
        made = function(torch.tensor([GIVEN], dtype=torch.float64), dim=1)[0].tolist()
    parts, gap, top = [], 70, 38
    second = 4 + len(GIVEN) * WIDTH + gap
    scale = HIGH / (max(max(GIVEN), *made, 0) - min(*GIVEN, *made, 0))
    zero = top + scale * max(max(GIVEN), *made, 0)
    parts += _bars(4, zero, GIVEN, scale, "rt-is-read", "x")
    parts.append(arrow(second - gap + 12, zero, second - 12, zero))
    parts += _bars(second, zero, made, scale, "rt-is-written", "y")
    bottom = zero - scale * min(*GIVEN, *made, 0)
    said = f"x = {', '.join(map(number, GIVEN))} becomes y = {', '.join(map(number, made))}, whose sum is {number(sum(made))}."
    return drawing(second + len(GIVEN) * WIDTH + 4, bottom + 22, f"{name} of four numbers", said, parts)


def _bars(x: float, zero: float, values: list[float], scale: float, css: str, name: str) -> list[str]:
    parts = [label(x, 10, name, "rt-italic", "start"), line(x, zero, x + len(values) * WIDTH, zero, "rt-axis")]
    for i, value in enumerate(values):
        height = abs(value) * scale
        y = zero - height if value > 0 else zero
        parts.append(element("rect", x=x + i * WIDTH + 6, y=y, width=WIDTH - 12, height=height, css=f"rt-cell {css}"))
        parts.append(label(x + (i + 0.5) * WIDTH, y - 8 if value >= 0 else y + height + 9, number(value), "rt-small"))
    return parts
