"""ModuleDict; each expectation is checked on PyTorch too."""

from collections import OrderedDict

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def make(torch):
    return torch.nn.ModuleDict({"b": torch.nn.ReLU(), "a": torch.nn.Linear(1, 1)})


@both
def test_reading(torch):
    modules = make(torch)
    assert list(modules) == list(modules.keys()) == ["b", "a"] and len(modules) == 2
    assert isinstance(modules["b"], torch.nn.ReLU) and modules["b"] is modules.b
    assert "a" in modules and "c" not in modules
    assert list(modules.values()) == [modules["b"], modules["a"]]
    assert list(modules.items()) == [("b", modules["b"]), ("a", modules["a"])]
    assert [name for name, _ in modules.named_parameters()] == ["a.weight", "a.bias"]
    assert repr(modules).startswith("ModuleDict(\n  (b): ReLU()\n  (a): Linear(")
    assert repr(torch.nn.ModuleDict()) == "ModuleDict()"


@both
def test_ways_to_make_one(torch):
    relu = torch.nn.ReLU()
    for given in (
        [["x", relu]],
        (("x", relu),),
        OrderedDict(x=relu),
        torch.nn.ModuleDict({"x": relu}),
        iter([("x", relu)]),
    ):
        assert list(torch.nn.ModuleDict(given).items()) == [("x", relu)]


@both
def test_changing(torch):
    modules = make(torch)
    relu = modules["b"]
    modules["c"] = relu
    modules["b"] = modules["a"]
    assert list(modules) == ["b", "a", "c"] and modules["b"] is modules["a"]
    del modules["b"]
    assert modules.pop("c") is relu and list(modules) == ["a"]
    assert modules.update({"z": relu, "a": relu}) is None
    assert list(modules.items()) == [("a", relu), ("z", relu)]
    modules["none"] = None
    assert modules["none"] is None and len(list(modules.children())) == 1
    modules.clear()
    assert len(modules) == 0 and not list(modules.children())


MISTAKES = {
    "get": lambda t, m: m["x"],
    "pop": lambda t, m: m.pop("x"),
    "delete": lambda t, m: m.__delitem__("x"),
    "a number": lambda t, m: m.__setitem__("x", 1),
    "a parameter": lambda t, m: m.__setitem__("x", t.nn.Parameter(t.ones(1))),
    "number as key": lambda t, m: m.__setitem__(1, t.nn.ReLU()),
    "dot in key": lambda t, m: m.__setitem__("a.b", t.nn.ReLU()),
    "empty key": lambda t, m: m.__setitem__("", t.nn.ReLU()),
    "name of a method": lambda t, m: m.__setitem__("keys", t.nn.ReLU()),
    "update by a number": lambda t, m: m.update(1),
    "update by numbers": lambda t, m: m.update([1]),
    "update by triples": lambda t, m: m.update([("a", t.nn.ReLU(), 1)]),
    "update by strings": lambda t, m: m.update(["ab"]),
    "call": lambda t, m: m(1),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    modules = make(reftorch)
    with pytest.raises((KeyError, TypeError, ValueError, NotImplementedError)):
        mistake(reftorch, modules)
    assert list(modules) == ["b", "a"]


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, make(torch)))
