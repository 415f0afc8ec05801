"""The walk from the loss to the leaves: graphs of every shape. Each expectation is checked on PyTorch too."""

import gc
import sys

import pytest

import reftorch
from both import both
from functions import leaf


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


def plus_one(x, length):
    for _ in range(length):
        x = x + 1
    return x


def views(x, length):
    for _ in range(length):
        x = x.view(1)
    return x


def in_place(x, length):
    x = x + 0
    for _ in range(length):
        x.add_(1)
    return x


def in_place_through_a_view(x, length):
    x = x + 0
    part = x.view(1)
    for _ in range(length):
        part.add_(1)
    return x


def saving(x, length):
    for _ in range(length):
        x = x * x
    return x


@pytest.mark.parametrize(
    "chain, length",
    [(plus_one, LENGTH), (views, 10_000), (in_place, 10_000), (in_place_through_a_view, 2_000), (saving, 10_000)],
)
def test_long_chains(chain, length):
    """Neither the walk nor the deletion recurses: the limit on recursion is far lower."""
    assert sys.getrecursionlimit() < length
    x = leaf(reftorch, 1.0)
    y = chain(x, length)
    kept = chain(x, length) if length < LENGTH else None  # to be deleted without having been walked
    if chain is saving:
        y.backward(reftorch.zeros(1))
        assert x.grad.tolist() == [0]
    else:
        y.backward()
        assert x.grad.tolist() == [1]
    del y, kept
    gc.collect()


def test_in_place_on_the_base_of_a_long_chain_of_views():
    leaf_ = leaf(reftorch, 1.0)
    x = leaf_ * 1
    y = views(x, 10_000)
    x.mul_(3)
    y.backward()  # takes the 10,000 views again
    assert y.tolist() == [3] and leaf_.grad.tolist() == [3]


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
    if torch is reftorch:  # PyTorch takes the first
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


# ------------------------------------------------------------------------------------------------ complex numbers
@pytest.mark.parametrize("loss", [lambda z: (z * z).sum(), lambda z: (z * z).abs().sum(), lambda z: z.abs().sum()])
def test_complex_numbers_have_no_gradient_here(loss):
    """PyTorch has one; without its conjugates the numbers would be wrong, so nothing is returned."""
    z = reftorch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    with pytest.raises(NotImplementedError, match="no gradients of complex numbers"):
        loss(z).backward()
    assert z.grad is None
