"""A drawing of a graph whose arrows all point down: as SVG, and as the source of one for Graphviz.

The layout is made here. Graphviz would make it, but is a program that pip cannot install, and the Python libraries without it
either do not lay out in layers or are no longer maintained. This is the usual method in four steps: a layer for each box, so that every
arrow points down; where an arrow crosses a layer, a point for it to go through; an order in each layer that puts boxes near
their neighbours; and places from left to right that keep the order.
"""

from __future__ import annotations

import html
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHARACTER, LINE, MARGIN = 7.3, 17, 10  # pixels: a character's width, a line's height, around the text
ACROSS, DOWN, EDGE = 24, 34, 16  # between boxes, between layers, around the picture
LOOKS = {  # fill, border, corner
    "leaf": ("#dbe9ff", "#3a6fc4", 14),
    "tensor": ("#f3f4f6", "#9aa3b2", 14),
    "result": ("#ffe3c7", "#d07a1c", 14),
    "function": ("#ffffff", "#4b5563", 3),
}


@dataclass
class Box:
    """A tensor ("leaf", "tensor" or "result") or a "function", with its lines of text; the first is in bold."""

    kind: str
    lines: list[str]

    def __post_init__(self) -> None:
        self.lines = [line for line in self.lines if line]

    @property
    def width(self) -> float:
        return max([len(line) for line in self.lines], default=1) * CHARACTER + 2 * MARGIN

    @property
    def height(self) -> float:
        return max(len(self.lines), 1) * LINE + MARGIN


class Picture:
    """What `draw` returns: `svg` and `dot` are the picture as text; a notebook shows it."""

    def __init__(self, boxes: dict[Any, Box], arrows: list[tuple[Any, Any]]):
        self.boxes, self.arrows = boxes, arrows

    @property
    def dot(self) -> str:
        """The graph as Graphviz reads it."""
        number = {key: f"n{i}" for i, key in enumerate(self.boxes)}
        lines = ["digraph tape {", '  node [fontname="monospace", fontsize=11, style="filled,rounded", shape=box];']
        for key, box in self.boxes.items():
            fill, border, corner = LOOKS[box.kind]
            style = "filled,rounded" if corner > 5 else "filled"
            text = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in box.lines)
            lines.append(f'  {number[key]} [label="{text}", fillcolor="{fill}", color="{border}", style="{style}"];')
        lines += [f"  {number[start]} -> {number[end]};" for start, end in self.arrows]
        return "\n".join([*lines, "}", ""])

    @property
    def svg(self) -> str:
        """The graph as a picture."""
        layout = Layout(self.boxes, self.arrows)
        parts = []
        for start, end in self.arrows:
            points = layout.points(start, end)
            path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
            for (x0, y0), (x1, y1) in zip(points, points[1:]):
                middle = (y0 + y1) / 2
                path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
            parts.append(f'<path d="{path}" marker-end="url(#tip)"/>')
        parts += [_drawn(box, *layout.place(key)) for key, box in self.boxes.items()]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
            f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" font-family="ui-monospace, Menlo, Consolas, monospace" '
            'font-size="12" text-anchor="middle" role="img" aria-label="The graph of a computation">\n'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#4b5563"/></marker></defs>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n<g fill="none" stroke="#4b5563">\n'
            + "\n".join(parts[: len(self.arrows)])
            + "\n</g>\n"
            + "\n".join(parts[len(self.arrows) :])
            + "\n</svg>\n"
        )

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, file: str | os.PathLike) -> None:
        """Write the picture: as Graphviz source if the name ends in .dot or .gv, otherwise as SVG."""
        text = self.dot if Path(file).suffix in (".dot", ".gv") else self.svg
        Path(file).write_text(text, encoding="utf-8")


def _drawn(box: Box, x: float, y: float) -> str:
    """A box with its centre at (x, y)."""
    fill, border, corner = LOOKS[box.kind]
    left, top = x - box.width / 2, y - box.height / 2
    parts = [
        f'<g><rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{corner}" '
        f'fill="{fill}" stroke="{border}"/>'
    ]
    for i, line in enumerate(box.lines):
        bold = ' font-weight="bold"' if i == 0 else ' fill="#555"'
        parts.append(
            f'<text x="{x:.1f}" y="{top + MARGIN / 2 + (i + 0.75) * LINE:.1f}"{bold}>{html.escape(line)}</text>'
        )
    return "".join(parts) + "</g>"


class Layout:
    """Where the boxes stand, and the points between. `boxes` must name the start of an arrow before its end."""

    def __init__(self, boxes: dict[Any, Box], arrows: list[tuple[Any, Any]]):
        self.boxes = boxes
        self.layer = self._layers(arrows)
        self.above: dict[Any, list] = defaultdict(list)
        self.below: dict[Any, list] = defaultdict(list)
        self.chains: dict[Any, list] = {}
        for start, end in arrows:
            points = [("point", start, end, level) for level in range(self.layer[start] + 1, self.layer[end])]
            self.layer |= {point: point[3] for point in points}
            chain = self.chains[start, end] = [start, *points, end]
            for upper, lower in zip(chain, chain[1:]):
                self.below[upper].append(lower)
                self.above[lower].append(upper)
        self.rows: list[list] = [[] for _ in range(max(self.layer.values()) + 1)]
        for key, level in self.layer.items():
            self.rows[level].append(key)
        self.x: dict[Any, float] = {}
        self.y: dict[Any, float] = {}
        self._order()
        self._spread()
        self._stack()

    def _layers(self, arrows: list[tuple[Any, Any]]) -> dict[Any, int]:
        """As high as the arrows allow; then boxes that nothing leads to go down to just above their first use."""
        layer = dict.fromkeys(self.boxes, 0)
        order = {key: i for i, key in enumerate(self.boxes)}
        for start, end in sorted(arrows, key=lambda arrow: order[arrow[1]]):
            layer[end] = max(layer[end], layer[start] + 1)
        ends = {end for _, end in arrows}
        for key in self.boxes:
            uses = [layer[end] for start, end in arrows if start == key]
            if key not in ends and uses:
                layer[key] = min(uses) - 1
        return layer

    def _order(self) -> None:
        """Sort each row by the mean place of the neighbours in the row before, down and up a few times."""
        for sweep in range(8):
            rows, neighbours = (self.rows[1:], self.above) if sweep % 2 == 0 else (self.rows[-2::-1], self.below)
            places = {key: i / max(len(row), 1) for row in self.rows for i, key in enumerate(row)}
            for row in rows:
                means = {}
                for key in row:
                    near = [places[other] for other in neighbours[key]]
                    means[key] = sum(near) / len(near) if near else places[key]
                row.sort(key=means.__getitem__)
                places |= {key: i / len(row) for i, key in enumerate(row)}

    def _spread(self) -> None:
        """Places from left to right: each at the mean of its neighbours, as far as the order and the widths allow."""
        for row in self.rows:
            self._settle(row, {key: 0.0 for key in row})
        for sweep in range(12):
            down = sweep % 2 == 0
            for row in self.rows if down else reversed(self.rows):
                wanted = {}
                for key in row:
                    near = [self.x[other] for other in (self.above if down else self.below)[key]]
                    near = near or [self.x[other] for other in (*self.above[key], *self.below[key])]
                    wanted[key] = sum(near) / len(near) if near else self.x[key]
                self._settle(row, wanted)
        left = min(self.x[key] - self._width(key) / 2 for key in self.x)
        self.x = {key: x - left + EDGE for key, x in self.x.items()}
        self.width = max(self.x[key] + self._width(key) / 2 for key in self.x) + EDGE

    def _settle(self, row: list, wanted: dict[Any, float]) -> None:
        """Place a row as near to what is wanted as its order allows: neighbours that would overlap move together."""
        groups: list[list] = []  # [sum of wanted offsets, members, width up to the last member's centre]
        for key in row:
            groups.append([wanted[key], [(key, 0.0)], 0.0])
            while len(groups) > 1:
                (a_sum, a, a_end), (b_sum, b, b_end) = groups[-2:]
                gap = (self._width(a[-1][0]) + self._width(b[0][0])) / 2 + ACROSS
                if a_sum / len(a) + a_end + gap <= b_sum / len(b):
                    break
                shift = a_end + gap
                moved = [(member, offset + shift) for member, offset in b]
                groups[-2:] = [[a_sum + b_sum - shift * len(b), a + moved, shift + b_end]]
        for total, members, _ in groups:
            for key, offset in members:
                self.x[key] = total / len(members) + offset

    def _stack(self) -> None:
        """Places from top to bottom."""
        top = float(EDGE)
        for row in self.rows:
            height = max(self._height(key) for key in row)
            self.y |= {key: top + height / 2 for key in row}
            top += height + DOWN
        self.height = top - DOWN + EDGE

    def _width(self, key: Any) -> float:
        return self.boxes[key].width if key in self.boxes else 4

    def _height(self, key: Any) -> float:
        return self.boxes[key].height if key in self.boxes else 0

    def place(self, key: Any) -> tuple[float, float]:
        return self.x[key], self.y[key]

    def points(self, start: Any, end: Any) -> list[tuple[float, float]]:
        """Where an arrow begins, passes and ends."""
        first, *between, last = self.chains[start, end]
        top = self.x[first], self.y[first] + self._height(first) / 2
        bottom = self.x[last], self.y[last] - self._height(last) / 2
        return [top, *((self.x[point], self.y[point]) for point in between), bottom]
