"""The worked examples as what `reftorch step` runs."""

import dataclasses
import doctest

import pytest

import reftorch
from reftorch.step.components import NotFound, components
from reftorch.step.example import run_example

KERNELS = [(component, kernel) for component in components().values() for kernel in component.kernels]


@pytest.mark.parametrize("component, kernel", KERNELS, ids=[kernel for _, kernel in KERNELS])
def test_a_worked_example_launches_every_kernel(component, kernel):
    met = []
    run_example(component, kernel, lambda *launched: met.append(launched), go_on=False)
    ((cpu_kernel, cuda_kernel, threads, arguments),) = met
    assert cpu_kernel.__name__ == f"{kernel}_cpu" and cuda_kernel.__name__ == f"{kernel}_cuda"
    assert threads > 0 and len(arguments) == cpu_kernel.__code__.co_argcount


@pytest.mark.parametrize("component", components().values(), ids=lambda component: component.name)
def test_a_worked_example_prints_the_same_while_it_is_stepped_through(component):
    said = []
    with reftorch.debug():
        test = doctest.DocTestParser().get_doctest(component.module().__doc__, {}, component.name, None, 0)
        result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert result.attempted and not result.failed, "".join(said)


def test_a_kernel_that_no_example_launches():
    relu = dataclasses.replace(components()["relu"], kernels=("relu_backward_twice",))
    with pytest.raises(
        NotFound, match="no worked example launches relu_backward_twice: .*relu.py:relu_backward_twice_cpu"
    ):
        run_example(relu, "relu_backward_twice", lambda *launched: None, go_on=False)
