"""The timeline of a training step on several ranks: when the gradients are computed, and when their buckets are sent."""

from __future__ import annotations

import json
from typing import Any

from ..mathematics import DOCS
from .svg import drawing, element, label, line

CAPTION = "A recorded step on two ranks. A bar shows the time from sending a bucket until its sum arrives; backward continues meanwhile."
WIDTH, LEFT, ROW = 560, 92, 13  # of the time axis, of the names, height of a bar


def picture() -> str:
    """The step that `reftorch bench --ranks 2 --save` has recorded; "" if there is none."""
    file = DOCS / "data" / "timeline.json"
    return drawn(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else ""


def drawn(step: dict[str, Any]) -> str:
    """For each rank a bar for its computation, and one for each bucket, from sending it to the arrival of its sum."""
    end = max(rank["end"] for rank in step["ranks"])
    scale = WIDTH / end
    parts, y = [], 14.0
    for number, rank in enumerate(step["ranks"]):
        parts.append(label(LEFT - 8, y + ROW, f"rank {number}", "rt-italic", "end"))
        for name, begin, stop in (
            ("forward", rank["forward"], rank["backward"]),
            ("backward", rank["backward"], rank["end"]),
        ):
            parts.append(_bar(begin, stop, y, scale, "rt-third" if name == "forward" else "", 2 * ROW))
            parts.append(label(LEFT + (begin + stop) / 2 * scale, y + ROW, name, "rt-small"))
        y += 2 * ROW + 6
        for place, (leaves, arrives) in enumerate(rank["buckets"]):
            parts.append(label(LEFT - 8, y + ROW / 2, f"bucket {place}", "rt-small", "end"))
            parts.append(_bar(leaves, arrives, y, scale, "rt-is-read", ROW - 2))
            y += ROW + 2
        y += 12
    parts.append(line(LEFT, y, LEFT + WIDTH, y, "rt-axis"))
    tick = next(size for size in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0) if end / size <= 8 or size == 1.0)
    for i in range(int(end / tick) + 1):
        x = LEFT + i * tick * scale
        parts += [line(x, y, x, y + 4, "rt-axis"), label(x, y + 12, f"{1000 * i * tick:g}", "rt-small")]
    parts.append(label(LEFT - 8, y + 12, "ms", "rt-small", "end"))
    when = f"{step['network']}; {step['date'][:10]}, {step['machine']['processor']}"
    parts.append(label(LEFT + WIDTH, y + 30, when, "rt-small", "end"))
    return drawing(LEFT + WIDTH + 12, y + 40, "Timeline of the buckets of one step", _said(step), parts)


def _bar(begin: float, stop: float, y: float, scale: float, css: str, height: float) -> str:
    x, width = LEFT + begin * scale, (stop - begin) * scale
    return element("rect", x=x, y=y, width=width, height=height, css=f"rt-cell {css}".strip())


def _said(step: dict[str, Any]) -> str:
    """The picture in words."""
    first = step["ranks"][0]
    early = sum(arrives < first["buckets"][-1][0] for _, arrives in first["buckets"])
    return (
        f"{step['network']}, on {len(step['ranks'])} ranks. Backward begins on rank 0 after {1000 * first['backward']:.0f} ms and "
        f"ends after {1000 * first['end']:.0f} ms. {early} of its {len(first['buckets'])} buckets have arrived before the last one is sent."
    )
