"""SVG as text: the few shapes of the pictures. The style sheet sets the colours, so that they fit the dark mode and paper."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

CELL = 34  # side of an array's element


def element(name: str, text: str = "", **attributes: object) -> str:
    """One element: `element("rect", x=1, css="rt-read")`. `css` is its class; underscores in names become hyphens."""
    given = "".join(
        f' {key.replace("css", "class").replace("_", "-")}="{html.escape(_short(value))}"'
        for key, value in attributes.items()
        if value not in (None, "")
    )
    return f"<{name}{given}>{text}</{name}>" if text else f"<{name}{given}/>"


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def label(x: float, y: float, text: object, css: str = "", anchor: str = "middle") -> str:
    """A text whose middle line is at y."""
    return element("text", html.escape(str(text)), x=x, y=y, css=css, text_anchor=anchor, dominant_baseline="central")


def line(x1: float, y1: float, x2: float, y2: float, css: str = "rt-thin") -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, css=css)


def arrow(x1: float, y1: float, x2: float, y2: float, css: str = "rt-thin") -> str:
    """A line with a head at its second end."""
    angle = math.atan2(y2 - y1, x2 - x1)
    ends = [(x2 - 7 * math.cos(angle + turn), y2 - 7 * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(x2, y2), *ends])
    return line(x1, y1, x2, y2, css) + element("polygon", points=head, css="rt-head-of-arrow")


def number(value: float | str | None) -> str:
    """The number as a text that fits into a cell."""
    if value is None:
        return ""
    if isinstance(value, str) or value != value or abs(value) == math.inf:
        return {"nan": "nan", "inf": "∞", "-inf": "-∞"}[str(value)]
    if value == int(value) and abs(value) < 1e5:
        return str(int(value))
    if abs(value) < 1 and value == round(value, 3) != round(value, 2):  # 0.125, midway between 0.12 and 0.13
        return f"{value:.3f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if 0.01 <= abs(value) < 100 else f"{value:.3g}"


def grid(
    x: float,
    y: float,
    rows: Sequence[Sequence[float | str | None]],
    marks: dict[tuple[int, int], str],
    cell: int = CELL,
) -> str:
    """The elements of a matrix, each in a square; `marks`: classes of some squares, by row and column."""
    parts = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            css = "rt-cell " + marks.get((i, j), "")
            parts.append(element("rect", x=x + j * cell, y=y + i * cell, width=cell, height=cell, css=css.strip()))
            text = value if isinstance(value, str) else number(value)
            small = "rt-small" if len(text) > 4 else ""
            parts.append(label(x + (j + 0.5) * cell, y + (i + 0.5) * cell, text, small))
    return "".join(parts)


def path(points: Iterable[tuple[float, float]], css: str) -> str:
    """A line through the points; after a point that is None, a new line begins."""
    pieces, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        pieces.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return element("path", d="".join(pieces), css=css)


def drawing(width: float, height: float, title: str, description: str, parts: Iterable[str]) -> str:
    """The whole drawing; a screen reader reads its title and its description."""
    said = element("title", html.escape(title)) + element("desc", html.escape(description))
    box = f"0 0 {width:.0f} {height:.0f}"
    text = said + "".join(parts)
    # on a phone a wide one scrolls, so that its letters can be read
    css = "rt-picture rt-wide" if width > 600 else "rt-picture"
    return element("svg", text, css=css, role="img", viewBox=box, width=round(width), height=round(height))
