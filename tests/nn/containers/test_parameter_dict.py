"""ParameterDict; each expectation is checked on PyTorch too."""

import copy
from collections import OrderedDict

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def make(torch):
    return torch.nn.ParameterDict(
        [("b", torch.nn.Parameter(torch.ones(2))), ("a", torch.zeros(1, 2)), ("s", "text"), ("n", None)]
    )


@both
def test_reading(torch):
    values = make(torch)
    assert list(values) == list(values.keys()) == ["b", "a", "s", "n"] and len(values) == 4
    assert list(reversed(values)) == ["n", "s", "a", "b"]
    assert type(values["a"]) is torch.nn.Parameter and values["b"] is values.b
    assert "a" in values and "x" not in values
    assert list(values.values())[2:] == ["text", None] and list(values.items())[2] == ("s", "text")
    assert values.get("s") == "text" and values.get("x") is None and values.get("x", 5) == 5
    assert [name for name, _ in values.named_parameters()] == ["b", "a"]
    assert list(values.state_dict()) == ["b", "a"]


@both
def test_order(torch):
    assert list(torch.nn.ParameterDict({"b": 1, "a": 2})) == ["a", "b"], "a plain mapping is sorted"
    assert list(torch.nn.ParameterDict(OrderedDict(b=1, a=2))) == ["b", "a"]
    assert list(torch.nn.ParameterDict([("b", 1), ["a", 2]])) == ["b", "a"]
    assert list(torch.nn.ParameterDict(make(torch))) == ["b", "a", "s", "n"]


@both
def test_repr(torch):
    assert repr(make(torch)) == (
        "ParameterDict(\n"
        "    (b): Parameter containing: [torch.FloatTensor of size 2]\n"
        "    (a): Parameter containing: [torch.FloatTensor of size 1x2]\n"
        "    (s): Object of type: str\n"
        "    (n): Object of type: NoneType\n"
        ")"
    )
    assert repr(torch.nn.ParameterDict()) == "ParameterDict()"
    assert repr(torch.nn.ParameterDict({"d": torch.ones(1, dtype=torch.float64)})) == (
        "ParameterDict(  (d): Parameter containing: [torch.DoubleTensor of size 1])"
    )


def test_repr_on_cuda(cuda_device):
    values = reftorch.nn.ParameterDict({"w": reftorch.ones(2)}).to(cuda_device)
    assert repr(values) == ("ParameterDict(  (w): Parameter containing: [torch.cuda.FloatTensor of size 2 (cuda:0)])")


@both
def test_changing(torch):
    values = make(torch)
    values["s"] = torch.ones(3)
    values["new"] = 1
    assert list(values) == ["b", "a", "s", "n", "new"] and type(values["s"]) is torch.nn.Parameter
    del values["a"]
    assert "a" not in values and not hasattr(values, "a")
    assert values.pop("new") == 1 and values.popitem() == ("n", None)
    assert values.setdefault("b", 5) is values["b"] and values.setdefault("t", torch.ones(1)) is values["t"]
    assert values.setdefault("none") is None and "none" in values
    assert values.update({"z": 1, "y": 2}) is None and list(values) == ["b", "s", "t", "none", "y", "z"]
    values.clear()
    assert len(values) == 0 and not list(values.parameters()) and not hasattr(values, "b")


@both
def test_union(torch):
    values = make(torch)
    other = torch.nn.ParameterDict([("z", 1), ("s", "other")])
    union = values | other
    assert type(union) is torch.nn.ParameterDict and list(union) == ["b", "a", "s", "n", "z"]
    assert union["s"] == "other" and union["b"] is values["b"] and values["s"] == "text"
    assert list(values | {"y": 1}) == ["b", "a", "s", "n", "y"]
    left = {"z": 1, "s": 2} | values
    assert type(left) is dict and list(left) == ["z", "s", "b", "a", "n"] and left["s"] == "text"
    same = values
    values |= other
    assert values is same and values["s"] == "other"


@both
def test_copies(torch):
    values = make(torch)
    shallow = values.copy()
    assert list(shallow) == list(values) and shallow["b"] is values["b"]
    made = values.fromkeys(["x", "y"], 5)
    assert type(made) is torch.nn.ParameterDict and list(made.items()) == [("x", 5), ("y", 5)]
    assert list(values.fromkeys(["x"]).items()) == [("x", None)]
    deep = copy.deepcopy(values)
    assert list(deep) == list(values) and deep["b"] is not values["b"]


MISTAKES = {
    "get": lambda t, v: v["x"],
    "get a number": lambda t, v: v[1],
    "pop": lambda t, v: v.pop("x"),
    "popitem of nothing": lambda t, v: t.nn.ParameterDict().popitem(),
    "delete": lambda t, v: v.__delitem__("x"),
    "number as key": lambda t, v: v.__setitem__(1, 1),
    "dot in key": lambda t, v: v.__setitem__("a.b", t.ones(1)),
    "name of a method": lambda t, v: v.__setitem__("keys", t.ones(1)),
    "text over a parameter": lambda t, v: v.__setitem__("b", "text"),
    "update by a number": lambda t, v: v.update(1),
    "update by numbers": lambda t, v: v.update([1]),
    "update by triples": lambda t, v: v.update([("a", 1, 2)]),
    "union with a number": lambda t, v: v | 1,
    "call": lambda t, v: v(1),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    values = make(reftorch)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, RuntimeError)):
        mistake(reftorch, values)
    assert list(values) == ["b", "a", "s", "n"]


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, make(torch)))
