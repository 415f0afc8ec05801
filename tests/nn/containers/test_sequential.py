"""Sequential as a module and as a list; each expectation is checked on PyTorch too."""

import copy
from collections import OrderedDict

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def layer(torch, value):
    """x -> 10 x + value, shown as its value."""

    class Digit(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("value", torch.tensor(value))

        def forward(self, x):
            return 10 * x + self.value.item()

        def extra_repr(self):
            return str(self.value.item())

    return Digit()


def numbered(torch, n=3):
    return torch.nn.Sequential(*[layer(torch, i) for i in range(n)])


def named(torch):
    return torch.nn.Sequential(OrderedDict([(c, layer(torch, i)) for i, c in enumerate("abc")]))


def shown(net):
    """Which layers there are, under which names."""
    return {name: m.value.item() for name, m in net.named_children()}


@both
def test_composition(torch):
    assert numbered(torch)(7) == 7012 and named(torch)(7) == 7012
    assert torch.nn.Sequential()(7) == 7
    assert shown(numbered(torch)) == {"0": 0, "1": 1, "2": 2}
    assert shown(named(torch)) == {"a": 0, "b": 1, "c": 2}
    assert named(torch).b.value == 1


@both
def test_repr(torch):
    assert repr(torch.nn.Sequential()) == "Sequential()"
    assert repr(named(torch)) == "Sequential(\n  (a): Digit(0)\n  (b): Digit(1)\n  (c): Digit(2)\n)"


@both
def test_reading(torch):
    net = named(torch)
    a, b, c = net
    assert len(net) == 3 and net[0] is a and net[-1] is c and a in net
    assert list(reversed(net)) == [c, b, a]
    assert shown(net[1:]) == {"b": 1, "c": 2} and net[1:][0] is b
    assert shown(net[::-1]) == {"c": 2, "b": 1, "a": 0}
    assert not any(key.isdigit() for key in dir(numbered(torch)))


@both
def test_slices_keep_the_class(torch):
    class Mine(torch.nn.Sequential):
        pass

    assert type(Mine(layer(torch, 1))[:1]) is Mine
    assert type(Mine(layer(torch, 1)) + Mine()) is torch.nn.Sequential


@both
def test_changing(torch):
    net = named(torch)
    net[1] = layer(torch, 7)
    assert shown(net) == {"a": 0, "b": 7, "c": 2}
    del net[0]
    assert shown(net) == {"0": 7, "1": 2}
    assert net.append(layer(torch, 3)) is net and shown(net) == {"0": 7, "1": 2, "2": 3}
    assert net.extend([layer(torch, 4), layer(torch, 5)]) is net
    assert shown(net) == {"0": 7, "1": 2, "2": 3, "3": 4, "4": 5}
    assert net.pop(-2).value == 4 and shown(net) == {"0": 7, "1": 2, "2": 3, "3": 5}
    del net[1:3]
    assert shown(net) == {"0": 7, "1": 5} and net(0) == 75
    assert shown(named(torch).append(layer(torch, 9))) == {"a": 0, "b": 1, "c": 2, "3": 9}


@both
@pytest.mark.parametrize(
    "index, expected", [(0, [9, 0, 1, 2]), (1, [0, 9, 1, 2]), (3, [0, 1, 2, 9]), (-1, [0, 1, 9, 2])]
)
def test_insert(torch, index, expected):
    net = numbered(torch)
    assert net.insert(index, layer(torch, 9)) is net
    assert shown(net) == {str(i): v for i, v in enumerate(expected)}
    assert net.get_submodule("3") is net[3]


def test_insert_between_named_modules_numbers_them():
    """PyTorch 2.13 raises KeyError."""
    assert shown(named(reftorch).insert(1, layer(reftorch, 9))) == {"0": 0, "1": 9, "2": 1, "3": 2}


@both
def test_sum_and_product(torch):
    net = named(torch)
    assert shown(net + numbered(torch, 2)) == {"0": 0, "1": 1, "2": 2, "3": 0, "4": 1}
    assert (net + net)[3] is net[0]
    assert shown(net * 2) == shown(2 * net) == {str(i): i for i in range(3)}, "a repeated child is listed once"
    assert len(net * 2) == 6 and (2 * net)[4] is net[1]
    same = net
    net += numbered(torch, 1)
    assert net is same and list(net._modules) == ["a", "b", "c", "3"]
    twice = numbered(torch, 2)
    same = twice
    twice *= 3
    assert twice is same and len(twice) == 6 and twice[5] is twice[1]


def test_adding_to_itself():
    net = numbered(reftorch, 2)
    net += net
    net.extend(net)
    assert len(net) == 8


MISTAKES = {
    "index": lambda t, n: n[3],
    "negative index": lambda t, n: n[-4],
    "string": lambda t, n: n["a"],
    "float": lambda t, n: n[1.0],
    "set beyond": lambda t, n: n.__setitem__(3, layer(t, 1)),
    "set a number": lambda t, n: n.__setitem__(0, 1),
    "set a slice": lambda t, n: n.__setitem__(slice(2), layer(t, 1)),
    "delete beyond": lambda t, n: n.__delitem__(3),
    "pop beyond": lambda t, n: n.pop(3),
    "insert beyond": lambda t, n: n.insert(4, layer(t, 1)),
    "insert before": lambda t, n: n.insert(-4, layer(t, 1)),
    "insert a number": lambda t, n: n.insert(0, 1),
    "insert None": lambda t, n: n.insert(0, None),
    "append a number": lambda t, n: n.append(1),
    "append a class": lambda t, n: n.append(t.nn.Module),
    "extend by numbers": lambda t, n: n.extend([1]),
    "extend by a number": lambda t, n: n.extend(1),
    "add a list": lambda t, n: n + [layer(t, 1)],
    "add in place a list": lambda t, n: n.__iadd__([layer(t, 1)]),
    "times 0": lambda t, n: n * 0,
    "times -1": lambda t, n: n.__imul__(-1),
    "times 1.5": lambda t, n: n * 1.5,
    "list of modules": lambda t, n: t.nn.Sequential([layer(t, 1)]),
    "dict": lambda t, n: t.nn.Sequential({"a": layer(t, 1)}),
    "numbers as names": lambda t, n: t.nn.Sequential(OrderedDict([(1, layer(t, 1))])),
    "dots in names": lambda t, n: t.nn.Sequential(OrderedDict([("a.b", layer(t, 1))])),
    "name of a method": lambda t, n: t.nn.Sequential(OrderedDict([("append", layer(t, 1))])),
    "no input": lambda t, n: n(),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    with pytest.raises((IndexError, KeyError, TypeError, ValueError, AssertionError)):
        mistake(reftorch, numbered(reftorch))


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, numbered(torch)))


@both
def test_state_dict_and_deepcopy(torch):
    net = numbered(torch, 2)
    assert list(net.state_dict()) == ["0.value", "1.value"]
    other = copy.deepcopy(net)
    assert other(1) == net(1) and other[0] is not net[0]
