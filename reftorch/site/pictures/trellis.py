"""The CTC trellis of the worked example: positions of the text from top to bottom, time from left to right, and the possible steps."""

from __future__ import annotations

import math

from ...step.components import Component
from ..recordings import recordings
from .svg import arrow, drawing, element, label, number

ACROSS, DOWN, RADIUS = 130, 46, 19
LETTERS = "-abcdefgh"  # of the classes; the blank is a dash


def picture(component: Component) -> str:
    """Each circle holds the probability of all paths to it, which is the exponential of alpha."""
    recording = next(r for r in recordings(component) if r.kernel == "ctc_loss_forward_alpha_cpu")
    shapes = {array.name: array.shape for array in recording.arrays}
    final = {name: recording.final(name) for name in shapes}
    _, steps, places = shapes["alpha"]
    labels = [int(c) for c in final["target"]]
    text = [0] + [c for one in labels for c in (one, 0)]
    alpha = [[_probability(final["alpha"][t * places + s]) for s in range(places)] for t in range(steps)]
    parts, circles, said = [], [], []
    for t in range(steps):
        for s in range(places):
            x, y = 60 + t * ACROSS, 44 + s * DOWN
            value = alpha[t][s]
            css = "rt-cell rt-is-read" if value else "rt-cell rt-outside"
            if value and t == steps - 1 and s >= places - 2:
                css = "rt-cell rt-is-written"
            circles.append(
                element("circle", cx=x, cy=y, r=RADIUS, css=css)
                + label(x, y, number(value) if value else "", "rt-small")
            )
            said += [f"time {t}, position {s} ({LETTERS[text[s]]}): {number(value)}"] if value else []
            for back in (0, 1, 2):
                jump = back < 2 or text[s] != text[s - 2]
                if t and s - back >= 0 and jump and value and alpha[t - 1][s - back]:
                    parts.append(_way(x - ACROSS, y - back * DOWN, x, y))
    names = [label(20, 44 + s * DOWN, LETTERS[c], "rt-strong") for s, c in enumerate(text)]
    times = [label(60 + t * ACROSS, 12, f"time {t}", "rt-small") for t in range(steps)]
    total = sum(alpha[-1][-2:])
    note = label(
        60 + (steps - 1) * ACROSS + 30, 44 + (places - 1.5) * DOWN, f"sum {number(total)}", "rt-small", "start"
    )
    title = "The trellis of the worked example"
    told = f"Each time and position with the probability of all paths to it: {'; '.join(said)}. The sum of the last two is {number(total)}."
    width, height = 60 + (steps - 1) * ACROSS + 110, 44 + (places - 1) * DOWN + 26
    return drawing(width, height, title, told, [*parts, *circles, *names, *times, note])


def _probability(alpha: float | str | None) -> float:
    return 0.0 if alpha is None or isinstance(alpha, str) else math.exp(alpha)


def _way(x1: float, y1: float, x2: float, y2: float) -> str:
    """An arrow from the edge of one circle to that of another."""
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length * RADIUS, (y2 - y1) / length * RADIUS
    return arrow(x1 + dx, y1 + dy, x2 - dx, y2 - dy)
