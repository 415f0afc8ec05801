"""Launches: the threads of a grid, one after the other."""

from __future__ import annotations

import contextlib
import functools
import math
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core.errors import NumbaError, UnsupportedError

from ..kernel_cache import is_kept
from ..simt.faults import DivergentBarrier, SharedArrayFault
from ..simt.intrinsics import numpy_type
from ..simt.launch import run as run_in_python
from ..simt.launch import sizes
from ..simt.memory import SHARED_LIMIT, poison
from ..simt.place import Place, ThreadName, ndim_of
from .loops import loops
from .rewrite import NotCompiled, Rewritten, known, rewritten, source_function

ORDERS = ("ascending", "descending", "shuffled", "parallel")
MOST_THREADS = 1024  # a block
MANY = 20_000  # threads of a launch in Python, about a second
ENOUGH = 1_024  # threads of a launch that are worth to be shared out
LOOK = 0.02  # seconds of the CPU with the same sizes, after which their own form is looked for on the disk,
COMPILE = 0.5  # and after which it is compiled
DYNAMIC = (0, (0,))  # the shapes of shared arrays whose size is chosen by the launch
ALIGNED = 64  # bytes, of which each shared array begins at a multiple
SIZES = 1_000  # of which the times are kept, for each kernel


class OutsideArray(IndexError):
    """A thread reads or writes outside an array; `thread` is its name."""

    def __init__(self, text: str, thread: ThreadName):
        super().__init__(text)
        self.thread = thread


class OutOfMemory(MemoryError):
    """A thread makes an array for which there is no memory; `line` is where, or None."""

    def __init__(self, text: str, line: int | None):
        super().__init__(text)
        self.line = line


class _Chosen(threading.local):
    """The order in a thread. It is no ContextVar: tensor arithmetic runs in a context of its own, without warnings."""

    order: tuple[str, int] = ("ascending", 0)


_chosen = _Chosen()


@contextlib.contextmanager
def order(which: str, seed: int = 0) -> Iterator[None]:
    """Which thread goes first in launches inside the block. A right kernel gives the same result in any order.

    "parallel" shares the blocks of a grid out among as many threads of the CPU as `numba.get_num_threads()` says. Kernels with
    atomics or barriers, and small launches, stay on one.

    Raises:
        ValueError: another word.
    """
    if which not in ORDERS:
        raise ValueError(f"order is {which!r}: wanted one of {', '.join(ORDERS)}")
    before, _chosen.order = _chosen.order, (which, seed)
    try:
        yield
    finally:
        _chosen.order = before


def steps(count: int, which: str, seed: Any) -> tuple[int, int]:
    """First and step of an order: item number k is (first + k * step) % count."""
    if which in ("ascending", "parallel") or count == 1:
        return 0, 1
    if which == "descending":
        return count - 1, count - 1
    draw = random.Random(seed)
    step = next(n for n in iter(lambda: draw.randrange(1, count + 1), None) if math.gcd(n, count) == 1)
    return draw.randrange(count), step


class Sized:
    """One kernel for arguments of the same sizes, which a training has in each step: its own form, once that is worth compiling."""

    def __init__(self, kernel: FunctionType, sizes: tuple):
        self.kernel, self.sizes = kernel, sizes
        self.run = loops(kernel)
        self.seconds, self.looked, self.done = 0.0, False, False

    def __call__(self, *arguments: Any) -> bool:
        if self.done:
            return self.run(*arguments)
        if self.seconds > LOOK:
            self.choose(arguments)
        start = time.thread_time()
        compiled_before = len(self.run.overloads)
        met = self.run(*arguments)
        if len(self.run.overloads) == compiled_before:
            self.seconds += time.thread_time() - start
        return met

    def choose(self, arguments: tuple) -> None:
        """Take the form for these sizes, if it has been kept or it is time to compile it."""
        own = loops(self.kernel, self.sizes)
        if self.seconds > COMPILE or (not self.looked and is_kept(own, arguments)):
            self.run, self.done = own, True
        self.looked = True


@functools.cache
def _times(kernel: FunctionType) -> dict[tuple, Sized]:
    return {}


def _sized(kernel: FunctionType, arguments: tuple) -> Sized:
    times, sizes = _times(kernel), tuple(map(known, arguments))
    found = times.get(sizes)
    if found is None:
        if len(times) >= SIZES:
            times.clear()
        found = times[sizes] = Sized(kernel, sizes)
    return found


# ---------------------------------------------------------------------------------------- launching
def configured(kernel: Any, grid: Any, block: Any, dynamic_shared: int = 0) -> Callable:
    """`kernel[grid, block, 0, dynamic_shared]`: a function that takes the kernel's arguments."""
    return functools.partial(launch, kernel, grid, block, dynamic_shared=dynamic_shared)


@functools.lru_cache(maxsize=SIZES)
def _extents(grid: Any, block: Any) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    extents = sizes("grid", grid), sizes("block", block)
    if math.prod(extents[1]) > MOST_THREADS:
        raise ValueError(f"block is {block}: a GPU takes at most {MOST_THREADS:,} threads")
    return extents


def launch(
    kernel: Any, grid: int | Sequence[int], block: int | Sequence[int], *arguments: Any, dynamic_shared: int = 0
) -> None:
    """Run `kernel[grid, block](*arguments)`, compiled for the CPU.

    Args:
        kernel: what `@cuda.jit` made, or a plain function.
        arguments: device or NumPy arrays, which are changed in place; numbers; tuples of these.
        dynamic_shared: bytes for `cuda.shared.array(0, ...)`. All such arrays of a block begin at the same byte, as on a GPU.

    Raises:
        OutsideArray: an IndexError, a thread reads or writes outside an array; the message says which thread.
        OutOfMemory: a MemoryError, a thread makes an array for which there is no room.
        DivergentBarrier: some threads of a block come to a barrier, and others do not.
        SharedArrayFault: the shared arrays of a block are larger than on a GPU.
        NumbaError: the kernel cannot be compiled, on a GPU neither.
        ValueError: a grid or block that is not one to three positive numbers, or more than 1,024 threads a block.
    """
    extents = _extents(*(tuple(each) if type(each) is list else each for each in (grid, block)))
    function = source_function(kernel)
    given = tuple(map(unwrapped, arguments))
    place = np.zeros(5, np.int64)
    try:
        form = rewritten(function)
    except NotCompiled as reason:
        return _in_python(kernel, extents, given, dynamic_shared, reason)
    try:
        if form.barriers:
            shared = shared_arrays(form.shared, function, given, dynamic_shared)
            _in_step(function, _sized(function, given), extents, given, shared, place)
        else:
            _one_by_one(form, _sized(function, given), extents, given, place)
    except IndexError:
        raise _outside(form, extents, place, dynamic_shared) from None
    except MemoryError:
        raise _without_memory(form, extents, place) from None
    except NotImplementedError as reason:
        if str(reason) != "float16":
            raise
        _in_python(kernel, extents, given, dynamic_shared, NotCompiled("Numba has no float16 for the CPU"))
    except NumbaError as error:
        if form.walrus and "cannot be determined" in str(error):
            text = (
                "`:=` within an expression, which Numba cannot compile, for a GPU neither: assign on a line of its own"
            )
            raise UnsupportedError(text, form.walrus) from None
        raise


def _one_by_one(form: Rewritten, run: Callable, extents: tuple, arguments: tuple, place: np.ndarray) -> None:
    """Threads that never meet: each runs from beginning to end."""
    which, seed = _chosen.order
    count, each = map(math.prod, extents)
    if which == "ascending":
        return run(place, *extents, (0, 1, count), (0, 1, each), arguments)
    (first, step), threads = steps(count, which, seed), steps(each, which, seed)
    workers = min(numba.get_num_threads(), count) if which == "parallel" and not form.atomics else 1
    if workers == 1 or count * each < ENOUGH:
        return run(place, *extents, (first, step, count), threads, arguments)
    errors = []

    def part(k: int) -> None:
        own, start, end = np.zeros_like(place), count * k // workers, count * (k + 1) // workers
        try:
            run(own, *extents, (start, 1, end - start), threads, arguments)
        except Exception as error:
            place[:] = own
            errors.append(error)

    others = [threading.Thread(target=part, args=(k,)) for k in range(1, workers)]
    for thread in others:
        thread.start()
    part(0)
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]


def unwrapped(argument: Any) -> Any:
    """An argument as compiled code takes it: NumPy arrays in place of device arrays."""
    if isinstance(argument, tuple):
        return tuple(map(unwrapped, argument))
    return getattr(argument, "_ary", argument)


def _name(extents: tuple, place: Any) -> ThreadName:
    b, t = (coordinates(int(number), extent) for number, extent in zip(place, extents))
    return ThreadName(b, t, ndim_of(*extents))


def _without_memory(form: Rewritten, extents: tuple, place: np.ndarray) -> OutOfMemory:
    line = f" (line {form.made})" if form.made else ""
    name = f"{form.function.__name__}[{extents[0]}, {extents[1]}]"
    text = f"{name}: {_name(extents, place)} makes an array for which there is no memory{line}"
    return OutOfMemory(text, form.made or None)


def _outside(form: Rewritten, extents: tuple, place: np.ndarray, dynamic_shared: int) -> OutsideArray:
    thread = _name(extents, place)
    text = (
        f"{form.function.__name__}[{extents[0]}, {extents[1]}]: {thread} reads or writes outside an array. Most likely a bounds "
        "check is missing, such as `if i >= y.size: return`. `reftorch.simt.run(kernel, grid, block, ...)` names line and index"
    )
    if form.dynamic:
        text += f". Or the array in line {form.dynamic} is too small: kernel[grid, block, stream, bytes] gives {dynamic_shared} bytes"
    return OutsideArray(text, thread)


def coordinates(number: int, extent: tuple[int, int, int]) -> tuple[int, int, int]:
    """x, y and z of a thread in its block or a block in its grid."""
    x, y, _ = extent
    return number % x, number // x % y, number // (x * y)


def _in_python(kernel: Any, extents: tuple, arguments: tuple, dynamic_shared: int, reason: NotCompiled) -> None:
    """What cannot be compiled: thread by thread in Python."""
    threads = math.prod(extents[0]) * math.prod(extents[1])
    if threads > MANY:
        warnings.warn(
            f"{source_function(kernel).__name__} cannot be compiled for the CPU ({reason}): its {threads:,} threads run in "
            "Python, which takes minutes",
            RuntimeWarning,
            stacklevel=4,
        )
    which, seed = _chosen.order
    with np.errstate(all="ignore"):
        run_in_python(kernel, *extents, *arguments, order=which, seed=seed, check=False, dynamic_shared=dynamic_shared)


# ---------------------------------------------------------------------------------------- threads that meet
def _in_step(
    function: FunctionType, run: Callable, extents: tuple, arguments: tuple, shared: tuple, place: np.ndarray
) -> None:
    """Block after block: all its threads up to a barrier, then all up to the next one."""
    which, seed = _chosen.order
    blocks, threads = ((*steps(math.prod(extent), which, seed), math.prod(extent)) for extent in extents)
    if not run(place, *extents, blocks, threads, arguments, *shared):
        raise _divergent(function, extents, place)


def _divergent(function: FunctionType, extents: tuple, place: np.ndarray) -> DivergentBarrier:
    b, late, early, *lines = map(int, place)
    threads = tuple(_name(extents, (b, t)) for t in (early, late))
    stops = [f"in line {line}" if line else "at the end of the kernel" for line in lines]
    return DivergentBarrier(
        f"{threads[0]} is {stops[0]}, {threads[1]} {stops[1]}: all threads of a block must come to the same barrier",
        [Place(function.__code__.co_filename, lines[0] or lines[1])],
        threads,
    )


def shared_arrays(
    codes: list, function: FunctionType, arguments: tuple, dynamic: int = 0
) -> tuple[tuple, np.ndarray, np.ndarray]:
    """Shared arrays, from the expressions for their shapes and dtypes; the bytes in which they lie; what these are at first.

    Those of size 0 have all `dynamic` bytes behind the others.

    Raises:
        SharedArrayFault: they are larger than a GPU's shared memory.
    """
    names = dict(zip(function.__code__.co_varnames, arguments))
    kinds = [
        (eval(code[0], function.__globals__, names), numpy_type(eval(code[1], function.__globals__, names)))
        for code in codes
    ]
    filled, starts = b"", []
    for shape, dtype in kinds:
        starts.append(len(filled))
        if shape not in DYNAMIC:
            content = np.full(shape, poison(dtype), dtype).tobytes()
            filled += content + bytes(-len(content) % ALIGNED)
    if len(filled) + dynamic > SHARED_LIMIT:
        text = f"the block's shared arrays take {len(filled) + dynamic:,} bytes: it has {SHARED_LIMIT:,}"
        raise SharedArrayFault(text, [Place(function.__code__.co_filename, codes[-1][2])])
    unwritten = np.frombuffer(filled + b"\xff" * dynamic, np.uint8)
    memory = np.empty_like(unwritten)
    arrays = (
        np.ndarray(dynamic // dtype.itemsize, dtype, memory.data, len(filled))
        if shape in DYNAMIC
        else np.ndarray(shape, dtype, memory.data, start)
        for start, (shape, dtype) in zip(starts, kinds)
    )
    return tuple(arrays), memory, unwritten
