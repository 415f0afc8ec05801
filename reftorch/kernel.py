"""How a kernel is declared, chosen and launched.

A kernel is an ordinary function over arrays, written twice: once for the CPU, once for a CUDA thread.

    @njit(**PARALLEL)                      @cuda.jit
    def relu_forward_cpu(x, y):            def relu_forward_cuda(x, y):
        for i in prange(x.size):               i = cuda.grid(1)
            y[i] = ...                         if i >= y.size:
                                                   return
                                               y[i] = ...

`on(device, cpu_kernel, cuda_kernel, threads)` chooses the one to call, `arrays(...)` gives the arrays of the tensors:

    run = on(x.device, relu_forward_cpu, relu_forward_cuda, threads=y.numel())
    run(*arrays(x, y))

Nothing is compiled at import. A kernel compiles when it is first called with a new combination of types, and the machine code
is kept on disk (`kernel_cache.py`). A CPU kernel runs in one of three forms:

- *reference*: the kernel of the component file, compiled. Small inputs run it without threads: `prange` is `range`.
- *fast*: its form in `reftorch.fast`, where it has one. It is the default; `with reftorch.kernels("reference"):` runs the reference.
  A fast form takes the kernel as its first argument, for the cases that it does not compute itself, and then the kernel's arguments.
- *interpreted*: the kernel as plain Python, `with reftorch.debug():` or `REFTORCH_DEBUG=1`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

import numba
from numba import prange
from numba.core import event
from numba.core.registry import CPUDispatcher
from numpy import ndarray

from . import simulator
from . import threads as guards
from .kernel_cache import njit
from .types import CPU

__all__ = [
    "PARALLEL",
    "SERIAL",
    "arrays",
    "compiled_cuda",
    "compiling",
    "configured",
    "cuda",
    "cuda_kind",
    "debug",
    "elementwise",
    "fast_forms",
    "flat",
    "geometry",
    "interpreted",
    "njit",
    "on",
]
__all__ += ["kernels", "launching", "prange", "shaped", "simulated", "use"]

# Reordering sums and fusing multiply-adds allows LLVM to vectorise them. NaN and infinity keep their meaning
# (no "nnan", no "ninf"), and x / 0 follows IEEE 754 as in NumPy instead of raising.
SERIAL: dict[str, Any] = {
    "cache": True,
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
    "error_model": "numpy",
    "no_cfunc_wrapper": True,  # nobody calls a kernel from C; it would be a twentieth of the time of compiling
}
PARALLEL: dict[str, Any] = {**SERIAL, "parallel": True}


# ---------------------------------------------------------------------------------------- what CUDA means here
class _AbsentCuda:
    """Stands in for `numba.cuda` where it cannot be imported, so that component files still load."""

    def __init__(self, reason: Exception):
        self.reason = reason

    def jit(self, function: Callable | None = None, **options: Any) -> Callable:
        return (lambda f: f) if function is None else function

    def is_available(self) -> bool:
        return False


if TYPE_CHECKING:
    from numba import cuda


def __getattr__(name: str) -> Any:
    """`cuda`, which is `numba.cuda`: imported together with the first file that has kernels, since that takes a third of a second."""
    if name != "cuda":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: Any
    try:
        found = importlib.import_module("numba.cuda")
        found.jit  # numba-cuda without CUDA's libraries fails here or at the import  # noqa: B018
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        found = _AbsentCuda(error)
    return globals().setdefault("cuda", found)


numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # kernels are first tried with small sizes


_chosen = os.environ.get("REFTORCH_CUDA", "")


def use(kind: str) -> None:
    """Set what `"cuda"` means: `"cpu"`, CUDA kernels compiled for the CPU, as with REFTORCH_CUDA=cpu in the environment.

    Raises:
        ValueError: another word.
        RuntimeError: CUDA has been used, or asked for, and means something else.
    """
    global _chosen
    if kind != "cpu":
        raise ValueError(f"use() takes 'cpu', but got {kind!r}")
    if cuda_kind.cache_info().currsize and cuda_kind() != kind:
        raise RuntimeError(
            f"use('cpu') comes too late: \"cuda\" means {cuda_kind()!r} in this process. Call it before anything else of CUDA, "
            "or set REFTORCH_CUDA=cpu before Python starts"
        )
    _chosen = kind
    _launch_compiled()


def _launch_compiled() -> None:
    """From now on, `kernel[grid, block](...)` runs compiled for the CPU, also where a program launches a kernel itself."""
    from reftorch.kernel import cuda

    if not isinstance(cuda, _AbsentCuda):
        made = type(cuda.jit(_launch_compiled))
        made.__getitem__ = lambda kernel, where: configured(kernel, *where)


@functools.cache
def cuda_kind() -> str:
    """What `"cuda"` means in this process: `"device"`, `"simulator"`, `"cpu"` (compiled for the CPU) or `"absent"`. Decided once.

    Raises:
        ValueError: REFTORCH_CUDA holds another word than "cpu".
    """
    if _chosen not in ("", "cpu"):
        raise ValueError(f"REFTORCH_CUDA is {_chosen!r}: wanted 'cpu', or nothing for a GPU or the simulator")
    if _chosen == "cpu":
        return "cpu"
    from reftorch.kernel import cuda

    if isinstance(cuda, _AbsentCuda):
        return "absent"
    if numba.config.ENABLE_CUDASIM:
        simulator.take_turns()
        return "simulator"
    return "device" if cuda.is_available() else "absent"


if _chosen == "cpu":
    _launch_compiled()


# ---------------------------------------------------------------------------------------- choosing and calling
_debugging = ContextVar("debugging", default=os.environ.get("REFTORCH_DEBUG", "0") not in ("", "0"))


@contextlib.contextmanager
def debug(mode: bool = True) -> Iterator[None]:
    """Run CPU kernels as plain Python inside the block, so that a debugger stops in their loops. This is slow: use tiny tensors.

    Other threads are not affected.
    """
    before = _debugging.get()
    _debugging.set(mode)
    try:
        yield
    finally:
        _debugging.set(before)


_fast = ContextVar("fast", default=True)


@contextlib.contextmanager
def kernels(which: str) -> Iterator[None]:
    """Which CPU kernels run inside the block: those of the component files ("reference"), or their fast forms ("fast", the default).

    Other threads are not affected.

    Raises:
        ValueError: another word.
    """
    if which not in ("reference", "fast"):
        raise ValueError(f"kernels() takes 'reference' or 'fast', but got {which!r}")
    before = _fast.get()
    _fast.set(which == "fast")
    try:
        yield
    finally:
        _fast.set(before)


def fast_forms() -> bool:
    """Whether the fast forms are used: not in debug mode, nor within `kernels("reference")`, nor where `launching` chooses."""
    return _fast.get() and not _debugging.get() and _choose is None


def interpreted(kernel: Callable, exchange: Mapping[int, Any] = MappingProxyType({})) -> FunctionType:
    """The kernel as plain Python, also the kernels that it calls; `exchange` has new values for other globals, by `id`."""
    function: Any = getattr(kernel, "py_func", kernel)
    used = [(name, function.__globals__.get(name)) for name in function.__code__.co_names]
    changing = [name for name, value in used if type(value) is CPUDispatcher or id(value) in exchange]
    return _with_others(function, changing, exchange) if changing else function


def _with_others(function: Any, names: Sequence[str], exchange: Mapping[int, Any]) -> FunctionType:
    """The function, for which these globals have the values that they have in interpreted kernels."""
    known = {**function.__globals__}
    for name in names:
        value = known[name]
        known[name] = interpreted(value, exchange) if type(value) is CPUDispatcher else exchange[id(value)]
    return FunctionType(function.__code__, known, function.__name__, function.__defaults__, function.__closure__)


_choose: Callable | None = None


@contextlib.contextmanager
def launching(choose: Callable) -> Iterator[None]:
    """Inside the block, `choose(device, cpu_kernel, cuda_kernel, threads)` picks what runs; where it returns None, `on` does."""
    global _choose
    before, _choose = _choose, choose
    try:
        yield
    finally:
        _choose = before


def on(
    device: Any,
    cpu_kernel: Callable,
    cuda_kernel: Any,
    threads: int,
    fast: Callable | None = None,
    one_block: bool = False,
) -> Callable:
    """The kernel for tensors on `device`: the CPU form, or the CUDA form over `threads` threads, one per output element.

    `fast`, if there is one, takes the place of the CPU form except in debug mode and within `kernels("reference")`. The CUDA form
    gets whole blocks, and so more threads than were asked for; with `one_block`, exactly that many, which can wait for each other
    at barriers.
    """
    if _choose is not None:
        chosen = _choose(device, cpu_kernel, cuda_kernel, threads)
        if chosen is not None:
            return chosen
    if device.type == "cpu" and _debugging.get():
        from reftorch.trace.interpreted import AS_COMPILED, run  # only debug mode needs it

        return functools.partial(run, interpreted(cpu_kernel, AS_COMPILED))
    if device.type == "cpu":
        run = _fast_form(fast, cpu_kernel) if fast and _fast.get() else guards.by_size(cpu_kernel)
        return run if guards.guard is None else guards.guard(run)
    return configured(cuda_kernel, *((1, threads) if one_block else geometry(threads)))


@functools.cache
def _fast_form(fast: Callable, cpu_kernel: Callable) -> Callable:
    """A fast form chooses its number of threads itself; it gets the reference kernel for the cases that it does not compute."""
    return functools.partial(fast, guards.by_size(cpu_kernel))


def configured(cuda_kernel: Any, grid: Any, block: Any, stream: Any = 0, dynamic_shared: int = 0) -> Callable:
    """`cuda_kernel[grid, block, stream, dynamic_shared]`, for whatever "cuda" means."""
    if _launches.compiled or cuda_kind() == "cpu":
        from . import cuda_on_cpu

        return cuda_on_cpu.configured(cuda_kernel, grid, block, dynamic_shared)
    if cuda_kind() == "simulator":
        cuda_kernel = simulated(cuda_kernel)
    return cuda_kernel[grid, block, stream, dynamic_shared]


class _Launches(threading.local):
    """How kernels are launched in a thread. It is no ContextVar: tensor arithmetic runs in a context of its own, without warnings."""

    compiled = False


_launches = _Launches()


@contextlib.contextmanager
def compiled_cuda() -> Iterator[None]:
    """Inside the block, kernels are compiled for the CPU in a process where "cuda" means the simulator. For tests."""
    before, _launches.compiled = _launches.compiled, True
    try:
        yield
    finally:
        _launches.compiled = before


WARP, BLOCK = 32, 256  # threads that a GPU runs together; threads in a full block


def geometry(threads: int) -> tuple[int, int]:
    """Blocks, and threads in each, for at least `threads` threads: whole warps, and at least one surplus thread.

    So a kernel without its bounds check fails at every size, and not only at those that are no multiple of a block.
    """
    block = min(BLOCK, threads // WARP * WARP + WARP)
    return threads // block + 1, block


@functools.cache
def simulated(cuda_kernel: Any) -> Any:
    """The kernel for Numba's simulator, which runs Python: there `math` raises where a GPU gives NaN or infinity."""
    from reftorch.kernel import cuda

    from .trace.interpreted import AS_COMPILED

    return cuda.jit(interpreted(cuda_kernel.fn, AS_COMPILED))


def arrays(*tensors: Any) -> list:
    """The C-contiguous arrays of `tensors`, which must share one device.

    Raises:
        RuntimeError: the tensors are on different devices.
    """
    found = []
    for tensor in tensors:
        if type(array := tensor.array) is not ndarray or not array.flags.c_contiguous or tensor.device is not CPU:
            return _dense(tensors)
        found.append(array)
    return found


def _dense(tensors: Sequence) -> list:
    device = tensors[0].device
    for tensor in tensors:
        if tensor.device != device:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{tensor.device}: move one of them with .to('{device}') (a Module moves all its parameters)"
            )
    return [tensor.contiguous().array for tensor in tensors]


def flat(*tensors: Any) -> list:
    """As `arrays`, each as one dimension: for kernels that do not depend on the shape."""
    return [array if array.ndim == 1 else array.ravel() for array in arrays(*tensors)]


def shaped(shape: Sequence[int], *tensors: Any) -> list:
    """As `arrays`, each under this shape: for kernels that see several dimensions as one."""
    return [array.reshape(shape) for array in arrays(*tensors)]


def elementwise(
    cpu_kernel: Callable,
    cuda_kernel: Any,
    *tensors: Any,
    numbers: Sequence = (),
    inplace: bool = False,
    fast: Callable | None = None,
) -> Any:
    """The result of a kernel that reads and writes one element at a time; it is called with `(*arrays, result, *numbers)`.

    The result is a new tensor with the shape and dtype of the first one; with `inplace` it is the first one itself, changed.
    """
    first, *others = tensors
    dense = first.contiguous() if inplace else first  # itself, unless it is a strided view
    result = dense if inplace else first.new_empty(first.array.shape)
    run = on(first.device, cpu_kernel, cuda_kernel, first.numel(), fast)
    run(*flat(dense, *others, result), *numbers)
    if inplace and dense is not first:
        first.data.copy_(dense)
    return first if inplace else result


@contextlib.contextmanager
def compiling(callback: Callable[[str | None], None]) -> Iterator[None]:
    """Call `callback(name)` when a kernel begins to compile and `callback(None)` when it is done."""

    class Listener(event.Listener):
        def on_start(self, started: Any) -> None:
            callback(started.data["dispatcher"].__name__)

        def on_end(self, ended: Any) -> None:
            callback(None)

    with event.install_listener("numba:compile", Listener()):
        yield
