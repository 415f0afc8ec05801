"""How tensors print: as torch prints them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import types
from .ops.promotion import default_dtype


class PrintOptions:
    """Digits after the point, from how many elements on some are left out, how many are then shown at each end, and the line's width."""

    precision = 4
    threshold: float = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


_PROFILES = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; `profile` is "default", "short" or "full"."""
    if profile is not None:
        values: Any = _PROFILES[profile]
        PrintOptions.precision, PrintOptions.threshold, PrintOptions.edgeitems, PrintOptions.linewidth = values
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None:
            setattr(PrintOptions, name, value)
    PrintOptions.sci_mode = sci_mode


class _Real:
    """The text of one number, in a width that all shown ones fit in; floats as `1.`, `1.2345` or `1.2345e+06`."""

    def __init__(self, shown: np.ndarray):
        self.floating = shown.dtype.kind == "f"
        self.integral, self.scientific, self.width = True, False, 1
        if not self.floating:
            self.width = max([len(str(value)) for value in shown.ravel().tolist()], default=1)
            return
        numbers = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
        if not numbers.size:
            return
        size = np.abs(numbers)
        self.integral = bool(np.all(size == np.ceil(size)))
        uneven = size.max() / size.min() > 1000 or size.max() > 1e8
        self.scientific = bool(uneven or (not self.integral and size.min() < 1e-4))
        if PrintOptions.sci_mode is not None:
            self.scientific = PrintOptions.sci_mode
        self.width = max([len(self.text(value)) for value in numbers.tolist()])

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


class _Complex:
    """The text of one complex number, such as `1.5000-2.0000j`."""

    def __init__(self, shown: np.ndarray):
        self.real, self.imaginary = _Real(shown.real), _Real(shown.imag)
        self.width = self.real.width + self.imaginary.width + 1

    def __call__(self, value: complex) -> str:
        imaginary = self.imaginary(value.imag).lstrip() + "j"
        return self.real(value.real) + ("" if imaginary[0] in "+-" else "+") + imaginary


def _lines(array: np.ndarray, indent: int, summarize: bool, text: Any) -> str:
    edge = PrintOptions.edgeitems
    if array.ndim == 0:
        return text(array.item())
    cut = summarize and array.shape[0] > 2 * edge
    if array.ndim == 1:
        per_line = max(1, math.floor((PrintOptions.linewidth - indent) / (text.width + 2)))
        cells = array.tolist()
        if cut:
            words = [*map(text, cells[:edge]), " ...", *map(text, cells[-edge:])]
        else:
            words = [*map(text, cells)]
        rows = [words[i : i + per_line] for i in range(0, len(words), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(row) for row in rows) + "]"
    picked = [*range(edge), None, *range(array.shape[0] - edge, array.shape[0])] if cut else range(array.shape[0])
    parts = ["..." if i is None else _lines(array[i], indent + 1, summarize, text) for i in picked]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _shown(array: np.ndarray, summarize: bool) -> np.ndarray:
    """The elements that are printed: their width decides."""
    edge = PrintOptions.edgeitems
    for axis, extent in enumerate(array.shape):
        if summarize and extent > 2 * edge:
            array = np.take(array, [*range(edge), *range(extent - edge, extent)], axis)
    return array


def _with_suffixes(text: str, suffixes: list[str], indent: int, new_line: bool = False) -> str:
    """The text, then each suffix on the same line if there is room; with `new_line` the first is on another one."""
    length = len(text) - text.rfind("\n") + 1
    for i, suffix in enumerate(suffixes):
        if (new_line and i == 0) or length + len(suffix) + 2 > PrintOptions.linewidth:
            text, length = f"{text},\n{' ' * indent}{suffix}", indent + len(suffix)
        else:
            text, length = f"{text}, {suffix}", length + len(suffix) + 2
    return text + ")"


def _place_on_tape(x: Any) -> list[str]:
    try:
        node = x.grad_fn
    except RuntimeError:  # a view that cannot be taken again after its memory has changed
        return ["grad_fn=<Invalid>"]
    if node is not None:
        return [f"grad_fn=<{node.name()}>"]
    return ["requires_grad=True"] if x.requires_grad else []


def _part(name: str, x: Any, indent: int) -> str:
    """The positions or the entries of a sparse tensor."""
    prefix = f"{name}=tensor("
    array = x.float()._host() if x.dtype is types.bfloat16 else x._host()
    if array.size == 0:
        return f"{prefix}[], size={tuple(x.shape)})"
    summarize = array.size > PrintOptions.threshold
    form: Callable = _Complex if array.dtype.kind == "c" else _Real
    return f"{prefix}{_lines(array, indent + len(prefix), summarize, form(_shown(array, summarize)))})"


def _describe_sparse(x: Any) -> str:
    indent = len("tensor(")
    suffixes = [f"device='{x.device}'"] if x.device.type != "cpu" else []
    suffixes += [f"size={tuple(x.shape)}", f"nnz={x._nnz()}"]
    suffixes += [f"dtype={x.dtype}"] if x.dtype not in _usual() else []
    parts = [_part("indices", x._indices(), indent), _part("values", x._values(), indent)]
    return _with_suffixes(
        "tensor(" + (",\n" + " " * indent).join(parts), [*suffixes, f"layout={x.layout}"], indent, True
    )


def _usual() -> tuple:
    """The dtypes that are not printed."""
    complex_default = types.complex128 if default_dtype() is types.float64 else types.complex64
    return default_dtype(), complex_default, types.int64, types.bool


def describe(x: Any) -> str:
    """The text of `repr(tensor)`."""
    if x.is_sparse:
        return _describe_sparse(x)
    array, prefix = x._host(), "tensor("
    array = array.astype(np.float32) if x.dtype is types.bfloat16 else array
    suffixes = [f"device='{x.device}'"] if x.device.type != "cpu" else []
    if array.size == 0:
        suffixes += [f"size={tuple(x.shape)}"] if x.ndim != 1 else []
        usual: tuple = (default_dtype(),)
        body = "[]"
    else:
        usual = _usual()
        summarize = array.size > PrintOptions.threshold
        form: Callable = _Complex if array.dtype.kind == "c" else _Real
        body = _lines(array, len(prefix), summarize, form(_shown(array, summarize)))
    suffixes += [f"dtype={x.dtype}"] if x.dtype not in usual else []
    suffixes += _place_on_tape(x)
    return _with_suffixes(prefix + body, suffixes, len(prefix))
