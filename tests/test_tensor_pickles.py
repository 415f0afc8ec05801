"""torch.save and torch.load: what is written comes back, and a file from a stranger cannot call anything."""

import collections
import io
import os
import pickle

import pytest

import reftorch
from both import both
from reftorch import nn


@both
def test_there_and_back(torch, tmp_path):
    state = collections.OrderedDict(
        weight=torch.arange(6.0).view(2, 3),
        steps=torch.tensor(3),
        mask=torch.tensor([True, False]),
        nested={"list": [torch.ones(2, requires_grad=True), 1.5, "text", None], "size": torch.Size([2, 3])},
        dtype=torch.float64,
        device=torch.device("cpu"),
        empty=torch.zeros(0, 3),
    )
    torch.save(state, tmp_path / "state")
    again = torch.load(tmp_path / "state")
    assert type(again) is collections.OrderedDict and list(again) == list(state)
    assert repr(again) == repr(state)
    assert again["nested"]["list"][0].requires_grad and again["dtype"] is torch.float64


@both
def test_open_files(torch):
    file = io.BytesIO()
    torch.save(torch.ones(2), file)
    file.seek(0)
    assert torch.load(file).tolist() == [1, 1]


@both
def test_parameters_and_state_dicts(torch, tmp_path):
    net = torch.nn.Linear(3, 2)
    torch.save(net.state_dict(), str(tmp_path / "net"))
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(torch.load(str(tmp_path / "net")))
    assert torch.equal(net.weight, other.weight)
    torch.save(net.weight, tmp_path / "weight")
    weight = torch.load(tmp_path / "weight")
    assert type(weight) is torch.nn.Parameter and weight.requires_grad


class Harmful:
    def __reduce__(self):
        return os.system, ("echo harm",)


@both
@pytest.mark.parametrize("what", ["a call", "a module", "a class"])
def test_refuses_what_is_no_tensor(torch, tmp_path, what):
    torch.save({"a call": Harmful(), "a module": torch.nn.Linear(1, 1), "a class": [Harmful]}[what], tmp_path / "file")
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(tmp_path / "file")


@both
def test_whole_modules_from_a_trusted_file(torch, tmp_path):
    torch.save(torch.nn.Linear(3, 2), tmp_path / "net")
    net = torch.load(tmp_path / "net", weights_only=False)
    assert net(torch.ones(3)).shape == (2,)


@pytest.mark.parametrize(
    "name", ["builtins eval", "os system", "reftorch.kernel os", "reftorch.pickles load", "numpy load"]
)
def test_names_that_are_refused(name):
    module, attribute = name.split()
    program = f"c{module}\n{attribute}\n.".encode()
    with pytest.raises(pickle.UnpicklingError, match="neither a tensor nor a container"):
        reftorch.load(io.BytesIO(program))


@pytest.mark.parametrize("data", [b"", b"no pickle", b"\x80\x04"])
def test_what_is_no_pickle(data):
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        reftorch.load(io.BytesIO(data))


def test_moving(cuda_device):
    file = io.BytesIO()
    state = {"a": [reftorch.ones(2, device=cuda_device)], "b": (nn.Parameter(reftorch.zeros(1, device=cuda_device)), 5)}
    reftorch.save(state, file)
    file.seek(0)
    assert reftorch.load(file)["a"][0].device.type == "cuda"
    file.seek(0)
    moved = reftorch.load(file, map_location="cpu")
    assert moved["a"][0].device.type == "cpu" and moved["a"][0].tolist() == [1, 1]
    assert type(moved["b"][0]) is nn.Parameter and moved["b"][0].requires_grad and moved["b"][1] == 5
