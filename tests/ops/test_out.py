"""out= of functions that make or join tensors: the tensor, its values, shape and dtype, warnings and errors as in PyTorch."""

import warnings

import pytest
import torch

import reftorch

MADE = [
    "zeros(2, out={})",
    "ones((2,), out={})",
    "full((2,), 3.5, out={})",
    "eye(2, out={})",
    "arange(2, out={})",
    "arange(0, 1.0, 0.5, out={})",
    "linspace(0, 1, 2, out={})",
    "zeros(2, dtype=torch.float32, out={})",
    "arange(2, dtype=torch.float64, out={})",
    "ones(2, device='cpu', out={})",
]
JOINED = [
    "cat([torch.ones(1), torch.zeros(1)], out={})",
    "concat([torch.ones(1), torch.zeros(1)], out={})",
    "cat([torch.ones(1).long(), torch.zeros(1).long()], 0, out={})",
    "stack([torch.ones(()), torch.zeros(())], out={})",
    "hstack([torch.ones(1), torch.zeros(1)], out={})",
    "vstack([torch.ones(1), torch.zeros(1)], out={})",
]
OUTS = [
    "torch.full((2,), 9.0)",
    "torch.full((2,), 9)",
    "torch.full((2,), True)",
    "torch.full((2,), 9.0).double()",
    "torch.full((3,), 9.0)",
    "torch.full((1, 2), 9.0)",
    "torch.full((4,), 9.0)[::2]",
    "torch.empty(0)",
    "torch.full((2,), 9.0, requires_grad=True)",
    "None",
    "[1.0]",
]


def found(library, call, out):
    """What becomes of the call: values, dtype, shape, whether it is `out`, and the warnings; or the type of the exception."""
    names = {"torch": library}
    target = eval(out, names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            y = eval("torch." + call.format("target"), {**names, "target": target})
        except Exception as error:
            return type(error)
    shown = y.tolist(), str(y.dtype), tuple(y.shape), y is target, y.requires_grad
    return *shown, [each.category for each in caught]


@pytest.mark.parametrize("call", MADE + JOINED)
@pytest.mark.parametrize("out", OUTS)
def test_as_torch(call, out):
    assert found(reftorch, call, out) == found(torch, call, out)


def test_empty_leaves_the_elements_as_they_are():
    out = reftorch.tensor([[1.0, 2], [3, 4]])
    assert reftorch.empty(4, out=out) is out and out.tolist() == [1, 2, 3, 4]
    assert reftorch.empty(2, 3, out=out).shape == (2, 3)


def test_the_result_may_require_grad():
    out = reftorch.ones(2)
    assert reftorch.zeros(2, out=out, requires_grad=True) is out and out.requires_grad


def test_a_view_writes_into_its_base():
    base = reftorch.zeros(2, 3)
    reftorch.ones(3, out=base[1])
    reftorch.cat([reftorch.full((1,), 5.0), reftorch.full((1,), 6.0)], out=base[:, 0])
    assert base.tolist() == [[5, 0, 0], [6, 1, 1]]


def test_a_tensor_cannot_be_joined_into_itself():
    for library in (reftorch, torch):
        x = library.ones(4)
        with pytest.raises(RuntimeError, match="single memory location"):
            library.cat([x[:2], x[2:]], out=x)


def test_joining_what_requires_grad_needs_no_grad():
    x = reftorch.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        reftorch.cat([x, x], out=reftorch.empty(2))
    with reftorch.no_grad():
        assert reftorch.cat([x, x], out=reftorch.empty(2)).tolist() == [1, 1]


def test_a_change_of_what_was_saved_is_noticed():
    x, out = reftorch.ones(2, requires_grad=True), reftorch.ones(2)
    y = (x * out).sum()
    reftorch.zeros(2, out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
