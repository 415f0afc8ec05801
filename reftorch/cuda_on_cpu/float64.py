"""Finds float64 arithmetic in kernels. On most GPUs it is many times slower than float32, and the result does not show it."""

from __future__ import annotations

import re
from typing import Any

import numba
import numpy as np

from .launch import shared_arrays, unwrapped
from .rewrite import rewritten, source_function

DOUBLE = re.compile(r".* (?:fadd|fsub|fmul|fdiv|frem)[a-z ]* double .*")


def float64_arithmetic(kernel: Any, *arguments: Any) -> list[str]:
    """The float64 arithmetic in the machine code of a kernel for such arguments, as lines of LLVM's language.

    The kernel is compiled and not run. A constant that is only converted, as in `x.dtype.type(0.5)`, does not count.

    Raises:
        NotCompiled: the kernel uses something that cannot be compiled.
    """
    function = source_function(kernel)
    form = rewritten(function)
    given = tuple(map(unwrapped, arguments))
    shared, _, _ = shared_arrays(form.shared, function, given)
    compiled = numba.njit(error_model="numpy")(form.function)
    compiled.compile(tuple(map(numba.typeof, (np.zeros(12, np.int32), *given, *shared))))
    (code,) = compiled.inspect_llvm().values()
    return DOUBLE.findall(code)
