"""How tensors print: as torch prints them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import types
from .ops.promotion import default_dtype


class PrintOptions:
    """Digits after the point, when to leave elements out, and how many then to show at each end; the line's width."""

    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; `profile` is "default", "short" or "full"."""
    if profile is not None:
        profiles = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}
        values: Any = profiles[profile]
        PrintOptions.precision, PrintOptions.threshold, PrintOptions.edgeitems, PrintOptions.linewidth = values
    for name, value in [
        ("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems), ("linewidth", linewidth),
    ]:  # fmt: skip
        if value is not None:
            setattr(PrintOptions, name, value)
    PrintOptions.sci_mode = sci_mode


class _Format:
    """One width for all shown elements; floats as `1.`, `1.2345` or `1.2345e+06`."""

    def __init__(self, shown: np.ndarray):
        self.floating = shown.dtype.kind == "f"
        self.integral, self.scientific = True, False
        flat = shown.reshape(-1)
        if self.floating:
            flat = flat.astype(np.float64)
            finite = np.abs(flat[np.isfinite(flat) & (flat != 0)])
            self.integral = bool(np.all(finite == np.ceil(finite)))
            if finite.size:
                largest, smallest = finite.max(), finite.min()
                self.scientific = bool(largest / smallest > 1000 or largest > 1e8)
                if not self.integral:
                    self.scientific = self.scientific or bool(smallest < 1e-4)
            if PrintOptions.sci_mode is not None:
                self.scientific = PrintOptions.sci_mode
            measured = flat[np.isfinite(flat) & (flat != 0)]
            others = flat[~np.isfinite(flat)]
            texts = [self.text(v) for v in measured]
            if others.size and self.integral and not self.scientific:
                texts = [t + "." if not t.endswith(".") else t for t in texts]
            self.width = max([len(t) for t in texts], default=1)
        else:
            self.width = max([len(str(v)) for v in flat.tolist()], default=1)

    def text(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{PrintOptions.precision}e}"
        if self.integral:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{PrintOptions.precision}f}"

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


def _lines(array: np.ndarray, indent: int, summarize: bool, form: _Format) -> str:
    edge = PrintOptions.edgeitems
    if array.ndim == 0:
        return form(array.item())
    cut = summarize and array.shape[0] > 2 * edge
    if array.ndim == 1:
        per_line = max(1, int((PrintOptions.linewidth - indent) // (form.width + 2)))
        cells = array.tolist()
        words = (
            [form(v) for v in cells[:edge]] + [" ..."] + [form(v) for v in cells[-edge:]]
            if cut
            else [form(v) for v in cells]
        )
        rows = [words[i : i + per_line] for i in range(0, len(words), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(row) for row in rows) + "]"
    picked = [*range(edge), None, *range(array.shape[0] - edge, array.shape[0])] if cut else range(array.shape[0])
    parts = ["..." if i is None else _lines(array[i], indent + 1, summarize, form) for i in picked]
    return "[" + (",\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _shown(array: np.ndarray, summarize: bool) -> np.ndarray:
    """The elements that are printed: their width decides."""
    if not summarize:
        return array
    edge = PrintOptions.edgeitems
    for axis, extent in enumerate(array.shape):
        if extent > 2 * edge:
            array = np.take(array, [*range(edge), *range(extent - edge, extent)], axis)
    return array


def describe(x: Any) -> str:
    """The text of `repr(tensor)`."""
    array, prefix = x._host(), "tensor("
    suffixes = []
    if x.device.type != "cpu":
        suffixes.append(f"device='{x.device}'")
    usual = (default_dtype(), types.int64, types.bool)
    if array.size == 0:
        if x.ndim != 1:
            suffixes.append(f"size={tuple(x.shape)}")
        if x.dtype is not default_dtype():
            suffixes.append(f"dtype={x.dtype}")
        body = "[]"
    else:
        if x.dtype not in usual:
            suffixes.append(f"dtype={x.dtype}")
        summarize = array.size > PrintOptions.threshold
        body = _lines(array, len(prefix), summarize, _Format(_shown(array, summarize)))
    if x.grad_fn is not None:
        suffixes.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        suffixes.append("requires_grad=True")
    text, width = prefix + body, len(body.rsplit("\n", 1)[-1]) + (0 if "\n" in body else len(prefix))
    for suffix in suffixes:
        if width + len(suffix) + 2 > PrintOptions.linewidth:
            text, width = text + ",\n" + " " * len(prefix) + suffix, len(prefix) + len(suffix)
        else:
            text, width = text + ", " + suffix, width + len(suffix) + 2
    return text + ")"
