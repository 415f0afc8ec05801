"""The picture of an optimizer: its steps down a valley that is ten times as steep across as along it; and learning rates over time."""

from __future__ import annotations

import math
from typing import Any

import reftorch as torch
from reftorch import nn, optim

from ...kernel import debug
from ...step.components import Component
from .curve import Curve, curves
from .svg import drawing, element, label, path

STEEP = 10.0  # L = (x^2 + STEEP y^2) / 2
START, STEPS = (-4.0, 1.2), 25
# Learning rates with which the steps are visible, and come near the minimum.
RATES: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.15, "momentum": 0.5},
    "adam": {"lr": 0.5},
    "adamw": {"lr": 0.5, "weight_decay": 0.3},
    "adagrad": {"lr": 1.0},
    "adadelta": {"lr": 60.0},
    "rmsprop": {"lr": 0.2},
    "lbfgs": {"lr": 0.5, "max_iter": 1},
}
SCALE, WIDE, HIGH = 38, 380, 190


def walked(component: Component) -> list[tuple[float, float]]:
    """The positions of the optimizer, from the start on; its own kernels take the steps."""
    name = component.file.stem
    kind = next(
        kind for key, kind in vars(component.module()).items() if isinstance(kind, type) and key.lower() == name
    )
    with debug():
        at = torch.tensor(START, dtype=torch.float64, requires_grad=True)
        optimizer = kind([at], **RATES[name])
        found = [START]

        def closure() -> Any:
            x, y = at.tolist()
            at.grad = torch.tensor([x, STEEP * y], dtype=torch.float64)
            return torch.tensor((x * x + STEEP * y * y) / 2, dtype=torch.float64)

        for _ in range(STEPS):
            optimizer.step(closure)
            found.append((at[0].item(), at[1].item()))
    return found


def picture(component: Component) -> str:
    """Lines of equal loss, and the path from the start to the minimum."""
    found = walked(component)
    points = [_place(x, y) for x, y in found]
    parts = [
        element(
            "ellipse",
            cx=_place(0, 0)[0],
            cy=_place(0, 0)[1],
            rx=r * SCALE,
            ry=r * SCALE / math.sqrt(STEEP),
            css="rt-contour",
        )
        for r in (1, 2, 3, 4, 5)
    ]
    parts.append(path(points, "rt-curve"))
    parts += [element("circle", cx=x, cy=y, r=3, css="rt-dot") for x, y in points]
    parts.append(label(points[0][0] - 2, points[0][1] - 12, "start", "rt-small"))
    options = ", ".join(f"{key}={value}" for key, value in RATES[component.file.stem].items())
    parts.append(label(WIDE - 4, HIGH - 8, options, "rt-small", "end"))
    said = ", ".join(f"({x:.2f}, {y:.2f})" for x, y in found[:: STEPS // 5])
    told = f"L = (x² + {STEEP:g} y²) / 2 with {options}. Every {STEPS // 5}th position: {said}. The least loss is at (0, 0)."
    return drawing(WIDE, HIGH, f"{STEPS} steps of {component.file.stem}", told, parts)


def _place(x: float, y: float) -> tuple[float, float]:
    """The position in the picture; a position far outside is moved to the edge."""
    across, down = WIDE / 2 + x * SCALE, HIGH / 2 - y * SCALE
    return min(max(across, 4.0), WIDE - 4.0), min(max(down, 4.0), HIGH - 4.0)


# ------------------------------------------------------------------------------------------------ learning rates
SCHEDULES = {  # the call, and a scheduler of 40 steps
    "step": lambda o: optim.lr_scheduler.StepLR(o, step_size=10, gamma=0.5),
    "linear": lambda o: optim.lr_scheduler.LinearLR(o, start_factor=0.1, total_iters=15),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=40),
}


def rates(component: Component) -> str:
    """The learning rate of three schedules, step by step."""
    found: list[Curve] = []
    for name, made in SCHEDULES.items():
        optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler, ys = made(optimizer), []
        for _ in range(41):
            ys.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        found.append((name, [float(t) for t in range(41)], ys))
    said = "; ".join(f"{name}: {', '.join(f'{y:.2g}' for y in ys[::10])}" for name, _, ys in found)
    return curves("The learning rate over 40 steps", f"From 1, at every tenth step. {said}.", found, axes=("step", ""))
