"""The picture of a normalization: the elements of (N, C, H, W) that share one mean and one variance, as a block."""

from __future__ import annotations

from ...step.components import Component
from .svg import drawing, element, label

N, C, L = 3, 4, 5  # samples, channels, elements of a channel: height and width as one dimension

# By file: the elements that are normalized together with those of sample 0, channel 0; and a description.
TOGETHER = {
    "batch_norm": (lambda n, c: c == 0, "all samples of one channel"),
    "layer_norm": (lambda n, c: n == 0, "all channels of one sample, or of one position of it"),
    "rms_norm": (lambda n, c: n == 0, "all features of one sample, without the mean"),
    "instance_norm": (lambda n, c: n == 0 and c == 0, "one channel of one sample"),
    "group_norm": (lambda n, c: n == 0 and c < 2, "a group of channels of one sample; here two groups of two channels"),
}


def kind(component: Component) -> str:
    """The key of a file in `TOGETHER`: batch_norm for batch_norm2d."""
    return next((name for name in TOGETHER if component.file.stem.startswith(name)), "")


def picture(component: Component, small: bool = False) -> str:
    """The block seen from the front: channels to the right, samples to the back. The marked elements have one mean."""
    if not kind(component):
        return ""
    inside, words = TOGETHER[kind(component)]
    side = 13 if small else 24
    depth = side * 0.55
    left, top = (6, 6) if small else (70, 14)
    width, height = C * side + N * depth, L * side + N * depth
    parts = []
    for n in reversed(range(N)):  # from the back to the front
        for c in range(C):
            for i in range(L):
                x, y = left + c * side + n * depth, top + (N - 1 - n) * depth + depth + i * side
                css = "rt-cell rt-is-read" if inside(n, c) else "rt-cell"
                parts.append(element("rect", x=x, y=y, width=side, height=side, css=css))
                if i == 0:
                    parts.append(_lid(x, y, side, depth, css))
                if c == C - 1:
                    parts.append(_wall(x + side, y, side, depth, css))
    if not small:
        bottom = top + N * depth + L * side
        parts += [
            label(left + C * side / 2, bottom + 14, "C channels", "rt-small"),
            label(left - 8, top + N * depth + L * side / 2, "H · W", "rt-small", "end"),
            label(left + C * side + N * depth / 2 + 12, bottom - 2, "N samples", "rt-small", "start"),
        ]
    title = f"Which elements {component.file.stem} normalizes together"
    said = f"A block of {N} samples, {C} channels and {L} elements per channel. Marked, with one mean and variance: {words}."
    return drawing(left + width + (6 if small else 80), top + height + (6 if small else 26), title, said, parts)


def _lid(x: float, y: float, side: float, depth: float, css: str) -> str:
    points = (
        f"{x:.1f},{y:.1f} {x + depth:.1f},{y - depth:.1f} {x + side + depth:.1f},{y - depth:.1f} {x + side:.1f},{y:.1f}"
    )
    return element("polygon", points=points, css=css)


def _wall(x: float, y: float, side: float, depth: float, css: str) -> str:
    points = (
        f"{x:.1f},{y:.1f} {x + depth:.1f},{y - depth:.1f} {x + depth:.1f},{y + side - depth:.1f} {x:.1f},{y + side:.1f}"
    )
    return element("polygon", points=points, css=css)
