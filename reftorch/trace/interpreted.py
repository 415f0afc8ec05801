"""The interpreted form of a CPU kernel, which debug mode runs: the same lines as Python, with checked arrays."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import pdb
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..kernel import interpreted
from .checked import checked
from .estimate import warn_if_slow

# What a debugger should not step into: whoever steps through a kernel wants to see the kernel.
HIDDEN = ("reftorch.trace.*", "reftorch.simt.*", "reftorch.kernel", "numba.*", "numpy.*", "contextlib", "namedtuple_*")


def stepped(kernel: Callable, change: Callable[[Any], Any] = lambda function: function) -> Callable:
    """The kernel, interpreted: indices are checked, NaN and infinity arise silently, and a long run is announced.

    `change` may put another function in place of the interpreted one.
    """
    function = change(interpreted(kernel, as_compiled))

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        warn_if_slow(function, arguments)
        with np.errstate(all="ignore"), kernel_debugger():
            return function(*map(checked, arguments))

    return run


@contextlib.contextmanager
def kernel_debugger() -> Iterator[None]:
    """Inside the block, `breakpoint()` opens a pdb that does not step into the machinery; another debugger keeps its place."""
    if sys.breakpointhook is not sys.__breakpointhook__ or os.environ.get("PYTHONBREAKPOINT"):
        yield
        return
    sys.breakpointhook = lambda *_, **__: pdb.Pdb(skip=HIDDEN).set_trace(sys._getframe(1))
    try:
        yield
    finally:
        sys.breakpointhook = sys.__breakpointhook__


# ------------------------------------------------------------------------------------------------- math as compiled
# Python's math raises where compiled code follows IEEE 754: math.log(0.0) is -inf there, and math.exp(1000.0) is inf.
NAMESAKES = {"pow": "power", "asin": "arcsin", "acos": "arccos", "acosh": "arccosh", "atanh": "arctanh", "fmod": "fmod"}
NAMESAKES |= {name: name for name in "exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan sinh cosh".split()}


def _ieee(name: str) -> Callable:
    exact = getattr(math, name)
    otherwise = getattr(np, NAMESAKES[name]) if name in NAMESAKES else lambda *_: math.inf  # the poles of gamma

    @functools.wraps(exact)
    def function(*numbers: Any) -> float:
        try:
            return exact(*numbers)
        except (ValueError, OverflowError):
            return float(otherwise(*map(float, numbers)))

    return function


compiled_math = ModuleType("math", math.__doc__)
compiled_math.__dict__.update(vars(math))
for _name in (*NAMESAKES, "gamma", "lgamma"):
    if hasattr(math, _name):  # exp2 is younger than Python 3.10
        setattr(compiled_math, _name, _ieee(_name))
_FUNCTIONS = {id(function): getattr(compiled_math, name) for name, function in vars(math).items()}


def as_compiled(value: Any) -> Any:
    """What stands in an interpreted kernel in place of a global: for `math` and its functions, those that do not raise."""
    return compiled_math if value is math else _FUNCTIONS.get(id(value), value)
