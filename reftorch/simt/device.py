"""Runs a kernel's own code with other globals: `cuda`, `math`, `range` and the device functions are replaced by those of the runner.

The code object does not change, so that lines and breakpoints are right.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..kernel import cuda as package_cuda
from .intrinsics import Cuda

OWN_MODULES = ("numpy", "operator", "builtins")  # nothing in them is code for a GPU


def source_of(kernel: Any) -> FunctionType:
    """The Python function that was decorated.

    Raises:
        TypeError: it is not a kernel.
    """
    function = getattr(kernel, "py_func", kernel)
    if not isinstance(function, FunctionType):
        raise TypeError(
            f"expected a kernel (a function under @cuda.jit, or a plain one), found a {type(kernel).__name__}"
        )
    return function


def is_cuda(value: Any) -> bool:
    """Whether `value` is the `cuda` that kernels use."""
    return value is package_cuda or (isinstance(value, ModuleType) and value is sys.modules.get("numba.cuda"))


class Binder:
    """Makes copies of a kernel and of the functions that it calls, with the runner's `cuda`, and with `loop` in place of `range`."""

    def __init__(self, cuda: Cuda, loop: Callable | None):
        self.cuda, self.loop = cuda, loop
        self.done: dict[FunctionType, FunctionType] = {}  # the copy of each function
        self.math = Math()

    def function(self, function: FunctionType) -> FunctionType:
        if function in self.done:
            return self.done[function]
        known = dict(function.__globals__)
        cells = tuple(CellType(self.value(cell.cell_contents)) for cell in function.__closure__ or ())
        made = FunctionType(function.__code__, known, function.__name__, function.__defaults__, cells)
        self.done[function] = made  # stored before its globals are copied, because it may call itself
        if self.loop is not None:
            known.setdefault("range", self.loop)
        for name in function.__code__.co_names:
            if name in known:
                known[name] = self.value(known[name])
        return made

    def value(self, value: Any) -> Any:
        """The replacement for a global of a kernel."""
        if is_cuda(value):
            return self.cuda
        if value is math:
            return self.math
        if value is range or value is self.loop:
            return self.loop or range
        if isinstance(value, ModuleType):
            return value if value.__name__.split(".")[0] in OWN_MODULES else Module(value, self)
        if isinstance(value, BuiltinFunctionType) and value.__module__ == "math":
            return getattr(self.math, value.__name__)
        name = getattr(value, "__name__", None)
        if isinstance(name, str) and getattr(package_cuda, name, None) is value and hasattr(self.cuda, name):
            return getattr(self.cuda, name)  # from numba.cuda import grid
        function = getattr(value, "py_func", value)
        return self.function(function) if isinstance(function, FunctionType) else value


class Module:
    """A module whose functions a kernel calls, as in `tables.combine(a, b)`: they run under the runner, too."""

    def __init__(self, module: ModuleType, binder: Binder):
        self._module, self._binder = module, binder

    def __getattr__(self, name: str) -> Any:
        return self._binder.value(getattr(self._module, name))


def takes_turns(function: FunctionType) -> bool:
    """Whether a thread may have to wait for others: its code names a barrier or a warp operation."""
    seen: set[int] = set()

    def search(found: Any) -> bool:
        if id(found) in seen:
            return False
        seen.add(id(found))
        if getattr(found, "__self__", None).__class__ is Cuda:
            return found.__name__ in Cuda.MEETINGS
        if not isinstance(found, FunctionType):
            return False
        names = found.__code__.co_names
        inner = [found.__globals__.get(name) for name in names]
        inner += [cell.cell_contents for cell in found.__closure__ or ()]
        modules = [value for value in inner if isinstance(value, Module)]
        inner += [getattr(module, name) for module in modules for name in names if hasattr(module._module, name)]
        return any(name in Cuda.MEETINGS for name in names) or any(map(search, inner))

    return search(function)


# ------------------------------------------------------------------------------------------------------------------ math
class Math:
    """`math` as on a GPU: it computes in the type of its argument, and returns infinity or NaN where Python raises an exception."""

    SAME = "exp expm1 log log1p log2 log10 sqrt cbrt exp2 sin cos tan sinh cosh tanh floor ceil trunc fabs fmod copysign hypot"
    SAME += " degrees radians ldexp frexp modf isnan isinf isfinite"
    OTHER = dict(asin="arcsin", acos="arccos", atan="arctan", asinh="arcsinh", acosh="arccosh", atanh="arctanh")
    OTHER |= dict(atan2="arctan2", pow="power")
    DOUBLE = "erf erfc gamma lgamma"  # NumPy has none: computed in float64, then rounded

    def __init__(self) -> None:
        for name, numpy_name in {**{name: name for name in self.SAME.split()}, **self.OTHER}.items():
            setattr(self, name, typed(getattr(np, numpy_name), name))
        for name in self.DOUBLE.split():
            setattr(self, name, rounded(getattr(math, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(math, name)


def typed(function: Callable, name: str) -> Callable:
    """NumPy's function for NumPy's floating numbers; other numbers are float64 first (but not the exponent of ldexp)."""
    if name == "ldexp":
        return function

    def call(*numbers: Any) -> Any:
        return function(*[x if isinstance(x, np.floating) else np.float64(x) for x in numbers])

    return call


def rounded(function: Callable[[float], float]) -> Callable:
    """Python's function, computed in float64; the result has the argument's type."""

    def call(x: Any) -> Any:
        kind = type(x) if isinstance(x, np.floating) else np.float64
        try:
            return kind(function(float(x)))
        except (OverflowError, ValueError):
            return kind(math.inf if not math.isnan(x) else x)

    return call
