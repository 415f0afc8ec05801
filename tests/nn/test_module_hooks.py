"""Forward hooks of `nn.Module`, of one module and of all; each expectation is checked on PyTorch too."""

import gc
import warnings

import pytest

import reftorch
from both import both
from reftorch.autograd import RemovableHandle


def hooks_of(torch):
    """Where the functions are that register global hooks."""
    return torch.nn.hooks if torch is reftorch else torch.nn.modules.module


def handle_class(torch):
    return RemovableHandle if torch is reftorch else torch.utils.hooks.RemovableHandle


def adder(torch, log=None):
    class Add(torch.nn.Module):
        def forward(self, x, y=0):
            if log is not None:
                log.append(("forward", x, y))
            if x < 0:
                raise ValueError("negative")
            return x + y

    return Add()


# ------------------------------------------------------------------------------------------------ one module
@both
def test_order_and_arguments(torch):
    log = []
    net = adder(torch, log)
    net.register_forward_pre_hook(lambda m, args: log.append(("pre", m is net, args)))
    net.register_forward_pre_hook(lambda m, args, kwargs: log.append(("pre kwargs", args, kwargs)), with_kwargs=True)
    net.register_forward_hook(lambda m, args, out: log.append(("post", m is net, args, out)))
    net.register_forward_hook(
        lambda m, args, kwargs, out: log.append(("post kwargs", args, kwargs, out)), with_kwargs=True
    )
    assert net(1, y=2) == 3
    assert log == [
        ("pre", True, (1,)),
        ("pre kwargs", (1,), {"y": 2}),
        ("forward", 1, 2),
        ("post", True, (1,), 3),
        ("post kwargs", (1,), {"y": 2}, 3),
    ]


@both
def test_prepend(torch):
    log = []
    net = adder(torch)
    for name, prepend in [("a", False), ("b", True), ("c", False), ("d", True)]:
        net.register_forward_pre_hook(lambda m, args, name=name: log.append("pre " + name), prepend=prepend)
        net.register_forward_hook(lambda m, args, out, name=name: log.append(name), prepend=prepend)
    net(1)
    assert log == ["pre d", "pre b", "pre a", "pre c", "d", "b", "a", "c"]


@both
def test_pre_hooks_replace_arguments(torch):
    net = adder(torch)
    with net.register_forward_pre_hook(lambda m, args: 10):
        assert net(1) == 10 and net(1, y=1) == 11
    with net.register_forward_pre_hook(lambda m, args: (10, 20)):
        assert net(1) == 30
    with net.register_forward_pre_hook(lambda m, args: [10]):
        with pytest.raises(TypeError):
            net(1)
    with net.register_forward_pre_hook(lambda m, args, kwargs: ((5,), {"y": kwargs["y"] * 2}), with_kwargs=True):
        assert net(1, y=3) == 11
    assert net(1) == 1


@both
@pytest.mark.parametrize("answer", [5, (5,), ((5,), {}, 1), [(5,), {}]])
def test_pre_hook_with_kwargs_must_return_a_pair(torch, answer):
    net = adder(torch)
    net.register_forward_pre_hook(lambda m, args, kwargs: answer, with_kwargs=True)
    with pytest.raises(RuntimeError, match="pre-hook"):
        net(1)


@both
def test_hooks_replace_the_output(torch):
    net = adder(torch)
    net.register_forward_hook(lambda m, args, out: out * 10)
    net.register_forward_hook(lambda m, args, kwargs, out: out + kwargs.get("y", 0), with_kwargs=True)
    assert net(1) == 10 and net(1, y=5) == 65


@both
def test_removing(torch):
    log = []
    net = adder(torch)
    first = net.register_forward_hook(lambda *a: log.append("first"), always_call=True)
    second = net.register_forward_hook(lambda *a: log.append("second"), with_kwargs=True)
    pre = net.register_forward_pre_hook(lambda *a: log.append("pre"), with_kwargs=True)
    assert len({first.id, second.id, pre.id}) == 3
    net(1)
    first.remove()
    first.remove()
    pre.remove()
    net(1)
    second.remove()
    net(1)
    assert log == ["pre", "first", "second", "second"]
    tables = [v for k, v in vars(net).items() if "hooks" in k and k != "_is_full_backward_hook"]
    assert all(len(table) == 0 for table in tables)


@both
def test_handle_is_a_context_manager(torch):
    log = []
    net = adder(torch)
    with net.register_forward_hook(lambda *a: log.append("hook")) as handle:
        assert isinstance(handle, handle_class(torch))
        net(1)
    net(1)
    assert log == ["hook"]


@both
def test_handle_outlives_the_module(torch):
    net = adder(torch)
    handle = net.register_forward_hook(lambda *a: None)
    del net
    gc.collect()
    handle.remove()


@both
def test_a_hook_may_remove_itself(torch):
    log = []
    net = adder(torch)

    def once(module, args, out):
        log.append(out)
        handle.remove()

    handle = net.register_forward_hook(once)
    net.register_forward_hook(lambda m, args, out: log.append("other"))
    net(1)
    net(2)
    assert log == [1, "other", "other"]


@both
def test_inner_modules_call_their_hooks(torch):
    log = []

    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = adder(torch)

        def forward(self, x):
            return self.inner(x) + 1

    net = Outer()
    net.register_forward_hook(lambda m, args, out: log.append(("outer", out)))
    net.inner.register_forward_hook(lambda m, args, out: log.append(("inner", out)))
    net(1)
    assert log == [("inner", 1), ("outer", 2)]


# ------------------------------------------------------------------------------------------------ failing calls
@both
def test_always_called_when_forward_fails(torch):
    log = []
    net = adder(torch)
    net.register_forward_hook(lambda *a: log.append("not called"))
    net.register_forward_hook(lambda m, args, out: log.append((args, out)), always_call=True)
    net.register_forward_hook(
        lambda m, args, kwargs, out: log.append((args, kwargs, out)), always_call=True, with_kwargs=True
    )
    with pytest.raises(ValueError, match="negative"):
        net(-1, y=2)
    assert log == [((-1,), None), ((-1,), {"y": 2}, None)]


@both
def test_always_called_once_when_a_hook_fails(torch):
    log = []
    net = adder(torch)

    def fail(*args):
        raise KeyError("hook")

    net.register_forward_hook(lambda m, args, out: log.append(("before", out)), always_call=True)
    net.register_forward_hook(fail)
    net.register_forward_hook(lambda m, args, out: log.append(("after", out)) or 99, always_call=True)
    net.register_forward_hook(lambda m, args, out: log.append(("last", out)), always_call=True)
    with pytest.raises(KeyError, match="hook"):
        net(1)
    assert log == [("before", 1), ("after", 1), ("last", 99)]


@both
def test_always_called_when_a_pre_hook_fails(torch):
    log = []
    net = adder(torch, log)

    def fail(*args):
        raise KeyError("pre")

    net.register_forward_pre_hook(fail)
    net.register_forward_hook(lambda m, args, out: log.append(out), always_call=True)
    with pytest.raises(KeyError):
        net(1)
    assert log == [None]


@both
def test_an_always_called_hook_that_fails_becomes_a_warning(torch):
    net = adder(torch)

    def fail(*args):
        raise KeyError("silenced")

    net.register_forward_hook(fail, always_call=True)
    with pytest.warns(UserWarning, match="silenced"):
        with pytest.raises(ValueError, match="negative"):
            net(-1)
    with pytest.raises(KeyError, match="silenced"):
        net(1)


# ------------------------------------------------------------------------------------------------ all modules
@both
def test_global_hooks_come_first(torch):
    log = []
    everywhere = hooks_of(torch)
    net = adder(torch)
    net.register_forward_pre_hook(lambda m, args: log.append("own pre"), prepend=True)
    net.register_forward_hook(lambda m, args, out: log.append("own"), prepend=True)
    with everywhere.register_module_forward_pre_hook(lambda m, args: log.append("global pre")):
        with everywhere.register_module_forward_hook(lambda m, args, out: log.append("global")):
            net(1)
    net(1)
    assert log == ["global pre", "own pre", "global", "own", "own pre", "own"]


@both
def test_global_hooks_replace(torch):
    everywhere = hooks_of(torch)
    net = adder(torch)
    with everywhere.register_module_forward_pre_hook(lambda m, args: tuple(a * 2 for a in args)):
        with everywhere.register_module_forward_hook(lambda m, args, out: (args, out)):
            assert net(3, y=1) == ((6,), 7)
        seen = []
        with everywhere.register_module_forward_hook(lambda m, a, k, out: seen.append((a, k, out)), with_kwargs=True):
            net(3, y=1)
        assert seen == [((6,), {"y": 1}, 7)]
    assert net(3) == 3


@both
def test_global_always_called(torch):
    log = []
    net = adder(torch)
    with hooks_of(torch).register_module_forward_hook(lambda m, args, out: log.append(out), always_call=True):
        net(1)
        with pytest.raises(ValueError):
            net(-1)
    with pytest.raises(ValueError):
        net(-1)
    assert log == [1, None]


def test_global_always_called_hook_gets_kwargs():
    """PyTorch 2.13 leaves them out here, and the hook fails."""
    log = []
    net = adder(reftorch)
    register = reftorch.nn.hooks.register_module_forward_hook
    with register(lambda m, args, kwargs, out: log.append(kwargs), always_call=True, with_kwargs=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError):
                net(-1, y=1)
    assert log == [{"y": 1}]


def test_numbers_of_hooks_out_of_a_pickle():
    """A hook that was registered in another process may have the number of one that is registered here."""
    log = []
    net = adder(reftorch)
    everywhere = reftorch.nn.hooks.register_module_forward_hook
    with everywhere(lambda m, args, kwargs, out: log.append("global"), with_kwargs=True) as handle:
        net._forward_hooks[handle.id] = lambda m, args, out: log.append("own")
        net(1)
    assert log == ["global", "own"]
    older = RemovableHandle(net._forward_hooks).id + 1
    net._forward_hooks[older] = lambda m, args, out: log.append("older")
    net.register_forward_hook(lambda m, args, out: log.append("newer"))
    log.clear()
    net(1)
    assert log == ["own", "older", "newer"]
