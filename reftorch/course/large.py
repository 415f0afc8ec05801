"""Large cases on CUDA: the kernels are compiled for the CPU, and every thread of every block runs.

`reftorch.simt` runs kernels thread by thread in Python, so it is fast enough for small arrays only. There, a kernel may be right for
the first block and wrong for the others, or compute with other types than on a GPU. Here, numbers have the types of the GPU.

The findings go into `told`, as for other cases:

- `faults`: a thread reads or writes outside an array, not all threads reach a barrier, or a kernel computes in float64 although its
  arrays are float32. No fault contains a number of the case.
- `launches`: for each launch of an asked kernel, the number of elements that have a thread each, and the number of threads in a block.
  With these, the message can name the thread of the first wrong element.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from reftorch import cuda_on_cpu
from reftorch.course.overwritten import Kernels
from reftorch.cuda_on_cpu.rewrite import source_function
from reftorch.kernel import compiled_cuda, configured, cuda, geometry, launching
from reftorch.simt.faults import DivergentBarrier, SharedArrayFault
from reftorch.simt.session import patched


class Stopped(Exception):
    """Ends a case because a kernel broke a rule, which `told` describes."""


class Launches:
    """Launches the asked kernels, and checks their arguments and their accesses."""

    def __init__(self, asked: tuple[str, ...], module: Any, told: dict):
        assert module.__spec__ is not None and module.__spec__.origin is not None
        self.kernels = Kernels(Path(module.__spec__.origin).read_text(encoding="utf-8"), asked)
        self.asked, self.told = asked, told
        self.types: set[tuple] = set()

    def configured(
        self, kernel: Any, grid: Any, block: Any, stream: Any = 0, dynamic_shared: int = 0, threads: int = 0
    ) -> Callable:
        """`kernel[grid, block, stream, dynamic_shared]`; `threads` is the number of elements, if there is a thread for each."""
        run = configured(kernel, grid, block, stream, dynamic_shared)
        if source_function(kernel).__name__ not in self.asked:
            return run
        return self.kernels.guarded(kernel, functools.partial(self._run, kernel, run, threads, block))

    def _run(self, kernel: Any, run: Callable, threads: int, block: int, *arguments: Any) -> None:
        function = source_function(kernel)
        if threads:
            self.told["launches"].append([threads, block])
        try:
            run(*arguments)
        except cuda_on_cpu.OutsideArray as error:
            self._stop(function, f"{error.thread} reads or writes outside an array")
        except (NumbaError, UnsupportedBytecodeError) as error:
            self._stop(function, f"it cannot be compiled: {reason(error)}", line_of(error))
        except DivergentBarrier as error:
            early, late = error.threads
            self._stop(function, f"{early} and {late} do not reach the same barrier", error.line)
        except SharedArrayFault as error:
            self._stop(function, error.text, error.line)
        except cuda_on_cpu.OutOfMemory as error:
            self._stop(function, "a thread makes an array for which there is no memory", error.line)
        self._look_at_types(kernel, arguments)

    def _look_at_types(self, kernel: Any, arguments: tuple) -> None:
        """A kernel over float32 arrays should not compute in float64. Checked once for each combination of types."""
        function = source_function(kernel)
        kinds = {array.dtype for array in map(cuda_on_cpu.unwrapped, arguments) if isinstance(array, np.ndarray)}
        if (function, *kinds) in self.types or np.dtype(np.float32) not in kinds or np.dtype(np.float64) in kinds:
            return
        self.types.add((function, *kinds))
        with contextlib.suppress(cuda_on_cpu.NotCompiled):
            if cuda_on_cpu.float64_arithmetic(kernel, *arguments):
                advice = "give each constant and each sum the data's type, as x.dtype.type(0)"
                self._stop(function, f"it computes in float64, although its arrays are float32: {advice}")

    def _stop(self, function: Any, kind: str, line: int | None = None) -> None:
        code = function.__code__
        place = {"file": Path(code.co_filename).name, "line": line or code.co_firstlineno}
        fault = {"type": "OnCpu", "kind": f"{code.co_name}: {kind}", "text": "", "array": "", **place}
        self.told["faults"].append(fault)
        raise Stopped


@contextlib.contextmanager
def as_large(asked: tuple[str, ...], module: Any, told: dict) -> Iterator[None]:
    """All CUDA kernels run compiled for the CPU. The case ends when a kernel breaks a rule."""
    told["launches"] = []
    launches = Launches(asked, module, told)

    def choose(device: Any, cpu: Any, twin: Any, threads: int) -> Callable | None:
        if device.type == "cpu" or source_function(twin).__name__ not in asked:
            return None
        return launches.configured(twin, *geometry(threads), threads=threads)

    kind = type(cuda.jit(thread_of))
    start = lambda kernel, where: launches.configured(kernel, *where)  # noqa: E731
    try:
        with launching(choose), patched(kind, "__getitem__", start), compiled_cuda():
            yield
    except Stopped:
        pass
    finally:
        told["overwritten"] = launches.kernels.found


@contextlib.contextmanager
def as_usual(asked: tuple[str, ...], module: Any, told: dict) -> Iterator[None]:
    """Kernels run as they do outside of the course. So the right results of a large case come from compiled CPU kernels."""
    yield


FRAMES = (
    "Failed in",
    "During:",
    "File ",
    "There are",
    "Invalid use",
    " ",
    "-",
    ">>>",
)  # lines around the reason begin with these


def reason(error: Exception) -> str:
    """Why a kernel cannot be compiled: the line of Numba's message that says so. It names types, and never numbers."""
    lines = re.sub(r"\x1b\[\d*m| Raised from .*", "", str(error)).splitlines()
    return next((line for line in lines if line and not line.startswith(FRAMES)), type(error).__name__)


def line_of(error: Exception) -> int | None:
    """The kernel's line in the message; the message names it before the loop over the threads."""
    found = re.search(r'File ".*?", line (\d+)|Raised from .* \((\d+)\)', str(error))
    return int(found[1] or found[2]) if found else None


def thread_of(element: int, shape: tuple[int, ...], launches: list[list[int]]) -> str:
    """The thread that writes an element of a result of this shape, as text; empty if it is not known.

    It is known for launches with a thread for each element, or for each row of a matrix.
    """
    size = math.prod(shape)
    for threads, block in launches:
        if threads == size or (len(shape) == 2 and threads == shape[0]):
            number = element // (size // threads)
            return f"thread {number % block} of block {number // block}"
    return ""
