"""Saving and loading of `nn.Module`; each expectation is checked on PyTorch too."""

import pickle
from collections import OrderedDict

import pytest

import reftorch
from both import both, needs_pytorch, pytorch, same_outcome


def make(torch, value=0.0, size=2):
    """Parameters, buffers of both kinds, things that are None, and two levels, filled with `value`."""
    net = torch.nn.Module()
    net.w = torch.nn.Parameter(torch.full((size,), value))
    net.register_parameter("none", None)
    net.register_buffer("mean", torch.full((3,), value))
    net.register_buffer("count", torch.tensor(int(value)))
    net.register_buffer("cache", torch.zeros(1), persistent=False)
    net.register_buffer("nothing", None)
    net.child = torch.nn.Module()
    net.child.w = torch.nn.Parameter(torch.full((1, size), value))
    net.add_module("missing", None)
    return net


KEYS = ["w", "mean", "count", "child.w"]


# ------------------------------------------------------------------------------------------------ saving
@both
def test_keys_and_order(torch):
    state = make(torch).state_dict()
    assert type(state) is OrderedDict and list(state) == KEYS
    assert list(make(torch).state_dict(prefix="net.")) == ["net." + k for k in KEYS]


@both
def test_tensors_are_detached_and_share_memory(torch):
    net = make(torch)
    state = net.state_dict()
    assert type(state["w"]) is torch.Tensor and not state["w"].requires_grad
    with torch.no_grad():
        net.w.fill_(5)
    assert state["w"].tolist() == [5, 5]
    kept = net.state_dict(keep_vars=True)
    assert kept["w"] is net.w and kept["mean"] is net.mean


@both
def test_metadata(torch):
    class Versioned(torch.nn.Module):
        _version = 3

    net = make(torch)
    net.child.deeper = Versioned()
    assert net.state_dict()._metadata == {
        "": {"version": 1}, "child": {"version": 1}, "child.deeper": {"version": 3},
    }  # fmt: skip
    assert list(net.child.state_dict(prefix="x.")._metadata) == ["x", "x.deeper"]


@both
def test_destination(torch):
    mine = {"other": 1}
    assert make(torch).state_dict(destination=mine, prefix="a.") is mine
    assert list(mine) == ["other", *("a." + k for k in KEYS)]
    with pytest.warns(FutureWarning):
        assert list(make(torch).state_dict({}, "b.")) == ["b." + k for k in KEYS]
    with pytest.warns(FutureWarning):
        net = make(torch)
        assert net.state_dict({}, "", True)["w"] is net.w


@both
def test_shared_parameters_are_saved_under_each_name(torch):
    net = make(torch)
    net.child.tied = net.w
    assert list(net.state_dict()) == [*KEYS, "child.tied"]


def test_pickled_state_dict():
    state = pickle.loads(pickle.dumps(make(reftorch, 4.0).state_dict()))
    assert list(state) == KEYS and state._metadata[""] == {"version": 1}
    net = make(reftorch)
    net.load_state_dict(state)
    assert net.w.tolist() == [4, 4]


# ------------------------------------------------------------------------------------------------ loading
@both
def test_loading_copies(torch):
    net, state = make(torch), make(torch, 7.0).state_dict()
    w, mean = net.w, net.mean
    result = net.load_state_dict(state)
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result == ([], [])
    assert net.w is w and net.mean is mean and w.requires_grad
    assert [t.tolist() for t in net.state_dict().values()] == [[7, 7], [7, 7, 7], 7, [[7, 7]]]
    with torch.no_grad():
        state["w"].fill_(9)
    assert net.w.tolist() == [7, 7]


@both
def test_loading_converts(torch):
    net, state = make(torch), make(torch, 7.0).double().state_dict()
    net.load_state_dict(state)
    assert net.w.dtype is torch.float32 and net.w.tolist() == [7, 7]


@both
def test_strict_lists_everything_in_one_error(torch):
    net = make(torch, 1.0)
    state = make(torch, 2.0).state_dict()
    del state["w"], state["child.w"]
    state["mean"] = torch.zeros(4, 5)
    state["count"] = "text"
    state["extra"] = state["child.extra"] = state["stranger.w"] = state["missing.w"] = torch.zeros(1)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Error(s) in loading state_dict for Module:"
    assert lines[1].strip() == 'Missing key(s) in state_dict: "w", "child.w".'
    assert lines[2].strip().startswith('Unexpected key(s) in state_dict: "extra", "stranger.w", ')
    assert '"child.extra"' in lines[2]
    mean, count = sorted(lines[3:], key=lambda line: "count" in line)
    assert mean.strip().startswith("size mismatch for mean: ") and "[4, 5]" in mean and "[3]" in mean
    assert '"count"' in count and "str" in count
    assert len(lines) == 5


@both
def test_not_strict_returns_the_names(torch):
    net = make(torch, 1.0)
    state = make(torch, 2.0).state_dict()
    del state["w"]
    state["extra"] = torch.zeros(1)
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["w"] and result.unexpected_keys == ["extra"]
    assert repr(result) == "_IncompatibleKeys(missing_keys=['w'], unexpected_keys=['extra'])"
    missing, unexpected = result
    assert net.w.tolist() == [1, 1] and net.child.w.tolist() == [[2, 2]]


@both
def test_shapes_must_match_even_if_not_strict(torch):
    with pytest.raises(RuntimeError, match="size mismatch for w.*\n.*size mismatch for child.w"):
        make(torch).load_state_dict(make(torch, size=3).state_dict(), strict=False)


@both
def test_not_broadcast(torch):
    state = make(torch).state_dict()
    state["mean"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match="size mismatch for mean"):
        make(torch).load_state_dict(state)


@both
def test_old_files_have_no_zero_dimensional_tensors(torch):
    net, state = make(torch), make(torch).state_dict()
    state["count"] = torch.tensor([5])
    net.load_state_dict(state)
    assert net.count.item() == 5 and net.count.shape == ()
    state["count"] = torch.tensor([5, 6])
    with pytest.raises(RuntimeError, match="size mismatch for count"):
        net.load_state_dict(state)


@both
def test_names_that_are_none_are_unexpected(torch):
    state = make(torch).state_dict()
    state["none"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match='Unexpected.*"none"'):
        make(torch).load_state_dict(state)


@both
def test_names_that_look_like_children(torch):
    state = make(torch).state_dict()
    state["w.x"] = state["child"] = torch.zeros(1)
    result = make(torch).load_state_dict(state, strict=False)
    assert result.unexpected_keys == ["w.x", "child"]


@both
@pytest.mark.parametrize("wrong", [None, 3, [("w", 1)], "file.pt"])
def test_only_mappings(torch, wrong):
    with pytest.raises(TypeError, match="dict-like"):
        make(torch).load_state_dict(wrong)


@both
def test_a_plain_dict_will_do_and_is_left_alone(torch):
    net, state = make(torch), dict(make(torch, 3.0).state_dict())
    before = dict(state)
    net.load_state_dict(state)
    assert net.w.tolist() == [3, 3] and state.keys() == before.keys()


# ------------------------------------------------------------------------------------------------ assign
@both
def test_assign_takes_over_the_tensors(torch):
    net, state = make(torch), make(torch, 7.0).double().state_dict()
    net.w.requires_grad_(False)
    old = net.w
    net.load_state_dict(state, assign=True)
    assert net.w is not old and isinstance(net.w, torch.nn.Parameter)
    assert net.w.dtype is torch.float64 and net.w.data_ptr() == state["w"].data_ptr()
    assert not net.w.requires_grad and net.child.w.requires_grad
    assert net.mean is state["mean"] and list(net.state_dict()) == KEYS


@both
def test_assign_of_parameters_themselves(torch):
    source = make(torch, 7.0)
    state = source.state_dict(keep_vars=True)
    net = make(torch)
    net.w.requires_grad_(False)
    net.load_state_dict(state, assign=True)
    assert net.w is source.w and not source.w.requires_grad


@both
def test_assign_checks_shapes(torch):
    with pytest.raises(RuntimeError, match="size mismatch for w"):
        make(torch).load_state_dict(make(torch, size=3).state_dict(), assign=True)


def test_assign_once_is_not_assign_for_ever():
    """PyTorch 2.13 notes `assign` in the metadata of the state dict that it is given."""
    net, state = make(reftorch), make(reftorch, 7.0).state_dict()
    net.load_state_dict(state, assign=True)
    other = make(reftorch)
    w = other.w
    other.load_state_dict(state)
    assert other.w is w


# ------------------------------------------------------------------------------------------------ versions and extra state
@both
def test_version_and_prefix_reach_the_module(torch):
    seen = []

    class Renamed(torch.nn.Module):
        _version = 2

        def __init__(self):
            super().__init__()
            self.new = torch.nn.Parameter(torch.zeros(1))

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            version = local_metadata.get("version")
            seen.append((prefix, version, list(state_dict)))
            if version is None or version < 2:
                state_dict[prefix + "new"] = state_dict.pop(prefix + "old")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = torch.nn.Module()
    net.part = Renamed()
    net.load_state_dict({"part.old": torch.ones(1)})
    assert net.part.new.tolist() == [1]
    net.load_state_dict(net.state_dict())
    assert seen == [("part.", None, ["part.old"]), ("part.", 2, ["part.new"])]


@both
def test_extra_state(torch):
    class Counting(torch.nn.Module):
        steps = 0

        def get_extra_state(self):
            return {"steps": self.steps}

        def set_extra_state(self, state):
            self.steps = state["steps"]

    net = torch.nn.Module()
    net.part = Counting()
    net.part.steps = 5
    state = net.state_dict()
    assert state == {"part._extra_state": {"steps": 5}}
    other = torch.nn.Module()
    other.part = Counting()
    other.load_state_dict(state)
    assert other.part.steps == 5
    with pytest.raises(RuntimeError, match='Missing.*"part._extra_state"'):
        other.load_state_dict({})
    plain = torch.nn.Module()
    plain.part = torch.nn.Module()
    with pytest.raises(RuntimeError, match='Unexpected.*"part._extra_state"'):
        plain.load_state_dict(state)
    for method in (plain.get_extra_state, lambda: plain.set_extra_state(1)):
        with pytest.raises(RuntimeError):
            method()


# ------------------------------------------------------------------------------------------------ across libraries
@needs_pytorch
def test_pytorch_reads_what_reftorch_writes_and_the_other_way_round():
    def linear(torch, value):
        net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1, bias=False))
        with torch.no_grad():
            for i, p in enumerate(net.parameters()):
                p.fill_(value + i)
        return net

    ours, theirs = linear(reftorch, 1.0), linear(pytorch, 2.0)
    theirs.load_state_dict({k: pytorch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    assert [p.tolist() for p in theirs.parameters()] == [p.tolist() for p in ours.parameters()]
    theirs = linear(pytorch, 5.0)
    ours.load_state_dict({k: reftorch.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    assert [p.tolist() for p in ours.parameters()] == [p.tolist() for p in theirs.parameters()]


@needs_pytorch
def test_the_same_keys_are_missing_and_unexpected():
    def action(torch):
        net = make(torch)
        state = make(torch).state_dict()
        for key in ("mean", "child.w"):
            del state[key]
        for key in (
            "",
            ".",
            "a.",
            ".a",
            "child",
            "child.",
            "child.child.w",
            "w.",
            "_extra_state",
            "child._extra_state",
        ):
            state[key] = torch.zeros(1)
        return net.load_state_dict(state, strict=False)

    same_outcome(action)
