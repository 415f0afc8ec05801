"""Compares the results of the student's code with the reference's, and describes the first difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from reftorch.course.cases import Array, Other

CLOSE = {"float16": (1e-2, 1e-3), "float32": (1e-4, 1e-5), "complex64": (1e-4, 1e-5)}
CLOSE |= {"float64": (1e-9, 1e-10), "complex128": (1e-9, 1e-10)}


def difference(
    name: str, found: Any, wanted: Any, rtol: float = 0.0, atol: float = 0.0, shape_only: bool = False
) -> str:
    """The first difference between two results, as text with the numbers; empty if there is none.

    Floats are equal within `rtol` and `atol`, or within the defaults of their dtype; NaN equals NaN. `shape_only` compares shapes and
    dtypes only.
    """
    if isinstance(wanted, Array):
        return _arrays(name, found, wanted, rtol, atol, shape_only)
    if isinstance(found, Array):
        return f"{name} is a tensor, and should be {_shown(wanted)}"
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            return f"{name} has {len(found)} items, and should have {len(wanted)}"
        said = [difference(f"{name}[{i}]", f, w, rtol, atol, shape_only) for i, (f, w) in enumerate(zip(found, wanted))]
        return next((text for text in said if text), "")
    if isinstance(wanted, dict) and isinstance(found, dict):
        if list(wanted) != list(found):
            return f"{name} has the keys {list(found)}, and should have {list(wanted)}"
        said = [difference(f"{name}[{key!r}]", found[key], wanted[key], rtol, atol, shape_only) for key in wanted]
        return next((text for text in said if text), "")
    if isinstance(wanted, Other) or isinstance(found, Other):
        same = isinstance(wanted, Other) and isinstance(found, Other) and wanted.kind == found.kind
        return "" if same else f"{name} is {_shown(found)}, and should be {_shown(wanted)}"
    if isinstance(wanted, float) and type(found) in (int, float):
        rtol, atol = rtol or 1e-6, atol or 1e-8
        same = bool(np.isclose(found, wanted, rtol=rtol, atol=atol, equal_nan=True))
    else:
        same = type(found) is type(wanted) and found == wanted
    return "" if same or shape_only else f"{name} is {_shown(found)}, and should be {_shown(wanted)}"


def _arrays(name: str, found: Any, wanted: Array, rtol: float, atol: float, shape_only: bool) -> str:
    if not isinstance(found, Array):
        return f"{name} is {_shown(found)}, and should be a tensor of shape {wanted.numbers.shape}"
    a, b = found.numbers, wanted.numbers
    if a.shape != b.shape:
        return f"{name} has shape {a.shape}, and should have {b.shape}"
    if found.dtype != wanted.dtype or a.dtype != b.dtype:
        return f"{name} is {found.dtype}, and should be {wanted.dtype}"
    if shape_only:
        return ""
    wrong = wrong_elements(a, b, rtol, atol)
    if not wrong.any():
        return ""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"[{', '.join(map(str, first))}]" if first else ""
    many = f" ({int(wrong.sum())} of {wrong.size} elements are wrong; this is the first)" if wrong.size > 1 else ""
    return f"{name}{where} is {_number(a[first])}, and should be {_number(b[first])}{many}"


def wrong_elements(found: np.ndarray, wanted: np.ndarray, rtol: float = 0.0, atol: float = 0.0) -> np.ndarray:
    """For two arrays of one shape: True where they differ by more than `rtol` and `atol`, or than the defaults of their dtype."""
    usual = CLOSE.get(wanted.dtype.name, (0.0, 0.0))
    with np.errstate(all="ignore"):
        return ~np.isclose(found, wanted, rtol=rtol or usual[0], atol=atol or usual[1], equal_nan=True)


def _number(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, np.floating) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, Other):
        return f"a {value.kind}"
    if isinstance(value, Array):
        return "a tensor"
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def same(found: Any, wanted: Any, rtol: float = 0.0, atol: float = 0.0) -> bool:
    """Whether two results are equal."""
    return not difference("", found, wanted, rtol, atol)
