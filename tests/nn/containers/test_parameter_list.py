"""ParameterList; each expectation is checked on PyTorch too."""

import copy

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def make(torch):
    return torch.nn.ParameterList([torch.nn.Parameter(torch.ones(2)), torch.zeros(1, 2), "text", None])


@both
def test_tensors_become_parameters(torch):
    values = make(torch)
    assert len(values) == 4
    assert [type(v) for v in values[:2]] == [torch.nn.Parameter] * 2
    assert list(values)[2:] == ["text", None]
    assert [name for name, _ in values.named_parameters()] == ["0", "1"]
    assert list(values.state_dict()) == ["0", "1"]
    assert values[-4] is values[0] and values[1].requires_grad


@both
def test_repr(torch):
    values = make(torch)
    values.append(torch.tensor(1.0, dtype=torch.float64))
    assert repr(values) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2]\n"
        "    (1): Parameter containing: [torch.float32 of size 1x2]\n"
        "    (2): Object of type: str\n"
        "    (3): Object of type: NoneType\n"
        "    (4): Parameter containing: [torch.float64 of size ]\n"
        ")"
    )
    assert repr(torch.nn.ParameterList()) == "ParameterList()"
    assert repr(values[2:3]) == "ParameterList(  (0): Object of type: str)"
    nested = torch.nn.ParameterList([torch.nn.ReLU()])
    assert repr(nested) == "ParameterList(\n    (0): Object of type: ReLU\n  (0): ReLU()\n)"


def test_repr_on_cuda(cuda_device):
    values = reftorch.nn.ParameterList([reftorch.ones(2)]).to(cuda_device)
    assert repr(values) == "ParameterList(  (0): Parameter containing: [torch.float32 of size 2 (cuda:0)])"


@both
def test_changing(torch):
    values = make(torch)
    values[0] = torch.ones(3)
    assert values[0].shape == (3,) and type(values[0]) is torch.nn.Parameter
    values[2] = torch.ones(1)
    values[3] = 5
    assert [name for name, _ in values.named_parameters()] == ["0", "1", "2"] and values[3] == 5
    assert values.append(1) is values and values.extend([2, torch.ones(1)]) is values
    same = values
    values += [torch.ones(4)]
    assert values is same and len(values) == 8 and values[7].shape == (4,)
    assert [len(values[a]) for a in (slice(2), slice(None, None, -1), slice(5, 99))] == [2, 8, 3]
    assert values[::-1][0] is values[7]
    assert not any(key.isdigit() for key in dir(values))
    values[0] = None
    assert values[0] is None


@both
def test_conversion_and_copy(torch):
    values = make(torch).double()
    assert values[1].dtype is torch.float64 and values[2] == "text"
    other = copy.deepcopy(values)
    assert len(other) == 4 and other[0] is not values[0] and other[2] == "text"


MISTAKES = {
    "index": lambda t, v: v[4],
    "negative index": lambda t, v: v[-5],
    "string": lambda t, v: v["0"],
    "set beyond": lambda t, v: v.__setitem__(4, 1),
    "text over a parameter": lambda t, v: v.__setitem__(0, "text"),
    "integers": lambda t, v: v.append(t.tensor([1, 2])),
    "of a tensor": lambda t, v: t.nn.ParameterList(t.ones(2)),
    "of a number": lambda t, v: t.nn.ParameterList(3),
    "delete": lambda t, v: v.__delitem__(0),
    "insert": lambda t, v: v.insert(0, 1),
    "sum": lambda t, v: v + v,
    "call": lambda t, v: v(1),
    "call with nothing": lambda t, v: v(),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    values = make(reftorch)
    with pytest.raises((IndexError, TypeError, AttributeError, RuntimeError)):
        mistake(reftorch, values)
    assert len(values) == 4 and len(list(values)) == 4


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, make(torch)))
