"""Backward hooks of `nn.Module`, of one module and of all; each expectation is checked on PyTorch too."""

import warnings
from collections import namedtuple

import pytest

import reftorch
from both import both, needs_pytorch, pytorch, same_outcome
from reftorch.nn.hooks import everywhere


def numbers(value):
    """Tensors in tuples as lists of numbers."""
    if isinstance(value, (tuple, list)):
        return tuple(numbers(v) for v in value)
    return value.tolist() if hasattr(value, "tolist") else value


def recorder(log):
    return lambda module, *grads: log.append(numbers(grads))


def polynomial(torch):
    """(x, y) -> (w x^2 + 3 y, y) : several operations, two inputs, two outputs."""

    class Polynomial(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(1))

        def forward(self, x, y=1.0, *, note=None):
            return self.w * x * x + 3 * y, y

    return Polynomial()


def leaf(torch, *values):
    return torch.tensor(values, requires_grad=True)


@pytest.fixture
def forget_global_hooks():
    """Which kind of global hook there has been is remembered for ever, also by PyTorch."""
    yield
    everywhere.is_full_backward = None
    if pytorch is not None:
        pytorch.nn.modules.module._global_is_full_backward_hook = None


def hooks_of(torch):
    return torch.nn.hooks if torch is reftorch else torch.nn.modules.module


# ------------------------------------------------------------------------------------------------ full hooks
@both
def test_gradients_of_the_whole_module(torch):
    log = []
    net = polynomial(torch)
    net.register_full_backward_hook(recorder(log))
    x, y = leaf(torch, 2.0, 3.0), leaf(torch, 1.0, 1.0)
    out, _ = net(x, y)
    (out * torch.tensor([1.0, 10.0])).sum().backward()
    assert log == [(([4.0, 60.0], [3.0, 30.0]), ([1.0, 10.0], None))]
    assert x.grad.tolist() == [4, 60] and y.grad.tolist() == [3, 30] and net.w.grad.tolist() == [94]


@both
def test_what_is_not_a_tensor_is_none(torch):
    class Mixed(torch.nn.Module):
        def forward(self, a, b, c, *, d):
            return a * 2, "text", a * 3

    log = []
    net = Mixed()
    net.register_full_backward_hook(recorder(log))
    net.register_full_backward_pre_hook(recorder(log))
    out = net(5, leaf(torch, 1.0) if False else "b", leaf(torch, 2.0), d=leaf(torch, 3.0))
    assert out[0] == 10 and not log
    a = leaf(torch, 1.0)
    net(a, 7, torch.ones(1), d=leaf(torch, 3.0))[2].backward()
    assert log == [((None, None, [1.0]),), (([3.0], None, [0.0]), (None, None, [1.0]))]
    assert a.grad.tolist() == [3]


@both
def test_an_input_that_is_not_used_gets_zeros(torch):
    class First(torch.nn.Module):
        def forward(self, a, b):
            return a * 2

    log = []
    net = First()
    net.register_full_backward_hook(recorder(log))
    a, b = leaf(torch, 1.0), leaf(torch, 1.0)
    net(a, b).backward()
    assert log == [(([2.0], [0.0]), ([1.0],))]
    assert b.grad.tolist() == [0]


@both
def test_an_output_that_is_not_used_leaves_its_parameters_alone(torch):
    class Branches(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p, self.q = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return x * self.p, x * self.q

    net = Branches()
    net.register_full_backward_hook(lambda *a: None)
    net(leaf(torch, 2.0))[0].backward()
    assert net.p.grad.tolist() == [2] and net.q.grad is None


@both
def test_hooks_replace_gradients(torch):
    net = polynomial(torch)
    x, y = leaf(torch, 2.0), leaf(torch, 1.0)
    net.register_full_backward_pre_hook(lambda m, grad_output: (grad_output[0] * 10, None))
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1, gi[1] + go[0]))
    net.register_full_backward_hook(lambda m, gi, go: [gi[0] * 2, gi[1] * 2])
    net(x, y)[0].sum().backward()
    assert x.grad.tolist() == [(4 * 10 + 1) * 2] and y.grad.tolist() == [(3 * 10 + 10) * 2]
    assert net.w.grad.tolist() == [40]


@both
def test_none_stops_the_gradient(torch):
    net = polynomial(torch)
    x = leaf(torch, 2.0)
    net.register_full_backward_hook(lambda m, gi, go: (None,))
    net(x)[0].backward()
    assert x.grad is None and net.w.grad.tolist() == [4]


@both
def test_order_and_prepend(torch):
    log = []
    net = polynomial(torch)
    for name, prepend in [("a", False), ("b", True), ("c", False)]:
        net.register_full_backward_pre_hook(lambda m, go, name=name: log.append("pre " + name), prepend=prepend)
        net.register_full_backward_hook(lambda m, gi, go, name=name: log.append(name), prepend)
    net(leaf(torch, 1.0))[0].backward()
    assert log == ["pre b", "pre a", "pre c", "b", "a", "c"]


@both
def test_inner_modules_and_the_order_of_backward(torch):
    log = []
    net = torch.nn.Sequential(polynomial_first(torch), polynomial_first(torch))
    for name, module in net.named_modules():
        module.register_full_backward_hook(lambda m, gi, go, name=name: log.append((name, numbers(gi), numbers(go))))
    net(leaf(torch, 2.0)).backward()
    # x = 2, 4 + 3 = 7, 49 + 3: the derivatives are 2 x 2 and 2 x 7
    assert log == [
        ("1", ([14.0],), ([1.0],)),
        ("0", ([56.0],), ([14.0],)),
        ("", ([56.0],), ([1.0],)),
    ]


def polynomial_first(torch):
    class First(type(polynomial(torch))):
        def forward(self, x):
            return super().forward(x)[0]

    return First()


@both
def test_twice_through_one_graph(torch):
    log = []
    net = polynomial_first(torch)
    net.register_full_backward_hook(recorder(log))
    out = net(leaf(torch, 2.0))
    out.backward(retain_graph=True)
    out.backward()
    assert log == [(([4.0],), ([1.0],))] * 2


@both
def test_namedtuples_keep_their_type(torch):
    Pair = namedtuple("Pair", "first second")

    class Split(torch.nn.Module):
        def forward(self, x):
            return Pair(x * 1, x * 2)

    log = []
    net = Split()
    net.register_full_backward_hook(recorder(log))
    out = net(leaf(torch, 1.0))
    assert type(out) is Pair
    out.second.backward()
    assert log == [(([2.0],), (None, [1.0]))]


@both
def test_a_module_without_inputs_that_need_gradients(torch):
    log = []
    net = polynomial_first(torch)
    net.register_full_backward_hook(recorder(log))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        net(torch.tensor([2.0])).backward()
    assert log == [((None,), ([1.0],))]
    net.register_full_backward_hook(lambda m, gi, go: go)
    with pytest.warns(UserWarning):
        with pytest.raises(RuntimeError, match="no input requires|always return"):
            net(torch.tensor([2.0])).backward()


@both
def test_no_gradients_no_hooks(torch):
    log = []
    net = polynomial_first(torch)
    net.register_full_backward_hook(recorder(log))
    net.register_full_backward_pre_hook(recorder(log))
    with torch.no_grad():
        assert not net(leaf(torch, 2.0)).requires_grad
    net.requires_grad_(False)
    assert not net(torch.tensor([2.0])).requires_grad
    assert not log


@both
def test_output_that_hooks_cannot_see_warns(torch):
    class Dictionary(torch.nn.Module):
        def forward(self, x):
            return {"y": x * 2}

    log = []
    net = Dictionary()
    net.register_full_backward_hook(recorder(log))
    x = leaf(torch, 1.0)
    with pytest.warns(UserWarning, match="module output should be a Tensor"):
        out = net(x)
    out["y"].backward()
    assert not log and x.grad.tolist() == [2]


@both
def test_removed_hooks_are_not_called(torch):
    log = []
    net = polynomial_first(torch)
    with net.register_full_backward_hook(recorder(log)):
        kept = net(leaf(torch, 1.0))
    net(leaf(torch, 1.0)).backward()
    assert not log
    kept.backward()
    assert len(log) == 1, "what was recorded with the hook calls it"


ANSWERS = {
    "a number": lambda t: 5,
    "too many": lambda t: (t.ones(2), t.ones(2)),
    "none at all": lambda t: (),
    "a tensor": lambda t: t.ones(2),
    "another size": lambda t: (t.ones(3),),
    "another rank": lambda t: (t.ones(1, 2),),
    "right": lambda t: (t.ones(2) * 7,),
    "a list": lambda t: [t.ones(2) * 7],
    "None": lambda t: None,
}


@needs_pytorch
@pytest.mark.parametrize("kind", ["register_full_backward_hook", "register_full_backward_pre_hook"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers(kind, answer):
    def action(torch):
        net = polynomial_first(torch)
        getattr(net, kind)(lambda *args: answer(torch))
        x = leaf(torch, 1.0, 2.0)
        net(x).sum().backward()
        return x.grad.tolist()

    same_outcome(action)


@pytest.mark.parametrize("answer", ["a number", "too many", "none at all", "a tensor", "another size"])
def test_wrong_answers_are_errors(answer):
    net = polynomial_first(reftorch)
    net.register_full_backward_hook(lambda *args: ANSWERS[answer](reftorch))
    with pytest.raises((RuntimeError, TypeError), match="Backward hook"):
        net(leaf(reftorch, 1.0, 2.0)).sum().backward()


@both
@pytest.mark.parametrize("what", ["input", "output"])
def test_changing_in_place_is_an_error(torch, what):
    class InPlace(torch.nn.Module):
        def forward(self, x):
            return x.add_(1) if what == "input" else x + 1

    net = InPlace()
    net.register_full_backward_hook(lambda *a: None)
    x = leaf(torch, 1.0) * 2
    with pytest.raises(RuntimeError, match="modified inplace|in-place"):
        y = net(x)
        y.mul_(2)


# ------------------------------------------------------------------------------------------------ legacy hooks
@both
def test_legacy_hooks_see_the_last_operation(torch):
    log = []
    net = polynomial_first(torch)
    net.register_backward_hook(recorder(log))
    x = leaf(torch, 2.0)
    with pytest.warns(FutureWarning, match="register_full_backward_hook"):
        net(
            x,
        ).backward()
    grad_input, grad_output = log[0]
    assert grad_output == ([1.0],) and grad_input[0] == [1.0]
    assert x.grad.tolist() == [4]


@both
def test_legacy_hooks_replace_gradients(torch):
    class Double(torch.nn.Module):
        def forward(self, x):
            return x.neg()

    net = Double()
    net.register_backward_hook(lambda m, gi, go: (gi[0] * 5,))
    x = leaf(torch, 2.0)
    middle = x.neg()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one operation, whose input is the module's: nothing is missed
        net(middle).backward()
    assert x.grad.tolist() == [5]


@both
def test_legacy_hooks_find_a_tensor_in_the_output(torch):
    class Nested(torch.nn.Module):
        def forward(self, x):
            return [{"note": 1, "y": x.neg()}, "text"]

    log = []
    net = Nested()
    net.register_backward_hook(recorder(log))
    with pytest.warns(FutureWarning):
        out = net(leaf(torch, 1.0))
    out[0]["y"].backward()
    assert log == [(([-1.0],), ([1.0],))]


@both
@pytest.mark.parametrize("first", ["register_backward_hook", "register_full_backward_hook"])
def test_the_two_kinds_do_not_mix(torch, first):
    net = polynomial(torch)
    (second,) = {"register_backward_hook", "register_full_backward_hook"} - {first}
    handle = getattr(net, first)(lambda *a: None)
    with pytest.raises(RuntimeError, match="full backward hooks"):
        getattr(net, second)(lambda *a: None)
    handle.remove()
    with pytest.raises(RuntimeError, match="full backward hooks"):
        getattr(net, second)(lambda *a: None)
    getattr(net, first)(lambda *a: None)
    net.register_full_backward_pre_hook(lambda *a: None)


# ------------------------------------------------------------------------------------------------ all modules
@both
def test_global_full_hooks_come_first(torch, forget_global_hooks):
    log = []
    net = polynomial_first(torch)
    net.register_full_backward_hook(lambda *a: log.append("own"))
    net.register_full_backward_pre_hook(lambda *a: log.append("own pre"))
    glob = hooks_of(torch)
    with glob.register_module_full_backward_hook(lambda m, gi, go: log.append(numbers((gi, go)))):
        with glob.register_module_full_backward_pre_hook(lambda m, go: log.append(numbers(go))):
            net(leaf(torch, 2.0)).backward()
    assert log == [([1.0],), "own pre", (([4.0],), ([1.0],)), "own"]
    net(leaf(torch, 2.0)).backward()
    assert log[4:] == ["own pre", "own"]
    with pytest.raises(RuntimeError):
        glob.register_module_backward_hook(lambda *a: None)


@both
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_global_legacy_hooks(torch, forget_global_hooks):
    log = []
    net = polynomial_first(torch)
    glob = hooks_of(torch)
    with glob.register_module_backward_hook(lambda m, gi, go: log.append((m is net, numbers(go)))):
        net.register_full_backward_hook(lambda m, gi, go: log.append("own"))
        net(leaf(torch, 2.0)).backward()
    assert sorted(map(str, log)) == sorted(map(str, [(True, ([1.0],)), "own"]))
    with pytest.raises(RuntimeError):
        glob.register_module_full_backward_hook(lambda *a: None)
