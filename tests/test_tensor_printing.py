"""How tensors print: character by character as in PyTorch, but for the names of what computed them."""

import random
import re

import numpy as np
import pytest

import reftorch
from both import both, needs_pytorch, pytorch
from side_by_side import both_ways, lines

CASES = """
    torch.tensor(3)
    torch.tensor(-3)
    torch.tensor(2.5)
    torch.tensor(2.0)
    torch.tensor(1e10)
    torch.tensor(1e-10)
    torch.tensor(123456789.0)
    torch.tensor(nan)
    torch.tensor(-inf)
    torch.tensor(True)
    torch.tensor(-0.0)
    torch.tensor([])
    torch.tensor([[]])
    torch.zeros(2, 0, 3)
    torch.zeros(0, dtype=torch.int64)
    torch.zeros(0, 2, dtype=torch.bool)
    torch.zeros(0, dtype=torch.float64)
    torch.zeros(0, requires_grad=True)
    torch.tensor([1, -20, 300])
    torch.tensor([True, False])
    torch.tensor([1.0, 2.0])
    torch.tensor([1.5, -2.25, 100.0])
    torch.tensor([0.1, 0.01, 0.001])
    torch.tensor([0.1, 0.0001])
    torch.tensor([1e-5, 1.0])
    torch.tensor([1e5, 1.0])
    torch.tensor([1e5, 1.5])
    torch.tensor([1000.0, 1.0])
    torch.tensor([1001.5, 1.0])
    torch.tensor([1e8, 1.0])
    torch.tensor([1e9, 2e9])
    torch.tensor([1.5, nan])
    torch.tensor([1.0, nan])
    torch.tensor([1.0, inf, -inf])
    torch.tensor([nan, inf])
    torch.tensor([1e-8, nan])
    torch.tensor([0.0, 1e-20])
    torch.tensor([-1.0, 0.0])
    torch.tensor([[1.0, 2.5], [-3.25, 4.0]])
    torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    torch.ones(2, 3, 4)
    torch.ones(2, 2, 2, 2)
    torch.ones(2, dtype=torch.float64)
    torch.ones(2, dtype=torch.float16)
    torch.ones(2, dtype=torch.int32)
    torch.ones(2, dtype=torch.bool)
    torch.ones(2, requires_grad=True)
    torch.ones(2, dtype=torch.float64, requires_grad=True)
    torch.ones(2, requires_grad=True) * 2
    torch.ones(3, 40, requires_grad=True).exp()
    torch.arange(100)
    torch.arange(1000)
    torch.arange(1001)
    torch.arange(2000.0)
    torch.arange(10000).view(100, 100)
    torch.arange(10000.0).view(10, 10, 100)
    torch.arange(1200).view(600, 2)
    torch.arange(3000).view(1, 3000)
    torch.arange(7000).view(7, 1000)
    torch.arange(6000).view(6, 1000)
    torch.linspace(-1, 1, 25).view(5, 5)
    torch.linspace(0, 1e-3, 12)
    torch.ones(40)
    torch.ones(3, 40, requires_grad=True)
    torch.ones(24, dtype=torch.float64)
    torch.ones(25, dtype=torch.float64)
    torch.ones(26, dtype=torch.float64)
    torch.ones(24, dtype=torch.float64, requires_grad=True)
    torch.full((2, 2), nan)
    torch.ones(50, 50)[:, ::2]
    torch.ones(3, 4).t()
    torch.ones(1).expand(3)
    torch.tensor([1 + 2j, -1.5j])
    torch.tensor(1j)
    torch.tensor([[1 + 1j, nan]], dtype=torch.complex128)
    torch.tensor([0.5 + 1000j, 1e-5j])
    torch.tensor([2**62, -2**62])
    torch.tensor([99999.0, 0.5])
    torch.tensor([100000.0, 0.5])
    torch.tensor([9.9999e-5])
"""


def text(value):
    """What repr gives, without the names of operations."""
    return re.sub(r"grad_fn=<\w+>", "grad_fn=<>", repr(value))


def both_print_the_same(make):
    assert text(make(reftorch)) == text(make(pytorch))


@both_ways(CASES)
def test_repr(line):
    both_print_the_same(lambda torch: line(torch, {}))
    assert str(line(reftorch, {})) == repr(line(reftorch, {}))


KINDS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "large": lambda rng, shape: rng.uniform(0, 1e6, shape),
    "huge": lambda rng, shape: rng.uniform(0, 1e9, shape),
    "small": lambda rng, shape: rng.uniform(0, 1e-3, shape),
    "whole": lambda rng, shape: rng.integers(-1000, 1000, shape).astype(float),
    "powers": lambda rng, shape: 10.0 ** rng.integers(-8, 8, shape),
    "spread": lambda rng, shape: rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 6, shape),
    "special": lambda rng, shape: rng.choice([0, 1, np.nan, np.inf, -np.inf, 0.5, 1e5], shape),
}


@needs_pytorch
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("kind", KINDS)
def test_random_tensors(kind, dtype):
    rng, choice = np.random.default_rng(1), random.Random(2)
    for _ in range(25):
        shape = tuple(choice.choice([0, 1, 2, 3, 5, 8, 20]) for _ in range(choice.randrange(4)))
        numbers = np.asarray(
            np.nan_to_num(KINDS[kind](rng, shape)) if dtype in ("int64", "bool") else KINDS[kind](rng, shape)
        )
        numbers = numbers.astype(dtype)
        both_print_the_same(lambda torch, numbers=numbers: torch.from_numpy(np.array(numbers)))


OPTIONS = [
    dict(precision=2), dict(precision=8), dict(sci_mode=True), dict(sci_mode=False), dict(linewidth=40), dict(threshold=5),
    dict(edgeitems=1, threshold=5), dict(profile="short"), dict(profile="full", threshold=1000),
]  # fmt: skip


@needs_pytorch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(options):
    try:
        for torch in (reftorch, pytorch):
            torch.set_printoptions(**options)
        for line in lines(CASES)[::2]:
            if "000" not in line.code:
                both_print_the_same(lambda torch, line=line: line(torch, {}))
    finally:
        for torch in (reftorch, pytorch):
            torch.set_printoptions(profile="default")


@both
def test_names_of_operations(torch):
    x = torch.ones(2, requires_grad=True)
    names = {
        "AddBackward0": x + 1, "MulBackward0": x * 2, "SubBackward0": x - 1, "DivBackward0": x / 2, "PowBackward0": x**2,
        "NegBackward0": -x, "ExpBackward0": x.exp(), "LogBackward0": x.log(), "MeanBackward0": x.mean(),
        "SumBackward0": x.sum(), "CloneBackward0": x.clone(), "ReluBackward0": x.relu(), "TanhBackward0": x.tanh(),
        "SqrtBackward0": x.sqrt(), "ExpandBackward0": x.expand(2, 2), "SigmoidBackward0": x.sigmoid(),
        "TransposeBackward0": x.expand(2, 2).transpose(0, 1), "PermuteBackward0": x.expand(2, 2).permute(1, 0),
        "WhereBackward0": torch.where(x > 0, x, x), "CumsumBackward0": x.cumsum(0), "SoftmaxBackward0": x.softmax(0),
        "LogSoftmaxBackward0": x.log_softmax(0), "ProdBackward0": x.prod(), "IndexBackward0": x[[0]],
    }  # fmt: skip
    assert {name: y.grad_fn.name() for name, y in names.items()} == {name: name for name in names}


def test_on_a_device(cuda_device):
    x = reftorch.tensor([1.5, 2.0], device=cuda_device)
    assert repr(x) == "tensor([1.5000, 2.0000], device='cuda:0')"
    assert repr(x.double()) == "tensor([1.5000, 2.0000], device='cuda:0', dtype=torch.float64)"
