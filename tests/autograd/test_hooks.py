"""Hooks on tensors, leaves and nodes: when they are called, with what, and what they can change. Checked on PyTorch too."""

import gc
import weakref
from collections import OrderedDict

import pytest

import reftorch
from both import both
from functions import leaf


# ------------------------------------------------------------------------------------------------ tensors
@both
def test_on_a_leaf_and_on_what_was_computed(torch):
    log = []
    x = leaf(torch, 1.0)
    y = x * 2
    x.register_hook(lambda g: log.append(("x", g.tolist())))
    y.register_hook(lambda g: log.append(("y", g.tolist())))
    (y * 3).backward()
    assert log == [("y", [3]), ("x", [6])]


@both
def test_a_hook_replaces_the_gradient(torch):
    x = leaf(torch, 1.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.backward()
    assert x.grad.tolist() == [21]


@both
def test_order_and_chaining(torch):
    x, log = leaf(torch, 1.0), []
    x.register_hook(lambda g: log.append(g.tolist()) or g * 2)
    x.register_hook(lambda g: log.append(g.tolist()))
    x.register_hook(lambda g: log.append(g.tolist()) or g + 1)
    x.backward()
    assert log == [[1], [2], [2]] and x.grad.tolist() == [3]


@both
def test_removing(torch):
    x, log = leaf(torch, 1.0), []
    first = x.register_hook(lambda g: log.append("first"))
    with x.register_hook(lambda g: log.append("second")):
        x.backward()
    first.remove()
    first.remove()
    x.backward()
    assert log == ["first", "second"]


@both
def test_a_hook_that_removes_itself(torch):
    x, log = leaf(torch, 1.0), []

    def once(g):
        log.append("once")
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: log.append("always"))
    x.backward()
    x.backward()
    assert log == ["once", "always", "always"]


@both
def test_called_once_with_the_sum(torch):
    x, log = leaf(torch, 1.0), []
    y = x * 1
    y.register_hook(lambda g: log.append(g.tolist()))
    (y * 2 + y * 3 + y).backward()
    assert log == [[6]]


@both
def test_outputs_of_one_node_have_their_own(torch):
    log = []
    a, b = leaf(torch, 1.0, 2.0, 3.0).split([1, 2])
    a.register_hook(lambda g: log.append(("a", g.tolist())))
    b.register_hook(lambda g: log.append(("b", g.tolist())))
    (a * 5 + b.sum()).backward()
    assert sorted(log) == [("a", [5]), ("b", [1, 1])]


@both
def test_a_hook_sees_gradients_that_grad_captures(torch):
    x = leaf(torch, 1.0)
    y = x * 2
    y.register_hook(lambda g: g * 7)
    assert torch.autograd.grad(y * 1, y)[0].tolist() == [7]


@both
def test_hooks_run_without_recording(torch):
    x, log = leaf(torch, 1.0), []
    x.register_hook(lambda g: log.append((torch.is_grad_enabled(), g.requires_grad)))
    (x * 2).backward()
    assert log == [(False, False)]


@both
def test_an_error_in_a_hook_reaches_the_caller(torch):
    x = leaf(torch, 1.0)
    x.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        x.backward()
    assert torch.is_grad_enabled()


@both
def test_wrong_answers(torch):
    for wrong, error in ((2.0, TypeError), (torch.ones(3), RuntimeError), (torch.ones(1).double(), RuntimeError)):
        x = leaf(torch, 1.0)
        x.register_hook(lambda g, wrong=wrong: wrong)
        with pytest.raises(error, match="hook"):
            (x * 2).backward()


@both
def test_no_hook_without_a_gradient(torch):
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(1).register_hook(print)


@both
def test_a_hook_from_before_an_in_place_operation_sees_the_value_before(torch):
    log = []
    y = leaf(torch, 1.0) * 1
    y.register_hook(lambda g: log.append(("before", g.tolist())))
    y.mul_(10)
    y.register_hook(lambda g: log.append(("after", g.tolist())))
    (y * 3).backward()
    assert log == [("after", [3]), ("before", [30])]


# ------------------------------------------------------------------------------------------------ retain_grad
@both
def test_retain_grad(torch):
    x = leaf(torch, 1.0)
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    z = y * y
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [4]
    z.backward()
    assert y.grad.tolist() == [8] and x.grad.tolist() == [16]


@both
def test_retain_grad_comes_after_the_hooks(torch):
    y = leaf(torch, 1.0) * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    (y * 1).backward()
    assert y.grad.tolist() == [10]


@both
def test_retain_grad_follows_an_in_place_operation(torch):
    y = leaf(torch, 1.0) * 2
    y.retain_grad()
    y.mul_(5)
    (y * 3).backward()
    assert y.grad.tolist() == [3]


@both
def test_retain_grad_of_a_leaf_does_nothing(torch):
    x = leaf(torch, 1.0)
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        torch.ones(1).retain_grad()


@both
def test_retain_grad_does_not_keep_the_tensor(torch):
    x = leaf(torch, 1.0)
    y = x * 2
    y.retain_grad()
    z = y * 3
    gone = weakref.ref(y)
    del y
    gc.collect()
    if torch is reftorch:
        assert gone() is None
    z.backward()
    assert x.grad.tolist() == [6]


@both
def test_without_retain_grad_there_is_none(torch):
    y = leaf(torch, 1.0) * 2
    (y * 3).backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert y.grad is None


# ------------------------------------------------------------------------------------------------ leaves
@both
def test_after_accumulation(torch):
    x, log = leaf(torch, 1.0), []
    handle = x.register_post_accumulate_grad_hook(lambda t: log.append((t is x, t.grad.tolist())))
    (x * 2 + x).backward()
    (x * 1).backward()
    assert log == [(True, [3]), (True, [4])]
    handle.remove()
    x.backward()
    assert len(log) == 2


@both
def test_after_accumulation_the_gradient_can_be_dropped(torch):
    x, w = leaf(torch, 1.0), leaf(torch, 2.0)
    rate = 0.5

    def step(t):
        t.data.sub_(rate * t.grad)
        t.grad = None

    w.register_post_accumulate_grad_hook(step)
    (x * w).backward()
    assert w.grad is None and w.tolist() == [1.5] and x.grad.tolist() == [2]


@both
def test_after_accumulation_only_on_leaves(torch):
    with pytest.raises(RuntimeError, match="non-leaf"):
        (leaf(torch, 1.0) * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(1).register_post_accumulate_grad_hook(print)


# ------------------------------------------------------------------------------------------------ nodes
def double(torch):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * 2 + y, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3, a

    return Double


@both
def test_node_hooks(torch):
    log = []
    x, y = leaf(torch, 1.0), leaf(torch, 1.0)
    out, _ = double(torch).apply(x, y)
    node = out.grad_fn
    numbers = lambda grads: [g if g is None else g.tolist() for g in grads]  # noqa: E731
    node.register_prehook(lambda outputs: log.append(("pre", numbers(outputs))))
    node.register_hook(lambda inputs, outputs: log.append(("post", numbers(inputs), numbers(outputs))))
    out.backward()
    assert log == [("pre", [[1], None]), ("post", [[2], [1]], [[1], None])]


@both
def test_node_hooks_replace(torch):
    x, y = leaf(torch, 1.0), leaf(torch, 1.0)
    out, other = double(torch).apply(x, y)
    out.grad_fn.register_prehook(lambda outputs: (outputs[0] * 10, outputs[1] + 1))
    out.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 5, None))
    (out + other).backward()
    assert x.grad.tolist() == [31] and y.grad is None


@both
def test_removing_node_hooks(torch):
    log = []
    out, _ = double(torch).apply(leaf(torch, 1.0), leaf(torch, 1.0))
    out.grad_fn.register_prehook(lambda outputs: log.append(1)).remove()
    out.grad_fn.register_hook(lambda inputs, outputs: log.append(2)).remove()
    out.backward()
    assert log == []


@both
def test_node_hooks_with_a_wrong_answer(torch):
    out, _ = double(torch).apply(leaf(torch, 1.0), leaf(torch, 1.0))
    out.grad_fn.register_hook(lambda inputs, outputs: (inputs[0],))
    with pytest.raises(RuntimeError, match="hook.*incorrect number of values"):
        out.backward()


@both
def test_hooks_at_the_end_of_the_tape(torch):
    x, log = leaf(torch, 1.0), []
    y = x * 2
    end = y.grad_fn.next_functions[0][0]
    end.register_prehook(lambda grads: (grads[0] * 10,))
    end.register_hook(lambda inputs, outputs: log.append((len(inputs), x.grad.tolist())))
    y.backward()
    assert x.grad.tolist() == [20] and log == [(0, [20])]


@both
def test_order_of_everything(torch):
    log = []
    x = leaf(torch, 1.0)
    y = x * 2
    z = y * 3
    y.register_hook(lambda g: log.append("tensor y"))
    y.grad_fn.register_prehook(lambda g: log.append("prehook of y's node"))
    y.grad_fn.register_hook(lambda i, o: log.append("hook of y's node"))
    z.grad_fn.register_hook(lambda i, o: log.append("hook of z's node"))
    x.register_hook(lambda g: log.append("leaf"))
    x.register_post_accumulate_grad_hook(lambda t: log.append("after"))
    z.backward()
    assert log == [
        "hook of z's node", "tensor y", "prehook of y's node", "hook of y's node", "leaf", "after",
    ]  # fmt: skip


def test_numbers_of_hooks_out_of_a_pickle():
    """A dictionary of hooks may hold numbers from another process: a new hook must not take one of those."""
    hooks = OrderedDict()
    taken = reftorch.autograd.RemovableHandle(hooks).id + 1
    hooks[taken] = print
    assert reftorch.autograd.RemovableHandle(hooks).id != taken


@both
def test_gradients_of_leaves_are_added_as_soon_as_they_are_known(torch):
    """So they can be sent to other processes, or be used up, while the rest is computed; also if the last loss is kept."""
    weights, log = [leaf(torch, 1.0), leaf(torch, 1.0), leaf(torch, 1.0)], []
    for i, weight in enumerate(weights):
        weight.register_post_accumulate_grad_hook(lambda w, i=i: log.append(f"weight {i}"))
    loss = torch.zeros(1)
    for _ in range(3):
        log.clear()
        total, y = loss, leaf(torch, 1.0)
        for i, weight in enumerate(weights):
            y = y * weight
            y.grad_fn.register_hook(lambda *grads, i=i: log.append(f"product {i}"))
        loss = y.sum()
        loss.backward()
        assert log == [f"{what} {i}" for i in (2, 1, 0) for what in ("product", "weight")]
        loss = loss + total.detach()
        kept = [y, total]
    assert kept


@both
def test_a_hook_of_an_accumulator_that_is_kept_runs_in_every_backward(torch):
    x, calls = leaf(torch, 1.0), []
    accumulator = x.expand_as(x).grad_fn.next_functions[0][0]
    accumulator.register_hook(lambda *grads: calls.append(len(calls)))
    for _ in range(3):
        (x * 2).sum().backward()
    assert calls == [0, 1, 2] and x.grad.tolist() == [6]
