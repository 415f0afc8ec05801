"""The interpreted form of a CPU kernel, which debug mode runs: the same lines as Python, with checked arrays."""

from __future__ import annotations

import functools
import math
import os
import pdb
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..kernel import interpreted
from .checked import Checked, checked
from .estimate import FEW, warn_if_slow

# Modules that a debugger should skip, so that it shows only the kernel.
HIDDEN = ("reftorch.trace.*", "reftorch.simt.*", "reftorch.kernel", "numba.*", "numpy.*", "contextlib", "namedtuple_*")


def stepped(kernel: Callable) -> Callable:
    """The kernel, interpreted."""
    return functools.partial(run, interpreted(kernel, AS_COMPILED))


def run(function: Callable, *arguments: Any) -> Any:
    """Call an interpreted kernel: indices are checked, NaN and infinity give no warning, and a warning announces a long run."""
    if any([type(value) is tuple or (isinstance(value, np.ndarray) and value.size > FEW) for value in arguments]):
        warn_if_slow(function, arguments)
        arguments = checked(arguments)  # those in tuples too
    with np.errstate(all="ignore"), KernelDebugger():
        return function(*[value.view(Checked) if isinstance(value, np.ndarray) else value for value in arguments])


class KernelDebugger:
    """Inside the block, `breakpoint()` opens a pdb that skips the code that launches kernels. Another debugger is not replaced."""

    def __enter__(self) -> None:
        self.before = sys.breakpointhook
        sys.breakpointhook = _breakpoint if self.before is sys.__breakpointhook__ else self.before

    def __exit__(self, *error: object) -> None:
        sys.breakpointhook = self.before


def _breakpoint(*arguments: Any, **options: Any) -> None:
    if os.environ.get("PYTHONBREAKPOINT"):
        sys.__breakpointhook__(*arguments, **options)
    else:
        pdb.Pdb(skip=HIDDEN).set_trace(sys._getframe(1))


# ------------------------------------------------------------------------------------------------- math as compiled
# Python's math raises exceptions where compiled code follows IEEE 754: compiled, math.log(0.0) is -inf and math.exp(1000.0) is inf.
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

# Replacements of globals in an interpreted kernel, by the global's id: for `math` and its functions, versions that do not raise.
AS_COMPILED = {id(math): compiled_math}
AS_COMPILED |= {
    id(value): new for name, value in vars(math).items() if (new := getattr(compiled_math, name)) is not value
}
