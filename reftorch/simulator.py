"""Makes Numba's simulator faster: threads that never wait for each other run one after the other.

Numba's simulator starts a Python thread for each CUDA thread, about a millisecond each, so that they can wait for one another at
barriers. The threads of a kernel without barriers do not need this: here each of them is a call, which takes some microseconds, and a
debugger that stops in the kernel is in the thread that launched it.

Its arrays make a list of all their names whenever a kernel reads `x.shape`. Here the names that kernels read are properties.
"""

from __future__ import annotations

import functools
import operator
import threading
from types import FunctionType
from typing import Any

import numpy as np


def take_turns() -> None:
    """From now on, the simulator runs kernels without barriers in turn. A second call does nothing."""
    from numba.cuda.simulator import kernel
    from numba.cuda.simulator.cudadrv.devicearray import FakeWithinKernelCUDAArray

    if not hasattr(kernel.BlockManager, "usual"):
        kernel.BlockManager = _in_turn(kernel.BlockManager, kernel.Dim3)
        for name in ("shape", "size", "dtype", "ndim"):
            setattr(FakeWithinKernelCUDAArray, name, property(operator.attrgetter(f"_item._ary.{name}")))


def _in_turn(usual: Any, Dim3: Any) -> Any:
    class InTurn:
        """A block of threads, as the simulator makes it for each block of a grid."""

        def __init__(self, function: Any, grid: Any, block: Any, debug: bool):
            self.function, self.block = function, block
            self.others = usual(function, grid, block, debug) if debug or meets(function) else None

        def run(self, block: tuple, *arguments: Any) -> None:
            if self.others is not None:
                return self.others.run(block, *arguments)
            me: Any = threading.current_thread()  # where the simulator's `cuda` looks for its numbers
            me.blockIdx = Dim3(*block)
            for thread in np.ndindex(*self.block):
                me.threadIdx = Dim3(*thread)
                try:
                    with np.errstate(all="ignore"):  # a GPU does not warn of overflows and NaN
                        self.function(*arguments)
                except Exception as error:
                    where = f"tid={list(thread)} ctaid={list(block)}"
                    raise type(error)(f"{where}: {error}").with_traceback(error.__traceback__) from None

    InTurn.usual = usual  # type: ignore[attr-defined]
    return InTurn


@functools.cache
def meets(function: Any) -> bool:
    """Whether the threads of a kernel, or of a device function that it calls, wait for one another."""
    waiting, known = [function], set()
    while waiting:
        function = waiting.pop()
        names = function.__code__.co_names
        if any("sync" in name for name in names):
            return True
        known.add(function)
        called = [function.__globals__.get(name) for name in names]
        called = [getattr(value, "py_func", value) for value in called]
        waiting += [value for value in called if isinstance(value, FunctionType) and value not in known]
    return False
