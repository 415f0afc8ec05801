"""Copying and pickling of `nn.Module`; expectations are checked on PyTorch too."""

import copy
import pickle

import pytest

import reftorch
from both import both


class Pickled(reftorch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = reftorch.nn.Parameter(reftorch.ones(2))
        self.tied = self.w
        self.register_buffer("mean", reftorch.zeros(2), persistent=False)
        self.register_forward_pre_hook(double_arguments)
        self.register_forward_hook(add_one, with_kwargs=True)

    def forward(self, x):
        return x * self.w


def double_arguments(module, args):
    return tuple(2 * a for a in args)


def add_one(module, args, kwargs, result):
    return result + 1


@pytest.mark.parametrize("way", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_are_independent_and_complete(way):
    module = Pickled().eval()
    other = way(module)
    assert type(other) is Pickled and not other.training
    assert isinstance(other.w, reftorch.nn.Parameter) and other.w.requires_grad
    assert other.w is other.tied, "what was shared is shared in the copy"
    assert other.mean.tolist() == [0, 0] and "mean" not in other.state_dict()
    assert other(reftorch.ones(2)).tolist() == [3, 3], "hooks are copied"
    with reftorch.no_grad():
        module.w.zero_()
    assert other.w.tolist() == [1, 1]


def test_shallow_copy_shares():
    module = Pickled()
    other = copy.copy(module)
    assert other.w is module.w and other is not module


@both
def test_handle_in_a_deepcopy_removes_the_copied_hook(torch):
    net = torch.nn.Module()
    seen = []
    net.forward = lambda x: x
    net.handle = net.register_forward_pre_hook(lambda m, args: seen.append(m))
    other = copy.deepcopy(net)
    other.handle.remove()
    other(1)
    net(1)
    assert seen == [net]


@both
def test_setstate_fills_in_what_old_pickles_lack(torch):
    module = torch.nn.Module()
    state = module.__getstate__()
    del state["_forward_hooks_with_kwargs"], state["_load_state_dict_post_hooks"]
    other = torch.nn.Module.__new__(torch.nn.Module)
    other.__setstate__(state)
    assert len(other._forward_hooks_with_kwargs) == 0 and len(other._load_state_dict_post_hooks) == 0


@both
def test_replica_for_data_parallel(torch):
    net = torch.nn.Module()
    net.w = torch.nn.Parameter(torch.ones(1))
    net.register_buffer("mean", torch.zeros(1))
    net.child = torch.nn.Module()
    replica = net._replicate_for_data_parallel()
    assert not replica._parameters and replica._buffers == net._buffers and replica._modules == net._modules
    replica.add_module("new", torch.nn.Module())
    assert "new" not in net._modules
    with pytest.warns(UserWarning):
        replica.zero_grad()
