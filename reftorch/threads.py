"""Threads that kernels compute on, and two cases in which they would end the process.

Numba runs a `prange` on one of three layers: tbb, omp or workqueue (`reftorch doctor` shows which). Two of them have a problem:

- *workqueue*, which is what a Mac without OpenMP gets, ends the process when two Python threads enter it at once. There, kernels
  are called in turn.
- *omp* of GNU, which is what Linux gets, ends a process that was forked after its parent had used threads. Such a process
  computes on one thread: kernels run in their serial form.

`guard` is called with every CPU kernel before the kernel runs; None means that nothing has to be done.
"""

from __future__ import annotations

import dis
import functools
import importlib
import os
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
from numba.core.caching import NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher
from numba.np.ufunc import parallel
from numpy import ndarray

from .kernel_cache import njit

forked = False  # from a process whose threads do not survive that


# Numbers in all arrays of a call up to which a kernel runs on one thread. To enter a parallel loop takes some microseconds, and
# milliseconds while another process has one of the cores.
FEW = 16_384
FEW_OF_ONE_LOOP = 131_072  # for a kernel with very little work per element: memory limits its speed


@functools.cache
def by_size(kernel: Callable) -> Callable:
    """The kernel, run in its serial form if its arrays hold few numbers or there is one thread only.

    The serial form is compiled in a fraction of the time. A kernel that has no `prange` is its own serial form.
    """
    serial = on_one_thread(kernel)
    if serial is kernel:
        return kernel
    few = FEW_OF_ONE_LOOP if _is_one_loop(kernel) else FEW

    def run(*arguments: Any) -> None:
        numbers = 0
        for argument in arguments:  # as `_numbers`, without a call for each kernel
            kind = type(argument)
            if kind is ndarray:
                numbers += argument.size
            elif kind is tuple or kind is list:
                numbers += _numbers(argument)
        if numbers <= few or available() == 1:
            serial(*arguments)
        else:
            kernel(*arguments)

    return run


def _is_one_loop(kernel: Any) -> bool:
    """Whether the kernel is a single loop over elements that calls no function."""
    code = kernel.py_func.__code__
    loops = [step for step in dis.get_instructions(code) if step.opname == "FOR_ITER"]
    return len(loops) == 1 and {"prange", "range", "size", "dtype", "type"}.issuperset(code.co_names)


def _numbers(arguments: tuple | list) -> int:
    """How many elements the arrays among the arguments have, also those in tuples and lists."""
    numbers = 0
    for argument in arguments:
        kind = type(argument)
        if kind is ndarray:
            numbers += argument.size
        elif kind is tuple or kind is list:
            numbers += _numbers(argument)
    return numbers


def available() -> int:
    """How many threads a kernel may use."""
    return 1 if forked else _get_num_threads()


_get_num_threads = numba.get_num_threads


def _find_out(kernel: Callable) -> Callable:
    """For the first kernel of the process: start the threads, and see which layer they are of."""
    global guard, _get_num_threads
    numba.get_num_threads()
    # Numba's function checks in each call that the threads were started, which takes longer than a small kernel
    _get_num_threads = getattr(parallel, "_get_num_threads", _get_num_threads)
    guard = in_turn if numba.threading_layer() == "workqueue" else None
    return kernel if guard is None else guard(kernel)


guard: Callable[[Callable], Callable] | None = _find_out
_turn = threading.Lock()


def in_turn(kernel: Callable) -> Callable:
    """The kernel, called by one Python thread at a time."""

    @functools.wraps(kernel)
    def run(*arguments: object) -> object:
        with _turn:
            return kernel(*arguments)

    return run


def on_one_thread(kernel: Any) -> Any:
    """The serial form of a kernel: `prange` is `range`. What is not compiled for the CPU stays as it is."""
    return _twin(kernel) if isinstance(kernel, Dispatcher) else kernel


@functools.cache
def _twin(kernel: Any) -> Any:
    """The kernel compiled again without threads, also the kernels that it calls."""
    function = kernel.py_func
    known = function.__globals__
    called = {name: known.get(name) for name in function.__code__.co_names}
    changed = {name: on_one_thread(value) for name, value in called.items() if on_one_thread(value) is not value}
    if not changed and not kernel.targetoptions.get("parallel"):
        return kernel
    twin = FunctionType(
        function.__code__,
        {**known, **changed} if changed else known,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    twin.__module__ = function.__module__
    twin.__qualname__ = f"{function.__qualname__}_on_one_thread"  # its own entry in the cache
    options = {name: value for name, value in kernel.targetoptions.items() if name != "nopython"}  # njit implies it
    return njit(**{**options, "parallel": False, "cache": not isinstance(kernel._cache, NullCache)})(twin)


def _before_fork() -> None:
    """Wait until the other Python threads have left kernels and the compiler: in the child these threads do not exist."""
    _turn.acquire()
    global_compiler_lock.acquire()


def _after_fork() -> None:
    global_compiler_lock.release()
    _turn.release()


def _in_child() -> None:
    """The threads of the parent do not exist in the child."""
    global guard, forked
    _after_fork()
    if forked or _is_gnu_omp():
        forked, guard = True, None


def _is_gnu_omp() -> bool:
    """Whether threads have been started, by GNU's OpenMP."""
    try:
        if numba.threading_layer() != "omp":
            return False
    except ValueError:  # not started yet
        return False
    layer = importlib.import_module("numba.np.ufunc.omppool")
    return getattr(layer, "openmp_vendor", "GNU") == "GNU"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
