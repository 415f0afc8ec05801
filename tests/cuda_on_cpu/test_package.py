"""CUDA kernels of the package, compiled for the CPU, against their CPU kernels at realistic sizes."""

import importlib
import importlib.util
from pathlib import Path

import pytest

import oracle
from reftorch.kernel import compiled_cuda

pytestmark = pytest.mark.simulator
COMPONENTS = ["nn/activation/relu", "nn/activation/elu", "nn/convolution/conv2d", "nn/loss/cross_entropy_loss"]


def large_case(component):
    """The first case of a component's tests that is too large for the simulator."""
    file = Path(__file__).parents[1] / Path(component).parent / f"test_{Path(component).name}.py"
    spec = importlib.util.spec_from_file_location(f"compiled_cases_of_{component.replace('/', '_')}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return next(case for case in module.CASES if not case.is_tiny)


@pytest.mark.parametrize("component", COMPONENTS)
def test_component(component):
    case = large_case(component)
    wanted = oracle.our_result(case, oracle.Run("reference", "float32"))
    with compiled_cuda():
        found = oracle.our_result(case, oracle.Run("cuda", "float32"), wanted.state)
    oracle.compare(case, found, wanted, who="the CPU")
