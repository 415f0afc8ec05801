"""Registering, attributes, calling, modes and printing of `nn.Module`; each expectation is checked on PyTorch too."""

import sys

import pytest

import reftorch
from both import both, needs_pytorch, same_outcome


def parameter(torch, *shape):
    return torch.nn.Parameter(torch.ones(*shape or (2,)))


def empty_module(torch):
    """A module without anything, whose class is not `Module` itself."""

    class Empty(torch.nn.Module):
        pass

    return Empty()


# ------------------------------------------------------------------------------------------------ registering
@both
def test_assigning_registers(torch):
    net = empty_module(torch)
    net.weight = parameter(torch)
    net.child = empty_module(torch)
    net.register_buffer("mean", torch.zeros(2))
    net.note = "plain"
    assert list(net._parameters) == ["weight"]
    assert list(net._modules) == ["child"]
    assert list(net._buffers) == ["mean"]
    assert net.note == "plain" and "note" in vars(net)
    assert not {"weight", "child", "mean"} & set(vars(net))


@both
def test_a_tensor_is_not_registered(torch):
    net = empty_module(torch)
    net.cache = torch.ones(2)
    assert not list(net.parameters()) and not list(net.buffers())
    assert "cache" in vars(net)


@both
def test_one_name_is_one_thing(torch):
    net = empty_module(torch)
    net.register_buffer("x", torch.zeros(1), persistent=False)
    net.x = parameter(torch)
    assert list(net._parameters) == ["x"] and not net._buffers
    assert not net._non_persistent_buffers_set
    net.register_buffer("child", torch.zeros(1))
    net.child = empty_module(torch)
    assert list(net._modules) == ["child"] and not net._buffers
    net.child = parameter(torch)
    assert list(net._parameters) == ["x", "child"] and not net._modules
    net.plain = 3
    net.plain = parameter(torch)
    assert "plain" not in vars(net) and list(net._parameters) == ["x", "child", "plain"]


@both
def test_none_keeps_the_name(torch):
    net = empty_module(torch)
    net.register_parameter("bias", None)
    net.register_buffer("mean", None)
    net.add_module("child", None)
    assert net.bias is None and net.mean is None and net.child is None
    assert not list(net.parameters()) and not list(net.buffers()) and not list(net.children())
    assert list(net.state_dict()) == []
    net.bias, net.mean, net.child = parameter(torch), torch.ones(1), empty_module(torch)
    assert list(net._parameters) == ["bias"] and list(net._buffers) == ["mean"] and list(net._modules) == ["child"]
    net.bias = net.mean = net.child = None
    assert net._parameters == {"bias": None} and net._buffers == {"mean": None} and net._modules == {"child": None}


@both
def test_buffer_stays_a_buffer(torch):
    net = empty_module(torch)
    net.register_buffer("mean", torch.zeros(1), persistent=False)
    net.mean = torch.ones(3)
    assert net._buffers["mean"].shape == (3,) and "mean" in net._non_persistent_buffers_set
    net.register_buffer("mean", torch.zeros(1))
    assert "mean" not in net._non_persistent_buffers_set
    with pytest.raises(TypeError, match="mean"):
        net.mean = 3


@both
@pytest.mark.parametrize("persistent", [True, False])
def test_assigning_a_buffer_object(torch, persistent):
    net = empty_module(torch)
    net.mean = torch.nn.Buffer(torch.zeros(1), persistent=persistent)
    assert list(net._buffers) == ["mean"]
    assert ("mean" in net.state_dict()) is persistent


def with_attributes(torch):
    net = torch.nn.Module()
    net.w = parameter(torch)
    net.child = torch.nn.Module()
    net.register_buffer("mean", torch.zeros(1))
    net.plain = 1
    return net


MISTAKES = {
    "register_parameter: taken by a plain attribute": lambda t, m: m.register_parameter("plain", parameter(t)),
    "register_parameter: taken by a method": lambda t, m: m.register_parameter("forward", parameter(t)),
    "register_parameter: taken by a child": lambda t, m: m.register_parameter("child", parameter(t)),
    "register_parameter: dot": lambda t, m: m.register_parameter("a.b", parameter(t)),
    "register_parameter: empty": lambda t, m: m.register_parameter("", parameter(t)),
    "register_parameter: number": lambda t, m: m.register_parameter(3, parameter(t)),
    "register_parameter: tensor": lambda t, m: m.register_parameter("a", t.ones(1)),
    "register_parameter: string": lambda t, m: m.register_parameter("a", "b"),
    "register_parameter: not a leaf": lambda t, m: m.register_parameter("a", not_a_leaf(t)),
    "register_buffer: taken by a parameter": lambda t, m: m.register_buffer("w", t.ones(1)),
    "register_buffer: dot": lambda t, m: m.register_buffer("a.b", t.ones(1)),
    "register_buffer: empty": lambda t, m: m.register_buffer("", t.ones(1)),
    "register_buffer: number": lambda t, m: m.register_buffer(3, t.ones(1)),
    "register_buffer: list": lambda t, m: m.register_buffer("a", [1.0]),
    "add_module: taken by a parameter": lambda t, m: m.add_module("w", t.nn.Module()),
    "add_module: dot": lambda t, m: m.add_module("a.b", t.nn.Module()),
    "add_module: empty": lambda t, m: m.add_module("", t.nn.Module()),
    "add_module: number": lambda t, m: m.add_module(3, t.nn.Module()),
    "add_module: class": lambda t, m: m.add_module("a", t.nn.Module),
    "add_module: tensor": lambda t, m: m.add_module("a", t.ones(1)),
    "register_module: dot": lambda t, m: m.register_module("a.b", t.nn.Module()),
    "tensor over a parameter": lambda t, m: setattr(m, "w", t.ones(1)),
    "number over a parameter": lambda t, m: setattr(m, "w", 1),
    "child over a parameter": lambda t, m: setattr(m, "w", t.nn.Module()),
    "tensor over a child": lambda t, m: setattr(m, "child", t.ones(1)),
    "buffer over a child": lambda t, m: setattr(m, "child", t.nn.Buffer(t.ones(1))),
    "buffer over a parameter": lambda t, m: setattr(m, "w", t.nn.Buffer(t.ones(1))),
    "buffer over a plain attribute": lambda t, m: setattr(m, "plain", t.nn.Buffer(t.ones(1))),
    "string over a buffer": lambda t, m: setattr(m, "mean", "x"),
    "reading what is not there": lambda t, m: m.weight,
    "deleting what is not there": lambda t, m: delattr(m, "weight"),
    "calling without forward": lambda t, m: m(1),
    "train('yes')": lambda t, m: m.train("yes"),
    "train(1)": lambda t, m: m.train(1),
    "Module(3)": lambda t, m: t.nn.Module(3),
    "Module(a=3)": lambda t, m: t.nn.Module(a=3),
}


def not_a_leaf(torch):
    leaf = torch.nn.Parameter(torch.ones(1))
    computed = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    computed += leaf
    return computed


@needs_pytorch
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_raise_what_pytorch_raises(mistake):
    same_outcome(lambda torch: mistake(torch, with_attributes(torch)))


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_errors(mistake):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, NotImplementedError)):
        mistake(reftorch, with_attributes(reftorch))


@both
@pytest.mark.parametrize("kind", ["parameter", "module", "buffer", "register"])
def test_before_init(torch, kind):
    class Forgetful(torch.nn.Module):
        def __init__(self):
            if kind == "parameter":
                self.x = parameter(torch)
            elif kind == "module":
                self.x = torch.nn.Module()
            elif kind == "buffer":
                self.x = torch.nn.Buffer(torch.ones(1))
            else:
                self.register_buffer("x", torch.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Forgetful()


@both
def test_plain_attribute_before_init(torch):
    class Early(torch.nn.Module):
        def __init__(self):
            self.size = 3
            super().__init__()

    assert Early().size == 3


@both
def test_call_super_init(torch):
    class Mixin:
        def __init__(self, a, b=0):
            self.ab = (a, b)

    class Joined(torch.nn.Module, Mixin):
        call_super_init = True

    class Separate(torch.nn.Module, Mixin):
        pass

    assert Joined(1, b=2).ab == (1, 2)
    with pytest.raises(TypeError):
        Separate(1, b=2)


@both
def test_registration_hooks(torch):
    module = torch.nn.modules.module if torch is not reftorch else torch.nn.hooks
    seen = []
    other = parameter(torch, 5)
    with module.register_module_parameter_registration_hook(lambda m, name, p: seen.append(("p", name)) or other):
        with module.register_module_buffer_registration_hook(lambda m, name, b: seen.append(("b", name))):
            with module.register_module_module_registration_hook(lambda m, name, c: seen.append(("m", name))):
                net = empty_module(torch)
                net.w = parameter(torch)
                net.register_parameter("v", parameter(torch))
                net.register_parameter("none", None)
                net.register_buffer("mean", torch.zeros(1))
                net.mean = torch.ones(1)
                net.child = empty_module(torch)
                net.add_module("second", empty_module(torch))
                net.child = None
    net.u = parameter(torch)
    assert seen == [
        ("p", "w"), ("p", "v"), ("b", "mean"), ("b", "mean"), ("m", "child"), ("m", "second"), ("m", "child"),
    ]  # fmt: skip
    assert net.w is other and net.u is not other


@both
def test_delattr(torch):
    net = with_attributes(torch)
    net.register_buffer("gone", torch.zeros(1), persistent=False)
    for name in ("w", "child", "mean", "plain", "gone"):
        delattr(net, name)
        assert not hasattr(net, name)
    assert not net._parameters and not net._modules and not net._buffers and not net._non_persistent_buffers_set


# ------------------------------------------------------------------------------------------------ calling
@both
def test_call_runs_forward(torch):
    class Sum(torch.nn.Module):
        def forward(self, a, *more, scale=1):
            return (a + sum(more)) * scale

    assert Sum()(1, 2, 3, scale=10) == 60


def test_without_hooks_nothing_stands_between_call_and_forward():
    class Who(reftorch.nn.Module):
        def forward(self):
            caller = sys._getframe(1)
            return caller.f_code, caller.f_back.f_code

    here = sys._getframe().f_code
    assert Who()() == (reftorch.nn.Module.__call__.__code__, here)


# ------------------------------------------------------------------------------------------------ modes and gradients
@both
def test_train_and_eval_reach_everything(torch):
    net = empty_module(torch)
    net.child = empty_module(torch)
    net.child.child = empty_module(torch)
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.child.train() is net.child
    assert [m.training for m in net.modules()] == [False, True, True]


@both
def test_requires_grad_(torch):
    net = empty_module(torch)
    net.w, net.child = parameter(torch), empty_module(torch)
    net.child.w = parameter(torch)
    assert net.requires_grad_(False) is net
    assert [p.requires_grad for p in net.parameters()] == [False, False]
    net.child.requires_grad_()
    assert [p.requires_grad for p in net.parameters()] == [False, True]


@both
def test_zero_grad(torch):
    net = empty_module(torch)
    net.w, net.unused = parameter(torch), parameter(torch)
    (net.w * 3).sum().backward()
    grad = net.w.grad
    net.zero_grad(set_to_none=False)
    assert net.w.grad is grad and grad.tolist() == [0.0, 0.0] and not grad.requires_grad
    assert net.unused.grad is None
    net.zero_grad()
    assert net.w.grad is None


@both
def test_apply_goes_bottom_up(torch):
    net = empty_module(torch)
    net.a, net.b = empty_module(torch), empty_module(torch)
    net.a.c = empty_module(torch)
    seen = []
    assert net.apply(seen.append) is net
    assert seen == [net.a.c, net.a, net.b, net]


# ------------------------------------------------------------------------------------------------ printing
@both
def test_repr(torch):
    class Leaf(torch.nn.Module):
        def __init__(self, text=""):
            super().__init__()
            self.text = text

        def extra_repr(self):
            return self.text

    class Net(Leaf):
        pass

    assert repr(Leaf()) == "Leaf()"
    assert repr(Leaf("a=1, b=2")) == "Leaf(a=1, b=2)"
    assert repr(Leaf("one\ntwo")) == "Leaf(\n  one\n  two\n)"
    net = Net("note")
    net.inner = Net()
    net.inner.leaf = Leaf("x\n\ny")
    net.add_module("none", None)
    assert repr(net) == (
        "Net(\n  note\n  (inner): Net(\n    (leaf): Leaf(\n      x\n\n      y\n    )\n  )\n  (none): None\n)"
    )


@both
def test_dir(torch):
    net = with_attributes(torch)
    net.add_module("0", empty_module(torch))
    listed = dir(net)
    assert {"w", "child", "mean", "plain", "forward", "training"} <= set(listed)
    assert "0" not in listed and listed == sorted(listed)


# ------------------------------------------------------------------------------------------------ what there is not
@pytest.mark.parametrize("name", ["ipu", "xpu", "mtia"])
def test_entry_points_of_other_machines_say_so(name):
    with pytest.raises((RuntimeError, AssertionError), match=name):
        getattr(reftorch.nn.Linear(1, 1), name)()


@needs_pytorch
@pytest.mark.parametrize("name", ["ipu", "xpu", "mtia"])
def test_other_devices_raise_what_pytorch_raises(name):
    same_outcome(lambda torch: getattr(torch.nn.Linear(1, 1), name)())


@needs_pytorch
def test_every_public_name_of_pytorch_is_there():
    import torch

    names = {n for n in dir(torch.nn.Module) if not n.startswith("_")} - {"T_destination"}
    assert names <= set(dir(reftorch.nn.Module))
