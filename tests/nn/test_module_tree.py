"""The iterators of `nn.Module`, and finding a part by its dotted name; each expectation is checked on PyTorch too."""

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def tree(torch):
    """a.b is also found as c; a's weight is also the root's."""

    class Node(torch.nn.Module):
        pass

    def node(*names):
        made = Node()
        for name in names:
            made.register_parameter(name, torch.nn.Parameter(torch.ones(1)))
        return made

    root = node("w", "v")
    root.register_parameter("none", None)
    root.a = node("x")
    root.a.b = node("y")
    root.a.b.register_buffer("mean", torch.zeros(1))
    root.add_module("missing", None)
    root.c = root.a.b
    root.a.shared = root.w
    root.register_buffer("n", torch.zeros(1), persistent=False)
    root.register_buffer("m", root.a.b.mean)
    root.register_buffer("nothing", None)
    return root


def names(pairs):
    return [name for name, _ in pairs]


@both
def test_modules(torch):
    root = tree(torch)
    assert names(root.named_modules()) == ["", "a", "a.b"]
    assert names(root.named_modules(prefix="net")) == ["net", "net.a", "net.a.b"]
    assert names(root.named_modules(remove_duplicate=False)) == ["", "a", "a.b", "c"]
    assert names(root.named_modules(memo={root.a})) == ["", "c"]
    assert list(root.modules()) == [root, root.a, root.a.b]
    assert list(root.modules(remove_duplicate=False)) == [root, root.a, root.a.b, root.c]


@both
def test_children(torch):
    root = tree(torch)
    assert names(root.named_children()) == ["a", "c"]
    root.again = root.a
    assert names(root.named_children()) == ["a", "c"]
    assert list(root.children()) == [root.a, root.c]
    assert list(root.c.children()) == []


@both
def test_parameters(torch):
    root = tree(torch)
    assert names(root.named_parameters()) == ["w", "v", "a.x", "a.b.y"]
    assert names(root.named_parameters(prefix="net")) == ["net.w", "net.v", "net.a.x", "net.a.b.y"]
    assert names(root.named_parameters(recurse=False)) == ["w", "v"]
    assert names(root.named_parameters("net", False)) == ["net.w", "net.v"]
    every = ["w", "v", "a.x", "a.shared", "a.b.y", "c.y"]
    assert names(root.named_parameters(remove_duplicate=False)) == every
    assert [id(p) for p in root.parameters()] == [id(p) for _, p in root.named_parameters()]
    assert [id(p) for p in root.parameters(recurse=False)] == [id(root.w), id(root.v)]


@both
def test_buffers(torch):
    root = tree(torch)
    assert names(root.named_buffers()) == ["n", "m"]
    assert names(root.named_buffers(remove_duplicate=False)) == ["n", "m", "a.b.mean", "c.mean"]
    assert names(root.named_buffers(prefix="net", recurse=False)) == ["net.n", "net.m"]
    assert [id(b) for b in root.buffers()] == [id(root.n), id(root.m)]
    assert [id(b) for b in root.a.buffers(recurse=False)] == []


@both
def test_equal_values_are_not_duplicates(torch):
    module = torch.nn.Module()
    module.a, module.b = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    assert names(module.named_parameters()) == ["a", "b"]


@both
def test_iterators_are_lazy(torch):
    root = tree(torch)
    for iterator in (root.parameters(), root.buffers(), root.modules(), root.children()):
        assert iter(iterator) is iterator


@both
def test_getting(torch):
    root = tree(torch)
    assert root.get_submodule("") is root
    assert root.get_submodule("a.b") is root.a.b
    assert root.get_parameter("a.b.y") is root.a.b.y and root.get_parameter("w") is root.w
    assert root.get_buffer("a.b.mean") is root.a.b.mean and root.get_buffer("n") is root.n


MISTAKES = {
    "submodule that is not there": lambda r: r.get_submodule("a.z"),
    "submodule below nothing": lambda r: r.get_submodule("z.a"),
    "submodule that is a parameter": lambda r: r.get_submodule("w"),
    "submodule below a parameter": lambda r: r.get_submodule("w.a"),
    "submodule that is None": lambda r: r.get_submodule("missing"),
    "two dots": lambda r: r.get_submodule("a..b"),
    "parameter that is not there": lambda r: r.get_parameter("a.z"),
    "parameter below nothing": lambda r: r.get_parameter("z.w"),
    "parameter that is a buffer": lambda r: r.get_parameter("n"),
    "parameter that is None": lambda r: r.get_parameter("none"),
    "parameter without a name": lambda r: r.get_parameter(""),
    "buffer that is a parameter": lambda r: r.get_buffer("w"),
    "buffer that is not there": lambda r: r.get_buffer("a.z"),
    "set without a name": lambda r: r.set_submodule("", r.a),
    "set a parameter": lambda r: r.set_submodule("a", r.w),
    "set below nothing": lambda r: r.set_submodule("z.a", r.a),
    "set over a parameter": lambda r: r.set_submodule("w", r.a),
    "set over a buffer": lambda r: r.set_submodule("a.b.mean", r.a),
    "set strictly what is not there": lambda r: r.set_submodule("a.z", r.a, strict=True),
    "set over None": lambda r: r.set_submodule("missing", r.a),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    with pytest.raises((AttributeError, ValueError)):
        mistake(tree(reftorch))


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(tree(torch)))


@both
def test_set_submodule(torch):
    root, new = tree(torch), torch.nn.Module()
    root.set_submodule("a.b", new)
    assert root.a.b is new and root.c is not new
    root.set_submodule("a.b.deeper", torch.nn.Module())
    assert names(root.a.named_modules()) == ["", "b", "b.deeper"]
    root.set_submodule("a", new, strict=True)
    assert root.a is new
    root.set_submodule("fresh", new)
    assert root.fresh is new
