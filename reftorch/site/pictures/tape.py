"""The computation graph of a few lines, recorded by the tape when the page is made, with the layout of `torch.autograd.draw`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reftorch as torch
import reftorch.nn.functional as F

from ...autograd.picture import LINE, MARGIN, Layout, Picture
from ...kernel import debug
from .svg import drawing, element, label

LOOKS = {"leaf": "rt-is-read", "tensor": "", "result": "rt-is-written", "function": "rt-third"}


def _layers() -> Picture:
    """The two layers of the guide."""
    x, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0]])
    weight, bias = torch.tensor([[3.0, -1.0]], requires_grad=True), torch.tensor([2.0], requires_grad=True)
    y = F.linear(x, weight, bias)
    loss = F.mse_loss(y, target)
    return torch.autograd.draw(loss, {"weight": weight, "bias": bias, "y": y, "loss": loss})


def _twice() -> Picture:
    """One tensor that is used twice: its two gradients are added."""
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    product = w * w.exp()
    loss = product.sum()
    return torch.autograd.draw(loss, {"w": w, "product": product, "loss": loss})


# By the name in the page's text: the computation, and the caption of its graph.
GRAPHS: dict[str, tuple[Callable[[], Picture], str]] = {
    "layers": (
        _layers,
        "The graph of the two layers, from the leaves down to the loss. The backward pass follows the arrows in the opposite direction.",
    ),
    "twice": (_twice, "The tensor w is used twice, so two gradients arrive at it, and the leaf adds them."),
}


def picture(name: str) -> str:
    """The graph: leaves, tensors and the result with round corners, functions between them."""
    with debug():
        graph = GRAPHS[name][0]()
    layout = Layout(graph.boxes, graph.arrows)
    parts = [_arrow(layout.points(start, end)) for start, end in graph.arrows]
    parts += [_box(box, *layout.place(key)) for key, box in graph.boxes.items()]
    names = {key: " ".join(box.lines[: 1 if box.kind == "function" else 2]) for key, box in graph.boxes.items()}
    said = "; ".join(f"{names[start]} leads to {names[end]}" for start, end in graph.arrows)
    return drawing(layout.width, layout.height, "A computation graph", f"From the leaves to the loss: {said}.", parts)


def _arrow(points: list[tuple[float, float]]) -> str:
    """A curved line through the points, with an arrowhead at its end."""
    d = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        middle = (y0 + y1) / 2
        d += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    x, y = points[-1]
    head = f"{x:.1f},{y:.1f} {x - 3.5:.1f},{y - 7:.1f} {x + 3.5:.1f},{y - 7:.1f}"
    return element("path", d=d, css="rt-thin") + element("polygon", points=head, css="rt-head-of-arrow")


def _box(box: Any, x: float, y: float) -> str:
    """A box with its centre at (x, y)."""
    left, top = x - box.width / 2, y - box.height / 2
    corner, css = (3 if box.kind == "function" else 14), f"rt-cell {LOOKS[box.kind]}".strip()
    parts = [element("rect", x=left, y=top, width=box.width, height=box.height, rx=corner, css=css)]
    for i, text in enumerate(box.lines):
        parts.append(label(x, top + MARGIN / 2 + (i + 0.5) * LINE, text, "rt-strong" if i == 0 else "rt-small"))
    return "".join(parts)
