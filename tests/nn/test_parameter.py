"""Parameter and Buffer; each expectation is checked on PyTorch too."""

import copy
import pickle

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


@both
def test_a_parameter_is_a_leaf_over_the_same_memory(torch):
    data = torch.ones(2)
    p = torch.nn.Parameter(data)
    assert isinstance(p, torch.nn.Parameter) and isinstance(p, torch.Tensor)
    assert p.requires_grad and p.is_leaf and p.grad is None and p.grad_fn is None
    data.add_(1)
    assert p.tolist() == [2, 2]
    assert not data.requires_grad


@both
def test_history_is_left_behind(torch):
    computed = torch.ones(2, requires_grad=True) * 2
    p = torch.nn.Parameter(computed)
    assert p.is_leaf and p.data_ptr() == computed.data_ptr() and computed.grad_fn is not None
    (p * 3).sum().backward()
    assert p.grad.tolist() == [3, 3]


@both
def test_repr(torch):
    data = torch.tensor([[1.0, 2.5]])
    assert repr(torch.nn.Parameter(data)) == "Parameter containing:\ntensor([[1.0000, 2.5000]], requires_grad=True)"
    assert repr(torch.nn.Parameter(data, False)) == "Parameter containing:\ntensor([[1.0000, 2.5000]])"
    assert repr(torch.nn.Parameter()) == "Parameter containing:\ntensor([], requires_grad=True)"
    assert str(torch.nn.Parameter(data)).startswith("Parameter containing:")


@both
def test_what_is_computed_from_it_is_a_tensor(torch):
    p = torch.nn.Parameter(torch.ones(2))
    for made in (p * 1, p.data, p.detach(), p.clone(), p[0], p.view(2), p.to(torch.float64), p.t()):
        assert type(made) is torch.Tensor
    assert p.requires_grad_(False) is p and p.to(torch.float32) is p


ARGUMENTS = {
    "nothing": lambda t: (),
    "None, False": lambda t: (None, False),
    "number": lambda t: (3,),
    "list": lambda t: ([1.0],),
    "integers": lambda t: (t.tensor([1, 2]),),
    "frozen integers": lambda t: (t.tensor([1, 2]), False),
    "float64": lambda t: (t.ones(1, dtype=t.float64),),
    "parameter": lambda t: (t.nn.Parameter(t.ones(1)), False),
}


@needs_pytorch
@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(arguments):
    same_outcome(lambda torch: torch.nn.Parameter(*arguments(torch)))


@pytest.mark.parametrize("wrong", ["number", "list", "integers"])
def test_wrong_arguments(wrong):
    with pytest.raises((AttributeError, RuntimeError)):
        reftorch.nn.Parameter(*ARGUMENTS[wrong](reftorch))


@both
@pytest.mark.parametrize("requires_grad", [True, False])
def test_deepcopy(torch, requires_grad):
    p = torch.nn.Parameter(torch.ones(2), requires_grad)
    p.grad = torch.ones(2)
    twice = [p, p]
    q, again = copy.deepcopy(twice)
    assert q is again and type(q) is torch.nn.Parameter and q.requires_grad is requires_grad
    assert q.data_ptr() != p.data_ptr() and q.tolist() == [1, 1] and q.grad is None


@both
def test_copy_and_pickle(torch):
    p = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    shallow = copy.copy(p)
    assert type(shallow) is torch.nn.Parameter and shallow.data_ptr() == p.data_ptr()
    q = pickle.loads(pickle.dumps(p))
    assert type(q) is torch.nn.Parameter and not q.requires_grad and q.tolist() == [1, 1]
    assert pickle.loads(pickle.dumps(torch.nn.Parameter(torch.ones(1)))).requires_grad


@both
def test_attributes_are_pickled(torch):
    p = torch.nn.Parameter(torch.ones(2))
    p.note = "kept"
    assert pickle.loads(pickle.dumps(p)).note == "kept" and copy.copy(p).note == "kept"
    b = pickle.loads(pickle.dumps(torch.nn.Buffer(torch.ones(1), persistent=False)))
    assert isinstance(b, torch.nn.Buffer) and not b.persistent


@both
def test_subclass(torch):
    class Mine(torch.nn.Parameter):
        pass

    p = Mine(torch.ones(2))
    assert type(p) is Mine and type(copy.deepcopy(p)) is Mine
    net = torch.nn.Module()
    net.p = p
    assert net._parameters["p"] is p


@both
def test_in_place_change_under_no_grad(torch):
    p = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(RuntimeError, match="leaf"):
        p.add_(1)
    with torch.no_grad():
        p.add_(1)
    assert p.tolist() == [2, 2] and p.requires_grad and type(p) is torch.nn.Parameter


@both
def test_buffer(torch):
    data = torch.ones(2)
    b = torch.nn.Buffer(data)
    assert isinstance(b, torch.nn.Buffer) and isinstance(b, torch.Tensor)
    assert b.persistent and not b.requires_grad and b.data_ptr() == data.data_ptr()
    assert not torch.nn.Buffer(data, persistent=False).persistent
    assert repr(b) == "tensor([1., 1.])" and repr(torch.nn.Buffer()) == "tensor([])"
    assert torch.nn.Buffer(torch.ones(1, requires_grad=True)).requires_grad
    assert not isinstance(b * 1, torch.nn.Buffer) and not isinstance(data, torch.nn.Buffer)
    assert not isinstance(b, torch.nn.Parameter)
    with pytest.raises(TypeError):
        torch.nn.Buffer(data, False)
    with pytest.raises(AttributeError):
        torch.nn.Buffer([1.0])
