"""Cells of recurrent networks: one with its gates, for the cells; unrolled over three time steps, for the networks."""

from __future__ import annotations

from ...step.components import Component
from .svg import arrow, drawing, element, label, line

BOX = 46
# By file: each gate's name and its function, from left to right; and a sentence for the whole cell.
GATES = {
    "rnn": ([("h'", "tanh")], "The new state h' is tanh of a weighted sum of the input x and the state h."),
    "lstm": (
        [("f", "σ"), ("i", "σ"), ("g", "tanh"), ("o", "σ")],
        "The memory c is multiplied by the forget gate f, and i times g is added: c'. The state h' is o times tanh of c'.",
    ),
    "gru": (
        [("z", "σ"), ("r", "σ"), ("n", "tanh")],
        "The reset gate r multiplies the state's part of the candidate n. The new state h' is z times h, plus 1 - z times n.",
    ),
}


def picture(component: Component) -> str:
    """A cell, or the unrolled network and one step of it."""
    name = component.file.stem
    return _cell(name.removesuffix("_cell")) if name.endswith("_cell") else _unrolled(name) + _cell(name)


def _box(x: float, y: float, text: str, css: str = "rt-is-read", width: float = BOX, height: float = 28) -> str:
    return element("rect", x=x, y=y, width=width, height=height, rx=5, css=f"rt-cell {css}") + label(
        x + width / 2, y + height / 2, text
    )


def _round(x: float, y: float, text: str) -> str:
    return element("circle", cx=x, cy=y, r=11, css="rt-cell rt-is-written") + label(x, y, text)


def _ends(y: float, width: float, before: str, after: str, until: float = 0) -> list[str]:
    """A line through the cell, from the name on the left to that on the right."""
    return [
        label(12, y, before, "rt-italic"),
        arrow(26, y, until or width - 30, y),
        label(width - 14, y, after, "rt-italic"),
    ]


def _cell(kind: str) -> str:
    draw = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}[kind]
    width, height, parts = draw()
    said = (
        f"{GATES[kind][1]} Functions of the gates: "
        + ", ".join(f"{gate} {name}" for gate, name in GATES[kind][0])
        + "; each reads x and h, 2 arrows."
    )
    return drawing(width, height, f"One step of {kind.upper()}", said, parts)


def _gates(kind: str, y: float) -> tuple[list[str], dict[str, float]]:
    """The gates in a row at y, and the centre of each."""
    parts, at = [], {}
    for i, (gate, function) in enumerate(GATES[kind][0]):
        x = 84 + i * 84
        at[gate] = x + BOX / 2
        parts.append(_box(x, y, f"{gate}: {function}", width=BOX + 10))
    return parts, {gate: x + 5 for gate, x in at.items()}


def _feeds(at: dict[str, float], bottom: float, top: float, width: float) -> list[str]:
    """x and h go to every gate, on one line below them."""
    last = max(at.values())
    parts = [
        label(12, bottom, "h", "rt-italic"),
        line(26, bottom, last, bottom),
        label(52, bottom + 34, "x", "rt-italic"),
    ]
    parts.append(arrow(52, bottom + 24, 52, bottom + 2))
    return parts + [arrow(x, bottom, x, top) for x in at.values()]


def _rnn() -> tuple[float, float, list[str]]:
    parts, at = _gates("rnn", 30)
    x = at["h'"]
    parts += _feeds(at, 96, 58, 260)
    parts += [line(x, 30, x, 14), arrow(x, 14, 216, 14), label(232, 14, "h'", "rt-italic")]
    return 250, 142, parts


def _lstm() -> tuple[float, float, list[str]]:
    width = 470.0
    parts, at = _gates("lstm", 96)
    parts = _ends(22, width, "c", "c'") + parts + _feeds(at, 162, 124, width)
    plus = at["i"] + 42
    parts += [arrow(at["f"], 96, at["f"], 33), _round(at["f"], 22, "×")]  # forget
    times = 62
    parts += [line(at["i"], 96, at["i"], times), arrow(at["i"], times, plus - 11, times)]
    parts += [
        line(at["g"], 96, at["g"], times),
        arrow(at["g"], times, plus + 11, times),
        arrow(plus, times - 11, plus, 33),
    ]
    parts += [_round(plus, times, "×"), _round(plus, 22, "+")]
    out = at["o"] + 50
    parts += [arrow(out, 22, out, 44), _box(out - 23, 44, "tanh", "rt-third"), arrow(out, 72, out, 99)]
    parts += [arrow(at["o"] + 28, 110, out - 11, 110), _round(out, 110, "×")]
    parts += [arrow(out + 11, 110, width - 30, 110), label(width - 14, 110, "h'", "rt-italic")]
    return width, 208, parts


def _gru() -> tuple[float, float, list[str]]:
    width = 420.0
    parts, at = _gates("gru", 84)
    parts += _ends(22, width, "h", "h'") + _feeds(at, 150, 112, width)
    parts.append(arrow(at["r"] + 28, 98, at["n"] - 28, 98))
    last = at["n"] + 58
    parts += [arrow(at["z"], 84, at["z"], 33), _round(at["z"], 22, "×"), label(at["z"] - 8, 46, "z", "rt-small", "end")]
    parts += [arrow(at["n"], 84, at["n"], 69), _round(at["n"], 58, "×")]
    parts += [arrow(at["z"], 58, at["n"] - 11, 58), label((at["z"] + at["n"]) / 2, 47, "1 - z", "rt-small")]
    parts += [line(at["n"] + 11, 58, last, 58), arrow(last, 58, last, 33), _round(last, 22, "+")]
    return width, 196, parts


def _unrolled(kind: str) -> str:
    steps, gap, parts = 3, 120, []
    lines = [("h", 66)] + ([("c", 50)] if kind == "lstm" else [])
    for t in range(steps):
        x = 50 + t * gap
        parts.append(_box(x, 40, kind.upper(), width=64, height=38))
        parts += [label(x + 32, 122, f"x[{t}]", "rt-italic"), arrow(x + 32, 112, x + 32, 80)]
        parts += [arrow(x + 32, 38, x + 32, 22), label(x + 32, 12, f"y[{t}] = h", "rt-italic")]
        for name, y in lines:
            parts += [arrow(x + 66, y, x + gap - 2, y), label(x + 92, y - 8, name, "rt-small rt-italic")]
    for name, y in lines:
        parts += [arrow(22, y, 48, y), label(12, y, f"{name}0", "rt-small rt-italic")]
    left = " and ".join(name for name, _ in lines)
    said = (
        f"The same cell with the same weights at {steps} time steps: each reads x[t] and, from the step before, {left}."
    )
    return drawing(50 + steps * gap, 136, f"{kind.upper()} unrolled over {steps} time steps", said, parts)
