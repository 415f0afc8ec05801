"""Attention: the matrix of the worked example's weights, one row per query; and the layers around it."""

from __future__ import annotations

import numpy as np

from ...step.components import Component
from ...trace import Recording
from ..recordings import recordings
from .svg import CELL, arrow, drawing, element, grid, label, number

LEFT, TOP = 62, 40
SHADES = 4  # classes of the style sheet, from light to dark


def picture(component: Component) -> str:
    """Weights, values and result: a row of the result is a row of weights times all values. Or only the weights, by heads."""
    found = {r.kernel: r for r in recordings(component)}
    if "attention_forward_cpu" in found:
        return _products(found["attention_forward_cpu"])
    return _heads(found["softmax_forward_cpu"]) if "softmax_forward_cpu" in found else ""


def _products(recording: Recording) -> str:
    weights, value, y = (_array(recording, name) for name in ("weights", "value", "y"))
    weights, value, y = (
        array[(0,) * (array.ndim - 2)] for array in (weights, value, y)
    )  # the first sample's first head
    tall = max(map(len, (weights, value))) * CELL
    middle = TOP + tall / 2
    second = LEFT + weights.shape[1] * CELL + 30
    third = second + value.shape[1] * CELL + 34
    marks = dict.fromkeys([(0, j) for j in range(y.shape[1])], "rt-is-written")
    parts = [
        *_weights(LEFT, middle - len(weights) * CELL / 2, weights, "weights"),
        label(second - 15, middle, "×"),
        label(second, 12, "value", "rt-italic", "start"),
        grid(second, middle - len(value) * CELL / 2, value.tolist(), {}),
        arrow(third - 30, middle, third - 6, middle),
        label(third, 12, "y", "rt-italic", "start"),
        grid(third, middle - len(y) * CELL / 2, y.tolist(), marks),
    ]
    said = f"The weight of each value for each query. {_told(weights)}."
    return drawing(third + y.shape[1] * CELL + 4, TOP + tall + 4, "The weights of the worked example", said, parts)


def _heads(recording: Recording) -> str:
    """A row of the softmax is a query in a head; the example has one query."""
    rows = _array(recording, "y")[:, :, 0]
    apart = rows.shape[1] * CELL + 70
    parts = [part for k, row in enumerate(rows) for part in _weights(LEFT + k * apart, TOP, row[None], f"head {k}")]
    said = "; ".join(f"head {k}, {_told(row[None])}" for k, row in enumerate(rows))
    width = LEFT + len(rows) * apart - 66
    return drawing(width, TOP + CELL + 4, "The weights of each head in the worked example", f"{said}.", parts)


def _array(recording: Recording, name: str) -> np.ndarray:
    """An array of the recording after the last step."""
    shape = next(array.shape for array in recording.arrays if array.name == name)
    return np.array(recording.final(name), dtype=float).reshape(shape)


def _weights(x: float, y: float, plane: np.ndarray, name: str) -> list[str]:
    """A matrix with one row per query and one column per key; the larger the weight, the darker the colour."""
    rows, columns = plane.shape
    marks = {(i, j): f"rt-shade-{_shade(plane[i, j])}" for i in range(rows) for j in range(columns)}
    return [
        label(x, 12, name, "rt-italic", "start"),
        grid(x, y, plane.tolist(), marks),
        *(label(x - 6, y + (i + 0.5) * CELL, f"query {i}", "rt-small", "end") for i in range(rows)),
        *(label(x + (j + 0.5) * CELL, 30, f"key {j}", "rt-small") for j in range(columns)),
    ]


def _told(plane: np.ndarray) -> str:
    return "; ".join(f"query {i}: {', '.join(map(number, row))}" for i, row in enumerate(plane.tolist()))


def _shade(weight: float) -> int:
    return min(int(weight * SHADES), SHADES - 1)


# ------------------------------------------------------------------------------------------------------- layers
ENCODER = ["self-attention", "add, normalize", "feed-forward", "add, normalize"]
DECODER = [
    "self-attention, causal",
    "add, normalize",
    "attention to the memory",
    "add, normalize",
    "feed-forward",
    "add, normalize",
]
STACKS = {  # by file: columns, each with its input, its boxes from bottom to top, how often it is repeated, and its output
    "transformer_encoder_layer": [("src", ENCODER, "", "output")],
    "transformer_encoder": [("src", ENCODER, "num_layers times", "memory")],
    "transformer_decoder_layer": [("tgt", DECODER, "", "output")],
    "transformer_decoder": [("tgt", DECODER, "num_layers times", "output")],
    "transformer": [("src", ENCODER, "encoder layers", "memory"), ("tgt", DECODER, "decoder layers", "output")],
}
WIDE, HIGH, GAP = 168, 26, 12


def layers(component: Component) -> str:
    """Boxes from bottom to top; beside them the residual connections."""
    stacks = STACKS[component.file.stem]
    most = max(len(boxes) for _, boxes, _, _ in stacks)
    bottom = 40 + most * (HIGH + GAP)
    parts, said = [], []
    for k, (given, boxes, times, made) in enumerate(stacks):
        x = 34 + k * (WIDE + 110)
        parts += [
            label(x + WIDE / 2, bottom + 26, given, "rt-italic"),
            label(x + WIDE + 8, bottom - 10, times, "rt-small", "start"),
        ]
        for i, text in enumerate(boxes):
            y = bottom - (i + 1) * (HIGH + GAP)
            css = "rt-third" if "add" in text else "rt-is-read" if "attention" in text else "rt-is-written"
            parts.append(
                element("rect", x=x, y=y, width=WIDE, height=HIGH, rx=5, css=f"rt-cell {css}")
                + label(x + WIDE / 2, y + HIGH / 2, text)
            )
            parts.append(arrow(x + WIDE / 2, y + HIGH + GAP + (8 if i == 0 else 0), x + WIDE / 2, y + HIGH + 2))
            if "add" in text:
                low, high = y + 2 * (HIGH + GAP) - GAP / 2, y + HIGH / 2
                around = f"M{x + WIDE / 2:.0f} {low:.0f}H{x - 18}V{high:.0f}H{x - 8}"
                parts += [element("path", d=around, css="rt-thin"), arrow(x - 12, high, x - 2, high)]
            if "memory" in text:
                before = x - 110 + 8 if k else x - 34
                parts.append(_memory(before, x, y + HIGH / 2, bottom - len(ENCODER) * (HIGH + GAP) - 28 if k else 0))
        top = bottom - len(boxes) * (HIGH + GAP)
        parts += [
            arrow(x + WIDE / 2, top - 2, x + WIDE / 2, top - 18),
            label(x + WIDE / 2, top - 28, made, "rt-italic"),
        ]
        said.append(f"{given}, from bottom to top: {', '.join(boxes)} {times}: {made}.")
    width = 34 + len(stacks) * (WIDE + 110) - 8
    return drawing(width, bottom + 38, f"The layers of {component.file.stem}", " ".join(said), parts)


def _memory(before: float, x: float, y: float, top: float) -> str:
    """The arrow of the memory into the decoder: from the encoder's output, or from outside."""
    if not top:
        return arrow(before + 2, y, x - 2, y)
    start = before - WIDE / 2 + 20
    return element("path", d=f"M{start:.0f} {top:.0f}H{before + 50:.0f}V{y:.0f}H{x - 10:.0f}", css="rt-thin") + arrow(
        x - 12, y, x - 2, y
    )
