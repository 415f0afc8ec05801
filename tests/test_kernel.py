"""Choosing and launching kernels."""

import asyncio
import os
import pathlib
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
from numba import njit

import reftorch
from reftorch import kernel, threads
from reftorch.kernel import PARALLEL, SERIAL, arrays, compiling, interpreted, on, prange

PACKAGE = pathlib.Path(reftorch.__file__).parent


@njit(**{**SERIAL, "cache": False})
def double_it(v):
    return v + v


@njit(**{**SERIAL, "cache": False})
def add_doubles_cpu(x, y):
    for i in range(x.size):
        y[i] += double_it(x[i])


def test_on_gives_the_compiled_kernel_and_in_debug_mode_the_interpreted_one():
    large = 100_000
    cpu = reftorch.device("cpu")
    assert on(cpu, add_doubles_cpu, None, large) is add_doubles_cpu
    with reftorch.debug():
        assert on(cpu, add_doubles_cpu, None, large).args[0].__code__ is add_doubles_cpu.py_func.__code__
        with reftorch.debug(False):
            assert on(cpu, add_doubles_cpu, None, large) is add_doubles_cpu
    assert on(cpu, add_doubles_cpu, None, large) is add_doubles_cpu


def test_interpreted_kernels_call_interpreted_kernels():
    form = interpreted(add_doubles_cpu)
    assert form.__globals__["double_it"] is double_it.py_func
    x, y = np.arange(3.0), np.ones(3)
    form(x, y)
    assert y.tolist() == [1, 3, 5] and not double_it.signatures


def add_doubles_fast(reference, x, y):
    if x.size == 1:
        return reference(x, y)
    y += 2 * x + 100  # not what the kernel does, to tell them apart


def test_on_gives_the_fast_form_unless_the_reference_is_asked_for():
    def result(size=2):
        x, y = np.ones(size), np.zeros(size)
        on(reftorch.device("cpu"), add_doubles_cpu, None, size, add_doubles_fast)(x, y)
        return y.tolist()

    assert result() == [102, 102] and result(size=1) == [2]
    with reftorch.kernels("reference"):
        assert result() == [2, 2]
        with reftorch.kernels("fast"):
            assert result() == [102, 102]
        assert result() == [2, 2]
    with reftorch.debug():
        assert result() == [2, 2]
    with kernel.launching(lambda device, cpu_kernel, cuda_kernel, threads: lambda x, y: None):
        assert result() == [0, 0] and not kernel.fast_forms()
    assert result() == [102, 102] and kernel.fast_forms()
    with pytest.raises(ValueError, match="'reference' or 'fast'.*'quick'"), reftorch.kernels("quick"):
        pass


def parallel_kernels():
    """Two kernels that nobody has compiled: one reads each number once, the other does more with it."""

    @njit(**{**PARALLEL, "cache": False})
    def one_loop_cpu(x, y):
        for i in prange(x.size):
            y[i] = x[i]

    @njit(**{**PARALLEL, "cache": False})
    def two_loops_cpu(x, y):
        for i in prange(x.size):
            for _ in range(3):
                y[i] = x[i]

    return one_loop_cpu, two_loops_cpu


def test_small_arrays_take_the_serial_form():
    cpu = reftorch.device("cpu")
    for form, few in zip(parallel_kernels(), (threads.FEW_OF_ONE_LOOP, threads.FEW), strict=True):
        serial = threads.on_one_thread(form)
        x = y = np.zeros(few // 2)  # in each of two arrays
        on(cpu, form, None, x.size)(x, y)
        assert serial.signatures and not form.signatures
        x = y = np.zeros(few // 2 + 1)
        on(cpu, form, None, 1)(x, y)
        assert form.signatures == serial.signatures


def test_numbers_in_tuples_and_lists_count():
    x = np.zeros((2, 3))
    assert threads._numbers((x, 1, (x, [x, 2.0]), 3)) == 18


def test_one_thread_never_needs_the_parallel_form():
    form = parallel_kernels()[1]
    x = np.ones(threads.FEW)
    y = np.zeros_like(x)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        on(reftorch.device("cpu"), form, None, x.size)(x, y)
    finally:
        numba.set_num_threads(before)
    assert y.all() and not form.signatures


def test_a_plain_function_is_its_own_interpreted_form():
    def kernel_of_a_student(x):
        x[0] = 1

    with reftorch.debug():
        assert on(reftorch.device("cpu"), kernel_of_a_student, None, 1).args[0] is kernel_of_a_student


def test_debug_mode_from_the_environment():
    code = "import reftorch; from reftorch import kernel; print(kernel._debugging.get())"
    for value, wanted in (("1", "True"), ("0", "False"), ("", "False")):
        environment = {**os.environ, "REFTORCH_DEBUG": value}
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=PACKAGE.parent
        )
        assert run.stdout.strip() == wanted, run.stderr


def test_arrays_are_contiguous_and_shared_where_they_can_be():
    x = reftorch.arange(6.0).reshape(2, 3)
    same, copied = arrays(x, x.t())
    assert same is x.array and copied.flags.c_contiguous and copied.tolist() == x.t().tolist()


@pytest.mark.simulator
def test_arrays_refuse_two_devices():
    with pytest.raises(RuntimeError, match="same device.*cpu and cuda:0.*to\\('cpu'\\)"):
        arrays(reftorch.ones(2), reftorch.ones(2).to("cuda"))


def test_compiling_tells_what_is_being_compiled():
    @njit
    def a_new_kernel(x):
        return x + 1

    told = []
    with compiling(told.append):
        a_new_kernel(1)
        a_new_kernel(2)
    a_new_kernel(1.5)
    assert told == ["a_new_kernel", None]


def test_debug_and_kernels_are_for_one_thread():
    """Blocks of two threads that overlap do not leave the mode on, and do not reach into one another."""
    entered, leave, seen = threading.Event(), threading.Event(), []

    def other():
        seen.append(kernel.fast_forms())
        with reftorch.debug():
            entered.set()
            leave.wait(10)
        seen.append(kernel.fast_forms())

    thread = threading.Thread(target=other)
    with reftorch.kernels("reference"):
        thread.start()
        entered.wait(10)
        assert not kernel.fast_forms() and not kernel._debugging.get()
    assert kernel.fast_forms()
    leave.set()
    thread.join()
    assert seen == [True, True] and kernel.fast_forms()


def test_tasks_of_one_thread_have_modes_of_their_own():
    async def stepped(seen):
        with reftorch.debug():
            await asyncio.sleep(0)
            seen.append(kernel.fast_forms())

    async def compiled(seen):
        await asyncio.sleep(0)
        seen.append(kernel.fast_forms())

    async def both(seen):
        await asyncio.gather(stepped(seen), compiled(seen))

    seen = []
    asyncio.run(both(seen))
    assert sorted(seen) == [False, True]
