"""The check that finds CUDA kernels without their bounds check, and the simulator that runs threads in turn."""

import sys
from types import FunctionType

import numpy as np
import pytest

import reftorch
import unguarded
from reftorch import simulator
from reftorch.kernel import cuda, geometry, on
from reftorch.nn.loss import reduction

pytestmark = pytest.mark.simulator
A_NUMBER = 7


@cuda.jit
def add_one_cuda(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i] + 1


@cuda.jit
def add_number_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] + A_NUMBER


@cuda.jit
def never_launched_cuda(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i]


def calls_it():
    meet()  # noqa: F821


@pytest.mark.parametrize("threads", [0, 1, 31, 32, 33, 255, 256, 257, 512])
def test_there_are_whole_warps_and_a_surplus_thread(threads):
    blocks, block = geometry(threads)
    assert block % 32 == 0 and block <= 256 and threads < blocks * block <= threads + block


def test_one_block_has_exactly_the_threads_that_were_asked_for():
    kernel = on(reftorch.device("cuda"), None, add_one_cuda, 4, one_block=True)
    assert (tuple(kernel.grid_dim), tuple(kernel.block_dim)) == ((1, 1, 1), (4, 1, 1))


def test_a_kernel_without_its_check_is_noticed_and_the_result_is_the_right_one():
    x, y = reftorch.arange(3.0).to("cuda"), reftorch.zeros(3).to("cuda")
    calls = [
        lambda kernel=kernel: on(x.device, None, kernel, 3)(x.array, y.array)
        for kernel in (add_one_cuda, add_number_cuda)
    ]
    module = sys.modules[__name__]
    assert set(unguarded.guarded(module)) == {"add_one_cuda", "add_number_cuda", "never_launched_cuda"}
    assert unguarded.unnoticed(module, calls) == ["never_launched_cuda"]
    assert y.tolist() == [7, 8, 9]


def test_a_check_that_other_code_needs_is_left_where_it_is():
    assert unguarded.without_guard(reduction.loss_sum_cuda.py_func) is None  # its threads meet


def test_threads_that_meet_are_found_through_device_functions():
    @cuda.jit(device=True)
    def meet():
        cuda.syncthreads()

    function = FunctionType(calls_it.__code__, {"meet": meet})
    assert not simulator.meets(add_one_cuda.py_func) and simulator.meets(function)


def test_a_failing_thread_says_which_it_is():
    @cuda.jit
    def fails_cuda(x):
        if cuda.grid(1) == 5:
            x[99] = 1

    with pytest.raises(IndexError, match=r"tid=\[1, 0, 0\] ctaid=\[1, 0, 0\]"):
        fails_cuda[2, 4](np.zeros(8))
