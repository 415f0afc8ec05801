"""The walk from the loss to the leaves: graphs of every shape. Each expectation is checked on PyTorch too."""

import gc
import sys
import threading

import pytest

import reftorch
from both import both


def leaf(torch, *values):
    return torch.tensor(values, requires_grad=True)


# ------------------------------------------------------------------------------------------------ graphs
@both
def test_shared_inputs(torch):
    x = leaf(torch, 3.0)
    (x * x * x + x + x).backward()
    assert x.grad.tolist() == [29]


@both
def test_diamond(torch):
    """Both ways round meet in one node, which runs once, after both."""
    x = leaf(torch, 2.0)
    calls = []
    bottom = x * 3
    bottom.register_hook(lambda g: calls.append(g.tolist()))
    left, right = bottom * 5, bottom.exp().log() * 7
    (left * 2 + right).sum().backward()
    assert calls == [[17]] and x.grad.tolist() == [51]


@both
def test_ladder(torch):
    """2^50 paths, 100 nodes."""
    x = leaf(torch, 1.0)
    y = x
    for _ in range(50):
        y = y + y
    y.backward()
    assert x.grad.tolist() == [2.0**50]


@both
def test_an_old_node_and_a_young_one(torch):
    x = leaf(torch, 2.0)
    old = x * 1
    young = old
    for _ in range(5):
        young = young * 2
    (young * old).backward()
    assert x.grad.tolist() == [2 * 32 * 2.0]


@both
def test_gradients_accumulate(torch):
    x = leaf(torch, 1.0)
    for _ in range(3):
        (x * 2).backward()
    assert x.grad.tolist() == [6]
    kept = x.grad
    (x * 2).backward()
    assert kept is x.grad and kept.tolist() == [8]  # in place
    x.grad = None
    (x * 2).backward()
    assert x.grad.tolist() == [2] and kept.tolist() == [8]


@both
def test_part_of_the_graph_needs_no_gradient(torch):
    x, fixed = leaf(torch, 2.0), torch.tensor([5.0])
    frozen = leaf(torch, 1.0)
    y = x * fixed * frozen.detach() + (fixed * 3)
    y.backward()
    assert x.grad.tolist() == [5] and fixed.grad is None and frozen.grad is None


@both
def test_a_leaf_itself(torch):
    x = leaf(torch, 2.0)
    x.backward()
    x.backward(torch.tensor([3.0]))
    assert x.grad.tolist() == [4]


@both
def test_several_roots(torch):
    x = leaf(torch, 2.0)
    y, z = x * 2, x * 3
    torch.autograd.backward([y, z, y], [None, torch.tensor([10.0]), torch.tensor([1.0])])
    assert x.grad.tolist() == [2 + 30 + 2]


@both
def test_a_root_inside_another_roots_graph(torch):
    x = leaf(torch, 2.0)
    y = x * 2
    z = y * 5
    torch.autograd.backward([z, y])
    assert x.grad.tolist() == [12]


@both
def test_gradients_of_the_same_type_as_the_tensor(torch):
    x = leaf(torch, 2.0)
    y = (x.double() * 3).half() * 2
    y.backward(torch.tensor([1.0], dtype=torch.float64))
    assert x.grad.dtype is torch.float32 and x.grad.tolist() == [6]


# ------------------------------------------------------------------------------------------------ long chains
LENGTH = 100_000


def chains(torch):
    def apart(x):
        for _ in range(LENGTH):
            x = x + 1
        return x

    def views(x):
        for _ in range(LENGTH):
            x = x.view(1)
        return x

    def inplace(x):
        x = x * 1
        for _ in range(LENGTH):
            x.add_(1)
        return x

    def inplace_on_a_view(x):
        x = x * 1
        part = x.view(1)
        for _ in range(LENGTH // 10):
            part.add_(1)
        return x

    def saving(x):
        for _ in range(LENGTH):
            x = x * x
        return x

    return {f.__name__: f for f in (apart, views, inplace, inplace_on_a_view, saving)}


@pytest.mark.parametrize("kind", ["apart", "views", "inplace", "inplace_on_a_view", "saving"])
def test_a_chain_of_100000(kind):
    """Neither the walk nor the deletion recurses: the limit on recursion is far lower."""
    assert sys.getrecursionlimit() < LENGTH / 10
    x = leaf(reftorch, 1.0)
    y = chains(reftorch)[kind](x)
    if kind != "saving":
        y.backward()
        assert x.grad.tolist() == [1]
    (found,) = reftorch.autograd.grad(y, x, reftorch.zeros(1)) if kind != "inplace_on_a_view" else (y.detach() * 0,)
    assert found.tolist() == [0]
    del y
    gc.collect()


def test_in_place_on_the_base_of_a_long_chain_of_views():
    x = leaf(reftorch, 1.0) * 1
    y = chains(reftorch)["views"](x)
    x.mul_(3)
    assert y.tolist() == [3]
    y.backward()  # takes the 100,000 views again
    with pytest.raises(RuntimeError, match="is a view|detach views"):
        y.detach_()


# ------------------------------------------------------------------------------------------------ errors
@both
def test_scalars_only(torch):
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (leaf(torch, 1.0, 2.0) * 2).backward()


@both
def test_nothing_to_differentiate(torch):
    for y in (torch.ones(1), leaf(torch, 1.0).detach(), leaf(torch, 1.0) > 0):
        with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
            y.backward()
    with torch.no_grad():
        y = leaf(torch, 1.0) * 2
    with pytest.raises(RuntimeError, match="does not require grad"):
        y.backward()


@both
def test_upstream_of_another_shape(torch):
    x = leaf(torch, 1.0, 2.0)
    for wrong in (torch.ones(3), torch.ones(1), torch.ones(()), torch.ones(2, 1)):
        with pytest.raises(RuntimeError, match="Mismatch in shape"):
            (x * 2).backward(wrong)
    with pytest.raises((TypeError, RuntimeError)):
        (x * 2).backward(2.0)
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        torch.autograd.backward([x * 2], [torch.ones(2), torch.ones(2)])


@both
def test_a_freed_graph(torch):
    x = leaf(torch, 3.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    z = (x * x).sum()
    z.backward(retain_graph=True)
    z.backward(retain_graph=True)
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


@both
def test_half_of_a_graph_freed(torch):
    x = leaf(torch, 3.0)
    middle = x * x
    (middle * 2).backward()
    with pytest.raises(RuntimeError, match="second time"):
        (middle * 3).backward()


def test_no_gradients_of_gradients():
    x = leaf(reftorch, 3.0)
    for call in (
        lambda: (x * x).backward(create_graph=True),
        lambda: reftorch.autograd.grad(x * x, x, create_graph=True),
    ):
        with pytest.raises(NotImplementedError, match="create_graph"):
            call()


# ------------------------------------------------------------------------------------------------ grad()
@both
def test_grad(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 5.0)
    found = torch.autograd.grad(x * x * y, [x, y])
    assert type(found) is tuple and [g.tolist() for g in found] == [[20], [4]]
    assert x.grad is None and y.grad is None
    (single,) = torch.autograd.grad(x * 3, x)
    assert single.tolist() == [3]


@both
def test_grad_of_what_is_no_leaf(torch):
    x = leaf(torch, 2.0)
    y = x * 3
    z = y * y
    assert [g.tolist() for g in torch.autograd.grad(z, [y, x, z], retain_graph=True)] == [[12], [36], [1]]
    assert torch.autograd.grad(z, y)[0].tolist() == [12]


@both
def test_grad_visits_only_what_leads_to_the_inputs(torch):
    calls = []
    x, w = leaf(torch, 2.0), leaf(torch, 3.0)
    aside = w * 2
    aside.register_hook(lambda g: calls.append("aside"))
    below = x * 2
    below.register_hook(lambda g: calls.append("below"))
    middle = below * 5
    (middle * aside).sum()
    torch.autograd.grad((middle * aside).sum(), middle)
    assert "below" not in calls
    assert x.grad is None and w.grad is None


@both
def test_grad_of_unused_inputs(torch):
    x, unused = leaf(torch, 2.0), leaf(torch, 1.0, 2.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(x * 2, [x, unused])
    assert torch.autograd.grad(x * 2, [x, unused], allow_unused=True)[1] is None
    zeros = torch.autograd.grad(x * 2, [x, unused], materialize_grads=True)[1]
    assert zeros.tolist() == [0, 0]
    with pytest.raises(ValueError, match="materialize_grads"):
        torch.autograd.grad(x * 2, [x, unused], materialize_grads=True, allow_unused=False)


@both
def test_grad_of_what_needs_none(torch):
    x = leaf(torch, 2.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(x * 2, torch.ones(1))


@both
def test_grad_with_upstreams(torch):
    x = leaf(torch, 1.0, 2.0)
    (found,) = torch.autograd.grad([x * 2, x.sum()], x, [torch.tensor([1.0, 10.0]), None])
    assert found.tolist() == [3, 21]


@both
def test_the_same_input_twice(torch):
    x = leaf(torch, 2.0)
    assert [g.tolist() for g in torch.autograd.grad(x * x, [x, x])] == [[4], [4]]


# ------------------------------------------------------------------------------------------------ backward(inputs=)
@both
def test_backward_to_some_inputs(torch):
    x, w, log = leaf(torch, 2.0), leaf(torch, 3.0), []
    x.register_post_accumulate_grad_hook(lambda t: log.append(t.grad.tolist()))
    (x * w).backward(inputs=[x])
    assert x.grad.tolist() == [3] and w.grad is None and log == [[3]]
    (x * w).backward(inputs=x)
    assert x.grad.tolist() == [6] and w.grad is None


@both
def test_backward_to_an_input_that_is_no_leaf(torch):
    x = leaf(torch, 2.0)
    y = x * 3
    (y * y).backward(inputs=[y])
    assert y.grad.tolist() == [12] and x.grad is None
    z = x * 3
    (z * z).backward(inputs=[z, x])
    assert z.grad.tolist() == [12] and x.grad.tolist() == [36]


@both
def test_backward_to_no_input(torch):
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (leaf(torch, 2.0) * 2).backward(inputs=[])


# ------------------------------------------------------------------------------------------------ recording
@both
def test_no_grad_as_context_and_decorator(torch):
    x = leaf(torch, 1.0)

    @torch.no_grad()
    def inside():
        return x * 2, torch.is_grad_enabled()

    @torch.no_grad
    def bare(a, b=1):
        """Documented."""
        return torch.is_grad_enabled(), a, b

    assert inside()[0].requires_grad is False and inside()[1] is False
    assert bare(5, b=6) == (False, 5, 6) and bare.__name__ == "bare" and bare.__doc__ == "Documented."
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad

            @torch.enable_grad()
            def nested():
                return torch.is_grad_enabled()

        assert not torch.is_grad_enabled() and nested()
        assert (torch.ones(1, requires_grad=True)).requires_grad  # a leaf is made as asked for
    assert torch.is_grad_enabled()


@both
def test_recursive_and_reused(torch):
    @torch.no_grad()
    def down(n):
        return torch.is_grad_enabled() or (n > 0 and down(n - 1))

    assert down(3) is False and torch.is_grad_enabled()
    off = torch.no_grad()
    with off:
        pass
    with off:
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@both
def test_exceptions_restore_the_mode(torch):
    for block in (torch.no_grad, lambda: torch.set_grad_enabled(False), torch.inference_mode):
        with pytest.raises(ValueError):
            with block():
                raise ValueError
        assert torch.is_grad_enabled()


@both
def test_set_grad_enabled(torch):
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)

    @torch.set_grad_enabled(False)
    def off():
        return torch.is_grad_enabled()

    assert torch.is_grad_enabled() and not off() and torch.is_grad_enabled()


@both
def test_inference_mode(torch):
    x = leaf(torch, 1.0)
    with torch.inference_mode():
        assert not (x * 2).requires_grad
    with torch.inference_mode(False):
        assert (x * 2).requires_grad

    @torch.inference_mode()
    def off():
        return torch.is_grad_enabled()

    assert not off()


@both
def test_generators_switch_only_while_they_run(torch):
    @torch.no_grad()
    def numbers():
        for _ in range(2):
            yield torch.is_grad_enabled()

    seen = [(inside, torch.is_grad_enabled()) for inside in numbers()]
    assert seen == [(False, True)] * 2


@both
def test_threads_have_their_own_mode(torch):
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


@both
def test_backward_in_threads(torch):
    def work(x, steps):
        for _ in range(steps):
            (x * x).sum().backward()

    leaves = [leaf(torch, float(i), 1.0) for i in range(4)]
    threads = [threading.Thread(target=work, args=(x, 50)) for x in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [x.grad.tolist() for x in leaves] == [[100.0 * i, 100.0] for i in range(4)]


@both
def test_backward_within_backward(torch):
    """A step that is computed again in the backward pass, to save memory."""

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(ctx, f, x):
            ctx.f = f
            ctx.save_for_backward(x)
            return f(x)

        @staticmethod
        def backward(ctx, grad_y):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = ctx.f(x)
            y.backward(grad_y)
            return None, x.grad

    x = leaf(torch, 2.0, 3.0)
    y = Again.apply(lambda t: t * t * t, x * 1)
    y.sum().backward()
    assert x.grad.tolist() == [12, 27]


# ------------------------------------------------------------------------------------------------ flags
@both
def test_requires_grad_flags(torch):
    x = torch.ones(2)
    assert x.requires_grad_() is x and x.requires_grad and x.is_leaf
    x.requires_grad = False
    assert not (x * 2).requires_grad
    x.requires_grad_(True)
    y = x * 2
    y.requires_grad_(True)
    with pytest.raises(RuntimeError, match="leaf variables"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="leaf variables"):
        y.requires_grad = False
    with pytest.raises(RuntimeError, match="floating point"):
        torch.ones(2, dtype=torch.int64).requires_grad_()
    torch.ones(2, dtype=torch.int64).requires_grad_(False)
    with pytest.raises((TypeError, RuntimeError)):
        x.requires_grad_("yes")


@both
def test_detach(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y.detach()
    assert not z.requires_grad and z.is_leaf and z.data_ptr() == y.data_ptr()
    z[0] = 7
    assert y.tolist() == [7, 4] and y._version == z._version == 1
    y.detach_()
    assert y.grad_fn is None and not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2)[0].detach_()


@both
def test_data(torch):
    x = leaf(torch, 1.0, 2.0)
    assert not x.data.requires_grad and x.data.data_ptr() == x.data_ptr()
    x.data[0] = 5
    assert x.tolist() == [5, 2] and x._version == 0
    x.data = torch.zeros(3)
    assert x.requires_grad and x.tolist() == [0, 0, 0]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with pytest.raises(TypeError):
        x.data = [1.0]


@both
def test_assigning_a_gradient(torch):
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.tensor([5.0, 6.0])
    (x * 1).sum().backward()
    assert x.grad.tolist() == [6, 7]
    x.grad = None
    for wrong in (torch.ones(3), torch.ones(2, dtype=torch.float64)):
        with pytest.raises(RuntimeError, match="assigned grad"):
            x.grad = wrong
    with pytest.raises(TypeError):
        x.grad = 5


@both
def test_leaves_and_their_flags(torch):
    x = leaf(torch, 1.0)
    assert x.is_leaf and x.grad_fn is None and x.output_nr == 0
    assert not (x * 2).is_leaf and (x * 2).detach().is_leaf
    assert (torch.ones(1) * 2).is_leaf and (x > 0).is_leaf and x.clone().is_leaf is False
