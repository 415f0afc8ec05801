"""Lines of Python that must mean the same to reftorch and to PyTorch, as tables.

    LEAVES = {"x": np.ones((2, 3)), "i": np.array([2, 0])}   # floating arrays become leaves that require grad

    @both_ways('''
        x + 1
        x.t() @ x                 # values, dtypes, shapes, strides, requires_grad and gradients are compared
        x.view(7)                 # an error: torch's type, and a message with all the words here: shape '[7]', size 6
        y = x * 2; y[0] = 0; y    # statements, then what to compare
    ''')
    def test_something(line):
        line.check(LEAVES)

In a line, `torch` is the library, `F` its nn.functional; `np`, `math`, `inf`, `nan`, `pickle` and `copy` are at hand. After `#` stands what the
message of reftorch's error must contain, separated by commas. `same(line, leaves)` does the same for a function of the library.
"""

from __future__ import annotations

import copy
import functools
import math
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import reftorch
import reftorch.nn.functional
from both import needs_pytorch, pytorch

Leaves = Mapping[str, Any]
NO_LEAVES: Leaves = {}


@dataclass(frozen=True)
class Outcome:
    """What a line came to: a description of its value, numbers by name, or the exception that it raised."""

    facts: Any = None
    numbers: Any = None
    error: Exception | None = None


def builtin_type(error: BaseException) -> type:
    """The nearest class of the exception that Python itself has: torch's own subclasses count as their base."""
    return next(base for base in type(error).__mro__ if base.__module__ == "builtins")


def is_tensor(value: Any) -> bool:
    return hasattr(value, "requires_grad") and hasattr(value, "detach")


def walk(value: Any, at: str = "value") -> Iterator[tuple[str, Any]]:
    """The parts of nested tuples, lists and dicts, each with a name."""
    if isinstance(value, Mapping):
        yield at, sorted(value)
        for key, part in value.items():
            yield from walk(part, f"{at}[{key!r}]")
    elif isinstance(value, (tuple, list)) and any(is_tensor(part) for part in value):
        yield at, [len(value), type(value).__name__, *[n for n in ("values", "indices") if hasattr(value, n)]]
        for i, part in enumerate(value):
            yield from walk(part, f"{at}[{i}]")
    else:
        yield at, value


def describe(value: Any, strides: bool) -> tuple[dict, dict]:
    """Facts, compared by equality, and arrays, compared as numbers."""
    facts, arrays = {}, {}
    for at, part in walk(value):
        if is_tensor(part):
            facts[at] = [str(part.dtype), tuple(part.shape), part.requires_grad, part.is_leaf]
            if strides and part.numel() > 1:
                facts[at] += [part.is_contiguous(), [s for s, n in zip(part.stride(), part.shape) if n > 1]]
            arrays[at] = np.array(part.detach().cpu().numpy())
        elif isinstance(part, (np.ndarray, np.generic)):
            facts[at], arrays[at] = [type(part).__name__, str(part.dtype), part.shape], np.asarray(part)
        elif isinstance(part, float):
            facts[at], arrays[at] = "float", np.asarray(part)
        else:
            facts[at] = (type(part).__name__, repr(part))
    return facts, arrays


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, in units of rounding of the larger of 1 and the number itself; infinite where one is NaN."""
    if theirs.dtype.kind not in "fc" or not theirs.size:
        return 0.0 if np.array_equal(ours, theirs) else math.inf
    finite = np.isfinite(theirs)
    if not np.array_equal(np.where(finite, 0, ours), np.where(finite, 0, theirs), equal_nan=True):
        return math.inf
    gap = np.abs(ours[finite] - theirs[finite]) / np.maximum(1, np.abs(theirs[finite]))
    if not np.isfinite(gap).all():
        return math.inf
    return float(gap.max(initial=0) / np.finfo(theirs.dtype).eps)


def go_backward(torch: Any, value: Any, device: str) -> None:
    """Send random gradients backward from all tensors in `value` that want one."""
    roots = [part for _, part in walk(value) if is_tensor(part) and part.requires_grad]
    rng = np.random.default_rng(7)
    upstream = []
    for root in roots:
        numbers = np.asarray(rng.standard_normal(tuple(root.shape))).astype(root.detach().cpu().numpy().dtype)
        upstream.append(torch.from_numpy(numbers).to(device))
    if roots:
        torch.autograd.backward(roots, upstream, retain_graph=True)


def run(action: Callable, torch: Any, leaves: Leaves, *, dtype: str, device: str, grad: bool, strides: bool) -> Outcome:
    """What `action(torch, tensors)` comes to, and the gradients of the leaves under random upstream gradients."""
    tensors = {}
    for name, numbers in leaves.items():
        numbers = np.asarray(numbers)
        floating = numbers.dtype.kind == "f"
        tensors[name] = torch.from_numpy(np.array(numbers, dtype if floating else None)).to(device)
        if floating and grad:
            tensors[name].requires_grad_()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = action(torch, tensors)
        facts, arrays = describe(value, strides)
        go_backward(torch, value, device)
    except Exception as error:  # whatever it is, the other library must do the same
        return Outcome(error=error)
    for name, leaf in tensors.items():
        facts[f"{name} has a gradient"] = leaf.is_leaf and leaf.grad is not None
        arrays[f"{name} afterwards"] = np.array(leaf.detach().cpu().numpy())
        if leaf.is_leaf and leaf.grad is not None:
            arrays[f"gradient of {name}"] = np.array(leaf.grad.cpu().numpy())
    return Outcome(facts, arrays)


def compare(ours: Outcome, theirs: Outcome, words: list[str], ulps: float) -> None:
    """Fail unless two outcomes are the same: facts, numbers up to rounding, or the type of the error."""
    if theirs.error is not None:
        wanted = builtin_type(theirs.error)
        assert ours.error is not None, f"torch raises {wanted.__name__}: {theirs.error}\nreftorch has {ours.numbers}"
        found = builtin_type(ours.error)
        assert found is wanted, (
            f"torch raises {wanted.__name__}: {theirs.error}\nreftorch {found.__name__}: {ours.error}"
        )
        missing = [word for word in words if word.lower() not in str(ours.error).lower()]
        assert not missing, f"the message lacks {missing}: {ours.error}"
        return
    assert not words, f"no error to say {words}: torch has {theirs.numbers or theirs.facts}"
    if ours.error is not None:
        raise ours.error
    assert ours.facts == theirs.facts, f"reftorch:\n{ours.facts}\ntorch:\n{theirs.facts}"
    assert ours.numbers.keys() == theirs.numbers.keys()
    for name, wanted in theirs.numbers.items():
        gap = difference(ours.numbers[name], wanted)
        assert gap <= ulps, f"{name} differs by {gap:.3g} units\nreftorch:\n{ours.numbers[name]}\ntorch:\n{wanted}"


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    code: str
    words: tuple[str, ...] = ()

    def __call__(self, torch: Any, tensors: Mapping[str, Any]) -> Any:
        names = {"torch": torch, "F": torch.nn.functional, "np": np, "math": math, "inf": math.inf, "nan": math.nan}
        names |= {"pickle": pickle, "copy": copy, **tensors}
        statements, last = self.compiled
        exec(statements, names)
        return eval(last, names)

    @functools.cached_property
    def compiled(self) -> tuple:
        *statements, last = self.code.split("; ")
        return compile("\n".join(statements), "<line>", "exec"), compile(last, "<line>", "eval")

    def check(self, leaves: Leaves = NO_LEAVES, **options: Any) -> None:
        same(self, leaves, words=list(self.words), **options)


def same(
    action: Callable,
    leaves: Leaves = NO_LEAVES,
    *,
    words: list[str] = [],  # noqa: B006
    ulps: float = 8,
    dtype: str = "float32",
    device: str = "cpu",
    grad: bool = True,
    strides: bool = True,
) -> None:
    """`action(torch, tensors)` comes to the same in reftorch on `device` as in PyTorch on the CPU."""
    strides = strides and device == "cpu"
    theirs = run(action, pytorch, leaves, dtype=dtype, device="cpu", grad=grad, strides=strides)
    ours = run(action, reftorch, leaves, dtype=dtype, device=device, grad=grad, strides=strides)
    compare(ours, theirs, words, ulps)


def lines(table: str) -> list[Line]:
    """The lines of a table."""
    found = []
    for text in filter(None, map(str.strip, table.splitlines())):
        code, _, words = text.partition(" # ")
        line = Line(code.strip(), tuple(word.strip() for word in words.split(",") if word.strip()))
        assert line.compiled, "a line that is no Python would fail in both libraries"
        found.append(line)
    return found


def both_ways(table: str) -> Callable:
    """Parametrise a test with the lines of a table, where PyTorch is installed."""
    params = [pytest.param(line, id=line.code) for line in lines(table)]
    mark = pytest.mark.parametrize("line", params)
    return lambda test: needs_pytorch(mark(test))
