"""Hooks of saving and loading of `nn.Module`; each expectation is checked on PyTorch too."""

import pickle

import pytest

import reftorch
from both import both


def make(torch, value=0.0):
    net = torch.nn.Module()
    net.w = torch.nn.Parameter(torch.full((2,), value))
    net.child = torch.nn.Module()
    net.child.w = torch.nn.Parameter(torch.full((3,), value))
    return net


KEYS = ["w", "child.w"]


@both
def test_hooks_of_saving(torch):
    log = []
    net = make(torch)

    def add_key(module, state_dict, prefix, local_metadata):
        log.append(("post", module is net.child, prefix, local_metadata, list(state_dict)))
        state_dict[prefix + "added"] = 1

    net.child.register_state_dict_pre_hook(lambda m, prefix, keep_vars: log.append(("pre", prefix, keep_vars)))
    handle = net.child.register_state_dict_post_hook(add_key)
    assert list(net.state_dict(prefix="p.", keep_vars=True)) == [*("p." + k for k in KEYS), "p.child.added"]
    assert log == [
        ("pre", "p.child.", True),
        ("post", True, "p.child.", {"version": 1}, ["p." + k for k in KEYS]),
    ]
    handle.remove()
    assert list(net.state_dict()) == KEYS


@both
def test_post_hook_of_saving_must_return_nothing(torch):
    net = make(torch)
    net.register_state_dict_post_hook(lambda *args: {})
    with pytest.raises(RuntimeError, match="must return None"):
        net.state_dict()


@both
def test_the_older_hook_may_return_another_dictionary_at_the_root(torch):
    net = make(torch)
    net._register_state_dict_hook(lambda m, state, prefix, meta: {"renamed": state["w"]})
    net.child._register_state_dict_hook(lambda m, state, prefix, meta: {"lost": 1})
    assert list(net.state_dict()) == ["renamed"]

    def hook(*args):
        return None

    net.register_state_dict_post_hook(hook)
    with pytest.raises(RuntimeError):
        net._register_state_dict_hook(hook)


@both
def test_pre_hooks_of_loading(torch):
    log = []
    net = make(torch)

    def rename(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        log.append((module is net, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs))
        state_dict["w"] = state_dict.pop("old")

    net.register_load_state_dict_pre_hook(rename)
    net._register_load_state_dict_pre_hook(lambda state_dict, prefix, *rest: log.append(len(rest)))
    state = make(torch, 2.0).state_dict()
    state["old"] = state.pop("w")
    net.load_state_dict(state)
    assert log == [(True, "", {"version": 1}, True, [], [], []), 5]
    assert net.w.tolist() == [2, 2] and "old" in state


@both
def test_post_hooks_of_loading(torch):
    log = []
    net = make(torch)

    def forgive(module, incompatible_keys):
        log.append((module is net.child, list(incompatible_keys.missing_keys)))
        incompatible_keys.missing_keys.clear()

    handle = net.child.register_load_state_dict_post_hook(forgive)
    state = make(torch).state_dict()
    del state["child.w"]
    assert net.load_state_dict(state) == ([], [])
    assert log == [(True, ["child.w"])]
    handle.remove()
    with pytest.raises(RuntimeError):
        net.load_state_dict(state)
    net.register_load_state_dict_post_hook(lambda module, keys: keys)
    with pytest.raises(AssertionError):
        net.load_state_dict(make(torch).state_dict())


@both
def test_post_hook_may_complain(torch):
    net = make(torch)
    net.register_load_state_dict_post_hook(lambda m, keys: keys.unexpected_keys.append("invented"))
    with pytest.raises(RuntimeError, match='"invented"'):
        net.load_state_dict(make(torch).state_dict())


def test_hooks_of_loading_are_pickled_with_their_module():
    net = make(reftorch)
    net.register_load_state_dict_pre_hook(mark)
    other = pickle.loads(pickle.dumps(net))
    other.load_state_dict(make(reftorch).state_dict())
    assert other.marked and not hasattr(net, "marked")


def mark(module, *args):
    module.marked = True
