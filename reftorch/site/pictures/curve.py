"""Curves: an activation and its derivative, or a loss over its prediction, computed with the component's own functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .svg import drawing, label, line, path

WIDTH, HEIGHT, MARGIN = 380, 230, 26
Curve = tuple[str, Sequence[float], Sequence[float]]  # its name, x, y

LOW, HIGH = -3.0, 3.0


def samples(low: float = LOW, high: float = HIGH, count: int = 121) -> np.ndarray:
    """Positions along the axis, in float64. None is a whole number, so that a jump there is drawn at its position."""
    return np.linspace(low, high, count) + 1e-9


def curves(
    title: str, description: str, found: list[Curve], small: bool = False, axes: tuple[str, str] = ("x", "")
) -> str:
    """Curves over one pair of axes: the first is solid, the second dashed, further ones dotted."""
    width, height = (190, 130) if small else (WIDTH, HEIGHT)
    x0, x1 = found[0][1][0], found[0][1][-1]
    values = [y for _, _, ys in found for y in ys if math.isfinite(y)]
    y0, y1 = _room(min(values), max(values))
    margin, top, bottom = (14, 14, 14) if small else (MARGIN, 40, 36)  # names of the curves above, of the axis below

    def place(x: float, y: float) -> tuple[float, float]:
        return margin + (x - x0) / (x1 - x0) * (width - 2 * margin), top + (y1 - y) / (y1 - y0) * (
            height - top - bottom
        )

    parts, names = _axes(place, (x0, x1), (y0, y1), small, axes)
    for i, (name, xs, ys) in enumerate(found):
        css = f"rt-curve rt-curve-{i + 1}"
        parts.append(path(_pieces([place(x, y) for x, y in zip(xs, ys)], ys, y1 - y0), css))
        if not small:
            left = margin + i * (width - 2 * margin) / max(len(found), 2)
            parts += [line(left, 12, left + 26, 12, css), label(left + 32, 12, name, "", "start")]
    return drawing(width, height, title, description, [*parts, *names])


def _room(low: float, high: float) -> tuple[float, float]:
    """A little more than the range of the values; zero is included."""
    low, high = min(low, 0.0), max(high, 0.0)
    more = 0.08 * (high - low or 1.0)
    return low - more, high + more


def _pieces(points: list[tuple[float, float]], ys: Sequence[float], span: float) -> list:
    """The points of the curve, interrupted where the function jumps or is NaN."""
    found: list = []
    for i, point in enumerate(points):
        if not math.isfinite(ys[i]):
            found.append(None)
            continue
        if i and math.isfinite(ys[i - 1]) and abs(ys[i] - ys[i - 1]) > 0.02 * span and _jumps(ys, i):
            found.append(None)
        found.append(point)
    return found


def _jumps(ys: Sequence[float], i: int) -> bool:
    """Whether the curve is much steeper here than on both sides: then it is a jump, not a slope."""
    step = abs(ys[i] - ys[i - 1])
    before = abs(ys[i - 1] - ys[i - 2]) if i > 1 else 0.0
    after = abs(ys[i + 1] - ys[i]) if i + 1 < len(ys) else 0.0
    return step > 4 * max(before, after)


def _axes(
    place: Callable[[float, float], tuple[float, float]],
    xs: tuple[float, float],
    ys: tuple[float, float],
    small: bool,
    names: tuple[str, str],
) -> tuple[list[str], list[str]]:
    """The axes, and their numbers, which are drawn above the curves."""
    across, up = max(xs[0], 0.0) if xs[0] >= 0 else 0.0, 0.0
    parts = [
        _axis(place(xs[0], up), place(xs[1], up)),
        _axis(place(across, ys[0]), place(across, ys[1])),
    ]
    numbers: list[str] = []
    if small:
        return parts, numbers
    for x in _ticks(*xs):
        at = place(x, up)
        parts.append(line(at[0], at[1] - 3, at[0], at[1] + 3, "rt-axis"))
        numbers.append(label(at[0], at[1] + 13, f"{x:g}", "rt-small rt-tick"))
    for y in _ticks(*ys):
        at = place(across, y)
        parts.append(line(at[0] - 3, at[1], at[0] + 3, at[1], "rt-axis"))
        numbers.append(label(at[0] - 7, at[1], f"{y:g}", "rt-small rt-tick", "end"))
    numbers.append(label(place(xs[1], up)[0], HEIGHT - 10, names[0], "rt-small rt-italic", "end"))
    return parts, numbers


def _axis(start: tuple[float, float], end: tuple[float, float]) -> str:
    return line(start[0], start[1], end[0], end[1], "rt-axis")


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers, without 0."""
    step = next(s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 1e9) if (high - low) / s <= 7)
    return [round(k * step, 6) for k in range(math.ceil(low / step), math.floor(high / step) + 1) if k]
