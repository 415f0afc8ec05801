"""The picture of an activation: f and its derivative, computed with its own kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import reftorch as torch

from ...kernel import debug
from ...step.components import Component
from .curve import Curve, curves, samples
from .svg import number

# Options that show more than the defaults, or that have no default.
OPTIONS: dict[str, dict[str, Any]] = {
    "celu": {"alpha": 2.0},
    "leaky_relu": {"negative_slope": 0.1},
    "prelu": {"weight": 0.25},
    "threshold": {"threshold": 1.0, "value": -1.0},
}
RANGES = {
    "relu6": (-3.0, 8.0),
    "hardswish": (-5.0, 5.0),
    "hardsigmoid": (-5.0, 5.0),
    "sigmoid": (-5.0, 5.0),
    "log_sigmoid": (-5.0, 5.0),
}


def values(component: Component, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, f(x) and f'(x), at the drawn positions or at others."""
    name = _name(component)
    function: Callable[..., Any] = getattr(component.module(), name)
    at = at if at is not None else samples(*RANGES.get(name, (-4.0, 4.0)))
    options = {
        key: torch.tensor([v], dtype=torch.float64) if key == "weight" else v
        for key, v in OPTIONS.get(name, {}).items()
    }
    with debug():
        x = torch.tensor(at, requires_grad=True)
        y = function(x, **options)
        y.backward(torch.ones_like(y))
    return at, y.detach().numpy(), x.grad.numpy()


def _name(component: Component) -> str:
    return {"log_sigmoid": "logsigmoid"}.get(component.file.stem, component.file.stem)


def said(component: Component) -> str:
    """The options of the curves, as a call writes them: "alpha=2.0"."""
    return ", ".join(f"{key}={value}" for key, value in OPTIONS.get(_name(component), {}).items())


def picture(component: Component, small: bool = False) -> str:
    """f as a solid line, f' dashed."""
    x, y, slope = values(component)
    options = said(component)
    name = f"{component.file.stem}({'x, ' + options if options else 'x'})"
    found: list[Curve] = [("f(x)", list(x), list(y)), ("f′(x)", list(x), list(slope))]
    tells = "; ".join(f"f({at:g}) = {_at(x, y, at):.3g}, f′ = {_at(x, slope, at):.3g}" for at in (-2, -1, 1, 2))
    description = f"{name}, a solid line, and its derivative, dashed, for x from {x[0]:.0f} to {x[-1]:.0f}: {tells}."
    return curves(f"{name} and its derivative", description, found, small)


def _at(x: np.ndarray, y: np.ndarray, place: float) -> float:
    return float(y[np.abs(x - place).argmin()])


FAR = 500.0  # here a function has nearly reached its limit, and exponentials do not overflow yet in float64


def traits(component: Component) -> str:
    """Properties that follow from values and slopes: the range, whether it is monotone, whether it or its slope jumps; and what is learned."""
    near = values(component)
    far = values(component, np.linspace(-FAR, FAR, 5))
    y, slope = np.concatenate([near[1], far[1]]), near[2]
    low, high = ("-∞" if y.min() < -20 else number(_round(y.min()))), ("∞" if y.max() > 20 else number(_round(y.max())))
    shape = "it jumps" if _jumps(near[1]) else "the slope jumps" if _jumps(slope) else "smooth"
    monotone = bool((np.diff(near[1]) >= -1e-12).all())
    parts = [f"{low} to {high}", "monotone" if monotone else "not monotone", shape]
    options = OPTIONS.get(_name(component), {})
    if "weight" in options:
        parts.append("the slope is learned")
    elif options:
        parts.append(f"with {said(component)}")
    return ", ".join(parts)


def _jumps(ys: np.ndarray) -> bool:
    """Whether one of its steps is much larger than those on both sides."""
    steps = np.abs(np.diff(ys))
    return any(steps[i] > 0.02 and steps[i] > 4 * max(steps[i - 1], steps[i + 1]) for i in range(1, len(steps) - 1))


def _round(value: float) -> float:
    return round(float(value), 2) + 0.0
