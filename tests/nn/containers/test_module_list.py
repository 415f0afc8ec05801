"""ModuleList; each expectation is checked on PyTorch too."""

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def leaf(torch, note):
    class Leaf(torch.nn.Module):
        def extra_repr(self):
            return str(note)

    made = Leaf()
    made.note = note
    return made


def make(torch, *notes):
    return torch.nn.ModuleList([leaf(torch, n) for n in notes or (0, 1, 2)])


def notes(modules):
    """What is in the list, after a look whether the names are right."""
    assert list(modules._modules) == [str(i) for i in range(len(modules))]
    return [m.note for m in modules]


@both
def test_reading(torch):
    modules = make(torch)
    first, second, third = modules
    assert notes(modules) == [0, 1, 2] and len(modules) == 3
    assert modules[0] is first and modules[-1] is third and second in modules
    assert notes(modules[1:]) == [1, 2] and notes(modules[::-1]) == [2, 1, 0]
    assert [m.note for m in reversed(modules)] == [2, 1, 0]
    assert list(modules.children()) == [first, second, third]
    assert not any(key.isdigit() for key in dir(modules))
    assert notes(torch.nn.ModuleList(leaf(torch, i) for i in range(2))) == [0, 1]
    assert notes(torch.nn.ModuleList()) == []


@both
def test_slices_keep_the_class(torch):
    class Mine(torch.nn.ModuleList):
        pass

    assert type(Mine([leaf(torch, 1)])[:]) is Mine


@both
def test_changing(torch):
    modules = make(torch)
    modules[1] = leaf(torch, 7)
    modules[-1] = leaf(torch, 8)
    assert notes(modules) == [0, 7, 8]
    assert modules.append(leaf(torch, 3)) is modules and modules.extend(make(torch, 4, 5)) is modules
    assert notes(modules) == [0, 7, 8, 3, 4, 5]
    same = modules
    modules += [leaf(torch, 6)]
    assert modules is same and notes(modules) == [0, 7, 8, 3, 4, 5, 6]
    del modules[0]
    del modules[-1]
    assert notes(modules) == [7, 8, 3, 4, 5]
    del modules[::2]
    assert notes(modules) == [8, 4]
    assert modules.pop(0).note == 8 and notes(modules) == [4]
    assert notes(make(torch).pop(slice(1, 3))) == [1, 2]


@both
@pytest.mark.parametrize("index, expected", [(0, [9, 0, 1, 2]), (2, [0, 1, 9, 2]), (3, [0, 1, 2, 9])])
def test_insert(torch, index, expected):
    modules = make(torch)
    assert modules.insert(index, leaf(torch, 9)) is None
    assert notes(modules) == expected


@pytest.mark.parametrize("index, expected", [(-1, [0, 1, 9, 2]), (-9, [9, 0, 1, 2]), (7, [0, 1, 2, 9])])
def test_insert_anywhere_as_in_a_list(index, expected):
    """PyTorch 2.13 raises KeyError('-1') here, or leaves a hole in the numbering."""
    modules = make(reftorch)
    modules.insert(index, leaf(reftorch, 9))
    assert notes(modules) == expected


@both
def test_sum(torch):
    modules = make(torch)
    both_lists = modules + [leaf(torch, 3)]
    assert type(both_lists) is torch.nn.ModuleList and notes(both_lists) == [0, 1, 2, 3]
    assert both_lists[0] is modules[0] and len(modules) == 3


@both
def test_repr_counts_repetitions(torch):
    assert repr(torch.nn.ModuleList()) == "ModuleList()"
    assert repr(make(torch, "a", "a", "b", "a")) == (
        "ModuleList(\n  (0-1): 2 x Leaf(a)\n  (2): Leaf(b)\n  (3): Leaf(a)\n)"
    )
    nested = torch.nn.ModuleList([make(torch, 1, 2), make(torch, 1, 2)])
    assert repr(nested) == "ModuleList(\n  (0-1): 2 x ModuleList(\n    (0): Leaf(1)\n    (1): Leaf(2)\n  )\n)"


MISTAKES = {
    "index": lambda t, m: m[3],
    "negative index": lambda t, m: m[-4],
    "string": lambda t, m: m["0"],
    "set beyond": lambda t, m: m.__setitem__(3, leaf(t, 1)),
    "set a number": lambda t, m: m.__setitem__(0, 1),
    "delete beyond": lambda t, m: m.__delitem__(3),
    "pop beyond": lambda t, m: m.pop(3),
    "append a number": lambda t, m: m.append(1),
    "extend by a module": lambda t, m: m.extend(leaf(t, 1)),
    "extend by numbers": lambda t, m: m.extend([1]),
    "of a number": lambda t, m: t.nn.ModuleList(3),
    "call": lambda t, m: m(1),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    with pytest.raises((IndexError, TypeError, NotImplementedError)):
        mistake(reftorch, make(reftorch))


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, make(torch)))


def test_insert_takes_modules_only():
    """PyTorch 2.13 takes anything here."""
    with pytest.raises(TypeError, match="int"):
        make(reftorch).insert(0, 3)
