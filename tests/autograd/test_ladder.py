"""The tape on one screen gives the gradients of the real one, with the real components."""

import ast
import pathlib

import pytest

import reftorch as torch
import reftorch.nn.functional as F
from reftorch.autograd import ladder
from reftorch.nn.activation.relu import ReluFunction
from reftorch.nn.convolution.conv2d import Conv2dFunction
from reftorch.nn.linear.linear import LinearFunction
from reftorch.nn.loss.mse_loss import MseLossFunction
from reftorch.nn.pooling.max_pool2d import MaxPool2DWithIndicesFunction
from reftorch.ops.elementwise import Add, Mul


def two_layers(apply, x, target, weight, bias, outer, offset):
    hidden = apply(ReluFunction, apply(LinearFunction, x, weight, bias), False)
    return apply(MseLossFunction, apply(LinearFunction, hidden, outer, offset), target, "mean")


def a_shared_weight(apply, x, target, weight):
    y = apply(LinearFunction, apply(LinearFunction, x, weight, None), weight, None)
    return apply(MseLossFunction, apply(Add, y, x), target, "sum")


def a_convolution(apply, x, target, weight, bias):
    y = apply(Conv2dFunction, x, weight, bias, (2, 3, 4, 4), (1, 1, 0, 0, 1, 1, 1))
    y, _index = apply(MaxPool2DWithIndicesFunction, y, (2, 2), ((2, 2), (2, 2), (0, 0), (1, 1)))
    return apply(MseLossFunction, apply(ReluFunction, y, False), target, "mean")


def a_result_used_twice(apply, x, target, weight):
    y = apply(Mul, x, weight)
    return apply(MseLossFunction, apply(Mul, y, apply(Add, y, y)), target, "sum")


NETWORKS = [
    (two_layers, [(5, 3), (5, 2), (4, 3), (4,), (2, 4), (2,)]),
    (a_shared_weight, [(5, 3), (5, 3), (3, 3)]),
    (a_convolution, [(2, 2, 6, 6), (2, 3, 2, 2), (3, 2, 3, 3), (3,)]),
    (a_result_used_twice, [(4, 3), (4, 3), (4, 3)]),
]


@pytest.mark.parametrize("network, shapes", NETWORKS, ids=[network.__name__ for network, _ in NETWORKS])
def test_gradients_are_those_of_the_real_tape(network, shapes):
    torch.manual_seed(3)
    tensors = [torch.randn(shape) for shape in shapes]
    real = [t.clone().requires_grad_(i != 1) for i, t in enumerate(tensors)]
    wanted = network(lambda function, *args: function.apply(*args), *real)
    wanted.backward()
    for i, tensor in enumerate(tensors):
        if i != 1:  # the target
            tensor.edge = ladder.Leaf(), 0
    loss = network(ladder.apply, *tensors)
    ladder.backward(loss)
    assert loss.item() == wanted.item()
    for i, (tensor, leaf) in enumerate(zip(tensors, real)):
        if i != 1:
            assert tensor.edge[0].grad.tolist() == leaf.grad.tolist()
            assert leaf.grad.abs().sum() > 0
    assert not loss.requires_grad and tensors[0].grad is None  # the real tape had no part in it


def code_lines(path):
    """How many lines there are, without docstrings, comments and empty lines."""
    source = pathlib.Path(path).read_text()
    docs = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            docs.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(source.splitlines(), 1)
    return len(
        [line for number, line in lines if number not in docs and line.strip() and not line.strip().startswith("#")]
    )


def test_it_fits_on_one_screen():
    assert code_lines(ladder.__file__) <= 60


def test_the_guide_begins_with_it():
    guide = (pathlib.Path(__file__).parents[2] / "docs/guide/tape.md").read_text()
    block = guide.split("```python\n")[1].split("```")[0]
    source = pathlib.Path(ladder.__file__).read_text()
    assert block.strip() == source[source.index("ages = ") :].strip()


def test_the_example_of_its_docstring():
    """What the docstring shows."""
    x, target, weight, bias = torch.ones(2, 3), torch.zeros(2, 1), torch.ones(1, 3), torch.zeros(1)
    weight.edge, bias.edge = (ladder.Leaf(), 0), (ladder.Leaf(), 0)
    y = ladder.apply(LinearFunction, x, weight, bias)
    loss = ladder.apply(MseLossFunction, y, target, "mean")
    ladder.backward(loss)
    assert weight.edge[0].grad.tolist() == [[6.0, 6.0, 6.0]] and bias.edge[0].grad.tolist() == [6.0]
    assert F.mse_loss(y, target).item() == loss.item() == 9.0
